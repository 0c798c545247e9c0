//! What a planned node may turn out to be: all types that would do, and the cheapest of them.
//!
//! A launch wants choice. Once a node's contents are settled, every type of its variant that holds them is listed,
//! as far as `minValues` and the NodePool's limits allow whichever of them comes (reference sections 2.8, 2.11, 2.12).

use std::collections::BTreeSet;

use supercargo_catalog::Usd;

use crate::amounts::Amounts;
use crate::fits::Ground;
use crate::market::{OfferMask, TypeSet, TypeTable};
use crate::pack::Stock;
use crate::planned::PlannedNode;

/// A type a planned node may be, at its cheapest offering.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Choice {
    /// Dollars per hour.
    pub price: Usd,
    /// Index of the type.
    pub type_index: u32,
    /// Offering key.
    pub offer: u8,
}

/// The types among `types` that hold `used`.
pub fn holding(types: &TypeSet, net: &[Amounts], used: &Amounts) -> TypeSet {
    let mut holding = TypeSet::with_capacity(types.len());
    for index in types.ones() {
        if used.fits(&net[index]) {
            holding.insert(index);
        }
    }
    holding
}

/// Whether the types offer enough distinct values of every key that has `minValues`. The first key that falls short,
/// and how many values it has, otherwise.
pub fn check_min_values<'k>(
    table: &TypeTable,
    ground: Ground<'_>,
    min_values: &'k [(String, u32)],
    types: &TypeSet,
    offers: OfferMask,
) -> Result<(), (&'k str, u32)> {
    for (key, least) in min_values {
        let found = if crate::market::is_offering_label(key) {
            let mut values = BTreeSet::new();
            let reached = types.ones().fold(0, |mask, index| mask | table.offer_masks[index]) & offers;
            for (index, offer) in ground.market.keys.iter().enumerate() {
                if reached >> index & 1 == 1 {
                    values.extend(offer.label(key));
                }
            }
            values.len()
        } else {
            let mut seen = BTreeSet::new();
            seen.extend(
                types.ones().map(|index| table.label_number(index, key)).filter(|number| *number > 0),
            );
            seen.len()
        };
        if (found as u64) < u64::from(*least) {
            return Err((key, u32::try_from(found).unwrap_or(u32::MAX)));
        }
    }
    Ok(())
}

/// The choices of a node, cheapest first.
pub fn choices(ground: Ground<'_>, node: &PlannedNode) -> Vec<Choice> {
    let variant = &ground.variants[node.variant as usize];
    let Some(table) = &ground.pools[variant.pool as usize].table else { return Vec::new() };
    let mut choices: Vec<Choice> = node
        .types
        .ones()
        .filter_map(|index| {
            let offer = table.cheapest_offer(index, node.offers)?;
            Some(Choice { price: offer.price, type_index: index as u32, offer: offer.key })
        })
        .collect();
    choices.sort_unstable();
    choices
}

/// Settles every node: all types that hold its contents, the cheapest chosen, limits kept whichever type comes.
pub fn settle(ground: Ground<'_>, stock: &mut Stock, nodes: &mut [PlannedNode]) {
    let mut left_in_pool: Vec<i64> = vec![0; ground.pools.len()];
    for node in nodes.iter() {
        left_in_pool[ground.variants[node.variant as usize].pool as usize] += 1;
    }
    let mut start = 0;
    while start < nodes.len() {
        let mut end = start + 1;
        while end < nodes.len() && alike(&nodes[start], &nodes[end]) {
            end += 1;
        }
        settle_alike(ground, stock, &mut left_in_pool, &mut nodes[start..end]);
        start = end;
    }
}

fn alike(left: &PlannedNode, right: &PlannedNode) -> bool {
    left.variant == right.variant
        && left.chosen == right.chosen
        && left.offer == right.offer
        && left.contents == right.contents
        && left.offers == right.offers
        && left.types == right.types
}

fn settle_alike(ground: Ground<'_>, stock: &mut Stock, left_in_pool: &mut [i64], nodes: &mut [PlannedNode]) {
    let node = &nodes[0];
    let variant = &ground.variants[node.variant as usize];
    let Some(table) = &ground.pools[variant.pool as usize].table else { return };
    let mut types = if node.contents.is_empty() {
        node.types.clone()
    } else {
        holding(&node.types, &variant.net, &node.used)
    };
    let reserved = crate::pack::reserved_mask(ground);
    let is_reserved = reserved >> node.offer & 1 == 1;
    let mut chosen = (node.price, node.chosen, node.offer);
    for index in types.clone().ones() {
        match table.cheapest_offer(index, node.offers) {
            None => types.remove(index),
            Some(offer) if !is_reserved => chosen = chosen.min((offer.price, index as u32, offer.key)),
            Some(_) => {}
        }
    }
    if is_reserved {
        // A reservation is for one type.
        types.clear();
        types.insert(node.chosen as usize);
    }
    let limits = &mut stock.limits[variant.pool as usize];
    if !limits.is_empty() {
        let before = table.types[node.chosen as usize].capacity.clone();
        let now = &table.types[chosen.1 as usize].capacity;
        let count = nodes.len() as i64;
        // A cheaper type may be a larger one: it must not use what others were promised.
        let affordable = limits.iter().all(|(resource, left)| {
            resource == "nodes" || (now.get(resource) - before.get(resource)).saturating_mul(count) <= *left
        });
        if !affordable {
            chosen = (node.price, node.chosen, node.offer);
        }
        let base = &table.types[chosen.1 as usize].capacity;
        let sharers = left_in_pool[variant.pool as usize].max(1);
        let mut largest: Vec<i64> = vec![0; limits.len()];
        for (resource, left) in limits.iter_mut().filter(|(resource, _)| resource != "nodes") {
            *left -= (base.get(resource) - before.get(resource)).saturating_mul(count);
        }
        for index in types.clone().ones() {
            let capacity = &table.types[index].capacity;
            let fits = limits.iter().all(|(resource, left)| {
                resource == "nodes" || capacity.get(resource) - base.get(resource) <= (*left / sharers).max(0)
            });
            if !fits {
                types.remove(index);
                continue;
            }
            for (slot, (resource, _)) in limits.iter().enumerate() {
                largest[slot] = largest[slot].max(capacity.get(resource) - base.get(resource));
            }
        }
        for (slot, (resource, left)) in limits.iter_mut().enumerate() {
            if resource != "nodes" {
                *left -= largest[slot].saturating_mul(count);
            }
        }
        left_in_pool[variant.pool as usize] -= count;
    }
    let pool = &ground.pools[variant.pool as usize];
    let relaxed = check_min_values(table, ground, &pool.min_values, &types, node.offers).is_err();
    for node in nodes {
        node.min_values_relaxed = relaxed;
        node.types = types.clone();
        (node.price, node.chosen, node.offer) = chosen;
    }
}
