//! Why a pod has no place: per NodePool, how many types each constraint removed, in order, and the nearest miss.
//!
//! Reasons are data; sentences come last.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use supercargo_api::labels;
use supercargo_api::requirement::Requirement;
use supercargo_api::taint;

use crate::amounts::{Amounts, CPU, MEMORY, WIDTH};
use crate::market::{TypeSet, is_offering_label};
use crate::pack::within_limits;
use crate::snapshot::Snapshot;
use crate::solve::{Outcome, SolveOptions, Unplaced};

/// What one NodePool had to say.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Explanation {
    /// Name.
    pub node_pool: String,
    /// Types of its NodeClass.
    pub types: usize,
    /// What removed them, in order.
    pub steps: Vec<Step>,
    /// Types left at the end. Not zero where other pods, not types, are in the way.
    pub left: usize,
    /// How close it came, for example `needs 200 cpu; the largest allowed type, c7a.48xlarge, has 191.6`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nearest_miss: Option<String>,
}

/// One constraint and the types it removed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// The constraint.
    pub constraint: String,
    /// Types removed by it.
    pub removed: usize,
    /// Types left after it.
    pub left: usize,
}

/// The reasons for one class.
#[derive(Clone, Debug, PartialEq)]
pub struct Explained {
    /// The most telling reason.
    pub message: String,
    /// By NodePool.
    pub node_pools: Vec<Explanation>,
}

/// Explains why the pods of a class have no place.
pub fn explain_unplaced(
    snapshot: &Snapshot,
    outcome: &Outcome,
    unplaced: &Unplaced,
    _options: SolveOptions,
) -> Explained {
    let mut node_pools = Vec::new();
    for index in 0..snapshot.pools.len() {
        node_pools.push(explain_pool(snapshot, outcome, unplaced, index as u32));
    }
    let message = message(snapshot, unplaced, &node_pools);
    Explained { message, node_pools }
}

fn message(snapshot: &Snapshot, unplaced: &Unplaced, node_pools: &[Explanation]) -> String {
    if node_pools.is_empty() {
        return "there is no NodePool".to_owned();
    }
    // The pool that came closest says it best.
    let closest = node_pools.iter().max_by_key(|pool| (pool.left > 0, pool.steps.len()));
    let Some(closest) = closest else { return String::new() };
    if closest.left > 0 {
        let class = &snapshot.classes[unplaced.class as usize];
        let why = if class.has_pod_rules() {
            "spread or (anti-)affinity rules leave no domain or node for more of these pods"
        } else {
            "what fits is used up"
        };
        return format!("NodePool {}: {} types would do, but {why}", closest.node_pool, closest.left);
    }
    let miss = closest.nearest_miss.clone().or_else(|| {
        let last = closest.steps.iter().rev().find(|step| step.removed > 0 || step.left == 0)?;
        Some(last.constraint.clone())
    });
    format!("NodePool {}: {}", closest.node_pool, miss.unwrap_or_else(|| "no type would do".to_owned()))
}

