//! Claims whose node does not register in time are given up, so that others can be made for their pods (row R4). Those that
//! are not launched in time are given up where they are launched ([`launching`](crate::launching)).

use std::time::Duration;

use jiff::Timestamp;
use supercargo_api::condition_types::{LAUNCHED, REGISTERED};
use supercargo_api::{ConditionStatus, NodeClaim, find_condition, is_true};

use super::claims::created;

/// How long a node may take to register (row R4).
pub(super) const REGISTRATION_TIMEOUT: Duration = Duration::from_secs(15 * 60);

/// By when the node of a launched claim must have registered; nothing if it has.
pub(super) fn deadline(claim: &NodeClaim) -> Option<Timestamp> {
    let conditions = claim.conditions();
    if !is_true(conditions, LAUNCHED) || is_true(conditions, REGISTERED) {
        return None;
    }
    // a claim that was refused once has its time anew from there
    let refused = find_condition(conditions, REGISTERED)
        .filter(|condition| condition.status == ConditionStatus::False)
        .and_then(|condition| condition.last_transition_time.as_ref())
        .map(|time| time.0);
    let start = refused.unwrap_or_else(|| created(claim));
    Some(start.checked_add(REGISTRATION_TIMEOUT).unwrap_or(Timestamp::MAX))
}
