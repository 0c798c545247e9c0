//! The brain: snapshot to plan, with reasons and bounds.
//!
//! Given what a cluster is and what the market sells, the engine says where every waiting pod goes: first onto what is
//! paid for already, then onto new nodes that cost as little as possible, under the rules of the Kubernetes scheduler and
//! of Karpenter. It says why a node is what it is, why a pod has no place, and how far from the best possible the price
//! can be at most.
//!
//! ```text
//! Objects ─┬─ pods ────────────> classes, rules ─┐
//!          ├─ nodes, NodeClaims > rooms ─────────┤
//!          └─ NodePools ─┐                       ├─> Snapshot ──solve──> Outcome ──> Plan (supercargo.dev/v1)
//! types ──> Market ──────┴────> pools, variants ─┘                         │
//!                                                    reasons <─────────────┴─────> bound, invariants
//! ```
//!
//! A solve goes through its classes by priority and size ([`solve`]): existing [`rooms`] first; pods with rules about
//! others are pinned to domains ([`topology`]); what is left becomes demand, packed tier by tier of NodePool weight
//! ([`pack`], [`configure`], [`exact`]); what finds no place gives up one preference and tries again.
//!
//! # Promises
//!
//! - **Pure.** No input and output, no async, no clock, no randomness: the same snapshot and options give the same plan,
//!   byte for byte.
//! - **Feasible.** Every plan satisfies [`invariants::check`], which works everything out again from the snapshot alone:
//!   sizes, rules, ports, volumes, spreads, affinity, limits, reservations, `minValues`. Limits hold whichever of the
//!   listed types a node turns out to be.
//! - **Bounded.** No set of nodes for the same pods costs less than [`solve::Outcome::lower_bound`].
//! - **Nothing is lost.** Every pod is placed, named as unschedulable with the reasons ([`reasons`]), or left out with a
//!   reason ([`snapshot::Snapshot::ignored`]). No input makes it panic.
//! - **Work by class.** Pods that scheduling cannot tell apart are one question ([`class`]), however many they are, and
//!   hopeless ones never delay the others.
//!
//! # Example
//!
//! ```
//! use serde_json::json;
//! use supercargo_api::objects::Objects;
//! use supercargo_catalog::{Catalog, NodeClassModel};
//! use supercargo_engine::market::Market;
//! use supercargo_engine::plan::Plan;
//! use supercargo_engine::snapshot::{Snapshot, SnapshotOptions};
//! use supercargo_engine::solve::{SolveOptions, solve};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let node_pool = json!({
//!     "metadata": {"name": "general"},
//!     "spec": {"template": {"spec": {
//!         "nodeClassRef": {"group": "karpenter.k8s.aws", "kind": "EC2NodeClass", "name": "default"},
//!         "requirements": [
//!             {"key": "karpenter.k8s.aws/instance-category", "operator": "In", "values": ["c", "m", "r"]},
//!             {"key": "karpenter.sh/capacity-type", "operator": "In", "values": ["on-demand"]},
//!         ],
//!     }}},
//! });
//! let pod = json!({
//!     "metadata": {"name": "web", "namespace": "shop"},
//!     "spec": {"containers": [{"name": "web", "resources": {"requests": {"cpu": "1500m", "memory": "6Gi"}}}]},
//! });
//! let objects = Objects {
//!     node_pools: vec![serde_json::from_value(node_pool)?],
//!     pods: vec![serde_json::from_value(pod)?],
//!     ..Objects::default()
//! };
//!
//! let types = Catalog::embedded().instance_types("us-east-1", None, &NodeClassModel::default());
//! let market = Market::compile([("default".to_owned(), types)])?;
//! let options = SolveOptions::default();
//!
//! let snapshot = Snapshot::build(&objects, &market, &SnapshotOptions::default());
//! let outcome = solve(&snapshot, options);
//! let plan = Plan::new(&snapshot, &outcome, options);
//!
//! assert_eq!(plan.nodes[0].pods, ["shop/web"]);
//! assert!(plan.summary.lower_bound_per_hour <= plan.summary.price_per_hour);
//! println!("{} for {}/h: {}", plan.nodes[0].instance_type, plan.nodes[0].price_per_hour, plan.nodes[0].why.text);
//! # Ok(())
//! # }
//! ```

pub mod amounts;
pub mod asked;
pub mod bound;
pub mod buffers;
pub mod class;
mod class_table;
pub mod configure;
pub mod consolidate;
mod daemons;
pub mod disruption;
mod eligibility;
pub mod exact;
pub mod explain;
pub mod fingerprint;
pub mod first_fit;
pub mod fits;
pub mod flexible;
mod in_flight;
pub mod invariants;
pub mod lints;
pub mod market;
pub mod overlays;
pub mod pack;
pub mod plan;
pub mod planned;
pub mod pools;
mod priorities;
pub mod problems;
pub mod reasons;
pub mod requests;
pub mod rooms;
pub mod snapshot;
pub mod solve;
pub mod topology;
pub mod view;
pub mod volumes;
pub mod whatif;
