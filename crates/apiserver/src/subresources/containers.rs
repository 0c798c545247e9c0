//! Which container of a pod is meant, and connections into it.

use http::HeaderMap;
use http::header::UPGRADE;
use serde_json::Value;

use crate::builtin::read::{items, text};
use crate::http::Call;
use crate::status::ApiError;

/// The container that is meant: the one that is named, or the only one.
pub(super) fn chosen(pod: &Value, named: &str) -> Result<String, ApiError> {
    let names = |list: &str| -> Vec<&str> {
        items(&pod["spec"], list).iter().map(|container| text(container, "name")).collect()
    };
    let (own, init, ephemeral) = (names("containers"), names("initContainers"), names("ephemeralContainers"));
    let pod = text(&pod["metadata"], "name");
    if named.is_empty() {
        if let ([only], true, true) = (own.as_slice(), init.is_empty(), ephemeral.is_empty()) {
            return Ok((*only).to_owned());
        }
        let mut message =
            format!("a container name must be specified for pod {pod}, choose one of: [{}]", own.join(" "));
        if !init.is_empty() {
            message.push_str(&format!(" or one of the init containers: [{}]", init.join(" ")));
        }
        if !ephemeral.is_empty() {
            message.push_str(&format!(" or one of the ephemeral containers: [{}]", ephemeral.join(" ")));
        }
        return Err(ApiError::bad_request(message));
    }
    if own.iter().chain(&init).chain(&ephemeral).any(|known| *known == named) {
        return Ok(named.to_owned());
    }
    Err(ApiError::bad_request(format!("container {named} is not valid for pod {pod}")))
}

/// Answers `exec`, `attach` and `portforward`: with what upstream says before it connects, and then that there is nothing
/// to connect to.
pub(crate) fn connect(call: &Call, headers: &HeaderMap) -> ApiError {
    match refusal(call, headers) {
        Err(refusal) => refusal,
        Ok(()) => ApiError::internal(
            "error dialing backend: nothing runs in the containers of a simulated node, so that there is nothing to connect to",
        ),
    }
}

fn refusal(call: &Call, headers: &HeaderMap) -> Result<(), ApiError> {
    let live = call.server.shared.store.get(call.resource.table, &call.key());
    let pod = live.ok_or_else(|| call.not_found())?.value();
    if call.path.subresource != "portforward" {
        chosen(&pod, call.query.get("container"))?;
    }
    if text(&pod["spec"], "nodeName").is_empty() {
        return Err(ApiError::bad_request(format!("pod {} does not have a host assigned", call.path.name)));
    }
    if !headers.contains_key(UPGRADE) {
        return Err(ApiError::bad_request("Upgrade request required"));
    }
    Ok(())
}
