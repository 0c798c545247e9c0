//! What counts in a cluster that is alive, where a manifest leaves things open (reference sections 2.2 and 2.4).

use k8s_openapi::api::core::v1::Node;
use supercargo_api::labels::keys;
use supercargo_api::{
    Condition, ConditionStatus, NodeClaim, NodePool, Pod, condition_types, find_condition, is_true,
};
use supercargo_reconcile::node_of;

/// Whether a pod waits for a node that does not exist: the scheduler has looked at it and found none, and nobody else is
/// to make way for it (reference section 2.2).
pub fn is_provisionable(pod: &Pod) -> bool {
    if node_of(pod).is_some() || pod.metadata.deletion_timestamp.is_some() {
        return false;
    }
    let Some(status) = &pod.status else { return false };
    if matches!(status.phase.as_deref(), Some("Succeeded" | "Failed")) {
        return false;
    }
    if status.nominated_node_name.as_deref().is_some_and(|node| !node.is_empty()) {
        return false;
    }
    let owners = pod.metadata.owner_references.as_deref().unwrap_or_default();
    if owners.iter().any(|owner| owner.kind == "DaemonSet" || owner.kind == "Node") {
        return false;
    }
    let conditions = status.conditions.as_deref().unwrap_or_default();
    conditions.iter().any(|condition| {
        condition.type_ == "PodScheduled"
            && condition.status == "False"
            && condition.reason.as_deref() == Some("Unschedulable")
    })
}

/// Whether the pod runs or is about to: it has a node and has not come to its end.
pub(super) fn holds_a_node(pod: &Pod) -> bool {
    let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
    node_of(pod).is_some() && !matches!(phase, Some("Succeeded" | "Failed"))
}

/// Whether a node is on its way out, so that its pods need another place.
pub fn is_leaving(node: &Node) -> bool {
    let taints = node.spec.as_ref().and_then(|spec| spec.taints.as_deref()).unwrap_or_default();
    node.metadata.deletion_timestamp.is_some()
        || taints.iter().any(|taint| taint.key == keys::DISRUPTED_TAINT)
}

/// Whether the node of a claim is ready for pods.
pub fn is_initialized(claim: &NodeClaim) -> bool {
    let conditions =
        claim.status.as_ref().and_then(|status| status.conditions.as_deref()).unwrap_or_default();
    is_true(conditions, condition_types::INITIALIZED)
}

/// Whether a NodePool's nodes are ours to make.
pub(super) fn is_managed(pool: &NodePool) -> bool {
    let reference = &pool.spec.template.spec.node_class_ref;
    reference.group == keys::KARPENTER_AWS_GROUP && reference.kind == "EC2NodeClass"
}

/// The NodePool with its readiness made plain. In a manifest one without a status counts as ready; in a cluster somebody
/// has to have said so (reference section 2.4).
pub(super) fn with_plain_readiness(pool: &NodePool) -> NodePool {
    let mut pool = pool.clone();
    let status = pool.status.get_or_insert_with(Default::default);
    let conditions = status.conditions.get_or_insert_with(Vec::new);
    if is_true(conditions, condition_types::READY) {
        return pool;
    }
    let said = find_condition(conditions, condition_types::READY).and_then(|ready| {
        [ready.message.clone(), ready.reason.clone()].into_iter().flatten().find(|text| !text.is_empty())
    });
    let message = said.unwrap_or_else(|| "its condition Ready is not known yet".to_owned());
    conditions.retain(|condition| condition.type_ != condition_types::READY);
    conditions.push(Condition {
        type_: condition_types::READY.to_owned(),
        status: ConditionStatus::False,
        message: Some(message),
        ..Condition::default()
    });
    pool
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};

    use super::*;

    fn unschedulable() -> Value {
        json!({"phase": "Pending", "conditions": [
            {"type": "PodScheduled", "status": "False", "reason": "Unschedulable"},
        ]})
    }

    #[rstest]
    #[case::the_scheduler_found_no_node(json!({}), json!({}), unschedulable(), true)]
    #[case::the_scheduler_has_not_looked(json!({}), json!({}), json!({"phase": "Pending"}), false)]
    #[case::it_has_gates(json!({}), json!({}), json!({"conditions": [
        {"type": "PodScheduled", "status": "False", "reason": "SchedulingGated"}]}), false)]
    #[case::it_has_a_node(json!({}), json!({"nodeName": "n"}), unschedulable(), false)]
    #[case::others_make_way(json!({}), json!({}), {
        let mut status = unschedulable();
        status["nominatedNodeName"] = json!("n");
        status
    }, false)]
    #[case::of_a_daemon_set(json!({"ownerReferences": [
        {"apiVersion": "apps/v1", "kind": "DaemonSet", "name": "d", "uid": "u", "controller": true}]}),
        json!({}), unschedulable(), false)]
    #[case::on_its_way_out(json!({"deletionTimestamp": "2026-03-02T09:00:00Z"}), json!({}), unschedulable(), false)]
    fn a_pod_waits_for_a_new_node_only_if_the_scheduler_says_so(
        #[case] metadata: Value,
        #[case] spec: Value,
        #[case] status: Value,
        #[case] expected: bool,
    ) {
        let mut spec = spec;
        spec["containers"] = json!([]);
        let pod =
            serde_json::from_value(json!({"metadata": metadata, "spec": spec, "status": status})).unwrap();
        assert_eq!(is_provisionable(&pod), expected);
    }

    #[rstest]
    #[case::unknown(json!(null), Some("its condition Ready is not known yet"))]
    #[case::not_ready(json!([{"type": "Ready", "status": "Unknown", "message": "wait"}]), Some("wait"))]
    #[case::ready(json!([{"type": "Ready", "status": "True"}]), None)]
    fn a_pool_counts_only_once_it_is_said_to_be_ready(
        #[case] conditions: Value,
        #[case] expected: Option<&str>,
    ) {
        let pool = json!({
            "metadata": {"name": "general"},
            "spec": {"template": {"spec": {
                "requirements": [],
                "nodeClassRef": {"group": "karpenter.k8s.aws", "kind": "EC2NodeClass", "name": "default"},
            }}},
            "status": {"conditions": conditions},
        });
        let pool: NodePool = serde_json::from_value(pool).unwrap();
        let plain = with_plain_readiness(&pool);
        let conditions = plain.status.unwrap().conditions.unwrap();
        let ready = find_condition(&conditions, condition_types::READY).unwrap();
        let told = (ready.status == ConditionStatus::False).then(|| ready.message.as_deref().unwrap());
        assert_eq!(told, expected);
    }
}
