//! A node with a pod that is not to be disrupted stays, as far as anybody has a choice.

use std::time::Duration;

use http::Method;
use jiff::Timestamp;
use supercargo_api::Condition;
use supercargo_reconcile::{Key, State};

use super::budgets::reason;
use super::evictions::{is_healthy, ready, wants_peace};
use super::{Checks, Invariant};
use crate::world::Audit;

/// A pod that came to the node this shortly before the node was marked may not have been known yet.
const KNOWN_AFTER: Duration = Duration::from_secs(30);

/// Checks a write that may be the end of a claim.
pub(super) fn check(checks: &mut Checks, audit: &Audit, state: &State) {
    let Some(name) = audit.path.strip_prefix("/apis/karpenter.sh/v1/nodeclaims/") else { return };
    if audit.method != Method::DELETE || name.contains('/') {
        return;
    }
    let Some(claim) = state.node_claims.get(&Key::cluster(name)) else { return };
    let Some(why) = reason(claim) else { return };
    // a drifted node whose time ends in any case need not wait for its pods (reference section 4.2)
    let ends_anyway = why == "Drifted" && claim.spec.termination_grace_period.is_some();
    if ends_anyway || claim.metadata.deletion_timestamp.is_some() {
        return;
    }
    let status = claim.status.as_ref();
    let conditions = status.and_then(|status| status.conditions.as_deref()).unwrap_or_default();
    let is_mark = |condition: &&Condition| condition.type_ == "DisruptionReason";
    let mark = conditions.iter().find(is_mark).and_then(|condition| condition.last_transition_time.as_ref());
    let marked: Option<Timestamp> = mark.map(|time| time.0);
    let Some(node) = status.and_then(|status| status.node_name.as_deref()) else { return };
    let known_until = marked.unwrap_or(audit.at) - KNOWN_AFTER;
    let in_peace = state.pods_on(node).find(|(_, pod)| {
        let since = ready(pod).and_then(|condition| condition.last_transition_time.as_ref());
        let is_known = since.is_none_or(|since| since.0 <= known_until);
        wants_peace(pod) && is_healthy(pod) && is_known
    });
    if let Some((pod, _)) = in_peace {
        let what = format!("{name} goes as {why} with {pod} on it");
        checks.violated(audit.at, Invariant::DoNotDisrupt, what);
    }
}
