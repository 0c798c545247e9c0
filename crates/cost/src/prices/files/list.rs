//! Our own list of prices.
//!
//! ```csv
//! instanceType,capacityType,region,zone,price,source,from,until
//! m7i.2xlarge,on-demand,us-east-1,,0.31,savings-plan,2026-01-01,2027-01-01
//! ```
//! Besides `instanceType` a row may be of one machine (`instanceId`) or of a node's name (`node`). Without a region or a
//! zone it is for all, without a source it is the user's own, without times it always holds.

use std::sync::Arc;

use supercargo_catalog::Usd;

use crate::interval::Interval;
use crate::prices::files::cells::{Row, Sheet};
use crate::prices::files::decimal::price;
use crate::prices::files::problem::FileProblems;
use crate::prices::files::times::{EXPECTED, second};
use crate::prices::units::UnitPriceChanges;
use crate::prices::{NodePrice, NodePriceKey, PriceSource};

/// A price that a file gives.
#[derive(Clone, Debug, PartialEq)]
pub enum PriceEntry {
    /// Of a node.
    Node(NodePriceKey, NodePrice),
    /// Of a GiB-month of a volume, by its name, its StorageClass or its type.
    Volume {
        /// The name.
        name: Arc<str>,
        /// Per GiB and month of 730 hours.
        gib_month: Usd,
    },
    /// Of a GPU, where GPUs cost extra.
    Gpu {
        /// Its model in small letters.
        model: Arc<str>,
        /// Region; empty for all.
        region: Arc<str>,
        /// Per hour.
        price: Usd,
    },
    /// Of units.
    Units(UnitPriceChanges),
}

/// Sources a list may name.
const SOURCES: [PriceSource; 7] = [
    PriceSource::Custom,
    PriceSource::SpotFeed,
    PriceSource::SpotHistory,
    PriceSource::SavingsPlan,
    PriceSource::ReservedInstance,
    PriceSource::List,
    PriceSource::Estimate,
];

const SOURCE_NAMES: &str =
    "custom, spot-feed, spot-history, savings-plan, reserved-instance, list or estimate";

pub(super) fn read(sheet: &Sheet, problems: &mut FileProblems) -> Vec<PriceEntry> {
    let machine = ["instanceType", "instanceId", "node"].iter().any(|name| sheet.has(name));
    if !sheet.has("price") || !machine {
        let problem = format!("columns {}", sheet.columns());
        let expected = "instanceType,capacityType,region,zone,price,source,from,until, of which instanceType (or instanceId, \
                        or node) and price have to be there; or EndTimestamp,…,MarketPriceHourly,Version; or a spot data feed; or JSON";
        problems.note(1, "", problem, expected);
        return Vec::new();
    }
    sheet.rows().filter_map(|row| entry(&row, problems)).collect()
}

fn entry(row: &Row<'_>, problems: &mut FileProblems) -> Option<PriceEntry> {
    let before = problems.problems.len();
    let mut check = |field: &str, found: bool, expected: &str| {
        if !found {
            let value = row.get(field);
            let problem = if value.is_empty() { "is missing".to_owned() } else { format!("{value:?}") };
            problems.note(row.line, field, problem, expected);
        }
    };
    let paid = price(row.get("price"));
    check("price", paid.is_some(), "dollars per hour, such as 0.31");
    let source = match row.get("source") {
        "" => Some(PriceSource::Custom),
        word => SOURCES.into_iter().find(|source| source.as_str() == word),
    };
    check("source", source.is_some(), SOURCE_NAMES);
    let spot = match row.first(&["capacityType", "capacity-type"]) {
        "" | "on-demand" | "reserved" => Some(source.is_some_and(is_spot)),
        "spot" => Some(true),
        _ => None,
    };
    check("capacityType", spot.is_some(), "on-demand or spot");
    let time = |field: &str, other: i64| match row.get(field) {
        "" => Some(other),
        text => second(text),
    };
    let (from, until) = (time("from", i64::MIN), time("until", i64::MAX));
    check("from", from.is_some(), EXPECTED);
    check(
        "until",
        until.is_none_or(|until| from.is_none_or(|from| from < until)) && until.is_some(),
        "a time after `from`",
    );
    let (instance, node, kind) =
        (row.get("instanceId"), row.get("node"), row.first(&["instanceType", "type"]));
    check(
        "instanceType",
        !(instance.is_empty() && node.is_empty() && kind.is_empty()),
        "such as m7i.2xlarge",
    );
    if problems.problems.len() > before {
        return None;
    }
    let key = if !instance.is_empty() {
        NodePriceKey::Instance(instance.into())
    } else if !node.is_empty() {
        NodePriceKey::Node(node.into())
    } else {
        NodePriceKey::Offering {
            region: row.get("region").into(),
            zone: row.get("zone").into(),
            instance_type: kind.into(),
            spot: spot?,
        }
    };
    let day = row.get("date").parse().ok();
    Some(PriceEntry::Node(
        key,
        NodePrice {
            price: paid?,
            source: source?,
            valid: Interval::new(from?, until?),
            day,
            without_gpus: false,
        },
    ))
}

const fn is_spot(source: PriceSource) -> bool {
    matches!(source, PriceSource::SpotFeed | PriceSource::SpotHistory)
}
