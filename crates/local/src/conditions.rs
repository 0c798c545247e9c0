//! Conditions of pods and nodes: set if they say something new.

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Node, PodCondition, PodStatus};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use supercargo_api::Pod;

/// Sets a condition. The moment of transition is now if the status changed, and stays otherwise.
pub(crate) fn set_pod_condition(status: &mut PodStatus, mut condition: PodCondition, now: Timestamp) {
    let conditions = status.conditions.get_or_insert_default();
    match conditions.iter_mut().find(|known| known.type_ == condition.type_) {
        Some(known) => {
            condition.last_transition_time = if known.status == condition.status {
                known.last_transition_time.clone()
            } else {
                Some(Time(now))
            };
            condition.last_probe_time = known.last_probe_time.clone();
            *known = condition;
        }
        None => {
            condition.last_transition_time = Some(Time(now));
            conditions.push(condition);
        }
    }
}

/// A condition of a pod.
pub(crate) fn pod_condition<'a>(pod: &'a Pod, type_: &str) -> Option<&'a PodCondition> {
    let conditions = pod.status.as_ref()?.conditions.as_ref()?;
    conditions.iter().find(|condition| condition.type_ == type_)
}

/// Whether a pod is ready.
pub(crate) fn is_ready(pod: &Pod) -> bool {
    pod_condition(pod, "Ready").is_some_and(|condition| condition.status == "True")
}

/// Since when a pod is ready.
pub(crate) fn ready_since(pod: &Pod) -> Option<Timestamp> {
    let condition = pod_condition(pod, "Ready").filter(|condition| condition.status == "True")?;
    condition.last_transition_time.as_ref().map(|time| time.0)
}

/// When a ready pod has been ready for this many seconds.
pub(crate) fn available_at(pod: &Pod, min_ready_seconds: i32) -> Option<Timestamp> {
    if !is_ready(pod) {
        return None;
    }
    let wait = std::time::Duration::from_secs(u64::try_from(min_ready_seconds).unwrap_or(0));
    if wait.is_zero() {
        return Some(Timestamp::MIN);
    }
    ready_since(pod).map(|since| since + wait)
}

/// A pod's phase.
pub(crate) fn phase(pod: &Pod) -> &str {
    pod.status.as_ref().and_then(|status| status.phase.as_deref()).unwrap_or_default()
}

/// Whether a pod has neither ended nor been told to.
pub(crate) fn is_active(pod: &Pod) -> bool {
    !is_finished(pod) && pod.metadata.deletion_timestamp.is_none()
}

/// Whether a pod has ended.
pub(crate) fn is_finished(pod: &Pod) -> bool {
    matches!(phase(pod), "Succeeded" | "Failed")
}

/// Whether a node says it is ready.
pub(crate) fn is_node_ready(node: &Node) -> bool {
    node_status(node, "Ready") == Some("True")
}

/// The status of a node's condition.
pub(crate) fn node_status<'a>(node: &'a Node, type_: &str) -> Option<&'a str> {
    let conditions = node.status.as_ref()?.conditions.as_ref()?;
    conditions.iter().find(|condition| condition.type_ == type_).map(|condition| condition.status.as_str())
}
