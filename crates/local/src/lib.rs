//! The embedded cluster: scheduler, kubelets and workload controllers on any Kubernetes API server, simulated.
//!
//! ```text
//!            list, watch                      observe, step
//! API server ──────────> mirror::State ──────────────────────> parts ──> [Action]
//!     ^                                                                     │
//!     └───────────────────────── shell::perform <───────────────────────────┘
//! ```
//!
//! - The parts, their state and the loop that drives them are those of [`supercargo_reconcile`]: pure decisions, thin deeds.
//! - A [`Cluster`] is all parts on an API server in this process, with a simulated region whose machines become nodes; some
//!   of them run on any other through [`part`].

mod answers;
mod cluster;
mod conditions;
mod controllers;
mod kubelet;
mod logs;
mod machines;
mod metrics;
mod new_node;
mod scheduler;
#[cfg(test)]
mod whole_tests;

pub use cluster::{Cluster, ClusterError, PART_NAMES, PartOptions, driver_options, part};
pub use controllers::*;
pub use kubelet::{
    Heartbeats, Host, HostSource, HostState, KUBELET_VERSION, Kubelets, KubeletsOptions, MACHINE_ANNOTATION,
    ORDERS_PREFIX, Usage, pod_usage,
};
pub use machines::{RegionInstances, RegionMachines};
pub use new_node::{NewNode, NewNodeError, new_node};
pub use scheduler::{Scheduler, SchedulerOptions, pod_requests};
