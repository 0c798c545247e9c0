//! Applies what is needed to a cluster.

use http::Request;
use http::header::{ACCEPT, CONTENT_TYPE};
use kube::Client;
use serde_json::Value;
use supercargo_api::crd;

use super::objects::{InstallationOptions, objects};

/// Who owns the fields.
const MANAGER: &str = "supercargo-install";

/// What became of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied {
    /// Its kind, as in manifests.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// Its namespace, if it has one.
    pub namespace: Option<String>,
}

/// Why something could not be installed.
#[derive(Debug, thiserror::Error)]
pub enum InstallError {
    /// The API server refused, or did not answer.
    #[error("{kind} {name} cannot be applied: {source}")]
    Apply {
        /// The kind of object.
        kind: String,
        /// Its name.
        name: String,
        /// What the API server said.
        source: Box<kube::Error>,
    },
    /// The object is none; that is a mistake of this program.
    #[error("{name} is no object: {problem}")]
    Unreadable {
        /// Its name.
        name: String,
        /// What is wrong.
        problem: String,
    },
}

/// Applies the definitions, then the objects, by server-side apply. With `force`, fields that others own are taken over.
/// `say` hears of each as soon as it is there.
///
/// # Errors
///
/// [`InstallError`] at the first that cannot be applied; what came before it stays.
pub async fn apply(
    client: &Client,
    options: Option<&InstallationOptions>,
    force: bool,
    mut say: impl FnMut(Applied),
) -> Result<(), InstallError> {
    for definition in crd::definitions() {
        say(apply_one(client, &definition.resource, force).await?);
    }
    for object in options.map(objects).unwrap_or_default() {
        say(apply_one(client, &object, force).await?);
    }
    Ok(())
}

/// Where the API serves the kinds that are installed: the plural, and whether they live in namespaces.
const PLACES: [(&str, &str, bool); 10] = [
    ("CustomResourceDefinition", "customresourcedefinitions", false),
    ("Namespace", "namespaces", false),
    ("ServiceAccount", "serviceaccounts", true),
    ("ClusterRole", "clusterroles", false),
    ("ClusterRoleBinding", "clusterrolebindings", false),
    ("Role", "roles", true),
    ("RoleBinding", "rolebindings", true),
    ("Service", "services", true),
    ("PodDisruptionBudget", "poddisruptionbudgets", true),
    ("Deployment", "deployments", true),
];

async fn apply_one(client: &Client, object: &Value, force: bool) -> Result<Applied, InstallError> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let (kind, name) = (text(&object["kind"]), text(&object["metadata"]["name"]));
    let unreadable =
        |problem: &str| InstallError::Unreadable { name: name.clone(), problem: problem.to_owned() };
    let (_, plural, namespaced) = PLACES
        .into_iter()
        .find(|(known, ..)| *known == kind)
        .ok_or_else(|| unreadable("its kind is none of those that are installed"))?;
    let version = text(&object["apiVersion"]);
    let root = if version.contains('/') { "apis" } else { "api" };
    let namespace = namespaced.then(|| text(&object["metadata"]["namespace"]));
    let place = match &namespace {
        Some(namespace) => format!("/{root}/{version}/namespaces/{namespace}/{plural}/{name}"),
        None => format!("/{root}/{version}/{plural}/{name}"),
    };
    let request = Request::patch(format!("{place}?fieldManager={MANAGER}&force={force}"))
        .header(ACCEPT, "application/json")
        // JSON is YAML
        .header(CONTENT_TYPE, "application/apply-patch+yaml")
        .body(object.to_string().into_bytes())
        .map_err(|error| unreadable(&error.to_string()))?;
    client.request_text(request).await.map_err(|source| InstallError::Apply {
        kind: kind.clone(),
        name: name.clone(),
        source: Box::new(source),
    })?;
    Ok(Applied { kind, name, namespace })
}
