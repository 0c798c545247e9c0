//! What can still be bought: limits of NodePools and reservations, as they are used up.

use rustc_hash::FxHashMap;
use supercargo_catalog::CapacityType;
use supercargo_catalog::Usd;

use crate::fits::Ground;
use crate::market::OfferMask;
use crate::view::Availability;

/// What may still be bought: limits and reservations, updated as nodes are.
#[derive(Clone, Debug, Default)]
pub struct Stock {
    /// By pool: what its limits leave, with the resource's name; nothing where unlimited.
    pub limits: Vec<Vec<(String, i64)>>,
    /// By offering key: instances left in a reservation, whichever NodePool takes them.
    pub reserved: FxHashMap<u8, u32>,
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
                    || self.stock.reserved.get(&offer.key).copied().unwrap_or(offer.count) > 0
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
    pub(super) fn most(&self, pool: u32, capacity: &supercargo_api::Resources) -> u32 {
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

pub(super) fn largest_capacities(ground: Ground<'_>, stock: &Stock) -> Vec<Vec<i64>> {
    let pools = ground.pools.iter().zip(&stock.limits);
    pools
        .map(|(pool, limits)| {
            let types = pool.table.iter().flat_map(|table| &table.types);
            let largest =
                |resource: &str| types.clone().map(|one| needs(resource, &one.capacity)).max().unwrap_or(0);
            limits.iter().map(|(resource, _)| largest(resource).max(1)).collect()
        })
        .collect()
}

/// The offering keys of reservations.
pub fn reserved_mask(ground: Ground<'_>) -> OfferMask {
    let keys = ground.market.keys.iter().enumerate();
    keys.filter(|(_, key)| key.capacity_type == CapacityType::Reserved)
        .fold(0, |mask, (index, _)| mask | 1 << index)
}
