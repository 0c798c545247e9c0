//! Rooms and counts as they stand, with every change undone for free.

use rustc_hash::FxHashMap;

use crate::amounts::Amounts;
use crate::class::HostPort;
use crate::snapshot::UNBOUND;
use crate::topology::Count;

use super::answer::{Fresh, Place, Relocation};
use super::largest_free::LargestFree;
use super::layout::{Layout, NOWHERE};

/// A node that an earlier move brought: a room like others to later ones.
#[derive(Clone, Debug)]
pub(super) struct Annex {
    pub(super) variant: u32,
    pub(super) type_index: u32,
    pub(super) offer: u8,
}

/// What a change replaced.
#[derive(Clone, Debug)]
pub(super) enum Change {
    Free(u32, Amounts),
    Gone(u32),
    Count(u32, u32, Count),
    Populated(u32, i64),
    Host((u32, u32), Count),
    Total(u32, i64),
    Ports(u32, usize),
}

/// Rooms and counts as they stand.
///
/// A clone is independent of the original, so questions can be asked on several threads, each with a clone.
#[derive(Clone, Debug)]
pub struct Board<'l> {
    pub(super) layout: &'l Layout<'l>,
    pub(super) free: Vec<Amounts>,
    pub(super) rows: Vec<LargestFree>,
    pub(super) gone: Vec<bool>,
    pub(super) ports: Vec<Vec<HostPort>>,
    /// By group over domains, by domain.
    pub(super) counts: Vec<Vec<Count>>,
    /// By group over domains: selected pods anywhere.
    pub(super) populated: Vec<i64>,
    /// By room and group, for groups by host.
    pub(super) host_counts: FxHashMap<(u32, u32), Count>,
    /// By group, for groups by host.
    pub(super) host_totals: Vec<i64>,
    /// By room: pods that move when it goes.
    pub(super) residents: Vec<Vec<u32>>,
    pub(super) annexes: Vec<Annex>,
    /// By room from the first annex on, by key.
    pub(super) annex_domains: Vec<Vec<u32>>,
    /// By pool: what its limits leave.
    pub(super) limits: Vec<Vec<(String, i64)>>,
    /// By pool: nodes that moves have brought, less those that they have taken away.
    pub(super) grown: Vec<i64>,
    /// What goes counts against limits as long as what comes for it.
    side_by_side: bool,
    /// By offering key: instances taken of a reservation.
    pub(super) reserved: FxHashMap<u8, u32>,
    pub(super) log: Vec<Change>,
}

