//! What must hold when everything has come to rest.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use supercargo_cloud::InstanceState;
use supercargo_cloud_sim::Region;
use supercargo_reconcile::State;

use super::{Checks, Invariant};

/// What has been on its way out for longer than this is stuck.
const STUCK_AFTER: Duration = Duration::from_secs(900);
/// A machine that is younger may still be on its way to its claim.
const SETTLED: Duration = Duration::from_secs(180);

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
    let launched = region.census().launched;
    let named = checks.provider_ids().len() as u64;
    if launched > named {
        let what = format!("{launched} machines were launched, claims named {named}");
        checks.violated(now, Invariant::DoubleLaunch, what);
    }
    let metadata = state.node_claims.values().map(|claim| ("NodeClaim", &claim.metadata));
    let metadata = metadata.chain(state.nodes.values().map(|node| ("Node", &node.metadata)));
    let metadata = metadata.chain(state.node_pools.values().map(|pool| ("NodePool", &pool.metadata)));
    let metadata: Vec<(&str, &ObjectMeta)> = metadata.collect();
    for (kind, metadata) in metadata {
        let Some(since) = &metadata.deletion_timestamp else { continue };
        if old(since.0, STUCK_AFTER) {
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
