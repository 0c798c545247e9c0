//! Whether nodes can be launched for a NodePool (row N18).

use supercargo_api::condition_reasons::node_pool as reasons;
use supercargo_api::condition_types::READY;
use supercargo_api::labels::keys;
use supercargo_api::{ConditionStatus, EC2NodeClass, NodePool, find_condition};

use crate::conditions::Finding;

/// Whether the NodePool breaks no rule beyond those of its definition.
pub fn validation_finding(node_pool: &NodePool) -> Finding {
    match node_pool.runtime_problems().first() {
        Some(problem) => Finding::fails("NodePoolValidationFailed", problem.to_string()),
        None => Finding::holds(),
    }
}

/// Whether the NodePool's class is ready, as far as its present generation was looked at.
pub fn class_finding(node_pool: &NodePool, node_class: Option<&EC2NodeClass>) -> Finding {
    let reference = &node_pool.spec.template.spec.node_class_ref;
    if reference.group != keys::KARPENTER_AWS_GROUP || reference.kind != "EC2NodeClass" {
        let message = format!("{}.{} is no class of nodes known here", reference.kind, reference.group);
        return Finding::fails(reasons::NODE_CLASS_NOT_FOUND, message);
    }
    let Some(node_class) = node_class else {
        return Finding::fails(reasons::NODE_CLASS_NOT_FOUND, "NodeClass not found on cluster");
    };
    if node_class.metadata.deletion_timestamp.is_some() {
        return Finding::fails(reasons::NODE_CLASS_TERMINATING, "NodeClass is Terminating");
    }
    let all = node_class.status.as_ref().and_then(|status| status.conditions.as_deref()).unwrap_or_default();
    let unknown = || Finding::unknown(reasons::NODE_CLASS_READINESS_UNKNOWN, "Node Class Readiness Unknown");
    let Some(ready) = find_condition(all, READY) else { return unknown() };
    let is_stale =
        ready.observed_generation.is_some() && ready.observed_generation != node_class.metadata.generation;
    match ready.status {
        _ if is_stale => unknown(),
        ConditionStatus::True => Finding::holds(),
        ConditionStatus::False => {
            let reason = ready.reason.clone().unwrap_or_default();
            Finding::fails(reason, ready.message.clone().unwrap_or_default())
        }
        ConditionStatus::Unknown => unknown(),
    }
}
