//! The metrics of Karpenter, under its names, labels and types (reference section 6.1).
//!
//! ```text
//! loops ──metrics.node_claim_created(..)──> counters, histograms ──┐
//! State ──at each scrape──> gauges of nodes, NodePools, pods ──────┴──> text, for Prometheus
//! ```
//!
//! What happens is counted by methods named after it; there is a file for each subject. What merely is (how much of a node is
//! requested, how much of a limit is used, how conditions stand) is read from the mirrored state when somebody asks, so that it
//! is never stale and takes no memory.

mod buckets;
mod build;
mod cloud_provider;
mod cluster_state;
mod consolidation;
mod disruption;
mod exposition;
mod family;
mod interruption;
mod node_claims;
mod node_pools;
mod nodes;
mod observed;
mod operator;
mod pod_times;
mod pods;
mod process;
mod registry;
mod scheduler;
mod standing;
mod watcher;

pub use build::BuildInfo;
pub use cloud_provider::CloudCall;
pub use disruption::ConsolidationType;
pub use disruption::Decision as DisruptionDecision;
pub use exposition::{Exposition, MetricType};
pub use family::{Counters, Family, Gauges, Histograms, Summaries};
pub use observed::Observed;
pub use pod_times::PodTimes;
pub use process::ProcessFacts;
pub use registry::Metrics;
pub use watcher::Watcher;
