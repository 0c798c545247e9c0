//! Nodes as facts.

use std::collections::BTreeMap;
use std::sync::Arc;

use k8s_openapi::api::core::v1::{Node, NodeSpec, NodeStatus};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use crate::collector::node_fact;
use crate::facts::NodeFact;
use crate::interval::Interval;
use crate::prometheus::hour::Life;
use crate::prometheus::table::{Amounts, HourTable, MachineSeries, NodeSeries};
use crate::prometheus::told::runs;
use crate::workload::{Labels, sanitized_key};

/// Labels of nodes that say something about costs, as Kubernetes spells them.
const LABELS: [&str; 17] = [
    "node.kubernetes.io/instance-type",
    "beta.kubernetes.io/instance-type",
    "topology.kubernetes.io/region",
    "failure-domain.beta.kubernetes.io/region",
    "topology.kubernetes.io/zone",
    "failure-domain.beta.kubernetes.io/zone",
    "kubernetes.io/arch",
    "beta.kubernetes.io/arch",
    "karpenter.sh/nodepool",
    "eks.amazonaws.com/nodegroup",
    "alpha.eksctl.io/nodegroup-name",
    "karpenter.sh/capacity-type",
    "eks.amazonaws.com/capacityType",
    "lifecycle",
    "node.kubernetes.io/lifecycle",
    "kops.k8s.io/instancegroup",
    "kubernetes.azure.com/scalesetpriority",
];

/// A node in its life; a fact for every stretch in which it looked the same.
pub(super) fn node_facts(table: &HourTable, name: &str, series: &NodeSeries, life: &Life) -> Vec<NodeFact> {
    let constant = series.identity.is_constant()
        && series.labels.is_constant()
        && series.known.is_constant()
        && series.amounts.values().all(super::counters::Points::is_constant);
    let look = |moment| {
        let node = object(table, name, series, moment);
        node_fact(&node, Interval::default()).unwrap_or_default()
    };
    let stretches = runs(life.from, life.to, constant, look).into_iter();
    let facts =
        stretches.map(|(from, to, fact)| NodeFact { interval: life.part(table.grid, from, to), ..fact });
    facts.filter(|fact| !fact.interval.is_empty()).collect()
}

/// Provider ids by node.
pub(super) fn provider_ids(table: &HourTable) -> BTreeMap<Arc<str>, Arc<str>> {
    let id = |(name, series): (&Arc<str>, &NodeSeries)| {
        Some((Arc::clone(name), provider_id(series, table.grid.last())?.into()))
    };
    table.nodes.iter().filter_map(id).collect()
}

fn provider_id(series: &NodeSeries, moment: u32) -> Option<&str> {
    let told = series.identity.at(moment).map(|(id, _)| &**id);
    told.into_iter().chain(series.identity.values().map(|(id, _)| &**id)).find(|id| !id.is_empty())
}

/// The node as the API would show it at a moment, as far as it is known.
fn object(table: &HourTable, name: &str, series: &NodeSeries, moment: u32) -> Node {
    let id = provider_id(series, moment).unwrap_or_default();
    let mut labels: BTreeMap<String, String> = BTreeMap::new();
    let told: [Option<&Labels>; 2] = [series.labels.at(moment), None];
    let others: Vec<&Labels> = series.known.values().collect();
    for known in told.into_iter().flatten().chain(others) {
        for key in LABELS {
            let value = known.get(key).or_else(|| known.get(sanitized_key(key).as_str()));
            if let Some(value) = value {
                labels.entry(key.to_owned()).or_insert_with(|| value.to_string());
            }
        }
    }
    // `aws:///us-east-1a/i-1` names the zone, and the zone the region
    if let Some(zone) = id.strip_prefix("aws:///").and_then(|rest| rest.split('/').next()) {
        let region = zone.trim_end_matches(|letter: char| letter.is_ascii_lowercase());
        if region.len() + 1 == zone.len() {
            let entry = |key: &str| labels.get(key).is_none_or(String::is_empty);
            let (no_zone, no_region) =
                (entry("topology.kubernetes.io/zone"), entry("topology.kubernetes.io/region"));
            if no_zone {
                labels.insert("topology.kubernetes.io/zone".to_owned(), zone.to_owned());
            }
            if no_region {
                labels.insert("topology.kubernetes.io/region".to_owned(), region.to_owned());
            }
        }
    }
    Node {
        metadata: ObjectMeta { name: Some(name.to_owned()), labels: Some(labels), ..ObjectMeta::default() },
        spec: Some(NodeSpec { provider_id: Some(id.to_owned()), ..NodeSpec::default() }),
        status: Some(NodeStatus {
            capacity: amounts(table, name, series, moment, CAPACITY),
            allocatable: amounts(table, name, series, moment, ALLOCATABLE),
            ..NodeStatus::default()
        }),
    }
}

const CAPACITY: [Amounts; 3] = [Amounts::CpuCapacity, Amounts::RamCapacity, Amounts::GpuCapacity];
const ALLOCATABLE: [Amounts; 3] = [Amounts::CpuAllocatable, Amounts::RamAllocatable, Amounts::GpuAllocatable];

fn amounts(
    table: &HourTable,
    name: &str,
    series: &NodeSeries,
    moment: u32,
    which: [Amounts; 3],
) -> Option<BTreeMap<String, Quantity>> {
    let told = |amounts: Amounts| series.amounts.get(&amounts)?.near(moment);
    let machine = if which == CAPACITY { machine_of(table, name, series, moment) } else { None };
    let cores = told(which[0]).or_else(|| machine.and_then(|machine| machine.core_count(moment)));
    let bytes = told(which[1]).or_else(|| machine?.ram_bytes.near(moment));
    let found = [
        cores.map(|cores| ("cpu", format!("{}m", (cores * 1_000.0).round()))),
        bytes.map(|bytes| ("memory", format!("{}", bytes.round()))),
        told(which[2]).map(|gpus| ("nvidia.com/gpu", format!("{}", gpus.round()))),
    ];
    let found: BTreeMap<_, _> =
        found.into_iter().flatten().map(|(name, text)| (name.to_owned(), Quantity(text))).collect();
    (!found.is_empty()).then_some(found)
}

/// The machine that other exporters know by the node's name or address.
fn machine_of<'a>(
    table: &'a HourTable,
    name: &str,
    series: &NodeSeries,
    moment: u32,
) -> Option<&'a MachineSeries> {
    let address = series.identity.at(moment).map(|(_, address)| address);
    table.machines.get(name).or_else(|| table.machines.get(address?))
}

impl MachineSeries {
    fn core_count(&self, moment: u32) -> Option<f64> {
        let counted = (!self.cores.is_empty()).then_some(self.cores.len() as f64);
        self.core_count.near(moment).or(counted)
    }
}
