//! How a condition stands, of our kinds and of nodes alike.

use jiff::Timestamp;
use k8s_openapi::api::core::v1::NodeCondition;
use supercargo_api::{Condition, ConditionStatus};

/// How a condition stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stand<'a> {
    /// Its type, such as `Ready`.
    pub condition: &'a str,
    /// `True`, `False` or `Unknown`.
    pub status: &'static str,
    /// Why, in one word; empty if nobody said.
    pub reason: &'a str,
    /// Since when.
    pub since: Option<Timestamp>,
}

impl<'a> From<&'a Condition> for Stand<'a> {
    fn from(condition: &'a Condition) -> Self {
        Self {
            condition: &condition.type_,
            status: match condition.status {
                ConditionStatus::True => "True",
                ConditionStatus::False => "False",
                ConditionStatus::Unknown => "Unknown",
            },
            reason: condition.reason.as_deref().unwrap_or_default(),
            since: condition.last_transition_time.as_ref().map(|time| time.0),
        }
    }
}

impl<'a> From<&'a NodeCondition> for Stand<'a> {
    fn from(condition: &'a NodeCondition) -> Self {
        Self {
            condition: &condition.type_,
            status: match condition.status.as_str() {
                "True" => "True",
                "False" => "False",
                _ => "Unknown",
            },
            reason: condition.reason.as_deref().unwrap_or_default(),
            since: condition.last_transition_time.as_ref().map(|time| time.0),
        }
    }
}
