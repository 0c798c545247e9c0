//! OpenCost's list of custom prices (reference section 4.7).
//!
//! A row of a node is of a machine without its GPUs; rows of GPUs are of one GPU of a model and come on top of it.
//! `EndTimestamp` and `Version` mean nothing to OpenCost, and nothing here. What the ledger does not keep of a node or a
//! volume cannot be looked up: such rows are refused rather than passed over.

use crate::interval::Interval;
use crate::prices::files::cells::{Row, Sheet};
use crate::prices::files::decimal::price;
use crate::prices::files::list::PriceEntry;
use crate::prices::files::problem::FileProblems;
use crate::prices::{NodeLabel, NodePrice, NodePriceKey, PriceSource};

/// What stands before a label.
const LABELS: &str = "metadata.labels.";

/// Labels that hold the instance type.
const TYPE_LABELS: [&str; 2] = ["node.kubernetes.io/instance-type", "beta.kubernetes.io/instance-type"];

/// Other labels that the ledger keeps of nodes.
const KEPT_LABELS: [(&str, NodeLabel); 9] = [
    ("karpenter.sh/nodepool", NodeLabel::Pool),
    ("eks.amazonaws.com/nodegroup", NodeLabel::Pool),
    ("alpha.eksctl.io/nodegroup-name", NodeLabel::Pool),
    ("topology.kubernetes.io/zone", NodeLabel::Zone),
    ("failure-domain.beta.kubernetes.io/zone", NodeLabel::Zone),
    ("topology.kubernetes.io/region", NodeLabel::Region),
    ("failure-domain.beta.kubernetes.io/region", NodeLabel::Region),
    ("kubernetes.io/arch", NodeLabel::Arch),
    ("beta.kubernetes.io/arch", NodeLabel::Arch),
];

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
    let label = field.strip_prefix(LABELS).unwrap_or_default();
    let kept = KEPT_LABELS.iter().find(|(known, _)| *known == label).map(|(_, kept)| *kept);
    // upper and lower case are one (reference section 4.7)
    let lower = id.to_lowercase();
    let of_node = |key| {
        let valid = Interval::new(i64::MIN, i64::MAX);
        PriceEntry::Node(
            key,
            NodePrice { price: paid, source: PriceSource::Custom, valid, day: None, without_gpus: true },
        )
    };
    match (row.get("AssetClass").to_ascii_lowercase().as_str(), field) {
        ("node", "metadata.name") => vec![of_node(NodePriceKey::Node(lower.into()))],
        ("node", "spec.providerID") => {
            let instance = lower.rsplit('/').next().unwrap_or(&lower);
            vec![of_node(NodePriceKey::Instance(instance.into()))]
        }
        ("node", _) if TYPE_LABELS.contains(&label) => {
            let key = |spot| NodePriceKey::Offering {
                region: row.get("Region").into(),
                zone: "".into(),
                instance_type: lower.as_str().into(),
                spot,
            };
            [false, true].map(|spot| of_node(key(spot))).into()
        }
        ("node", _) if let Some(label) = kept => {
            let region = row.get("Region").into();
            vec![of_node(NodePriceKey::Labelled { label, value: lower.into(), region })]
        }
        ("node", _) => {
            let expected = "metadata.name, spec.providerID, or metadata.labels. with node.kubernetes.io/instance-type, karpenter.sh/nodepool, \
                            eks.amazonaws.com/nodegroup, topology.kubernetes.io/zone, topology.kubernetes.io/region or kubernetes.io/arch: \
                            what the ledger keeps of nodes";
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
            vec![PriceEntry::Gpu { model: lower.into(), region: row.get("Region").into(), price: paid }]
        }
        (class, _) => {
            problems.note(row.line, "AssetClass", format!("{class:?}"), "node, pv or gpu");
            Vec::new()
        }
    }
}
