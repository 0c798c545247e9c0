//! Nodes with the pods on them, as the scheduler counts.

use std::collections::BTreeMap;
use std::sync::Arc;

use k8s_openapi::api::core::v1::{Node, Taint};
use supercargo_api::Pod;
use supercargo_api::labels::ZONE;
use supercargo_api::taint::PREFER_NO_SCHEDULE;
use supercargo_reconcile::{Key, State};

use super::amounts::{Amounts, Names, add};
use super::class::{Classes, PodClass, Port};
use super::groups::{Counted, Counts, Groups, Meant, NamespaceLabels};
use super::requests::quantities;

/// A pod on a node.
#[derive(Debug, Clone)]
pub(super) struct Placed {
    pub(super) class: Arc<PodClass>,
    /// When it started, in seconds; the youngest go first among equals.
    pub(super) started: i64,
    /// Whether it is being deleted.
    pub(super) is_leaving: bool,
}

/// A node and what is on it.
#[derive(Debug, Default)]
pub(super) struct NodeInfo {
    pub(super) name: String,
    /// Whether there is a node object; pods may be bound to a name without one.
    pub(super) exists: bool,
    pub(super) labels: BTreeMap<String, String>,
    pub(super) taints: Vec<Taint>,
    pub(super) wishes: Vec<Taint>,
    pub(super) unschedulable: bool,
    pub(super) allocatable: Amounts,
    pub(super) requested: Amounts,
    pub(super) scored: [i64; 2],
    pub(super) ports: BTreeMap<Port, u32>,
    pub(super) pods: BTreeMap<Key, Placed>,
    /// Names of images with their size in bytes.
    pub(super) images: BTreeMap<String, i64>,
    /// Grows with every change of the node itself.
    pub(super) version: u64,
}

/// All nodes and pods that are placed.
#[derive(Debug, Default)]
pub(super) struct Index {
    pub(super) names: Names,
    pub(super) nodes: Vec<NodeInfo>,
    by_name: BTreeMap<String, usize>,
    placed: BTreeMap<Key, usize>,
    /// Slots of nodes that exist, zones taking turns.
    order: Option<Arc<Vec<usize>>>,
    pub(super) groups: Groups,
    pub(super) namespaces: NamespaceLabels,
    pub(super) classes: Classes,
    /// How many pods of a priority are placed.
    priorities: BTreeMap<i32, usize>,
    /// Grows with every change.
    pub(super) generation: u64,
}

impl Index {
    /// The class of a pod, with its groups set up.
    pub(super) fn class_of(&mut self, pod: &Pod, state: &State) -> Arc<PodClass> {
        let (class, new) = self.classes.of(pod, state, &mut self.names);
        if !new {
            return class;
        }
        for swept in self.classes.sweep() {
            self.groups.forget(swept);
        }
        let mut complete = PodClass::compile(class.id, pod, state, &mut self.names);
        complete.carried = complete.terms.iter().map(|term| self.groups.term(term)).collect();
        let complete = Arc::new(complete);
        self.classes.complete(pod, &complete);
        complete
    }

    /// How many of the pods meant there are, by node slot.
    pub(super) fn counts(&mut self, counted: Counted, meant: &Meant) -> &Counts {
        let (nodes, namespaces) = (&self.nodes, &self.namespaces);
        let group = self.groups.group(counted, meant, || count_meant(nodes, counted, meant, namespaces));
        self.groups.counts(group)
    }

    /// Where a pod is.
    pub(super) fn place_of(&self, key: &Key) -> Option<usize> {
        self.placed.get(key).copied()
    }

    /// Takes in a node as it is now.
    pub(super) fn put_node(&mut self, node: &Node) -> usize {
        let name = node.metadata.name.clone().unwrap_or_default();
        let slot = self.slot_for(&name);
        let labels = node.metadata.labels.clone().unwrap_or_default();
        let spec = node.spec.clone().unwrap_or_default();
        let status = node.status.as_ref();
        let capacity = status.and_then(|status| status.allocatable.as_ref().or(status.capacity.as_ref()));
        let allocatable = self.names.amounts(&quantities(capacity));
        let images = status.iter().flat_map(|status| status.images.iter().flatten()).flat_map(|image| {
            let size = image.size_bytes.unwrap_or(0);
            image.names.iter().flatten().map(move |name| (name.clone(), size))
        });
        let images = images.collect();
        let info = &mut self.nodes[slot];
        if !info.exists || info.labels.get(ZONE) != labels.get(ZONE) {
            self.order = None;
        }
        info.exists = true;
        info.labels = labels;
        (info.wishes, info.taints) =
            spec.taints.unwrap_or_default().into_iter().partition(|taint| taint.effect == PREFER_NO_SCHEDULE);
        info.unschedulable = spec.unschedulable == Some(true);
        info.allocatable = allocatable;
        info.images = images;
        self.generation += 1;
        info.version = self.generation;
        slot
    }

