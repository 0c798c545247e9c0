//! Nodes to buy, written down.

use std::collections::BTreeMap;

use crate::fits::Ground;
use crate::flexible::choices;
use crate::snapshot::Snapshot;
use crate::solve::Outcome;

use super::document::{InstanceChoice, Node, Why};

pub(super) fn nodes(snapshot: &Snapshot, outcome: &Outcome, ground: Ground<'_>) -> Vec<Node> {
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

pub(crate) fn texts(resources: &supercargo_api::Resources) -> BTreeMap<String, String> {
    resources.to_quantities().into_iter().map(|(name, quantity)| (name, quantity.0)).collect()
}

pub(crate) fn percent(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { (part / whole * 1000.0).round() / 10.0 } else { 0.0 }
}
