//! The packer: which nodes to buy for pods that no existing room can take, at the least total price.
//!
//! ```text
//! demand (class, fits, count) ──> shapes ──> kinds (same size, same fits)
//!   loop: hardest kind left = anchor
//!         each promising column: fill around the anchor, price / worth held
//!         best pattern, repeated as often as the demand lasts ──> planned nodes
//! ```
//!
//! Worth is measured at the shadow prices of the fractional problem ([`crate::view`]), so a pattern's ratio says how
//! far it is from the ideal: 1.00 is perfect. Columns whose optimistic ratio is no better than the best pattern found
//! are not tried. Where a rule by host forces many nodes (anti-affinity, spread over hostnames), no node may take
//! more than its fair share of the demand, so that filler is left for the others.

use std::collections::BTreeSet;

use rustc_hash::FxHashMap;
use supercargo_catalog::{CapacityType, Usd};

use crate::amounts::{Amounts, WIDTH};
use crate::class::HostPort;
use crate::configure::{Bin, Configuration, Effort, Item, configure};
use crate::fits::{Fit, FitId, Fits, Ground};
use crate::flexible::{check_min_values, holding};
use crate::market::{OfferMask, TypeSet};
use crate::planned::PlannedNode;
use crate::topology::{HostCounts, Rule};
use crate::view::{Availability, Column, View, worth};

/// How many columns are filled before the best is taken.
const MOST_COLUMNS: usize = 24;

/// Pods to be placed on new nodes: one class at one level of relaxation, pinned to one set of fits.
#[derive(Clone, Debug)]
pub struct Demand {
    /// Index of the class.
    pub class: u32,
    /// Where its pods may go.
    pub fits: FitId,
    /// What one pod takes.
    pub amounts: Amounts,
    /// Pods left.
    pub left: u32,
    /// Rules by host.
    pub host: HostRules,
    /// Whatever the caller wants to find again.
    pub tag: u32,
}

/// What a class demands of the other pods on its node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HostRules {
    /// Groups by host that the class states, whether they select the class itself, and whether the statement binds
    /// others as well (required anti-affinity).
    pub owned: Vec<HostRule>,
    /// Groups by host that select the class.
    pub matched: Vec<u32>,
    /// Those among `matched` that are anti-affinity.
    pub shunned_by: Vec<u32>,
    /// Host ports.
    pub ports: Vec<HostPort>,
    /// Must be where some other pod is.
    pub follows: bool,
}

/// One rule by host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HostRule {
    /// Index of the group.
    pub group: u32,
    /// What it demands.
    pub rule: Rule,
    /// Whether the group selects the class itself.
    pub selects_self: bool,
    /// Required anti-affinity keeps others away, too.
    pub binds_others: bool,
}

impl HostRules {
    /// Whether neither rules nor ports play a part.
    pub fn is_free(&self) -> bool {
        self.owned.is_empty() && self.matched.is_empty() && self.ports.is_empty()
    }

    /// How many pods the rules allow on a node with these counts.
    pub fn copies(&self, counts: &dyn Fn(u32) -> crate::topology::Count, ports: &[HostPort], totals: &[i64]) -> u32 {
        let mut most = u32::MAX;
        for rule in &self.owned {
            let count = counts(rule.group);
            let allowed = match rule.rule {
                Rule::Spread { max_skew, .. } => {
                    if rule.selects_self {
                        (max_skew - count.matched).max(0)
                    } else if count.matched <= max_skew {
                        i64::MAX
                    } else {
                        0
                    }
                }
                Rule::AntiAffinity if count.matched > 0 => 0,
                Rule::AntiAffinity if rule.selects_self => 1,
                Rule::AntiAffinity => i64::MAX,
                Rule::Affinity if count.matched > 0 => i64::MAX,
                Rule::Affinity if rule.selects_self && totals[rule.group as usize] == 0 => i64::MAX,
                Rule::Affinity => 0,
            };
            most = most.min(u32::try_from(allowed).unwrap_or(u32::MAX));
        }
        if self.shunned_by.iter().any(|group| counts(*group).owners > 0) {
            return 0;
        }
        if !self.ports.is_empty() {
            let taken = self.ports.iter().any(|port| ports.iter().any(|other| port.conflicts(other)));
            most = most.min(if taken { 0 } else { 1 });
        }
        most
    }

