//! A NodePool never holds more than its limits.

use jiff::Timestamp;
use supercargo_api::{NodeClaim, Resources};
use supercargo_reconcile::{Key, State};

use super::budgets::pool_of;
use super::{Checks, Invariant};

/// Checks the NodePool of a claim that has changed.
pub(super) fn check(checks: &mut Checks, claim: &NodeClaim, state: &State, now: Timestamp) {
    let Some(pool) = pool_of(claim) else { return };
    let Some(node_pool) = state.node_pools.get(&Key::cluster(pool)) else { return };
    let Some(limits) = node_pool.spec.limits.as_ref().and_then(|limits| limits.resources().ok()) else {
        return;
    };
    let mut held = Resources::new();
    let mut nodes = 0;
    for other in state.node_claims.values() {
        if pool_of(other) != Some(pool) || other.metadata.deletion_timestamp.is_some() {
            continue;
        }
        nodes += 1;
        let capacity = other.status.as_ref().and_then(|status| status.capacity.as_ref());
        if let Some(capacity) = capacity.and_then(|capacity| capacity.resources().ok()) {
            held.add_assign(&capacity);
        }
    }
    for (resource, limit) in limits.iter() {
        let holds = if resource == "nodes" { nodes } else { held.get(resource) };
        if holds > limit {
            let what = format!("{pool} holds {holds} of {resource}, its limit is {limit}");
            checks.violated(now, Invariant::Limit, what);
        }
    }
}
