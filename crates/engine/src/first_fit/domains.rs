//! Topology rules over keys other than the hostname, decided one pod at a time (reference rows T5 to T8).

use std::collections::BTreeSet;

use supercargo_api::requirements::Requirements;
use supercargo_api::taint;

use super::State;
use crate::fits::Ground;
use crate::solve::Relaxation;
use crate::topology::{Rule, Strength};

impl State<'_> {
    /// Keys about which the class states rules at a level, or others state rules that keep it away.
    pub(super) fn domain_keys(&self, class: u32, level: &Relaxation) -> Vec<String> {
        let links = &self.topology.links[class as usize];
        let held = links.owned.iter().filter(|(_, strength)| level.holds(*strength)).map(|(group, _)| *group);
        let shunning = links.matched.iter().copied();
        let shunning =
            shunning.filter(|group| self.topology.groups[*group as usize].rule == Rule::AntiAffinity);
        let groups = held.chain(shunning).map(|group| &self.topology.groups[group as usize]);
        let keys: BTreeSet<&String> = groups.filter(|group| !group.by_host).map(|group| &group.key).collect();
        keys.into_iter().cloned().collect()
    }

    /// Of a place's possible domains those that the rules leave; a spread leaves the emptiest only.
    pub(super) fn allowed_domains(
        &mut self,
        class: u32,
        level: &Relaxation,
        key: &str,
        possible: &[String],
    ) -> Vec<String> {
        let links = &self.topology.links[class as usize];
        let held: Vec<(u32, bool)> = links
            .owned
            .iter()
            .filter(|(_, strength)| level.holds(*strength))
            .map(|(group, _)| (*group, links.matches(*group)))
            .filter(|(group, _)| {
                let entry = &self.topology.groups[*group as usize];
                !entry.by_host && entry.key == key
            })
            .collect();
        let shunning: Vec<u32> = links
            .matched
            .iter()
            .copied()
            .filter(|group| {
                let entry = &self.topology.groups[*group as usize];
                !entry.by_host && entry.key == key && entry.rule == Rule::AntiAffinity
            })
            .collect();
        let mut allowed = possible.to_vec();
        for group in shunning {
            let entry = &self.topology.groups[group as usize];
            allowed.retain(|domain| entry.count(domain).owners == 0);
        }
        for (group, selects_self) in held {
            match self.topology.groups[group as usize].rule {
                Rule::AntiAffinity => {
                    let entry = &self.topology.groups[group as usize];
                    allowed.retain(|domain| entry.count(domain).matched == 0);
                }
                Rule::Affinity => {
                    let entry = &self.topology.groups[group as usize];
                    if selects_self && !entry.is_populated() {
                        allowed.truncate(1);
                    } else {
                        allowed.retain(|domain| entry.count(domain).matched > 0);
                    }
                }
                Rule::Spread { max_skew, min_domains, .. } => {
                    let universe = self.universe(class, group, level);
                    let entry = &self.topology.groups[group as usize];
                    let few = min_domains.is_some_and(|least| (universe.len() as i64) < least);
                    let emptiest =
                        universe.iter().map(|domain| entry.count(domain).matched).min().unwrap_or(0);
                    let least = if few { 0 } else { emptiest };
                    allowed.retain(|domain| {
                        entry.count(domain).matched + i64::from(selects_self) - least <= max_skew
                    });
                    let best = allowed.iter().min_by_key(|domain| entry.count(domain).matched).cloned();
                    allowed = best.into_iter().collect();
                }
            }
        }
        allowed
    }

    /// The domains a spread counts over (reference rows T1, T2).
    fn universe(&mut self, class: u32, group: u32, level: &Relaxation) -> Vec<String> {
        let rules_index = self.snapshot.classes[class as usize].rules;
        let cached = (rules_index, group, level.tolerates);
        if let Some(known) = self.universes.get(&cached) {
            return known.clone();
        }
        let entry = &self.topology.groups[group as usize];
        let Rule::Spread { honor_affinity, honor_taints, .. } = entry.rule else { return Vec::new() };
        let rules = &self.snapshot.rules[rules_index as usize];
        let mut domains = BTreeSet::new();
        for room in self.snapshot.rooms.iter().filter(|room| !room.leaving) {
            let Some(domain) = room.labels.get(&entry.key) else { continue };
            let admitted = !honor_affinity || rules.without_volumes.iter().any(|terms| room.satisfies(terms));
            let tolerated =
                !honor_taints || taint::first_untolerated(&room.taints, &rules.tolerations, false).is_none();
            if admitted && tolerated {
                domains.insert(domain.clone());
            }
        }
        let mut lenient = rules.clone();
        if !honor_taints {
            lenient.tolerations.push(k8s_openapi::api::core::v1::Toleration {
                operator: Some("Exists".to_owned()),
                ..Default::default()
            });
        }
        let terms = if honor_affinity { rules.without_volumes.clone() } else { vec![Requirements::new()] };
        let ground =
            Ground { market: &self.snapshot.market, pools: &self.snapshot.pools, variants: &self.variants };
        for term in &terms {
            let set = self.fits.of_rules(ground, &lenient, term, true);
            domains.extend(self.fits.domains(ground, set, &entry.key));
        }
        let universe: Vec<String> = domains.into_iter().collect();
        self.universes.insert(cached, universe.clone());
        universe
    }

    /// Counts a pod that was put where one of these domains will be. Spreads and affinity count it only where that is
    /// certain (T8), anti-affinity everywhere (T7).
    pub(super) fn record_domains(&mut self, class: u32, possible: impl Fn(&str) -> Vec<String>) {
        let links = self.topology.links[class as usize].clone();
        for group in links.matched {
            let entry = &mut self.topology.groups[group as usize];
            if entry.by_host {
                continue;
            }
            let domains = possible(&entry.key);
            if domains.len() == 1 || entry.rule == Rule::AntiAffinity {
                for domain in domains {
                    entry.record(&domain, 1, true, false);
                }
            }
        }
        for (group, strength) in links.owned {
            let entry = &mut self.topology.groups[group as usize];
            if entry.by_host || entry.rule != Rule::AntiAffinity || strength != Strength::Required {
                continue;
            }
            for domain in possible(&entry.key) {
                entry.record(&domain, 1, false, true);
            }
        }
    }
}
