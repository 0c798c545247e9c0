//! Which conditions are bad, and how long they may last.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Node;

/// A condition with a bad status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Policy {
    /// The condition.
    pub(super) type_: &'static str,
    /// The bad status.
    pub(super) status: &'static str,
    /// How long it may last.
    pub(super) tolerance: Duration,
}

const fn policy(type_: &'static str, status: &'static str, minutes: u64) -> Policy {
    Policy { type_, status, tolerance: Duration::from_secs(60 * minutes) }
}

/// The AWS provider's policies (reference section 3.7).
const POLICIES: [Policy; 7] = [
    policy("Ready", "False", 30),
    policy("Ready", "Unknown", 30),
    policy("AcceleratedHardwareReady", "False", 10),
    policy("StorageReady", "False", 30),
    policy("NetworkingReady", "False", 30),
    policy("KernelReady", "False", 30),
    policy("ContainerRuntimeReady", "False", 30),
];

/// The bad condition of a node that is tolerated least long, and until when it is.
pub(super) fn unhealthy(node: &Node) -> Option<(Policy, Timestamp)> {
    let conditions = node.status.as_ref()?.conditions.as_deref()?;
    let bad = POLICIES.iter().filter_map(|policy| {
        let bad = conditions.iter().find(|one| one.type_ == policy.type_ && one.status == policy.status)?;
        let since = bad.last_transition_time.as_ref()?.0;
        Some((*policy, since.checked_add(policy.tolerance).unwrap_or(Timestamp::MAX)))
    });
    bad.min_by_key(|(_, until)| *until)
}
