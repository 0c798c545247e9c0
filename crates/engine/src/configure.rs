//! The configuration problem: which whole patterns, how often.
//!
//! Where pods are large beside nodes, what a type holds is decided by whole pods, and prices per core and GiB flatter
//! every plan. Here every *kind of pod* gets a price instead, as high as possible, such that no pattern that fits a
//! type is worth more than the type costs. The patterns that attain it are those a plan should use; the total worth of
//! all pods is a lower bound on any plan. Patterns are too many to list: each round asks, per type, for the most
//! valuable pattern at the current prices (a knapsack, by branch and bound) and adds those that are worth too much.
//!
//! ```text
//! prices ──knapsack per column──> patterns worth more than they cost ──add as rows──> lower prices … until none
//! ```

use microlp::{ComparisonOp, OptimizationDirection, Problem};
use rayon::prelude::*;
use rustc_hash::FxHashMap;

use crate::amounts::{Amounts, WIDTH};

/// Pods of one size with the same choice of columns.
#[derive(Clone, Debug)]
pub struct Item {
    /// What one takes.
    pub amounts: Amounts,
    /// How many there are.
    pub count: u32,
    /// At most this many on one node.
    pub per_node: u32,
}

/// A type at a price.
#[derive(Clone, Debug)]
pub struct Bin {
    /// Dollars per hour.
    pub price: f64,
    /// Room.
    pub net: Amounts,
    /// Items that may be here, ascending.
    pub items: Vec<u32>,
}

/// What one node of a bin holds.
#[derive(Clone, Debug, PartialEq)]
pub struct Configuration {
    /// Index of the bin.
    pub bin: u32,
    /// Items and how many of each, ascending.
    pub contents: Vec<(u32, u32)>,
}

/// The outcome of the configuration problem.
#[derive(Clone, Debug, Default)]
pub struct Configured {
    /// Configurations and how often each is wanted, fractions included.
    pub wanted: Vec<(Configuration, f64)>,
    /// Price of each item.
    pub prices: Vec<f64>,
    /// No set of nodes for all items costs less.
    pub bound: f64,
}

/// How much work may be spent.
#[derive(Clone, Copy, Debug)]
pub struct Effort {
    /// Rounds of asking every bin.
    pub rounds: usize,
    /// Configurations added per round.
    pub rows: usize,
    /// Steps of branch and bound per knapsack.
    pub steps: u32,
    /// Steps per knapsack in the last round, which settles the bound.
    pub last_steps: u32,
    /// How much more than its price a pattern may be worth in the last round, as a fraction.
    pub slack: f64,
    /// Good enough: bound and value this close, as a fraction.
    pub close: f64,
}

