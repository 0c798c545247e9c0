//! Pods onto rooms that stay.

use crate::fits::Fit;
use crate::topology::{Count, Rule};

use super::board::Board;
use super::layout::{DomainDemand, Mover, NOWHERE};

/// Whether a set of new nodes has this one.
pub(super) fn admits(sets: &[Vec<Fit>], variant: u32, type_index: u32, offer: u8) -> bool {
    sets.iter().flatten().any(|fit| {
        fit.variant == variant && fit.offers >> offer & 1 == 1 && fit.types.contains(type_index as usize)
    })
}

impl<'l> Board<'l> {
    /// How many pods of a class the rules over domains allow in these domains, one after the other.
    pub(super) fn domain_copies(&self, mover: &Mover, domains: &dyn Fn(u32) -> u32) -> u32 {
        let mut most = u32::MAX;
        for (group, key) in &mover.shunned {
            if self.domain_count(*group, domains(*key)).owners > 0 {
                return 0;
            }
        }
        for rule in &mover.domains {
            let domain = domains(rule.key);
            if domain == NOWHERE {
                // A node without the label is no place for who needs to know its domain.
                if !matches!(rule.demand, DomainDemand::AntiAffinity) {
                    return 0;
                }
                continue;
            }
            let count = self.domain_count(rule.group, domain);
            let allowed = match &rule.demand {
                DomainDemand::AntiAffinity if count.matched > 0 => 0,
                DomainDemand::AntiAffinity if rule.selects_self => 1,
                DomainDemand::AntiAffinity => u32::MAX,
                DomainDemand::Affinity if count.matched > 0 => u32::MAX,
                DomainDemand::Affinity if rule.selects_self && self.populated[rule.group as usize] == 0 => {
                    u32::MAX
                }
                DomainDemand::Affinity => 0,
                DomainDemand::Spread { max_skew, universe, from_zero } => {
                    // A domain that fills up is not the emptiest one for long: its own count only binds others.
                    let rivals = universe.iter().filter(|one| !rule.selects_self || **one != domain);
                    let counts = rivals.map(|one| self.domain_count(rule.group, *one).matched);
                    let least = if *from_zero { Some(0) } else { counts.min() };
                    let slack = least.map_or(i64::MAX, |least| max_skew + least - count.matched);
                    match rule.selects_self {
                        true => u32::try_from(slack.max(0)).unwrap_or(u32::MAX),
                        false if slack >= 0 => u32::MAX,
                        false => 0,
                    }
                }
            };
            most = most.min(allowed);
            if most == 0 {
                break;
            }
        }
        most
    }

    pub(super) fn domain_count(&self, group: u32, domain: u32) -> Count {
        self.counts[group as usize].get(domain as usize).copied().unwrap_or_default()
    }

    /// How many pods of a class a room takes by size, ports and rules by host.
    pub(super) fn room_copies(&self, class: u32, mover: &Mover, room: u32) -> u32 {
        let requests = &self.layout.snapshot.classes[class as usize].requests;
        let copies = requests.copies_in(&self.free[room as usize]);
        if copies == 0 || mover.host.is_free() {
            return copies;
        }
        let counts = |group: u32| self.host_counts.get(&(room, group)).copied().unwrap_or_default();
        copies.min(mover.host.copies(&counts, &self.ports[room as usize], &self.host_totals))
    }

    /// Places pods of a class on rooms, the fullest first; what it took of each is added to `taken`. How many are left.
    pub(super) fn place(&mut self, class: u32, pods: u32, taken: &mut Vec<(u32, u32, u32)>) -> u32 {
        let layout = self.layout;
        let Some(mover) = &layout.movers[class as usize] else { return pods };
        let mut left = pods;
        if self.must_stay_together(mover) {
            return self.place_together(class, mover, pods, taken);
        }
        if let Some(rooms) = &mover.rooms {
            for room in rooms.iter() {
                left -= self.place_on(class, mover, *room, left, taken);
                if left == 0 {
                    return 0;
                }
            }
            return left;
        }
        let requests = &layout.snapshot.classes[class as usize].requests;
        // By row: where the search goes on.
        let mut from: Vec<usize> = vec![0; mover.rows.len()];
        while left > 0 {
            let mut best: Option<(u32, u32, u32, usize)> = None;
            for (index, row) in mover.rows.iter().enumerate() {
                let rooms = &layout.rows[*row as usize].rooms;
                let mut start = from[index];
                loop {
                    let Some(position) = self.rows[*row as usize].first(start, requests) else {
                        from[index] = usize::MAX;
                        break;
                    };
                    let room = rooms[position];
                    if best.is_some_and(|(rank, ..)| rank < layout.rank[room as usize]) {
                        break;
                    }
                    let row_domains = &layout.rows[*row as usize].domains;
                    let by_domain = if mover.has_domain_rules() {
                        self.domain_copies(mover, &|key| row_domains[key as usize])
                    } else {
                        u32::MAX
                    };
                    if by_domain == 0 {
                        break;
                    }
                    let copies = self.room_copies(class, mover, room).min(by_domain);
                    if copies > 0 {
                        best = Some((layout.rank[room as usize], room, copies, index));
                        from[index] = position;
                        break;
                    }
                    start = position + 1;
                    from[index] = start;
                }
            }
            let Some((_, room, copies, _)) = best else { break };
            let copies = copies.min(left);
            self.put(class, room, copies);
            taken.push((class, room, copies));
            left -= copies;
            if mover.host.follows {
                // A room that was no place may have become one.
                from.fill(0);
            }
        }
        if left > 0 {
            left = self.place_on_annexes(class, mover, left, taken);
        }
        left
    }

    fn place_on(
        &mut self,
        class: u32,
        mover: &Mover,
        room: u32,
        pods: u32,
        taken: &mut Vec<(u32, u32, u32)>,
    ) -> u32 {
        if self.gone[room as usize] {
            return 0;
        }
        let mut copies = self.room_copies(class, mover, room).min(pods);
        if copies > 0 && mover.has_domain_rules() {
            let domains = self.domains(room);
            copies = copies.min(self.domain_copies(mover, &|key| domains[key as usize]));
        }
        if copies > 0 {
            self.put(class, room, copies);
            taken.push((class, room, copies));
        }
        copies
    }

    fn place_on_annexes(
        &mut self,
        class: u32,
        mover: &Mover,
        pods: u32,
        taken: &mut Vec<(u32, u32, u32)>,
    ) -> u32 {
        let first = self.layout.room_domains.len();
        let mut left = pods;
        for index in 0..self.annexes.len() {
            if left == 0 {
                break;
            }
            let annex = &self.annexes[index];
            if admits(&mover.sets, annex.variant, annex.type_index, annex.offer) {
                left -= self.place_on(class, mover, (first + index) as u32, left, taken);
            }
        }
        left
    }

    /// Whether the pods of a class have to be on one host, and none of its like is on any (T6).
    fn must_stay_together(&self, mover: &Mover) -> bool {
        mover.host.owned.iter().any(|rule| {
            rule.rule == Rule::Affinity && rule.selects_self && self.host_totals[rule.group as usize] == 0
        })
    }

    fn place_together(
        &mut self,
        class: u32,
        mover: &Mover,
        pods: u32,
        taken: &mut Vec<(u32, u32, u32)>,
    ) -> u32 {
        let layout = self.layout;
        let rooms: Vec<u32> = layout.rooms_of(mover).collect();
        for room in rooms {
            if !self.gone[room as usize] && self.room_copies(class, mover, room) >= pods {
                return pods - self.place_on(class, mover, room, pods, taken);
            }
        }
        pods
    }
}
