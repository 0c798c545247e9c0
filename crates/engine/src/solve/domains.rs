//! Rules about other pods: by host, and by domain of any other key (reference section 2.7).

use std::collections::BTreeSet;
use std::sync::Arc;

use supercargo_api::taint;
use supercargo_catalog::Usd;

use crate::fits::FitId;
use crate::pack::{HostRule, HostRules};
use crate::topology::{Links, Rule, Strength};

use super::relaxation::Relaxation;
use super::solver::{Pins, Solver};

/// The domains a spread counts over.
pub(super) type Universe = Arc<Vec<String>>;

impl Solver<'_> {
    pub(super) fn host_rules(&self, class: u32, level: &Relaxation) -> HostRules {
        let links = &self.topology.links[class as usize];
        let mut rules = HostRules {
            ports: self.snapshot.classes[class as usize].host_ports.clone(),
            ..HostRules::default()
        };
        for (group, strength) in &links.owned {
            let entry = &self.topology.groups[*group as usize];
            if entry.by_host && level.holds(*strength) {
                let selects_self = links.matches(*group);
                rules.follows |= entry.rule == Rule::Affinity;
                rules.owned.push(HostRule {
                    group: *group,
                    rule: entry.rule,
                    selects_self,
                    binds_others: entry.rule == Rule::AntiAffinity && *strength == Strength::Required,
                });
            }
        }
        for group in &links.matched {
            let entry = &self.topology.groups[*group as usize];
            if entry.by_host {
                rules.matched.push(*group);
                if entry.rule == Rule::AntiAffinity {
                    rules.shunned_by.push(*group);
                }
            }
        }
        rules
    }

    /// Keys other than the hostname in which a class must be pinned before it is packed: those of rules it states, and
    /// those in which others attract or shun it.
    pub(super) fn pin_keys(&self, class: u32, level: &Relaxation) -> Vec<String> {
        let links = &self.topology.links[class as usize];
        let stated =
            links.owned.iter().filter(|(_, strength)| level.holds(*strength)).map(|(group, _)| *group);
        let concerned = links.matched.iter().copied().filter(|group| {
            matches!(self.topology.groups[*group as usize].rule, Rule::Affinity | Rule::AntiAffinity)
        });
        let mut keys: Vec<String> = Vec::new();
        for group in stated.chain(concerned) {
            let entry = &self.topology.groups[group as usize];
            if !entry.by_host && !keys.contains(&entry.key) {
                keys.push(entry.key.clone());
            }
        }
        keys.sort();
        keys
    }

    /// The domains a spread counts over, for one set of rules (T1, T2).
    pub(super) fn universe(&mut self, class: u32, group: u32, level: &Relaxation) -> Universe {
        let rules = self.snapshot.classes[class as usize].rules;
        let key = (rules, group, level.tolerates);
        if let Some(known) = self.universes.get(&key) {
            return known.clone();
        }
        let Rule::Spread { honor_affinity, honor_taints, .. } = self.topology.groups[group as usize].rule
        else {
            return Universe::default();
        };
        let topology_key = self.topology.groups[group as usize].key.clone();
        let mut domains: BTreeSet<String> = BTreeSet::new();
        let node_rules = &self.snapshot.rules[rules as usize];
        for room in self.snapshot.rooms.iter().filter(|room| !room.leaving) {
            let Some(domain) = room.labels.get(&topology_key) else { continue };
            let admitted =
                !honor_affinity || node_rules.without_volumes.iter().any(|terms| room.satisfies(terms));
            let tolerated = !honor_taints
                || taint::first_untolerated(&room.taints, &node_rules.tolerations, false).is_none();
            if admitted && tolerated && !domains.contains(domain) {
                domains.insert(domain.clone());
            }
        }
        for set in self.sets_of_spread(rules, honor_affinity, honor_taints) {
            let ground = Self::ground(self.snapshot, &self.variants);
            domains.extend(self.fits.domains(ground, set, &topology_key));
        }
        let universe = Universe::new(domains.into_iter().collect());
        self.universes.insert(key, universe.clone());
        universe
    }

    /// How many pods the emptiest domain of a spread counts; zero where there are too few domains (T5).
    pub(super) fn least(&mut self, class: u32, group: u32, level: &Relaxation) -> i64 {
        let Rule::Spread { min_domains, .. } = self.topology.groups[group as usize].rule else { return 0 };
        let universe = self.universe(class, group, level);
        let entry = &self.topology.groups[group as usize];
        if min_domains.is_some_and(|least| (universe.len() as i64) < least) {
            return 0;
        }
        universe.iter().map(|domain| entry.count(domain).matched).min().unwrap_or(0)
    }

    /// While domains are being tried out, a spread may be uneven for a moment if all pods it counts obey it: some
    /// order of arrival keeps it even throughout, and the end is checked.
    fn may_even_out(&self, group: u32) -> bool {
        let obeyed =
            |links: &Links| !links.matches(group) || links.owned.contains(&(group, Strength::Required));
        self.choices.is_some()
            && self
                .queues
                .iter()
                .zip(&self.topology.links)
                .all(|(queue, links)| queue.len() == 0 || obeyed(links))
    }

    /// Whether every required spread over domains is even.
    pub(super) fn spreads_are_even(&mut self) -> bool {
        let level = self.first_level();
        let classes: BTreeSet<u32> =
            self.snapshot.pending.iter().map(|pod| self.snapshot.pods[*pod as usize].class).collect();
        for class in classes {
            let owned = self.topology.links[class as usize].owned.clone();
            for (group, strength) in owned {
                let entry = &self.topology.groups[group as usize];
                let Rule::Spread { max_skew, .. } = entry.rule else { continue };
                let selects_self = self.topology.links[class as usize].matches(group);
                if entry.by_host || strength != Strength::Required || !selects_self {
                    continue;
                }
                let least = self.least(class, group, &level);
                let universe = self.universe(class, group, &level);
                let entry = &self.topology.groups[group as usize];
                if universe.iter().any(|domain| entry.count(domain).matched - least > max_skew) {
                    return false;
                }
            }
        }
        true
    }

    /// Whether the groups over keys other than the hostname allow one more pod of the class in a domain; on success
    /// the count that a spread wants small.
    pub(super) fn domain_allows(
        &mut self,
        class: u32,
        level: &Relaxation,
        key: &str,
        domain: &str,
    ) -> Option<i64> {
        let owned: Vec<(u32, bool)> = {
            let links = &self.topology.links[class as usize];
            let held = links.owned.iter().filter(|(group, strength)| {
                let entry = &self.topology.groups[*group as usize];
                !entry.by_host && entry.key == key && level.holds(*strength)
            });
            held.map(|(group, _)| (*group, links.matches(*group))).collect()
        };
        let mut load = 0;
        for (group, selects_self) in owned {
            let count = self.topology.groups[group as usize].count(domain);
            match self.topology.groups[group as usize].rule {
                Rule::Spread { max_skew, .. } => {
                    let least = self.least(class, group, level);
                    let skewed = count.matched + i64::from(selects_self) - least > max_skew;
                    if skewed && !(selects_self && self.may_even_out(group)) {
                        return None;
                    }
                    load += count.matched;
                }
                Rule::Affinity => {
                    let bootstraps = selects_self && !self.topology.groups[group as usize].is_populated();
                    if count.matched == 0 && !bootstraps {
                        return None;
                    }
                }
                Rule::AntiAffinity => {
                    if count.matched > 0 {
                        return None;
                    }
                }
            }
        }
        let links = &self.topology.links[class as usize];
        let shunned = links.matched.iter().any(|group| {
            let entry = &self.topology.groups[*group as usize];
            !entry.by_host
                && entry.key == key
                && entry.rule == Rule::AntiAffinity
                && entry.count(domain).owners > 0
        });
        (!shunned).then_some(load)
    }

    /// Chooses a domain for each key: the least loaded that is allowed, the cheapest of equals.
    pub(super) fn pin(
        &mut self,
        class: u32,
        level: &Relaxation,
        set: FitId,
        keys: &[String],
    ) -> Option<(FitId, Pins)> {
        let requests = self.snapshot.classes[class as usize].requests;
        let mut set = set;
        let mut pins = Vec::with_capacity(keys.len());
        for key in keys {
            let parts = self.fits.parts(Self::ground(self.snapshot, &self.variants), set, key, &requests);
            let mut allowed: Vec<(i64, Usd, &str, FitId)> = Vec::new();
            for part in parts.iter() {
                let Some(load) = self.domain_allows(class, level, key, &part.domain) else { continue };
                if self.dead.contains(&(class, part.fits)) {
                    continue;
                }
                let candidate = (load, part.price_index, part.domain.as_str(), part.fits);
                if self.choices.is_some() {
                    allowed.push(candidate);
                } else if allowed.first().is_none_or(|best| candidate < *best) {
                    allowed.clear();
                    allowed.push(candidate);
                }
            }
            allowed.sort();
            let taken = match &mut self.choices {
                Some(choices) if allowed.len() > 1 => choices.next(allowed.len()),
                _ => 0,
            };
            if allowed.is_empty() {
                return None;
            }
            let (_, _, domain, restricted) = allowed.swap_remove(taken);
            pins.push((key.clone(), domain.to_owned()));
            set = restricted;
        }
        Some((set, pins))
    }

    /// Counts pods in the domains they are pinned to; a negative number takes them back.
    pub(super) fn record_pins(&mut self, class: u32, pins: &[(String, String)], pods: i64) {
        if pins.is_empty() {
            return;
        }
        let counted = self.counted_by(class);
        let links = &self.topology.links[class as usize];
        for (key, domain) in pins {
            for group in counted.iter() {
                let entry = &mut self.topology.groups[*group as usize];
                if entry.key == *key {
                    entry.record(domain, pods, true, false);
                }
            }
            for (group, strength) in &links.owned {
                let entry = &mut self.topology.groups[*group as usize];
                if !entry.by_host
                    && entry.key == *key
                    && entry.rule == Rule::AntiAffinity
                    && *strength == Strength::Required
                {
                    entry.record(domain, pods, false, true);
                }
            }
        }
    }
}