    /// At most this many pods of the class on an empty node, as far as the class alone decides.
    fn most_per_node(&self) -> u32 {
        let spread = self.owned.iter().filter(|rule| rule.selects_self).map(|rule| match rule.rule {
            Rule::Spread { max_skew, .. } => u32::try_from(max_skew).unwrap_or(u32::MAX),
            Rule::AntiAffinity => 1,
            Rule::Affinity => u32::MAX,
        });
        let ports = if self.ports.is_empty() { u32::MAX } else { 1 };
        spread.min().unwrap_or(u32::MAX).min(ports)
    }

    /// Records pods of the class on a node.
    pub fn record(&self, host: &mut HostCounts, ports: &mut Vec<HostPort>, pods: u32) {
        for group in &self.matched {
            host.record(*group, i64::from(pods), 0);
        }
        for rule in self.owned.iter().filter(|rule| rule.binds_others) {
            host.record(rule.group, 0, i64::from(pods));
        }
        ports.extend(self.ports.iter().cloned());
    }
}

/// Demands of one size that may go to the same places.
#[derive(Clone, Debug)]
struct Kind {
    amounts: Amounts,
    fits: FitId,
    reach: Reach,
    worth: f64,
    left: u32,
    /// Demands, by index; exhausted ones are skipped over.
    demands: Vec<u32>,
    /// Fewest per node that rules by host allow among its demands, for choosing anchors.
    most_per_node: u32,
    /// Its worth comes from the configuration problem.
    configured: bool,
    /// Others must be where these are.
    attracts: bool,
    /// These must be where others are, or all together.
    follows: bool,
}

/// A node's contents before it is bought.
#[derive(Clone, Debug)]
struct Pattern {
    column: Column,
    contents: Vec<(u32, u32)>,
    used: Amounts,
    worth: f64,
    ratio: f64,
    host: HostCounts,
    ports: Vec<HostPort>,
}

/// What may still be bought: limits and reservations, updated as nodes are.
#[derive(Clone, Debug, Default)]
pub struct Stock {
    /// By pool: what its limits leave, with the resource's name; nothing where unlimited.
    pub limits: Vec<Vec<(String, i64)>>,
    /// By (pool, type, offering key): instances left in a reservation.
    pub reserved: FxHashMap<(u32, u32, u8), u32>,
}

/// Stock over the ground it belongs to.
pub struct Shelf<'a> {
    /// Pools, variants and market.
    pub ground: Ground<'a>,
    /// What is left.
    pub stock: &'a Stock,
}

impl Availability for Shelf<'_> {
    fn offer(&self, variant: u32, type_index: usize, mask: OfferMask) -> Option<(u8, Usd)> {
        let pool_index = self.ground.variants[variant as usize].pool;
        let pool = &self.ground.pools[pool_index as usize];
        let table = pool.table.as_ref()?;
        if !within_limits(&self.stock.limits[pool_index as usize], &table.types[type_index].capacity) {
            return None;
        }
        let offers = table.offers[type_index].iter();
        let mut offers = offers.filter(|offer| mask >> offer.key & 1 == 1);
        offers
            .find(|offer| {
                offer.count == u32::MAX
                    || self
                        .stock
                        .reserved
                        .get(&(pool_index, type_index as u32, offer.key))
                        .copied()
                        .unwrap_or(offer.count)
                        > 0
            })
            .map(|offer| (offer.key, offer.price))
    }
}

/// Whether one more node of this capacity stays within what is left.
pub fn within_limits(left: &[(String, i64)], capacity: &supercargo_api::Resources) -> bool {
    left.iter().all(|(resource, left)| needs(resource, capacity) <= *left)
}

fn needs(resource: &str, capacity: &supercargo_api::Resources) -> i64 {
    if resource == "nodes" { 1 } else { capacity.get(resource) }
}

impl Stock {
    /// How many nodes of this capacity the limits allow.
    fn most(&self, pool: u32, capacity: &supercargo_api::Resources) -> u32 {
        let per_limit = self.limits[pool as usize].iter().filter_map(|(resource, left)| {
            let need = needs(resource, capacity);
            (need > 0).then(|| (left / need).max(0))
        });
        per_limit.min().map_or(u32::MAX, |most| u32::try_from(most).unwrap_or(u32::MAX))
    }

