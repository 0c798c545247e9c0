//! Nodes that are alike, told once: the rows of the table.

use std::collections::BTreeMap;

use supercargo_catalog::Usd;
use supercargo_engine::plan::Node;

/// Planned nodes of one NodePool that are bought as the same offering.
#[derive(Clone, Debug)]
pub struct Row<'p> {
    /// The first of them, for what they share.
    pub first: &'p Node,
    /// How many they are.
    pub count: usize,
    /// Pods on all of them.
    pub pods: usize,
    /// Requested share of their cpu, in percent.
    pub cpu_percent: f64,
    /// Requested share of their memory, in percent.
    pub memory_percent: f64,
    /// Price of all of them, in dollars per hour.
    pub price: Usd,
    /// The fewest and the most types that would do for one of them.
    pub flexible: (usize, usize),
}

/// The rows of a plan: NodePools in the plan's order, the dearest row of each first.
pub fn fold(nodes: &[Node]) -> Vec<Row<'_>> {
    let mut pools: Vec<&str> = Vec::new();
    let mut rows: BTreeMap<_, Row<'_>> = BTreeMap::new();
    for node in nodes {
        let pool = pools.iter().position(|pool| *pool == node.node_pool).unwrap_or_else(|| {
            pools.push(&node.node_pool);
            pools.len() - 1
        });
        let key = (
            pool,
            &node.instance_type,
            &node.zone,
            &node.capacity_type,
            node.price_per_hour,
            node.is_static,
            node.min_values_relaxed,
        );
        let choices = node.instance_types.len();
        let row = rows.entry(key).or_insert(Row {
            first: node,
            count: 0,
            pods: 0,
            cpu_percent: 0.0,
            memory_percent: 0.0,
            price: Usd::ZERO,
            flexible: (choices, choices),
        });
        row.count += 1;
        row.pods += node.pods.len();
        // nodes of one offering are equally large, so that the mean of their shares is the share of their sum
        row.cpu_percent += (node.cpu_percent - row.cpu_percent) / row.count as f64;
        row.memory_percent += (node.memory_percent - row.memory_percent) / row.count as f64;
        row.price += node.price_per_hour;
        row.flexible = (row.flexible.0.min(choices), row.flexible.1.max(choices));
    }
    let mut rows: Vec<(usize, Row<'_>)> = rows.into_iter().map(|(key, row)| (key.0, row)).collect();
    rows.sort_by(|(left_pool, left), (right_pool, right)| {
        left_pool.cmp(right_pool).then(right.price.cmp(&left.price))
    });
    rows.into_iter().map(|(_, row)| row).collect()
}
