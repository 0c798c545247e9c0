//! EC2's spot price history, as `aws ec2 describe-spot-price-history` prints it.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;
use supercargo_catalog::Usd;

use crate::interval::Interval;
use crate::prices::files::decimal::price;
use crate::prices::files::list::PriceEntry;
use crate::prices::files::problem::FileProblems;
use crate::prices::files::times::{EXPECTED, second};
use crate::prices::{NodePrice, NodePriceKey, PriceSource};

/// The quotes, if it is a history.
pub(super) fn quotes(text: &str) -> Option<Vec<Value>> {
    let mut document: Value = serde_json::from_str(text).ok()?;
    match document.get_mut("SpotPriceHistory")?.take() {
        Value::Array(quotes) => Some(quotes),
        _ => None,
    }
}

/// A quote holds until the next one of the same type and zone. Problems name the quote by its place, from 1 on.
pub(super) fn read(quotes: Vec<Value>, problems: &mut FileProblems) -> Vec<PriceEntry> {
    let mut known: BTreeMap<(Arc<str>, Arc<str>), BTreeMap<i64, Usd>> = BTreeMap::new();
    for (quote, place) in quotes.iter().zip(1usize..) {
        if problems.is_full() {
            break;
        }
        let text = |field: &str| quote[field].as_str().unwrap_or_default();
        // the same machine is quoted for other systems, too
        if !matches!(text("ProductDescription"), "" | "Linux/UNIX" | "Linux/UNIX (Amazon VPC)") {
            continue;
        }
        let field = |field: &str| format!("SpotPriceHistory[{place}].{field}");
        let (kind, zone) = (text("InstanceType"), text("AvailabilityZone"));
        match (second(text("Timestamp")), price(text("SpotPrice"))) {
            (Some(since), Some(price)) if !kind.is_empty() && !zone.is_empty() => {
                known.entry((kind.into(), zone.into())).or_default().insert(since, price);
            }
            (None, _) => problems.note(1, &field("Timestamp"), quote["Timestamp"].to_string(), EXPECTED),
            (_, None) => {
                problems.note(1, &field("SpotPrice"), quote["SpotPrice"].to_string(), "such as \"0.0312\"")
            }
            _ => problems.note(1, &field("InstanceType"), "or AvailabilityZone is missing", "both"),
        }
    }
    let mut entries = Vec::new();
    for ((kind, zone), quotes) in known {
        let region = zone.trim_end_matches(|letter: char| letter.is_ascii_lowercase());
        let ends = quotes.keys().skip(1).copied().chain([i64::MAX]);
        for ((since, price), until) in quotes.iter().zip(ends) {
            let key = NodePriceKey::Offering {
                region: region.into(),
                zone: Arc::clone(&zone),
                instance_type: Arc::clone(&kind),
                spot: true,
            };
            let valid = Interval::new(*since, until);
            entries.push(PriceEntry::Node(
                key,
                NodePrice {
                    price: *price,
                    source: PriceSource::SpotHistory,
                    valid,
                    day: None,
                    without_gpus: false,
                },
            ));
        }
    }
    entries
}
