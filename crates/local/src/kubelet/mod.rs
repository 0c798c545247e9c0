//! Kubelets without machines: nodes register and keep their leases, pods start, run, end and stop in time.
//!
//! ```text
//! machine ──boots──> Node, CSINode, Lease
//! Pod bound to it ──> PodMachine: sandbox ─> images ─> init containers ─> containers ─> ready ─> … ─> ended
//!                        └── rendered as PodStatus, with Events
//! ```
//!
//! Every delay is drawn from the seed and the pod's uid, or given by [orders](ORDERS_PREFIX).

mod container;
mod heartbeats;
mod hosts;
mod node;
mod orders;
mod part;
mod pod;
mod render;
mod sleeps;
mod usage;

pub use heartbeats::Heartbeats;
pub use hosts::{Host, HostSource, HostState};
pub(crate) use node::{EBS_DRIVER, LEASE_NAMESPACE, set as set_node_condition};
pub use node::{KUBELET_VERSION, MACHINE_ANNOTATION};
pub use orders::ORDERS_PREFIX;
pub use part::{Kubelets, KubeletsOptions};
pub use usage::{Usage, pod_usage};