fn explain_pool(snapshot: &Snapshot, outcome: &Outcome, unplaced: &Unplaced, index: u32) -> Explanation {
    let pool = &snapshot.pools[index as usize];
    let class = &snapshot.classes[unplaced.class as usize];
    let rules = &snapshot.rules[class.rules as usize];
    let mut steps: Vec<Step> = Vec::new();
    let empty = |steps: Vec<Step>, types, miss| Explanation {
        node_pool: pool.name.clone(),
        types,
        steps,
        left: 0,
        nearest_miss: miss,
    };
    let Some(table) = &pool.table else {
        return empty(steps, 0, pool.problem.clone());
    };
    let all = table.len();
    if let Some(problem) = &pool.problem {
        return empty(steps, all, Some(problem.clone()));
    }
    if pool.replicas.is_some() {
        return empty(steps, all, Some("the pool is static: its nodes do not depend on pods".to_owned()));
    }
    if let Some(taint) = taint::first_untolerated(&pool.taints, &rules.tolerations, false) {
        steps.push(Step {
            constraint: format!("taint {} is not tolerated", taint::describe(taint)),
            removed: all,
            left: 0,
        });
        return empty(steps, all, None);
    }
    let mut types = table.all();
    for requirement in pool.requirements.iter() {
        if table.has_label(&requirement.key) {
            let matching = table.matching(requirement);
            narrow(&mut types, &matching, format!("NodePool: {requirement}"), &mut steps);
        }
    }
    let variants: Vec<_> = outcome.variants.iter().filter(|variant| variant.pool == index).collect();
    let Some(variant) = variants.first() else { return empty(steps, all, None) };
    narrow(&mut types, &variant.types, "NodePool: zones and capacity types it allows".to_owned(), &mut steps);
    let mut nearest = None;
    let Some(alternative) = rules.alternatives.first() else { return empty(steps, all, None) };
    let mut offers = variant.offers;
    for requirement in alternative.iter() {
        let key = requirement.key.as_str();
        if is_offering_label(key) {
            offers &= snapshot.market.offers_matching(requirement);
            let mut sold = TypeSet::with_capacity(all);
            for type_index in types.ones().filter(|type_index| table.offer_masks[*type_index] & offers != 0) {
                sold.insert(type_index);
            }
            narrow(&mut types, &sold, format!("pod: {requirement}"), &mut steps);
        } else if table.has_label(key) || (labels::is_well_known(key) && !variant.labels.contains_key(key)) {
            narrow(&mut types, &table.matching(requirement), format!("pod: {requirement}"), &mut steps);
        } else if !variants.iter().any(|variant| admits_label(variant.labels.get(key), requirement)) {
            let left = types.count_ones(..);
            let hint = missing_label(key, &variant.labels);
            steps.push(Step { constraint: format!("pod: {requirement}{hint}"), removed: left, left: 0 });
            types.clear();
        }
        if types.is_clear() {
            break;
        }
    }
    if !types.is_clear() {
        nearest = size_steps(snapshot, &class.requests, variant, &mut types, &mut steps);
    }
    if !types.is_clear() && !pool.limits.is_empty() {
        let left = outcome_limits(snapshot, outcome, index);
        let mut within = TypeSet::with_capacity(all);
        for type_index in
            types.ones().filter(|type_index| within_limits(&left, &table.types[*type_index].capacity))
        {
            within.insert(type_index);
        }
        if within.is_clear() {
            nearest = Some(limit_miss(pool, &left));
        }
        narrow(&mut types, &within, "limits of the NodePool".to_owned(), &mut steps);
    }
    Explanation {
        node_pool: pool.name.clone(),
        types: all,
        steps,
        left: types.count_ones(..),
        nearest_miss: nearest,
    }
}

fn admits_label(value: Option<&String>, requirement: &Requirement) -> bool {
    match value {
        Some(value) => requirement.has(value),
        None => requirement.allows_absent(),
    }
}

fn missing_label(key: &str, known: &BTreeMap<String, String>) -> String {
    let hint =
        labels::closest_well_known(key).or_else(|| labels::closest(key, known.keys().map(String::as_str)));
    match (known.get(key), hint) {
        (Some(value), _) => format!(" (its nodes have {value})"),
        (None, Some(close)) if close != key => {
            format!(" (no such label on its nodes; did you mean {close}?)")
        }
        (None, _) => " (no such label on its nodes)".to_owned(),
    }
}

fn narrow(types: &mut TypeSet, to: &TypeSet, constraint: String, steps: &mut Vec<Step>) {
    let before = types.count_ones(..);
    types.intersect_with(to);
    let left = types.count_ones(..);
    if before != left {
        steps.push(Step { constraint, removed: before - left, left });
    }
}

