//! The embedded cluster: scheduler, kubelets and workload controllers on any Kubernetes API server, simulated.
//!
//! ```text
//!            list, watch                      observe, step
//! API server ──────────> mirror::State ──────────────────────> parts ──> [Action]
//!     ^                                                                     │
//!     └───────────────────────── shell::perform <───────────────────────────┘
//! ```
//!
//! - A [`Part`] is a machine without IO: changes and the time go in, actions come out. Most are [`Controller`]s, functions
//!   from the state and one object to what is to be done about it.
//! - The [`Driver`] mirrors the API server into one [`State`] that all parts read, gives them their turns one after the
//!   other, and performs what they want. With one request at a time a run is repeatable: on paused time the same seed gives
//!   the same events, byte for byte.
//! - A [`Cluster`] is all parts on an API server in this process, with a simulated region whose machines become nodes. A
//!   [`ControlPlane`] is some of them on any other.

mod action;
mod cluster;
mod conditions;
mod controllers;
mod difference;
mod keyed;
mod kubelet;
mod machines;
mod metrics;
mod mirror;
mod new_node;
mod part;
mod queue;
mod scheduler;
mod shell;
#[cfg(test)]
mod toy;
#[cfg(test)]
mod whole_tests;

pub use action::{Action, Note, Verb};
pub use cluster::{Cluster, ClusterError, ControlPlane, PART_NAMES, PartOptions, part};
pub use controllers::*;
pub use keyed::{Controller, Decision, Keyed};
pub use kubelet::{
    Host, HostSource, HostState, KUBELET_VERSION, Kubelets, KubeletsOptions, MACHINE_ANNOTATION,
    ORDERS_PREFIX, Usage, pod_usage,
};
pub use machines::{RegionInstances, RegionMachines};
pub use mirror::{Change, Key, Kind, Object, Place, State, Store, Stores};
pub use new_node::{NewNode, NewNodeError, new_node};
pub use part::{Outcome, Part, Refusal};
pub use queue::Queue;
pub use scheduler::{Scheduler, SchedulerOptions, pod_requests};
pub use shell::{Driver, DriverOptions};
