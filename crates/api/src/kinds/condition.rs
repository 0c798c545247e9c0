//! Status conditions, and the names of all of them.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::labels::QUALIFIED_NAME_PATTERN;

use super::schema_words::{CONDITION_REASON_PATTERN, timestamp_schema};

/// One observed aspect of an object.
///
/// `reason` and `message` may be missing on objects of older releases (reference section 1.2), so they are optional.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Condition {
    /// When the status last changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(required, schema_with = "timestamp_schema")]
    pub last_transition_time: Option<Time>,
    /// What a person should know about the last change; may be empty.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32768))]
    pub message: Option<String>,
    /// The generation of the object that this condition was observed at.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub observed_generation: Option<i64>,
    /// Why it changed, in one CamelCase word.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024), extend("pattern" = CONDITION_REASON_PATTERN))]
    pub reason: Option<String>,
    /// Whether the condition holds.
    pub status: ConditionStatus,
    /// Which aspect this is.
    #[serde(rename = "type")]
    #[schemars(length(max = 316), extend("pattern" = QUALIFIED_NAME_PATTERN))]
    pub type_: String,
}

/// Whether a condition holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ConditionStatus {
    /// It holds.
    True,
    /// It does not hold.
    False,
    /// Not known yet.
    #[default]
    Unknown,
}

/// The condition of this type, if it was ever observed.
pub fn find_condition<'a>(conditions: &'a [Condition], type_: &str) -> Option<&'a Condition> {
    conditions.iter().find(|condition| condition.type_ == type_)
}

/// Whether the condition of this type was observed and holds.
pub fn is_true(conditions: &[Condition], type_: &str) -> bool {
    find_condition(conditions, type_).is_some_and(|condition| condition.status == ConditionStatus::True)
}

/// Sets the condition of this type and says whether anything changed. The time of the last transition stays as long as the
/// status does; an empty reason becomes the type, as Karpenter has it.
pub fn set_condition(
    conditions: &mut Vec<Condition>,
    type_: &str,
    status: ConditionStatus,
    reason: &str,
    message: &str,
    now: Timestamp,
) -> bool {
    let reason = if reason.is_empty() { type_ } else { reason };
    let known = conditions.iter_mut().find(|condition| condition.type_ == type_);
    let Some(known) = known else {
        conditions.push(Condition {
            last_transition_time: Some(Time(now)),
            message: Some(message.to_owned()),
            observed_generation: None,
            reason: Some(reason.to_owned()),
            status,
            type_: type_.to_owned(),
        });
        return true;
    };
    let same = known.status == status
        && known.reason.as_deref() == Some(reason)
        && known.message.as_deref().unwrap_or_default() == message;
    if same {
        return false;
    }
    if known.status != status {
        known.last_transition_time = Some(Time(now));
    }
    known.status = status;
    known.reason = Some(reason.to_owned());
    known.message = Some(message.to_owned());
    true
}

/// The types of conditions that are read and written.
pub mod condition_types {
    /// The aggregate of a kind: all its root conditions hold.
    pub const READY: &str = "Ready";

    /// The runtime checks passed (NodePool, EC2NodeClass, NodeOverlay).
    pub const VALIDATION_SUCCEEDED: &str = "ValidationSucceeded";
    /// The NodePool's NodeClass exists and is ready (row N18).
    pub const NODE_CLASS_READY: &str = "NodeClassReady";
    /// Nodes of the NodePool register when launched; informational, no part of Ready (row N18).
    pub const NODE_REGISTRATION_HEALTHY: &str = "NodeRegistrationHealthy";

