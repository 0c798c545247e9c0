//! The layout of `supercargo.dev/v1`, kind `NodeExplanation`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use supercargo_catalog::{PriceStamp, Usd};

use crate::consolidate::{NewNode, PodMove};
use crate::plan::InstanceChoice;

/// Why a node has its type, what runs on it, what that costs, and whether it could go.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NodeExplanation {
    /// `supercargo.dev/v1`.
    pub api_version: String,
    /// `NodeExplanation`.
    pub kind: String,
    /// Name of the node, or of the NodeClaim where the node is not there yet.
    pub node: String,
    /// The answer in one sentence.
    pub message: String,
    /// Its NodeClaim.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node_claim: Option<String>,
    /// Its NodePool.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node_pool: Option<String>,
    /// Instance type; empty where it is not known.
    pub instance_type: String,
    /// Zone.
    pub zone: String,
    /// `on-demand`, `spot` or `reserved`.
    pub capacity_type: String,
    /// Where it stands.
    pub state: NodeState,
    /// When it was made, RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created: Option<String>,
    /// Dollars per hour, if known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub price_per_hour: Option<Usd>,
    /// The same for a month of 730 hours.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub price_per_month: Option<f64>,
    /// Kind and day of the price.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub price: Option<PriceStamp>,
    /// What it has to give.
    pub allocatable: BTreeMap<String, String>,
    /// What its pods request, DaemonSets' included.
    pub requests: BTreeMap<String, String>,
    /// Of that, DaemonSets.
    pub daemon_sets: BTreeMap<String, String>,
    /// Requested share of allocatable cpu, in percent.
    pub cpu_percent: f64,
    /// The same for memory.
    pub memory_percent: f64,
    /// Why it is of this type; only for nodes of a NodePool whose types are known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sizing: Option<Sizing>,
    /// Who bears its price; only where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub split: Option<PriceSplit>,
    /// What runs on it, the dearest first.
    pub pods: Vec<PodOnNode>,
    /// Whether and how it could go.
    pub going: Going,
}

/// Where a node stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NodeState {
    /// In use.
    Ready,
    /// It joined, but is not ready for pods.
    NotReady,
    /// It joined, but is not initialised yet.
    Starting,
    /// Only a NodeClaim so far.
    InFlight,
    /// Takes no new pods.
    Cordoned,
    /// On its way out.
    GoingAway,
}

/// Why a node is of its type.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Sizing {
    /// One sentence.
    pub text: String,
    /// Types of its NodePool that hold its pods as they are now.
    pub holding: usize,
    /// Of those, cheaper than the node.
    pub cheaper: usize,
    /// The cheapest of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cheapest: Option<InstanceChoice>,
    /// The resource of which its pods request the largest share.
    pub fullest: String,
    /// That share, in percent.
    pub fullest_percent: f64,
    /// How many types its NodeClaim could have become.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub launched_from: Option<usize>,
}

/// Who bears the price of a node.
///
/// Cores and GiB are worth what they are worth on the market for everything that runs in the cluster, scaled so that
/// all the node has to give adds up to its price.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PriceSplit {
    /// What a unit of each resource costs on this node.
    pub shares: Vec<Share>,
    /// Pods' part, in dollars per hour.
    pub pods_per_hour: Usd,
    /// DaemonSets' part.
    pub daemon_sets_per_hour: Usd,
    /// What nobody requests.
    pub idle_per_hour: Usd,
}

/// One resource of a node.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Share {
    /// `cpu`, `memory` or another resource.
    pub resource: String,
    /// `core`, `GiB` or `unit`.
    pub unit: String,
    /// Dollars per hour for one.
    pub per_unit_hour: f64,
    /// Dollars per hour for all of it.
    pub per_hour: Usd,
}

/// A pod on a node.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PodOnNode {
    /// `namespace/name`.
    pub pod: String,
    /// What made it: `ReplicaSet web-5d4f8c7b9`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// What it requests.
    pub requests: BTreeMap<String, String>,
    /// Its part of the price, in dollars per hour.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub price_per_hour: Option<Usd>,
    /// It belongs to a DaemonSet, or otherwise leaves with its node.
    pub stays: bool,
    /// What its eviction counts in the disruption of the node.
    pub eviction_cost: f64,
    /// Why it may not be evicted now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub blocked: Option<String>,
}

/// Whether and how a node could go.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Going {
    /// Whether consolidation may touch it.
    pub may_go: bool,
    /// What keeps it, the most fundamental first.
    pub obstacles: Vec<Obstacle>,
    /// Where its pods would go if it went, obstacles aside.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub what_if: Option<WhatIf>,
    /// What drifted, if it did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub drift: Option<String>,
    /// When it expires, RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires: Option<String>,
}

/// One thing that keeps a node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Obstacle {
    /// A short code, as in a consolidation.
    pub code: String,
    /// What it is.
    pub text: String,
    /// What would remove it.
    pub unlock: String,
}

/// Where the pods of a node would go.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WhatIf {
    /// Whether all of them have a place.
    pub feasible: bool,
    /// One sentence.
    pub text: String,
    /// Where they go.
    pub placements: Vec<PodMove>,
    /// What would have to be bought.
    pub new_nodes: Vec<NewNode>,
    /// What that saves, in dollars per hour; negative where it costs more. Absent where the node's price is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub saved_per_hour: Option<Usd>,
}