    /// Takes nodes off what is left.
    pub fn take(&mut self, pool: u32, capacity: &supercargo_api::Resources, nodes: u32) {
        for (resource, left) in &mut self.limits[pool as usize] {
            *left = left.saturating_sub(needs(resource, capacity).saturating_mul(i64::from(nodes)));
        }
    }
}

/// How many of `group`'s pods are left, how many fit on one node, and where they may be.
#[derive(Clone, Copy, Debug)]
struct Limited {
    group: u32,
    per_node: u32,
    left: i64,
    reach: Reach,
}

/// Which nodes are within reach, coarsely: two that share no variant or no offering never meet.
#[derive(Clone, Copy, Debug, Default)]
struct Reach {
    /// Bit by variant, folded.
    variants: u128,
    offers: OfferMask,
}

impl Reach {
    fn of(fits: &[Fit], in_tier: &[bool]) -> Reach {
        let mut reach = Reach::default();
        for fit in fits.iter().filter(|fit| in_tier[fit.variant as usize]) {
            reach.variants |= 1 << (fit.variant % 128);
            reach.offers |= fit.offers;
        }
        reach
    }

    fn meets(&self, other: &Reach) -> bool {
        self.variants & other.variants != 0 && self.offers & other.offers != 0
    }

    fn add(&mut self, other: &Reach) {
        self.variants |= other.variants;
        self.offers |= other.offers;
    }
}

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
struct Configured {
    columns: Vec<Column>,
    /// The demands of each item.
    members: Vec<Vec<u32>>,
    found: crate::configure::Configured,
    /// Whether the bins are all there are, so that the bound holds for every plan.
    is_bound: bool,
}

/// The state of a run, to come back to.
struct Checkpoint {
    demands: Vec<u32>,
    kinds: Vec<(u32, f64, Vec<u32>)>,
    dead: Vec<bool>,
    limited: Vec<Limited>,
    stock: Stock,
    host_totals: Vec<i64>,
    nodes: Vec<PlannedNode>,
}

/// One packing run over the variants of one tier.
pub struct Packer<'p> {
    ground: Ground<'p>,
    fits: &'p Fits,
    stock: &'p mut Stock,
    host_totals: &'p mut [i64],
    demands: Vec<Demand>,
    kinds: Vec<Kind>,
    kind_of: Vec<u32>,
    views: FxHashMap<FitId, View>,
    limited: Vec<Limited>,
    total: Amounts,
    in_tier: Vec<bool>,
    strict: bool,
    bound: Option<Usd>,
    /// By pool and limit, the most one node can take of it.
    largest: Vec<Vec<i64>>,
    nodes: Vec<PlannedNode>,
    dead: Vec<bool>,
}

