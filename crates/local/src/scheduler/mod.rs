//! kube-scheduler with the default profile.
//!
//! ```text
//! Pod ──compile──> PodClass (shared by equal pods)
//!   └─> Waiting: active ──cycle──> filter ──> score ──> assumed ──volumes──> Binding
//!          ▲    backoff    │ none fits
//!          │               ├──> preempt ──> victims go, the node is nominated
//!          └─ a change ────┴──> unschedulable, with the reasons
//! ```
//!
//! Pods are counted by class in an index that changes with every pod and node; nothing is listed for a single pod.
//! Messages are worded as kube-scheduler's, because people and programs read them.

mod affinity;
mod amounts;
mod class;
mod cycle;
mod filter;
mod groups;
mod index;
mod message;
mod node_terms;
mod part;
mod preempt;
mod requests;
mod score;
mod spread;
mod volumes;
mod waiting;

pub(crate) use node_terms::{matches_node_selector, node_name_demanded};
pub use part::{Scheduler, SchedulerOptions};
pub use requests::pod_requests;
pub(crate) use requests::{is_sidecar, quantities};
pub(crate) use volumes::{SELECTED_NODE, allows, class_of, volume_of, waits_for_consumer};
