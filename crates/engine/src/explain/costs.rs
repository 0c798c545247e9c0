//! Who bears the price of a node.
//!
//! The market says what a core, a GiB or a GPU is worth for what runs in the whole cluster: the dual of buying all of it
//! afresh on demand. These worths are scaled by one factor, so that all the node has to give is worth its price; each
//! pod bears what it requests, and what nobody requests is idle.

use supercargo_catalog::{CapacityType, Usd};

use crate::amounts::{Amounts, CPU, EPHEMERAL_STORAGE, MEMORY, PODS, VOLUME_PREFIX, WIDTH};
use crate::fits::{Fit, Ground};
use crate::market::OfferMask;
use crate::snapshot::Snapshot;
use crate::solve::all_variants;
use crate::view::{Availability, Shadow, View, worth};

use super::node_document::Share;

/// Dollars per hour and base unit of each resource of one node.
pub(super) struct Rates {
    rates: Shadow,
    allocatable: Amounts,
}

/// Any offering is to be had.
struct OnSale<'g>(Ground<'g>);

impl Availability for OnSale<'_> {
    fn offer(&self, variant: u32, type_index: usize, mask: OfferMask) -> Option<(u8, Usd)> {
        let pool = self.0.variants[variant as usize].pool;
        let offer = self.0.pools[pool as usize].table.as_ref()?.cheapest_offer(type_index, mask)?;
        Some((offer.key, offer.price))
    }
}

/// The rates of a node of this price; nothing for a node that has nothing to give.
pub(super) fn rates(snapshot: &Snapshot, allocatable: &Amounts, price: Usd) -> Option<Rates> {
    let allocatable = only_paid_for(snapshot, *allocatable);
    let mut rates = worths(snapshot);
    if rates[CPU] <= 0.0 || rates[MEMORY] <= 0.0 {
        // the market cannot tell the two apart, as where all types have them in one ratio: each bears half
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

/// Places for pods, volumes and files are counted, not paid for.
fn only_paid_for(snapshot: &Snapshot, mut amounts: Amounts) -> Amounts {
    for place in 0..WIDTH {
        let is_volume = snapshot.names.name(place).starts_with(VOLUME_PREFIX);
        if place == PODS || place == EPHEMERAL_STORAGE || is_volume {
            amounts[place] = 0;
        }
    }
    amounts
}

/// What a unit of each resource is worth for everything that runs, given what the NodePools may buy.
fn worths(snapshot: &Snapshot) -> Shadow {
    let mut demand = Amounts::ZERO;
    for row in &snapshot.pods {
        demand.add(&snapshot.classes[row.class as usize].requests);
    }
    let demand = only_paid_for(snapshot, demand);
    let variants = all_variants(snapshot);
    let ground = Ground { market: &snapshot.market, pools: &snapshot.pools, variants: &variants };
    let on_demand = snapshot.market.keys.iter().enumerate();
    let on_demand = on_demand
        .filter(|(_, key)| key.capacity_type == CapacityType::OnDemand)
        .fold(0, |mask, (index, _)| mask | 1 << index);
    let fits = |offers: OfferMask| -> Vec<Fit> {
        let some = variants.iter().enumerate().filter(|(_, variant)| variant.offers & offers != 0);
        some.map(|(index, variant)| Fit {
            variant: index as u32,
            types: variant.types.clone(),
            offers: variant.offers & offers,
        })
        .collect()
    };
    let mut sold = fits(on_demand);
    if sold.is_empty() {
        sold = fits(OfferMask::MAX);
    }
    View::new(ground, &sold, &demand, &OnSale(ground)).shadow
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
