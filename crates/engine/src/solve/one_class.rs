//! One class's turn: rooms first, then planned nodes, then a demand for new ones.

use crate::amounts::Amounts;
use crate::fits::FitId;
use crate::pack::{Demand, HostRules};

use super::solver::{Pinned, Pins, Solver, Waiting};

impl Solver<'_> {
    pub(super) fn place_class(
        &mut self,
        mut waiting: Waiting,
        stuck: &mut Vec<Waiting>,
        demands: &mut Vec<Demand>,
        pinned: &mut Vec<Pinned>,
    ) {
        let class = &self.snapshot.classes[waiting.class as usize];
        let mut rooms = self.rooms_of_class(&waiting);
        waiting.left -= self.place_on_rooms(&waiting, &mut rooms);
        let placed =
            if waiting.left > 0 && !self.nodes.is_empty() { self.place_on_planned(&waiting) } else { 0 };
        waiting.left -= placed;
        if waiting.left == 0 {
            return;
        }
        let sets = self.alternatives(class.rules, &waiting.level);
        let ground = Self::ground(self.snapshot, &self.variants);
        let usable = sets.iter().copied().filter(|set| {
            !self.dead.contains(&(waiting.class, *set))
                && self.fits.is_large_enough(ground, *set, &class.requests)
        });
        let usable: Vec<FitId> = usable.collect();
        if usable.is_empty() {
            stuck.push(waiting);
            return;
        }
        let host = self.host_rules(waiting.class, &waiting.level);
        let keys = self.pin_keys(waiting.class, &waiting.level);
        let most = self.most_together(&host, &usable, &class.requests);
        if waiting.left > most {
            stuck.push(Waiting { left: waiting.left - most, ..waiting.clone() });
            waiting.left = most;
        }
        if keys.is_empty() {
            let set = self.best_set(&usable, &class.requests);
            demands.push(self.demand(&waiting, set, host, waiting.left, pinned.len()));
            pinned.push(Pinned { class: waiting.class, level: waiting.level, pins: Vec::new() });
            return;
        }
        let mut by_pin: Vec<(FitId, Pins, u32)> = Vec::new();
        while waiting.left > 0 {
            let found = usable.iter().find_map(|set| self.pin(waiting.class, &waiting.level, *set, &keys));
            let Some((set, pins)) = found else { break };
            self.record_pins(waiting.class, &pins, 1);
            waiting.left -= 1;
            match by_pin.iter_mut().find(|(known, known_pins, _)| *known == set && *known_pins == pins) {
                Some((_, _, count)) => *count += 1,
                None => by_pin.push((set, pins, 1)),
            }
            // The pod counts where it was pinned to, and that may open rooms to the next one.
            waiting.left -= self.place_on_rooms(&waiting, &mut rooms);
        }
        for (set, pins, count) in by_pin {
            demands.push(self.demand(&waiting, set, host.clone(), count, pinned.len()));
            pinned.push(Pinned { class: waiting.class, level: waiting.level, pins });
        }
        if waiting.left > 0 {
            stuck.push(waiting);
        }
    }

    fn demand(&self, waiting: &Waiting, fits: FitId, host: HostRules, left: u32, tag: usize) -> Demand {
        let class = &self.snapshot.classes[waiting.class as usize];
        Demand { class: waiting.class, fits, amounts: class.requests, left, host, tag: tag as u32 }
    }

    /// How many pods that all have to be on one host can be: as many as the largest type holds. No limit for others.
    fn most_together(&self, host: &HostRules, usable: &[FitId], requests: &Amounts) -> u32 {
        if !self.starts_on_a_host(host) {
            return u32::MAX;
        }
        let fits = usable.iter().flat_map(|set| self.fits.get(*set));
        let copies = fits.flat_map(|fit| {
            let net = &self.variants[fit.variant as usize].net;
            fit.types.ones().map(|index| requests.copies_in(&net[index]))
        });
        copies.max().unwrap_or(0)
    }

    /// The set that reaches the heaviest NodePool; of equals the cheapest.
    fn best_set(&mut self, sets: &[FitId], amounts: &Amounts) -> FitId {
        let ground = Self::ground(self.snapshot, &self.variants);
        let ranked = sets.iter().map(|set| {
            let reaches = |tier: &Vec<bool>| self.fits.get(*set).iter().any(|fit| tier[fit.variant as usize]);
            let tier = self.tiers.iter().position(reaches);
            (tier.unwrap_or(usize::MAX), self.fits.price_index(ground, *set, amounts), *set)
        });
        ranked.min().map_or(0, |(_, _, set)| set)
    }
}