/// Finds prices, configurations and a bound. `start` are configurations known to be good.
pub fn configure(
    items: &[Item],
    bins: &[Bin],
    start: Vec<Configuration>,
    first: Vec<f64>,
    effort: Effort,
) -> Configured {
    let mut rows: Vec<Configuration> = start;
    for item in 0..items.len() as u32 {
        rows.extend(alone(items, bins, item));
    }
    let knapsack = Knapsack::new(items);
    let mut shares = vec![0.0; bins.len()];
    // Rounds since a bin last had something to offer.
    let mut idle = vec![0_usize; bins.len()];
    rows.sort_by(|left, right| (left.bin, &left.contents).cmp(&(right.bin, &right.contents)));
    rows.dedup();
    let demand: Vec<f64> = items.iter().map(|item| f64::from(item.count)).collect();
    let mut stable = first;
    let mut bound = 0.0;
    // The first round asks at the prices given, which are feasible or nearly so: a bound to start from.
    let mut weight = 1.0;
    let mut solver = match Rows::new(&demand, bins, &rows) {
        Some(solver) => solver,
        None => return Configured { prices: stable, ..Configured::default() },
    };
    for round in 0..effort.rounds {
        let prices = solver.prices();
        let value: f64 = prices.iter().zip(&demand).map(|(price, count)| price * count).sum();
        if bound > 0.0 && value <= bound * (1.0 + effort.close) {
            break;
        }
        let asked: Vec<f64> = stable
            .iter()
            .zip(&prices)
            .map(|(stable, price)| weight * stable + (1.0 - weight) * price)
            .collect();
        let everyone = weight == 1.0 || weight == 0.0 || round % ROUNDS_BETWEEN_ALL == 0;
        let turn = |index: usize| {
            everyone
                || idle[index] < ROUNDS_BETWEEN_ALL
                || index % ROUNDS_BETWEEN_ALL == round % ROUNDS_BETWEEN_ALL
        };
        let answers: Vec<Option<Best>> = shares
            .par_iter_mut()
            .enumerate()
            .map_with(knapsack.clone(), |knapsack, (index, share)| {
                turn(index).then(|| {
                    knapsack.solve(
                        items,
                        &bins[index],
                        share,
                        &asked,
                        bins[index].price * (1.0 + effort.close / 4.0),
                        effort.steps,
                    )
                })
            })
            .collect();
        let mut excess: f64 = 0.0;
        let mut found: Vec<(f64, Configuration)> = Vec::new();
        for (index, best) in answers.into_iter().enumerate() {
            idle[index] += 1;
            let Some(best) = best else { continue };
            let bin = &bins[index];
            excess = excess.max(best.at_most / bin.price);
            let worth: f64 =
                best.contents.iter().map(|(item, count)| prices[*item as usize] * f64::from(*count)).sum();
            if !best.contents.is_empty() && worth > bin.price * (1.0 + 1e-7) {
                idle[index] = 0;
                found.push((worth / bin.price, Configuration { bin: index as u32, contents: best.contents }));
            }
        }
        let total: f64 = asked.iter().zip(&demand).map(|(price, count)| price * count).sum();
        let candidate = if everyone && excess > 0.0 { total / excess } else { 0.0 };
        if candidate > bound {
            bound = candidate;
            stable = asked.iter().map(|price| price / excess).collect();
        }
        if weight == 1.0 {
            weight = FIRST_WEIGHT;
            if found.is_empty() {
                continue;
            }
        }
        if found.is_empty() {
            if weight == 0.0 {
                break;
            }
            // The mixture was too close to the stable prices to cut anything off.
            weight = if weight > 0.2 { weight / 2.0 } else { 0.0 };
            continue;
        }
        found.sort_by(|left, right| right.0.total_cmp(&left.0).then(left.1.bin.cmp(&right.1.bin)));
        found.truncate(effort.rows);
        for (_, configuration) in found {
            if !solver.add(bins, &configuration) {
                break;
            }
            rows.push(configuration);
        }
    }
    for prices in [solver.prices(), stable.clone()] {
        let total: f64 = prices.iter().zip(&demand).map(|(price, count)| price * count).sum();
        let excesses: Vec<f64> = shares
            .par_iter_mut()
            .enumerate()
            .map_with(knapsack.clone(), |knapsack, (index, share)| {
                let bin = &bins[index];
                let floor = bin.price * (1.0 + effort.slack);
                knapsack.solve(items, bin, share, &prices, floor, effort.last_steps).at_most / bin.price
            })
            .collect();
        let excess = excesses.into_iter().fold(0.0, f64::max);
        if excess > 0.0 && total / excess > bound {
            bound = total / excess;
            stable = prices.iter().map(|price| price / excess).collect();
        }
    }
    let wanted = mixture(&demand, bins, &rows, &stable);
    Configured { wanted, prices: stable, bound }
}

/// As many of one item as the best bin for it holds.
fn alone(items: &[Item], bins: &[Bin], item: u32) -> Option<Configuration> {
    let one = &items[item as usize];
    let mut best: Option<(f64, Configuration)> = None;
    for (index, bin) in bins.iter().enumerate() {
        if bin.items.binary_search(&item).is_err() {
            continue;
        }
        let copies = one.amounts.copies_in(&bin.net).min(one.per_node).min(one.count);
        if copies == 0 {
            continue;
        }
        let each = bin.price / f64::from(copies);
        if best.as_ref().is_none_or(|(known, _)| each < *known) {
            best = Some((each, Configuration { bin: index as u32, contents: vec![(item, copies)] }));
        }
    }
    best.map(|(_, configuration)| configuration)
}

/// A bin with nothing to offer is asked every so many rounds; so are all of them at once, for the bound.
const ROUNDS_BETWEEN_ALL: usize = 6;
/// How much of the prices asked at is the best known to be feasible; the rest is the newest.
const FIRST_WEIGHT: f64 = 0.5;

/// The prices problem, growing by rows.
struct Rows {
    variables: Vec<microlp::Variable>,
    solution: Option<microlp::Solution>,
}

impl Rows {
    fn new(demand: &[f64], bins: &[Bin], rows: &[Configuration]) -> Option<Rows> {
        let mut problem = Problem::new(OptimizationDirection::Maximize);
        let variables: Vec<_> =
            demand.iter().map(|count| problem.add_var(*count, (0.0, f64::INFINITY))).collect();
        for row in rows {
            let terms: Vec<_> = row
                .contents
                .iter()
                .map(|(item, count)| (variables[*item as usize], f64::from(*count)))
                .collect();
            problem.add_constraint(&terms, ComparisonOp::Le, bins[row.bin as usize].price);
        }
        let solution = problem.solve().ok()?.into_solution().ok()?;
        Some(Rows { variables, solution: Some(solution) })
    }

