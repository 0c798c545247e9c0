//! Objects made and deleted as a user does it.

use http::Request;
use kube::Client;
use serde_json::{Value, json};
use thiserror::Error;

use crate::scenario::ObjectName;

/// An object could not be made or deleted.
#[derive(Debug, Error)]
pub enum ApplyError {
    /// The server does not know the kind.
    #[error("{kind} {name}: the cluster has no kind {kind} in {api_version}")]
    UnknownKind {
        /// `apps/v1`.
        api_version: String,
        /// `Deployment`.
        kind: String,
        /// The object's name.
        name: String,
    },
    /// The server refused.
    #[error("{kind} {name}: {message}")]
    Refused {
        /// `Deployment`.
        kind: String,
        /// The object's name.
        name: String,
        /// Why.
        message: String,
    },
}

/// Makes an object, or changes it to be like this.
pub(crate) async fn apply(client: &Client, object: &Value) -> Result<(), ApplyError> {
    let name = name_of(object);
    let path = format!("{}?fieldManager=scenario&force=true", path(client, &name).await?);
    send(client, "PATCH", &path, "application/apply-patch+yaml", object, &name).await
}

/// Deletes an object; nothing happens if it is not there.
pub(crate) async fn delete(client: &Client, name: &ObjectName) -> Result<(), ApplyError> {
    let path = path(client, name).await?;
    send(client, "DELETE", &path, "application/json", &json!({}), name).await
}

/// Changes fields of an object.
pub(crate) async fn patch(client: &Client, name: &ObjectName, body: &Value) -> Result<(), ApplyError> {
    let path = path(client, name).await?;
    send(client, "PATCH", &path, "application/merge-patch+json", body, name).await
}

/// Which object a value is.
pub(crate) fn name_of(object: &Value) -> ObjectName {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    ObjectName {
        api_version: text(&object["apiVersion"]),
        kind: text(&object["kind"]),
        namespace: object["metadata"]["namespace"].as_str().map(str::to_owned),
        name: text(&object["metadata"]["name"]),
    }
}

async fn path(client: &Client, name: &ObjectName) -> Result<String, ApplyError> {
    let unknown = || ApplyError::UnknownKind {
        api_version: name.api_version.clone(),
        kind: name.kind.clone(),
        name: name.name.clone(),
    };
    let root = match name.api_version.contains('/') {
        true => format!("/apis/{}", name.api_version),
        false => format!("/api/{}", name.api_version),
    };
    let request = Request::get(&root).body(Vec::new()).map_err(|_| unknown())?;
    let resources: Value = client.request(request).await.map_err(|_| unknown())?;
    let found = resources["resources"].as_array().into_iter().flatten().find(|resource| {
        resource["kind"] == json!(name.kind) && !resource["name"].as_str().unwrap_or_default().contains('/')
    });
    let resource = found.ok_or_else(unknown)?;
    let plural = resource["name"].as_str().unwrap_or_default();
    Ok(match resource["namespaced"].as_bool() {
        Some(true) => {
            let namespace = name.namespace.as_deref().unwrap_or("default");
            format!("{root}/namespaces/{namespace}/{plural}/{}", name.name)
        }
        _ => format!("{root}/{plural}/{}", name.name),
    })
}

async fn send(
    client: &Client,
    method: &str,
    path: &str,
    content_type: &str,
    body: &Value,
    name: &ObjectName,
) -> Result<(), ApplyError> {
    let refused =
        |message: String| ApplyError::Refused { kind: name.kind.clone(), name: name.name.clone(), message };
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header(http::header::CONTENT_TYPE, content_type)
        .body(body.to_string().into_bytes())
        .map_err(|error| refused(error.to_string()))?;
    match client.request_text(request).await {
        Ok(_) => Ok(()),
        Err(kube::Error::Api(status)) if status.code == 404 && method != "PATCH" => Ok(()),
        Err(kube::Error::Api(status)) => Err(refused(status.message.clone())),
        Err(error) => Err(refused(error.to_string())),
    }
}
