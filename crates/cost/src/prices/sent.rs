//! A book of prices as JSON, for another process that prices the same hours.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use supercargo_catalog::{Arch, Usd};
use thiserror::Error;

use crate::interval::Interval;
use crate::prices::book::{NodePrice, NodePriceKey, PriceBook, VolumePrice};
use crate::prices::shadow::{Corners, ShadowPrices};
use crate::prices::{PriceSource, SplitMethod, UnitPrices};

/// Bytes that are no book of prices.
#[derive(Debug, Error)]
#[error("no book of prices: {0}; expected what another supercargo of the same version has made")]
pub struct BookError(#[from] serde_json::Error);

/// A [`NodePrice`]: 10⁻⁹ dollars per hour, source, from, to, day, whether GPUs cost extra.
#[derive(Serialize, Deserialize)]
struct SentPrice(i64, PriceSource, i64, i64, Option<Date>, bool);

/// [`ShadowPrices`] in 10⁻⁹ dollars.
#[derive(Serialize, Deserialize)]
struct SentShadow {
    corners: BTreeMap<String, Vec<[i64; 2]>>,
    gpu_types: BTreeMap<String, i64>,
}

type ModelAndRegion = (Arc<str>, Arc<str>);

#[derive(Serialize, Deserialize)]
struct SentBook {
    version: u64,
    nodes: Vec<(NodePriceKey, Vec<SentPrice>)>,
    /// Per hour.
    gpus: Vec<(ModelAndRegion, Usd)>,
    volumes: BTreeMap<Arc<str>, VolumePrice>,
    units: UnitPrices,
    shadow: Option<SentShadow>,
}

impl SentPrice {
    fn of(price: &NodePrice) -> SentPrice {
        let NodePrice { price, source, valid, day, without_gpus } = price;
        SentPrice(price.nanos(), *source, valid.start, valid.end, *day, *without_gpus)
    }

    fn read(&self) -> NodePrice {
        let SentPrice(nanos, source, start, end, day, without_gpus) = *self;
        let valid = Interval::new(start, end);
        NodePrice { price: Usd::from_nanos(nanos), source, valid, day, without_gpus }
    }
}

impl SentShadow {
    fn of(shadow: &ShadowPrices) -> SentShadow {
        let corners =
            shadow.corners.iter().map(|(arch, Corners(corners))| ((*arch).to_owned(), corners.clone()));
        let gpu_types = shadow.gpu_types.iter().map(|(name, nanos)| (name.to_string(), *nanos));
        SentShadow { corners: corners.collect(), gpu_types: gpu_types.collect() }
    }

    fn read(mut self) -> ShadowPrices {
        let corners = [Arch::Amd64, Arch::Arm64].into_iter().filter_map(|arch| {
            let corners = self.corners.remove(arch.as_str())?;
            Some((arch.as_str(), Corners(corners)))
        });
        let corners = corners.collect();
        let gpu_types = self.gpu_types.into_iter().map(|(name, nanos)| (name.into(), nanos));
        ShadowPrices { corners, gpu_types: gpu_types.collect() }
    }
}

impl PriceBook {
    /// The book as JSON, without prices of nodes that held at no time of a stretch: what pricing that stretch takes.
    pub fn to_json(&self, stretch: Interval) -> Result<Vec<u8>, BookError> {
        let PriceBook { version, nodes, gpus, volumes, units, split } = self;
        let nodes = nodes.iter().filter_map(|(key, prices)| {
            let held = prices.iter().filter(|price| !price.valid.overlap(stretch).is_empty());
            let held: Vec<SentPrice> = held.map(SentPrice::of).collect();
            (!held.is_empty()).then(|| (key.clone(), held))
        });
        let shadow = match split {
            SplitMethod::DefaultRatio => None,
            SplitMethod::Shadow(prices) => Some(SentShadow::of(prices)),
        };
        let book = SentBook {
            version: *version,
            nodes: nodes.collect(),
            gpus: gpus.iter().map(|(key, price)| (key.clone(), *price)).collect(),
            volumes: volumes.clone(),
            units: units.clone(),
            shadow,
        };
        Ok(serde_json::to_vec(&book)?)
    }

    /// The book that [`PriceBook::to_json`] has made JSON of.
    pub fn from_json(json: &[u8]) -> Result<PriceBook, BookError> {
        let SentBook { version, nodes, gpus, volumes, units, shadow } = serde_json::from_slice(json)?;
        let nodes =
            nodes.into_iter().map(|(key, prices)| (key, prices.iter().map(SentPrice::read).collect()));
        let split = shadow.map_or(SplitMethod::DefaultRatio, |shadow| SplitMethod::Shadow(shadow.read()));
        Ok(PriceBook {
            version,
            nodes: nodes.collect(),
            gpus: gpus.into_iter().collect(),
            volumes,
            units,
            split,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use supercargo_catalog::Catalog;

    use super::*;
    use crate::prices::NodeLabel;
    use crate::prices::files::PriceEntry;

    #[test]
    fn a_book_that_was_sent_prices_the_stretch_as_before() {
        let catalog = Catalog::embedded();
        let mut book = PriceBook::of_region(catalog, "us-east-1");
        let shadow = ShadowPrices::of_region(catalog, "us-east-1").unwrap();
        book.set_split_method(SplitMethod::Shadow(shadow));
        let price = |start, end| NodePrice {
            price: Usd::from_nanos(start + 7),
            source: PriceSource::SpotFeed,
            valid: Interval::new(start, end),
            day: Some(jiff::civil::date(2026, 3, 1)),
            without_gpus: start == 3_600,
        };
        book.add_node_prices([
            (NodePriceKey::Node("n\"1\n".into()), price(0, 3_600)),
            (NodePriceKey::Node("n\"1\n".into()), price(3_600, 7_200)),
            (NodePriceKey::Instance("i-1".into()), price(7_200, i64::MAX)),
            (
                NodePriceKey::Labelled { label: NodeLabel::Pool, value: "gpus".into(), region: "".into() },
                price(3_600, 7_200),
            ),
        ]);
        let gpu = |model: &str, region: &str| PriceEntry::Gpu {
            model: model.into(),
            region: region.into(),
            price: Usd::from_nanos(950_000_000),
        };
        book.apply(&[gpu("t4", ""), gpu("a10g", "us-east-1")]);
        let json = book.to_json(Interval::hour(3_600)).unwrap();
        let sent = PriceBook::from_json(&json).unwrap();
        let print = |book: &PriceBook, hour| book.fingerprint(Interval::hour(hour));
        assert_eq!(print(&sent, 3_600), print(&book, 3_600));
        assert_ne!(print(&sent, 7_200), print(&book, 7_200), "what held at other times was not sent");
        assert_eq!(sent.version(), book.version());
        assert_eq!(sent.gpus, book.gpus);
        assert_eq!(sent.nodes[&NodePriceKey::Node("n\"1\n".into())], [price(3_600, 7_200)]);
        assert!(sent.nodes.keys().any(|key| matches!(key, NodePriceKey::Labelled { .. })));
        assert_eq!(sent.split_method(), book.split_method());
    }

    proptest! {
        #[test]
        fn no_bytes_are_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..64), cut in 0usize..4_000) {
            let _ = PriceBook::from_json(&bytes);
            let json = PriceBook::default().to_json(Interval::hour(0)).unwrap();
            let _ = PriceBook::from_json(&json[..cut.min(json.len())]);
        }
    }
}
