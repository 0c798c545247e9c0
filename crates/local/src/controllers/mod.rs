//! The controllers of kube-controller-manager that a cluster needs to run workloads.
//!
//! Each is a [`Controller`](crate::Controller): a function from the mirrored state and the time to actions, without IO and
//! without memory of its own unless its file says so.

mod budget;
mod census;
mod cloud_nodes;
mod cron;
mod cron_schedule;
mod daemon_set;
mod deployment;
mod endpoints;
mod history;
mod horizontal;
mod horizontal_math;
mod horizontal_metrics;
mod job;
mod job_indexes;
mod job_policy;
mod load_balancers;
mod node_eviction;
mod node_health;
mod owned_pods;
mod pod_garbage;
mod pod_template;
mod proportions;
mod replica_set;
mod rollout;
mod service_account;
mod stateful_set;
mod victims;
mod volume_attach;
mod volume_bind;
mod volume_protection;

pub use budget::Budgets;
pub use cloud_nodes::{CloudNodes, Instances};
pub use cron::CronJobs;
pub use daemon_set::DaemonSets;
pub use deployment::Deployments;
pub use endpoints::EndpointSlices;
pub use horizontal::Autoscalers;
pub use job::Jobs;
pub use load_balancers::LoadBalancers;
pub use node_eviction::Evictions;
pub use node_health::{NodeHealth, NodeHealthOptions};
pub use pod_garbage::PodGarbage;
pub use replica_set::ReplicaSets;
pub use service_account::ServiceAccounts;
pub use stateful_set::StatefulSets;
pub use volume_attach::Attachments;
pub use volume_bind::{DEFAULT_STORAGE_CLASS, Volumes};
pub use volume_protection::VolumeProtection;

/// Pods that get ready are counted so long after the first of them: a thousand of them that get ready one after the other are
/// not a thousand statuses. (kube-controller-manager may send 20 requests in a second, so that it counts no faster.)
const COUNTING: std::time::Duration = std::time::Duration::from_millis(100);
