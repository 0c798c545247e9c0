//! Pods that counted on others who then found no place.
//!
//! A spread lets a second pod into a zone because a first one went to the next; when that zone's NodePool turns out to
//! be used up, the second pod has to come back. This is rare, and costs nothing where it does not happen.

use std::collections::BTreeSet;

use crate::topology::{Rule, Strength};

use super::relaxation::Relaxation;
use super::solver::{Solver, Waiting};

/// Where a pod of this solve is.
#[derive(Clone, Copy, Debug)]
enum Spot {
    /// Index of a planned node.
    Planned(usize),
    /// Index in the list of pods on rooms.
    Room(usize),
}

impl Solver<'_> {
    /// Takes back pods until every required rule over domains holds again. `classes` are those whose pods were missed.
    pub(super) fn take_back(&mut self, classes: &BTreeSet<u32>) -> Vec<Waiting> {
        let mut taken: Vec<Waiting> = Vec::new();
        let mut groups: BTreeSet<u32> = classes
            .iter()
            .flat_map(|class| self.topology.links[*class as usize].matched.iter().copied())
            .collect();
        groups.retain(|group| !self.topology.groups[*group as usize].by_host);
        while let Some((class, spot)) = groups.iter().find_map(|group| self.astray(*group)) {
            self.remove(class, spot);
            // Whoever counted on this one may be next.
            let matched = &self.topology.links[class as usize].matched;
            groups.extend(matched.iter().filter(|group| !self.topology.groups[**group as usize].by_host));
            match taken.iter_mut().find(|known| known.class == class) {
                Some(known) => known.left += 1,
                None => taken.push(Waiting { class, level: self.first_level(), left: 1 }),
            }
        }
        taken
    }

    /// A pod that states the group's rule where it does not hold.
    fn astray(&mut self, group: u32) -> Option<(u32, Spot)> {
        let owners: Vec<u32> = (0..self.topology.links.len() as u32)
            .filter(|class| self.topology.links[*class as usize].owned.contains(&(group, Strength::Required)))
            .collect();
        for class in owners {
            let key = self.topology.groups[group as usize].key.clone();
            let least = self.least(class, group, &Relaxation::default());
            let links = &self.topology.links[class as usize];
            let selects_self = links.matches(group);
            let entry = &self.topology.groups[group as usize];
            let is_bad = |domain: &str| match entry.rule {
                Rule::Spread { max_skew, .. } => {
                    selects_self && entry.count(domain).matched - least > max_skew
                }
                Rule::Affinity => entry.count(domain).matched == 0,
                Rule::AntiAffinity => false,
            };
            let planned = (0..self.nodes.len()).rev().find(|index| {
                let holds = self.nodes[*index].contents.iter().any(|(known, _)| *known == class);
                holds && self.planned_domain(*index, &key).is_some_and(|domain| is_bad(&domain))
            });
            if let Some(index) = planned {
                return Some((class, Spot::Planned(index)));
            }
            let on_room = (0..self.on_rooms.len()).rev().find(|index| {
                let (room, pod) = self.on_rooms[*index];
                let domain = self.snapshot.rooms[room as usize].labels.get(&key);
                self.snapshot.pods[pod as usize].class == class && domain.is_some_and(|domain| is_bad(domain))
            });
            if let Some(index) = on_room {
                return Some((class, Spot::Room(index)));
            }
        }
        None
    }

    fn remove(&mut self, class: u32, spot: Spot) {
        let row = &self.snapshot.classes[class as usize];
        match spot {
            Spot::Room(index) => {
                let (room, pod) = self.on_rooms.remove(index);
                self.free[room as usize].add(&row.requests);
                self.topology.record_on_room(self.snapshot, class, room, -1);
                let mut queue: Vec<u32> =
                    std::iter::once(pod).chain(self.queues[class as usize].by_ref()).collect();
                queue.sort_by_key(|pod| (self.snapshot.pods[*pod as usize].created, *pod));
                self.queues[class as usize] = queue.into_iter();
            }
            Spot::Planned(index) => {
                let keys = self.pin_keys(class, &Relaxation::default());
                let pins = keys.into_iter().filter_map(|key| {
                    let domain = self.planned_domain(index, &key)?;
                    Some((key, domain))
                });
                let pins: Vec<_> = pins.collect();
                self.record_pins(class, &pins, -1);
                let host = self.host_rules(class, &Relaxation::default());
                for group in &host.matched {
                    self.topology.host_totals[*group as usize] -= 1;
                }
                let node = &mut self.nodes[index];
                node.used.subtract(&row.requests);
                for group in &host.matched {
                    node.host.record(*group, -1, 0);
                }
                for rule in host.owned.iter().filter(|rule| rule.binds_others) {
                    node.host.record(rule.group, 0, -1);
                }
                for (known, count) in &mut node.contents {
                    *count -= u32::from(*known == class);
                }
                node.contents.retain(|(_, count)| *count > 0);
                if node.contents.is_empty() && !node.is_static {
                    self.return_node(index);
                }
            }
        }
    }

    /// Buys one node less. A reservation it used stays used: somebody else was refused for it already.
    pub(super) fn return_node(&mut self, index: usize) {
        let node = self.nodes.remove(index);
        let pool = self.variants[node.variant as usize].pool as usize;
        let Some(table) = &self.snapshot.pools[pool].table else { return };
        let capacity = &table.types[node.chosen as usize].capacity;
        for (resource, left) in &mut self.stock.limits[pool] {
            *left += if resource == "nodes" { 1 } else { capacity.get(resource) };
        }
    }
}
