//! No plan can be cheaper than this.
//!
//! Give every resource unit of every group of pods (a group: pods with the same choice of types) a price, such that no
//! type, filled with whatever pods may run on it, holds more than it costs. Then all pods together are worth no more
//! than any set of nodes that holds them. The best such prices are a linear program; its constraints are too many to
//! write down, so the violated ones are added until none is left, and what little violation remains is scaled away.
//! The result is a true bound whatever the solver's rounding does.

use microlp::{ComparisonOp, OptimizationDirection, Problem};
use rustc_hash::FxHashMap;
use supercargo_catalog::Usd;

use crate::amounts::{Amounts, WIDTH};
use crate::fits::{Fit, Ground};

/// Rounds of adding violated constraints.
const MOST_ROUNDS: usize = 40;
/// Groups beyond this are priced together, which loosens the bound a little but never breaks it.
const MOST_GROUPS: usize = 24;

/// Pods with one choice of types.
#[derive(Clone, Debug)]
pub struct Group {
    /// Where they may go.
    pub fits: Vec<Fit>,
    /// What they take together.
    pub demand: Amounts,
}

struct Column {
    price: f64,
    net: Amounts,
    /// Groups that may use it.
    groups: Vec<usize>,
}

/// The lower bound on the price of nodes for these groups, in dollars per hour.
pub fn lower_bound(ground: Ground<'_>, groups: Vec<Group>) -> Usd {
    let groups = at_most(groups, MOST_GROUPS);
    let mut demand = Amounts::ZERO;
    for group in &groups {
        demand.add(&group.demand);
    }
    let places: Vec<usize> = (0..WIDTH).filter(|place| demand[*place] > 0).collect();
    let columns = columns(ground, &groups, &places);
    if places.is_empty() || columns.is_empty() {
        return Usd::ZERO;
    }
    let scales: Vec<f64> = places
        .iter()
        .map(|place| columns.iter().map(|column| column.net[*place]).max().unwrap_or(1).max(1) as f64)
        .collect();
    let net: Vec<Vec<f64>> = columns
        .iter()
        .map(|column| {
            places
                .iter()
                .zip(&scales)
                .map(|(place, scale)| column.net[*place].max(0) as f64 / scale)
                .collect()
        })
        .collect();
    let wanted: Vec<Vec<f64>> = groups
        .iter()
        .map(|group| {
            places.iter().zip(&scales).map(|(place, scale)| group.demand[*place] as f64 / scale).collect()
        })
        .collect();

    // A constraint is a column and, by place, the group whose price counts.
    let mut constraints: Vec<(usize, Vec<usize>)> = Vec::new();
    let net_at = |column: usize, place: usize| net[column][place];
    for group in 0..groups.len() {
        for place in 0..scales.len() {
            let own = (0..columns.len()).filter(|index| columns[*index].groups.contains(&group));
            let value = |index: &usize| net_at(*index, place) / columns[*index].price.max(1e-12);
            let tightest =
                own.max_by(|left, right| value(left).total_cmp(&value(right)).then(right.cmp(left)));
            constraints.extend(tightest.map(|index| (index, vec![group; places.len()])));
        }
    }
    constraints.sort();
    constraints.dedup();
    let mut prices = vec![vec![0.0; places.len()]; groups.len()];
    for _ in 0..MOST_ROUNDS {
        let Some(solved) = best_prices(&constraints, &columns, &net, &wanted) else { break };
        prices = solved;
        let mut violated = Vec::new();
        for (index, column) in columns.iter().enumerate() {
            let dearest = dearest_groups(column, &prices, places.len());
            if held(&net[index], &dearest, &prices) > column.price * 1.000_001 {
                violated.push((held(&net[index], &dearest, &prices) / column.price, index, dearest));
            }
        }
        if violated.is_empty() {
            break;
        }
        // The worst ones of a round stand for the many that are alike.
        violated.sort_by(|left, right| right.0.total_cmp(&left.0).then(left.1.cmp(&right.1)));
        violated.truncate(2 * groups.len());
        constraints.extend(violated.into_iter().map(|(_, index, dearest)| (index, dearest)));
    }
    let excess = columns
        .iter()
        .enumerate()
        .map(|(index, column)| {
            let dearest = dearest_groups(column, &prices, places.len());
            held(&net[index], &dearest, &prices) / column.price.max(1e-12)
        })
        .fold(1.0, f64::max);
    let total: f64 = wanted
        .iter()
        .zip(&prices)
        .map(|(wanted, prices)| wanted.iter().zip(prices).map(|(wanted, price)| wanted * price).sum::<f64>())
        .sum();
    // A hair below, so that rounding to whole nano-dollars cannot lift the bound over the optimum.
    Usd::from_f64((total / excess * (1.0 - 1e-9)).max(0.0))
}

