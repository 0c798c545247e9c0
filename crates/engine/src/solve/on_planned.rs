//! What earlier rounds left free on the nodes they planned.

use supercargo_api::requirement::Requirement;

use crate::fits::FitId;
use crate::flexible::{check_min_values, holding};
use crate::market::{OfferMask, TypeSet, is_offering_label};
use crate::pack::HostRules;

use super::options::MinValuesPolicy;
use super::solver::{Solver, Waiting};

impl Solver<'_> {
    /// Places pods on nodes that earlier rounds planned, where the chosen type has room. How many found one.
    pub(super) fn place_on_planned(&mut self, waiting: &Waiting) -> u32 {
        let host = self.host_rules(waiting.class, &waiting.level);
        let keys = self.pin_keys(waiting.class, &waiting.level);
        let class = &self.snapshot.classes[waiting.class as usize];
        let sets = self.alternatives(class.rules, &waiting.level);
        let mut left = waiting.left;
        loop {
            let before = left;
            for index in 0..self.nodes.len() {
                while left > 0 {
                    let taken = self.take_planned(waiting, index, &host, &keys, &sets, left);
                    left -= taken;
                    // Pods with rules over domains go one by one.
                    if taken == 0 || keys.is_empty() {
                        break;
                    }
                }
            }
            // A pod in one domain may have opened another.
            if left == 0 || left == before || keys.is_empty() {
                return waiting.left - left;
            }
        }
    }

    /// Puts pods on one planned node. How many went there.
    fn take_planned(
        &mut self,
        waiting: &Waiting,
        index: usize,
        host: &HostRules,
        keys: &[String],
        sets: &[FitId],
        left: u32,
    ) -> u32 {
        let requests = self.snapshot.classes[waiting.class as usize].requests;
        let node = &self.nodes[index];
        let variant = &self.variants[node.variant as usize];
        let room = variant.net[node.chosen as usize].minus(&node.used);
        let mut copies = requests.copies_in(&room).min(left);
        if copies > 0 && !host.is_free() {
            let counts = |group: u32| node.host.count(group);
            copies = copies.min(host.copies(&counts, &node.ports, &self.topology.host_totals));
        }
        if copies == 0 {
            return 0;
        }
        let found = sets.iter().find_map(|set| {
            let fit = self.fits.get(*set).iter().find(|fit| fit.variant == node.variant)?;
            let is_chosen = fit.types.contains(node.chosen as usize) && fit.offers >> node.offer & 1 == 1;
            is_chosen.then(|| fit.clone())
        });
        let Some(fit) = found else { return 0 };
        let mut types = node.types.clone();
        types.intersect_with(&fit.types);
        let mut offers = node.offers & fit.offers;
        let mut pins = Vec::with_capacity(keys.len());
        for key in keys {
            let Some(domain) = self.planned_domain(index, key) else { return 0 };
            if self.domain_allows(waiting.class, &waiting.level, key, &domain).is_none() {
                return 0;
            }
            self.narrow_to(index, key, &domain, &mut types, &mut offers);
            pins.push((key.clone(), domain));
            copies = 1;
        }
        let node = &self.nodes[index];
        let variant = &self.variants[node.variant as usize];
        let pool = &self.snapshot.pools[variant.pool as usize];
        let used = node.used.plus(&requests.times(i64::from(copies)));
        if self.options.min_values == MinValuesPolicy::Strict
            && !pool.min_values.is_empty()
            && let Some(table) = &pool.table
        {
            let held = holding(&types, &variant.net, &used);
            let ground = Self::ground(self.snapshot, &self.variants);
            if check_min_values(table, ground, &pool.min_values, &held, offers).is_err() {
                return 0;
            }
        }
        let node = &mut self.nodes[index];
        node.types = types;
        node.offers = offers;
        node.used = used;
        host.record(&mut node.host, &mut node.ports, copies);
        match node.contents.iter_mut().find(|(known, _)| *known == waiting.class) {
            Some((_, count)) => *count += copies,
            None => node.contents.push((waiting.class, copies)),
        }
        for group in &host.matched {
            self.topology.host_totals[*group as usize] += i64::from(copies);
        }
        self.record_pins(waiting.class, &pins, i64::from(copies));
        copies
    }

    /// The domain of a planned node as it is bought.
    pub(super) fn planned_domain(&self, index: usize, key: &str) -> Option<String> {
        let node = &self.nodes[index];
        let variant = &self.variants[node.variant as usize];
        if let Some(value) = variant.labels.get(key) {
            return Some(value.clone());
        }
        if is_offering_label(key) {
            return self.snapshot.market.keys[node.offer as usize].label(key).map(str::to_owned);
        }
        let table = self.snapshot.pools[variant.pool as usize].table.as_ref()?;
        table.label(node.chosen as usize, key).map(str::to_owned)
    }

    /// Leaves of a planned node's types and offerings those in one domain.
    fn narrow_to(&self, index: usize, key: &str, domain: &str, types: &mut TypeSet, offers: &mut OfferMask) {
        let variant = &self.variants[self.nodes[index].variant as usize];
        if variant.labels.contains_key(key) {
            return;
        }
        let only = Requirement::in_values(key, [domain.to_owned()]);
        if is_offering_label(key) {
            *offers &= self.snapshot.market.offers_matching(&only);
        } else if let Some(table) = &self.snapshot.pools[variant.pool as usize].table {
            types.intersect_with(&table.matching(&only));
        }
    }
}