    /// The instance was launched.
    pub const LAUNCHED: &str = "Launched";
    /// Its node joined the cluster.
    pub const REGISTERED: &str = "Registered";
    /// Its node is ready for pods.
    pub const INITIALIZED: &str = "Initialized";
    /// Quiet for long enough to be consolidated.
    pub const CONSOLIDATABLE: &str = "Consolidatable";
    /// No longer what its NodePool and NodeClass ask for.
    pub const DRIFTED: &str = "Drifted";
    /// All pods that can be drained have left.
    pub const DRAINED: &str = "Drained";
    /// All volumes have been detached.
    pub const VOLUMES_DETACHED: &str = "VolumesDetached";
    /// The instance is being terminated.
    pub const INSTANCE_TERMINATING: &str = "InstanceTerminating";
    /// The node shows what its claim promised.
    pub const CONSISTENT_STATE_FOUND: &str = "ConsistentStateFound";
    /// Being disrupted, and why.
    pub const DISRUPTION_REASON: &str = "DisruptionReason";

    /// Machine images were found.
    pub const AMIS_READY: &str = "AMIsReady";
    /// Subnets were found.
    pub const SUBNETS_READY: &str = "SubnetsReady";
    /// Security groups were found.
    pub const SECURITY_GROUPS_READY: &str = "SecurityGroupsReady";
    /// The instance profile exists.
    pub const INSTANCE_PROFILE_READY: &str = "InstanceProfileReady";
    /// The placement group was found.
    pub const PLACEMENT_GROUP_READY: &str = "PlacementGroupReady";
    /// Capacity reservations were resolved.
    pub const CAPACITY_RESERVATIONS_READY: &str = "CapacityReservationsReady";

    /// The buffer's pod shape and size are known.
    pub const READY_FOR_PROVISIONING: &str = "ReadyForProvisioning";
    /// Whether the buffer fits or needs nodes.
    pub const PROVISIONING: &str = "Provisioning";

    /// What Ready of a NodePool is made of (row N18).
    pub const NODE_POOL_ROOTS: [&str; 2] = [VALIDATION_SUCCEEDED, NODE_CLASS_READY];
    /// What Ready of a NodeClaim is made of (reference section 1.2).
    pub const NODE_CLAIM_ROOTS: [&str; 3] = [LAUNCHED, REGISTERED, INITIALIZED];
    /// What Ready of an EC2NodeClass is always made of; with a placement group or the capacity reservation gate,
    /// their conditions join (reference section 1.4).
    pub const NODE_CLASS_ROOTS: [&str; 5] =
        [AMIS_READY, SUBNETS_READY, SECURITY_GROUPS_READY, INSTANCE_PROFILE_READY, VALIDATION_SUCCEEDED];
    /// What Ready of a NodeOverlay is made of (reference section 1.3).
    pub const NODE_OVERLAY_ROOTS: [&str; 1] = [VALIDATION_SUCCEEDED];
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_condition_without_reason_and_message_is_read_and_written_unchanged() {
        let text = r#"{"lastTransitionTime":"2026-08-20T10:00:00Z","status":"True","type":"Ready"}"#;
        let condition: Condition = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&condition).unwrap(), text);
        assert!(is_true(&[condition], condition_types::READY));
    }

    #[test]
    fn a_condition_keeps_the_time_of_its_last_transition_until_its_status_changes() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let mut all = Vec::new();
        assert!(set_condition(&mut all, "Drained", ConditionStatus::Unknown, "Draining", "", at(1)));
        assert!(!set_condition(&mut all, "Drained", ConditionStatus::Unknown, "Draining", "", at(2)));
        assert!(set_condition(
            &mut all,
            "Drained",
            ConditionStatus::Unknown,
            "Draining",
            "two pods left",
            at(3)
        ));
        assert_eq!(all[0].last_transition_time, Some(Time(at(1))));
        assert!(set_condition(&mut all, "Drained", ConditionStatus::True, "", "", at(4)));
        assert_eq!((all.len(), all[0].reason.as_deref()), (1, Some("Drained")));
        assert_eq!(all[0].last_transition_time, Some(Time(at(4))));
    }

    #[test]
    fn an_unobserved_condition_is_not_true() {
        assert!(!is_true(&[], condition_types::READY));
    }
}
