//! The layout of `supercargo.dev/v1`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use supercargo_catalog::{PriceStamp, Usd};

use crate::problems::ObjectProblem;
use crate::reasons::Explanation;

/// Hours that a month is reckoned to have.
pub const HOURS_PER_MONTH: f64 = 730.0;

/// Dollars per hour for a month, to the cent.
pub(crate) fn month(price: Usd) -> f64 {
    (price.as_f64() * HOURS_PER_MONTH * 100.0).round() / 100.0
}

/// A priced, explained plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    /// `supercargo.dev/v1`.
    pub api_version: String,
    /// `Plan`.
    pub kind: String,
    /// The figures of the whole.
    pub summary: Summary,
    /// Nodes to buy, by NodePool, then name.
    pub nodes: Vec<Node>,
    /// Pods that existing nodes take.
    pub placements: Vec<Placement>,
    /// Pods without a place, with the reasons.
    pub unschedulable: Vec<Unschedulable>,
    /// Pods that are not considered, with the reasons.
    pub ignored: Vec<Ignored>,
    /// NodePools that cannot make nodes, with the reasons.
    pub node_pool_problems: Vec<NodePoolProblem>,
    /// Other objects that do not count as they are written, with the reasons.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub object_problems: Vec<ObjectProblem>,
}

/// The figures of the whole.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    /// The region the instance types are of; none without instance types.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// Pods that were to be placed.
    pub pending_pods: usize,
    /// Of those, on existing nodes.
    pub pods_on_existing_nodes: usize,
    /// Of those, on new nodes.
    pub pods_on_new_nodes: usize,
    /// Of those, nowhere.
    pub unschedulable_pods: usize,
    /// Left out of consideration.
    pub ignored_pods: usize,
    /// Nodes that exist or are in flight.
    pub existing_nodes: usize,
    /// Nodes to buy.
    pub new_nodes: usize,
    /// Price of the new nodes in dollars per hour.
    pub price_per_hour: Usd,
    /// The same for a month of 730 hours.
    pub price_per_month: f64,
    /// No nodes for the same pods can cost less, in dollars per hour.
    pub lower_bound_per_hour: Usd,
    /// How far the price is above the bound, in percent of the bound.
    pub gap_percent: f64,
    /// Kinds and days of the prices used, for example `estimate` of 2026-07-20.
    pub prices: Vec<PriceStamp>,
    /// Share of the new nodes' allocatable cpu that pods request, in percent.
    pub cpu_percent: f64,
    /// The same for memory.
    pub memory_percent: f64,
}

/// A node to buy.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Node {
    /// A name for this plan: the NodePool's, with a number.
    pub name: String,
    /// NodePool.
    pub node_pool: String,
    /// NodeClass.
    pub node_class: String,
    /// The cheapest type that would do.
    pub instance_type: String,
    /// Its zone; the cheapest of those that would do.
    pub zone: String,
    /// Every zone that would do.
    pub zones: Vec<String>,
    /// `on-demand`, `spot` or `reserved`.
    pub capacity_type: String,
    /// Dollars per hour.
    pub price_per_hour: Usd,
    /// Kind and day of the price.
    pub price: PriceStamp,
    /// What its pods and DaemonSets request.
    pub requests: BTreeMap<String, String>,
    /// Of that, DaemonSets.
    pub daemon_sets: BTreeMap<String, String>,
    /// What the chosen type has for pods.
    pub allocatable: BTreeMap<String, String>,
    /// Requested share of allocatable cpu, in percent.
    pub cpu_percent: f64,
    /// Requested share of allocatable memory, in percent.
    pub memory_percent: f64,
    /// Pods, as `namespace/name`.
    pub pods: Vec<String>,
    /// Labels that the NodePool decides.
    pub labels: BTreeMap<String, String>,
    /// Every type that would do, cheapest first, at its cheapest offering.
    pub instance_types: Vec<InstanceChoice>,
    /// Why this type.
    pub why: Why,
    /// One of the nodes that a static NodePool keeps.
    #[serde(rename = "static")]
    pub is_static: bool,
    /// `minValues` could not be kept (best effort only).
    pub min_values_relaxed: bool,
}

/// A type that would do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InstanceChoice {
    /// Name.
    pub instance_type: String,
    /// Zone of its cheapest offering.
    pub zone: String,
    /// Capacity type of its cheapest offering.
    pub capacity_type: String,
    /// Dollars per hour.
    pub price_per_hour: Usd,
}

/// Why a node is bought as the type it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Why {
    /// One sentence.
    pub text: String,
    /// The next best type, if any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub runner_up: Option<InstanceChoice>,
    /// What the runner-up would cost more, in dollars per hour.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub difference_per_hour: Option<Usd>,
    /// How many types of the NodePool were candidates before pods narrowed them.
    pub considered: usize,
}

/// Pods on an existing node.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Placement {
    /// The node, or the NodeClaim in flight.
    pub node: String,
    /// Only a NodeClaim so far.
    pub in_flight: bool,
    /// Pods, as `namespace/name`.
    pub pods: Vec<String>,
}

/// Pods of one class without a place.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Unschedulable {
    /// Pods, as `namespace/name`.
    pub pods: Vec<String>,
    /// What one of them requests.
    pub requests: BTreeMap<String, String>,
    /// One sentence: the most telling reason.
    pub message: String,
    /// Per NodePool, what removed its types.
    pub node_pools: Vec<Explanation>,
}

/// A pod that is not considered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ignored {
    /// `namespace/name`.
    pub pod: String,
    /// Why.
    pub reason: String,
}

/// A NodePool that cannot make nodes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NodePoolProblem {
    /// Name.
    pub node_pool: String,
    /// Why.
    pub problem: String,
}
