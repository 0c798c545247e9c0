//! What a NodePool allows, how flexible it is, and what is wrong with it.

use std::collections::BTreeMap;

use supercargo_api::objects::Objects;
use supercargo_api::{NodePool, resources, taint};
use supercargo_catalog::Usd;

use crate::disruption::{BudgetStanding, Disruption, DisruptionReason, PoolBudget};
use crate::lints::lint_node_pool;
use crate::market::TypeSet;
use crate::plan::{month, percent};
use crate::pools::Pool;
use crate::snapshot::Snapshot;

use super::flexibility::flexibility;
use super::funnel::funnel;
use super::node_pool_document::{
    BudgetNow, DisruptionSettings, Flexibility, LimitUse, NodePoolExplanation, NodesOfPool, TypeCount,
};

/// Explains a NodePool, given by its name; `None` where there is none.
///
/// The snapshot has to be of these objects.
pub fn explain_node_pool(
    objects: &Objects,
    snapshot: &Snapshot,
    disruption: &Disruption,
    name: &str,
) -> Option<NodePoolExplanation> {
    let object = objects.node_pools.iter().find(|pool| pool.metadata.name.as_deref() == Some(name))?;
    let index = snapshot.pools.iter().position(|pool| pool.name == name)?;
    let pool = &snapshot.pools[index];
    let (mut steps, mut types) = (Vec::new(), TypeSet::new());
    let mut choice = None;
    if let Some(table) = &pool.table {
        let funnel = funnel(object, table, &snapshot.market);
        choice = flexibility(table, &snapshot.market, &funnel.types, funnel.offers);
        (steps, types) = (funnel.steps, funnel.types);
    }
    let mut narrowest = None;
    for step in steps.iter().filter(|step| step.alone > 0) {
        if narrowest.is_none_or(|(most, _)| step.alone > most) {
            narrowest = Some((step.alone, step.requirement.as_str()));
        }
    }
    let narrowest = narrowest.map(|(_, requirement)| requirement.to_owned());
    let limits = limits(pool);
    let settings = settings(object, disruption.budgets.get(index));
    let lints = lint_node_pool(objects, snapshot, disruption, index as u32);
    Some(NodePoolExplanation {
        api_version: "supercargo.dev/v1".to_owned(),
        kind: "NodePoolExplanation".to_owned(),
        node_pool: pool.name.clone(),
        node_class: pool.node_class.clone(),
        message: message(choice.as_ref(), pool),
        weight: pool.weight,
        replicas: pool.replicas,
        problem: pool.problem.clone(),
        types: pool.table.as_ref().map_or(0, |table| table.len()),
        left: types.count_ones(..),
        steps,
        narrowest,
        flexibility: choice,
        labels: object.spec.template.labels().into_owned(),
        taints: pool.taints.iter().map(taint::describe).collect(),
        limits,
        disruption: settings,
        nodes: nodes(snapshot, disruption, index as u32),
        findings: lints.into_iter().map(Into::into).collect(),
    })
}

fn message(choice: Option<&Flexibility>, pool: &Pool) -> String {
    let several = |count: usize, one: &str, many: &str| {
        if count == 1 { format!("1 {one}") } else { format!("{count} {many}") }
    };
    match (choice, &pool.problem) {
        (_, Some(problem)) => format!("it makes no nodes: {problem}"),
        (None, None) => "it makes no nodes: no instance type satisfies its requirements".to_owned(),
        (Some(choice), None) => format!(
            "it allows {} of {} in {}",
            several(choice.types, "instance type", "instance types"),
            several(choice.families.len(), "family", "families"),
            several(choice.zones.len(), "zone", "zones"),
        ),
    }
}

fn limits(pool: &Pool) -> Vec<LimitUse> {
    let limits = pool.limits.iter().map(|(resource, limit)| {
        let used = limit.set - limit.left;
        let text = |amount: i64| resources::quantity(resource, amount).to_string();
        LimitUse {
            resource: resource.clone(),
            limit: text(limit.set),
            used: text(used),
            left: text(limit.left.max(0)),
            percent: if limit.set > 0 { percent(used as f64, limit.set as f64) } else { 100.0 },
        }
    });
    limits.collect()
}

