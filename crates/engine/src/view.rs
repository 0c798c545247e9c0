//! The types worth considering for a set of fits, and what a core and a GiB are worth among them.
//!
//! A column is one type at its cheapest offering. A column that costs no less than another and holds no more is
//! left out. The shadow prices are the dual of the fractional packing problem: the highest prices per unit of each
//! resource at which no column holds more than it costs. Every column then has an optimistic ratio, price over value
//! held when full, of at least one; the best columns have exactly one.

use microlp::{ComparisonOp, OptimizationDirection, Problem};
use supercargo_catalog::Usd;

use crate::amounts::{Amounts, WIDTH};
use crate::fits::{Fit, Ground};
use crate::market::OfferMask;

/// Rounds of adding rows; a handful is the rule.
const MOST_ROUNDS: usize = 64;

/// One type of one variant at its cheapest offering.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// Index of the variant.
    pub variant: u32,
    /// Index of the type.
    pub type_index: u32,
    /// Offering key.
    pub offer: u8,
    /// Dollars per hour.
    pub price: Usd,
    /// Room for pods.
    pub net: Amounts,
    /// Price over the value it holds when full; at least one.
    pub optimistic: f64,
}

/// Dollars per hour and unit of each resource.
pub type Shadow = [f64; WIDTH];

/// What amounts are worth at shadow prices, in dollars per hour.
#[inline]
pub fn worth(shadow: &Shadow, amounts: &Amounts) -> f64 {
    shadow.iter().zip(&amounts.0).map(|(price, amount)| price * *amount as f64).sum()
}

/// The columns of a set of fits.
#[derive(Clone, Debug)]
pub struct View {
    /// Best optimistic ratio first.
    pub columns: Vec<Column>,
    /// Shadow prices for the demand it was made for.
    pub shadow: Shadow,
}

/// Which offerings are out of reach right now: used-up reservations and types over a limit.
pub trait Availability {
    /// The cheapest offering of a type that can still be bought.
    fn offer(&self, variant: u32, type_index: usize, mask: OfferMask) -> Option<(u8, Usd)>;
}

impl View {
    /// Builds the view of a set of fits for a total demand.
    pub fn new(ground: Ground<'_>, fits: &[Fit], demand: &Amounts, availability: &dyn Availability) -> View {
        let mut columns: Vec<Column> = Vec::new();
        for fit in fits {
            let variant = &ground.variants[fit.variant as usize];
            for type_index in fit.types.ones() {
                if let Some((offer, price)) = availability.offer(fit.variant, type_index, fit.offers) {
                    columns.push(Column {
                        variant: fit.variant,
                        type_index: type_index as u32,
                        offer,
                        price,
                        net: variant.net[type_index],
                        optimistic: 0.0,
                    });
                }
            }
        }
        let places: Vec<usize> = (0..WIDTH).filter(|place| demand[*place] > 0).collect();
        prune(&mut columns, &places);
        let shadow = shadow_prices(&columns, demand, &places);
        for column in &mut columns {
            let held = worth(&shadow, &column.net.at_least(&Amounts::ZERO));
            column.optimistic = if held > 0.0 { column.price.as_f64() / held } else { f64::INFINITY };
        }
        columns.sort_by(|left, right| {
            left.optimistic
                .total_cmp(&right.optimistic)
                .then(left.price.cmp(&right.price))
                .then(left.type_index.cmp(&right.type_index))
                .then(left.variant.cmp(&right.variant))
        });
        View { columns, shadow }
    }
}

/// Drops every column that another one beats on price and room alike.
fn prune(columns: &mut Vec<Column>, places: &[usize]) {
    columns.sort_by(|left, right| {
        left.price
            .cmp(&right.price)
            .then_with(|| {
                let room = |column: &Column| places.iter().map(|place| column.net[*place]).sum::<i64>();
                room(right).cmp(&room(left))
            })
            .then(left.type_index.cmp(&right.type_index))
            .then(left.variant.cmp(&right.variant))
    });
    let mut kept: Vec<Column> = Vec::with_capacity(64);
    for column in columns.iter() {
        let beaten = kept
            .iter()
            .rev()
            .any(|better| places.iter().all(|place| better.net[*place] >= column.net[*place]));
        if !beaten && places.iter().all(|place| column.net[*place] >= 0) {
            kept.push(*column);
        }
    }
    *columns = kept;
}

/// Largest total worth of the demand such that no column holds more than it costs.
fn shadow_prices(columns: &[Column], demand: &Amounts, places: &[usize]) -> Shadow {
    let mut shadow = [0.0; WIDTH];
    // A resource that no column has cannot be priced.
    let places: Vec<usize> =
        places.iter().copied().filter(|place| columns.iter().any(|column| column.net[*place] > 0)).collect();
    if places.is_empty() {
        return shadow;
    }
    // Scaled so that the largest column holds about one of everything: the solver likes small numbers.
    let scale =
        |place: usize| columns.iter().map(|column| column.net[place]).max().unwrap_or(1).max(1) as f64;
    let scales: Vec<f64> = places.iter().map(|place| scale(*place)).collect();
    let rows: Vec<(Vec<f64>, f64)> = columns
        .iter()
        .map(|column| {
            let net = places.iter().zip(&scales).map(|(place, scale)| column.net[*place] as f64 / scale);
            (net.collect(), column.price.as_f64().max(1e-9))
        })
        .collect();
    let wanted: Vec<f64> =
        places.iter().zip(&scales).map(|(place, scale)| demand[*place] as f64 / scale).collect();
    let prices = best_prices(&rows, &wanted);
    for ((place, scale), price) in places.iter().zip(&scales).zip(prices) {
        shadow[*place] = price / scale;
    }
    shadow
}

/// Maximises `wanted . y` over `y >= 0` with `row . y <= bound` for every row. There are few unknowns and many rows, of
/// which few matter: each round adds the row that is violated most.
fn best_prices(rows: &[(Vec<f64>, f64)], wanted: &[f64]) -> Vec<f64> {
    let mut active: Vec<usize> = Vec::new();
    for place in 0..wanted.len() {
        let dearest = |index: &usize| rows[*index].0[place] / rows[*index].1;
        let tightest = (0..rows.len())
            .max_by(|left, right| dearest(left).total_cmp(&dearest(right)).then(right.cmp(left)));
        active.extend(tightest.filter(|index| !active.contains(index)));
    }
    let mut prices = vec![0.0; wanted.len()];
    for _ in 0..MOST_ROUNDS {
        let mut problem = Problem::new(OptimizationDirection::Maximize);
        let variables: Vec<_> =
            wanted.iter().map(|wanted| problem.add_var(*wanted, (0.0, f64::INFINITY))).collect();
        for index in &active {
            let (row, bound) = &rows[*index];
            let terms: Vec<_> = variables.iter().copied().zip(row.iter().copied()).collect();
            problem.add_constraint(&terms, ComparisonOp::Le, *bound);
        }
        let Ok(outcome) = problem.solve() else { break };
        let Some(solution) = outcome.solution() else { break };
        prices = variables.iter().map(|variable| solution.var_value(*variable).max(0.0)).collect();
        let excess = |(row, bound): &(Vec<f64>, f64)| {
            row.iter().zip(&prices).map(|(net, price)| net * price).sum::<f64>() / bound
        };
        let worst = rows.iter().map(excess).enumerate().max_by(|left, right| left.1.total_cmp(&right.1));
        match worst {
            Some((index, excess)) if excess > 1.0 + 1e-9 && !active.contains(&index) => active.push(index),
            _ => break,
        }
    }
    prices
}
