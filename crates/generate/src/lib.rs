//! Made-up clusters: realistic, valid, the same for the same seed.
//!
//! For demonstrations, tests and benchmarks there must be clusters of any size that look like grown ones: Deployments
//! with their ReplicaSets, StatefulSets with zonal volumes, DaemonSets, Jobs, disruption budgets, spreads, several
//! NodePools, spot and on-demand. Sizes of pods, replicas and lifetimes follow production [`traces`].
//!
//! ```text
//! seed ──> workloads ──(arrivals: engine plans, nodes join, Jobs end)──> cluster ──churn──> fragmented ──finish──> Objects
//! ```
//!
//! Nodes are bought by the engine itself, arrival by arrival, so without churn the fleet is about as good as such a
//! history lets it be. Then churn scales workloads down unevenly, the way their controllers would.
//!
//! # Promises
//!
//! - What comes out is read by [`supercargo_api::manifest::read`] without a word.
//! - The same options give the same bytes.
//! - Every pod runs on a node that admits it and has room for it, and there are exactly as many nodes as asked for.

mod arrivals;
mod builder;
mod churn;
mod cluster;
mod daemons;
mod finish;
mod guards;
mod metadata;
mod names;
mod node_pools;
mod nodes;
mod options;
mod pods;
mod system;
pub mod traces;
mod volumes;
mod workload;
mod workloads;
mod writing;

pub use cluster::{cluster, market};
pub use options::{ClusterOptions, GenerateError, MOST_NODES, MOST_PODS_PER_NODE, MOST_POOLS};
pub use writing::{write_json, write_yaml};