fn settings(pool: &NodePool, budget: Option<&PoolBudget>) -> DisruptionSettings {
    let disruption = pool.spec.disruption();
    let template = &pool.spec.template.spec;
    let policy = match disruption.consolidation_policy() {
        supercargo_api::ConsolidationPolicy::WhenEmpty => "WhenEmpty",
        supercargo_api::ConsolidationPolicy::WhenEmptyOrUnderutilized => "WhenEmptyOrUnderutilized",
        supercargo_api::ConsolidationPolicy::Balanced => "Balanced",
    };
    let mut allowed_now = BTreeMap::new();
    for reason in [DisruptionReason::Empty, DisruptionReason::Underutilized, DisruptionReason::Drifted] {
        let allowed = budget.map_or(u32::MAX, |budget| budget.allowed(reason).nodes);
        if allowed != u32::MAX {
            allowed_now.insert(format!("{reason:?}"), allowed);
        }
    }
    DisruptionSettings {
        consolidation_policy: policy.to_owned(),
        consolidate_after: disruption.consolidate_after.as_str().to_owned(),
        expire_after: template.expire_after().as_str().to_owned(),
        termination_grace_period: template
            .termination_grace_period
            .as_ref()
            .map(|grace| grace.as_str().to_owned()),
        budgets: budget.iter().flat_map(|budget| &budget.budgets).map(budget_now).collect(),
        allowed_now,
    }
}

fn budget_now(standing: &BudgetStanding) -> BudgetNow {
    BudgetNow {
        nodes: standing.nodes.clone(),
        limit: standing.limit,
        reasons: standing.reasons.iter().flatten().map(|reason| format!("{reason:?}")).collect(),
        active: standing.active,
        changes: standing.changes.map(|moment| moment.to_string()),
        problem: standing.problem.clone(),
    }
}

fn nodes(snapshot: &Snapshot, disruption: &Disruption, pool: u32) -> NodesOfPool {
    let mut nodes = NodesOfPool {
        nodes: 0,
        in_flight: 0,
        price_per_hour: Usd::ZERO,
        price_per_month: 0.0,
        pods: 0,
        cpu_percent: 0.0,
        memory_percent: 0.0,
        by_type: Vec::new(),
    };
    let mut by_type: BTreeMap<(&str, &str), (usize, Usd)> = BTreeMap::new();
    let (mut requested, mut allocatable) = ([0.0; 2], [0.0; 2]);
    let mut counts = vec![false; snapshot.rooms.len()];
    for (index, room) in snapshot.rooms.iter().enumerate() {
        if room.pool != Some(pool) || room.leaving {
            continue;
        }
        counts[index] = true;
        nodes.nodes += 1;
        nodes.in_flight += usize::from(room.in_flight);
        let price = disruption.rooms[index].price.unwrap_or(Usd::ZERO);
        nodes.price_per_hour += price;
        let label = |key: &str| room.labels.get(key).map_or("", String::as_str);
        let key =
            (label(supercargo_api::labels::INSTANCE_TYPE), label(supercargo_api::labels::CAPACITY_TYPE));
        let entry = by_type.entry(key).or_default();
        entry.0 += 1;
        entry.1 += price;
        for (place, resource) in ["cpu", "memory"].into_iter().enumerate() {
            allocatable[place] += room.allocatable.get(resource) as f64;
        }
    }
    for row in &snapshot.pods {
        if counts.get(row.room as usize) == Some(&true) {
            nodes.pods += 1;
            let requests = &snapshot.classes[row.class as usize].requests;
            for (place, requested) in requested.iter_mut().enumerate() {
                *requested += requests[place] as f64;
            }
        }
    }
    nodes.price_per_month = month(nodes.price_per_hour);
    nodes.cpu_percent = percent(requested[0], allocatable[0]);
    nodes.memory_percent = percent(requested[1], allocatable[1]);
    nodes.by_type = by_type
        .into_iter()
        .map(|((instance_type, capacity_type), (nodes, price))| TypeCount {
            instance_type: instance_type.to_owned(),
            capacity_type: capacity_type.to_owned(),
            nodes,
            price_per_hour: price,
        })
        .collect();
    // equal prices keep the order of their names
    nodes.by_type.sort_by_key(|one| std::cmp::Reverse(one.price_per_hour));
    nodes
}