    /// Takes in that a node is gone.
    pub(super) fn take_node(&mut self, name: &str) {
        if let Some(slot) = self.by_name.get(name) {
            let info = &mut self.nodes[*slot];
            info.exists = false;
            info.labels.clear();
            self.generation += 1;
            info.version = self.generation;
            self.order = None;
        }
    }

    /// Puts a pod on a node, off the one it was on.
    pub(super) fn put_pod(&mut self, key: &Key, placed: Placed, node: &str) {
        self.take_pod(key);
        let slot = self.slot_for(node);
        self.count(&placed, slot, 1);
        self.nodes[slot].pods.insert(key.clone(), placed);
        self.placed.insert(key.clone(), slot);
    }

    /// Takes a pod off its node.
    pub(super) fn take_pod(&mut self, key: &Key) -> Option<(usize, Placed)> {
        let slot = self.placed.remove(key)?;
        let placed = self.nodes[slot].pods.remove(key)?;
        self.count(&placed, slot, -1);
        Some((slot, placed))
    }

    /// The slots of nodes that exist, zones taking turns, so that the first few of them are spread out.
    pub(super) fn order(&mut self) -> Arc<Vec<usize>> {
        if let Some(order) = &self.order {
            return Arc::clone(order);
        }
        let mut zones: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for slot in self.by_name.values().filter(|slot| self.nodes[**slot].exists) {
            let zone = self.nodes[*slot].labels.get(ZONE).map_or("", String::as_str);
            zones.entry(zone).or_default().push(*slot);
        }
        let longest = zones.values().map(Vec::len).max().unwrap_or(0);
        let order: Vec<usize> = (0..longest)
            .flat_map(|position| zones.values().filter_map(move |slots| slots.get(position).copied()))
            .collect();
        let order = Arc::new(order);
        self.order = Some(Arc::clone(&order));
        order
    }

    /// Whether a pod of lower priority is placed anywhere.
    pub(super) fn has_below(&self, priority: i32) -> bool {
        self.priorities.first_key_value().is_some_and(|(least, _)| *least < priority)
    }

    /// Takes in the labels of a namespace, or that it is gone. Terms that look at such labels are counted afresh.
    pub(super) fn put_namespace(&mut self, name: &str, labels: Option<BTreeMap<String, String>>) {
        match labels {
            Some(labels) if self.namespaces.get(name) == Some(&labels) => return,
            Some(labels) => {
                self.namespaces.insert(name.to_owned(), labels);
            }
            None => {
                self.namespaces.remove(name);
            }
        }
        self.generation += 1;
        let (nodes, namespaces) = (&self.nodes, &self.namespaces);
        self.groups.namespaces_changed(|counted, meant| count_meant(nodes, counted, meant, namespaces));
    }

    fn slot_for(&mut self, name: &str) -> usize {
        if let Some(slot) = self.by_name.get(name) {
            return *slot;
        }
        let slot = self.nodes.len();
        self.nodes.push(NodeInfo { name: name.to_owned(), ..NodeInfo::default() });
        self.by_name.insert(name.to_owned(), slot);
        slot
    }

    fn count(&mut self, placed: &Placed, slot: usize, sign: i64) {
        let class = &placed.class;
        let info = &mut self.nodes[slot];
        add(&mut info.requested, &class.requests, sign);
        info.scored[0] += sign * class.scored[0];
        info.scored[1] += sign * class.scored[1];
        for port in &class.ports {
            let taken = info.ports.entry(port.clone()).or_default();
            *taken = taken.saturating_add_signed(if sign > 0 { 1 } else { -1 });
            if *taken == 0 {
                info.ports.remove(port);
            }
        }
        self.groups.count(placed, slot, sign, &self.namespaces);
        let of_priority = self.priorities.entry(class.priority).or_default();
        *of_priority = of_priority.saturating_add_signed(if sign > 0 { 1 } else { -1 });
        if *of_priority == 0 {
            self.priorities.remove(&class.priority);
        }
        self.generation += 1;
    }
}

/// Counts the pods that are meant, by node slot.
fn count_meant(nodes: &[NodeInfo], counted: Counted, meant: &Meant, namespaces: &NamespaceLabels) -> Counts {
    let mut answers: BTreeMap<u64, bool> = BTreeMap::new();
    let mut counts = Counts::new();
    for (slot, node) in nodes.iter().enumerate() {
        let mut count = 0;
        for placed in node.pods.values().filter(|placed| counted.counts(placed.is_leaving)) {
            let class = &placed.class;
            count += i64::from(*answers.entry(class.id).or_insert_with(|| meant.means(class, namespaces)));
        }
        if count > 0 {
            counts.insert(slot, count);
        }
    }
    counts
}
