//! The plan as a document: what `supercargo plan` prints, and what other programs read.
//!
//! Everything in it is text and numbers; nothing refers back to the snapshot. The layout is versioned
//! (`supercargo.dev/v1`): fields may be added, none will change its meaning.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use supercargo_api::labels;
use supercargo_catalog::{PriceStamp, Usd};

use crate::fits::Ground;
use crate::flexible::choices;
use crate::problems::ObjectProblem;
use crate::reasons::{Explanation, explain_unplaced};
use crate::snapshot::Snapshot;
use crate::solve::{Outcome, SolveOptions};

/// Hours that a month is reckoned to have.
pub const HOURS_PER_MONTH: f64 = 730.0;

/// A priced, explained plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    /// `supercargo.dev/v1`.
    pub api_version: String,
    /// `Plan`.
    pub kind: String,
    /// The figures of the whole.
    pub summary: Summary,
    /// Nodes to buy, by NodePool, then name.
    pub nodes: Vec<Node>,
    /// Pods that existing nodes take.
    pub placements: Vec<Placement>,
    /// Pods without a place, with the reasons.
    pub unschedulable: Vec<Unschedulable>,
    /// Pods that are not considered, with the reasons.
    pub ignored: Vec<Ignored>,
    /// NodePools that cannot make nodes, with the reasons.
    pub node_pool_problems: Vec<NodePoolProblem>,
    /// Other objects that do not count as they are written, with the reasons.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub object_problems: Vec<ObjectProblem>,
}

/// The figures of the whole.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    /// The region the instance types are of; none without instance types.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// Pods that were to be placed.
    pub pending_pods: usize,
    /// Of those, on existing nodes.
    pub pods_on_existing_nodes: usize,
    /// Of those, on new nodes.
    pub pods_on_new_nodes: usize,
    /// Of those, nowhere.
    pub unschedulable_pods: usize,
    /// Left out of consideration.
    pub ignored_pods: usize,
    /// Nodes that exist or are in flight.
    pub existing_nodes: usize,
    /// Nodes to buy.
    pub new_nodes: usize,
    /// Price of the new nodes in dollars per hour.
    pub price_per_hour: Usd,
    /// The same for a month of 730 hours.
    pub price_per_month: f64,
    /// No nodes for the same pods can cost less, in dollars per hour.
    pub lower_bound_per_hour: Usd,
    /// How far the price is above the bound, in percent of the bound.
    pub gap_percent: f64,
    /// Kinds and days of the prices used, for example `estimate` of 2026-07-20.
    pub prices: Vec<PriceStamp>,
    /// Share of the new nodes' allocatable cpu that pods request, in percent.
    pub cpu_percent: f64,
    /// The same for memory.
    pub memory_percent: f64,
}

/// A node to buy.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Node {
    /// A name for this plan: the NodePool's, with a number.
    pub name: String,
    /// NodePool.
    pub node_pool: String,
    /// NodeClass.
    pub node_class: String,
    /// The cheapest type that would do.
    pub instance_type: String,
    /// Its zone; the cheapest of those that would do.
    pub zone: String,
    /// Every zone that would do.
    pub zones: Vec<String>,
    /// `on-demand`, `spot` or `reserved`.
    pub capacity_type: String,
    /// Dollars per hour.
    pub price_per_hour: Usd,
    /// Kind and day of the price.
    pub price: PriceStamp,
    /// What its pods and DaemonSets request.
    pub requests: BTreeMap<String, String>,
    /// Of that, DaemonSets.
    pub daemon_sets: BTreeMap<String, String>,
    /// What the chosen type has for pods.
    pub allocatable: BTreeMap<String, String>,
    /// Requested share of allocatable cpu, in percent.
    pub cpu_percent: f64,
    /// Requested share of allocatable memory, in percent.
    pub memory_percent: f64,
    /// Pods, as `namespace/name`.
    pub pods: Vec<String>,
    /// Labels that the NodePool decides.
    pub labels: BTreeMap<String, String>,
    /// Every type that would do, cheapest first, at its cheapest offering.
    pub instance_types: Vec<InstanceChoice>,
    /// Why this type.
    pub why: Why,
    /// One of the nodes that a static NodePool keeps.
    #[serde(rename = "static")]
    pub is_static: bool,
    /// `minValues` could not be kept (best effort only).
    pub min_values_relaxed: bool,
}

/// A type that would do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InstanceChoice {
    /// Name.
    pub instance_type: String,
    /// Zone of its cheapest offering.
    pub zone: String,
    /// Capacity type of its cheapest offering.
    pub capacity_type: String,
    /// Dollars per hour.
    pub price_per_hour: Usd,
}

/// Why a node is bought as the type it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Why {
    /// One sentence.
    pub text: String,
    /// The next best type, if any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub runner_up: Option<InstanceChoice>,
    /// What the runner-up would cost more, in dollars per hour.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub difference_per_hour: Option<Usd>,
    /// How many types of the NodePool were candidates before pods narrowed them.
    pub considered: usize,
}

/// Pods on an existing node.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Placement {
    /// The node, or the NodeClaim in flight.
    pub node: String,
    /// Only a NodeClaim so far.
    pub in_flight: bool,
    /// Pods, as `namespace/name`.
    pub pods: Vec<String>,
}

