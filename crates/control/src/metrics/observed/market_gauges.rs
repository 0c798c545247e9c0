//! What the cloud sells, and what the nodes of NodePools cost.

use std::collections::{BTreeMap, BTreeSet};

use supercargo_api::labels::keys;
use supercargo_catalog::{CapacityType, Tenancy, Usd};
use supercargo_engine::market::Market;

use super::Observed;
use crate::metrics::registry::Metrics;

impl Observed {
    /// Notes the offerings and prices of a market, and what the nodes of each NodePool cost at them. Reserved capacity and
    /// dedicated hardware are left out, as they have no labels of their own here.
    pub fn note_market(&self, market: &Market, metrics: &Metrics) {
        let mut offerings: BTreeMap<[&str; 3], (bool, Usd)> = BTreeMap::new();
        let mut types: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
        for (_, table) in market.tables() {
            for instance_type in &table.types {
                let name = instance_type.name.as_str();
                let amount = |resource: &str| instance_type.capacity.get(resource).unsigned_abs();
                types.insert(name, (amount("cpu"), amount("memory")));
                for offering in &instance_type.offerings {
                    if offering.reservation.is_some() || offering.tenancy != Tenancy::Default {
                        continue;
                    }
                    let labels = [name, offering.capacity_type.as_str(), offering.zone.as_str()];
                    let known = offerings.entry(labels).or_insert((false, offering.price));
                    *known = (known.0 || offering.available, known.1.min(offering.price));
                }
            }
        }
        self.note_costs(&offerings, metrics);
        metrics
            .offerings(offerings.into_iter().map(|(labels, (available, price))| (labels, available, price)));
        metrics
            .instance_types(types.into_iter().map(|(name, (millicores, bytes))| (name, millicores, bytes)));
    }

    fn note_costs(&self, offerings: &BTreeMap<[&str; 3], (bool, Usd)>, metrics: &Metrics) {
        let mut costs: BTreeMap<&str, Usd> = self
            .node_pools
            .iter()
            .filter_map(|pool| Some((pool.metadata.name.as_deref()?, Usd::ZERO)))
            .collect();
        let mut unknown = BTreeSet::new();
        for node in &self.nodes {
            let label = |key: &str| node.metadata.labels.as_ref()?.get(key).map(String::as_str);
            let place =
                || Some([label(keys::INSTANCE_TYPE)?, label(keys::CAPACITY_TYPE)?, label(keys::ZONE)?]);
            let price = place().and_then(|labels| offerings.get(&labels)).map(|(_, price)| *price);
            // what a reservation costs is not among the offerings
            let is_reserved = label(keys::CAPACITY_TYPE) == Some(CapacityType::Reserved.as_str());
            let Some((pool, cost)) =
                label(keys::NODEPOOL).and_then(|pool| Some((pool, costs.get_mut(pool)?)))
            else {
                continue;
            };
            match price {
                Some(price) => *cost += price,
                None if is_reserved => {}
                None => {
                    unknown.insert((pool.to_owned(), node.metadata.name.clone().unwrap_or_default()));
                }
            }
        }
        metrics.node_pool_costs_unknown(unknown);
        for (pool, cost) in costs {
            metrics.node_pool_cost(pool, cost);
        }
    }
}
