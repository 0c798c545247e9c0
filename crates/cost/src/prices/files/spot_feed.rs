//! EC2's spot data feed (reference section 4.4).
//!
//! A line is an hour, or the part of one, of an instance. Its `Charge` is what was billed for it; the hourly rate is
//! `MarketPrice`. (OpenCost takes the charge for the rate, so that an instance that ran for ten minutes costs a sixth.)

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::interval::{HOUR, Interval, hour_of};
use crate::prices::files::decimal::price;
use crate::prices::files::list::PriceEntry;
use crate::prices::files::problem::FileProblems;
use crate::prices::files::times::{EXPECTED, second};
use crate::prices::{NodePrice, NodePriceKey, PriceSource};

const FIELDS: &str =
    "#Fields: Timestamp UsageType Operation InstanceID MyBidID MyMaxPrice MarketPrice Charge Version";

pub(super) fn read(text: &str, problems: &mut FileProblems) -> Vec<PriceEntry> {
    let mut columns: Option<BTreeMap<String, usize>> = None;
    let mut prices: BTreeMap<(Arc<str>, i64), NodePrice> = BTreeMap::new();
    for (line, number) in text.lines().zip(1usize..) {
        if problems.is_full() {
            break;
        }
        if let Some(version) = line.strip_prefix("#Version:") {
            if version.trim() != "1.0" {
                problems.note(number, "#Version", version.trim(), "1.0");
            }
        } else if let Some(fields) = line.strip_prefix("#Fields:") {
            columns = Some(fields.split_whitespace().map(str::to_owned).zip(0..).collect());
        } else if line.trim().is_empty() || line.starts_with('#') {
            continue;
        } else if let Some(columns) = &columns {
            let cells: Vec<&str> = line.split('\t').collect();
            let get = |name: &str| {
                columns.get(name).and_then(|place| cells.get(*place)).copied().unwrap_or_default()
            };
            let (time, rate, instance) =
                (second(get("Timestamp")), price(get("MarketPrice")), get("InstanceID"));
            match (time, rate) {
                (Some(time), Some(price)) if !instance.is_empty() => {
                    let hour = hour_of(time);
                    let valid = Interval::new(hour, hour.saturating_add(HOUR));
                    let paid = NodePrice {
                        price,
                        source: PriceSource::SpotFeed,
                        valid,
                        day: None,
                        without_gpus: false,
                    };
                    prices.insert((instance.into(), hour), paid);
                }
                (None, _) => problems.note(number, "Timestamp", format!("{:?}", get("Timestamp")), EXPECTED),
                (_, None) => {
                    let problem = format!("{:?}", get("MarketPrice"));
                    problems.note(number, "MarketPrice", problem, "a price such as 0.0123 USD");
                }
                _ => problems.note(number, "InstanceID", "is missing", "an id such as i-0123456789abcdef0"),
            }
        } else {
            problems.note(number, "", "a line before the names of the fields", FIELDS);
            break;
        }
    }
    prices
        .into_iter()
        .map(|((instance, _), price)| PriceEntry::Node(NodePriceKey::Instance(instance), price))
        .collect()
}
