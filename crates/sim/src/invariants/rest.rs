//! What must hold when everything has come to rest.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use supercargo_api::labels::keys;
use supercargo_api::{NodeClaim, Pod};
use supercargo_cloud::InstanceState;
use supercargo_cloud_sim::Region;
use supercargo_reconcile::{Key, State};

use super::evictions::{covers, wants_peace};
use super::{Checks, Invariant, launches};

/// What has been on its way out for longer than this is stuck.
const STUCK_AFTER: Duration = Duration::from_secs(900);
/// A machine that is younger may still be on its way to its claim.
const SETTLED: Duration = Duration::from_secs(180);

/// Whether a node waits for pods that nobody may evict and has the time to.
fn is_held(kind: &str, metadata: &ObjectMeta, state: &State, now: Timestamp) -> bool {
    let name = metadata.name.as_deref().unwrap_or_default();
    let is_its_claim = |claim: &&NodeClaim| {
        let node = claim.status.as_ref().and_then(|status| status.node_name.as_deref());
        if kind == "Node" { node == Some(name) } else { claim.metadata.name.as_deref() == Some(name) }
    };
    if kind == "NodePool" {
        return false;
    }
    let claim = state.node_claims.values().map(|claim| &**claim).find(is_its_claim);
    let annotations = claim.and_then(|claim| claim.metadata.annotations.as_ref());
    let deadline = annotations.and_then(|annotations| annotations.get(keys::TERMINATION_TIMESTAMP));
    let deadline: Option<Timestamp> = deadline.and_then(|deadline| deadline.parse().ok());
    if deadline.is_some_and(|deadline| now.duration_since(deadline) > SignedDuration::ZERO) {
        return false;
    }
    let node = match kind {
        "Node" => Some(name),
        _ => claim.and_then(|claim| claim.status.as_ref()?.node_name.as_deref()),
    };
    let is_protected = |key: &Key, pod: &Pod| {
        let mut budgets = state.budgets.of_namespace(&key.namespace);
        wants_peace(pod)
            || budgets.any(|(_, budget)| {
                let status = budget.status.as_ref();
                let allowed = status.and_then(|status| status.disruptions_allowed).unwrap_or(0);
                allowed <= 0 && covers(budget, pod)
            })
    };
    node.is_some_and(|node| state.pods_on(node).any(|(key, pod)| is_protected(key, pod)))
}

/// Checks what must hold when everything has come to rest.
pub fn at_rest(checks: &mut Checks, state: &State, region: &Region, now: Timestamp) {
    let old = |at: Timestamp, than: Duration| now.duration_since(at).unsigned_abs() > than;
    let mut claimed = BTreeSet::new();
    for claim in state.node_claims.values() {
        if let Some(id) = claim.status.as_ref().and_then(|status| status.provider_id.clone()) {
            claimed.insert(id);
        }
    }
    let mut present = BTreeSet::new();
    for machine in region.machines() {
        if !matches!(machine.state, InstanceState::Pending | InstanceState::Running) {
            continue;
        }
        let id = machine.provider_id().to_string();
        if !claimed.contains(&id) && old(machine.launched_at, SETTLED) {
            let what = format!("{} of {} belongs to no claim", machine.instance_id, machine.launched_at);
            checks.violated(now, Invariant::Leak, what);
        }
        present.insert(id);
    }
    for claim in state.node_claims.values() {
        let name = claim.metadata.name.as_deref().unwrap_or_default();
        let id = claim.status.as_ref().and_then(|status| status.provider_id.as_ref());
        if let Some(id) = id.filter(|id| !present.contains(*id))
            && claim.metadata.deletion_timestamp.is_none()
        {
            checks.violated(now, Invariant::Loss, format!("claim {name} has no machine {id} any more"));
        }
    }
    launches::check(checks, region, now);
    let metadata = state.node_claims.values().map(|claim| ("NodeClaim", &claim.metadata));
    let metadata = metadata.chain(state.nodes.values().map(|node| ("Node", &node.metadata)));
    let metadata = metadata.chain(state.node_pools.values().map(|pool| ("NodePool", &pool.metadata)));
    let metadata: Vec<(&str, &ObjectMeta)> = metadata.collect();
    for (kind, metadata) in metadata {
        let Some(since) = &metadata.deletion_timestamp else { continue };
        if old(since.0, STUCK_AFTER) && !is_held(kind, metadata, state, now) {
            let name = metadata.name.as_deref().unwrap_or_default();
            let held = metadata.finalizers.clone().unwrap_or_default().join(", ");
            checks.violated(
                now,
                Invariant::Stuck,
                format!("{kind} {name} is held since {} by {held}", since.0),
            );
        }
    }
}
