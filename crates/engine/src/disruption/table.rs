//! The table, built once beside a snapshot.

use std::collections::BTreeMap;

use jiff::Timestamp;
use rustc_hash::FxHashMap;
use supercargo_api::{NodePool, Objects, labels};

use crate::problems::ObjectProblem;
use crate::snapshot::{Snapshot, UNBOUND};

use super::blocked::Blocked;
use super::budgets::PoolBudget;
use super::drift::Wanted;
use super::expiry::{expiry, lifetime_remaining};
use super::options::DisruptionOptions;
use super::pdb::{self, Pdb, PdbShort};
use super::pods::PodStanding;
use super::prices::{capacity_type, price_anywhere, price_in, type_index};
use super::rooms::{Case, PoolRules, RoomStanding};

/// What may be disrupted at one moment, and what stands against it.
#[derive(Clone, Debug)]
pub struct Disruption {
    /// By index of the snapshot's rooms.
    pub rooms: Vec<RoomStanding>,
    /// By index of the snapshot's pods.
    pub pods: Vec<PodStanding>,
    /// By index of the snapshot's pools.
    pub budgets: Vec<PoolBudget>,
    /// PodDisruptionBudgets, in the order of the input.
    pub pdbs: Vec<Pdb>,
    /// Objects that do not count as they are written.
    pub problems: Vec<ObjectProblem>,
    /// The moment that all of this is true for.
    pub now: Timestamp,
    /// Whether spot nodes may be replaced by cheaper spot nodes (reference section 4.12).
    pub spot_to_spot: bool,
}

impl Disruption {
    /// Judges the cluster that the snapshot was made from.
    pub fn build(objects: &Objects, snapshot: &Snapshot, options: &DisruptionOptions) -> Disruption {
        let mut problems = Vec::new();
        let (pdbs, selecting) = pdb::compile(objects, &mut problems);
        let pods = pod_standings(objects, snapshot, options.now, &pdbs, &selecting, &mut problems);
        let manifests: BTreeMap<&str, &NodePool> = objects
            .node_pools
            .iter()
            .map(|pool| (pool.metadata.name.as_deref().unwrap_or_default(), pool))
            .collect();
        let rooms = room_standings(objects, snapshot, options, &manifests, &pods, &pdbs);
        let budgets = pool_budgets(snapshot, options, &manifests, &rooms, &mut problems);
        Disruption {
            rooms,
            pods,
            budgets,
            pdbs,
            problems,
            now: options.now,
            spot_to_spot: options.spot_to_spot,
        }
    }

    /// Whether these pods of the snapshot may all be evicted at the same time, as far as PodDisruptionBudgets go. Pods
    /// that do not leave by eviction, or that their budget always lets go, do not count.
    pub fn simultaneous(&self, pods: impl Iterator<Item = u32>) -> Result<(), PdbShort> {
        let mut wanted: BTreeMap<u32, u32> = BTreeMap::new();
        for pod in pods {
            let standing = &self.pods[pod as usize];
            if standing.evicted && !standing.exempt_from_pdb {
                for pdb in &standing.pdbs {
                    *wanted.entry(*pdb).or_default() += 1;
                }
            }
        }
        let short = wanted.into_iter().find(|(pdb, wanted)| *wanted > self.pdbs[*pdb as usize].allowed);
        short.map_or(Ok(()), |(pdb, wanted)| {
            let Pdb { name, allowed, .. } = &self.pdbs[pdb as usize];
            Err(PdbShort { pdb, name: name.clone(), wanted, allowed: *allowed })
        })
    }
}

fn pod_standings(
    objects: &Objects,
    snapshot: &Snapshot,
    now: Timestamp,
    pdbs: &[Pdb],
    selecting: &[Vec<u32>],
    problems: &mut Vec<ObjectProblem>,
) -> Vec<PodStanding> {
    let standing = |row: &crate::snapshot::PodRow| {
        let Some(pod) = objects.pods.get(row.object as usize) else {
            return PodStanding::of_a_buffer();
        };
        let priority = snapshot.classes[row.class as usize].priority;
        let mut standing = PodStanding::of(pod, row.daemon, priority, now, problems);
        standing.select(&selecting[row.object as usize], pod, pdbs);
        standing
    };
    snapshot.pods.iter().map(standing).collect()
}

