//! Which changes are worth another look at the whole cluster (reference section 2.14): not heartbeats, not progress of
//! conditions that decide nothing.

use k8s_openapi::api::core::v1::Node;
use supercargo_api::{NodeClaim, NodePool, Pod};
use supercargo_reconcile::{Change, Kind, Object, node_of};

/// Whether the change may make something right that was not, or wrong that was right.
pub(super) fn matters(change: &Change) -> bool {
    match (change.kind, &change.old, &change.new) {
        (Kind::Pod, old, new) => pod_matters(as_pod(old), as_pod(new)),
        (Kind::Node, Some(Object::Node(old)), Some(Object::Node(new))) => node_matters(old, new),
        (Kind::NodeClaim, Some(Object::NodeClaim(old)), Some(Object::NodeClaim(new))) => {
            claim_matters(old, new)
        }
        (Kind::NodePool, Some(Object::NodePool(old)), Some(Object::NodePool(new))) => pool_matters(old, new),
        (Kind::EC2NodeClass, Some(Object::EC2NodeClass(old)), Some(Object::EC2NodeClass(new))) => {
            let found = |one: &supercargo_api::EC2NodeClass| {
                let status = one.status.as_ref();
                status.map(|status| {
                    (status.subnets.clone(), status.amis.clone(), status.capacity_reservations.clone())
                })
            };
            old.spec != new.spec || found(old) != found(new)
        }
        (
            Kind::PodDisruptionBudget,
            Some(Object::PodDisruptionBudget(old)),
            Some(Object::PodDisruptionBudget(new)),
        ) => {
            let allowed = |one: &k8s_openapi::api::policy::v1::PodDisruptionBudget| {
                one.status.as_ref().and_then(|status| status.disruptions_allowed)
            };
            old.spec != new.spec || allowed(old) != allowed(new)
        }
        (Kind::DaemonSet, Some(Object::DaemonSet(old)), Some(Object::DaemonSet(new))) => old.spec != new.spec,
        (
            Kind::Node
            | Kind::NodeClaim
            | Kind::NodePool
            | Kind::EC2NodeClass
            | Kind::PodDisruptionBudget
            | Kind::DaemonSet
            | Kind::NodeOverlay
            | Kind::CapacityBuffer,
            ..,
        ) => true,
        _ => false,
    }
}

fn as_pod(object: &Option<Object>) -> Option<&Pod> {
    match object {
        Some(Object::Pod(pod)) => Some(pod),
        _ => None,
    }
}

fn pod_matters(old: Option<&Pod>, new: Option<&Pod>) -> bool {
    fn facts(pod: Option<&Pod>) -> Option<impl PartialEq> {
        let pod = pod?;
        let status = pod.status.as_ref();
        let phase = status.and_then(|status| status.phase.as_deref()).unwrap_or_default();
        let conditions = status.and_then(|status| status.conditions.as_deref()).unwrap_or_default();
        let is_ready = conditions.iter().any(|one| one.type_ == "Ready" && one.status == "True");
        let facts = (
            pod.metadata.deletion_timestamp.is_some(),
            matches!(phase, "Succeeded" | "Failed"),
            is_ready,
            pod.metadata.annotations.as_ref(),
        );
        Some((node_of(pod)?, facts))
    }
    facts(old) != facts(new)
}

fn node_matters(old: &Node, new: &Node) -> bool {
    let is_ready = |node: &Node| {
        let conditions =
            node.status.as_ref().and_then(|status| status.conditions.as_deref()).unwrap_or_default();
        conditions.iter().find(|one| one.type_ == "Ready").map(|one| one.status.clone())
    };
    fn allocatable(node: &Node) -> Option<impl PartialEq> {
        node.status.as_ref().map(|status| status.allocatable.as_ref())
    }
    old.spec != new.spec
        || old.metadata.labels != new.metadata.labels
        || old.metadata.annotations != new.metadata.annotations
        || old.metadata.deletion_timestamp != new.metadata.deletion_timestamp
        || is_ready(old) != is_ready(new)
        || allocatable(old) != allocatable(new)
}

fn claim_matters(old: &NodeClaim, new: &NodeClaim) -> bool {
    fn facts(claim: &NodeClaim) -> impl PartialEq {
        let status = claim.status.as_ref();
        let conditions = claim.conditions().iter().map(|one| (&one.type_, &one.status, &one.reason));
        (
            conditions.collect::<Vec<_>>(),
            status.and_then(|status| status.last_pod_event_time.as_ref()),
            status.and_then(|status| status.provider_id.as_ref()),
            claim.metadata.labels.as_ref(),
            claim.metadata.annotations.as_ref(),
            claim.metadata.deletion_timestamp.as_ref(),
        )
    }
    facts(old) != facts(new)
}

fn pool_matters(old: &NodePool, new: &NodePool) -> bool {
    let is_ready = |pool: &NodePool| {
        let conditions = pool.status.as_ref().and_then(|status| status.conditions.as_deref());
        supercargo_api::is_true(conditions.unwrap_or_default(), supercargo_api::condition_types::READY)
    };
    old.spec != new.spec
        || old.metadata.annotations != new.metadata.annotations
        || old.metadata.deletion_timestamp != new.metadata.deletion_timestamp
        || is_ready(old) != is_ready(new)
}
