//! Evicting a pod: deleting it, if its disruption budget has something left.

use std::sync::Arc;

use serde_json::{Value, json};

use super::create::done;
use super::disruption::{self, Verdict};
use crate::gvk::Gvk;
use crate::http::Call;
use crate::http::answer::Answer;
use crate::lifecycle::DeleteOptions;
use crate::status::ApiError;
use crate::verbs::Admission;

/// Evicts the pod of the call's path.
pub(super) async fn evict(call: &mut Call, eviction: &Value) -> Result<Answer, ApiError> {
    let mut options = DeleteOptions::read(eviction.get("deleteOptions"), &call.query)?;
    let store = call.server.shared.store.clone();
    let key = call.key();
    let gvk = Gvk::new("policy", "v1", "Eviction");
    let mut admission = Admission::create_other(call, gvk, options.is_dry_run);
    let admitted = admission.mutate(call, eviction.clone(), None).await?;
    admission.validate(call, admitted, None).await?;
    let registry = call.server.registry();
    let budgets = registry.get("policy", "poddisruptionbudgets").ok_or_else(ApiError::no_such_resource)?;
    loop {
        let live = store.get(call.resource.table, &key).ok_or_else(|| call.not_found())?;
        let pod = live.value();
        let verdict = disruption::ask(call, budgets, &pod, &live)?;
        if options.is_dry_run {
            return Ok(done());
        }
        if let Verdict::Paid(budget, mut changed) = verdict
            && call.server.commit(budgets, &budget.key, Some(&budget), &mut changed).is_err()
        {
            // Somebody else changed the budget: ask again.
            continue;
        }
        if options.uid.is_none() {
            options.uid = Some(live.uid.to_string());
        }
        let now = call.server.now_text();
        call.server
            .edit(&call.resource, &key, |pod| pod["metadata"]["uid"] == *live.uid && set_target(pod, &now));
        let deletion = DeleteOptions { resource_version: None, ..options.clone() };
        if let Some(wanted) = &options.resource_version
            && *wanted != live.revision.to_string()
        {
            return Err(ApiError::stale("pods", live.name()));
        }
        admit_deletion(call, &live.value(), &deletion).await?;
        return match call.server.delete_object(&call.resource, &key, &deletion) {
            Ok(_) => Ok(done()),
            // It went by itself meanwhile.
            Err(error) if error.code() == 404 => Ok(done()),
            Err(error) => Err(error),
        };
    }
}

async fn admit_deletion(call: &mut Call, pod: &Value, options: &DeleteOptions) -> Result<(), ApiError> {
    let subresource = std::mem::take(&mut call.path.subresource);
    let (name, namespace) = (call.path.name.clone(), call.path.namespace.clone());
    let mut admission = Admission::delete(call, &name, &namespace, options);
    let outcome = admission.admit_deletion(call, &Arc::new(pod.clone())).await;
    call.path.subresource = subresource;
    outcome
}

/// Says in the pod's conditions why it goes.
fn set_target(pod: &mut Value, now: &str) -> bool {
    if !pod["status"].is_object() {
        pod["status"] = json!({});
    }
    if !pod["status"]["conditions"].is_array() {
        pod["status"]["conditions"] = json!([]);
    }
    let Some(conditions) = pod["status"]["conditions"].as_array_mut() else { return false };
    if conditions.iter().any(|known| known["type"] == "DisruptionTarget" && known["status"] == "True") {
        return false;
    }
    conditions.retain(|known| known["type"] != "DisruptionTarget");
    conditions.push(json!({
        "type": "DisruptionTarget", "status": "True", "reason": "EvictionByEvictionAPI",
        "message": "Eviction API: evicting", "lastProbeTime": null, "lastTransitionTime": now,
    }));
    true
}
