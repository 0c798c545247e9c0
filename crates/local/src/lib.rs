//! The embedded cluster.

mod action;
mod conditions;
mod controllers;
mod difference;
mod keyed;
mod kubelet;
mod mirror;
mod part;
mod queue;
mod scheduler;
mod shell;

pub use action::{Action, Note, Verb};
pub use controllers::*;
pub use keyed::{Controller, Decision, Keyed};
pub use kubelet::{
    Host, HostSource, HostState, KUBELET_VERSION, Kubelets, KubeletsOptions, MACHINE_ANNOTATION, ORDERS_PREFIX, Usage, pod_usage,
};
pub use mirror::{Change, Key, Kind, Object, Place, State, Store, Stores};
pub use part::{Outcome, Part, Refusal};
pub use queue::Queue;
pub use scheduler::{Scheduler, SchedulerOptions, pod_requests};
pub use shell::{Driver, DriverOptions};
