//! What an observation is made of.

use std::sync::Arc;

use k8s_openapi::api::core::v1::{Namespace, Node, PersistentVolume, Service};
use k8s_openapi::api::storage::v1::StorageClass;
use supercargo_api::{NodeClaim, Pod};

use crate::collector::owners::Owned;
use crate::facts::NetworkBytes;
use crate::interval::Interval;

/// An object of the cluster, or one that went since the last observation.
#[derive(Debug)]
pub struct Seen<'a, T> {
    /// The object, as it was last seen.
    pub object: &'a T,
    /// When it was seen to go, in seconds since 1970; none if it is still there.
    pub gone: Option<i64>,
}

impl<T> Clone for Seen<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Seen<'_, T> {}

impl<'a, T> From<&'a T> for Seen<'a, T> {
    /// It is still there.
    fn from(object: &'a T) -> Seen<'a, T> {
        Seen { object, gone: None }
    }
}

impl<T> Seen<'_, T> {
    /// From a beginning to the end, as far as it is known.
    pub(super) fn since(&self, start: i64) -> Interval {
        Interval::new(start, self.gone.unwrap_or(i64::MAX))
    }
}

/// The objects of a cluster, as they are at the time of the observation. Of what went since the last one, those who know it
/// say when; without them it counts until the last observation.
#[derive(Clone, Debug, Default)]
pub struct View<'a> {
    /// Nodes.
    pub nodes: Vec<Seen<'a, Node>>,
    /// What nodes were bought with: it knows since when they are paid for.
    pub claims: Vec<Seen<'a, NodeClaim>>,
    /// Pods.
    pub pods: Vec<Seen<'a, Pod>>,
    /// Persistent volumes.
    pub volumes: Vec<Seen<'a, PersistentVolume>>,
    /// Services.
    pub services: Vec<Seen<'a, Service>>,
    /// Namespaces.
    pub namespaces: Vec<&'a Namespace>,
    /// Storage classes.
    pub storage_classes: Vec<&'a StorageClass>,
    /// Who owns the owners of pods: ReplicaSets, Jobs, and what else stands between a pod and the root.
    pub owners: Vec<Owned>,
}

/// What a container used on average since the last observation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ContainerUsage {
    /// Namespace.
    pub namespace: Arc<str>,
    /// Name of the pod.
    pub pod: Arc<str>,
    /// Uid of the pod, by which pods that reuse a name are told apart; empty if it is not known.
    pub pod_uid: Arc<str>,
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
    /// Uid of the pod; empty if it is not known.
    pub pod_uid: Arc<str>,
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
