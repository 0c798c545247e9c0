//! The offerings of a type in a region: zone by zone, capacity type by capacity type (reference section 5.3).

use std::collections::BTreeMap;

use crate::catalog::{Price, region_price};
use crate::market::{Market, Region, Zone};
use crate::node_class::{NodeClassModel, ReservationModel};
use crate::spot::SpotMarket;
use crate::{CapacityType, Offering, PriceKind, PriceStamp, Tenancy};

/// Reserved capacity costs this fraction of the on-demand price: next to nothing, but the order stays.
const RESERVED_FRACTION: i64 = 10_000_000;

/// A zone in which the class may launch: what the account calls it, and the catalogue's zone behind it.
pub(crate) struct Place<'r> {
    name: String,
    zone_id: String,
    /// Position among the region's zones.
    position: usize,
    zone: &'r Zone,
}

impl<'r> Place<'r> {
    /// The zones the class has subnets in, of those asked for, in order of names. A subnet's zone id decides which zone
    /// of the catalogue is meant, since every account has its own letters.
    pub(crate) fn all(
        region: &'r Region,
        wanted: Option<&[String]>,
        model: &NodeClassModel,
    ) -> Vec<Place<'r>> {
        let is_wanted = |name: &str| wanted.is_none_or(|names| names.iter().any(|other| other == name));
        let zones = || region.zones.iter().enumerate();
        let Some(subnets) = &model.subnets else {
            let all = zones().map(|(position, zone)| Place {
                name: zone.name.clone(),
                zone_id: zone.zone_id.clone(),
                position,
                zone,
            });
            return all.filter(|place| is_wanted(&place.name)).collect();
        };
        let mut places = Vec::new();
        for (name, zone_id) in subnets.iter().filter(|(name, _)| is_wanted(name)) {
            let meant = match zone_id {
                Some(zone_id) => zones().find(|(_, zone)| zone.zone_id == *zone_id),
                None => zones().find(|(_, zone)| zone.name == *name),
            };
            places.extend(meant.map(|(position, zone)| Place {
                name: name.clone(),
                zone_id: zone.zone_id.clone(),
                position,
                zone,
            }));
        }
        places
    }

    /// Whether the type at this position of the market is sold here.
    pub(crate) fn sells(&self, type_position: usize) -> bool {
        self.zone.sells.contains(type_position)
    }
}

/// Everything needed to price the types of one region.
pub(crate) struct RegionOffers<'m> {
    market: &'m Market,
    region: &'m Region,
    spot: SpotMarket,
}

impl<'m> RegionOffers<'m> {
    pub(crate) fn new(market: &'m Market, region: &'m Region, spot_seed: u64) -> RegionOffers<'m> {
        RegionOffers { market, region, spot: SpotMarket::new(region, spot_seed) }
    }

    /// The spot price in each zone of the region; none for types without spot.
    pub(crate) fn spot_prices(&self, position: usize) -> Option<Vec<Price>> {
        let facts = self.market.types.get(position)?;
        let figure = (*self.market.spot.get(position)?)?;
        let on_demand = region_price(self.market, self.region, position)?;
        let date = on_demand.stamp.date.min(self.market.spot_date);
        let stamp = PriceStamp::new(PriceKind::Estimate, date);
        let prices = self.spot.prices(&facts.name, on_demand.price, figure);
        Some(prices.into_iter().map(|price| Price { price, stamp }).collect())
    }

    /// The reservations of the class in these places, by instance type.
    pub(crate) fn reservations<'a>(
        &self,
        places: &'a [Place<'_>],
        model: &'a NodeClassModel,
    ) -> BTreeMap<&'a str, Vec<(&'a Place<'a>, &'a ReservationModel)>> {
        let mut by_type: BTreeMap<&str, Vec<_>> = BTreeMap::new();
        for reserved in &model.reservations {
            for place in places.iter().filter(|place| place.name == reserved.zone) {
                by_type.entry(reserved.instance_type.as_str()).or_default().push((place, reserved));
            }
        }
        by_type
    }

    /// The type's offerings, ordered by zone, then capacity type, then reservation.
    pub(crate) fn offerings(
        &self,
        position: usize,
        places: &[Place<'_>],
        reservations: &[(&Place<'_>, &ReservationModel)],
        dedicated_tenancy: bool,
    ) -> Vec<Offering> {
        let Some(facts) = self.market.types.get(position) else { return Vec::new() };
        let Some(on_demand) = region_price(self.market, self.region, position) else { return Vec::new() };
        let spot = if facts.sold_as_spot { self.spot_prices(position) } else { None };
        let mut offerings = Vec::with_capacity(places.len() * 2 + reservations.len());
        for place in places {
            let offer = |capacity_type, price: Price| {
                Offering::new(
                    place.name.as_str(),
                    place.zone_id.as_str(),
                    capacity_type,
                    price.price,
                    price.stamp,
                )
            };
            for (_, reserved) in reservations.iter().filter(|(other, _)| other.name == place.name) {
                let price = Price { price: on_demand.price.scaled(1, RESERVED_FRACTION), ..on_demand };
                offerings.push(Offering {
                    available: reserved.active && reserved.reservation.count > 0,
                    reservation: Some(reserved.reservation.clone()),
                    ..offer(CapacityType::Reserved, price)
                });
            }
            if !place.sells(position) {
                continue;
            }
            let spot_price = spot.as_ref().and_then(|prices| prices.get(place.position)).copied();
            offerings.extend(spot_price.map(|price| offer(CapacityType::Spot, price)));
            if facts.sold_on_demand {
                offerings.push(offer(CapacityType::OnDemand, on_demand));
            }
        }
        if dedicated_tenancy {
            let shared = std::mem::take(&mut offerings);
            for offering in shared {
                let dedicated = Offering { tenancy: Tenancy::Dedicated, ..offering.clone() };
                offerings.extend([offering, dedicated]);
            }
        }
        offerings
    }
}
