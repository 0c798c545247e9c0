//! The layout of `supercargo.dev/v1`, kind `NodePoolExplanation`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use supercargo_catalog::Usd;

use crate::lints::{self, Lint};
use crate::plan::InstanceChoice;

/// What a NodePool allows, how flexible it is, and what is wrong with it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NodePoolExplanation {
    /// `supercargo.dev/v1`.
    pub api_version: String,
    /// `NodePoolExplanation`.
    pub kind: String,
    /// Name.
    pub node_pool: String,
    /// NodeClass.
    pub node_class: String,
    /// The answer in one sentence.
    pub message: String,
    /// Weight; heavier is asked first.
    pub weight: i32,
    /// How many nodes it keeps, where it is static.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replicas: Option<u32>,
    /// Why it cannot make nodes, if it cannot.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    /// Instance types of the NodeClass.
    pub types: usize,
    /// What its requirements do to them, in the order in which they are written.
    pub steps: Vec<PoolStep>,
    /// Types left.
    pub left: usize,
    /// The requirement without which there would be most types more; none where no single one makes a difference.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub narrowest: Option<String>,
    /// What there is to choose from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flexibility: Option<Flexibility>,
    /// Labels of its nodes.
    pub labels: BTreeMap<String, String>,
    /// Taints of its nodes.
    pub taints: Vec<String>,
    /// What it may have, and what it has.
    pub limits: Vec<LimitUse>,
    /// How its nodes may be disrupted.
    pub disruption: DisruptionSettings,
    /// Its nodes.
    pub nodes: NodesOfPool,
    /// What is wrong with it, the worst first.
    pub findings: Vec<Finding>,
}

/// One requirement and the types it removes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PoolStep {
    /// The requirement.
    pub requirement: String,
    /// Types it removes after those before it.
    pub removed: usize,
    /// Types left after it.
    pub left: usize,
    /// Types there would be more without it.
    pub alone: usize,
}

/// What there is to choose from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Flexibility {
    /// Instance types.
    pub types: usize,
    /// Combinations of type, zone and capacity type: each is a pool of capacity of its own.
    pub offerings: usize,
    /// Types sold by capacity type.
    pub types_by_capacity: BTreeMap<String, usize>,
    /// Families, such as `m7i`.
    pub families: Vec<String>,
    /// Generations.
    pub generations: Vec<String>,
    /// Sizes, such as `xlarge`.
    pub sizes: Vec<String>,
    /// Architectures.
    pub architectures: Vec<String>,
    /// Zones.
    pub zones: Vec<String>,
    /// Fewest and most virtual CPUs.
    pub vcpus: (u64, u64),
    /// Least and most memory, in MiB.
    pub memory_mib: (u64, u64),
    /// The cheapest offering.
    pub cheapest: InstanceChoice,
    /// The type whose cheapest offering is dearest.
    pub dearest: InstanceChoice,
}

/// One limit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LimitUse {
    /// `cpu`, `memory`, `nodes` or another resource.
    pub resource: String,
    /// As set.
    pub limit: String,
    /// What its nodes have.
    pub used: String,
    /// What is left; nothing where more is used.
    pub left: String,
    /// Used share, in percent.
    pub percent: f64,
}

/// How nodes may be disrupted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DisruptionSettings {
    /// `WhenEmpty`, `WhenEmptyOrUnderutilized` or `Balanced`.
    pub consolidation_policy: String,
    /// How long a node must have been quiet.
    pub consolidate_after: String,
    /// How old a node may become.
    pub expire_after: String,
    /// How long draining may take.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub termination_grace_period: Option<String>,
    /// Its budgets, as they are now.
    pub budgets: Vec<BudgetNow>,
    /// Nodes that may be disrupted now by reason; absent for any number.
    pub allowed_now: BTreeMap<String, u32>,
}

/// One budget.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BudgetNow {
    /// As written.
    pub nodes: String,
    /// How many nodes that is.
    pub limit: u32,
    /// The reasons it is for; empty for all.
    pub reasons: Vec<String>,
    /// Whether it counts now.
    pub active: bool,
    /// When it next starts or stops to count.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub changes: Option<String>,
    /// Why it does not count as it is written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

/// The nodes of a NodePool.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NodesOfPool {
    /// How many, those on their way included, those going away aside.
    pub nodes: usize,
    /// Of those, on their way.
    pub in_flight: usize,
    /// Price of those whose price is known, in dollars per hour.
    pub price_per_hour: Usd,
    /// The same for a month of 730 hours.
    pub price_per_month: f64,
    /// Pods on them, DaemonSets' included.
    pub pods: usize,
    /// Requested share of what they have to give, in percent.
    pub cpu_percent: f64,
    /// The same for memory.
    pub memory_percent: f64,
    /// By type and capacity type, the most expensive first.
    pub by_type: Vec<TypeCount>,
}

/// Nodes of one type.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TypeCount {
    /// Instance type.
    pub instance_type: String,
    /// Capacity type.
    pub capacity_type: String,
    /// How many.
    pub nodes: usize,
    /// Price of those whose price is known, in dollars per hour.
    pub price_per_hour: Usd,
}

/// Something worth changing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// A short code, such as `few-types`.
    pub code: String,
    /// How bad it is.
    pub severity: Severity,
    /// Where in the manifest.
    pub field: String,
    /// What it is.
    pub text: String,
    /// What would be right.
    pub advice: String,
}

/// How bad a finding is, the worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// No node can be launched, or none goes, until it is right.
    Error,
    /// It works, and it will hurt.
    Warning,
    /// Fine if it is meant.
    Note,
}

impl From<Lint> for Finding {
    fn from(lint: Lint) -> Finding {
        Finding {
            code: lint.code.to_owned(),
            severity: match lint.severity {
                lints::Severity::Error => Severity::Error,
                lints::Severity::Warning => Severity::Warning,
                lints::Severity::Note => Severity::Note,
            },
            field: lint.field,
            text: lint.what,
            advice: lint.right,
        }
    }
}
