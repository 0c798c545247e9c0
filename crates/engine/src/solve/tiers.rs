//! New nodes, tier by tier of NodePool weight, and the bound on what they cost.

use std::collections::{BTreeMap, BTreeSet};

use supercargo_catalog::Usd;

use crate::bound::{Group, lower_bound};
use crate::fits::{Fit, FitId};
use crate::pack::{Demand, Packer};

use super::options::{MinValuesPolicy, PreferencePolicy};
use super::relaxation::Relaxation;
use super::solver::{Pinned, Solver, Waiting};

impl Solver<'_> {
    /// Packs demands onto new nodes, tier by tier. What finds no place is taken back from the counts; returned are
    /// those for whom a set of new nodes is used up, and the classes that others may have counted on; stuck are those who
    /// have to wait for others.
    pub(super) fn pack(
        &mut self,
        demands: Vec<Demand>,
        pinned: &[Pinned],
        stuck: &mut Vec<Waiting>,
    ) -> (Vec<Waiting>, BTreeSet<u32>) {
        let mut demands = demands;
        let whole =
            self.nodes.is_empty() && pinned.iter().all(|one| one.pins.is_empty() && !self.prefers(one.class));
        for tier in &self.tiers {
            if demands.iter().all(|demand| demand.left == 0) {
                break;
            }
            let ground = Self::ground(self.snapshot, &self.variants);
            let mut packer = Packer::new(
                ground,
                &self.fits,
                &mut self.stock,
                &mut self.topology.host_totals,
                demands,
                tier.clone(),
                self.options.min_values == MinValuesPolicy::Strict,
            );
            packer.run();
            let bound = packer.bound();
            let (rest, nodes) = packer.into_rest();
            demands = rest;
            for mut node in nodes {
                for content in &mut node.contents {
                    content.0 = demands[content.0 as usize].class;
                }
                self.nodes.push(node);
            }
            if whole && self.proven.is_none() && demands.iter().all(|demand| demand.left == 0) {
                self.proven = bound.map(|bound| (bound, self.nodes.len()));
            }
        }
        let mut again: Vec<Waiting> = Vec::new();
        let mut missed: BTreeSet<u32> = BTreeSet::new();
        for demand in demands.iter().filter(|demand| demand.left > 0) {
            let pin = &pinned[demand.tag as usize];
            self.record_pins(pin.class, &pin.pins, -i64::from(demand.left));
            if !pin.pins.is_empty() {
                missed.insert(pin.class);
            }
            let used_up = !demand.host.follows && self.dead.insert((demand.class, demand.fits));
            let list = if used_up { &mut again } else { &mut *stuck };
            match list.iter_mut().find(|known| known.class == pin.class && known.level == pin.level) {
                Some(known) => known.left += demand.left,
                None => list.push(Waiting { class: pin.class, level: pin.level, left: demand.left }),
            }
        }
        (again, missed)
    }

    /// Whether a class would rather be somewhere than just anywhere its requirements allow.
    fn prefers(&self, class: u32) -> bool {
        if self.options.preferences == PreferencePolicy::Ignore {
            return false;
        }
        let class = &self.snapshot.classes[class as usize];
        !(class.preferred_affinity.is_empty()
            && class.preferred_anti_affinity.is_empty()
            && class.spreads.iter().all(|spread| spread.hard)
            && self.snapshot.rules[class.rules as usize].preferred.is_empty())
    }

    /// The bound for the pods on new nodes, their preferences left aside: whoever relaxed, relaxed for free.
    pub(super) fn lower_bound(&mut self) -> Usd {
        // Pods by class, and the lightest tier that any of them ended up in.
        let mut on_new_nodes: BTreeMap<u32, (i64, usize)> = BTreeMap::new();
        let mut fixed = Usd::ZERO;
        let tiers = self.tiers.clone();
        let tier_of =
            |variant: u32| tiers.iter().position(|tier| tier[variant as usize]).unwrap_or(usize::MAX);
        for node in &self.nodes {
            if node.is_static {
                fixed += node.price;
                continue;
            }
            for (class, count) in &node.contents {
                let entry = on_new_nodes.entry(*class).or_default();
                entry.0 += i64::from(*count);
                entry.1 = entry.1.max(tier_of(node.variant));
            }
        }
        let relaxed = Relaxation { node: u16::MAX, tolerates: true, ..Relaxation::default() };
        let mut groups: Vec<(Vec<FitId>, usize, Group)> = Vec::new();
        for (class, (count, lightest)) in on_new_nodes {
            let (rules, requests) = {
                let class = &self.snapshot.classes[class as usize];
                (class.rules, class.requests)
            };
            let sets = self.alternatives(rules, &relaxed);
            let demand = requests.times(count);
            let alike = groups.iter_mut().find(|(known, tier, _)| *known == *sets && *tier == lightest);
            if let Some((_, _, group)) = alike {
                group.demand.add(&demand);
                continue;
            }
            let mut fits: Vec<Fit> = Vec::new();
            for set in sets.iter() {
                for fit in self.fits.get(*set) {
                    match fits.iter_mut().find(|known| known.variant == fit.variant) {
                        Some(known) => {
                            known.types.union_with(&fit.types);
                            known.offers |= fit.offers;
                        }
                        None => fits.push(fit.clone()),
                    }
                }
            }
            // A lighter NodePool is for what the heavier ones do not take: nobody could have been better off there.
            fits.retain(|fit| tier_of(fit.variant) <= lightest);
            groups.push((sets.to_vec(), lightest, Group { fits, demand }));
        }
        let ground = Self::ground(self.snapshot, &self.variants);
        let bound = lower_bound(ground, groups.into_iter().map(|(_, _, group)| group).collect()) + fixed;
        match self.proven {
            Some((proven, nodes)) if nodes == self.nodes.len() => bound.max(proven),
            _ => bound,
        }
    }
}
