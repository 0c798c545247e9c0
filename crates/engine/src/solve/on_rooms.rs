//! Existing rooms first: they are paid for already (reference section 2.4).
//!
//! Pods with rules over domains are placed one at a time, for each changes the counts. Rooms of the same domains stand
//! and fall together, so they are kept in one [`Cell`] and asked about once.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::pack::HostRules;
use crate::topology::Rule;

use super::relaxation::Relaxation;
use super::solver::{Solver, Waiting};

/// Rooms in the same domains, in the order they are tried.
#[derive(Clone, Debug)]
struct Cell {
    domains: Vec<Option<String>>,
    /// Position in the order of all rooms, and room.
    rooms: Vec<(u32, u32)>,
    /// Rooms before this one take no more.
    first: usize,
}

/// The rooms that a class may use, and how.
#[derive(Default)]
pub(super) struct RoomsOfClass {
    rooms: Arc<Vec<u32>>,
    host: HostRules,
    keys: Vec<String>,
    cells: Vec<Cell>,
    /// All pods of the class have to be where the first one is.
    together: bool,
}

impl Solver<'_> {
    /// The rooms for a class.
    pub(super) fn rooms_of_class(&mut self, waiting: &Waiting) -> RoomsOfClass {
        if self.snapshot.rooms.is_empty() {
            return RoomsOfClass::default();
        }
        let class = &self.snapshot.classes[waiting.class as usize];
        let rooms = self.admissible_rooms(class.rules, &waiting.level);
        let host = self.host_rules(waiting.class, &waiting.level);
        let keys = self.pin_keys(waiting.class, &waiting.level);
        let mut cells: Vec<Cell> = Vec::new();
        let mut by_domains: FxHashMap<Vec<Option<&str>>, usize> = FxHashMap::default();
        for (position, room) in rooms.iter().enumerate().filter(|_| !keys.is_empty()) {
            let labels = &self.snapshot.rooms[*room as usize].labels;
            let domains: Vec<Option<&str>> =
                keys.iter().map(|key| labels.get(key).map(String::as_str)).collect();
            let entry = (position as u32, *room);
            match by_domains.get(&domains) {
                Some(cell) => cells[*cell].rooms.push(entry),
                None => {
                    let owned = domains.iter().map(|domain| domain.map(str::to_owned)).collect();
                    by_domains.insert(domains, cells.len());
                    cells.push(Cell { domains: owned, rooms: vec![entry], first: 0 });
                }
            }
        }
        let together = self.stays_together(waiting, &host);
        RoomsOfClass { rooms, host, keys, cells, together }
    }

    /// Whether the pods must all be on one host, nobody is anywhere yet, and one host can be had for all.
    fn stays_together(&mut self, waiting: &Waiting, host: &HostRules) -> bool {
        if !self.starts_on_a_host(host) {
            return false;
        }
        let class = &self.snapshot.classes[waiting.class as usize];
        let all = class.requests.times(i64::from(waiting.left));
        let rooms = self.admissible_rooms(class.rules, &waiting.level);
        if rooms.iter().any(|room| all.fits(&self.free[*room as usize])) {
            return true;
        }
        let sets = self.alternatives(class.rules, &waiting.level);
        let ground = Self::ground(self.snapshot, &self.variants);
        sets.iter().any(|set| self.fits.is_large_enough(ground, *set, &all))
    }

    /// Whether pods want to be where their like are, and none of them is anywhere yet (T6).
    pub(super) fn starts_on_a_host(&self, host: &HostRules) -> bool {
        host.owned.iter().any(|rule| {
            let nobody = self.topology.host_totals[rule.group as usize] == 0;
            rule.rule == Rule::Affinity && rule.selects_self && nobody
        })
    }

    /// Places pods of a class on its rooms, in order. How many found one.
    pub(super) fn place_on_rooms(&mut self, waiting: &Waiting, on: &mut RoomsOfClass) -> u32 {
        if on.rooms.is_empty() {
            return 0;
        }
        let mut left = waiting.left;
        if on.keys.is_empty() {
            for room in on.rooms.iter() {
                if left == 0 {
                    break;
                }
                let copies = self.copies_on(waiting.class, *room, &on.host).min(left);
                if copies > 0 && (copies == left || !on.together) {
                    self.take_room(waiting.class, *room, copies);
                    left -= copies;
                }
            }
            return waiting.left - left;
        }
        while left > 0 {
            let Some(room) = self.open_room(waiting, on, left) else { break };
            self.take_room(waiting.class, room, 1);
            on.together = false;
            left -= 1;
        }
        waiting.left - left
    }

    /// The first room whose domains allow one more pod of the class.
    fn open_room(&mut self, waiting: &Waiting, on: &mut RoomsOfClass, left: u32) -> Option<u32> {
        let mut best: Option<(u32, u32)> = None;
        for cell in &mut on.cells {
            let mut position = cell.first;
            let found = loop {
                let Some(entry) = cell.rooms.get(position) else { break None };
                let copies = self.copies_on(waiting.class, entry.1, &on.host);
                if copies > 0 && (copies >= left || !on.together) {
                    break Some(*entry);
                }
                if copies == 0 && position == cell.first && !on.host.follows {
                    cell.first += 1;
                }
                position += 1;
            };
            let Some(entry) = found else { continue };
            if best.is_some_and(|best| best < entry) {
                continue;
            }
            let allowed = on.keys.iter().zip(&cell.domains).all(|(key, domain)| match domain {
                Some(domain) => self.domain_allows(waiting.class, &waiting.level, key, domain).is_some(),
                None => !self.needs_domain(waiting.class, &waiting.level, key),
            });
            if allowed {
                best = Some(entry);
            }
        }
        best.map(|(_, room)| room)
    }

    /// How many pods of a class a room holds, by size and by rules over hosts.
    fn copies_on(&self, class: u32, room: u32, host: &HostRules) -> u32 {
        let copies = self.snapshot.classes[class as usize].requests.copies_in(&self.free[room as usize]);
        if copies == 0 || host.is_free() {
            return copies;
        }
        let counts = |group: u32| self.topology.host_counts.get(&(room, group)).copied().unwrap_or_default();
        copies.min(host.copies(&counts, &self.ports[room as usize], &self.topology.host_totals))
    }

    fn take_room(&mut self, class: u32, room: u32, copies: u32) {
        let row = &self.snapshot.classes[class as usize];
        self.free[room as usize].subtract(&row.requests.times(i64::from(copies)));
        self.ports[room as usize].extend(row.host_ports.iter().cloned());
        self.topology.record_on_room(self.snapshot, class, room, i64::from(copies));
        for pod in self.queues[class as usize].by_ref().take(copies as usize) {
            self.on_rooms.push((room, pod));
        }
    }

    /// Whether a rule of the class over this key cannot be kept on a node that lacks the label. Anti-affinity can:
    /// without the label the node is in no domain at all.
    fn needs_domain(&self, class: u32, level: &Relaxation, key: &str) -> bool {
        self.topology.links[class as usize].owned.iter().any(|(group, strength)| {
            let entry = &self.topology.groups[*group as usize];
            entry.key == key && level.holds(*strength) && entry.rule != Rule::AntiAffinity
        })
    }
}