fn held(net: &[f64], dearest: &[usize], prices: &[Vec<f64>]) -> f64 {
    net.iter().zip(dearest).enumerate().map(|(place, (net, group))| net * prices[*group][place]).sum()
}

fn dearest_groups(column: &Column, prices: &[Vec<f64>], places: usize) -> Vec<usize> {
    (0..places)
        .map(|place| {
            let dearest = column.groups.iter().copied().max_by(|left, right| {
                prices[*left][place].total_cmp(&prices[*right][place]).then(right.cmp(left))
            });
            dearest.unwrap_or(0)
        })
        .collect()
}

fn best_prices(
    constraints: &[(usize, Vec<usize>)],
    columns: &[Column],
    net: &[Vec<f64>],
    wanted: &[Vec<f64>],
) -> Option<Vec<Vec<f64>>> {
    let places = net.first().map_or(0, Vec::len);
    // Nothing is worth more than the dearest node; keeps the first rounds, with few constraints, finite.
    let dearest = columns.iter().map(|column| column.price).fold(0.0, f64::max) * 1e3 + 1.0;
    let mut problem = Problem::new(OptimizationDirection::Maximize);
    let variables: Vec<Vec<_>> = wanted
        .iter()
        .map(|group| group.iter().map(|wanted| problem.add_var(*wanted, (0.0, dearest))).collect())
        .collect();
    for (column, chosen) in constraints {
        let mut terms = Vec::with_capacity(places);
        for (place, group) in chosen.iter().enumerate() {
            if net[*column][place] > 0.0 {
                terms.push((variables[*group][place], net[*column][place]));
            }
        }
        problem.add_constraint(&terms, ComparisonOp::Le, columns[*column].price.max(1e-9));
    }
    let outcome = problem.solve().ok()?;
    let solution = outcome.solution()?;
    Some(
        variables
            .iter()
            .map(|group| group.iter().map(|variable| solution.var_value(*variable).max(0.0)).collect())
            .collect(),
    )
}

/// Merges the smallest groups until few enough are left.
fn at_most(mut groups: Vec<Group>, most: usize) -> Vec<Group> {
    groups.sort_by_key(|group| std::cmp::Reverse((group.demand[0], group.demand[1])));
    while groups.len() > most {
        let Some(last) = groups.pop() else { break };
        let Some(into) = groups.last_mut() else { break };
        into.demand.add(&last.demand);
        for fit in last.fits {
            match into.fits.iter_mut().find(|known| known.variant == fit.variant) {
                Some(known) => {
                    known.types.union_with(&fit.types);
                    known.offers |= fit.offers;
                }
                None => into.fits.push(fit),
            }
        }
    }
    groups
}

/// Every (type, groups that may use it) at the cheapest offering any of them may use, without the ones that another
/// one beats.
fn columns(ground: Ground<'_>, groups: &[Group], places: &[usize]) -> Vec<Column> {
    let mut by_type: FxHashMap<(u32, usize, u8), Vec<usize>> = FxHashMap::default();
    let mut order: Vec<(u32, usize, u8)> = Vec::new();
    for (index, group) in groups.iter().enumerate() {
        for fit in &group.fits {
            let variant = &ground.variants[fit.variant as usize];
            let Some(table) = &ground.pools[variant.pool as usize].table else { continue };
            for type_index in fit.types.ones() {
                let offers = table.offers[type_index].iter().filter(|offer| fit.offers >> offer.key & 1 == 1);
                // The cheapest one is enough for this group, but a dearer one is another group's cheapest: pods of
                // both may meet there.
                for offer in offers {
                    let key = (fit.variant, type_index, offer.key);
                    let entry = by_type.entry(key).or_insert_with(|| {
                        order.push(key);
                        Vec::new()
                    });
                    if entry.last() != Some(&index) {
                        entry.push(index);
                    }
                }
            }
        }
    }
    let mut columns: Vec<Column> = order
        .into_iter()
        .filter_map(|key| {
            let (variant_index, type_index, offer) = key;
            let variant = &ground.variants[variant_index as usize];
            let table = ground.pools[variant.pool as usize].table.as_ref()?;
            let offer = table.offers[type_index].iter().find(|row| row.key == offer)?;
            let groups = by_type.remove(&key)?;
            Some(Column { price: offer.price.as_f64(), net: variant.net[type_index], groups })
        })
        .collect();
    columns
        .sort_by(|left, right| left.price.total_cmp(&right.price).then_with(|| right.net.0.cmp(&left.net.0)));
    let mut kept: Vec<Column> = Vec::new();
    for column in columns {
        let beaten = kept.iter().rev().any(|better| {
            places.iter().all(|place| better.net[*place] >= column.net[*place])
                && column.groups.iter().all(|group| better.groups.contains(group))
        });
        if !beaten {
            kept.push(column);
        }
    }
    kept
}
