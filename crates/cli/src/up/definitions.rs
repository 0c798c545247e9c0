//! The definitions of NodePool, NodeClaim, EC2NodeClass and the others, made or brought up to date.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{Api, Patch, PatchParams};
use kube::{Client, ResourceExt};
use supercargo_api::crd;

use crate::exit::Failure;

/// Who writes them.
const MANAGER: &str = "supercargo";

/// Makes the definitions, and brings those of an older version up to date.
pub(super) async fn install(client: &Client) -> Result<(), Failure> {
    let definitions: Api<CustomResourceDefinition> = Api::all(client.clone());
    for definition in crd::definitions() {
        let resource: CustomResourceDefinition = serde_json::from_value(definition.resource.clone())
            .map_err(|error| Failure::new(format!("{}: {error}", definition.file_name())))?;
        let name = resource.name_any();
        let mut resource = resource;
        resource.metadata.managed_fields = None;
        definitions
            .patch(&name, &PatchParams::apply(MANAGER).force(), &Patch::Apply(&resource))
            .await
            .map_err(|error| Failure::new(format!("the definition {name} cannot be made: {error}")))?;
    }
    Ok(())
}
