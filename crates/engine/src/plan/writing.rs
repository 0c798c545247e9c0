//! From an outcome to the document.

use std::collections::BTreeMap;

use supercargo_api::labels;
use supercargo_catalog::PriceStamp;

use crate::fits::Ground;
use crate::reasons::explain_unplaced;
use crate::snapshot::Snapshot;
use crate::solve::{Outcome, SolveOptions};

use super::document::{Ignored, Node, NodePoolProblem, Placement, Plan, Summary, Unschedulable, month};
use super::nodes::{nodes, percent, texts};

impl Plan {
    /// Writes an outcome down.
    pub fn new(snapshot: &Snapshot, outcome: &Outcome, options: SolveOptions) -> Plan {
        let ground = Ground { market: &snapshot.market, pools: &snapshot.pools, variants: &outcome.variants };
        let nodes = nodes(snapshot, outcome, ground);
        let placements = placements(snapshot, outcome);
        let unschedulable: Vec<Unschedulable> = outcome
            .unplaced
            .iter()
            .map(|unplaced| {
                let class = &snapshot.classes[unplaced.class as usize];
                let explained = explain_unplaced(snapshot, outcome, unplaced, options);
                Unschedulable {
                    pods: unplaced.pods.iter().map(|pod| snapshot.pod_name(*pod)).collect(),
                    requests: texts(&snapshot.names.resources(&class.requests)),
                    message: explained.message,
                    node_pools: explained.node_pools,
                }
            })
            .collect();
        let ignored = snapshot.ignored.iter();
        let ignored: Vec<Ignored> =
            ignored.map(|one| Ignored { pod: one.pod.clone(), reason: one.reason.clone() }).collect();
        let node_pool_problems = node_pool_problems(snapshot, outcome);
        let summary = summary(snapshot, outcome, &nodes, ignored.len());
        Plan {
            api_version: "supercargo.dev/v1".to_owned(),
            kind: "Plan".to_owned(),
            summary,
            nodes,
            placements,
            unschedulable,
            ignored,
            node_pool_problems,
            object_problems: snapshot.problems.clone(),
        }
    }

    /// Whether every pod found a place.
    pub fn is_complete(&self) -> bool {
        self.unschedulable.is_empty() && self.ignored.is_empty()
    }
}

fn node_pool_problems(snapshot: &Snapshot, outcome: &Outcome) -> Vec<NodePoolProblem> {
    let has_types = |index: usize| {
        let mut variants = outcome.variants.iter().filter(|variant| variant.pool as usize == index);
        variants.any(|variant| !variant.types.is_clear())
    };
    let pools = snapshot.pools.iter().enumerate().filter_map(|(index, pool)| {
        let problem = pool.problem.clone().or_else(|| {
            (!has_types(index)).then(|| "no instance type satisfies its requirements".to_owned())
        })?;
        Some(NodePoolProblem { node_pool: pool.name.clone(), problem })
    });
    pools.collect()
}

fn placements(snapshot: &Snapshot, outcome: &Outcome) -> Vec<Placement> {
    let mut by_room: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    for (room, pod) in &outcome.on_rooms {
        by_room.entry(*room).or_default().push(*pod);
    }
    by_room
        .into_iter()
        .map(|(room, pods)| {
            let room = &snapshot.rooms[room as usize];
            Placement {
                node: room.name.clone(),
                in_flight: room.in_flight,
                pods: pods.into_iter().map(|pod| snapshot.pod_name(pod)).collect(),
            }
        })
        .collect()
}

/// The region of the instance types: all types of a market are of one.
fn region(snapshot: &Snapshot) -> Option<String> {
    let (_, table) = snapshot.market.tables().find(|(_, table)| !table.is_empty())?;
    table.label(0, labels::REGION).map(str::to_owned)
}

fn summary(snapshot: &Snapshot, outcome: &Outcome, nodes: &[Node], ignored: usize) -> Summary {
    let price = outcome.price();
    let bound = outcome.lower_bound;
    let mut prices: Vec<PriceStamp> = Vec::new();
    for node in nodes {
        if !prices.contains(&node.price) {
            prices.push(node.price);
        }
    }
    let mut requested = [0.0; 2];
    let mut allocatable = [0.0; 2];
    for planned in &outcome.nodes {
        let variant = &outcome.variants[planned.variant as usize];
        let overhead = &variant.overhead[planned.chosen as usize];
        let net = &variant.net[planned.chosen as usize];
        for place in 0..2 {
            requested[place] += (planned.used[place] + overhead[place]) as f64;
            allocatable[place] += (net[place] + overhead[place]) as f64;
        }
    }
    let gap = if bound.is_zero() { 0.0 } else { (price.as_f64() / bound.as_f64() - 1.0) * 100.0 };
    Summary {
        region: region(snapshot),
        pending_pods: snapshot.pending.len(),
        pods_on_existing_nodes: outcome.on_rooms.len(),
        pods_on_new_nodes: outcome.nodes.iter().map(|node| node.pods.len()).sum(),
        unschedulable_pods: outcome.unplaced.iter().map(|unplaced| unplaced.pods.len()).sum(),
        ignored_pods: ignored,
        existing_nodes: snapshot.rooms.iter().filter(|room| !room.leaving).count(),
        new_nodes: nodes.len(),
        price_per_hour: price,
        price_per_month: month(price),
        lower_bound_per_hour: bound,
        gap_percent: (gap.max(0.0) * 100.0).round() / 100.0,
        prices,
        cpu_percent: percent(requested[0], allocatable[0]),
        memory_percent: percent(requested[1], allocatable[1]),
    }
}
