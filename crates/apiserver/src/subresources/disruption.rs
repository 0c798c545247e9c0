//! What the disruption budgets of a pod say to its eviction.

use serde_json::{Value, json};
use supercargo_api::selector::Selector;

use crate::http::Call;
use crate::resources::Resource;
use crate::status::ApiError;
use crate::store::Stored;

/// More evictions than this may not be under way in one budget.
const MOST_DISRUPTED: usize = 2000;

/// What is to be done.
#[derive(Debug)]
pub(super) enum Verdict {
    /// The pod may go, and no budget pays for it.
    Free,
    /// The pod may go, and this budget, changed like this, pays for it.
    Paid(std::sync::Arc<Stored>, Box<Value>),
}

/// Asks the budgets.
pub(super) fn ask(
    call: &Call,
    budgets: &Resource,
    pod: &Value,
    labels: &Stored,
) -> Result<Verdict, ApiError> {
    let phase = pod["status"]["phase"].as_str().unwrap_or("");
    if matches!(phase, "Succeeded" | "Failed" | "Pending") || labels.is_deleting {
        return Ok(Verdict::Free);
    }
    let (all, _) = call.server.shared.store.range(budgets.table, call.namespace());
    let mut matching = all.into_iter().filter(|budget| selects(&budget.value(), labels));
    let Some(budget) = matching.next() else { return Ok(Verdict::Free) };
    if matching.next().is_some() {
        return Err(ApiError::internal(
            "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.",
        ));
    }
    let mut value = budget.value();
    if !is_ready(pod) {
        let status = &value["status"];
        let (healthy, desired) = (count(status, "currentHealthy"), count(status, "desiredHealthy"));
        if value["spec"]["unhealthyPodEvictionPolicy"] == "AlwaysAllow" || (healthy >= desired && desired > 0)
        {
            return Ok(Verdict::Free);
        }
    }
    pay(&mut value, labels.name(), &call.server.now_text())?;
    Ok(Verdict::Paid(budget, Box::new(value)))
}

/// Takes one disruption from a budget.
fn pay(budget: &mut Value, pod: &str, now: &str) -> Result<(), ApiError> {
    let name = budget["metadata"]["name"].as_str().unwrap_or("").to_owned();
    let status = &budget["status"];
    if count(status, "observedGeneration") < count(&budget["metadata"], "generation") {
        let cause = format!("The disruption budget {name} is still being processed by the server.");
        let mut error = ApiError::too_many_evictions(&cause);
        error.retry_after = Some(10);
        error.status["details"]["retryAfterSeconds"] = json!(10);
        return Err(error);
    }
    let refuse = |why: &str| ApiError::forbidden("poddisruptionbudgets.policy", &name, why);
    let allowed = count(status, "disruptionsAllowed");
    if allowed < 0 {
        return Err(refuse("pdb disruptions allowed is negative"));
    }
    if status["disruptedPods"].as_object().is_some_and(|pods| pods.len() > MOST_DISRUPTED) {
        return Err(refuse("DisruptedPods map too big - too many evictions not confirmed by PDB controller"));
    }
    if allowed == 0 {
        let (desired, healthy) = (count(status, "desiredHealthy"), count(status, "currentHealthy"));
        let cause =
            format!("The disruption budget {name} needs {desired} healthy pods and has {healthy} currently");
        return Err(ApiError::too_many_evictions(&cause));
    }
    let status = &mut budget["status"];
    status["disruptionsAllowed"] = json!(allowed - 1);
    if !status["disruptedPods"].is_object() {
        status["disruptedPods"] = json!({});
    }
    status["disruptedPods"][pod] = json!(now);
    if allowed == 1
        && let Some(conditions) = status["conditions"].as_array_mut()
        && let Some(condition) = conditions.iter_mut().find(|known| known["type"] == "DisruptionAllowed")
    {
        condition["status"] = json!("False");
        condition["reason"] = json!("InsufficientPods");
        condition["lastTransitionTime"] = json!(now);
    }
    Ok(())
}

fn count(object: &Value, field: &str) -> i64 {
    object.get(field).and_then(Value::as_i64).unwrap_or(0)
}

fn is_ready(pod: &Value) -> bool {
    let conditions = pod["status"]["conditions"].as_array().into_iter().flatten();
    conditions.into_iter().any(|condition| condition["type"] == "Ready" && condition["status"] == "True")
}

/// Whether a budget is about a pod. No selector selects nothing, an empty one everything.
fn selects(budget: &Value, pod: &Stored) -> bool {
    let Some(selector) = budget["spec"].get("selector").filter(|selector| !selector.is_null()) else {
        return false;
    };
    let selector = serde_json::from_value(selector.clone()).ok();
    let compiled = selector.and_then(|selector| Selector::compile(&selector).ok());
    compiled.is_some_and(|compiled| compiled.matches_with(|key| pod.label(key)))
}
