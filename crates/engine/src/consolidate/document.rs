//! The layout of `supercargo.dev/v1`, kind `Consolidation`.

use serde::{Deserialize, Serialize};
use supercargo_catalog::Usd;

use crate::problems::ObjectProblem;

/// What a cluster could save, by which moves, and why not more.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Consolidation {
    /// `supercargo.dev/v1`.
    pub api_version: String,
    /// `Consolidation`.
    pub kind: String,
    /// The moment that rules about time were judged at, RFC 3339.
    pub at: String,
    /// The figures of the whole.
    pub summary: Summary,
    /// Moves in the order they are to be made; each is valid after those before it.
    pub moves: Vec<Move>,
    /// Nodes that stay, and the one thing that would unlock each.
    pub staying: Vec<StayingNode>,
    /// Drifted and expired nodes: what would replace what. Not part of the moves.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rotations: Vec<Rotation>,
    /// Objects that do not count as they are written, with the reasons.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub object_problems: Vec<ObjectProblem>,
}

/// The figures of the whole. Prices in dollars per hour; a month has 730 hours.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    /// The region the instance types are of; none without instance types.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// Nodes of NodePools, those going away aside.
    pub nodes_now: usize,
    /// The same after all moves.
    pub nodes_after: usize,
    /// Pods on those nodes, DaemonSets' aside.
    pub pods: usize,
    /// Price of the nodes.
    pub price_per_hour_now: Usd,
    /// Price after all moves.
    pub price_per_hour_after: Usd,
    /// What the moves save.
    pub saved_per_hour: Usd,
    /// Price of nodes bought afresh for all these pods, as if nothing were running.
    pub ideal_per_hour: Usd,
    /// No nodes for all these pods can cost less.
    pub lower_bound_per_hour: Usd,
    /// `price_per_hour_now` for a month.
    pub price_per_month_now: f64,
    /// `price_per_hour_after` for a month.
    pub price_per_month_after: f64,
    /// `saved_per_hour` for a month.
    pub saved_per_month: f64,
    /// `saved_per_hour` as a share of `price_per_hour_now`, in percent.
    pub saved_percent: f64,
    /// How many moves.
    pub moves: usize,
    /// How many waves they come in.
    pub waves: u32,
    /// Pods that move, counted as often as they do.
    pub pods_moved: usize,
    /// Nodes whose price is not known; they count as nothing and are not touched.
    pub unpriced_nodes: usize,
    /// Pods that wait for a node, and are given one before anything moves.
    pub pending_pods: usize,
    /// What a move has to save, in words.
    pub floor: String,
}

/// What a move does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MoveKind {
    /// A node without pods to move goes.
    DeleteEmpty,
    /// Nodes go, their pods spread over the others.
    Delete,
    /// One node becomes one cheaper node.
    Replace,
    /// One node becomes several cheaper ones.
    Split,
    /// Several nodes become fewer or cheaper ones.
    Merge,
}

impl MoveKind {
    /// As it is written in the document.
    pub fn as_str(self) -> &'static str {
        match self {
            MoveKind::DeleteEmpty => "delete-empty",
            MoveKind::Delete => "delete",
            MoveKind::Replace => "replace",
            MoveKind::Split => "split",
            MoveKind::Merge => "merge",
        }
    }
}

/// One move.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Move {
    /// Moves of one wave may be made at the same time; a wave starts when the one before it is done. From 1.
    pub wave: u32,
    /// Position in the sequence, from 1.
    pub order: u32,
    /// What it does.
    pub kind: MoveKind,
    /// `Empty` or `Underutilized`: the reason that disruption budgets know it by.
    pub reason: String,
    /// Nodes that go.
    pub nodes: Vec<OldNode>,
    /// Nodes that come.
    pub new_nodes: Vec<NewNode>,
    /// Where every pod goes.
    pub placements: Vec<PodMove>,
    /// Dollars per hour saved.
    pub saved_per_hour: Usd,
    /// The same for a month of 730 hours.
    pub saved_per_month: f64,
    /// How many pods move.
    pub pods_moved: usize,
    /// Rescheduling disruption cost: one a node, and each pod's eviction cost.
    pub disruption_cost: f64,
    /// The least score of the Balanced rule among the NodePools concerned: share of cost saved by share of disruption.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub score: Option<f64>,
    /// One sentence.
    pub why: String,
}

/// A node that goes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OldNode {
    /// Name of the node.
    pub name: String,
    /// Name of its NodeClaim.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node_claim: Option<String>,
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
    /// Pods that have to move.
    pub pods: usize,
}

/// A node that comes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NewNode {
    /// A name for this plan: `new-`, the move's position, and a number.
    pub name: String,
    /// NodePool.
    pub node_pool: String,
    /// The cheapest type that would do.
    pub instance_type: String,
    /// Its zone.
    pub zone: String,
    /// `on-demand`, `spot` or `reserved`.
    pub capacity_type: String,
    /// Dollars per hour.
    pub price_per_hour: Usd,
    /// Every type that would do and keeps the move worth while, cheapest first.
    pub instance_types: Vec<String>,
    /// Pods that come to it.
    pub pods: usize,
}

/// Where a pod goes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PodMove {
    /// `namespace/name`.
    pub pod: String,
    /// The node it leaves.
    pub from: String,
    /// The node it has a place on, which may be a new one.
    pub to: String,
}

/// A node that stays.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StayingNode {
    /// Name of the node.
    pub name: String,
    /// NodePool; empty where it has none.
    pub node_pool: String,
    /// Instance type.
    pub instance_type: String,
    /// Zone.
    pub zone: String,
    /// `on-demand`, `spot` or `reserved`.
    pub capacity_type: String,
    /// Dollars per hour, if known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub price_per_hour: Option<Usd>,
    /// Requested share of allocatable cpu after all moves, in percent.
    pub cpu_percent: f64,
    /// The same for memory.
    pub memory_percent: f64,
    /// A short code, the same for nodes that stay for the same sort of reason.
    pub reason: String,
    /// What keeps it, in one sentence.
    pub detail: String,
    /// The one thing that would unlock it.
    pub unlock: String,
}

/// A drifted or expired node.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Rotation {
    /// The node.
    pub node: OldNode,
    /// `drifted`, `expired` or `expires`.
    pub cause: String,
    /// What drifted, or how long it may live.
    pub detail: String,
    /// Since when it is drifted, or when it expires, RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
    /// Nodes that would come.
    pub new_nodes: Vec<NewNode>,
    /// Where its pods would go.
    pub placements: Vec<PodMove>,
    /// What it would cost more, in dollars per hour; negative where it saves.
    pub price_change_per_hour: Usd,
    /// Why it cannot go now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub blocked: Option<String>,
}
