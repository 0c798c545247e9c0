//! Large demands: the configuration problem says which patterns to buy how often, the greedy run packs the rest.

use std::collections::BTreeSet;

use rustc_hash::FxHashMap;

use crate::amounts::Amounts;
use crate::configure::Bin;
use crate::configure::Configuration;
use crate::configure::Effort;
use crate::configure::Item;
use crate::configure::configure;
use crate::fits::FitId;
use crate::planned::PlannedNode;
use crate::topology::HostCounts;
use crate::view::Column;

use super::packer::Checkpoint;
use super::packer::Packer;
use super::patterns::Pattern;
use super::stock::reserved_mask;

/// Fewer pods than this are not worth the configuration problem.
const LEAST_PODS_TO_CONFIGURE: u64 = 2_000;

/// More different pods than this are too many for it.
const MOST_ITEMS_TO_CONFIGURE: usize = 400;

/// A node of a configuration that lacks some pods is still bought if it is worth this fraction of its price.
const ALMOST_FULL: f64 = 0.985;

/// What it may take.
const EFFORT: Effort =
    Effort { rounds: 75, rows: 16, steps: 1_000, last_steps: 5_000, slack: 0.004, close: 0.004 };

/// A solved configuration problem, with the columns behind its bins.
pub(super) struct Configured {
    pub(super) columns: Vec<Column>,
    /// The demands of each item.
    pub(super) members: Vec<Vec<u32>>,
    pub(super) found: crate::configure::Configured,
    /// Whether the bins are all there are, so that the bound holds for every plan.
    pub(super) is_bound: bool,
}

