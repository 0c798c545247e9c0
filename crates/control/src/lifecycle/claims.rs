//! What is often asked of a claim.

use jiff::Timestamp;
use supercargo_api::NodeClaim;
use supercargo_api::labels::keys;

/// The NodePool of a claim; none for a standalone one.
pub fn node_pool_of(claim: &NodeClaim) -> Option<&str> {
    label(claim, keys::NODEPOOL).filter(|name| !name.is_empty())
}

/// How its instance is paid for, once that is settled; empty before.
pub fn capacity_type(claim: &NodeClaim) -> &str {
    label(claim, keys::CAPACITY_TYPE).unwrap_or_default()
}

/// The id of its instance, once it is launched: `aws:///us-east-1a/i-…`.
pub fn provider_id(claim: &NodeClaim) -> Option<&str> {
    claim.status.as_ref()?.provider_id.as_deref().filter(|id| !id.is_empty())
}

/// A label of a claim.
pub(super) fn label<'a>(claim: &'a NodeClaim, key: &str) -> Option<&'a str> {
    claim.metadata.labels.as_ref()?.get(key).map(String::as_str)
}

/// When it was made; the beginning of time if nobody says.
pub(super) fn created(claim: &NodeClaim) -> Timestamp {
    claim.metadata.creation_timestamp.as_ref().map_or(Timestamp::MIN, |time| time.0)
}

/// Whether it is on its way out.
pub(super) fn is_leaving(claim: &NodeClaim) -> bool {
    claim.metadata.deletion_timestamp.is_some()
}
