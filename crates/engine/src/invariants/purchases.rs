//! What is bought: within the NodePool's own requirements and limits, flexible enough, at the right price.

use std::collections::{BTreeMap, BTreeSet};

use supercargo_api::labels;
use supercargo_catalog::{CapacityType, Usd};

use super::Violation;
use super::places::{Bought, Place, Places, Site};
use super::suitability::satisfies;
use crate::market::is_offering_label;

/// Checks all planned nodes.
pub fn check(places: &Places<'_>, violations: &mut Vec<Violation>) {
    let mut bought_of: BTreeMap<(String, String), (u32, u32)> = BTreeMap::new();
    for place in &places.all {
        let Site::Planned(bought) = place.site else { continue };
        check_own_requirements(places, place, bought, violations);
        check_price(places, place, bought, violations);
        check_flexibility(places, place, bought, violations);
        let key = &places.snapshot.market.keys[bought.node.offer as usize];
        if let Some((reservation, _, _)) = &key.reservation {
            let chosen = bought.node.chosen as usize;
            let row = bought.table.offers[chosen].iter().find(|row| row.key == bought.node.offer);
            let count = row.map_or(0, |row| row.count);
            let name = bought.table.types[chosen].name.clone();
            let entry = bought_of.entry((reservation.clone(), name)).or_insert((0, count));
            entry.0 += 1;
        }
    }
    for ((reservation, instance_type), (bought, count)) in bought_of {
        if bought > count {
            violations.push(Violation::Oversold { reservation, instance_type, bought, count });
        }
    }
    check_limits(places, violations);
    let (bound, price) = (places.outcome.lower_bound, places.outcome.price());
    if bound > price {
        violations.push(Violation::BoundAbovePrice { bound, price });
    }
}

/// The NodePool's requirements admit every type and offering that is listed.
fn check_own_requirements(
    places: &Places<'_>,
    place: &Place<'_>,
    bought: Bought<'_>,
    violations: &mut Vec<Violation>,
) {
    let keys = &places.snapshot.market.keys;
    for requirement in bought.pool.requirements.iter() {
        let key = requirement.key.as_str();
        let satisfied = |value: Option<&str>| satisfies(requirement, value);
        let refused = if is_offering_label(key) {
            let refused = keys.iter().enumerate().filter(|(_, offer)| !satisfied(offer.label(key)));
            let refused = refused.fold(0, |mask, (index, _)| mask | 1u128 << index);
            bought.node.types.ones().find(|index| bought.offers_of(*index) & refused != 0)
        } else if let Some(value) = bought.variant.labels.get(key) {
            if requirement.has(value) { None } else { Some(bought.node.chosen as usize) }
        } else if bought.pool.is_placed(key) {
            // left to EC2
            None
        } else if !bought.table.has_label(key) && !labels::is_well_known(key) && requirement.complement() {
            // An open label that no pod asks for: any value will do.
            None
        } else {
            bought.node.types.ones().find(|index| !satisfied(bought.table.label(*index, key)))
        };
        if let Some(index) = refused {
            violations.push(Violation::Unsuitable {
                pod: "of no name".to_owned(),
                place: format!("{} as {}", place.name, bought.table.types[index].name),
                reason: format!("the NodePool itself requires {requirement}"),
            });
        }
    }
}

/// The chosen type is among those listed, at its price, and none of them is cheaper.
fn check_price(places: &Places<'_>, place: &Place<'_>, bought: Bought<'_>, violations: &mut Vec<Violation>) {
    let node = bought.node;
    let chosen = node.chosen as usize;
    let mut mispriced = |reason: String| {
        violations.push(Violation::Mispriced { place: place.name.clone(), price: node.price, reason });
    };
    if !node.types.contains(chosen) {
        mispriced(format!("{} is not among its types", bought.table.types[chosen].name));
    }
    if node.offers >> node.offer & 1 == 0 {
        mispriced("the offering is not among its offerings".to_owned());
    }
    match bought.table.offers[chosen].iter().find(|row| row.key == node.offer) {
        None => mispriced(format!("{} has no such offering", bought.table.types[chosen].name)),
        Some(row) if row.price != node.price => mispriced(format!("the offering costs {}", row.price)),
        Some(_) => {}
    }
    for index in node.types.ones() {
        if bought.offers_of(index) == 0 {
            mispriced(format!("{} cannot be bought", bought.table.types[index].name));
            break;
        }
    }
    let reserved =
        |offer: u8| places.snapshot.market.keys[offer as usize].capacity_type == CapacityType::Reserved;
    let cheapest: Option<(Usd, usize)> = node
        .types
        .ones()
        .filter_map(|index| Some((bought.table.cheapest_offer(index, node.offers)?.price, index)))
        .min();
    if let Some((price, index)) = cheapest
        && price < node.price
        && !reserved(node.offer)
    {
        mispriced(format!("{} costs {price}", bought.table.types[index].name));
    }
}

/// `minValues` (reference row N4), unless the node says that it was relaxed.
fn check_flexibility(
    places: &Places<'_>,
    place: &Place<'_>,
    bought: Bought<'_>,
    violations: &mut Vec<Violation>,
) {
    if bought.node.min_values_relaxed {
        return;
    }
    for (key, least) in &bought.pool.min_values {
        let mut values: BTreeSet<&str> = BTreeSet::new();
        for index in bought.node.types.ones() {
            if is_offering_label(key) {
                let offers = bought.offers_of(index);
                let keys = places.snapshot.market.keys.iter().enumerate();
                let reached = keys.filter(|(offer, _)| offers >> offer & 1 == 1);
                values.extend(reached.filter_map(|(_, offer)| offer.label(key)));
            } else {
                values.extend(bought.table.label(index, key));
            }
        }
        if (values.len() as u64) < u64::from(*least) {
            violations.push(Violation::Inflexible {
                place: place.name.clone(),
                key: key.clone(),
                found: values.len(),
                least: *least,
            });
        }
    }
}

/// Whichever of its types each node turns out to be, the limits hold (reference section 2.11).
fn check_limits(places: &Places<'_>, violations: &mut Vec<Violation>) {
    for (index, pool) in places.snapshot.pools.iter().enumerate() {
        for (resource, limit) in &pool.limits {
            let mut needed: i64 = 0;
            for place in &places.all {
                let Site::Planned(bought) = place.site else { continue };
                if bought.variant.pool as usize != index {
                    continue;
                }
                let one = if resource == "nodes" {
                    1
                } else {
                    let types = bought.node.types.ones();
                    types
                        .map(|index| bought.table.types[index].capacity.get(resource))
                        .max()
                        .unwrap_or_default()
                };
                needed = needed.saturating_add(one);
            }
            if needed > limit.left && needed > 0 {
                violations.push(Violation::OverLimit {
                    pool: pool.name.clone(),
                    resource: resource.clone(),
                    needed,
                    left: limit.left,
                });
            }
        }
    }
}
