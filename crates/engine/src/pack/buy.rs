//! Buying: a pattern as often as demand and stock last, or the exact answer for a handful of pods.

use crate::amounts::Amounts;
use crate::planned::PlannedNode;
use crate::topology::HostCounts;
use crate::view::Column;

use super::packer::Packer;
use super::patterns::Pattern;
use super::stock::reserved_mask;

impl Packer<'_> {
    /// Settles everything at once if there are few pods. Whether it did.
    pub(super) fn settle_few(&mut self) -> bool {
        let reachable: Vec<u32> = (0..self.demands.len() as u32)
            .filter(|index| !self.dead[self.kind_of[*index as usize] as usize])
            .filter(|index| {
                let demand = &self.demands[*index as usize];
                self.views
                    .get(&demand.fits)
                    .is_some_and(|view| view.columns.iter().any(|column| demand.amounts.fits(&column.net)))
            })
            .collect();
        let count: u32 = reachable.iter().map(|index| self.demands[*index as usize].left).sum();
        if count == 0 || count as usize > crate::exact::MOST_PODS || !self.is_separable() {
            return false;
        }
        let mut pods: Vec<u32> = reachable
            .iter()
            .flat_map(|index| std::iter::repeat_n(*index, self.demands[*index as usize].left as usize))
            .collect();
        pods.sort_by(|left, right| {
            let cpu = |index: &u32| self.demands[*index as usize].amounts[0];
            cpu(right).cmp(&cpu(left)).then(left.cmp(right))
        });
        let Some((nodes, total)) = self.exact(&pods) else { return false };
        self.bound = Some(total);
        for node in nodes {
            self.buy_exact(&node);
        }
        true
    }

    pub(super) fn buy_exact(&mut self, node: &crate::exact::ExactNode) {
        let single = &node.single;
        let variant = &self.ground.variants[single.variant as usize];
        let mut pattern = Pattern {
            column: Column {
                variant: single.variant,
                type_index: single.type_index,
                offer: single.offer,
                price: single.price,
                net: variant.net[single.type_index as usize],
                optimistic: 1.0,
            },
            contents: Vec::new(),
            used: Amounts::ZERO,
            worth: 0.0,
            ratio: 1.0,
            host: HostCounts::default(),
            ports: variant.daemon_ports.clone(),
        };
        for pod in &node.pods {
            let demand = &self.demands[*pod as usize];
            pattern.used.add(&demand.amounts);
            demand.host.record(&mut pattern.host, &mut pattern.ports, 1);
            match pattern.contents.iter_mut().find(|(known, _)| known == pod) {
                Some((_, count)) => *count += 1,
                None => pattern.contents.push((*pod, 1)),
            }
        }
        self.buy(pattern, 1);
    }

    /// Buys the pattern as often as the demand, the limits and the reservation last, at most `most` times.
    pub(super) fn buy(&mut self, pattern: Pattern, most: u32) {
        let column = pattern.column;
        let variant = &self.ground.variants[column.variant as usize];
        let Some(table) = &self.ground.pools[variant.pool as usize].table else { return };
        let capacity = &table.types[column.type_index as usize].capacity;
        let mut times = self.stock.most(variant.pool, capacity).clamp(1, most);
        let mut bootstraps = false;
        for (index, copies) in &pattern.contents {
            let demand = &self.demands[*index as usize];
            times = times.min(demand.left / copies);
            bootstraps |= demand.host.follows;
        }
        let count = table.offers[column.type_index as usize]
            .iter()
            .find(|offer| offer.key == column.offer)
            .map_or(u32::MAX, |offer| offer.count);
        if bootstraps {
            times = 1;
        }
        if count != u32::MAX {
            let left = self.stock.reserved.entry(column.offer).or_insert(count);
            times = times.min(*left).max(1);
            *left = left.saturating_sub(times);
        }
        times = times.max(1);
        let (types, mut offers) = self.common(&pattern);
        let reserved_keys = reserved_mask(self.ground);
        if reserved_keys >> column.offer & 1 == 1 {
            offers &= 1 << column.offer;
        } else {
            offers &= !reserved_keys;
        }
        for (index, copies) in &pattern.contents {
            let taken = copies * times;
            let demand = &mut self.demands[*index as usize];
            demand.left -= taken;
            for rule in &demand.host.owned {
                if let Some(limited) = self.limited.iter_mut().find(|limited| limited.group == rule.group) {
                    limited.left -= i64::from(taken);
                }
            }
            if !demand.host.ports.is_empty() {
                let group = u32::MAX - index;
                if let Some(limited) = self.limited.iter_mut().find(|limited| limited.group == group) {
                    limited.left -= i64::from(taken);
                }
            }
            for group in &demand.host.matched {
                self.host_totals[*group as usize] += i64::from(taken);
            }
            let spent = demand.left == 0;
            let kind = &mut self.kinds[self.kind_of[*index as usize] as usize];
            if spent {
                kind.demands.retain(|known| known != index);
            }
            kind.left -= taken;
        }
        let contents = pattern.contents.clone();
        let node = PlannedNode {
            variant: column.variant,
            types,
            offers,
            chosen: column.type_index,
            offer: column.offer,
            price: column.price,
            used: pattern.used,
            contents,
            pods: Vec::new(),
            host: pattern.host,
            ports: pattern.ports,
            is_static: false,
            min_values_relaxed: false,
        };
        self.stock.take(variant.pool, capacity, times);
        self.nodes.extend(std::iter::repeat_n(node, times as usize));
        if count != u32::MAX || !self.limits_are_far(variant.pool as usize, 1) {
            // What can be bought has changed, and with it what things are worth.
            self.views.clear();
        }
    }
}
