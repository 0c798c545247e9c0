//! The market of now: the types of every EC2NodeClass with live prices, without what cannot be had, compiled once and kept
//! until something it follows from changes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use supercargo_api::EC2NodeClass;
use supercargo_catalog::{CapacitySettings, Catalog, InstanceType, NodeClassModel};
use supercargo_cloud::Unavailable;
use supercargo_engine::market::Market;

use super::LivePrices;
use crate::node_class::ClassResources;

/// What a compiled market follows from.
#[derive(Clone, Debug, PartialEq)]
struct Stamp {
    classes: BTreeMap<String, Class>,
    prices: u64,
    unavailable: u64,
}

#[derive(Clone, Debug, PartialEq)]
struct Class {
    model: NodeClassModel,
    /// Subnets by zone.
    subnets: BTreeMap<String, BTreeSet<String>>,
}

/// Compiled markets, kept until something changes.
#[derive(Debug, Default)]
pub struct Markets {
    /// The types of each class as the catalogue has them.
    bases: BTreeMap<String, (NodeClassModel, Arc<Vec<InstanceType>>)>,
    last: Option<(Stamp, Arc<Market>)>,
    compilations: u64,
}

/// What a market is made from.
pub(crate) struct MarketInput<'a> {
    pub region: &'a str,
    pub classes: &'a [Arc<EC2NodeClass>],
    pub settings: CapacitySettings,
    /// Whether anybody asks for dedicated hardware, which doubles the offerings.
    pub dedicated: bool,
    /// Reservations and placement groups of the classes, by their names.
    pub resources: &'a BTreeMap<String, ClassResources>,
    pub prices: &'a LivePrices,
    pub unavailable: &'a Unavailable,
}

impl Markets {
    /// The market of these classes at this time. What is put aside must have been swept.
    pub(crate) fn get(&mut self, input: &MarketInput<'_>, now: Timestamp) -> Arc<Market> {
        let mut classes = BTreeMap::new();
        for class in input.classes {
            let name = class.metadata.name.clone().unwrap_or_default();
            match NodeClassModel::from_ec2nodeclass(class, input.settings.clone()) {
                Ok(mut model) => {
                    model.dedicated_tenancy = input.dedicated;
                    if let Some(resources) = input.resources.get(&name) {
                        take_in(&mut model, resources);
                    }
                    classes.insert(name, Class { model, subnets: subnets_by_zone(class) });
                }
                // its status says so, too
                Err(error) => tracing::debug!(node_class = name, %error, "no market for this class"),
            }
        }
        let stamp =
            Stamp { classes, prices: input.prices.changes(), unavailable: input.unavailable.changes() };
        if let Some((known, market)) = &self.last
            && *known == stamp
        {
            return Arc::clone(market);
        }
        self.bases.retain(|name, _| stamp.classes.contains_key(name));
        let mut tables = Vec::with_capacity(stamp.classes.len());
        for (name, class) in &stamp.classes {
            let mut types = self.base(name, &class.model, input.region).to_vec();
            input.prices.apply(&mut types);
            input.unavailable.apply(&mut types, now);
            without_closed_zones(&mut types, class, input.unavailable, now);
            tables.push((name.clone(), types));
        }
        self.compilations += 1;
        let market = match Market::compile(tables) {
            Ok(market) => Arc::new(market),
            Err(error) => {
                tracing::warn!(%error, "the market cannot be compiled; nothing can be bought");
                Arc::new(Market::default())
            }
        };
        self.last = Some((stamp, Arc::clone(&market)));
        market
    }

    fn base(&mut self, name: &str, model: &NodeClassModel, region: &str) -> Arc<Vec<InstanceType>> {
        if let Some((known, types)) = self.bases.get(name)
            && known == model
        {
            return Arc::clone(types);
        }
        let types = Arc::new(Catalog::embedded().instance_types(region, None, model));
        self.bases.insert(name.to_owned(), (model.clone(), Arc::clone(&types)));
        types
    }

