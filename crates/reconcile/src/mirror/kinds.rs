//! The kinds that are mirrored, and an object of any of them.

use std::sync::Arc;

use k8s_openapi::api::apps::v1::{ControllerRevision, DaemonSet, Deployment, ReplicaSet, StatefulSet};
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::api::batch::v1::{CronJob, Job};
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{
    Endpoints, Namespace, Node, PersistentVolume, PersistentVolumeClaim, PodTemplate, Service, ServiceAccount,
};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::api::scheduling::v1::PriorityClass;
use k8s_openapi::api::storage::v1::{CSINode, StorageClass, VolumeAttachment};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Resource;
use serde_json::Value;
use supercargo_api::{CapacityBuffer, EC2NodeClass, NodeClaim, NodeOverlay, NodePool, Pod};

use super::store::{Key, Store};

/// Where the API serves a kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The group, empty for the core.
    pub group: &'static str,
    /// The version.
    pub version: &'static str,
    /// The resource's name in paths.
    pub plural: &'static str,
    /// Whether objects live in namespaces.
    pub namespaced: bool,
}

macro_rules! kinds {
    ($($kind:ident $field:ident $group:literal $version:literal $plural:literal $namespaced:literal,)*) => {
        /// A kind that is mirrored.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[allow(missing_docs, reason = "the names are Kubernetes' own")]
        pub enum Kind { $($kind,)* }

        /// An object of a mirrored kind.
        #[derive(Debug, Clone)]
        #[allow(missing_docs, reason = "the names are Kubernetes' own")]
        pub enum Object { $($kind(Arc<$kind>),)* }

        $(impl From<$kind> for Object {
            fn from(object: $kind) -> Self {
                Self::$kind(Arc::new(object))
            }
        })*

        /// The stores, a field for each kind.
        #[derive(Debug, Clone, Default)]
        #[allow(missing_docs, reason = "the names are Kubernetes' own")]
        pub struct Stores { $(pub $field: Store<$kind>,)* }

        impl Kind {
            /// Every kind.
            pub const ALL: &'static [Kind] = &[$(Kind::$kind,)*];

            /// The name, as in manifests.
            pub fn name(self) -> &'static str {
                match self { $(Kind::$kind => stringify!($kind),)* }
            }

            /// Where the API serves it.
            pub fn place(self) -> Place {
                match self {
                    $(Kind::$kind => Place {
                        group: $group,
                        version: $version,
                        plural: $plural,
                        namespaced: $namespaced,
                    },)*
                }
            }

            /// Reads an object of this kind.
            pub fn read(self, bytes: &[u8]) -> Result<Object, serde_json::Error> {
                match self { $(Kind::$kind => serde_json::from_slice::<$kind>(bytes).map(Object::from),)* }
            }

            /// Reads an object of this kind.
            pub fn read_value(self, value: Value) -> Result<Object, serde_json::Error> {
                match self { $(Kind::$kind => serde_json::from_value::<$kind>(value).map(Object::from),)* }
            }
        }

        impl Object {
            /// Its kind.
            pub fn kind(&self) -> Kind {
                match self { $(Object::$kind(_) => Kind::$kind,)* }
            }

            /// Its metadata.
            pub fn metadata(&self) -> &ObjectMeta {
                match self { $(Object::$kind(object) => object.meta(),)* }
            }

            /// As JSON, with kind and version.
            pub fn to_value(&self) -> Result<Value, serde_json::Error> {
                match self { $(Object::$kind(object) => serde_json::to_value(&**object),)* }
            }

            /// Changes the metadata, as a test or a server does.
            pub fn with_metadata(self, change: impl FnOnce(&mut ObjectMeta)) -> Self {
                match self {
                    $(Object::$kind(mut object) => {
                        change(Arc::make_mut(&mut object).meta_mut());
                        Object::$kind(object)
                    })*
                }
            }
        }

        impl Stores {
            pub(super) fn put(&mut self, object: &Object) -> Option<Option<Object>> {
                match object {
                    $(Object::$kind(object) => {
                        self.$field.put(Arc::clone(object)).map(|old| old.map(Object::$kind))
                    })*
                }
            }

            pub(super) fn take(&mut self, kind: Kind, key: &Key, version: u64) -> Option<Object> {
                match kind { $(Kind::$kind => self.$field.take(key, version).map(Object::$kind),)* }
            }

            pub(super) fn knows(&self, kind: Kind, key: &Key, version: u64) -> bool {
                match kind { $(Kind::$kind => self.$field.knows(key, version),)* }
            }

            pub(super) fn forget_gone(&mut self, kind: Kind, version: u64) {
                match kind { $(Kind::$kind => self.$field.forget_gone(version),)* }
            }

            pub(super) fn gone_count(&self, kind: Kind) -> usize {
                match kind { $(Kind::$kind => self.$field.gone_count(),)* }
            }

            pub(super) fn keys(&self, kind: Kind) -> Vec<Key> {
                match kind { $(Kind::$kind => self.$field.keys().cloned().collect(),)* }
            }

            /// The object of a kind and key.
            pub fn get(&self, kind: Kind, key: &Key) -> Option<Object> {
                match kind { $(Kind::$kind => self.$field.get(key).cloned().map(Object::$kind),)* }
            }
        }
    };
}

