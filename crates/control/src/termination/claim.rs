//! A NodeClaim that is deleted.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::Node;
use supercargo_api::condition_types::{INSTANCE_TERMINATING, REGISTERED};
use supercargo_api::labels::{TERMINATION_FINALIZER, TERMINATION_TIMESTAMP};
use supercargo_api::{ConditionStatus, NodeClaim, find_condition, is_true};
use supercargo_reconcile::{Action, Kind};

use super::index::provider_of_claim;
use super::verdict::{Found, Gone, Then, Verdict, Want};

/// How often it is looked whether a launch has come to something.
const PERIOD: Duration = Duration::from_secs(1);

/// What is to be done about a claim that is deleted, with the nodes of its instance and what is known of that. While a
/// launch is under way nobody knows whether there is an instance.
pub(super) fn decide(
    claim: &NodeClaim,
    nodes: &[&Node],
    found: Option<Found>,
    is_launching: bool,
    now: Timestamp,
) -> Verdict {
    let mut verdict = Verdict::default();
    let Some(deleted) = &claim.metadata.deletion_timestamp else { return verdict };
    let Some(finalizers) = &claim.metadata.finalizers else { return verdict };
    if !finalizers.iter().any(|one| one == TERMINATION_FINALIZER) {
        return verdict;
    }
    if deadline(claim).is_none()
        && let Some(period) = &claim.spec.termination_grace_period
    {
        let period = SignedDuration::from_nanos(period.as_nanos().max(0));
        let at = deleted.0.checked_add(period).unwrap_or(Timestamp::MAX);
        let mut changed = claim.clone();
        let annotations = changed.metadata.annotations.get_or_insert_default();
        annotations.insert(TERMINATION_TIMESTAMP.to_owned(), at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string());
        if let Some(action) = Action::update(Kind::NodeClaim, claim, &changed) {
            verdict.act(action);
            return verdict;
        }
    }
    if is_true(claim.conditions(), REGISTERED) && !nodes.is_empty() {
        let staying = nodes.iter().filter(|node| node.metadata.deletion_timestamp.is_none());
        staying.for_each(|node| verdict.act(Action::delete(Kind::Node, *node)));
        return verdict;
    }
    if provider_of_claim(claim).is_some() && found != Some(Found::Gone) {
        verdict.want = Some(Want::End);
        if found == Some(Found::Ending)
            && let Some(action) = terminating(claim, now)
        {
            verdict.act(action);
        }
        return verdict;
    }
    if provider_of_claim(claim).is_none() && is_launching {
        verdict.look_again(now.checked_add(PERIOD).unwrap_or(Timestamp::MAX));
        return verdict;
    }
    // nodes that never registered have nobody else to see to them
    nodes.iter().filter(|node| node.metadata.deletion_timestamp.is_none()).for_each(|node| {
        verdict.act(Action::delete(Kind::Node, *node));
    });
    let mut changed = claim.clone();
    if let Some(finalizers) = &mut changed.metadata.finalizers {
        finalizers.retain(|one| one != TERMINATION_FINALIZER);
    }
    if let Some(action) = Action::update(Kind::NodeClaim, claim, &changed) {
        let ended = find_condition(claim.conditions(), INSTANCE_TERMINATING)
            .and_then(|condition| condition.last_transition_time.as_ref())
            .map(|time| time.0);
        verdict.act_then(action, Then::ClaimGone(Gone { ended, ..Gone::of(&claim.metadata) }));
    }
    verdict
}

/// Says in the claim's status that its instance ends; nothing if it is said already.
pub(super) fn terminating(claim: &NodeClaim, now: Timestamp) -> Option<Action> {
    if is_true(claim.conditions(), INSTANCE_TERMINATING) {
        return None;
    }
    let mut changed = claim.clone();
    changed.set_condition(INSTANCE_TERMINATING, ConditionStatus::True, "", "", now);
    Action::update_status(Kind::NodeClaim, claim, &changed)
}

/// The moment at which a claim's node has to have ended, whatever its pods say.
pub(super) fn deadline(claim: &NodeClaim) -> Option<Timestamp> {
    claim.metadata.annotations.as_ref()?.get(TERMINATION_TIMESTAMP)?.parse().ok()
}

/// Ends a claim by force: first its deadline becomes now, then it is deleted (reference sections 3.7 and 5.7). Nothing if it
/// is being deleted already.
pub(crate) fn end_by_force(claim: &NodeClaim, now: Timestamp) -> Option<Action> {
    if claim.metadata.deletion_timestamp.is_some() {
        return None;
    }
    if deadline(claim).is_some_and(|deadline| deadline <= now) {
        return Some(Action::delete(Kind::NodeClaim, claim));
    }
    let mut changed = claim.clone();
    let annotations = changed.metadata.annotations.get_or_insert_default();
    annotations.insert(TERMINATION_TIMESTAMP.to_owned(), now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string());
    Action::update(Kind::NodeClaim, claim, &changed)
}
