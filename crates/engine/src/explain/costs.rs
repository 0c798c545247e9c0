//! Who bears the price of a node.
//!
//! The market says what a core, a GiB or a GPU is worth for what runs in the whole cluster: the dual of buying all of it
//! afresh on demand. These worths are scaled by one factor, so that all the node has to give is worth its price; each
//! pod bears what it requests, and what nobody requests is idle.

use std::sync::Arc;

use supercargo_catalog::{CapacityType, Usd};

use crate::amounts::{Amounts, CPU, EPHEMERAL_STORAGE, MEMORY, PODS, VOLUME_PREFIX, WIDTH};
use crate::fits::{Fit, Ground};
use crate::market::{OfferMask, TypeTable};
use crate::pools::{Variant, type_amounts};
use crate::snapshot::Snapshot;
use crate::view::{Availability, Shadow, View, worth};

use super::node_document::Share;

/// Dollars per hour and base unit of each resource of one node.
pub(super) struct Rates {
    rates: Shadow,
    allocatable: Amounts,
}

/// Any offering is to be had.
struct OnSale<'t>(&'t TypeTable);

impl Availability for OnSale<'_> {
    fn offer(&self, _: u32, type_index: usize, mask: OfferMask) -> Option<(u8, Usd)> {
        self.0.cheapest_offer(type_index, mask).map(|offer| (offer.key, offer.price))
    }
}

/// The rates of a node of this price.
pub(super) fn rates(
    snapshot: &Snapshot,
    pool: Option<u32>,
    allocatable: &Amounts,
    price: Usd,
) -> Option<Rates> {
    let own = pool.and_then(|pool| snapshot.pools[pool as usize].table.clone());
    let any = || snapshot.market.tables().map(|(_, table)| Arc::clone(table)).find(|table| !table.is_empty());
    let table = own.or_else(any)?;
    let mut allocatable = *allocatable;
    for place in 0..WIDTH {
        // places for pods and volumes are counted, not paid for
        if place == PODS
            || place == EPHEMERAL_STORAGE
            || snapshot.names.name(place).starts_with(VOLUME_PREFIX)
        {
            allocatable[place] = 0;
        }
    }
    let mut rates = worths(snapshot, &table);
    let whole = worth(&rates, &allocatable);
    if whole <= 0.0 {
        // the market has no answer: cpu and memory bear half each
        rates = [0.0; WIDTH];
        for place in [CPU, MEMORY] {
            rates[place] = if allocatable[place] > 0 { 0.5 / allocatable[place] as f64 } else { 0.0 };
        }
    }
    let whole = worth(&rates, &allocatable);
    if whole <= 0.0 {
        return None;
    }
    for (place, rate) in rates.iter_mut().enumerate() {
        *rate = if allocatable[place] > 0 { *rate * price.as_f64() / whole } else { 0.0 };
    }
    Some(Rates { rates, allocatable })
}

/// What a unit of each resource is worth on the market, for everything that runs.
fn worths(snapshot: &Snapshot, table: &TypeTable) -> Shadow {
    let mut demand = Amounts::ZERO;
    for row in &snapshot.pods {
        demand.add(&snapshot.classes[row.class as usize].requests);
    }
    demand[PODS] = 0;
    demand[EPHEMERAL_STORAGE] = 0;
    for place in PODS + 1..snapshot.names.len() {
        if snapshot.names.name(place).starts_with(VOLUME_PREFIX) {
            demand[place] = 0;
        }
    }
    let on_demand = snapshot.market.keys.iter().enumerate();
    let offers = on_demand
        .filter(|(_, key)| key.capacity_type == CapacityType::OnDemand)
        .fold(0, |mask, (index, _)| mask | 1 << index);
    let types = table.all();
    let variant = Variant {
        pool: 0,
        labels: Default::default(),
        types: types.clone(),
        offers,
        net: table.types.iter().map(|one| type_amounts(one, &snapshot.names)).collect(),
        overhead: vec![Amounts::ZERO; table.len()],
        daemon_ports: Vec::new(),
    };
    let ground =
        Ground { market: &snapshot.market, pools: &snapshot.pools, variants: std::slice::from_ref(&variant) };
    View::new(ground, &[Fit { variant: 0, types, offers }], &demand, &OnSale(table)).shadow
}

impl Rates {
    /// What amounts cost, in dollars per hour.
    pub(super) fn cost(&self, amounts: &Amounts) -> Usd {
        Usd::from_f64(worth(&self.rates, amounts))
    }

    /// The resources that cost something.
    pub(super) fn shares(&self, snapshot: &Snapshot) -> Vec<Share> {
        let priced = (0..snapshot.names.len().min(WIDTH)).filter(|place| self.rates[*place] > 0.0);
        let shares = priced.map(|place| {
            let (unit, size) = match place {
                CPU => ("core", 1_000.0),
                MEMORY => ("GiB", f64::from(1 << 30)),
                _ => ("unit", 1.0),
            };
            Share {
                resource: snapshot.names.name(place).to_owned(),
                unit: unit.to_owned(),
                per_unit_hour: rounded(self.rates[place] * size),
                per_hour: Usd::from_f64(self.rates[place] * self.allocatable[place] as f64),
            }
        });
        shares.collect()
    }
}

/// To the nano-dollar.
fn rounded(dollars: f64) -> f64 {
    (dollars * 1e9).round() / 1e9
}