/// Pods of one class without a place.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Unschedulable {
    /// Pods, as `namespace/name`.
    pub pods: Vec<String>,
    /// What one of them requests.
    pub requests: BTreeMap<String, String>,
    /// One sentence: the most telling reason.
    pub message: String,
    /// Per NodePool, what removed its types.
    pub node_pools: Vec<Explanation>,
}

/// A pod that is not considered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ignored {
    /// `namespace/name`.
    pub pod: String,
    /// Why.
    pub reason: String,
}

/// A NodePool that cannot make nodes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NodePoolProblem {
    /// Name.
    pub node_pool: String,
    /// Why.
    pub problem: String,
}

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

fn texts(resources: &supercargo_api::Resources) -> BTreeMap<String, String> {
    resources.to_quantities().into_iter().map(|(name, quantity)| (name, quantity.0)).collect()
}

fn percent(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { (part / whole * 1000.0).round() / 10.0 } else { 0.0 }
}

fn nodes(snapshot: &Snapshot, outcome: &Outcome, ground: Ground<'_>) -> Vec<Node> {
    let mut numbers: BTreeMap<&str, usize> = BTreeMap::new();
    let mut order: Vec<usize> = (0..outcome.nodes.len()).collect();
    order.sort_by_key(|index| (outcome.variants[outcome.nodes[*index].variant as usize].pool, *index));
    let mut nodes = Vec::with_capacity(order.len());
    for index in order {
        let planned = &outcome.nodes[index];
        let variant = &outcome.variants[planned.variant as usize];
        let pool = &snapshot.pools[variant.pool as usize];
        let Some(table) = &pool.table else { continue };
        let number = numbers.entry(&pool.name).or_default();
        *number += 1;
        let chosen = planned.chosen as usize;
        let overhead = &variant.overhead[chosen];
        let requests = planned.used.plus(overhead);
        let allocatable = variant.net[chosen].plus(overhead);
        let key = &snapshot.market.keys[planned.offer as usize];
        let choices: Vec<InstanceChoice> = choices(ground, planned)
            .into_iter()
            .map(|choice| {
                let key = &snapshot.market.keys[choice.offer as usize];
                InstanceChoice {
                    instance_type: table.types[choice.type_index as usize].name.clone(),
                    zone: key.zone.clone(),
                    capacity_type: key.capacity_type.as_str().to_owned(),
                    price_per_hour: choice.price,
                }
            })
            .collect();
        let mut zones: Vec<String> = snapshot
            .market
            .keys
            .iter()
            .enumerate()
            .filter(|(offer, _)| {
                planned.offers >> offer & 1 == 1
                    && planned.types.ones().any(|index| table.offer_masks[index] >> offer & 1 == 1)
            })
            .map(|(_, key)| key.zone.clone())
            .collect();
        zones.sort();
        zones.dedup();
        let stamp =
            table.offers[chosen].iter().find(|offer| offer.key == planned.offer).map(|offer| offer.stamp);
        let Some(stamp) = stamp else { continue };
        let instance_type = table.types[chosen].name.clone();
        let why = why(planned, &instance_type, &choices, variant.types.count_ones(..));
        nodes.push(Node {
            name: format!("{}-{number}", pool.name),
            node_pool: pool.name.clone(),
            node_class: pool.node_class.clone(),
            instance_type,
            zone: key.zone.clone(),
            zones,
            capacity_type: key.capacity_type.as_str().to_owned(),
            price_per_hour: planned.price,
            price: stamp,
            requests: texts(&snapshot.names.resources(&requests)),
            daemon_sets: texts(&snapshot.names.resources(overhead)),
            allocatable: texts(&snapshot.names.resources(&allocatable)),
            cpu_percent: percent(requests[0] as f64, allocatable[0] as f64),
            memory_percent: percent(requests[1] as f64, allocatable[1] as f64),
            pods: planned.pods.iter().map(|pod| snapshot.pod_name(*pod)).collect(),
            labels: variant.labels.clone(),
            instance_types: choices,
            why,
            is_static: planned.is_static,
            min_values_relaxed: planned.min_values_relaxed,
        });
    }
    nodes
}

fn why(
    planned: &crate::planned::PlannedNode,
    instance_type: &str,
    choices: &[InstanceChoice],
    considered: usize,
) -> Why {
    let runner_up = choices.iter().find(|choice| choice.instance_type != instance_type).cloned();
    let difference = runner_up.as_ref().map(|choice| choice.price_per_hour - planned.price);
    let text = match (&runner_up, difference) {
        (Some(choice), Some(difference)) if difference.is_zero() => format!(
            "cheapest of {} types that hold its pods; {} costs the same",
            choices.len(),
            choice.instance_type
        ),
        (Some(choice), Some(difference)) => format!(
            "cheapest of {} types that hold its pods; {} would cost {difference}/h more",
            choices.len(),
            choice.instance_type
        ),
        _ => "the only type that holds its pods".to_owned(),
    };
    Why { text, runner_up, difference_per_hour: difference, considered }
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
        price_per_month: (price.as_f64() * HOURS_PER_MONTH * 100.0).round() / 100.0,
        lower_bound_per_hour: bound,
        gap_percent: (gap.max(0.0) * 100.0).round() / 100.0,
        prices,
        cpu_percent: percent(requested[0], allocatable[0]),
        memory_percent: percent(requested[1], allocatable[1]),
    }
}
