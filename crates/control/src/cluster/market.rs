//! The market of now: the types of every EC2NodeClass with live prices, without what cannot be had, compiled once and kept
//! until something it follows from changes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use supercargo_api::EC2NodeClass;
use supercargo_catalog::{CapacitySettings, Catalog, InstanceType, NodeClassModel};
use supercargo_cloud::{PlacementGroup, Unavailable};
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
    /// The one before, whose memory the next one takes over once nobody looks at it any more.
    outdated: Option<(Stamp, Arc<Market>)>,
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
        let settle = |types: &mut [InstanceType], class: &Class| {
            input.prices.apply(types);
            input.unavailable.apply(types, now);
            without_closed_zones(types, class, input.unavailable, now);
        };
        self.compilations += 1;
        let repriced = self.outdated(&stamp).and_then(|market| {
            market.reprice(|name, types| {
                let base = self.bases.get(name).map(|(_, base)| base);
                let (Some(base), Some(class)) = (base, stamp.classes.get(name)) else { return false };
                let is_settled = as_listed(types, base);
                if is_settled {
                    settle(types, class);
                }
                is_settled
            })
        });
        let compiled = repriced.unwrap_or_else(|| {
            let mut tables = Vec::with_capacity(stamp.classes.len());
            for (name, class) in &stamp.classes {
                let mut types = self.base(name, &class.model, input.region).to_vec();
                settle(&mut types, class);
                tables.push((name.clone(), types));
            }
            let placed = stamp
                .classes
                .iter()
                .filter_map(|(name, class)| Some((name.as_str(), class.model.placement.clone()?)));
            let market = Market::compile(tables);
            market.map(|market| placed.fold(market, |market, (name, group)| market.placed(name, group)))
        });
        let market = match compiled {
            Ok(market) => Arc::new(market),
            Err(error) => {
                tracing::warn!(%error, "the market cannot be compiled; nothing can be bought");
                Arc::new(Market::default())
            }
        };
        self.outdated = self.last.replace((stamp, Arc::clone(&market)));
        market
    }

    /// The outdated market, if it is of the same types and nobody else has it.
    fn outdated(&mut self, stamp: &Stamp) -> Option<Market> {
        let (of, market) = self.outdated.take()?;
        // what could not be compiled has no tables
        let same_types = of.classes.len() == stamp.classes.len()
            && market.tables().count() == stamp.classes.len()
            && of.classes.iter().zip(&stamp.classes).all(|((name, class), (other, new))| {
                let base = self.bases.get(name).map(|(model, _)| model);
                name == other && class.model == new.model && base == Some(&new.model)
            });
        if same_types { Arc::try_unwrap(market).ok() } else { None }
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

/// Gives offerings the price and the availability that the catalogue lists; false if these are not the same types.
fn as_listed(types: &mut [InstanceType], base: &[InstanceType]) -> bool {
    if types.len() != base.len() {
        return false;
    }
    for (known, listed) in types.iter_mut().zip(base) {
        if known.name != listed.name || known.offerings.len() != listed.offerings.len() {
            return false;
        }
        for (offering, listed) in known.offerings.iter_mut().zip(&listed.offerings) {
            offering.price = listed.price;
            offering.price_stamp = listed.price_stamp;
            offering.available = listed.available;
        }
    }
    true
}

/// What the status has no place for: how much of a reservation is free, and how a placement group places.
fn take_in(model: &mut NodeClassModel, resources: &ClassResources) {
    model.placement = resources.placement_group.as_ref().map(PlacementGroup::placement);
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

    #[test]
    fn a_market_in_the_memory_of_an_outdated_one_is_as_if_compiled_from_the_catalogue() {
        let start: Timestamp = "2026-03-02T09:00:00Z".parse().unwrap();
        let (mut markets, mut unavailable, mut prices) =
            (Markets::default(), Unavailable::new(), LivePrices::default());
        let classes = [class()];
        let mut recycled = 0;
        for minute in 0..8_i64 {
            let now = start + jiff::SignedDuration::from_mins(minute);
            unavailable.sweep(now);
            match minute {
                1 | 2 => unavailable.mark(CapacityType::Spot, "m6i.large", "us-east-1a", now),
                3 => unavailable.mark_capacity_type(CapacityType::Spot, now),
                5 => {
                    let spot = ["us-east-1b", "us-east-1c"].map(|zone| supercargo_cloud::SpotPrice {
                        instance_type: "m6i.large".to_owned(),
                        zone: zone.to_owned(),
                        price: "0.01".parse().unwrap(),
                        since: now,
                    });
                    prices.see_spot(&spot, jiff::civil::date(2026, 3, 2));
                }
                _ => {}
            }
            let input = MarketInput {
                region: "us-east-1",
                classes: &classes,
                settings: CapacitySettings::default(),
                dedicated: false,
                resources: &BTreeMap::new(),
                prices: &prices,
                unavailable: &unavailable,
            };
            recycled += usize::from(markets.outdated.is_some());
            let market = markets.get(&input, now);
            let afresh = Markets::default().get(&input, now);
            assert_eq!(format!("{market:?}"), format!("{afresh:?}"));
        }
        assert!(recycled > 2);
    }
}
