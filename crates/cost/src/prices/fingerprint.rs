//! By what answers from other prices are known: a number that is another one whenever a price of a stretch is.

use std::fmt::Debug;

use crate::interval::Interval;
use crate::prices::book::{NodePriceKey, PriceBook};

/// FNV-1a, 128 bits.
#[derive(Clone, Copy)]
struct Fingerprint(u128);

impl Fingerprint {
    const fn new() -> Fingerprint {
        Fingerprint(0x6c62_272e_07bb_0142_62b8_2175_6295_c58d)
    }

    fn bytes(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u128::from(*byte)).wrapping_mul(0x0000_0000_0100_0000_0000_0000_0000_013b);
        }
    }

    fn text(&mut self, text: &str) {
        self.bytes(text.as_bytes());
        self.bytes(&[0xff]);
    }

    fn number(&mut self, number: i64) {
        self.bytes(&number.to_le_bytes());
    }

    fn shown(&mut self, value: &impl Debug) {
        self.text(&format!("{value:?}"));
    }
}

impl PriceBook {
    /// Of everything that can decide what a stretch costs. Prices of other times do not change it, so that a new spot price
    /// leaves what was added up of last week as it is.
    pub fn fingerprint(&self, stretch: Interval) -> u128 {
        // every part is named, so that a new one cannot be forgotten here
        let PriceBook { version: _, nodes, gpus, volumes, units, split } = self;
        let mut print = Fingerprint::new();
        print.shown(volumes);
        print.shown(gpus);
        print.shown(units);
        print.shown(split);
        for (key, prices) in nodes {
            let mut named = false;
            for price in prices.iter().filter(|price| !price.valid.overlap(stretch).is_empty()) {
                if !named {
                    match key {
                        NodePriceKey::Instance(id) => print.text(id),
                        NodePriceKey::Node(name) => {
                            print.text("node");
                            print.text(name);
                        }
                        NodePriceKey::Offering { region, zone, instance_type, spot } => {
                            print.text(region);
                            print.text(zone);
                            print.text(instance_type);
                            print.number(i64::from(*spot));
                        }
                        NodePriceKey::Labelled { label, value, region } => {
                            print.text(label.as_str());
                            print.text(value);
                            print.text(region);
                        }
                    }
                    named = true;
                }
                print.number(price.price.nanos());
                print.text(price.source.as_str());
                print.number(price.valid.start);
                // whether it holds on after the stretch makes no difference
                print.number(price.valid.end.min(stretch.end));
                print.shown(&price.day);
                print.number(i64::from(price.without_gpus));
            }
        }
        print.0
    }
}

#[cfg(test)]
mod tests {
    use supercargo_catalog::Usd;

    use super::*;
    use crate::prices::{NodePrice, PriceSource, UnitPrices};

    #[test]
    fn only_prices_of_its_time_change_a_stretch() {
        let mut book = PriceBook::default();
        let (early, late) = (Interval::new(0, 3_600), Interval::new(7_200, 10_800));
        let (before, after) = (book.fingerprint(early), book.fingerprint(late));
        assert_eq!(before, after);
        let price = NodePrice {
            price: Usd::from_nanos(5),
            source: PriceSource::SpotHistory,
            valid: Interval::new(7_200, i64::MAX),
            day: None,
            without_gpus: false,
        };
        book.add_node_prices([(NodePriceKey::Instance("i-1".into()), price)]);
        assert_eq!(book.fingerprint(early), before);
        let with_price = book.fingerprint(late);
        assert_ne!(with_price, after);
        let ended = NodePrice { valid: Interval::new(7_200, 20_000), ..price };
        book.add_node_prices([(NodePriceKey::Instance("i-1".into()), ended)]);
        assert_eq!(book.fingerprint(late), with_price);
        book.set_units(UnitPrices { gpu: Usd::from_nanos(1), ..UnitPrices::default() });
        assert_ne!(book.fingerprint(early), before);
    }
}