kinds! {
    Namespace namespaces "" "v1" "namespaces" false,
    Node nodes "" "v1" "nodes" false,
    Pod pods "" "v1" "pods" true,
    Service services "" "v1" "services" true,
    ServiceAccount service_accounts "" "v1" "serviceaccounts" true,
    Endpoints endpoints "" "v1" "endpoints" true,
    PersistentVolume volumes "" "v1" "persistentvolumes" false,
    PersistentVolumeClaim claims "" "v1" "persistentvolumeclaims" true,
    StorageClass storage_classes "storage.k8s.io" "v1" "storageclasses" false,
    CSINode csi_nodes "storage.k8s.io" "v1" "csinodes" false,
    VolumeAttachment attachments "storage.k8s.io" "v1" "volumeattachments" false,
    EndpointSlice endpoint_slices "discovery.k8s.io" "v1" "endpointslices" true,
    Lease leases "coordination.k8s.io" "v1" "leases" true,
    Deployment deployments "apps" "v1" "deployments" true,
    ReplicaSet replica_sets "apps" "v1" "replicasets" true,
    StatefulSet stateful_sets "apps" "v1" "statefulsets" true,
    DaemonSet daemon_sets "apps" "v1" "daemonsets" true,
    ControllerRevision revisions "apps" "v1" "controllerrevisions" true,
    Job jobs "batch" "v1" "jobs" true,
    CronJob cron_jobs "batch" "v1" "cronjobs" true,
    HorizontalPodAutoscaler autoscalers "autoscaling" "v2" "horizontalpodautoscalers" true,
    PodDisruptionBudget budgets "policy" "v1" "poddisruptionbudgets" true,
    PodTemplate pod_templates "" "v1" "podtemplates" true,
    PriorityClass priority_classes "scheduling.k8s.io" "v1" "priorityclasses" false,
    NodePool node_pools "karpenter.sh" "v1" "nodepools" false,
    NodeClaim node_claims "karpenter.sh" "v1" "nodeclaims" false,
    EC2NodeClass node_classes "karpenter.k8s.aws" "v1" "ec2nodeclasses" false,
    NodeOverlay node_overlays "karpenter.sh" "v1alpha1" "nodeoverlays" false,
    CapacityBuffer capacity_buffers "autoscaling.x-k8s.io" "v1beta1" "capacitybuffers" true,
}

impl Kind {
    /// `v1` or `group/version`.
    pub fn api_version(self) -> String {
        let place = self.place();
        if place.group.is_empty() {
            place.version.to_owned()
        } else {
            format!("{}/{}", place.group, place.version)
        }
    }

    /// The path of the collection, of one namespace if it is given and the kind lives in namespaces.
    pub fn path(self, namespace: &str) -> String {
        let place = self.place();
        let root = if place.group.is_empty() {
            format!("/api/{}", place.version)
        } else {
            format!("/apis/{}/{}", place.group, place.version)
        };
        if place.namespaced && !namespace.is_empty() {
            format!("{root}/namespaces/{namespace}/{}", place.plural)
        } else {
            format!("{root}/{}", place.plural)
        }
    }

    /// The path of one object.
    pub fn object_path(self, key: &Key) -> String {
        format!("{}/{}", self.path(&key.namespace), key.name)
    }
}

impl Object {
    /// Its key.
    pub fn key(&self) -> Key {
        Key::of(self.metadata())
    }
}
