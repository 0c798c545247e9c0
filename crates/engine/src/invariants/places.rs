//! Rooms and planned nodes side by side: who is there, and which domains they may turn out to be in.

use std::collections::{BTreeMap, BTreeSet};

use supercargo_api::labels;

use crate::market::{OfferMask, TypeTable, is_offering_label};
use crate::planned::PlannedNode;
use crate::pools::{Pool, Variant};
use crate::rooms::Room;
use crate::snapshot::{Snapshot, UNBOUND};
use crate::solve::Outcome;

/// Pods of one class at one place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Presence {
    /// Placed by the outcome.
    pub new: i64,
    /// There before, and staying.
    pub old: i64,
}

impl Presence {
    /// All of them.
    pub fn total(self) -> i64 {
        self.new + self.old
    }
}

/// Classes present, and how many pods of each.
pub type Census = BTreeMap<u32, Presence>;

/// Where pods are.
#[derive(Clone, Copy, Debug)]
pub enum Site<'s> {
    /// A node that exists or is in flight.
    Room(&'s Room),
    /// A node to be bought.
    Planned(Bought<'s>),
}

/// A planned node with all that it refers to.
#[derive(Clone, Copy, Debug)]
pub struct Bought<'s> {
    /// The node.
    pub node: &'s PlannedNode,
    /// Its variant.
    pub variant: &'s Variant,
    /// Its NodePool.
    pub pool: &'s Pool,
    /// The types of its NodePool.
    pub table: &'s TypeTable,
}

impl Bought<'_> {
    /// The offerings under which one of its types may be launched.
    pub fn offers_of(&self, type_index: usize) -> OfferMask {
        self.table.offer_masks[type_index] & self.node.offers
    }
}

/// One place with its pods.
#[derive(Clone, Debug)]
pub struct Place<'s> {
    /// For messages.
    pub name: String,
    /// What it is.
    pub site: Site<'s>,
    /// The pods placed there, by index.
    pub new_pods: Vec<u32>,
    /// Everyone there.
    pub census: Census,
}

/// All places.
pub struct Places<'s> {
    /// The cluster.
    pub snapshot: &'s Snapshot,
    /// What is checked.
    pub outcome: &'s Outcome,
    /// Rooms first, then planned nodes.
    pub all: Vec<Place<'s>>,
}

impl<'s> Places<'s> {
    /// Takes the census.
    pub fn new(snapshot: &'s Snapshot, outcome: &'s Outcome) -> Places<'s> {
        let rooms = snapshot.rooms.iter().map(|room| Place {
            name: format!("node {}", room.name),
            site: Site::Room(room),
            new_pods: Vec::new(),
            census: Census::new(),
        });
        let mut all: Vec<Place<'s>> = rooms.collect();
        let mut in_batch = vec![false; snapshot.pods.len()];
        for pod in &snapshot.pending {
            in_batch[*pod as usize] = true;
        }
        for (index, pod) in snapshot.pods.iter().enumerate() {
            if pod.room != UNBOUND && !pod.terminating && !in_batch[index] {
                all[pod.room as usize].census.entry(pod.class).or_default().old += 1;
            }
        }
        for (room, pod) in &outcome.on_rooms {
            let place = &mut all[*room as usize];
            place.new_pods.push(*pod);
            place.census.entry(snapshot.pods[*pod as usize].class).or_default().new += 1;
        }
        for (index, node) in outcome.nodes.iter().enumerate() {
            let variant = &outcome.variants[node.variant as usize];
            let pool = &snapshot.pools[variant.pool as usize];
            // A pool without types has no variants, so no node can refer to one.
            let Some(table) = pool.table.as_deref() else { continue };
            let mut census = Census::new();
            for pod in &node.pods {
                census.entry(snapshot.pods[*pod as usize].class).or_default().new += 1;
            }
            all.push(Place {
                name: format!("planned node {index} of {}", pool.name),
                site: Site::Planned(Bought { node, variant, pool, table }),
                new_pods: node.pods.clone(),
                census,
            });
        }
        Places { snapshot, outcome, all }
    }

    /// `namespace/name` of some placed or running pod of a class, for messages.
    pub fn sample(&self, class: u32) -> String {
        let found = self.snapshot.pods.iter().position(|pod| pod.class == class);
        found.map_or_else(|| format!("class {class}"), |pod| self.snapshot.pod_name(pod as u32))
    }

    /// The domains of a topology key that a place may turn out to be in.
    pub fn domains(&self, place: usize, key: &str) -> BTreeSet<String> {
        if key == labels::HOSTNAME {
            // A node is its own domain, whatever its label says.
            return BTreeSet::from([place.to_string()]);
        }
        match self.all[place].site {
            Site::Room(room) => room.labels.get(key).cloned().into_iter().collect(),
            Site::Planned(bought) => {
                if let Some(value) = bought.variant.labels.get(key) {
                    return BTreeSet::from([value.clone()]);
                }
                if is_offering_label(key) {
                    let reached =
                        bought.node.types.ones().fold(0, |mask, index| mask | bought.offers_of(index));
                    let keys = self.snapshot.market.keys.iter().enumerate();
                    let reached = keys.filter(|(offer, _)| reached >> offer & 1 == 1);
                    return reached.filter_map(|(_, offer)| offer.label(key)).map(str::to_owned).collect();
                }
                let types = bought.node.types.ones();
                types.filter_map(|index| bought.table.label(index, key)).map(str::to_owned).collect()
            }
        }
    }
}
