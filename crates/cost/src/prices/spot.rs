//! Spot prices as a market quoted them.

use std::sync::Arc;

use jiff::Timestamp;
use supercargo_catalog::Usd;

use crate::interval::Interval;
use crate::prices::{NodePrice, NodePriceKey, PriceBook, PriceSource};

/// What a type cost as spot instance in a zone, from a moment on, until the next quote of the same.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SpotQuote {
    /// Region.
    pub region: Arc<str>,
    /// Zone.
    pub zone: Arc<str>,
    /// Instance type.
    pub instance_type: Arc<str>,
    /// Since when, in seconds since 1970.
    pub since: i64,
    /// Per hour.
    pub price: Usd,
}

impl PriceBook {
    /// Adds spot prices that were seen.
    pub fn add_spot_quotes<'a>(&mut self, quotes: impl IntoIterator<Item = &'a SpotQuote>) {
        let entry = |quote: &SpotQuote| {
            let key = NodePriceKey::Offering {
                region: Arc::clone(&quote.region),
                zone: Arc::clone(&quote.zone),
                instance_type: Arc::clone(&quote.instance_type),
                spot: true,
            };
            let day = Timestamp::from_second(quote.since).ok();
            let day = day.map(|since| since.to_zoned(jiff::tz::TimeZone::UTC).date());
            let valid = Interval::new(quote.since, i64::MAX);
            (
                key,
                NodePrice {
                    price: quote.price,
                    source: PriceSource::SpotHistory,
                    valid,
                    day,
                    without_gpus: false,
                },
            )
        };
        self.add_node_prices(quotes.into_iter().map(entry));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::NodeFact;

    #[test]
    fn the_latest_quote_before_an_hour_is_its_price() {
        let quote = |since, nanos| SpotQuote {
            region: "us-east-1".into(),
            zone: "us-east-1a".into(),
            instance_type: "m5.large".into(),
            since,
            price: Usd::from_nanos(nanos),
        };
        let mut book = PriceBook::default();
        book.add_spot_quotes(&[quote(7_200, 2), quote(3_600, 1)]);
        let node = |start| NodeFact {
            instance_type: "m5.large".into(),
            region: "us-east-1".into(),
            zone: "us-east-1a".into(),
            spot: true,
            interval: Interval::hour(start),
            ..NodeFact::default()
        };
        let priced = |start| {
            let priced = book.node(&node(start));
            (priced.price.nanos(), priced.source)
        };
        assert_eq!(priced(3_600), (1, PriceSource::SpotHistory));
        assert_eq!(priced(10_800), (2, PriceSource::SpotHistory));
        assert_eq!(priced(0).1, PriceSource::Default);
    }
}
