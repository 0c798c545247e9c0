//! One pod.

use std::sync::Arc;

use k8s_openapi::api::core::v1::{PodSpec, PodStatus};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::shared::Shared;

/// A pod whose spec may be shared with others. What differs between the pods of a workload stands beside the spec. A copy
/// shares everything with what it was copied from, until one of them changes.
#[derive(Clone, Debug, Default)]
pub struct Pod {
    /// Name, namespace, labels, owners.
    pub metadata: Shared<ObjectMeta>,
    /// What the cluster says of it.
    pub status: Option<Shared<PodStatus>>,
    node_name: Option<Box<str>>,
    /// Its `node_name` is always empty.
    spec: Option<Arc<PodSpec>>,
}

impl Pod {
    /// A pod of these parts. The node that the spec names becomes the pod's.
    pub fn new(metadata: ObjectMeta, spec: Option<PodSpec>, status: Option<PodStatus>) -> Self {
        let mut pod =
            Self { metadata: metadata.into(), status: status.map(Shared::from), node_name: None, spec: None };
        pod.set_spec(spec);
        pod
    }

    /// What is asked for, without the node: its `node_name` is empty, ask [`Pod::node_name`].
    pub fn spec(&self) -> Option<&PodSpec> {
        self.spec.as_deref()
    }

    /// The spec as it is shared. Pods that have the same one differ in metadata, status and node only.
    pub fn shared_spec(&self) -> Option<&Arc<PodSpec>> {
        self.spec.as_ref()
    }

    /// The node that the pod is on or asks for by name.
    pub fn node_name(&self) -> Option<&str> {
        self.node_name.as_deref()
    }

    /// Puts the pod on a node, or on none.
    pub fn set_node_name(&mut self, node: Option<&str>) {
        if node.is_some() {
            self.spec.get_or_insert_default();
        }
        self.node_name = node.map(Into::into);
    }

    /// Replaces the spec, and with it the node.
    pub fn set_spec(&mut self, spec: Option<PodSpec>) {
        self.node_name = None;
        self.spec = spec.map(|mut spec| {
            self.node_name = spec.node_name.take().map(String::into_boxed_str);
            Arc::new(spec)
        });
    }

    /// Changes the spec of this pod alone; a pod without one gets an empty one. The node's name is in it while it is
    /// changed.
    pub fn change_spec<R>(&mut self, change: impl FnOnce(&mut PodSpec) -> R) -> R {
        let spec = Arc::make_mut(self.spec.get_or_insert_default());
        spec.node_name = self.node_name.take().map(String::from);
        let result = change(spec);
        self.node_name = spec.node_name.take().map(String::into_boxed_str);
        result
    }

    /// Takes the pod apart: metadata, the spec with the node's name in it, status.
    pub fn into_parts(self) -> (ObjectMeta, Option<PodSpec>, Option<PodStatus>) {
        let Self { metadata, status, node_name, spec } = self;
        let spec =
            spec.map(|spec| PodSpec { node_name: node_name.map(String::from), ..Arc::unwrap_or_clone(spec) });
        (metadata.into_inner(), spec, status.map(Shared::into_inner))
    }

    /// Replaces the spec by an equal one of another pod, which they share from now on. The node stays.
    pub fn share_spec(&mut self, spec: Arc<PodSpec>) {
        self.spec = Some(spec);
    }
}

impl PartialEq for Pod {
    fn eq(&self, other: &Self) -> bool {
        let same_spec = || match (&self.spec, &other.spec) {
            (Some(left), Some(right)) => Arc::ptr_eq(left, right) || left == right,
            (None, None) => true,
            _ => false,
        };
        self.metadata == other.metadata
            && self.node_name == other.node_name
            && self.status == other.status
            && same_spec()
    }
}
