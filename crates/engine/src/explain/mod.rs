//! One pod, node or NodePool, explained: why it is where and what it is, and what would have to change.
//!
//! ```text
//! Snapshot, Objects ─┬─ pod ──────> why it waits, or where it could go
//!                    ├─ node ─────> why this type, what runs on it, what it costs whom, whether it could go
//!                    └─ NodePool ─> what it allows, which requirement is the narrowest, what is wrong with it
//! ```
//!
//! The answers are documents of `supercargo.dev/v1`; sentences in them are for people, everything else for programs.

mod constraints;
mod costs;
mod flexibility;
mod funnel;
mod neighbours;
mod node;
mod node_document;
mod node_pool;
mod node_pool_document;
mod pod;
mod pod_document;
mod refusals;
mod sizing;
mod what_if;

pub use node::explain_node;
pub use node_document::{
    Going, NodeExplanation, NodeState, Obstacle, PodOnNode, PriceSplit, Share, Sizing, WhatIf,
};
pub use node_pool::explain_node_pool;
pub use node_pool_document::{
    BudgetNow, DisruptionSettings, Finding, Flexibility, LimitUse, NodePoolExplanation, NodesOfPool,
    PoolStep, Severity, TypeCount,
};
pub use pod::explain_pod;
pub use pod_document::{
    Constraint, Eviction, ExistingNodes, NewPlace, NodePoolAnswer, Place, PodExplanation, PodState, Refusing,
};
