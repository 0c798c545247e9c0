//! The objects a plan is made from, by kind: what a manifest folder or a cluster dump holds.
//!
//! Each list keeps the order of the input. Filled by [`crate::manifest::read`], grown by
//! [`crate::workloads::expand`], read by the engine. Nothing here is checked: the reader did that.

use k8s_openapi::api::apps::v1::{DaemonSet, Deployment, ReplicaSet, StatefulSet};
use k8s_openapi::api::batch::v1::{CronJob, Job};
use k8s_openapi::api::core::v1::{Namespace, Node, PersistentVolume, PersistentVolumeClaim, PodTemplate};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::api::scheduling::v1::PriorityClass;
use k8s_openapi::api::storage::v1::{CSINode, StorageClass};

use crate::kinds::{CapacityBuffer, EC2NodeClass, NodeClaim, NodeOverlay, NodePool};
use crate::pod::Pod;

/// Every object of the input that a decision can depend on, by kind and in input order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Objects {
    /// Pods, bound or pending.
    pub pods: Vec<Pod>,
    /// Nodes, managed or not.
    pub nodes: Vec<Node>,
    /// Claims for nodes, launched or in flight.
    pub node_claims: Vec<NodeClaim>,
    /// Where new nodes may come from.
    pub node_pools: Vec<NodePool>,
    /// How new nodes are configured in EC2.
    pub node_classes: Vec<EC2NodeClass>,
    /// Adjusted prices and extra capacity.
    pub node_overlays: Vec<NodeOverlay>,
    /// Spare capacity to keep.
    pub capacity_buffers: Vec<CapacityBuffer>,
    /// Pod shapes that capacity buffers refer to.
    pub pod_templates: Vec<PodTemplate>,
    /// Deployments.
    pub deployments: Vec<Deployment>,
    /// ReplicaSets, owned by a Deployment or standing alone.
    pub replica_sets: Vec<ReplicaSet>,
    /// StatefulSets.
    pub stateful_sets: Vec<StatefulSet>,
    /// DaemonSets: overhead of every node they select.
    pub daemon_sets: Vec<DaemonSet>,
    /// Jobs, owned by a CronJob or standing alone.
    pub jobs: Vec<Job>,
    /// CronJobs.
    pub cron_jobs: Vec<CronJob>,
    /// Volumes: they pin pods to zones.
    pub persistent_volumes: Vec<PersistentVolume>,
    /// Claims of pods on volumes.
    pub persistent_volume_claims: Vec<PersistentVolumeClaim>,
    /// How unbound claims will be provisioned.
    pub storage_classes: Vec<StorageClass>,
    /// Volume attach limits of existing nodes.
    pub csi_nodes: Vec<CSINode>,
    /// Disruption budgets of workloads.
    pub pod_disruption_budgets: Vec<PodDisruptionBudget>,
    /// Priorities that pods name.
    pub priority_classes: Vec<PriorityClass>,
    /// Namespaces: their labels matter to pod affinity terms.
    pub namespaces: Vec<Namespace>,
}

impl Objects {
    /// How many objects there are, of all kinds together.
    pub fn len(&self) -> usize {
        self.pods.len()
            + self.nodes.len()
            + self.node_claims.len()
            + self.node_pools.len()
            + self.node_classes.len()
            + self.node_overlays.len()
            + self.capacity_buffers.len()
            + self.pod_templates.len()
            + self.deployments.len()
            + self.replica_sets.len()
            + self.stateful_sets.len()
            + self.daemon_sets.len()
            + self.jobs.len()
            + self.cron_jobs.len()
            + self.persistent_volumes.len()
            + self.persistent_volume_claims.len()
            + self.storage_classes.len()
            + self.csi_nodes.len()
            + self.pod_disruption_budgets.len()
            + self.priority_classes.len()
            + self.namespaces.len()
    }

    /// Whether there is no object at all.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
