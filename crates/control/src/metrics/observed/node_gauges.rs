//! What nodes have, and what is taken of it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Node;
use supercargo_api::Pod;
use supercargo_api::labels::{WELL_KNOWN_LABELS, keys};
use supercargo_reconcile::{controller_of, node_of};

use super::amounts::{Amounts, Stated, add, numbers, of_pod};
use super::{Observed, age, created};
use crate::metrics::exposition::{Exposition, MetricType};

/// What is known of one node.
struct Row {
    /// Names of labels with their values, sorted. A label without a value is as good as none.
    labels: Vec<(String, String)>,
    /// One for each of [`FAMILIES`].
    amounts: [Amounts; 6],
    lifetime: Option<f64>,
}

/// The families with a sample for each resource, in the order in which a row has them.
const FAMILIES: [(&str, &str); 6] = [
    ("karpenter_nodes_allocatable", "Node allocatable are the resources allocatable by nodes"),
    (
        "karpenter_nodes_total_pod_requests",
        "Node total pod requests are the resources requested by pods bound to nodes, including the DaemonSet pods",
    ),
    (
        "karpenter_nodes_total_pod_limits",
        "Node total pod limits are the resources specified by pod limits, including the DaemonSet pods",
    ),
    (
        "karpenter_nodes_total_daemon_requests",
        "Node total daemon requests are the resource requested by DaemonSet pods bound to nodes",
    ),
    (
        "karpenter_nodes_total_daemon_limits",
        "Node total daemon limits are the resources specified by DaemonSet pod limits",
    ),
    (
        "karpenter_nodes_system_overhead",
        "Node system daemon overhead are the resources reserved for system overhead, the difference between the node's capacity and allocatable values",
    ),
];

impl Observed {
    /// Writes the gauges of nodes.
    pub(super) fn nodes(&self, now: Timestamp, out: &mut Exposition) {
        let mut pods: BTreeMap<&str, Vec<&Pod>> = BTreeMap::new();
        for pod in &self.pods {
            if let Some(node) = node_of(pod).filter(|_| !is_finished(pod)) {
                pods.entry(node).or_default().push(pod);
            }
        }
        let rows: Vec<Row> = self
            .nodes
            .iter()
            .map(|node| {
                let name = node.metadata.name.as_deref().unwrap_or_default();
                row(node, pods.get(name).map_or(&[], Vec::as_slice), now)
            })
            .collect();
        if rows.is_empty() {
            return;
        }
        for (position, (name, help)) in FAMILIES.into_iter().enumerate() {
            out.family(name, MetricType::Gauge, help);
            for row in &rows {
                for (resource, amount) in &row.amounts[position] {
                    let resource = snake(resource);
                    let labels = row.labels.iter().map(|(name, value)| (name.as_str(), value.as_str()));
                    out.sample(name, "", labels.chain([("resource_type", resource.as_str())]), *amount);
                }
            }
        }
        let name = "karpenter_nodes_current_lifetime_seconds";
        out.family(name, MetricType::Gauge, "Node age in seconds");
        for row in &rows {
            if let Some(lifetime) = row.lifetime {
                let labels = row.labels.iter().map(|(name, value)| (name.as_str(), value.as_str()));
                out.sample(name, "", labels, lifetime);
            }
        }
        utilization(&rows, out);
    }
}

/// How much of the cluster is requested, in percent.
fn utilization(rows: &[Row], out: &mut Exposition) {
    let name = "karpenter_cluster_utilization_percent";
    out.family(
        name,
        MetricType::Gauge,
        "Utilization of allocatable resources by pod requests, in percent, by resource type",
    );
    let (mut allocatable, mut requested) = (Amounts::new(), Amounts::new());
    for row in rows {
        add(&mut allocatable, &row.amounts[0]);
        add(&mut requested, &row.amounts[1]);
    }
    for (resource, total) in allocatable.into_iter().filter(|(_, total)| *total > 0.0) {
        let taken = requested.get(&resource).copied().unwrap_or(0.0);
        out.sample(name, "", [("resource_type", snake(&resource).as_str())], 100.0 * taken / total);
    }
}

fn row(node: &Node, pods: &[&Pod], now: Timestamp) -> Row {
    let status = node.status.as_ref();
    let capacity = numbers(status.and_then(|status| status.capacity.as_ref()));
    let allocatable = numbers(status.and_then(|status| status.allocatable.as_ref()));
    let overhead = capacity
        .iter()
        .map(|(name, amount)| (name.clone(), amount - allocatable.get(name).copied().unwrap_or(0.0)))
        .collect();
    let mut amounts = [allocatable, Amounts::new(), Amounts::new(), Amounts::new(), Amounts::new(), overhead];
    for pod in pods {
        let (requests, limits) = (of_pod(pod, Stated::Requests), of_pod(pod, Stated::Limits));
        add(&mut amounts[1], &requests);
        add(&mut amounts[2], &limits);
        let is_daemon = controller_of(&pod.metadata).is_some_and(|owner| owner.kind == "DaemonSet");
        if is_daemon {
            add(&mut amounts[3], &requests);
            add(&mut amounts[4], &limits);
        }
    }
    Row { labels: labels(node), amounts, lifetime: created(&node.metadata).map(|created| age(created, now)) }
}

fn labels(node: &Node) -> Vec<(String, String)> {
    let mut labels = BTreeMap::new();
    for key in WELL_KNOWN_LABELS {
        let value = node.metadata.labels.as_ref().and_then(|labels| labels.get(key));
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            labels.insert(snake(key.rsplit('/').next().unwrap_or(key)), value.clone());
        }
    }
    let managed = node.metadata.labels.as_ref().is_some_and(|labels| labels.contains_key(keys::NODEPOOL));
    labels.insert("managed".to_owned(), managed.to_string());
    labels.insert("node_name".to_owned(), node.metadata.name.clone().unwrap_or_default());
    if let Some(phase) = node.status.as_ref().and_then(|status| status.phase.clone()) {
        labels.insert("phase".to_owned(), phase);
    }
    labels.into_iter().collect()
}

/// A name as metrics have it; what they cannot have becomes an underscore.
fn snake(name: &str) -> String {
    let fits = |letter: char| if letter.is_ascii_alphanumeric() { letter.to_ascii_lowercase() } else { '_' };
    name.chars().map(fits).collect()
}

fn is_finished(pod: &Pod) -> bool {
    let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
    matches!(phase, Some("Succeeded" | "Failed"))
}
