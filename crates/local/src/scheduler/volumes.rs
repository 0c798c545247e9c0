//! Volumes of a pod: where they are, where they can be made, how many a node takes.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::{
    NodeSelector, PersistentVolume, PersistentVolumeClaim, TopologySelectorTerm,
};
use k8s_openapi::api::storage::v1::StorageClass;
use supercargo_api::Pod;
use supercargo_reconcile::{Key, State, claims_of};

use super::filter::Reason;
use super::index::NodeInfo;
use super::node_terms;

/// The annotation that tells a provisioner where the first pod goes.
pub(crate) const SELECTED_NODE: &str = "volume.kubernetes.io/selected-node";

/// The volumes of one pod.
#[derive(Debug, Default)]
pub(super) struct VolumeState {
    /// Where volumes that exist can be reached from.
    bound: Vec<NodeSelector>,
    /// Where volumes that do not exist yet can be made; each must be possible.
    to_make: Vec<Vec<TopologySelectorTerm>>,
    /// Volumes by driver that a node must have room for; a volume yet to be made has its claim's name.
    attached: BTreeMap<String, BTreeSet<String>>,
    /// Claims that must be told the node.
    pub(super) undecided: Vec<Key>,
    /// Claims that are not bound yet.
    pub(super) unbound: Vec<Key>,
}

impl VolumeState {
    /// Looks at a pod's claims; the error is the scheduler's message when no node can do.
    pub(super) fn new(pod: &Pod, state: &State) -> Result<Self, String> {
        let mut found = Self::default();
        for key in claims_of(pod) {
            let Some(claim) = state.claims.get(&key) else {
                return Err(format!("persistentvolumeclaim \"{}\" not found", key.name));
            };
            if claim.metadata.deletion_timestamp.is_some() {
                return Err(format!("persistentvolumeclaim \"{}\" is being deleted", key.name));
            }
            let lost = claim.status.as_ref().and_then(|status| status.phase.as_deref()) == Some("Lost");
            if lost {
                let volume = volume_of(claim).unwrap_or_default();
                return Err(format!(
                    "persistentvolumeclaim \"{}\" bound to non-existent persistentvolume \"{volume}\"",
                    key.name
                ));
            }
            match volume_of(claim).and_then(|name| state.volumes.get(&Key::cluster(name))) {
                Some(volume) => found.add_bound(volume),
                None => found.add_unbound(&key, claim, state)?,
            }
        }
        Ok(found)
    }

    /// What speaks against a node.
    pub(super) fn reason(&self, node: &NodeInfo, state: &State) -> Option<Reason> {
        if self.exceeds_limit(node, state) {
            return Some(Reason::VolumeLimit);
        }
        if !self.bound.iter().all(|terms| node_terms::matches(terms, &node.name, &node.labels)) {
            return Some(Reason::VolumeNode);
        }
        let can_be_made = |terms: &Vec<TopologySelectorTerm>| {
            terms.is_empty() || terms.iter().any(|term| allows(term, &node.labels))
        };
        (!self.to_make.iter().all(can_be_made)).then_some(Reason::VolumeBinding)
    }

    fn add_bound(&mut self, volume: &PersistentVolume) {
        let Some(spec) = &volume.spec else { return };
        if let Some(required) = spec.node_affinity.as_ref().and_then(|affinity| affinity.required.as_ref()) {
            self.bound.push(required.clone());
        }
        if let Some(csi) = &spec.csi {
            self.attached.entry(csi.driver.clone()).or_default().insert(csi.volume_handle.clone());
        }
    }

    fn add_unbound(&mut self, key: &Key, claim: &PersistentVolumeClaim, state: &State) -> Result<(), String> {
        let class = class_of(claim).and_then(|name| state.storage_classes.get(&Key::cluster(name)));
        let Some(class) = class.filter(|class| waits_for_consumer(class)) else {
            return Err("pod has unbound immediate PersistentVolumeClaims".to_owned());
        };
        self.to_make.push(class.allowed_topologies.clone().unwrap_or_default());
        self.attached.entry(class.provisioner.clone()).or_default().insert(key.to_string());
        self.unbound.push(key.clone());
        self.undecided.push(key.clone());
        Ok(())
    }

    /// Whether a driver on the node takes fewer volumes than there would be.
    fn exceeds_limit(&self, node: &NodeInfo, state: &State) -> bool {
        if self.attached.is_empty() {
            return false;
        }
        let Some(csi) = state.csi_nodes.get(&Key::cluster(&node.name)) else { return false };
        for driver in &csi.spec.drivers {
            let limit = driver.allocatable.as_ref().and_then(|allocatable| allocatable.count);
            let (Some(limit), Some(more)) = (limit, self.attached.get(&driver.name)) else { continue };
            let mut volumes = volumes_on(node, &driver.name, state);
            volumes.extend(more.iter().cloned());
            if i32::try_from(volumes.len()).is_ok_and(|count| count > limit) {
                return true;
            }
        }
        false
    }
}

/// The volumes of a driver that pods on a node use.
fn volumes_on(node: &NodeInfo, driver: &str, state: &State) -> BTreeSet<String> {
    let pods = node.pods.keys().filter_map(|key| state.pods.get(key));
    let claims = pods.flat_map(|pod| claims_of(pod));
    claims
        .filter_map(|key| {
            let claim = state.claims.get(&key)?;
            match volume_of(claim).and_then(|name| state.volumes.get(&Key::cluster(name))) {
                Some(volume) => {
                    let csi = volume.spec.as_ref()?.csi.as_ref()?;
                    (csi.driver == driver).then(|| csi.volume_handle.clone())
                }
                None => {
                    let class = state.storage_classes.get(&Key::cluster(class_of(claim)?))?;
                    (class.provisioner == driver).then(|| key.to_string())
                }
            }
        })
        .collect()
}

/// The volume a claim is bound to.
pub(crate) fn volume_of(claim: &PersistentVolumeClaim) -> Option<&str> {
    claim.spec.as_ref()?.volume_name.as_deref().filter(|name| !name.is_empty())
}

/// The storage class of a claim.
pub(crate) fn class_of(claim: &PersistentVolumeClaim) -> Option<&str> {
    claim.spec.as_ref()?.storage_class_name.as_deref().filter(|name| !name.is_empty())
}

/// Whether volumes of a class are made where their first pod goes.
pub(crate) fn waits_for_consumer(class: &StorageClass) -> bool {
    class.volume_binding_mode.as_deref() == Some("WaitForFirstConsumer")
}

/// Whether a node is in a topology that a storage class allows.
pub(crate) fn allows(term: &TopologySelectorTerm, labels: &BTreeMap<String, String>) -> bool {
    term.match_label_expressions
        .iter()
        .flatten()
        .all(|demand| labels.get(&demand.key).is_some_and(|value| demand.values.contains(value)))
}