    fn prices(&self) -> Vec<f64> {
        match &self.solution {
            Some(solution) => {
                self.variables.iter().map(|variable| solution.var_value(*variable).max(0.0)).collect()
            }
            None => vec![0.0; self.variables.len()],
        }
    }

    fn add(&mut self, bins: &[Bin], row: &Configuration) -> bool {
        let Some(solution) = self.solution.take() else { return false };
        let terms: Vec<_> = row
            .contents
            .iter()
            .map(|(item, count)| (self.variables[*item as usize], f64::from(*count)))
            .collect();
        let added = solution.add_constraint(&terms, ComparisonOp::Le, bins[row.bin as usize].price);
        self.solution = added.ok().and_then(|outcome| outcome.into_solution().ok());
        self.solution.is_some()
    }
}

/// How often each of the configurations that are worth their price is wanted: the cheapest mixture that covers all.
fn mixture(
    demand: &[f64],
    bins: &[Bin],
    rows: &[Configuration],
    prices: &[f64],
) -> Vec<(Configuration, f64)> {
    let reduced = |row: &Configuration| {
        let worth: f64 =
            row.contents.iter().map(|(item, count)| prices[*item as usize] * f64::from(*count)).sum();
        bins[row.bin as usize].price / worth.max(1e-12)
    };
    let mut candidates: Vec<(f64, &Configuration)> = rows.iter().map(|row| (reduced(row), row)).collect();
    candidates.sort_by(|left, right| {
        left.0
            .total_cmp(&right.0)
            .then_with(|| (left.1.bin, &left.1.contents).cmp(&(right.1.bin, &right.1.contents)))
    });
    candidates.truncate(6 * demand.len() + 200);
    let mut covered = vec![false; demand.len()];
    for (item, _) in candidates.iter().flat_map(|(_, row)| &row.contents) {
        covered[*item as usize] = true;
    }
    let mut problem = Problem::new(OptimizationDirection::Minimize);
    let variables: Vec<_> = candidates
        .iter()
        .map(|(_, row)| problem.add_var(bins[row.bin as usize].price, (0.0, f64::INFINITY)))
        .collect();
    let mut cover: Vec<Vec<(microlp::Variable, f64)>> = vec![Vec::new(); demand.len()];
    for ((_, row), variable) in candidates.iter().zip(&variables) {
        for (item, count) in &row.contents {
            cover[*item as usize].push((*variable, f64::from(*count)));
        }
    }
    for (item, terms) in cover.iter().enumerate() {
        if covered[item] {
            problem.add_constraint(terms, ComparisonOp::Ge, demand[item]);
        }
    }
    let Ok(outcome) = problem.solve() else { return Vec::new() };
    let Some(solution) = outcome.solution() else { return Vec::new() };
    candidates
        .iter()
        .zip(&variables)
        .map(|((_, row), variable)| ((*row).clone(), solution.var_value(*variable)))
        .filter(|(_, times)| *times > 1e-6)
        .collect()
}

/// The most valuable contents of a bin.
#[derive(Clone, Debug, Default)]
struct Best {
    contents: Vec<(u32, u32)>,
    /// No contents are worth more.
    at_most: f64,
}

/// Scratch space of the knapsacks.
#[derive(Clone, Default)]
struct Knapsack {
    /// By item, the number of its size.
    size_of: Vec<u32>,
    /// By size, its position in `order`.
    slots: Vec<Option<usize>>,
    order: Vec<Size>,
    chosen: Vec<u32>,
    best: Vec<u32>,
    best_value: f64,
    open: f64,
    steps: u32,
    places: Vec<usize>,
    rest: Vec<[f64; 2]>,
}

/// Items of one size. The dearest go first, so a number of copies has one value.
#[derive(Clone, Debug)]
struct Size {
    amounts: Amounts,
    surrogate: f64,
    density: f64,
    /// Items, dearest first, with their prices and how many may be taken.
    items: Vec<(u32, f64, u32)>,
    /// Value of so many copies; its length bounds them.
    values: Vec<f64>,
}

impl Knapsack {
    fn new(items: &[Item]) -> Knapsack {
        let mut sizes: FxHashMap<Amounts, u32> = FxHashMap::default();
        let size_of = items.iter().map(|item| {
            let next = sizes.len() as u32;
            *sizes.entry(item.amounts).or_insert(next)
        });
        let size_of: Vec<u32> = size_of.collect();
        Knapsack { slots: vec![None; sizes.len()], size_of, ..Knapsack::default() }
    }

