//! When and how much a NodePool's nodes may be disrupted (rows N9 to N11).

use std::borrow::Cow;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::duration::{GoDuration, NillableDuration};

use super::schema_words::{nillable_duration_schema, rules};

/// The pattern of `budgets[].schedule`: five cron fields or one of the named schedules.
const SCHEDULE_PATTERN: &str =
    r"^(@(annually|yearly|monthly|weekly|daily|midnight|hourly))|((.+)\s(.+)\s(.+)\s(.+)\s(.+))$";

/// How the nodes of a NodePool are consolidated, and how many of them may go at once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Disruption {
    /// How many nodes may be disrupted at the same time; of several active budgets the tightest counts. When absent,
    /// 10% of the nodes.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(max = 50),
        extend(
            "default" = [{ "nodes": "10%" }],
            "x-kubernetes-list-type" = "atomic",
            "x-kubernetes-validations" = rules(&[
                (
                    "self.all(x, has(x.schedule) == has(x.duration))",
                    "schedule and duration must be set together",
                ),
                ("self.all(x, !has(x.timeZone) || has(x.schedule))", "timeZone is not possible without schedule"),
            ]),
        )
    )]
    pub budgets: Option<Vec<Budget>>,
    /// How long a node must be quiet before it may be consolidated; Never turns consolidation off, of empty nodes too.
    /// Ignored when replicas is set.
    #[schemars(schema_with = "nillable_duration_schema")]
    pub consolidate_after: NillableDuration,
    /// Which nodes may be consolidated. Ignored when replicas is set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "ConsolidationPolicy", extend("default" = "WhenEmptyOrUnderutilized"))]
    pub consolidation_policy: Option<ConsolidationPolicy>,
}

/// Which nodes may be consolidated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ConsolidationPolicy {
    /// Only nodes without pods that would have to move.
    WhenEmpty,
    /// Every node that is empty or could be removed or replaced by a cheaper one.
    #[default]
    WhenEmptyOrUnderutilized,
    /// The same, as far as what is saved is worth the disruption (reference section 4.13).
    Balanced,
}

/// Why nodes are disrupted voluntarily.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub enum DisruptionReason {
    /// Removed or replaced because of its price.
    Underutilized,
    /// Removed because nothing runs there.
    Empty,
    /// Replaced because it is no longer what is asked for.
    Drifted,
}

/// How many nodes of a NodePool may be disrupted at the same time, always or in a time window.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Budget {
    /// How long the budget is active after each hit of the schedule, in hours and minutes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", extend("pattern" = r"^((([0-9]+(h|m))|([0-9]+h[0-9]+m))(0s)?)$"))]
    pub duration: Option<GoDuration>,
    /// How many nodes: a number, or a part of the NodePool's nodes in percent, rounded up.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(required, extend("default" = "10%", "pattern" = r"^((100|[0-9]{1,2})%|[0-9]+)$"))]
    pub nodes: Option<String>,
    /// Which reasons the budget counts for; all when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 50), extend("x-kubernetes-list-type" = "set"))]
    pub reasons: Option<Vec<DisruptionReason>>,
    /// When the budget becomes active: a cron line or one of the names like @daily; always when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("pattern" = SCHEDULE_PATTERN))]
    pub schedule: Option<String>,
    /// The time zone of the schedule, an IANA name such as Europe/Berlin; UTC when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 64))]
    pub time_zone: Option<String>,
}

impl Default for Disruption {
    /// What counts when a NodePool says nothing of disruption (row N10).
    fn default() -> Self {
        Self {
            budgets: None,
            consolidate_after: "0s".parse().expect("0s is a Go duration"),
            consolidation_policy: None,
        }
    }
}

impl Disruption {
    /// The policy, or the default of the kind (row N9).
    pub fn consolidation_policy(&self) -> ConsolidationPolicy {
        self.consolidation_policy.unwrap_or_default()
    }

    /// The budgets, or the one of 10% that counts when none is given (row N11).
    pub fn budgets(&self) -> Cow<'_, [Budget]> {
        match &self.budgets {
            Some(budgets) => Cow::Borrowed(budgets),
            None => Cow::Owned(vec![Budget::default()]),
        }
    }
}

impl Budget {
    /// How many nodes, or the 10% that counts when nothing is said (row N11).
    pub fn nodes(&self) -> &str {
        self.nodes.as_deref().unwrap_or("10%")
    }
}
