//! What an observation is made of.

use std::sync::Arc;

use k8s_openapi::api::core::v1::{Namespace, Node, PersistentVolume, Pod, Service};
use k8s_openapi::api::storage::v1::StorageClass;

use crate::collector::owners::Owned;
use crate::facts::NetworkBytes;

/// The objects of a cluster, as they are at the time of the observation.
#[derive(Clone, Copy, Debug, Default)]
pub struct View<'a> {
    /// Nodes.
    pub nodes: &'a [Node],
    /// Pods.
    pub pods: &'a [Pod],
    /// Namespaces.
    pub namespaces: &'a [Namespace],
    /// Persistent volumes.
    pub volumes: &'a [PersistentVolume],
    /// Storage classes.
    pub storage_classes: &'a [StorageClass],
    /// Services.
    pub services: &'a [Service],
    /// Who owns the owners of pods: ReplicaSets, Jobs, and what else stands between a pod and the root.
    pub owners: &'a [Owned],
}

/// What a container used on average since the last observation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ContainerUsage {
    /// Namespace.
    pub namespace: Arc<str>,
    /// Name of the pod.
    pub pod: Arc<str>,
    /// Name of the container.
    pub container: Arc<str>,
    /// Millionths of a core.
    pub microcores: u64,
    /// Bytes of the working set.
    pub ram_bytes: u64,
    /// Thousandths of a GPU, if it was measured.
    pub milli_gpus: Option<u64>,
}

/// Bytes a pod sent and received since it began; counters that only grow, unless it begins anew.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PodTraffic {
    /// Namespace.
    pub namespace: Arc<str>,
    /// Name of the pod.
    pub pod: Arc<str>,
    /// The counters.
    pub counters: NetworkBytes,
}

/// Bytes in use of a claimed volume.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VolumeUsage {
    /// Namespace of the claim.
    pub namespace: Arc<str>,
    /// Name of the claim.
    pub claim: Arc<str>,
    /// Bytes.
    pub used_bytes: u64,
}

/// What was measured since the last observation.
#[derive(Clone, Copy, Debug, Default)]
pub struct Measurements<'a> {
    /// Containers. If one is there twice, the first counts.
    pub containers: &'a [ContainerUsage],
    /// Traffic.
    pub traffic: &'a [PodTraffic],
    /// Volumes.
    pub volumes: &'a [VolumeUsage],
    /// Nodes that did not answer.
    pub silent_nodes: &'a [Arc<str>],
}
