//! What a move has to save, and how it scores (reference section 4.13).

use std::collections::BTreeMap;

use supercargo_catalog::Usd;

use crate::disruption::Disruption;
use crate::snapshot::Snapshot;

use super::options::{ConsolidateOptions, Floor};

/// What one NodePool has at stake in a move.
#[derive(Clone, Copy, Debug, Default)]
struct Stake {
    price: f64,
    disruption: f64,
}

fn stakes(
    snapshot: &Snapshot,
    disruption: &Disruption,
    rooms: &[u32],
    costs: &dyn Fn(u32) -> f64,
) -> BTreeMap<u32, Stake> {
    let mut stakes: BTreeMap<u32, Stake> = BTreeMap::new();
    for room in rooms {
        let Some(pool) = snapshot.rooms[*room as usize].pool else { continue };
        let stake = stakes.entry(pool).or_default();
        stake.price += disruption.rooms[*room as usize].price.map_or(0.0, Usd::as_f64);
        stake.disruption += costs(*room);
    }
    stakes
}

/// By NodePool: share of cost saved over share of disruption, savings split by what each has at stake. The least of
/// them; nothing where a NodePool's costs are not known.
pub(super) fn score(
    snapshot: &Snapshot,
    disruption: &Disruption,
    rooms: &[u32],
    costs: &dyn Fn(u32) -> f64,
    saved: Usd,
) -> Option<f64> {
    let stakes = stakes(snapshot, disruption, rooms, costs);
    let price: f64 = stakes.values().map(|stake| stake.price).sum();
    let scores = stakes.iter().map(|(pool, stake)| {
        let whole = &disruption.budgets[*pool as usize];
        let share_saved = saved.as_f64() * stake.price / price / whole.hourly_cost.as_f64();
        share_saved / (stake.disruption / whole.reschedule_cost)
    });
    scores.reduce(f64::min).filter(|score| score.is_finite())
}

/// The least that a move of these rooms has to save, in dollars per hour; more than nothing in any case.
pub(super) fn required(
    snapshot: &Snapshot,
    disruption: &Disruption,
    rooms: &[u32],
    costs: &dyn Fn(u32) -> f64,
    options: &ConsolidateOptions,
) -> Usd {
    let least = Usd::from_nanos(1);
    match options.floor {
        Floor::PerMonth(amount) => ConsolidateOptions::least_per_hour(amount) + least,
        Floor::Balanced { k } => {
            let stakes = stakes(snapshot, disruption, rooms, costs);
            let price: f64 = stakes.values().map(|stake| stake.price).sum();
            let needs = stakes.iter().map(|(pool, stake)| {
                let whole = &disruption.budgets[*pool as usize];
                let share = stake.disruption / whole.reschedule_cost.max(f64::MIN_POSITIVE) / k;
                share * whole.hourly_cost.as_f64() * price / stake.price.max(f64::MIN_POSITIVE)
            });
            let need = needs.fold(0.0, f64::max);
            if need.is_finite() { Usd::from_f64(need).max(least) } else { Usd::MAX }
        }
    }
}