impl<'l> Board<'l> {
    /// The board of the snapshot as it is: running pods on their nodes.
    pub fn new(layout: &'l Layout<'l>) -> Board<'l> {
        let snapshot = layout.snapshot;
        let rooms = snapshot.rooms.len();
        let groups = layout.group_keys.len();
        let free: Vec<Amounts> = snapshot.rooms.iter().map(|room| room.free).collect();
        let rows =
            layout.rows.iter().map(|row| LargestFree::new(row.rooms.iter().map(|room| free[*room as usize])));
        let counts = layout.group_keys.iter().map(|key| {
            vec![Count::default(); key.map_or(0, |key| layout.domain_numbers[key as usize].len())]
        });
        let limits = snapshot
            .pools
            .iter()
            .map(|pool| pool.limits.iter().map(|(resource, limit)| (resource.clone(), limit.left)).collect());
        let mut board = Board {
            rows: rows.collect(),
            free,
            gone: vec![false; rooms],
            ports: snapshot.rooms.iter().map(|room| room.host_ports.clone()).collect(),
            counts: counts.collect(),
            populated: vec![0; groups],
            host_counts: FxHashMap::default(),
            host_totals: vec![0; groups],
            residents: vec![Vec::new(); rooms],
            annexes: Vec::new(),
            annex_domains: Vec::new(),
            limits: limits.collect(),
            grown: vec![0; snapshot.pools.len()],
            side_by_side: false,
            reserved: FxHashMap::default(),
            log: Vec::new(),
            layout,
        };
        let mut is_pending = vec![false; snapshot.pods.len()];
        snapshot.pending.iter().for_each(|pod| is_pending[*pod as usize] = true);
        for (index, pod) in snapshot.pods.iter().enumerate() {
            if pod.room == UNBOUND || is_pending[index] || !layout.moves[index] {
                continue;
            }
            board.residents[pod.room as usize].push(index as u32);
            board.count(pod.class, pod.room, 1);
        }
        for room in 0..rooms as u32 {
            for (class, pods) in &layout.bystanders[room as usize] {
                board.count(*class, room, i64::from(*pods));
            }
        }
        board.log.clear();
        board
    }

    /// What it was made from.
    pub fn layout(&self) -> &'l Layout<'l> {
        self.layout
    }

    /// From now on moves are made at the same time: nodes that go are there until all that come have come, so that limits
    /// get nothing back.
    pub fn side_by_side(&mut self) {
        self.side_by_side = true;
    }

    /// A pod that was waiting is on a room now.
    pub fn settle(&mut self, pod: u32, room: u32) {
        self.put(self.layout.snapshot.pods[pod as usize].class, room, 1);
        self.residents[room as usize].push(pod);
        self.log.clear();
    }

    /// Pods that move when the room goes.
    pub fn residents(&self, room: u32) -> &[u32] {
        &self.residents[room as usize]
    }

    /// What pods may still take on a room.
    pub fn free(&self, room: u32) -> &Amounts {
        &self.free[room as usize]
    }

    /// How many nodes applied moves have brought to a NodePool, less those that they have taken away.
    pub fn grown(&self, pool: u32) -> i64 {
        self.grown[pool as usize]
    }

    /// Whether a room was removed by an applied move.
    pub fn is_gone(&self, room: u32) -> bool {
        self.gone[room as usize]
    }

    /// The domains of a room, by key.
    pub(super) fn domains(&self, room: u32) -> &[u32] {
        let known = self.layout.room_domains.len();
        let room = room as usize;
        if room < known { &self.layout.room_domains[room] } else { &self.annex_domains[room - known] }
    }

    /// Counts pods of a class on a room in every group that cares.
    pub(super) fn count(&mut self, class: u32, room: u32, pods: i64) {
        let layout = self.layout;
        let counting = &layout.counting[class as usize];
        if counting.is_empty() {
            return;
        }
        let counts_here = |group: u32| {
            layout.counts_on[group as usize]
                .as_ref()
                .is_none_or(|rooms| rooms.get(room as usize).copied().unwrap_or(true))
        };
        for (group, key) in &counting.domain_matched {
            if counts_here(*group) {
                self.count_in_domain(*group, self.domains(room)[*key as usize], pods, 0);
            }
        }
        for (group, key) in &counting.domain_owned {
            self.count_in_domain(*group, self.domains(room)[*key as usize], 0, pods);
        }
        for group in &counting.host_matched {
            if counts_here(*group) {
                self.count_on_host(*group, room, pods, 0);
            }
        }
        for group in &counting.host_owned {
            self.count_on_host(*group, room, 0, pods);
        }
    }

    pub(super) fn count_in_domain(&mut self, group: u32, domain: u32, matched: i64, owners: i64) {
        if domain == NOWHERE {
            return;
        }
        let counts = &mut self.counts[group as usize];
        if counts.len() <= domain as usize {
            counts.resize(domain as usize + 1, Count::default());
        }
        let count = &mut counts[domain as usize];
        self.log.push(Change::Count(group, domain, *count));
        count.matched += matched;
        count.owners += owners;
        if matched != 0 {
            let populated = &mut self.populated[group as usize];
            self.log.push(Change::Populated(group, *populated));
            *populated += matched;
        }
    }

    fn count_on_host(&mut self, group: u32, room: u32, matched: i64, owners: i64) {
        let count = self.host_counts.entry((room, group)).or_default();
        self.log.push(Change::Host((room, group), *count));
        count.matched += matched;
        count.owners += owners;
        if matched != 0 {
            self.count_anywhere(group, matched);
        }
    }

    /// Counts selected pods of a group by host, wherever they are.
    pub(super) fn count_anywhere(&mut self, group: u32, matched: i64) {
        let total = &mut self.host_totals[group as usize];
        self.log.push(Change::Total(group, *total));
        *total += matched;
    }

    fn set_free(&mut self, room: u32, free: Amounts) {
        let old = std::mem::replace(&mut self.free[room as usize], free);
        self.log.push(Change::Free(room, old));
        self.reindex(room);
    }

    fn reindex(&mut self, room: u32) {
        if let Some(Some((row, position))) = self.layout.places.get(room as usize) {
            let row = &mut self.rows[*row as usize];
            if self.gone[room as usize] {
                row.remove(*position as usize);
            } else {
                row.set(*position as usize, self.free[room as usize]);
            }
        }
    }

    /// Takes a room away, its pods with it.
    pub(super) fn remove(&mut self, room: u32) {
        self.gone[room as usize] = true;
        self.log.push(Change::Gone(room));
        self.reindex(room);
        for index in 0..self.residents[room as usize].len() {
            let pod = self.residents[room as usize][index];
            self.count(self.layout.snapshot.pods[pod as usize].class, room, -1);
        }
        if let Some(bystanders) = self.layout.bystanders.get(room as usize) {
            for (class, pods) in bystanders {
                self.count(*class, room, -i64::from(*pods));
            }
        }
    }

    /// Puts pods of a class on a room.
    pub(super) fn put(&mut self, class: u32, room: u32, pods: u32) {
        let row = &self.layout.snapshot.classes[class as usize];
        let free = self.free[room as usize].minus(&row.requests.times(i64::from(pods)));
        self.set_free(room, free);
        if !row.host_ports.is_empty() {
            self.log.push(Change::Ports(room, self.ports[room as usize].len()));
            self.ports[room as usize].extend(row.host_ports.iter().cloned());
        }
        self.count(class, room, i64::from(pods));
    }

    /// Undoes everything after a mark.
    pub(super) fn undo(&mut self, mark: usize) {
        while self.log.len() > mark {
            match self.log.pop() {
                Some(Change::Free(room, old)) => {
                    self.free[room as usize] = old;
                    self.reindex(room);
                }
                Some(Change::Gone(room)) => {
                    self.gone[room as usize] = false;
                    self.reindex(room);
                }
                Some(Change::Count(group, domain, old)) => self.counts[group as usize][domain as usize] = old,
                Some(Change::Populated(group, old)) => self.populated[group as usize] = old,
                Some(Change::Host(key, old)) => {
                    if old == Count::default() {
                        self.host_counts.remove(&key);
                    } else {
                        self.host_counts.insert(key, old);
                    }
                }
                Some(Change::Total(group, old)) => self.host_totals[group as usize] = old,
                Some(Change::Ports(room, length)) => self.ports[room as usize].truncate(length),
                None => {}
            }
        }
    }

    /// Makes a move: its rooms go, its nodes come, its pods are where it says.
    pub fn apply(&mut self, rooms: &[u32], relocation: &Relocation) -> Vec<u32> {
        for room in rooms {
            self.remove(*room);
            self.residents[*room as usize].clear();
            let gone = &self.layout.snapshot.rooms[*room as usize];
            if let Some(pool) = gone.pool {
                self.grown[pool as usize] -= 1;
                if self.side_by_side {
                    continue;
                }
                for (resource, left) in &mut self.limits[pool as usize] {
                    *left += if resource == "nodes" { 1 } else { gone.capacity.get(resource) };
                }
            }
        }
        let made: Vec<u32> = relocation.new_nodes.iter().map(|node| self.annex(node)).collect();
        for (pod, place) in &relocation.placements {
            let room = match place {
                Place::Room(room) => *room,
                Place::New(index) => made[*index as usize],
            };
            self.put(self.layout.snapshot.pods[*pod as usize].class, room, 1);
            self.residents[room as usize].push(*pod);
        }
        self.log.clear();
        made
    }

    fn annex(&mut self, node: &Fresh) -> u32 {
        let room = self.free.len() as u32;
        let variant = &self.layout.variants[node.variant as usize];
        self.free.push(variant.net[node.type_index as usize]);
        self.gone.push(false);
        self.ports.push(variant.daemon_ports.clone());
        self.residents.push(Vec::new());
        self.annexes.push(Annex { variant: node.variant, type_index: node.type_index, offer: node.offer });
        let keys = 0..self.layout.keys.len() as u32;
        let domains = keys.map(|key| self.fresh_domain(key, node.variant, node.type_index, node.offer));
        self.annex_domains.push(domains.collect());
        self.grown[variant.pool as usize] += 1;
        let pool = &self.layout.snapshot.pools[variant.pool as usize];
        if let Some(table) = &pool.table {
            for (resource, left) in &mut self.limits[variant.pool as usize] {
                *left -= node.counted(table, resource);
            }
            let is_limited = table.offers[node.type_index as usize]
                .iter()
                .any(|offer| offer.key == node.offer && offer.count != u32::MAX);
            if is_limited {
                *self.reserved.entry(node.offer).or_default() += 1;
            }
        }
        room
    }

    /// The domain of a new node.
    pub(super) fn fresh_domain(&self, key: u32, variant: u32, type_index: u32, offer: u8) -> u32 {
        if let Some(domains) = &self.layout.offer_domains[key as usize] {
            return domains[offer as usize];
        }
        let variant = &self.layout.variants[variant as usize];
        let name = self.layout.keys[key as usize].as_str();
        let table = self.layout.snapshot.pools[variant.pool as usize].table.as_ref();
        let value = variant
            .labels
            .get(name)
            .map(String::as_str)
            .or_else(|| table.and_then(|table| table.label(type_index as usize, name)));
        value
            .and_then(|value| self.layout.domain_numbers[key as usize].get(value))
            .copied()
            .unwrap_or(NOWHERE)
    }

    /// Offerings of a type that can be bought: those of used-up reservations are left out.
    pub(super) fn in_stock(&self, variant: u32, type_index: u32, offer: u8) -> bool {
        let pool = self.layout.variants[variant as usize].pool;
        let Some(table) = &self.layout.snapshot.pools[pool as usize].table else { return false };
        let offers = table.offers[type_index as usize].iter();
        let count = offers.filter(|row| row.key == offer).map(|row| row.count).next().unwrap_or(0);
        count == u32::MAX || self.reserved.get(&offer).copied().unwrap_or(0) < count
    }
}
