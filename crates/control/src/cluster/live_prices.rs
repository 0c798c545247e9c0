//! What the account says about prices and about what is sold where (reference section 5.1).

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use supercargo_catalog::{CapacityType, InstanceType, PriceKind, PriceStamp, Usd};
use supercargo_cloud::{SpotPrice, TypeOffering};

/// Spot prices and offerings as last heard. Until something has been heard the catalogue counts.
#[derive(Clone, Debug, Default)]
pub struct LivePrices {
    spot: BTreeMap<String, BTreeMap<String, Usd>>,
    day: Option<Date>,
    sold: Option<BTreeSet<TypeOffering>>,
    changes: u64,
}

impl LivePrices {
    /// Takes in the spot prices of a day. An answer without any is not believed.
    pub fn see_spot(&mut self, prices: &[SpotPrice], day: Date) {
        if prices.is_empty() {
            return;
        }
        let mut spot: BTreeMap<String, BTreeMap<String, Usd>> = BTreeMap::new();
        for price in prices {
            spot.entry(price.instance_type.clone()).or_default().insert(price.zone.clone(), price.price);
        }
        if spot != self.spot || self.day != Some(day) {
            self.spot = spot;
            self.day = Some(day);
            self.changes += 1;
        }
    }

    /// Takes in what is sold where. An answer without anything is not believed.
    pub fn see_sold(&mut self, offerings: Vec<TypeOffering>) {
        let sold: BTreeSet<TypeOffering> = offerings.into_iter().collect();
        if !sold.is_empty() && self.sold.as_ref() != Some(&sold) {
            self.sold = Some(sold);
            self.changes += 1;
        }
    }

    /// A number that grows with every change, for caches.
    pub fn changes(&self) -> u64 {
        self.changes
    }

    /// The spot price of a type in a zone, if it was heard.
    pub fn spot(&self, instance_type: &str, zone: &str) -> Option<Usd> {
        self.spot.get(instance_type)?.get(zone).copied()
    }

    /// Sets the prices. Once prices have been heard, spot without one is not for sale; the same goes for types and zones.
    pub fn apply(&self, instance_types: &mut [InstanceType]) {
        for instance_type in instance_types {
            for offering in &mut instance_type.offerings {
                if let (CapacityType::Spot, Some(date)) = (offering.capacity_type, self.day) {
                    match self.spot(&instance_type.name, &offering.zone) {
                        Some(price) => {
                            offering.price = price;
                            offering.price_stamp = PriceStamp { kind: PriceKind::Live, date };
                        }
                        None => offering.available = false,
                    }
                }
                if let (None, Some(sold)) = (&offering.reservation, &self.sold) {
                    let this = TypeOffering {
                        instance_type: instance_type.name.clone(),
                        zone: offering.zone.clone(),
                    };
                    offering.available &= sold.contains(&this);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use supercargo_catalog::{Catalog, NodeClassModel};

    use super::*;

    fn price(zone: &str, dollars: &str) -> SpotPrice {
        SpotPrice {
            instance_type: "m6i.large".to_owned(),
            zone: zone.to_owned(),
            price: dollars.parse().unwrap(),
            since: "2026-03-02T09:00:00Z".parse().unwrap(),
        }
    }

    #[test]
    fn prices_that_were_heard_replace_the_catalogue_and_what_has_none_is_not_for_sale() {
        let mut types = Catalog::embedded().instance_types("us-east-1", None, &NodeClassModel::default());
        types.retain(|instance_type| instance_type.name == "m6i.large");
        let mut prices = LivePrices::default();
        let mut untouched = types.clone();
        prices.apply(&mut untouched);
        assert_eq!(untouched, types);
        prices.see_spot(&[], jiff::civil::date(2026, 3, 2));
        assert_eq!(prices.changes(), 0);
        prices.see_spot(&[price("us-east-1a", "0.0123")], jiff::civil::date(2026, 3, 2));
        prices.see_spot(&[price("us-east-1a", "0.0123")], jiff::civil::date(2026, 3, 2));
        assert_eq!(prices.changes(), 1);
        prices.apply(&mut types);
        for offering in &types[0].offerings {
            let is_spot = offering.capacity_type == CapacityType::Spot;
            assert_eq!(offering.available, !is_spot || offering.zone == "us-east-1a");
            if is_spot && offering.available {
                assert_eq!(offering.price, "0.0123".parse().unwrap());
                assert_eq!(offering.price_stamp.kind, PriceKind::Live);
            }
        }
    }

    #[test]
    fn what_is_not_sold_in_a_zone_is_not_available_there() {
        let mut types = Catalog::embedded().instance_types("us-east-1", None, &NodeClassModel::default());
        types.retain(|instance_type| instance_type.name == "m6i.large");
        let mut prices = LivePrices::default();
        let here = TypeOffering { instance_type: "m6i.large".to_owned(), zone: "us-east-1b".to_owned() };
        prices.see_sold(vec![here]);
        prices.apply(&mut types);
        let zones: BTreeSet<&str> = types[0]
            .offerings
            .iter()
            .filter(|offering| offering.available)
            .map(|offering| offering.zone.as_str())
            .collect();
        assert_eq!(zones, BTreeSet::from(["us-east-1b"]));
    }
}