    /// The most valuable contents worth more than `floor`; empty when there are none.
    ///
    /// Branch and bound over sizes by value per surrogate weight. The surrogate folds all resources into one: each
    /// weighed so that the bin holds one of it in total, the mixture chosen that bounds the value best.
    fn solve(
        &mut self,
        items: &[Item],
        bin: &Bin,
        share: &mut f64,
        prices: &[f64],
        floor: f64,
        steps: u32,
    ) -> Best {
        let places: Vec<usize> = (0..WIDTH)
            .filter(|place| {
                bin.net[*place] > 0 && bin.items.iter().any(|item| items[*item as usize].amounts[*place] > 0)
            })
            .collect();
        let weights = best_weights(items, bin, prices, &places, share);
        self.collect_sizes(items, bin, prices, &weights);
        self.chosen.clear();
        self.chosen.resize(self.order.len(), 0);
        self.best.clear();
        self.best.resize(self.order.len(), 0);
        self.best_value = floor;
        self.open = 0.0;
        self.bound_the_rest(bin, &places);
        self.steps = steps;
        self.branch(0, bin.net, 1.0, 0.0);
        let mut contents: Vec<(u32, u32)> = Vec::new();
        for (size, copies) in self.order.iter().zip(&self.best) {
            let mut missing = *copies;
            for (item, _, most) in &size.items {
                let taken = missing.min(*most);
                if taken > 0 {
                    contents.push((*item, taken));
                }
                missing -= taken;
            }
        }
        contents.sort_unstable();
        Best { contents, at_most: self.best_value.max(self.open) }
    }

    fn collect_sizes(&mut self, items: &[Item], bin: &Bin, prices: &[f64], weights: &[f64; WIDTH]) {
        self.order.clear();
        self.slots.fill(None);
        for item in &bin.items {
            let one = &items[*item as usize];
            let price = prices[*item as usize];
            let most = one.amounts.copies_in(&bin.net).min(one.per_node).min(one.count);
            if price <= 1e-12 || most == 0 {
                continue;
            }
            let slot = &mut self.slots[self.size_of[*item as usize] as usize];
            match slot {
                Some(slot) => self.order[*slot].items.push((*item, price, most)),
                None => {
                    *slot = Some(self.order.len());
                    self.order.push(Size {
                        amounts: one.amounts,
                        surrogate: weigh(weights, &one.amounts).max(1e-12),
                        density: 0.0,
                        items: vec![(*item, price, most)],
                        values: Vec::new(),
                    });
                }
            }
        }
        for size in &mut self.order {
            size.items.sort_by(|left, right| right.1.total_cmp(&left.1).then(left.0.cmp(&right.0)));
            let most = size.amounts.copies_in(&bin.net) as usize;
            size.values.push(0.0);
            let mut value = 0.0;
            for (_, price, copies) in &size.items {
                for _ in 0..*copies {
                    if size.values.len() > most {
                        break;
                    }
                    value += price;
                    size.values.push(value);
                }
            }
            size.density = size.items[0].1 / size.surrogate;
        }
        self.order.sort_by(|left, right| {
            right.density.total_cmp(&left.density).then(left.items[0].0.cmp(&right.items[0].0))
        });
    }

    /// By position in the order, the best value per unit of each resource among what comes after.
    fn bound_the_rest(&mut self, bin: &Bin, places: &[usize]) {
        self.places.clear();
        self.places.extend(places.iter().copied().filter(|place| bin.net[*place] > 0).take(2));
        let mut best = [0.0_f64; 2];
        self.rest.clear();
        self.rest.resize(self.order.len(), best);
        for (index, size) in self.order.iter().enumerate().rev() {
            for (slot, place) in self.places.iter().enumerate() {
                let amount = size.amounts[*place];
                let density = if amount > 0 { size.items[0].1 / amount as f64 } else { f64::INFINITY };
                best[slot] = best[slot].max(density);
            }
            self.rest[index] = best;
        }
    }

    /// No contents from here on can bring the value above this. Sizes that fit are taken by density as far as they go
    /// round, fractions at the end.
    fn promise(&self, from: usize, room: &Amounts, surrogate: f64, value: f64) -> f64 {
        let mut by_place = f64::INFINITY;
        for (slot, place) in self.places.iter().enumerate() {
            by_place = by_place.min(self.rest[from][slot] * room[*place] as f64);
        }
        let mut by_density = 0.0;
        let mut left = surrogate;
        let mut looked = 0;
        for (index, size) in self.order.iter().enumerate().skip(from) {
            if looked == LOOK_AHEAD {
                by_density += self.order[index].density * left;
                break;
            }
            let copies = size.amounts.copies_in(room).min(size.values.len() as u32 - 1);
            if copies == 0 {
                continue;
            }
            looked += 1;
            let whole = f64::from(copies);
            if size.surrogate * whole >= left {
                by_density += size.density * left;
                break;
            }
            by_density += size.values[copies as usize];
            left -= size.surrogate * whole;
        }
        value + by_density.min(by_place)
    }

