//! When a node's time is over (reference section 3.4).

use jiff::{SignedDuration, Timestamp};
use supercargo_api::NodeClaim;

/// The end of a node's life, by `expireAfter`. It comes by force: neither budgets nor do-not-disrupt hold it up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expiry {
    /// When.
    pub at: Timestamp,
    /// Whether that moment has come.
    pub overdue: bool,
}

/// When the claim expires; `None` for `Never`, or if nobody knows when it was made.
pub(super) fn expiry(claim: &NodeClaim, now: Timestamp) -> Option<Expiry> {
    let (created, length) = lifetime(claim)?;
    let at = created.checked_add(length).ok()?;
    Some(Expiry { at, overdue: at <= now })
}

/// What part of its life a node has before it, from 0 to 1; 1 if it never expires (reference section 4.3).
pub(super) fn lifetime_remaining(claim: Option<&NodeClaim>, now: Timestamp) -> f64 {
    let Some((created, length)) = claim.and_then(lifetime) else { return 1.0 };
    if length.is_zero() {
        return 0.0;
    }
    let left = length.as_secs_f64() - now.duration_since(created).as_secs_f64();
    (left / length.as_secs_f64()).clamp(0.0, 1.0)
}

fn lifetime(claim: &NodeClaim) -> Option<(Timestamp, SignedDuration)> {
    let created = claim.metadata.creation_timestamp.as_ref()?.0;
    let nanos = claim.spec.expire_after().as_nanos()?;
    Some((created, SignedDuration::from_nanos(nanos.max(0))))
}
