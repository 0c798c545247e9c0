//! The definitions of all our kinds.

use std::sync::LazyLock;

use kube::CustomResourceExt;
use serde_json::{Value, json};

use crate::kinds::{CapacityBuffer, EC2NodeClass, NodeClaim, NodeOverlay, NodePool};

use super::structural::{in_key_order, make_structural};

/// The definition of one custom resource.
#[derive(Clone, Debug, PartialEq)]
pub struct Definition {
    /// Its API group, as in `karpenter.sh`.
    pub group: String,
    /// The one version it has, as in `v1`.
    pub version: String,
    /// Its kind, as in `NodePool`.
    pub kind: String,
    /// Its plural name, as in `nodepools`.
    pub plural: String,
    /// Whether its objects live in a namespace.
    pub namespaced: bool,
    /// The whole CustomResourceDefinition, keys in order.
    pub resource: Value,
}

impl Definition {
    /// The schema of an object of this kind.
    pub fn schema(&self) -> &Value {
        &self.resource["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    }

    /// Its `apiVersion`, as in `karpenter.sh/v1`.
    pub fn api_version(&self) -> String {
        format!("{}/{}", self.group, self.version)
    }

    /// The name of its file, as in `karpenter.sh_nodepools.yaml`.
    pub fn file_name(&self) -> String {
        format!("{}_{}.yaml", self.group, self.plural)
    }

    /// Its YAML text, the content of its file.
    pub fn to_yaml(&self) -> Result<String, serde_saphyr::ser::Error> {
        serde_saphyr::to_string(&self.resource).map(|text| format!("---\n{text}"))
    }
}

/// The definitions of all our kinds, made once.
pub fn definitions() -> &'static [Definition] {
    static DEFINITIONS: LazyLock<[Definition; 5]> = LazyLock::new(|| {
        [
            definition::<NodePool>(),
            definition::<NodeClaim>(),
            definition::<NodeOverlay>(),
            definition::<EC2NodeClass>(),
            definition::<CapacityBuffer>(),
        ]
    });
    &*DEFINITIONS
}

/// The definition of a kind of ours, whatever its version.
pub fn definition_of(group: &str, kind: &str) -> Option<&'static Definition> {
    definitions().iter().find(|definition| definition.group == group && definition.kind == kind)
}

fn definition<K: CustomResourceExt>() -> Definition {
    let crd = K::crd();
    let text = |part: &str| part.to_owned();
    let version = crd.spec.versions.first().map(|version| version.name.clone()).unwrap_or_default();
    let (group, kind, plural) =
        (text(&crd.spec.group), text(&crd.spec.names.kind), text(&crd.spec.names.plural));
    let namespaced = crd.spec.scope == "Namespaced";

    let mut resource = serde_json::to_value(crd).expect("a definition holds nothing that JSON cannot say");
    resource["spec"]["names"]["listKind"] = json!(format!("{kind}List"));
    let schema = &mut resource["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
    make_structural(schema);
    schema["properties"]["apiVersion"] = json!({
        "type": "string",
        "description": "The group and version of the object's schema.",
    });
    schema["properties"]["kind"] = json!({ "type": "string", "description": "The kind of the object." });
    schema["properties"]["metadata"] = json!({ "type": "object" });

    Definition { group, version, kind, plural, namespaced, resource: in_key_order(&resource) }
}