    /// How often something was compiled.
    pub fn compilations(&self) -> u64 {
        self.compilations
    }
}

/// What the status has no place for: how much of a reservation is free, and how a placement group places.
fn take_in(model: &mut NodeClassModel, resources: &ClassResources) {
    model.placement = resources.placement_group.as_ref().map(|group| group.strategy);
    for known in &mut model.reservations {
        let seen = resources.reservations.iter().find(|seen| seen.id == known.reservation.id);
        if let Some(seen) = seen {
            known.reservation.count = seen.available;
        }
    }
    model.reservations.retain(|known| known.reservation.count > 0);
}

fn subnets_by_zone(class: &EC2NodeClass) -> BTreeMap<String, BTreeSet<String>> {
    let mut zones: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let status = class.status.as_ref();
    for subnet in status.and_then(|status| status.subnets.as_deref()).unwrap_or_default() {
        zones.entry(subnet.zone.clone()).or_default().insert(subnet.id.clone());
    }
    zones
}

/// A zone is closed if all subnets of the class in it are put aside (reference section 5.3).
fn without_closed_zones(
    types: &mut [InstanceType],
    class: &Class,
    unavailable: &Unavailable,
    now: Timestamp,
) {
    let is_closed =
        |subnets: &BTreeSet<String>| subnets.iter().all(|id| unavailable.contains_subnet(id, now));
    let closed: BTreeSet<&str> = class
        .subnets
        .iter()
        .filter(|(_, subnets)| is_closed(subnets))
        .map(|(zone, _)| zone.as_str())
        .collect();
    if closed.is_empty() {
        return;
    }
    for offering in types.iter_mut().flat_map(|instance_type| &mut instance_type.offerings) {
        offering.available &= !closed.contains(offering.zone.as_str());
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use supercargo_catalog::CapacityType;

    use super::*;

    fn class() -> Arc<EC2NodeClass> {
        let value = json!({
            "metadata": {"name": "default"},
            "spec": {
                "role": "r", "amiSelectorTerms": [{"alias": "al2023@latest"}],
                "subnetSelectorTerms": [{"id": "subnet-1"}], "securityGroupSelectorTerms": [{"id": "sg-1"}],
            },
            "status": {"subnets": [
                {"id": "subnet-1", "zone": "us-east-1a"}, {"id": "subnet-2", "zone": "us-east-1b"},
            ]},
        });
        Arc::new(serde_json::from_value(value).unwrap())
    }

    #[test]
    fn a_market_is_compiled_anew_only_when_something_it_follows_from_changes() {
        let now: Timestamp = "2026-03-02T09:00:00Z".parse().unwrap();
        let (mut markets, mut unavailable, prices) =
            (Markets::default(), Unavailable::new(), LivePrices::default());
        let classes = [class()];
        let mut get = |unavailable: &Unavailable, dedicated| {
            let input = MarketInput {
                region: "us-east-1",
                classes: &classes,
                settings: CapacitySettings::default(),
                dedicated,
                resources: &BTreeMap::new(),
                prices: &prices,
                unavailable,
            };
            let market = markets.get(&input, now);
            (market, markets.compilations())
        };
        assert_eq!(get(&unavailable, false).1, 1);
        assert_eq!(get(&unavailable, false).1, 1);
        unavailable.mark(CapacityType::Spot, "m6i.large", "us-east-1a", now);
        let (market, compilations) = get(&unavailable, false);
        assert_eq!(compilations, 2);
        let table = market.table("default").unwrap();
        let known = table.types.iter().find(|known| known.name == "m6i.large").unwrap();
        let aside: Vec<&str> = known
            .offerings
            .iter()
            .filter(|offering| !offering.available)
            .map(|offering| offering.zone.as_str())
            .collect();
        assert_eq!(aside, ["us-east-1a"]);
        assert_eq!(get(&unavailable, true).1, 3);
    }
}