    fn branch(&mut self, from: usize, room: Amounts, surrogate: f64, value: f64) {
        if value > self.best_value {
            self.best_value = value;
            self.best.clone_from(&self.chosen);
        }
        // The next size that fits at all.
        let mut index = from;
        while index < self.order.len() && !self.order[index].amounts.fits(&room) {
            index += 1;
        }
        if index == self.order.len() {
            return;
        }
        let promise = self.promise(index, &room, surrogate, value);
        if promise <= self.best_value * (1.0 + 1e-9) {
            return;
        }
        if self.steps == 0 {
            self.open = self.open.max(promise);
            return;
        }
        self.steps -= 1;
        let size = &self.order[index];
        let (amounts, weight) = (size.amounts, size.surrogate);
        let most = amounts.copies_in(&room).min(size.values.len() as u32 - 1);
        for copies in (0..=most).rev() {
            let worth = self.order[index].values[copies as usize];
            self.chosen[index] = copies;
            self.branch(
                index + 1,
                room.minus(&amounts.times(i64::from(copies))),
                surrogate - weight * f64::from(copies),
                value + worth,
            );
            if self.steps == 0 && copies > 0 {
                // What was not tried is worth at most what was promised.
                self.open = self.open.max(promise);
                break;
            }
        }
        self.chosen[index] = 0;
    }
}

/// Sizes looked at one by one before the rest is bounded by the densest of it.
const LOOK_AHEAD: usize = 6;

/// The mixture of resources under which the densest item bounds the bin's value best: any resource alone, or the first
/// two together. The bound is convex in their shares, so narrowing the interval finds its least; the share of the last
/// time is where the search begins.
fn best_weights(
    items: &[Item],
    bin: &Bin,
    prices: &[f64],
    places: &[usize],
    share: &mut f64,
) -> [f64; WIDTH] {
    let mut weights = [0.0; WIDTH];
    let [one, other, ..] = places else {
        if let Some(only) = places.first() {
            weights[*only] = 1.0 / bin.net[*only] as f64;
        }
        return weights;
    };
    // Price, and the fractions of the bin that one takes of the first two resources.
    let priced: Vec<(f64, f64, f64)> = bin
        .items
        .iter()
        .filter(|item| prices[**item as usize] > 0.0)
        .map(|item| {
            let amounts = &items[*item as usize].amounts;
            let fraction = |place: usize| amounts[place] as f64 / bin.net[place] as f64;
            (prices[*item as usize], fraction(*one), fraction(*other))
        })
        .collect();
    let densest = |share: f64| {
        let densities =
            priced.iter().map(|(price, one, other)| price / (share * one + (1.0 - share) * other).max(1e-12));
        densities.fold(0.0, f64::max)
    };
    let (mut low, mut high) =
        if *share > 0.0 { ((*share - 0.1).max(0.0), (*share + 0.1).min(1.0)) } else { (0.0, 1.0) };
    let steps = if *share > 0.0 { 12 } else { 22 };
    for _ in 0..steps {
        let (left, right) = (low + (high - low) / 3.0, high - (high - low) / 3.0);
        if densest(left) <= densest(right) {
            high = right;
        } else {
            low = left;
        }
    }
    *share = ((low + high) / 2.0).max(1e-9);
    let mut least = densest(*share);
    weights[*one] = *share / bin.net[*one] as f64;
    weights[*other] = (1.0 - *share) / bin.net[*other] as f64;
    for place in &places[2..] {
        let mut alone = [0.0; WIDTH];
        alone[*place] = 1.0 / bin.net[*place] as f64;
        let densities = bin
            .items
            .iter()
            .map(|item| prices[*item as usize] / weigh(&alone, &items[*item as usize].amounts).max(1e-12));
        let bound = densities.fold(0.0, f64::max);
        if bound < least {
            least = bound;
            weights = alone;
        }
    }
    weights
}

#[inline]
fn weigh(weights: &[f64; WIDTH], amounts: &Amounts) -> f64 {
    weights.iter().zip(&amounts.0).map(|(weight, amount)| weight * *amount as f64).sum()
}
