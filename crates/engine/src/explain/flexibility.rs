//! What a NodePool has to choose from.

use std::collections::{BTreeMap, BTreeSet};

use supercargo_api::labels;

use crate::market::{Market, OfferMask, TypeSet, TypeTable};
use crate::plan::InstanceChoice;

use super::node_pool_document::Flexibility;

/// Adds up what types and offerings there are; nothing where there are none.
pub(super) fn flexibility(
    table: &TypeTable,
    market: &Market,
    types: &TypeSet,
    offers: OfferMask,
) -> Option<Flexibility> {
    let choices: Vec<InstanceChoice> = types
        .ones()
        .filter_map(|index| {
            let offer = table.cheapest_offer(index, offers)?;
            let key = &market.keys[offer.key as usize];
            Some(InstanceChoice {
                instance_type: table.types[index].name.clone(),
                zone: key.zone.clone(),
                capacity_type: key.capacity_type.as_str().to_owned(),
                price_per_hour: offer.price,
            })
        })
        .collect();
    let by_price = |choice: &&InstanceChoice| (choice.price_per_hour, choice.instance_type.clone());
    let cheapest = choices.iter().min_by_key(by_price)?.clone();
    let dearest = choices.iter().max_by_key(by_price)?.clone();
    let mut zones: BTreeSet<&str> = BTreeSet::new();
    let mut types_by_capacity: BTreeMap<String, usize> = BTreeMap::new();
    let mut offerings = 0;
    for index in types.ones() {
        let mut capacity_types: BTreeSet<&str> = BTreeSet::new();
        for offer in table.offers[index].iter().filter(|offer| offers >> offer.key & 1 == 1) {
            let key = &market.keys[offer.key as usize];
            zones.insert(&key.zone);
            capacity_types.insert(key.capacity_type.as_str());
            offerings += 1;
        }
        for capacity_type in capacity_types {
            *types_by_capacity.entry(capacity_type.to_owned()).or_default() += 1;
        }
    }
    let values = |key: &str| -> Vec<String> {
        let values: BTreeSet<&str> = types.ones().filter_map(|index| table.label(index, key)).collect();
        values.into_iter().map(str::to_owned).collect()
    };
    let range = |key: &str| {
        let numbers = types.ones().filter_map(|index| table.label(index, key)?.parse::<u64>().ok());
        let (least, most) = (numbers.clone().min(), numbers.max());
        (least.unwrap_or(0), most.unwrap_or(0))
    };
    let mut generations = values(labels::INSTANCE_GENERATION);
    generations.sort_by_key(|generation| generation.parse::<u64>().unwrap_or(u64::MAX));
    Some(Flexibility {
        types: choices.len(),
        offerings,
        types_by_capacity,
        families: values(labels::INSTANCE_FAMILY),
        generations,
        sizes: values(labels::INSTANCE_SIZE),
        architectures: values(labels::ARCH),
        zones: zones.into_iter().map(str::to_owned).collect(),
        vcpus: range(labels::INSTANCE_CPU),
        memory_mib: range(labels::INSTANCE_MEMORY),
        cheapest,
        dearest,
    })
}
