//! Binding a pod to a node, once.

use serde_json::{Value, json};

use super::create::done;
use crate::field_error::FieldError;
use crate::gvk::Gvk;
use crate::http::Call;
use crate::http::answer::Answer;
use crate::status::ApiError;

/// Binds the pod of the call's path.
pub(super) fn bind(call: &Call, binding: &Value) -> Result<Answer, ApiError> {
    let is_dry_run = call.query.dry_run()?;
    let name = &call.path.name;
    let target = &binding["target"];
    let node = target["name"].as_str().unwrap_or("");
    let kind = target["kind"].as_str().unwrap_or("");
    let gvk = Gvk::new("", "v1", "Binding");
    if !matches!(kind, "" | "Node") {
        let error = FieldError::not_supported("target.kind", kind, &["Node", "<empty>"]);
        return Err(ApiError::invalid(&gvk, name, &[error]));
    }
    if node.is_empty() {
        return Err(ApiError::invalid(&gvk, name, &[FieldError::required("target.name", "")]));
    }
    let store = &call.server.shared.store;
    loop {
        let live = store.get(call.resource.table, &call.key()).ok_or_else(|| call.not_found())?;
        let mut pod = live.value();
        let conflict = |why: String| Err(ApiError::conflict("pods/binding", name, &why));
        let uid = binding["metadata"]["uid"].as_str().unwrap_or("");
        if !uid.is_empty() && uid != &*live.uid {
            return conflict(format!(
                "Precondition failed: UID in precondition: {uid}, UID in object meta: {}",
                live.uid
            ));
        }
        if live.is_deleting {
            return conflict(format!("pod {name} is being deleted, cannot be assigned to a host"));
        }
        let placed = pod["spec"]["nodeName"].as_str().unwrap_or("");
        if !placed.is_empty() {
            return conflict(format!("pod {name} is already assigned to node {placed:?}"));
        }
        if pod["spec"]["schedulingGates"].as_array().is_some_and(|gates| !gates.is_empty()) {
            return conflict(format!("pod {name} has non-empty .spec.schedulingGates"));
        }
        pod["spec"]["nodeName"] = json!(node);
        for (key, value) in binding["metadata"]["annotations"].as_object().into_iter().flatten() {
            if !pod["metadata"]["annotations"].is_object() {
                pod["metadata"]["annotations"] = json!({});
            }
            pod["metadata"]["annotations"][key] = value.clone();
        }
        set_scheduled(&mut pod, &call.server.now_text());
        if is_dry_run || call.server.commit(&call.resource, &live.key, Some(&live), &mut pod).is_ok() {
            return Ok(done());
        }
    }
}

/// Sets the condition that says that the pod has a node.
fn set_scheduled(pod: &mut Value, now: &str) {
    if !pod["status"].is_object() {
        pod["status"] = json!({});
    }
    if !pod["status"]["conditions"].is_array() {
        pod["status"]["conditions"] = json!([]);
    }
    let mut condition =
        json!({ "type": "PodScheduled", "status": "True", "lastProbeTime": null, "lastTransitionTime": now });
    let Some(conditions) = pod["status"]["conditions"].as_array_mut() else { return };
    match conditions.iter_mut().find(|known| known["type"] == "PodScheduled") {
        Some(known) => {
            if known["status"] == "True" {
                condition["lastTransitionTime"] = known["lastTransitionTime"].clone();
            }
            *known = condition;
        }
        None => conditions.push(condition),
    }
}
