//! Budgets and prices of NodePools. Limits and usage are read from the mirrored state.

use std::collections::BTreeSet;
use std::sync::PoisonError;

use supercargo_catalog::Usd;

use super::Metrics;
use super::family::families;

families! {
    /// Families about NodePools.
    NodePoolFamilies {
        allowed: Gauges<2>("karpenter_nodepools_allowed_disruptions", ["nodepool", "reason"],
            "The number of nodes for a given nodepool that can be concurrently disrupted at a point in time, by reason"),
        consuming: Gauges<2>("karpenter_nodepools_nodes_consuming_budgets", ["nodepool", "reason"],
            "The number of nodes that are taken off the disruption budgets of a nodepool at a point in time, by reason"),
        cost: Gauges<1>("karpenter_nodepools_cost_total", ["nodepool"],
            "Total cost of the nodes of a nodepool, in dollars per hour"),
        cost_errors: Counters<1>("karpenter_nodepools_cost_tracker_errors_total", ["nodepool"],
            "Number of times the price of a node could not be found, by nodepool"),
    }
}

impl Metrics {
    /// So many nodes of a NodePool may be disrupted at once for this reason.
    pub fn allowed_disruptions(&self, node_pool: &str, reason: &str, nodes: u32) {
        self.node_pools.allowed.set([node_pool, reason], f64::from(nodes));
    }

    /// So many nodes are taken off a NodePool's budget for this reason.
    pub fn nodes_consuming_budgets(&self, node_pool: &str, reason: &str, nodes: u32) {
        self.node_pools.consuming.set([node_pool, reason], f64::from(nodes));
    }

    /// The nodes of a NodePool cost this much together, in dollars per hour.
    pub fn node_pool_cost(&self, node_pool: &str, price: Usd) {
        self.node_pools.cost.set([node_pool], price.as_f64());
    }

    /// The prices of these nodes are not known, each with its NodePool. Each is counted once for as long as that lasts.
    pub fn node_pool_costs_unknown(&self, nodes: BTreeSet<(String, String)>) {
        // the set is replaced whole
        let mut known = self.node_pools_unpriced.lock().unwrap_or_else(PoisonError::into_inner);
        for (node_pool, _) in nodes.difference(&known) {
            self.node_pools.cost_errors.count([node_pool]);
        }
        *known = nodes;
    }

    /// A NodePool is gone, and with it its gauges.
    pub fn node_pool_gone(&self, node_pool: &str) {
        self.node_pools.allowed.retain(|labels| labels[0] != node_pool);
        self.node_pools.consuming.retain(|labels| labels[0] != node_pool);
        self.node_pools.cost.retain(|labels| labels[0] != node_pool);
    }
}
