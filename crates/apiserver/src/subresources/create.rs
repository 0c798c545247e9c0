//! What is created under an object.

use serde_json::{Value, json};

use super::{binding, eviction, token};
use crate::http::Call;
use crate::http::answer::Answer;
use crate::status::ApiError;
use crate::verbs::check_type;

/// Answers a POST to a subresource.
pub(crate) async fn create(mut call: Call, mut body: Value) -> Result<(Call, Answer), ApiError> {
    let subresource = call.path.subresource.clone();
    let known = call.version.subresources.iter().find(|known| known.name == subresource);
    let (group, version, kind) = known.ok_or_else(ApiError::no_such_resource)?.gvk;
    let asked = crate::gvk::split_api_version(body["apiVersion"].as_str().unwrap_or(""));
    // Evictions of the beta version are the same.
    if kind == "Eviction" && asked == ("policy", "v1beta1") {
        body["apiVersion"] = json!("policy/v1");
    }
    check_type(&mut body, &crate::gvk::join_api_version(group, version), kind)?;
    let name = body["metadata"]["name"].as_str().unwrap_or("").to_owned();
    if !name.is_empty() && name != call.path.name {
        return Err(ApiError::bad_request(format!(
            "name in URL does not match name in {kind} object: {} and {name}",
            call.path.name
        )));
    }
    let namespace = body["metadata"]["namespace"].as_str().unwrap_or("");
    if !namespace.is_empty() && namespace != call.path.namespace {
        return Err(ApiError::bad_request(
            "the namespace of the provided object does not match the namespace sent on the request",
        ));
    }
    let answer = match kind {
        "Binding" => binding::bind(&call, &body)?,
        "Eviction" => eviction::evict(&mut call, &body).await?,
        "TokenRequest" => token::issue(&call, body)?,
        _ => return Err(ApiError::method_not_allowed()),
    };
    Ok((call, answer))
}

/// The Status that says that it is done.
pub(super) fn done() -> Answer {
    let status =
        json!({ "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201 });
    Answer { code: 201, payload: crate::http::answer::Payload::Other(status) }
}