fn room_standings(
    objects: &Objects,
    snapshot: &Snapshot,
    options: &DisruptionOptions,
    manifests: &BTreeMap<&str, &NodePool>,
    standings: &[PodStanding],
    pdbs: &[Pdb],
) -> Vec<RoomStanding> {
    let mut pods: Vec<Vec<u32>> = vec![Vec::new(); snapshot.rooms.len()];
    for (index, row) in snapshot.pods.iter().enumerate().filter(|(_, row)| row.room != UNBOUND) {
        pods[row.room as usize].push(u32::try_from(index).unwrap_or(u32::MAX));
    }
    let classes: FxHashMap<&str, _> = objects
        .node_classes
        .iter()
        .filter_map(|class| Some((class.metadata.name.as_deref()?, class)))
        .collect();
    let name_of = |pod: u32| snapshot.pod_name(pod);
    let standing = |(index, room): (usize, &crate::rooms::Room)| {
        let claim = room.claim.and_then(|claim| objects.node_claims.get(claim as usize));
        let node = room.node.and_then(|node| objects.nodes.get(node as usize));
        let pool = room.pool.map(|pool| &snapshot.pools[pool as usize]);
        let manifest = pool.and_then(|pool| manifests.get(pool.name.as_str()).copied());
        let rules = pool.zip(manifest).map(|(pool, manifest)| {
            let disruption = manifest.spec.disruption();
            PoolRules {
                pool,
                policy: options.policy_override.unwrap_or_else(|| disruption.consolidation_policy()),
                consolidate_after: disruption.consolidate_after.clone(),
            }
        });
        let table = pool.and_then(|pool| pool.table.as_deref());
        let case = Case {
            room,
            node,
            claim,
            pool: rules,
            pods: &pods[index],
            standings,
            pdbs,
            last_arrival: last_arrival(objects, snapshot, &pods[index]),
            now: options.now,
        };
        let instance_type = table.and_then(|table| type_index(room, table));
        let common = case.common(&name_of);
        let with = |more: Vec<_>| Blocked::by(common.iter().cloned().chain(more).collect());
        let (candidate, empty_candidate) = if case.is_managed() {
            (with(case.against_consolidation(instance_type)), with(case.against_emptiness()))
        } else {
            (with(Vec::new()), with(Vec::new()))
        };
        let eventual = claim.is_some_and(|claim| claim.spec.termination_grace_period.is_some());
        let against_drift = common.iter().filter(|reason| !(eventual && reason.is_of_a_pod())).cloned();
        let price = match (table, instance_type) {
            (Some(table), Some(index)) => price_in(room, &table.types[index as usize]),
            (None, _) => price_anywhere(room, &snapshot.market),
            (Some(_), None) => None,
        };
        let all_costs: f64 = pods[index].iter().map(|pod| standings[*pod as usize].eviction_cost).sum();
        let drift = claim.zip(manifest).and_then(|(claim, manifest)| {
            let node_class = classes.get(claim.spec.node_class_ref.name.as_str()).copied();
            let mut wanted_of = room.labels.clone();
            let claimed = claim.metadata.labels.iter().flatten();
            wanted_of.extend(claimed.map(|(key, value)| (key.clone(), value.clone())));
            Wanted { pool: manifest, node_class, table, now: options.now }.drift(claim, &wanted_of)
        });
        RoomStanding {
            candidate,
            empty_candidate,
            drift_candidate: Blocked::by(against_drift.collect()),
            is_empty: case.moving().next().is_none(),
            reschedule_cost: 1.0 + case.moving().map(|pod| pod.eviction_cost.max(0.0)).sum::<f64>(),
            disruption_cost: all_costs * lifetime_remaining(claim, options.now),
            price,
            instance_type,
            capacity_type: capacity_type(room),
            zone: room.labels.get(labels::ZONE).cloned(),
            drift,
            expires: claim.and_then(|claim| expiry(claim, options.now)),
            ready: case.is_ready(),
            counts_for_budget: case.counts_for_budget(),
            disrupting: case.is_disrupting(),
        }
    };
    snapshot.rooms.iter().enumerate().map(standing).collect()
}

/// When the last of these pods was bound to its node.
fn last_arrival(objects: &Objects, snapshot: &Snapshot, pods: &[u32]) -> Option<Timestamp> {
    let bound = |pod: &u32| {
        let status = objects.pods.get(snapshot.pods[*pod as usize].object as usize)?.status.as_ref()?;
        let conditions = status.conditions.as_deref().unwrap_or_default();
        let scheduled = conditions.iter().find(|condition| condition.type_ == "PodScheduled");
        let scheduled = scheduled.and_then(|condition| condition.last_transition_time.as_ref());
        scheduled.or(status.start_time.as_ref()).map(|time| time.0)
    };
    let moving = pods.iter().filter(|pod| !snapshot.pods[**pod as usize].daemon);
    moving.filter_map(bound).max()
}

fn pool_budgets(
    snapshot: &Snapshot,
    options: &DisruptionOptions,
    manifests: &BTreeMap<&str, &NodePool>,
    rooms: &[RoomStanding],
    problems: &mut Vec<ObjectProblem>,
) -> Vec<PoolBudget> {
    let empty = NodePool::default();
    let mut counts = vec![(0_u32, 0_u32); snapshot.pools.len()];
    for (room, standing) in snapshot.rooms.iter().zip(rooms) {
        if let Some(pool) = room.pool.filter(|_| standing.counts_for_budget) {
            let (nodes, unavailable) = &mut counts[pool as usize];
            *nodes += 1;
            *unavailable += u32::from(!standing.ready || standing.disrupting);
        }
    }
    let mut budgets: Vec<PoolBudget> = snapshot
        .pools
        .iter()
        .zip(counts)
        .map(|(pool, (nodes, unavailable))| {
            let manifest = manifests.get(pool.name.as_str()).copied().unwrap_or(&empty);
            PoolBudget::of(manifest, nodes, unavailable, options)
        })
        .collect();
    for budget in &budgets {
        for one in budget.budgets.iter() {
            if let Some(problem) = &one.problem {
                problems.push(ObjectProblem {
                    kind: "NodePool".to_owned(),
                    name: budget.pool.clone(),
                    problem: format!("disruption budget {}: {problem}", one.index),
                });
            }
        }
    }
    for (room, standing) in snapshot.rooms.iter().zip(rooms) {
        if let Some(pool) = room.pool.filter(|_| !room.in_flight) {
            let budget = &mut budgets[pool as usize];
            budget.reschedule_cost += standing.reschedule_cost;
            match standing.price {
                Some(price) => budget.hourly_cost += price,
                None => budget.unpriced += 1,
            }
        }
    }
    budgets
}
