//! Prices of the embedded catalogue.

use std::sync::Arc;

use supercargo_catalog::{CapacityType, Catalog, NodeClassModel, PriceKind, PriceStamp, Usd};

use crate::interval::Interval;
use crate::prices::{NodePrice, NodePriceKey, PriceBook, PriceSource, ShadowPrices, SplitMethod};

impl PriceBook {
    /// The catalogue's prices of a region for all time, and its shadow prices to divide nodes by. An unknown region has
    /// default prices.
    pub fn of_region(catalog: &Catalog, region: &str) -> PriceBook {
        let mut book = PriceBook::default();
        let here: Arc<str> = region.into();
        let key = |zone: &str, name: &str, spot| NodePriceKey::Offering {
            region: Arc::clone(&here),
            zone: zone.into(),
            instance_type: name.into(),
            spot,
        };
        let on_demand = catalog.type_names().filter_map(|name| {
            let price = catalog.on_demand_price(region, name)?;
            Some((key("", name, false), entry(price.price, price.stamp)))
        });
        book.add_node_prices(on_demand);
        let types = catalog.instance_types(region, None, &NodeClassModel::default());
        let spot = types.iter().flat_map(|kind| {
            let spot = kind.offerings.iter().filter(|offering| offering.capacity_type == CapacityType::Spot);
            spot.map(|offering| {
                (key(&offering.zone, &kind.name, true), entry(offering.price, offering.price_stamp))
            })
        });
        book.add_node_prices(spot);
        if let Some(shadow) = ShadowPrices::of_region(catalog, region) {
            book.set_split_method(SplitMethod::Shadow(shadow));
        }
        book
    }
}

fn entry(price: Usd, stamp: PriceStamp) -> NodePrice {
    let source = match stamp.kind {
        PriceKind::List => PriceSource::List,
        PriceKind::Estimate => PriceSource::Estimate,
        PriceKind::Live => PriceSource::Custom,
    };
    NodePrice { price, source, valid: Interval::new(0, i64::MAX), day: Some(stamp.date), without_gpus: false }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::NodeFact;

    /// Reference section 4.1: m5.large .096, m5.xlarge .192, t3.medium .0416 in us-east-1.
    #[test]
    fn list_prices_are_the_catalogues() {
        let book = PriceBook::of_region(Catalog::embedded(), "us-east-1");
        for (name, nanos) in [("m5.large", 96_000_000), ("m5.xlarge", 192_000_000), ("t3.medium", 41_600_000)]
        {
            let node =
                NodeFact { instance_type: name.into(), region: "us-east-1".into(), ..NodeFact::default() };
            let priced = book.node(&node);
            assert_eq!((priced.price, priced.source), (Usd::from_nanos(nanos), PriceSource::List), "{name}");
        }
        assert_eq!(book.split_method().as_str(), "shadow");
    }

    #[test]
    fn a_spot_node_has_the_spot_price_of_its_zone() {
        let book = PriceBook::of_region(Catalog::embedded(), "us-east-1");
        let spot = |zone: &str| NodeFact {
            instance_type: "m5.large".into(),
            region: "us-east-1".into(),
            zone: zone.into(),
            spot: true,
            ..NodeFact::default()
        };
        let priced = book.node(&spot("us-east-1a"));
        assert_eq!(priced.source, PriceSource::Estimate);
        assert!(priced.price < Usd::from_nanos(96_000_000));
        assert_eq!(book.node(&spot("elsewhere")).source, PriceSource::Default);
    }

    #[test]
    fn an_unknown_region_has_default_prices() {
        let book = PriceBook::of_region(Catalog::embedded(), "mars-north-1");
        assert_eq!(book.split_method().as_str(), "default-ratio");
    }
}