impl<'p> Packer<'p> {
    /// Prepares a run: shapes, kinds and views.
    pub fn new(
        ground: Ground<'p>,
        fits: &'p Fits,
        stock: &'p mut Stock,
        host_totals: &'p mut [i64],
        demands: Vec<Demand>,
        in_tier: Vec<bool>,
        strict: bool,
    ) -> Packer<'p> {
        let mut total = Amounts::ZERO;
        for demand in &demands {
            total.add(&demand.amounts.times(i64::from(demand.left)));
        }
        let largest = largest_capacities(ground, stock);
        let mut packer = Packer {
            ground,
            fits,
            stock,
            host_totals,
            kind_of: vec![0; demands.len()],
            demands,
            kinds: Vec::new(),
            views: FxHashMap::default(),
            limited: Vec::new(),
            total,
            in_tier,
            strict,
            bound: None,
            largest,
            nodes: Vec::new(),
            dead: Vec::new(),
        };
        packer.make_kinds();
        packer
    }

    fn make_kinds(&mut self) {
        let mut by_content: FxHashMap<(Amounts, FitId), u32> = FxHashMap::default();
        let mut limited: FxHashMap<u32, usize> = FxHashMap::default();
        let mut reachable: FxHashMap<FitId, bool> = FxHashMap::default();
        let rules = self.demands.iter().flat_map(|demand| &demand.host.owned);
        let followed: BTreeSet<u32> =
            rules.filter(|rule| rule.rule == Rule::Affinity).map(|rule| rule.group).collect();
        for index in 0..self.demands.len() {
            let (amounts, fits) = (self.demands[index].amounts, self.demands[index].fits);
            let in_tier = &self.in_tier;
            let sets = self.fits;
            let reaches = *reachable
                .entry(fits)
                .or_insert_with(|| sets.get(fits).iter().any(|fit| in_tier[fit.variant as usize]));
            let next = self.kinds.len() as u32;
            let kind = *by_content.entry((amounts, fits)).or_insert(next);
            if kind == next {
                self.ensure_view(fits);
                let worth = self.views.get(&fits).map_or(0.0, |view| worth(&view.shadow, &amounts));
                self.kinds.push(Kind {
                    amounts,
                    fits,
                    reach: Reach::of(self.fits.get(fits), &self.in_tier),
                    worth,
                    left: 0,
                    demands: Vec::new(),
                    most_per_node: u32::MAX,
                    configured: false,
                    attracts: false,
                    follows: false,
                });
                self.dead.push(!reaches);
            }
            self.kind_of[index] = kind;
            let demand = &self.demands[index];
            let kind = &mut self.kinds[kind as usize];
            kind.left += demand.left;
            kind.demands.push(index as u32);
            kind.most_per_node = kind.most_per_node.min(demand.host.most_per_node());
            kind.follows |= demand.host.follows;
            kind.attracts |= demand.host.matched.iter().any(|group| followed.contains(group));
            for rule in demand.host.owned.iter().filter(|rule| rule.selects_self) {
                let per_node = match rule.rule {
                    Rule::Spread { max_skew, .. } => u32::try_from(max_skew).unwrap_or(u32::MAX),
                    Rule::AntiAffinity => 1,
                    Rule::Affinity => continue,
                };
                let slot = *limited.entry(rule.group).or_insert_with(|| {
                    self.limited.push(Limited { group: rule.group, per_node, left: 0, reach: Reach::default() });
                    self.limited.len() - 1
                });
                self.limited[slot].left += i64::from(demand.left);
                self.limited[slot].reach.add(&kind.reach);
            }
            if !demand.host.ports.is_empty() {
                let group = u32::MAX - index as u32;
                self.limited.push(Limited { group, per_node: 1, left: i64::from(demand.left), reach: kind.reach });
            }
        }
    }

    fn ensure_view(&mut self, fits: FitId) {
        if self.views.contains_key(&fits) {
            return;
        }
        let in_tier: Vec<_> =
            self.fits.get(fits).iter().filter(|fit| self.in_tier[fit.variant as usize]).cloned().collect();
        let shelf = Shelf { ground: self.ground, stock: self.stock };
        let view = View::new(self.ground, &in_tier, &self.total, &shelf);
        self.views.insert(fits, view);
    }

    fn checkpoint(&self) -> Checkpoint {
        Checkpoint {
            demands: self.demands.iter().map(|demand| demand.left).collect(),
            kinds: self.kinds.iter().map(|kind| (kind.left, kind.worth, kind.demands.clone())).collect(),
            dead: self.dead.clone(),
            limited: self.limited.clone(),
            stock: self.stock.clone(),
            host_totals: self.host_totals.to_vec(),
            nodes: self.nodes.clone(),
        }
    }

    fn restore(&mut self, checkpoint: Checkpoint) {
        for (demand, left) in self.demands.iter_mut().zip(checkpoint.demands) {
            demand.left = left;
        }
        for (kind, (left, worth, demands)) in self.kinds.iter_mut().zip(checkpoint.kinds) {
            kind.left = left;
            kind.worth = worth;
            kind.demands = demands;
        }
        self.dead = checkpoint.dead;
        self.limited = checkpoint.limited;
        *self.stock = checkpoint.stock;
        self.host_totals.copy_from_slice(&checkpoint.host_totals);
        self.nodes = checkpoint.nodes;
        self.views.clear();
    }

    /// Fewer pods placed, or as many at a higher price.
    fn is_worse_than(&self, other: &Checkpoint) -> bool {
        let left = |demands: &mut dyn Iterator<Item = u32>| demands.map(u64::from).sum::<u64>();
        let mine = left(&mut self.demands.iter().map(|demand| demand.left));
        let theirs = left(&mut other.demands.iter().copied());
        let price = |nodes: &[PlannedNode]| nodes.iter().fold(Usd::ZERO, |sum, node| sum + node.price);
        (mine, price(&self.nodes)) > (theirs, price(&other.nodes))
    }

    /// Solves the configuration problem where it can pay: many pods of few kinds, and nodes that fill up before rules by
    /// host force another one.
    fn configured(&mut self, before: &Checkpoint) -> Option<Configured> {
        let pods: u64 = before.demands.iter().map(|left| u64::from(*left)).sum();
        let forced =
            before.limited.iter().map(|limited| limited.left as f64 / f64::from(limited.per_node)).fold(0.0, f64::max);
        let far = (0..self.ground.pools.len()).all(|pool| self.limits_are_far(pool, self.nodes.len().max(1) as i64));
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
        let first: Vec<f64> = members.iter().map(|members| self.kinds[self.kind_of[members[0] as usize] as usize].worth).collect();
        let (columns, bins): (Vec<Column>, Vec<Bin>) = bins.into_iter().unzip();
        let found = configure(&items, &bins, start, first, EFFORT);
        Some(Configured { columns, found, members, is_bound: sets.len() == 1 })
    }

    /// One item per kind for the pods that no rule by host limits, one per demand for the rest. The demands of each
    /// item, and the item of each demand.
    fn items(&self, before: &Checkpoint) -> (Vec<Item>, Vec<Vec<u32>>, Vec<u32>) {
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
            let item = if per_node == u32::MAX { *free.entry(self.kind_of[index]).or_insert(next) } else { next };
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
    fn bought_configurations(&self, bins: &[(Column, Bin)], item_of: &[u32]) -> Vec<Configuration> {
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
    fn buy_configured(&mut self, configured: &Configured) {
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
        fractions.sort_by(|left, right| right.0.total_cmp(&left.0).then_with(|| left.1.contents.cmp(&right.1.contents)));
        for (fraction, configuration) in fractions {
            if fraction < 0.5 {
                break;
            }
            self.buy_configuration(configured, configuration);
        }
    }

    /// Buys one node of a configuration if the demand and the rules by host still fill all of it.
    fn buy_configuration(&mut self, configured: &Configured, configuration: &Configuration) -> bool {
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
                let added: u32 =
                    self.kinds[kind as usize].demands.iter().map(|demand| self.add_demand(*demand, missing, &mut pattern, &mut room)).find(|added| *added > 0).unwrap_or(0);
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

    pub(crate) fn demands(&self) -> &[Demand] {
        &self.demands
    }

    pub(crate) fn ground(&self) -> Ground<'p> {
        self.ground
    }

    pub(crate) fn fits(&self) -> &Fits {
        self.fits
    }

    pub(crate) fn host_totals(&self) -> &[i64] {
        self.host_totals
    }

    pub(crate) fn is_in_tier(&self, variant: u32) -> bool {
        self.in_tier[variant as usize]
    }

    pub(crate) fn is_strict(&self) -> bool {
        self.strict
    }

    /// The cheapest offering of a type that can still be bought.
    pub(crate) fn offer(&self, variant: u32, type_index: usize, mask: OfferMask) -> Option<(u8, Usd)> {
        Shelf { ground: self.ground, stock: self.stock }.offer(variant, type_index, mask)
    }

    /// Whether what one node takes cannot matter to another: no limits, no reservations that run out.
    fn is_separable(&self) -> bool {
        let variants = self.ground.variants.iter().enumerate().filter(|(index, _)| self.in_tier[*index]);
        let mut pools = variants.map(|(_, variant)| variant.pool as usize);
        pools.all(|pool| self.limits_are_far(pool, crate::exact::MOST_PODS as i64)) && reserved_mask(self.ground) == 0
    }

    /// Whether the limits of a pool would allow this many nodes of any type.
    fn limits_are_far(&self, pool: usize, nodes: i64) -> bool {
        self.stock.limits[pool].iter().zip(&self.largest[pool]).all(|((_, left), largest)| *left / nodes >= *largest)
    }

    /// Settles everything at once if there are few pods. Whether it did.
    fn settle_few(&mut self) -> bool {
        let reachable: Vec<u32> = (0..self.demands.len() as u32)
            .filter(|index| !self.dead[self.kind_of[*index as usize] as usize])
            .filter(|index| {
                let demand = &self.demands[*index as usize];
                self.views.get(&demand.fits).is_some_and(|view| {
                    view.columns.iter().any(|column| demand.amounts.fits(&column.net))
                })
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

    fn buy_exact(&mut self, node: &crate::exact::ExactNode) {
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

    /// Buys nodes until nothing more can be placed. What is left over stays in the demands.
    pub fn run(&mut self) {
        if self.settle_few() {
            return;
        }
        let before = self.checkpoint();
        self.run_greedily();
        if let Some(configured) = self.configured(&before) {
            if configured.is_bound {
                // A hair below, so that rounding to whole nano-dollars cannot lift it over the optimum.
                self.bound = Some(Usd::from_f64(configured.found.bound * (1.0 - 1e-9)));
            }
            let greedy = self.checkpoint();
            self.restore(before);
            self.buy_configured(&configured);
            self.run_greedily();
            if self.is_worse_than(&greedy) {
                self.restore(greedy);
            }
        }
    }

    fn run_greedily(&mut self) {
        let mut order: Vec<u32> = (0..self.kinds.len() as u32).collect();
        let reach = |kind: &Kind| {
            self.fits.get(kind.fits).iter().map(|fit| fit.offers.count_ones()).max().unwrap_or_default()
        };
        // Hardest first: those that others must find, fewest per node, fewest offerings, largest.
        let keys: Vec<(bool, bool, u32)> = self
            .kinds
            .iter()
            .map(|kind| (!(kind.attracts || kind.follows), kind.most_per_node == u32::MAX, reach(kind)))
            .collect();
        order.sort_by(|left, right| {
            let (one, two) = (&self.kinds[*left as usize], &self.kinds[*right as usize]);
            keys[*left as usize]
                .cmp(&keys[*right as usize])
                .then(two.worth.total_cmp(&one.worth))
                .then(left.cmp(right))
        });
        for anchor in order {
            while self.kinds[anchor as usize].left > 0 && !self.dead[anchor as usize] {
                if !self.buy_for(anchor) {
                    self.dead[anchor as usize] = true;
                }
            }
        }
    }

    /// The most a node for the anchor should cost while rules by host force many nodes: what everything that may share
    /// those nodes is worth, divided among them.
    fn fair_share(&self, anchor: u32) -> f64 {
        let reach = self.kinds[anchor as usize].reach;
        let forced = |limited: &Limited| limited.left as f64 / f64::from(limited.per_node);
        let near = self.limited.iter().filter(|limited| limited.reach.meets(&reach));
        let Some(most) = near.max_by(|left, right| forced(left).total_cmp(&forced(right))) else { return f64::INFINITY };
        if forced(most) <= 1.0 {
            return f64::INFINITY;
        }
        let sharing = self.kinds.iter().filter(|kind| kind.reach.meets(&most.reach));
        let worth: f64 = sharing.map(|kind| kind.worth * f64::from(kind.left)).sum();
        worth / forced(most) * 1.25
    }

    fn buy_for(&mut self, anchor: u32) -> bool {
        let fits = self.kinds[anchor as usize].fits;
        self.ensure_view(fits);
        let Some(view) = self.views.get(&fits) else { return false };
        let amounts = self.kinds[anchor as usize].amounts;
        let share = self.fair_share(anchor);
        let cheapest = view.columns.iter().filter(|column| amounts.fits(&column.net)).map(|column| column.price).min();
        let Some(cheapest) = cheapest else { return false };
        let together = self.must_stay_together(anchor);
        let together = together.filter(|all| view.columns.iter().any(|column| all.fits(&column.net)));
        let most = Usd::from_f64(share.min(1e9)).max(cheapest);
        let mut best: Option<Pattern> = None;
        let mut tried = 0;
        for column in &view.columns {
            let large_enough = together.as_ref().unwrap_or(&amounts).fits(&column.net);
            if (column.price > most && together.is_none()) || !large_enough {
                continue;
            }
            let bar = best.as_ref().map_or(f64::INFINITY, |best| best.ratio);
            if column.optimistic >= bar - 1e-9 || tried >= MOST_COLUMNS {
                break;
            }
            let Some(pattern) = self.fill(*column, anchor, view) else { continue };
            tried += 1;
            if pattern.ratio < bar - 1e-9 {
                best = Some(pattern);
            }
        }
        match best {
            Some(pattern) => {
                self.buy(pattern, u32::MAX);
                true
            }
            None => false,
        }
    }

    /// What the pods of a kind take that all have to go to one node, because they must be where one of them is and
    /// none is anywhere yet.
    fn must_stay_together(&self, anchor: u32) -> Option<Amounts> {
        let kind = &self.kinds[anchor as usize];
        let demand = kind.demands.iter().map(|index| &self.demands[*index as usize]).find(|demand| demand.left > 0)?;
        let bootstraps = demand.host.owned.iter().any(|rule| {
            rule.rule == Rule::Affinity && rule.selects_self && self.host_totals[rule.group as usize] == 0
        });
        bootstraps.then(|| demand.amounts.times(i64::from(demand.left)))
    }

    /// Fills a column around the anchor: always the pod whose needs point most along what is left of the node,
    /// weighed by what the resources are worth.
    fn fill(&self, column: Column, anchor: u32, view: &View) -> Option<Pattern> {
        let variant = &self.ground.variants[column.variant as usize];
        let mut pattern = Pattern {
            column,
            contents: Vec::new(),
            used: Amounts::ZERO,
            worth: 0.0,
            ratio: f64::INFINITY,
            host: HostCounts::default(),
            ports: variant.daemon_ports.clone(),
        };
        let mut room = column.net;
        let first = if self.kinds[anchor as usize].follows { u32::MAX } else { 1 };
        if !self.add_one_of(anchor, first, &mut pattern, &mut room) {
            return None;
        }
        if self.kinds[anchor as usize].attracts {
            // Those that need the anchor come before those that do not.
            for kind in 0..self.kinds.len() as u32 {
                if self.kinds[kind as usize].follows && self.reaches(self.kinds[kind as usize].fits, &column) {
                    while self.add_one_of(kind, u32::MAX, &mut pattern, &mut room) {}
                }
            }
        }
        let mut weights = [0.0; WIDTH];
        for (place, weight) in weights.iter_mut().enumerate() {
            if column.net[place] > 0 {
                *weight = view.shadow[place] / column.net[place] as f64;
            }
        }
        let mut candidates: Vec<u32> = (0..self.kinds.len() as u32)
            .filter(|index| {
                let kind = &self.kinds[*index as usize];
                kind.left > 0 && kind.amounts.fits(&room) && self.reaches(kind.fits, &column)
            })
            .collect();
        while !candidates.is_empty() {
            let mut weighed = weights;
            for (place, weight) in weighed.iter_mut().enumerate() {
                *weight *= room[place] as f64;
            }
            let mut best: Option<(f64, usize)> = None;
            let mut position = 0;
            while position < candidates.len() {
                let kind = &self.kinds[candidates[position] as usize];
                if !kind.amounts.fits(&room) {
                    candidates.swap_remove(position);
                    continue;
                }
                let score = worth(&weighed, &kind.amounts);
                let better = best.is_none_or(|(bar, at)| {
                    score > bar || (score == bar && candidates[position] < candidates[at])
                });
                if better {
                    best = Some((score, position));
                }
                position += 1;
            }
            let Some((_, position)) = best else { break };
            let kind = candidates[position];
            let copies = self.kinds[kind as usize].amounts.copies_in(&room);
            if !self.add_one_of(kind, copies.div_ceil(2).max(1), &mut pattern, &mut room) {
                candidates.swap_remove(position);
            }
        }
        let pool = &self.ground.pools[variant.pool as usize];
        if self.strict && !pool.min_values.is_empty() && !self.shrink_to_min_values(&mut pattern) {
            return None;
        }
        pattern.ratio = column.price.as_f64().max(1e-12) / pattern.worth.max(1e-12);
        Some(pattern)
    }

    /// Takes pods off again until enough types hold the rest. Whether any pod stays.
    fn shrink_to_min_values(&self, pattern: &mut Pattern) -> bool {
        let variant = &self.ground.variants[pattern.column.variant as usize];
        let pool = &self.ground.pools[variant.pool as usize];
        let Some(table) = &pool.table else { return false };
        loop {
            let (types, offers) = self.common(pattern);
            let held = holding(&types, &variant.net, &pattern.used);
            if check_min_values(table, self.ground, &pool.min_values, &held, offers).is_ok() {
                break;
            }
            let Some((index, count)) = pattern.contents.last_mut() else { return false };
            let index = *index as usize;
            *count -= 1;
            pattern.used.subtract(&self.demands[index].amounts);
            pattern.worth -= self.kinds[self.kind_of[index] as usize].worth;
            if *count == 0 {
                pattern.contents.pop();
            }
            if pattern.contents.is_empty() {
                return false;
            }
        }
        // What left no longer counts for the rules by host.
        pattern.host.clear();
        pattern.ports.clone_from(&variant.daemon_ports);
        for (index, count) in &pattern.contents {
            self.demands[*index as usize].host.record(&mut pattern.host, &mut pattern.ports, *count);
        }
        true
    }

    /// Types and offerings that all contents of a pattern share.
    fn common(&self, pattern: &Pattern) -> (TypeSet, OfferMask) {
        let variant = &self.ground.variants[pattern.column.variant as usize];
        let mut types = variant.types.clone();
        let mut offers: OfferMask = variant.offers;
        for (index, _) in &pattern.contents {
            let fits = self.fits.get(self.demands[*index as usize].fits);
            if let Some(fit) = fits.iter().find(|fit| fit.variant == pattern.column.variant) {
                types.intersect_with(&fit.types);
                offers &= fit.offers;
            }
        }
        (types, offers)
    }

    fn reaches(&self, fits: FitId, column: &Column) -> bool {
        self.fits.get(fits).iter().any(|fit| {
            fit.variant == column.variant
                && fit.offers >> column.offer & 1 == 1
                && fit.types.contains(column.type_index as usize)
        })
    }

    /// Adds up to `most` pods of the first demand of a kind that the rules by host still admit.
    fn add_one_of(&self, kind: u32, most: u32, pattern: &mut Pattern, room: &mut Amounts) -> bool {
        let demands = &self.kinds[kind as usize].demands;
        demands.iter().any(|demand| self.add_demand(*demand, most, pattern, room) > 0)
    }

    /// Adds up to `most` pods of a demand, as far as room and the rules by host admit. How many.
    fn add_demand(&self, index: u32, most: u32, pattern: &mut Pattern, room: &mut Amounts) -> u32 {
        let demand = &self.demands[index as usize];
        if demand.left == 0 {
            return 0;
        }
        let entry = pattern.contents.iter().position(|(known, _)| *known == index);
        let left = demand.left - entry.map_or(0, |at| pattern.contents[at].1);
        if left == 0 {
            return 0;
        }
        let allowed = if demand.host.is_free() {
            u32::MAX
        } else {
            demand.host.copies(&|group| pattern.host.count(group), &pattern.ports, self.host_totals)
        };
        let copies = allowed.min(left).min(most).min(demand.amounts.copies_in(room));
        if copies == 0 {
            return 0;
        }
        let taken = demand.amounts.times(i64::from(copies));
        room.subtract(&taken);
        pattern.used.add(&taken);
        pattern.worth += self.kinds[self.kind_of[index as usize] as usize].worth * f64::from(copies);
        match entry {
            Some(at) => pattern.contents[at].1 += copies,
            None => pattern.contents.push((index, copies)),
        }
        if !demand.host.is_free() {
            demand.host.record(&mut pattern.host, &mut pattern.ports, copies);
        }
        copies
    }

    /// Buys the pattern as often as the demand, the limits and the reservation last, at most `most` times.
    fn buy(&mut self, pattern: Pattern, most: u32) {
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
        let reserved = (variant.pool, column.type_index, column.offer);
        let count = table.offers[column.type_index as usize]
            .iter()
            .find(|offer| offer.key == column.offer)
            .map_or(u32::MAX, |offer| offer.count);
        if count != u32::MAX {
            let left = self.stock.reserved.entry(reserved).or_insert(count);
            times = times.min(*left);
            *left -= times.min(*left);
        }
        if bootstraps {
            times = 1;
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

    /// What nodes for these demands cost at least, where that was found on the way.
    pub fn bound(&self) -> Option<Usd> {
        self.bound
    }

    /// The demands with what is left of them.
    pub fn into_rest(self) -> (Vec<Demand>, Vec<PlannedNode>) {
        (self.demands, self.nodes)
    }
}

fn largest_capacities(ground: Ground<'_>, stock: &Stock) -> Vec<Vec<i64>> {
    let pools = ground.pools.iter().zip(&stock.limits);
    pools
        .map(|(pool, limits)| {
            let types = pool.table.iter().flat_map(|table| &table.types);
            let largest = |resource: &str| types.clone().map(|one| needs(resource, &one.capacity)).max().unwrap_or(0);
            limits.iter().map(|(resource, _)| largest(resource).max(1)).collect()
        })
        .collect()
}

/// The offering keys of reservations.
pub fn reserved_mask(ground: Ground<'_>) -> OfferMask {
    let keys = ground.market.keys.iter().enumerate();
    keys.filter(|(_, key)| key.capacity_type == CapacityType::Reserved).fold(0, |mask, (index, _)| mask | 1 << index)
}
