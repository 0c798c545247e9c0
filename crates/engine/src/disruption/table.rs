//! The table, built once beside a snapshot.

use std::collections::BTreeMap;

use jiff::Timestamp;
use supercargo_api::{NodePool, Objects};

use crate::problems::ObjectProblem;
use crate::snapshot::{PodRow, Snapshot};

use super::budgets::PoolBudget;
use super::options::DisruptionOptions;
use super::pdb::{self, Pdb, PdbShort};
use super::pods::PodStanding;
use super::room_table::RoomTable;
use super::rooms::RoomStanding;

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
        let rooms = RoomTable::new(objects, snapshot, options, &manifests, &pods, &pdbs).standings();
        let budgets = pool_budgets(snapshot, options, &manifests, &rooms, &mut problems);
        let DisruptionOptions { now, spot_to_spot, .. } = *options;
        Disruption { rooms, pods, budgets, pdbs, problems, now, spot_to_spot }
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
    let standing = |row: &PodRow| {
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
