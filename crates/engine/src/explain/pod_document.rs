//! The layout of `supercargo.dev/v1`, kind `PodExplanation`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use supercargo_catalog::Usd;

use crate::plan::InstanceChoice;
use crate::reasons::Explanation;

/// Why a pod waits, or where it could go.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PodExplanation {
    /// `supercargo.dev/v1`.
    pub api_version: String,
    /// `PodExplanation`.
    pub kind: String,
    /// `namespace/name`.
    pub pod: String,
    /// What made it: `ReplicaSet web-5d4f8c7b9`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// Where it stands.
    pub state: PodState,
    /// The node it is on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
    /// The answer in one sentence.
    pub message: String,
    /// What the scheduler of the cluster said last, where the pod waits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scheduler: Option<String>,
    /// What it requests.
    pub requests: BTreeMap<String, String>,
    /// Its priority; higher is served first.
    pub priority: i32,
    /// What it demands of a node and of other pods.
    pub constraints: Vec<Constraint>,
    /// Where a plan for all waiting pods puts it; only for pods that wait.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
    /// Which existing nodes have room for it now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub existing_nodes: Option<ExistingNodes>,
    /// Which new nodes would do, by NodePool.
    pub node_pools: Vec<NodePoolAnswer>,
    /// Whether it may be evicted; only for pods on a node.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub eviction: Option<Eviction>,
}

/// Where a pod stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PodState {
    /// On a node.
    Bound,
    /// Waits for a node.
    Pending,
    /// Waits for something else, or can never be scheduled as it is written.
    LeftOut,
    /// On its way out.
    Terminating,
    /// Done.
    Finished,
}

/// One thing a pod demands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Constraint {
    /// `node`, `toleration`, `spread`, `affinity`, `anti-affinity`, `host-port` or `preference`.
    pub kind: String,
    /// The demand.
    pub text: String,
}

/// Where a plan puts a pod.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Place {
    /// On a node that exists, or on its way.
    ExistingNode(String),
    /// On a node to buy.
    NewNode(Box<NewPlace>),
    /// Nowhere.
    None,
}

/// A node to buy.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NewPlace {
    /// NodePool.
    pub node_pool: String,
    /// Instance type.
    pub instance_type: String,
    /// Zone.
    pub zone: String,
    /// `on-demand`, `spot` or `reserved`.
    pub capacity_type: String,
    /// Dollars per hour.
    pub price_per_hour: Usd,
    /// How many other waiting pods share it.
    pub other_pods: usize,
    /// Why this type.
    pub why: String,
}

/// Which existing nodes have room.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExistingNodes {
    /// Nodes that were asked: all but the pod's own.
    pub asked: usize,
    /// Nodes that would take it, in the order in which they are tried.
    pub taking: Vec<String>,
    /// Why the others would not, the most frequent reason first.
    pub refusing: Vec<Refusing>,
}

/// One reason, and for how many nodes it is the first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusing {
    /// A short code: `going-away`, `cordoned`, `taint`, `labels`, `resources`, `host-port` or `other-pods`.
    pub code: String,
    /// The reason.
    pub reason: String,
    /// How many nodes.
    pub nodes: usize,
    /// One of them; where it is about resources, the one that came nearest.
    pub example: String,
}

/// What one NodePool has to offer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NodePoolAnswer {
    /// Which of its types each constraint removed.
    #[serde(flatten)]
    pub explanation: Explanation,
    /// The cheapest of what is left.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cheapest: Option<InstanceChoice>,
}

/// Whether a pod may be evicted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Eviction {
    /// What its eviction counts in the disruption of its node, from -10 to 10.
    pub cost: f64,
    /// PodDisruptionBudgets that select it.
    pub pdbs: Vec<String>,
    /// Why it may not be evicted now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub blocked: Option<String>,
}
