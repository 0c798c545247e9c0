//! Actions become requests.

use http::Request;
use http::header::{ACCEPT, CONTENT_TYPE};
use kube::Client;
use serde_json::{Value, json};

use crate::action::{Action, Verb};
use crate::mirror::{Kind, Object, without_managers};
use crate::part::Refusal;

/// What came of an action.
#[derive(Debug)]
pub(crate) enum Performed {
    /// The object as it is now.
    Is(Object),
    /// The object is gone.
    Gone,
    /// Nothing that the state should know of.
    Other,
}

/// Performs one action; Events have become requests before. `manager` owns the fields it writes.
pub(crate) async fn perform(client: &Client, action: &Action, manager: &str) -> Result<Performed, Refusal> {
    let (kind, key) = (action.kind, &action.key);
    let answer = match &action.verb {
        Verb::Create(object) => {
            let body = object.to_value().map_err(unwritable)?;
            let path = format!("{}?fieldManager={manager}", kind.path(&key.namespace));
            send(client, "POST", &path, "application/json", &body).await?
        }
        Verb::Patch { subresource, body } => {
            let mut path = kind.object_path(key);
            if let Some(subresource) = subresource {
                path.push('/');
                path.push_str(subresource);
            }
            let path = format!("{path}?fieldManager={manager}");
            send(client, "PATCH", &path, "application/merge-patch+json", body).await?
        }
        Verb::Delete { uid, grace, propagation } => {
            let mut options = json!({"apiVersion": "v1", "kind": "DeleteOptions"});
            if let Some(uid) = uid {
                options["preconditions"] = json!({"uid": uid});
            }
            if let Some(grace) = grace {
                options["gracePeriodSeconds"] = json!(grace);
            }
            if let Some(propagation) = propagation {
                options["propagationPolicy"] = json!(propagation);
            }
            let answer = send(client, "DELETE", &kind.object_path(key), "application/json", &options).await?;
            return Ok(after_deletion(kind, &answer));
        }
        Verb::Bind { node, uid } => {
            let binding = json!({
                "apiVersion": "v1",
                "kind": "Binding",
                "metadata": {"namespace": key.namespace, "name": key.name, "uid": uid},
                "target": {"apiVersion": "v1", "kind": "Node", "name": node},
            });
            let path = format!("{}/binding?fieldManager={manager}", kind.object_path(key));
            send(client, "POST", &path, "application/json", &binding).await?;
            return Ok(Performed::Other);
        }
        Verb::Evict { uid, grace } => {
            let mut options = json!({});
            if let Some(uid) = uid {
                options["preconditions"] = json!({"uid": uid});
            }
            if let Some(grace) = grace {
                options["gracePeriodSeconds"] = json!(grace);
            }
            let eviction = json!({
                "apiVersion": "policy/v1",
                "kind": "Eviction",
                "metadata": {"namespace": key.namespace, "name": key.name},
                "deleteOptions": options,
            });
            let path = format!("{}/eviction", kind.object_path(key));
            send(client, "POST", &path, "application/json", &eviction).await?;
            return Ok(Performed::Other);
        }
        Verb::Record(_) | Verb::Outside { .. } => return Ok(Performed::Other),
    };
    match kind.read(without_managers(&answer).as_bytes()) {
        Ok(object) => Ok(Performed::Is(object)),
        Err(problem) => {
            tracing::debug!(kind = kind.name(), %problem, "answer not understood");
            Ok(Performed::Other)
        }
    }
}

/// Sends a body and returns the answer's text.
pub(crate) async fn send(
    client: &Client,
    method: &str,
    path: &str,
    content_type: &str,
    body: &Value,
) -> Result<String, Refusal> {
    let bytes = serde_json::to_vec(body).map_err(unwritable)?;
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header(ACCEPT, "application/json")
        .header(CONTENT_TYPE, content_type)
        .body(bytes)
        .map_err(|problem| refusal(kube::Error::HttpError(problem)))?;
    client.request_text(request).await.map_err(refusal)
}

/// What a deletion left: an object that others still finalize, or that has been given time, or nothing.
fn after_deletion(kind: Kind, answer: &str) -> Performed {
    let Ok(value) = serde_json::from_str::<Value>(&without_managers(answer)) else { return Performed::Other };
    if value["kind"] == "Status" {
        return Performed::Gone;
    }
    let metadata = &value["metadata"];
    let finalized = metadata["finalizers"].as_array().is_some_and(|finalizers| !finalizers.is_empty());
    let has_time = metadata["deletionGracePeriodSeconds"].as_i64().is_some_and(|seconds| seconds > 0);
    if metadata["deletionTimestamp"].is_null() || !(finalized || has_time) {
        return Performed::Gone;
    }
    kind.read_value(value).map_or(Performed::Other, Performed::Is)
}

fn refusal(error: kube::Error) -> Refusal {
    match error {
        kube::Error::Api(status) => {
            Refusal { code: status.code, reason: status.reason.clone(), message: status.message.clone() }
        }
        other => Refusal { code: 0, reason: "NoAnswer".to_owned(), message: other.to_string() },
    }
}

fn unwritable(error: serde_json::Error) -> Refusal {
    Refusal { code: 0, reason: "Unwritable".to_owned(), message: error.to_string() }
}
