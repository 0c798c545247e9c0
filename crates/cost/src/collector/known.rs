//! Pods that were seen before: who they are is said once, in an order that is found once, and equal texts and maps are kept
//! once.
//!
//! ```text
//! view ──uid──> slots ──changed?──> containers of a slot ──new ones──> order of all containers
//! ```
//! Where nothing changed, an observation costs a look at each pod and no comparison of one container with another.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use k8s_openapi::api::core::v1::PodSpec;
use rayon::prelude::*;
use rustc_hash::{FxHashMap, FxHashSet};
use supercargo_api::Pod;

use crate::collector::pods::Asked;
use crate::collector::view::Seen;
use crate::facts::NetworkBytes;
use crate::workload::{Labels, Workload};

/// Written by `kubectl apply`: a copy of the whole object, of no use here.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// A container of a known pod.
#[derive(Clone, Debug)]
pub(super) struct KnownContainer {
    pub workload: Arc<Workload>,
    pub asked: Asked,
}

/// Who a pod is, and as of which object that was found.
#[derive(Clone, Debug, Default)]
pub(super) struct Identity {
    /// The object's resource version; empty if it has none.
    pub version: Box<str>,
    /// What its containers ask for was read from this.
    pub spec: Option<Arc<PodSpec>>,
    /// As in [`running`](super::pods::running).
    pub containers: Vec<KnownContainer>,
}

/// A pod of the last view.
#[derive(Clone, Debug, Default)]
pub(super) struct KnownPod {
    /// None if the pod has none, or somebody else has it already: then it is known for one observation only.
    uid: Option<Arc<str>>,
    /// The observation it was seen in.
    round: u32,
    /// Its containers are not in the order yet, or not as they are now.
    fresh: bool,
    pub identity: Identity,
    /// What it sent and received when that was last measured.
    pub counters: Option<NetworkBytes>,
}

/// A container: its pod's slot and its place among the pod's containers.
pub(super) type Place = (u32, u32);

/// The pods of the last view.
#[derive(Clone, Debug, Default)]
pub(super) struct KnownPods {
    slots: Vec<KnownPod>,
    free: Vec<usize>,
    by_uid: FxHashMap<Arc<str>, usize>,
    /// All containers, in order of workloads.
    order: Vec<Place>,
    /// Whether some workloads of the order are equal.
    ties: bool,
    shared: Known,
    round: u32,
}

fn uid_of(pod: &Pod) -> &str {
    pod.metadata.uid.as_deref().unwrap_or_default()
}

