//! No more nodes of a NodePool are disrupted at once than it allows.

use std::collections::BTreeMap;
use std::time::Duration;

use http::Method;
use jiff::Timestamp;
use supercargo_api::labels::keys;
use supercargo_api::{Condition, ConditionStatus, NodeClaim, condition_types, is_true};
use supercargo_reconcile::{Key, State};

use super::{Checks, Invariant};
use crate::world::Audit;

/// Percentages are of the most nodes that a NodePool had in this time: a command that was within the budget when it was
/// decided may be carried out when there are fewer.
const LATELY: Duration = Duration::from_secs(1_200);

/// Remembers how many nodes the NodePools have.
pub(super) fn note_size(checks: &mut Checks, state: &State, now: Timestamp) {
    let mut sizes = BTreeMap::<&str, usize>::new();
    for node in state.nodes.values() {
        if let Some(pool) = node.metadata.labels.as_ref().and_then(|labels| labels.get(keys::NODEPOOL)) {
            *sizes.entry(pool).or_default() += 1;
        }
    }
    for (pool, size) in sizes {
        if !checks.sizes.contains_key(pool) {
            checks.sizes.insert(pool.to_owned(), Vec::new());
        }
        let Some(known) = checks.sizes.get_mut(pool) else { continue };
        // until now it was what it became last
        let last = known.last().map(|(_, last)| *last);
        known.retain(|(at, _)| now.duration_since(*at).unsigned_abs() < LATELY);
        known.extend(last.filter(|last| *last != size).into_iter().chain([size]).map(|size| (now, size)));
        known.dedup_by_key(|(_, size)| *size);
    }
}

/// Checks a write that may be the end of a claim.
pub(super) fn check(checks: &mut Checks, audit: &Audit, state: &State) {
    let Some(name) = audit.path.strip_prefix("/apis/karpenter.sh/v1/nodeclaims/") else { return };
    if audit.method != Method::DELETE || name.contains('/') {
        return;
    }
    note_size(checks, state, audit.at);
    let Some(claim) = state.node_claims.get(&Key::cluster(name)) else { return };
    let (Some(reason), Some(pool)) = (reason(claim), pool_of(claim)) else { return };
    let Some(node_pool) = state.node_pools.get(&Key::cluster(pool)) else { return };
    let size = checks.sizes.get(pool).into_iter().flatten().map(|(_, size)| *size).max().unwrap_or(0);
    let going = state.node_claims.values().filter(|other| pool_of(other) == Some(pool)).filter(|other| {
        let is_this = other.metadata.name == claim.metadata.name;
        // once its instance ends a node counts no more (reference section 4.4)
        let ends = is_true(other.conditions(), condition_types::INSTANCE_TERMINATING);
        let goes = other.metadata.deletion_timestamp.is_some() && !ends;
        is_this || goes
    });
    let going: Vec<&str> = going.filter_map(|other| self::reason(other)).collect();
    let disruption = node_pool.spec.disruption();
    for budget in disruption.budgets().iter() {
        let is_meant = |reason: &str| {
            budget.reasons.as_ref().is_none_or(|reasons| {
                reasons.is_empty() || reasons.iter().any(|known| format!("{known:?}") == reason)
            })
        };
        // what a window allows depends on when it was decided
        if !is_meant(reason) || budget.schedule.is_some() {
            continue;
        }
        let going = going.iter().filter(|reason| is_meant(reason)).count();
        let text = budget.nodes.as_deref().unwrap_or("10%");
        let allowed = match text.strip_suffix('%') {
            Some(percent) => percent.parse::<usize>().map_or(0, |percent| (size * percent).div_ceil(100)),
            None => text.parse().unwrap_or(0),
        };
        if going > allowed {
            let what = format!("{going} nodes of {pool} go as {reason}, {text} of {size} may");
            checks.violated(audit.at, Invariant::NodeBudget, what);
        }
    }
}

/// Why a claim is disrupted, if it is so voluntarily.
pub(super) fn reason(claim: &NodeClaim) -> Option<&str> {
    let conditions = claim.status.as_ref()?.conditions.as_ref()?;
    let is_meant = |condition: &&Condition| {
        condition.type_ == "DisruptionReason" && condition.status == ConditionStatus::True
    };
    let reason = conditions.iter().find(is_meant)?.reason.as_deref()?;
    ["Empty", "Underutilized", "Drifted"].contains(&reason).then_some(reason)
}

pub(super) fn pool_of(claim: &NodeClaim) -> Option<&str> {
    claim.metadata.labels.as_ref()?.get(keys::NODEPOOL).map(String::as_str)
}
