//! A pod that fits into a node that can be had runs.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use supercargo_api::Objects;
use supercargo_catalog::{CapacitySettings, Catalog, InstanceType, NodeClassModel};
use supercargo_cloud_sim::Region;
use supercargo_engine::market::Market;
use supercargo_engine::snapshot::{Snapshot, SnapshotOptions};
use supercargo_engine::solve::{SolveOptions, solve};
use supercargo_reconcile::{State, node_of};

use super::{Checks, Invariant};

/// A pod that has waited for longer should have been helped.
const PATIENCE: Duration = Duration::from_secs(300);

/// Checks the pods that still wait at the end. Whether they could run is worked out from what the region really has, not
/// from what the controllers believe.
pub fn placeable(checks: &mut Checks, state: &State, region: &Region, now: Timestamp) {
    let could = could_run(state, region, now);
    if let Some((first, _)) = could.first() {
        let what = format!("{} pods wait that could run, {first} the first", could.len());
        checks.violated(now, Invariant::Placeable, what);
    }
}

/// Checks the pods that wait while things happen: one that could have run for so long, whenever somebody looked, with nothing
/// wrong with the controllers meanwhile, was overlooked. `calm` says that nothing has been wrong since the last look.
pub fn placeable_meanwhile(checks: &mut Checks, state: &State, region: &Region, calm: bool, now: Timestamp) {
    if !calm {
        checks.overlooked.clear();
        return;
    }
    let could = could_run(state, region, now);
    checks.overlooked.retain(|uid, _| could.iter().any(|(_, known)| known == uid));
    let mut late = Vec::new();
    for (name, uid) in could {
        let since = *checks.overlooked.entry(uid).or_insert(now);
        if now.duration_since(since).unsigned_abs() >= PATIENCE {
            late.push((name, since));
        }
    }
    if let Some((first, since)) = late.first() {
        let what = format!("{} pods wait that could have run since {since}, {first} the first", late.len());
        checks.violated(now, Invariant::Placeable, what);
        checks.overlooked.clear();
    }
}

/// The pods that have waited for long and could run, with their uids.
fn could_run(state: &State, region: &Region, now: Timestamp) -> Vec<(String, String)> {
    let waiting: BTreeMap<String, String> = state
        .pods
        .iter()
        .filter(|(_, pod)| node_of(pod).is_none() && pod.metadata.deletion_timestamp.is_none())
        .filter(|(_, pod)| {
            let made = pod.metadata.creation_timestamp.as_ref().map_or(now, |time| time.0);
            now.duration_since(made).unsigned_abs() > PATIENCE
        })
        .map(|(key, pod)| (key.to_string(), pod.metadata.uid.clone().unwrap_or_default()))
        .collect();
    if waiting.is_empty() {
        return Vec::new();
    }
    let Some(market) = market(state, region) else { return Vec::new() };
    let snapshot = Snapshot::build(&objects(state), &market, &SnapshotOptions::default());
    let outcome = solve(&snapshot, SolveOptions::default());
    let on_nodes = outcome.nodes.iter().flat_map(|node| node.pods.iter().copied());
    let on_rooms = outcome.on_rooms.iter().map(|(_, pod)| *pod);
    let names = on_nodes.chain(on_rooms).map(|pod| snapshot.pod_name(pod));
    names.filter_map(|name| Some((name.clone(), waiting.get(&name)?.clone()))).collect()
}

/// What the region has left, as each class sees it.
fn market(state: &State, region: &Region) -> Option<Market> {
    let mut classes = Vec::new();
    for class in state.node_classes.values() {
        let name = class.metadata.name.clone().unwrap_or_default();
        let model = NodeClassModel::from_ec2nodeclass(class, CapacitySettings::default()).ok()?;
        let mut types = Catalog::embedded().instance_types(region.name(), None, &model);
        for instance_type in &mut types {
            leave_what_is_left(instance_type, region);
        }
        classes.push((name, types));
    }
    Market::compile(classes).ok()
}

fn leave_what_is_left(instance_type: &mut InstanceType, region: &Region) {
    for offering in &mut instance_type.offerings {
        let pool = region.pool(&instance_type.name, &offering.zone, offering.capacity_type);
        offering.available &= pool.is_some_and(|pool| pool.depth > pool.taken);
    }
}

fn objects(state: &State) -> Objects {
    Objects {
        pods: state.pods.values().map(|pod| (**pod).clone()).collect(),
        nodes: state.nodes.values().map(|node| (**node).clone()).collect(),
        node_claims: state.node_claims.values().map(|claim| (**claim).clone()).collect(),
        node_pools: state.node_pools.values().map(|pool| (**pool).clone()).collect(),
        node_classes: state.node_classes.values().map(|class| (**class).clone()).collect(),
        pod_disruption_budgets: state.budgets.values().map(|budget| (**budget).clone()).collect(),
        ..Objects::default()
    }
}