impl KnownPods {
    /// The slots of a view's pods, in its order. Who was there before has the slot it had.
    pub fn enter(&mut self, pods: &[Seen<'_, Pod>]) -> Vec<usize> {
        self.round = self.round.wrapping_add(1);
        let known: Vec<Option<usize>> =
            pods.par_iter().map(|seen| self.slot_of(uid_of(seen.object))).collect();
        let mut slots = Vec::with_capacity(pods.len());
        for (seen, known) in pods.iter().zip(known) {
            let slot = match known {
                Some(slot) if self.slots[slot].round != self.round => slot,
                _ => self.free_slot(uid_of(seen.object)),
            };
            self.slots[slot].round = self.round;
            slots.push(slot);
        }
        slots
    }

    fn free_slot(&mut self, uid: &str) -> usize {
        let slot = self.free.pop().unwrap_or(self.slots.len());
        let named = !uid.is_empty() && !self.by_uid.contains_key(uid);
        let uid: Option<Arc<str>> = named.then(|| uid.into());
        if let Some(uid) = &uid {
            self.by_uid.insert(Arc::clone(uid), slot);
        }
        let pod = KnownPod { uid, ..KnownPod::default() };
        match self.slots.get_mut(slot) {
            Some(old) => *old = pod,
            None => self.slots.push(pod),
        }
        slot
    }

    /// The slot of a uid.
    pub fn slot_of(&self, uid: &str) -> Option<usize> {
        self.by_uid.get(uid).copied()
    }

    /// How many slots there are, taken or not.
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// The pod in a slot.
    pub fn pod(&self, slot: usize) -> &KnownPod {
        &self.slots[slot]
    }

    /// The counters of the pod in a slot.
    pub fn counters(&mut self, slot: usize) -> &mut Option<NetworkBytes> {
        &mut self.slots[slot].counters
    }

    /// Says who pods are. Those whose containers are others than before get new places in the order.
    pub fn identify(&mut self, found: Vec<(usize, Identity)>) {
        let mut moved = Vec::new();
        let mut stale = false;
        for (slot, identity) in found {
            let pod = &mut self.slots[slot];
            let (before, now) = (&pod.identity.containers, &identity.containers);
            let same = before.len() == now.len()
                && before.iter().zip(now).all(|(one, two)| Arc::ptr_eq(&one.workload, &two.workload));
            if !same {
                stale |= !before.is_empty();
                pod.fresh = true;
                moved.push(slot);
            }
            pod.identity = identity;
        }
        if stale {
            let slots = &self.slots;
            self.order.retain(|(slot, _)| !slots[*slot as usize].fresh);
        }
        let mut new: Vec<Place> = Vec::new();
        for slot in moved {
            let pod = &mut self.slots[slot];
            pod.fresh = false;
            new.extend((0..pod.identity.containers.len() as u32).map(|index| (slot as u32, index)));
        }
        self.put_in_order(new);
    }

    fn put_in_order(&mut self, mut new: Vec<Place>) {
        if new.is_empty() {
            return;
        }
        let mut old = std::mem::take(&mut self.order);
        let compare = |one: &Place, two: &Place| self.compare(one, two);
        if new.len() > old.len() / 8 {
            old.append(&mut new);
            old.par_sort_by(compare);
        } else {
            new.par_sort_by(compare);
            let mut merged = Vec::with_capacity(old.len() + new.len());
            let mut rest = old.as_slice();
            for place in new {
                let (before, after) = rest
                    .split_at(rest.partition_point(|known| self.compare(known, &place) != Ordering::Greater));
                merged.extend_from_slice(before);
                merged.push(place);
                rest = after;
            }
            merged.extend_from_slice(rest);
            old = merged;
        }
        self.ties = old.par_windows(2).any(|pair| self.compare(&pair[0], &pair[1]) == Ordering::Equal);
        self.order = old;
    }

    fn compare(&self, one: &Place, two: &Place) -> Ordering {
        self.container(*one).workload.cmp(&self.container(*two).workload)
    }

    fn container(&self, (slot, index): Place) -> &KnownContainer {
        &self.slots[slot as usize].identity.containers[index as usize]
    }

    /// All containers, in order of workloads.
    pub fn in_order(&self) -> &[Place] {
        &self.order
    }

    /// Whether some of them are equal, so that others have to decide who comes first.
    pub const fn has_ties(&self) -> bool {
        self.ties
    }

    /// Forgets pods that are not in the view any more, and who those are of which nothing was said: `there` tells of a slot.
    pub fn leave(&mut self, there: impl Fn(usize) -> bool) {
        let mut gone = false;
        for (slot, pod) in self.slots.iter_mut().enumerate() {
            if pod.round != self.round || pod.uid.is_none() {
                if let Some(uid) = pod.uid.take() {
                    self.by_uid.remove(&uid);
                } else if pod.round == 0 {
                    continue;
                }
                gone |= !pod.identity.containers.is_empty();
                // rounds begin with 1: nobody is here
                *pod = KnownPod::default();
                self.free.push(slot);
            } else if !there(slot) && !pod.identity.containers.is_empty() {
                pod.identity = Identity::default();
                gone = true;
            }
        }
        if gone {
            let slots = &self.slots;
            let left =
                |(slot, index): &Place| (*index as usize) < slots[*slot as usize].identity.containers.len();
            self.order.retain(left);
            self.shared.tidy();
        }
    }

    /// Texts and maps that are known, to be added to and given back.
    pub fn lend(&mut self) -> SharedTexts {
        SharedTexts(Mutex::new(std::mem::take(&mut self.shared)))
    }

    /// Takes back the texts and maps.
    pub fn take_back(&mut self, shared: SharedTexts) {
        self.shared = shared.0.into_inner().unwrap_or_else(PoisonError::into_inner);
    }
}

/// Texts and maps, equal ones once.
#[derive(Clone, Debug, Default)]
struct Known {
    texts: FxHashSet<Arc<str>>,
    maps: BTreeSet<Labels>,
}

impl Known {
    fn text(&mut self, text: &str) -> Arc<str> {
        if let Some(known) = self.texts.get(text) {
            return Arc::clone(known);
        }
        let text: Arc<str> = text.into();
        self.texts.insert(Arc::clone(&text));
        text
    }

    /// Forgets what nobody has any more.
    fn tidy(&mut self) {
        self.maps.retain(|map| Arc::strong_count(map) > 1);
        self.texts.retain(|text| Arc::strong_count(text) > 1);
    }
}

/// What [`KnownPods::lend`] lends.
#[derive(Debug, Default)]
pub(super) struct SharedTexts(Mutex<Known>);

impl SharedTexts {
    fn known(&self) -> MutexGuard<'_, Known> {
        // everything is put in whole, so what is behind a poisoned lock is still right
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A text.
    pub fn text(&self, text: &str) -> Arc<str> {
        self.known().text(text)
    }

    /// The map of an object.
    pub fn map(&self, map: Option<&BTreeMap<String, String>>) -> Labels {
        let mut known = self.known();
        let labels = kept(map).map(|(key, value)| (known.text(key), known.text(value)));
        let labels: Labels = Arc::new(labels.collect());
        if let Some(found) = known.maps.get(&labels) {
            return Arc::clone(found);
        }
        known.maps.insert(Arc::clone(&labels));
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