impl Packer<'_> {
    /// Solves the configuration problem where it can pay: many pods of few kinds, and nodes that fill up before rules by
    /// host force another one.
    pub(super) fn configured(&mut self, before: &Checkpoint) -> Option<Configured> {
        let pods: u64 = before.demands.iter().map(|left| u64::from(*left)).sum();
        let forced = before
            .limited
            .iter()
            .map(|limited| limited.left as f64 / f64::from(limited.per_node))
            .fold(0.0, f64::max);
        let far = (0..self.ground.pools.len())
            .all(|pool| self.limits_are_far(pool, self.nodes.len().max(1) as i64));
        if pods < LEAST_PODS_TO_CONFIGURE
            || forced > self.nodes.len() as f64 / 2.0
            || !far
            || reserved_mask(self.ground) != 0
            || self.demands.iter().any(|demand| demand.host.follows)
        {
            return None;
        }
        for kind in 0..self.kinds.len() {
            self.ensure_view(self.kinds[kind].fits);
        }
        let (items, members, item_of) = self.items(before);
        if items.len() > MOST_ITEMS_TO_CONFIGURE {
            return None;
        }
        let mut bins: Vec<(Column, Bin)> = Vec::new();
        let mut seen: BTreeSet<(u32, u32, u8)> = BTreeSet::new();
        let mut sets: Vec<FitId> = self.kinds.iter().map(|kind| kind.fits).collect();
        sets.sort_unstable();
        sets.dedup();
        for set in &sets {
            let Some(view) = self.views.get(set) else { continue };
            for column in &view.columns {
                if !seen.insert((column.variant, column.type_index, column.offer)) {
                    continue;
                }
                let reach = (0..items.len() as u32).filter(|item| {
                    let demand = &self.demands[members[*item as usize][0] as usize];
                    demand.amounts.fits(&column.net) && self.reaches(demand.fits, column)
                });
                let reach: Vec<u32> = reach.collect();
                if !reach.is_empty() {
                    bins.push((*column, Bin { price: column.price.as_f64(), net: column.net, items: reach }));
                }
            }
        }
        let start = self.bought_configurations(&bins, &item_of);
        let first: Vec<f64> = members
            .iter()
            .map(|members| self.kinds[self.kind_of[members[0] as usize] as usize].worth)
            .collect();
        let (columns, bins): (Vec<Column>, Vec<Bin>) = bins.into_iter().unzip();
        let found = configure(&items, &bins, start, first, EFFORT);
        Some(Configured { columns, found, members, is_bound: sets.len() == 1 })
    }

    /// One item per kind for the pods that no rule by host limits, one per demand for the rest. The demands of each
    /// item, and the item of each demand.
    pub(super) fn items(&self, before: &Checkpoint) -> (Vec<Item>, Vec<Vec<u32>>, Vec<u32>) {
        let mut items: Vec<Item> = Vec::new();
        let mut members: Vec<Vec<u32>> = Vec::new();
        let mut item_of = vec![0; self.demands.len()];
        let mut free: FxHashMap<u32, u32> = FxHashMap::default();
        for (index, demand) in self.demands.iter().enumerate() {
            let left = before.demands[index];
            if left == 0 {
                continue;
            }
            let per_node = demand.host.most_per_node();
            let next = items.len() as u32;
            let item =
                if per_node == u32::MAX { *free.entry(self.kind_of[index]).or_insert(next) } else { next };
            if item == next {
                items.push(Item { amounts: demand.amounts, count: 0, per_node });
                members.push(Vec::new());
            }
            items[item as usize].count += left;
            members[item as usize].push(index as u32);
            item_of[index] = item;
        }
        (items, members, item_of)
    }

    /// What the greedy run bought, as configurations.
    pub(super) fn bought_configurations(
        &self,
        bins: &[(Column, Bin)],
        item_of: &[u32],
    ) -> Vec<Configuration> {
        let mut start = Vec::new();
        let mut last: Option<&PlannedNode> = None;
        for node in &self.nodes {
            if last.is_some_and(|last| last.contents == node.contents && last.chosen == node.chosen) {
                continue;
            }
            last = Some(node);
            let bin = bins.iter().position(|(column, _)| {
                (column.variant, column.type_index, column.offer) == (node.variant, node.chosen, node.offer)
            });
            let Some(bin) = bin else { continue };
            let mut contents: Vec<(u32, u32)> = Vec::new();
            for (demand, count) in &node.contents {
                let item = item_of[*demand as usize];
                match contents.iter_mut().find(|(known, _)| *known == item) {
                    Some((_, known)) => *known += count,
                    None => contents.push((item, *count)),
                }
            }
            contents.sort_unstable();
            start.push(Configuration { bin: bin as u32, contents });
        }
        start
    }

    /// Buys every configuration as often as it is wanted, rounded down, then once more where that wastes nothing; prices
    /// the kinds for the greedy rest.
    pub(super) fn buy_configured(&mut self, configured: &Configured) {
        for (members, price) in configured.members.iter().zip(&configured.found.prices) {
            let kind = &mut self.kinds[self.kind_of[members[0] as usize] as usize];
            // Limited demands are worth more than free ones of their size; a kind has one price, the lower.
            kind.worth = if kind.configured { kind.worth.min(*price) } else { *price };
            kind.configured = true;
        }
        let mut fractions: Vec<(f64, &Configuration)> = Vec::new();
        for (configuration, times) in &configured.found.wanted {
            let whole = (times + 1e-6).floor();
            for _ in 0..whole as u64 {
                if !self.buy_configuration(configured, configuration) {
                    break;
                }
            }
            fractions.push((times - whole, configuration));
        }
        fractions.sort_by(|left, right| {
            right.0.total_cmp(&left.0).then_with(|| left.1.contents.cmp(&right.1.contents))
        });
        for (fraction, configuration) in fractions {
            if fraction < 0.5 {
                break;
            }
            self.buy_configuration(configured, configuration);
        }
    }

    /// Buys one node of a configuration if the demand and the rules by host still fill all of it.
    pub(super) fn buy_configuration(
        &mut self,
        configured: &Configured,
        configuration: &Configuration,
    ) -> bool {
        let column = configured.columns[configuration.bin as usize];
        let variant = &self.ground.variants[column.variant as usize];
        let mut pattern = Pattern {
            column,
            contents: Vec::new(),
            used: Amounts::ZERO,
            worth: 0.0,
            ratio: 1.0,
            host: HostCounts::default(),
            ports: variant.daemon_ports.clone(),
        };
        let mut room = column.net;
        let mut short = 0;
        for (item, count) in &configuration.contents {
            let mut missing = *count;
            for demand in &configured.members[*item as usize] {
                missing -= self.add_demand(*demand, missing, &mut pattern, &mut room);
                if missing == 0 {
                    break;
                }
            }
            // Others of the same size are worth about the same.
            let kind = self.kind_of[configured.members[*item as usize][0] as usize];
            while missing > 0 {
                let added: u32 = self.kinds[kind as usize]
                    .demands
                    .iter()
                    .map(|demand| self.add_demand(*demand, missing, &mut pattern, &mut room))
                    .find(|added| *added > 0)
                    .unwrap_or(0);
                if added == 0 {
                    break;
                }
                missing -= added;
            }
            short += missing;
        }
        if short > 0 && pattern.worth < column.price.as_f64() * ALMOST_FULL {
            return false;
        }
        let pool = &self.ground.pools[variant.pool as usize];
        if self.strict && !pool.min_values.is_empty() && !self.shrink_to_min_values(&mut pattern) {
            return false;
        }
        self.buy(pattern, 1);
        true
    }
}