/// One step per resource that is too scarce, the scarcest first; the nearest miss when nothing is left.
fn size_steps(
    snapshot: &Snapshot,
    requests: &Amounts,
    variant: &crate::pools::Variant,
    types: &mut TypeSet,
    steps: &mut Vec<Step>,
) -> Option<String> {
    let table = snapshot.pools[variant.pool as usize].table.as_ref()?;
    let candidates = types.clone();
    for place in 0..snapshot.names.len().min(WIDTH) {
        if requests[place] == 0 {
            continue;
        }
        let mut enough = TypeSet::with_capacity(types.len());
        for index in types.ones().filter(|index| variant.net[*index][place] >= requests[place]) {
            enough.insert(index);
        }
        let name = snapshot.names.name(place);
        narrow(types, &enough, format!("pod: {} {name}", amount(place, requests[place])), steps);
        if types.is_clear() {
            break;
        }
    }
    if !types.is_clear() {
        return None;
    }
    // The type that covers the largest fraction of what is scarcest came nearest.
    let covered = |index: usize| {
        let fractions = (0..WIDTH)
            .filter(|place| requests[*place] > 0)
            .map(|place| (variant.net[index][place] as f64 / requests[place] as f64).min(1.0));
        fractions.fold(1.0, f64::min)
    };
    let nearest = candidates
        .ones()
        .max_by(|left, right| covered(*left).total_cmp(&covered(*right)).then(right.cmp(left)))?;
    let scarce = (0..WIDTH).filter(|place| requests[*place] > variant.net[nearest][*place]).max_by(
        |left, right| {
            let missing =
                |place: usize| requests[place] as f64 / (variant.net[nearest][place] as f64).max(1.0);
            missing(*left).total_cmp(&missing(*right))
        },
    )?;
    let hint = if scarce == CPU && requests[CPU] >= 1_000_000_000 {
        " (was m, for millicores, meant instead of M?)"
    } else {
        ""
    };
    Some(format!(
        "needs {} {}; the nearest allowed type, {}, has {} for pods{hint}",
        amount(scarce, requests[scarce]),
        snapshot.names.name(scarce),
        table.types[nearest].name,
        amount(scarce, variant.net[nearest][scarce]),
    ))
}

/// An amount as a person would say it: cores, GiB, counts.
fn amount(place: usize, value: i64) -> String {
    let trimmed = |text: String| text.trim_end_matches('0').trim_end_matches('.').to_owned();
    match place {
        CPU => trimmed(format!("{:.3}", value as f64 / 1000.0)),
        MEMORY | crate::amounts::EPHEMERAL_STORAGE => {
            format!("{}Gi", trimmed(format!("{:.2}", value as f64 / f64::from(1 << 30))))
        }
        _ => value.to_string(),
    }
}

/// What the plan leaves of a pool's limits.
fn outcome_limits(snapshot: &Snapshot, outcome: &Outcome, pool: u32) -> Vec<(String, i64)> {
    let limits = snapshot.pools[pool as usize].limits.iter();
    let mut left: Vec<(String, i64)> =
        limits.map(|(resource, limit)| (resource.clone(), limit.left)).collect();
    for node in &outcome.nodes {
        let variant = &outcome.variants[node.variant as usize];
        if variant.pool != pool {
            continue;
        }
        let Some(table) = &snapshot.pools[pool as usize].table else { continue };
        let capacity = &table.types[node.chosen as usize].capacity;
        for (resource, left) in &mut left {
            *left -= if resource == "nodes" { 1 } else { capacity.get(resource) };
        }
    }
    left
}

fn limit_miss(pool: &crate::pools::Pool, left: &[(String, i64)]) -> String {
    let tight = left.iter().min_by(|one, other| {
        let share = |entry: &(String, i64)| {
            let set = pool.limits.get(&entry.0).map_or(1, |limit| limit.set.max(1));
            entry.1 as f64 / set as f64
        };
        share(one).total_cmp(&share(other))
    });
    let Some((resource, left)) = tight else { return "limits of the NodePool are reached".to_owned() };
    let set = pool.limits.get(resource).map_or(0, |limit| limit.set);
    let place = match resource.as_str() {
        "cpu" => CPU,
        "memory" => MEMORY,
        _ => WIDTH,
    };
    format!(
        "limit {resource} {} is used up: {} left, less than the smallest type that would do",
        amount(place, set),
        amount(place, (*left).max(0))
    )
}
