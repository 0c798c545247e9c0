//! Nodes that come and go.

use std::time::Duration;

use super::Metrics;
use super::buckets::LIFETIME;
use super::family::families;

families! {
    /// Families about nodes.
    NodeFamilies {
        created: Counters<2>("karpenter_nodes_created_total", ["nodepool", "zone"],
            "Number of nodes created in total, by owning nodepool and zone"),
        terminated: Counters<2>("karpenter_nodes_terminated_total", ["nodepool", "zone"],
            "Number of nodes terminated in total, by owning nodepool and zone"),
        drained: Counters<1>("karpenter_nodes_drained_total", ["nodepool"],
            "Number of nodes drained in total, by owning nodepool"),
        termination: Summaries<1>("karpenter_nodes_termination_duration_seconds", ["nodepool"],
            "Time from the deletion of a node to the removal of its finalizer, in seconds"),
        lifetime: Histograms<1>("karpenter_nodes_lifetime_duration_seconds", ["nodepool"],
            "Lifetime of the nodes since creation, in seconds", LIFETIME),
    }
}

impl Metrics {
    /// A node was registered.
    pub fn node_created(&self, node_pool: &str, zone: &str) {
        self.nodes.created.count([node_pool, zone]);
    }

    /// A node is gone.
    pub fn node_terminated(&self, node_pool: &str, zone: &str) {
        self.nodes.terminated.count([node_pool, zone]);
    }

    /// A node has no pods left that have to go.
    pub fn node_drained(&self, node_pool: &str) {
        self.nodes.drained.count([node_pool]);
    }

    /// From the deletion of a node to the removal of its finalizer it took this long.
    pub fn node_termination_took(&self, node_pool: &str, duration: Duration) {
        self.nodes.termination.took([node_pool], duration);
    }

    /// A node that is gone lived this long.
    pub fn node_lived(&self, node_pool: &str, duration: Duration) {
        self.nodes.lifetime.took([node_pool], duration);
    }
}
