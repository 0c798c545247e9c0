//! One packing run: kinds, views, the greedy loop, and the state to come back to.

use std::collections::BTreeSet;

use rustc_hash::FxHashMap;
use supercargo_catalog::Usd;

use crate::amounts::Amounts;
use crate::fits::FitId;
use crate::fits::Fits;
use crate::fits::Ground;
use crate::market::OfferMask;
use crate::planned::PlannedNode;
use crate::topology::Rule;
use crate::view::Availability;
use crate::view::View;
use crate::view::worth;

use super::demand::Demand;
use super::patterns::Kind;
use super::patterns::Limited;
use super::patterns::Pattern;
use super::patterns::Reach;
use super::stock::Shelf;
use super::stock::Stock;
use super::stock::largest_capacities;
use super::stock::reserved_mask;

/// How many columns are filled before the best is taken.
const MOST_COLUMNS: usize = 24;

/// The state of a run, to come back to.
pub(super) struct Checkpoint {
    pub(super) demands: Vec<u32>,
    pub(super) kinds: Vec<(u32, f64, Vec<u32>)>,
    pub(super) dead: Vec<bool>,
    pub(super) limited: Vec<Limited>,
    pub(super) stock: Stock,
    pub(super) host_totals: Vec<i64>,
    pub(super) nodes: Vec<PlannedNode>,
}

/// One packing run over the variants of one tier.
pub struct Packer<'p> {
    pub(super) ground: Ground<'p>,
    pub(super) fits: &'p Fits,
    pub(super) stock: &'p mut Stock,
    pub(super) host_totals: &'p mut [i64],
    pub(super) demands: Vec<Demand>,
    pub(super) kinds: Vec<Kind>,
    pub(super) kind_of: Vec<u32>,
    pub(super) views: FxHashMap<FitId, View>,
    pub(super) limited: Vec<Limited>,
    pub(super) total: Amounts,
    pub(super) in_tier: Vec<bool>,
    pub(super) strict: bool,
    pub(super) bound: Option<Usd>,
    /// By pool and limit, the most one node can take of it.
    pub(super) largest: Vec<Vec<i64>>,
    pub(super) nodes: Vec<PlannedNode>,
    pub(super) dead: Vec<bool>,
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

    pub(super) fn make_kinds(&mut self) {
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
                    self.limited.push(Limited {
                        group: rule.group,
                        per_node,
                        left: 0,
                        reach: Reach::default(),
                    });
                    self.limited.len() - 1
                });
                self.limited[slot].left += i64::from(demand.left);
                self.limited[slot].reach.add(&kind.reach);
            }
            if !demand.host.ports.is_empty() {
                let group = u32::MAX - index as u32;
                self.limited.push(Limited {
                    group,
                    per_node: 1,
                    left: i64::from(demand.left),
                    reach: kind.reach,
                });
            }
        }
    }

    pub(super) fn ensure_view(&mut self, fits: FitId) {
        if self.views.contains_key(&fits) {
            return;
        }
        let in_tier: Vec<_> =
            self.fits.get(fits).iter().filter(|fit| self.in_tier[fit.variant as usize]).cloned().collect();
        let shelf = Shelf { ground: self.ground, stock: self.stock };
        let view = View::new(self.ground, &in_tier, &self.total, &shelf);
        self.views.insert(fits, view);
    }

    pub(super) fn checkpoint(&self) -> Checkpoint {
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

    pub(super) fn restore(&mut self, checkpoint: Checkpoint) {
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
    pub(super) fn is_worse_than(&self, other: &Checkpoint) -> bool {
        let left = |demands: &mut dyn Iterator<Item = u32>| demands.map(u64::from).sum::<u64>();
        let mine = left(&mut self.demands.iter().map(|demand| demand.left));
        let theirs = left(&mut other.demands.iter().copied());
        let price = |nodes: &[PlannedNode]| nodes.iter().fold(Usd::ZERO, |sum, node| sum + node.price);
        (mine, price(&self.nodes)) > (theirs, price(&other.nodes))
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
    pub(super) fn is_separable(&self) -> bool {
        let variants = self.ground.variants.iter().enumerate().filter(|(index, _)| self.in_tier[*index]);
        let mut pools = variants.map(|(_, variant)| variant.pool as usize);
        pools.all(|pool| self.limits_are_far(pool, crate::exact::MOST_PODS as i64))
            && reserved_mask(self.ground) == 0
    }

    /// Whether the limits of a pool would allow this many nodes of any type.
    pub(super) fn limits_are_far(&self, pool: usize, nodes: i64) -> bool {
        self.stock.limits[pool]
            .iter()
            .zip(&self.largest[pool])
            .all(|((_, left), largest)| *left / nodes >= *largest)
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

    pub(super) fn run_greedily(&mut self) {
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
    pub(super) fn fair_share(&self, anchor: u32) -> f64 {
        let reach = self.kinds[anchor as usize].reach;
        let forced = |limited: &Limited| limited.left as f64 / f64::from(limited.per_node);
        let near = self.limited.iter().filter(|limited| limited.reach.meets(&reach));
        let Some(most) = near.max_by(|left, right| forced(left).total_cmp(&forced(right))) else {
            return f64::INFINITY;
        };
        if forced(most) <= 1.0 {
            return f64::INFINITY;
        }
        let sharing = self.kinds.iter().filter(|kind| kind.reach.meets(&most.reach));
        let worth: f64 = sharing.map(|kind| kind.worth * f64::from(kind.left)).sum();
        worth / forced(most) * 1.25
    }

    pub(super) fn buy_for(&mut self, anchor: u32) -> bool {
        let fits = self.kinds[anchor as usize].fits;
        self.ensure_view(fits);
        let Some(view) = self.views.get(&fits) else { return false };
        let amounts = self.kinds[anchor as usize].amounts;
        let share = self.fair_share(anchor);
        let cheapest =
            view.columns.iter().filter(|column| amounts.fits(&column.net)).map(|column| column.price).min();
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
    pub(super) fn must_stay_together(&self, anchor: u32) -> Option<Amounts> {
        let kind = &self.kinds[anchor as usize];
        let demand =
            kind.demands.iter().map(|index| &self.demands[*index as usize]).find(|demand| demand.left > 0)?;
        let bootstraps = demand.host.owned.iter().any(|rule| {
            rule.rule == Rule::Affinity && rule.selects_self && self.host_totals[rule.group as usize] == 0
        });
        bootstraps.then(|| demand.amounts.times(i64::from(demand.left)))
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
