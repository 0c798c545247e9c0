//! OpenCost's list of custom prices (reference section 4.7).
//!
//! `EndTimestamp` and `Version` mean nothing to OpenCost, and nothing here. What the ledger does not keep of a node or a
//! volume cannot be looked up: such rows are refused rather than passed over.

use crate::interval::Interval;
use crate::prices::files::cells::{Row, Sheet};
use crate::prices::files::decimal::price;
use crate::prices::files::list::PriceEntry;
use crate::prices::files::problem::FileProblems;
use crate::prices::{NodePrice, NodePriceKey, PriceSource};

/// Labels that hold the instance type.
const TYPE_LABELS: [&str; 2] =
    ["metadata.labels.node.kubernetes.io/instance-type", "metadata.labels.beta.kubernetes.io/instance-type"];

pub(super) fn read(sheet: &Sheet, problems: &mut FileProblems) -> Vec<PriceEntry> {
    for column in ["InstanceID", "AssetClass", "InstanceIDField"] {
        if !sheet.has(column) {
            let expected = "EndTimestamp,InstanceID,Region,AssetClass,InstanceIDField,InstanceType,MarketPriceHourly,Version";
            problems.note(1, column, "the column is missing", expected);
        }
    }
    if !problems.is_empty() {
        return Vec::new();
    }
    sheet.rows().flat_map(|row| entries(&row, problems)).collect()
}

fn entries(row: &Row<'_>, problems: &mut FileProblems) -> Vec<PriceEntry> {
    let id = row.get("InstanceID");
    let Some(paid) = price(row.get("MarketPriceHourly")) else {
        let problem = format!("{:?}", row.get("MarketPriceHourly"));
        problems.note(row.line, "MarketPriceHourly", problem, "dollars per hour, such as 0.31");
        return Vec::new();
    };
    if id.is_empty() {
        problems.note(row.line, "InstanceID", "is missing", "what the field of InstanceIDField has to be");
        return Vec::new();
    }
    let field = row.get("InstanceIDField");
    let of_node = |key| {
        let valid = Interval::new(i64::MIN, i64::MAX);
        PriceEntry::Node(key, NodePrice { price: paid, source: PriceSource::Custom, valid, day: None })
    };
    match (row.get("AssetClass").to_ascii_lowercase().as_str(), field) {
        ("node", "metadata.name") => vec![of_node(NodePriceKey::Node(id.into()))],
        ("node", "spec.providerID") => {
            let instance = id.rsplit('/').next().unwrap_or(id);
            vec![of_node(NodePriceKey::Instance(instance.into()))]
        }
        ("node", label) if TYPE_LABELS.contains(&label) => {
            let key = |spot| NodePriceKey::Offering {
                region: row.get("Region").into(),
                zone: "".into(),
                instance_type: id.into(),
                spot,
            };
            [false, true].map(|spot| of_node(key(spot))).into()
        }
        ("node", _) => {
            let expected = "metadata.name, spec.providerID or metadata.labels.node.kubernetes.io/instance-type: what the ledger keeps of nodes";
            problems.note(row.line, "InstanceIDField", format!("{field:?}"), expected);
            Vec::new()
        }
        ("pv", "metadata.name" | "spec.storageClassName") => {
            vec![PriceEntry::Volume { name: id.into(), gib_month: paid.saturating_mul(730) }]
        }
        ("pv", _) => {
            let expected = "metadata.name or spec.storageClassName: what the ledger keeps of volumes";
            problems.note(row.line, "InstanceIDField", format!("{field:?}"), expected);
            Vec::new()
        }
        ("gpu", _) => {
            let expected = "node or pv: the price of a node is that of its GPUs, too; give the whole price of the machine";
            problems.note(row.line, "AssetClass", "gpu", expected);
            Vec::new()
        }
        (class, _) => {
            problems.note(row.line, "AssetClass", format!("{class:?}"), "node or pv");
            Vec::new()
        }
    }
}
