//! Which kinds are read, and where their objects go.

use k8s_openapi::api::apps::v1::{DaemonSet, Deployment, ReplicaSet, StatefulSet};
use k8s_openapi::api::batch::v1::{CronJob, Job};
use k8s_openapi::api::core::v1::{Namespace, Node, PersistentVolume, PersistentVolumeClaim, PodTemplate};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::api::scheduling::v1::PriorityClass;
use k8s_openapi::api::storage::v1::{CSINode, StorageClass};
use kube::Resource;
use serde::de::DeserializeOwned;

use crate::kinds::{CapacityBuffer, EC2NodeClass, NodeClaim, NodeOverlay, NodePool};
use crate::objects::Objects;
use crate::pod::Pod;
use crate::validate::check::Check;

/// A kind whose objects are read.
pub(super) trait Kind:
    DeserializeOwned + Check + PartialEq + Resource<DynamicType = ()> + 'static
{
    /// Its API group, empty for the core group.
    const GROUP: &'static str;
    /// Its version.
    const VERSION: &'static str;
    /// Its name.
    const NAME: &'static str;
    /// Whether its objects are in namespaces.
    const NAMESPACED: bool;
    /// Whether its definition is ours, with rules of its own.
    const OWN: bool;
    /// Where its objects go.
    fn list(objects: &mut Objects) -> &mut Vec<Self>;
}

/// Something to be done with an object once its kind is known.
pub(super) trait ForKind {
    /// What comes out of it.
    type Output;
    /// Does it for a kind.
    fn run<K: Kind>(self) -> Self::Output;
}

macro_rules! kinds {
    ($($group:literal $version:literal $name:literal $kind:ty, $list:ident, $namespaced:literal, $own:literal;)*) => {
        $(
            impl Kind for $kind {
                const GROUP: &'static str = $group;
                const VERSION: &'static str = $version;
                const NAME: &'static str = $name;
                const NAMESPACED: bool = $namespaced;
                const OWN: bool = $own;

                fn list(objects: &mut Objects) -> &mut Vec<Self> {
                    &mut objects.$list
                }
            }
        )*

        /// Does something for the kind of this group, version and name; nothing if it is not read.
        pub(super) fn with_kind<F: ForKind>(group: &str, version: &str, name: &str, then: F) -> Option<F::Output> {
            match (group, version, name) {
                $(($group, $version, $name) => Some(then.run::<$kind>()),)*
                _ => None,
            }
        }

        /// Group, version and name of every kind that is read.
        #[cfg(test)]
        pub(super) const KINDS_READ: &[(&str, &str, &str)] = &[$(($group, $version, $name)),*];
    };
}

kinds! {
    "" "v1" "Pod" Pod, pods, true, false;
    "" "v1" "Node" Node, nodes, false, false;
    "" "v1" "PodTemplate" PodTemplate, pod_templates, true, false;
    "" "v1" "PersistentVolume" PersistentVolume, persistent_volumes, false, false;
    "" "v1" "PersistentVolumeClaim" PersistentVolumeClaim, persistent_volume_claims, true, false;
    "" "v1" "Namespace" Namespace, namespaces, false, false;
    "apps" "v1" "Deployment" Deployment, deployments, true, false;
    "apps" "v1" "ReplicaSet" ReplicaSet, replica_sets, true, false;
    "apps" "v1" "StatefulSet" StatefulSet, stateful_sets, true, false;
    "apps" "v1" "DaemonSet" DaemonSet, daemon_sets, true, false;
    "batch" "v1" "Job" Job, jobs, true, false;
    "batch" "v1" "CronJob" CronJob, cron_jobs, true, false;
    "storage.k8s.io" "v1" "StorageClass" StorageClass, storage_classes, false, false;
    "storage.k8s.io" "v1" "CSINode" CSINode, csi_nodes, false, false;
    "policy" "v1" "PodDisruptionBudget" PodDisruptionBudget, pod_disruption_budgets, true, false;
    "scheduling.k8s.io" "v1" "PriorityClass" PriorityClass, priority_classes, false, false;
    "karpenter.sh" "v1" "NodePool" NodePool, node_pools, false, true;
    "karpenter.sh" "v1" "NodeClaim" NodeClaim, node_claims, false, true;
    "karpenter.sh" "v1alpha1" "NodeOverlay" NodeOverlay, node_overlays, false, true;
    "karpenter.k8s.aws" "v1" "EC2NodeClass" EC2NodeClass, node_classes, false, true;
    "autoscaling.x-k8s.io" "v1beta1" "CapacityBuffer" CapacityBuffer, capacity_buffers, true, true;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::validate::known_shapes::shapes_of;

    struct NameOf;

    impl ForKind for NameOf {
        type Output = (String, String, bool);

        fn run<K: Kind>(self) -> Self::Output {
            (K::kind(&()).into_owned(), K::api_version(&()).into_owned(), K::GROUP.is_empty())
        }
    }

    #[test]
    fn the_table_agrees_with_the_types_and_every_kind_has_a_schema() {
        for (group, version, name) in KINDS_READ {
            let (kind, api_version, core) = with_kind(group, version, name, NameOf).unwrap();
            assert_eq!(kind, *name);
            assert_eq!(api_version, if core { (*version).to_owned() } else { format!("{group}/{version}") });
            assert!(shapes_of(group, name).is_some(), "{name}");
        }
        assert!(with_kind("", "v1", "Secret", NameOf).is_none());
    }
}
