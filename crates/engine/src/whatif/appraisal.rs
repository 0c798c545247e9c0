//! What pods are worth, and which new nodes are worth considering for them.

use std::collections::BTreeMap;
use std::sync::Arc;

use rustc_hash::FxHashMap;
use supercargo_catalog::Usd;

use crate::amounts::Amounts;
use crate::fits::{Fit, Ground};
use crate::market::OfferMask;
use crate::pools::Variant;
use crate::snapshot::Snapshot;
use crate::view::{Availability, View, worth};

use super::layout::{Mover, Purchase};

pub(super) fn purchases(snapshot: &Snapshot, variant: &Variant) -> Vec<Purchase> {
    let Some(table) = &snapshot.pools[variant.pool as usize].table else { return Vec::new() };
    let mut purchases: Vec<Purchase> = Vec::new();
    for type_index in variant.types.ones() {
        for offer in table.offers[type_index].iter().filter(|offer| variant.offers >> offer.key & 1 == 1) {
            purchases.push(Purchase { price: offer.price, type_index: type_index as u32, offer: offer.key });
        }
    }
    purchases.sort_by_key(|purchase| (purchase.price, purchase.type_index, purchase.offer));
    purchases
}

/// A way to buy a node is there, whatever limits and reservations leave.
struct Anything<'g>(Ground<'g>);

impl Availability for Anything<'_> {
    fn offer(&self, variant: u32, type_index: usize, mask: OfferMask) -> Option<(u8, Usd)> {
        let pool = &self.0.pools[self.0.variants[variant as usize].pool as usize];
        let offer = pool.table.as_ref()?.cheapest_offer(type_index, mask)?;
        Some((offer.key, offer.price))
    }
}

/// Which tier each class belongs to, which types are worth considering there, and what its pods are worth.
pub(super) fn appraise(
    snapshot: &Snapshot,
    variants: &[Variant],
    tiers: &[Vec<bool>],
    pods: &[u32],
    movers: &mut [Option<Mover>],
) {
    let mut numbers = vec![0i64; movers.len()];
    for pod in pods {
        numbers[snapshot.pods[*pod as usize].class as usize] += 1;
    }
    // Classes with the same new nodes in the same tier are appraised together.
    let mut groups: BTreeMap<(usize, u32), (Amounts, Vec<usize>)> = BTreeMap::new();
    let mut sets: FxHashMap<*const Vec<Vec<Fit>>, usize> = FxHashMap::default();
    for (class, mover) in movers.iter_mut().enumerate() {
        let Some(mover) = mover else { continue };
        let requests = &snapshot.classes[class].requests;
        let holds = |fit: &Fit| {
            let net = &variants[fit.variant as usize].net;
            fit.types.ones().any(|index| requests.fits(&net[index]))
        };
        let tier = tiers
            .iter()
            .position(|tier| mover.sets.iter().flatten().any(|fit| tier[fit.variant as usize] && holds(fit)));
        mover.tier = tier.map(|tier| tier as u32);
        let Some(tier) = mover.tier else { continue };
        let known = sets.len();
        let set = *sets.entry(Arc::as_ptr(&mover.sets)).or_insert(known);
        let group = groups.entry((set, tier)).or_default();
        group.0.add(&requests.times(numbers[class]));
        group.1.push(class);
    }
    let ground = Ground { market: &snapshot.market, pools: &snapshot.pools, variants };
    for ((_, tier), (demand, classes)) in groups {
        let Some(first) = classes.first().and_then(|class| movers[*class].as_ref()) else { continue };
        let reachable = first.sets.iter().flatten().filter(|fit| tiers[tier as usize][fit.variant as usize]);
        let fits: Vec<Fit> = reachable.cloned().collect();
        let view = View::new(ground, &fits, &demand, &Anything(ground));
        let columns = Arc::new(view.columns);
        for class in classes {
            if let Some(mover) = movers[class].as_mut() {
                mover.columns = Arc::clone(&columns);
                mover.worth = worth(&view.shadow, &snapshot.classes[class].requests);
            }
        }
    }
}
