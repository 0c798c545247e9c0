//! Pods that were seen before: who they are is said once, and replicas share what they have in common.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use rustc_hash::FxHashMap;

use crate::collector::pods::LivePod;
use crate::facts::ContainerFact;
use crate::workload::{Labels, Workload};

/// Written by `kubectl apply`: a copy of the whole object, of no use here.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// The containers of the last observation, by their pod's uid.
#[derive(Clone, Debug, Default)]
pub(super) struct KnownPods {
    pods: FxHashMap<Arc<str>, Vec<Arc<Workload>>>,
    maps: BTreeSet<Labels>,
    /// The place of each in the order of the last facts, by address.
    order: FxHashMap<usize, u32>,
}

impl KnownPods {
    /// Puts containers into the order that they had the last time, so that little is left to sort.
    pub fn arrange(&self, containers: &mut [ContainerFact]) {
        let place = |fact: &ContainerFact| {
            self.order.get(&Arc::as_ptr(&fact.workload).addr()).copied().unwrap_or(u32::MAX)
        };
        containers.sort_by_cached_key(place);
    }

    /// Notes the order of containers.
    pub fn note_order(&mut self, containers: &[ContainerFact]) {
        let places = containers.iter().zip(0u32..);
        self.order = places.map(|(fact, place)| (Arc::as_ptr(&fact.workload).addr(), place)).collect();
    }

    /// The containers of a pod.
    pub fn of(&self, uid: &str) -> &[Arc<Workload>] {
        self.pods.get(uid).map_or(&[], Vec::as_slice)
    }

    /// The maps that are known, to be added to and given back.
    pub fn lend(&mut self) -> SharedMaps {
        SharedMaps(Mutex::new(std::mem::take(&mut self.maps)))
    }

    /// Takes back the maps, and remembers the pods that were there.
    pub fn remember(&mut self, live: &[LivePod<'_>], maps: SharedMaps) {
        self.pods.clear();
        for pod in live {
            let containers = pod.containers.iter().map(|container| Arc::clone(&container.workload));
            if let Some(first) = pod.containers.first()
                && !first.workload.pod_uid.is_empty()
            {
                self.pods.insert(Arc::clone(&first.workload.pod_uid), containers.collect());
            }
        }
        self.maps = maps.0.into_inner().unwrap_or_else(PoisonError::into_inner);
        self.maps.retain(|map| Arc::strong_count(map) > 1);
    }
}

/// Labels and annotations, equal ones once.
#[derive(Debug, Default)]
pub(super) struct SharedMaps(Mutex<BTreeSet<Labels>>);

impl SharedMaps {
    /// The map of an object.
    pub fn get(&self, map: Option<&BTreeMap<String, String>>) -> Labels {
        let labels: Labels = Arc::new(kept(map).map(|(key, value)| (key.into(), value.into())).collect());
        // a map is put in whole, so poisoned ones are still right
        let mut maps = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = maps.get(&labels) {
            return Arc::clone(known);
        }
        maps.insert(Arc::clone(&labels));
        labels
    }
}

fn kept(map: Option<&BTreeMap<String, String>>) -> impl Iterator<Item = (&str, &str)> {
    let pairs = map.into_iter().flatten().map(|(key, value)| (key.as_str(), value.as_str()));
    pairs.filter(|(key, _)| *key != LAST_APPLIED)
}

/// Whether labels are still an object's.
pub(super) fn is_still(labels: &Labels, map: Option<&BTreeMap<String, String>>) -> bool {
    labels.iter().map(|(key, value)| (&**key, &**value)).eq(kept(map))
}
