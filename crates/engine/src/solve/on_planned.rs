//! What earlier rounds left free on the nodes they planned.

use super::solver::{Solver, Waiting};

impl Solver<'_> {
    /// Places pods on nodes that earlier rounds planned, where the chosen type has room. How many found one.
    pub(super) fn place_on_planned(&mut self, waiting: &Waiting) -> u32 {
        let class = &self.snapshot.classes[waiting.class as usize];
        let host = self.host_rules(waiting.class, &waiting.level);
        let keys = self.pin_keys(waiting.class, &waiting.level);
        let sets = self.alternatives(class.rules, &waiting.level);
        let mut left = waiting.left;
        for index in 0..self.nodes.len() {
            if left == 0 {
                break;
            }
            loop {
                let node = &self.nodes[index];
                let room = self.variants[node.variant as usize].net[node.chosen as usize].minus(&node.used);
                let mut copies = class.requests.copies_in(&room).min(left);
                if copies > 0 && !host.is_free() {
                    let counts = |group: u32| node.host.count(group);
                    copies = copies.min(host.copies(&counts, &node.ports, &self.topology.host_totals));
                }
                if copies == 0 {
                    break;
                }
                let found = sets.iter().find_map(|set| {
                    let fit = self.fits.get(*set).iter().find(|fit| fit.variant == node.variant)?;
                    let types_fit = fit.types.contains(node.chosen as usize);
                    (types_fit && fit.offers >> node.offer & 1 == 1).then(|| fit.clone())
                });
                let Some(fit) = found else { break };
                let mut pins = Vec::new();
                if !keys.is_empty() {
                    let domains = keys.iter().map(|key| (key.clone(), self.planned_domain(index, key)));
                    let domains: Vec<(String, Option<String>)> = domains.collect();
                    let allowed = domains.iter().all(|(key, domain)| {
                        domain.as_ref().is_some_and(|domain| {
                            self.domain_allows(waiting.class, &waiting.level, key, domain).is_some()
                        })
                    });
                    if !allowed {
                        break;
                    }
                    pins.extend(domains.into_iter().filter_map(|(key, domain)| Some((key, domain?))));
                    copies = 1;
                }
                let node = &mut self.nodes[index];
                node.types.intersect_with(&fit.types);
                node.offers &= fit.offers;
                node.used.add(&class.requests.times(i64::from(copies)));
                host.record(&mut node.host, &mut node.ports, copies);
                match node.contents.iter_mut().find(|(known, _)| *known == waiting.class) {
                    Some((_, count)) => *count += copies,
                    None => node.contents.push((waiting.class, copies)),
                }
                for group in &host.matched {
                    self.topology.host_totals[*group as usize] += i64::from(copies);
                }
                self.record_pins(waiting.class, &pins, i64::from(copies));
                left -= copies;
                if left == 0 {
                    break;
                }
            }
        }
        waiting.left - left
    }

    /// The domain of a planned node, if it has just one.
    pub(super) fn planned_domain(&self, index: usize, key: &str) -> Option<String> {
        let node = &self.nodes[index];
        let variant = &self.variants[node.variant as usize];
        if let Some(value) = variant.labels.get(key) {
            return Some(value.clone());
        }
        let table = self.snapshot.pools[variant.pool as usize].table.as_ref()?;
        if crate::market::is_offering_label(key) {
            let mut values = self
                .snapshot
                .market
                .keys
                .iter()
                .enumerate()
                .filter(|(offer, _)| node.offers >> offer & 1 == 1)
                .filter_map(|(_, offer)| offer.label(key));
            let first = values.next()?;
            return values.all(|value| value == first).then(|| first.to_owned());
        }
        let mut values = node.types.ones().filter_map(|type_index| table.label(type_index, key));
        let first = values.next()?;
        values.all(|value| value == first).then(|| first.to_owned())
    }
}
