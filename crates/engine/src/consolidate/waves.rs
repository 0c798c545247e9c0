//! Which moves may be made at the same time.
//!
//! A wave ends where the next move would go over a budget of its NodePool or of its pods, or over a limit of a NodePool that
//! gets nodes while those that go are still there, or would touch what an earlier move of the wave has just brought: a node
//! that is not up yet, or a pod that has only just moved.

use std::collections::{BTreeMap, BTreeSet};

use supercargo_api::DisruptionReason;

use crate::pools::Variant;
use crate::whatif::Place;

use super::outcome::PlannedMove;
use super::weigh::Scene;

/// What a wave holds so far.
#[derive(Default)]
struct Wave {
    /// Nodes that go, by NodePool.
    nodes: BTreeMap<u32, u32>,
    /// Nodes that come, less those that go, by NodePool.
    change: BTreeMap<u32, i64>,
    /// The reasons they go for, by NodePool.
    reasons: BTreeMap<u32, BTreeSet<DisruptionReason>>,
    /// Evictions, by PodDisruptionBudget.
    evictions: BTreeMap<u32, u32>,
    /// Nodes that the wave brings, and nodes that take its pods.
    fresh: BTreeSet<u32>,
    takers: BTreeSet<u32>,
    /// What comes and what goes, by NodePool and limited resource.
    bought: Tally,
    freed: Tally,
}

/// Amounts by NodePool and limited resource.
type Tally = BTreeMap<(u32, String), i64>;

/// Numbers the waves of the moves; how many there are.
pub(super) fn number_waves(scene: &Scene<'_>, variants: &[Variant], moves: &mut [PlannedMove]) -> u32 {
    let mut number = 0;
    let mut wave = Wave::default();
    // By NodePool: nodes that earlier waves brought, less those that they took away.
    let mut grown: BTreeMap<u32, i64> = BTreeMap::new();
    // What limits leave at the beginning of a wave.
    let mut left: Tally = BTreeMap::new();
    for (index, pool) in scene.snapshot.pools.iter().enumerate() {
        left.extend(pool.limits.iter().map(|(name, limit)| ((index as u32, name.clone()), limit.left)));
    }
    for one in moves {
        if number == 0 || !wave.admits(scene, variants, one, &grown, &left) {
            number += 1;
            let over = std::mem::take(&mut wave);
            for (pool, change) in over.change {
                *grown.entry(pool).or_default() += change;
            }
            for (limit, left) in &mut left {
                *left += over.freed.get(limit).unwrap_or(&0) - over.bought.get(limit).unwrap_or(&0);
            }
        }
        wave.add(scene, variants, one);
        one.wave = number;
    }
    number
}

impl Wave {
    fn admits(
        &self,
        scene: &Scene<'_>,
        variants: &[Variant],
        one: &PlannedMove,
        grown: &BTreeMap<u32, i64>,
        left: &Tally,
    ) -> bool {
        let waits = one.rooms.iter().any(|room| self.takers.contains(room))
            || one.relocation.placements.iter().any(|(_, place)| match place {
                Place::Room(room) => self.fresh.contains(room),
                Place::New(_) => false,
            });
        if waits {
            return false;
        }
        let mut nodes = self.nodes.clone();
        for room in &one.rooms {
            if let Some(pool) = scene.snapshot.rooms[*room as usize].pool {
                *nodes.entry(pool).or_default() += 1;
            }
        }
        let within_budgets = nodes.iter().all(|(pool, nodes)| {
            let mut reasons = self.reasons.get(pool).cloned().unwrap_or_default();
            reasons.insert(one.reason);
            let grown = grown.get(pool).copied().unwrap_or(0);
            reasons.into_iter().all(|reason| *nodes <= scene.allowed(*pool, reason, grown).nodes)
        });
        let mut evictions = self.evictions.clone();
        count_evictions(scene, one, &mut evictions);
        let within_pdbs =
            evictions.iter().all(|(pdb, pods)| *pods <= scene.disruption.pdbs[*pdb as usize].allowed);
        let within_limits = bought(scene, variants, one).iter().all(|(limit, amount)| {
            let together = self.bought.get(limit).unwrap_or(&0) + amount;
            together <= left.get(limit).copied().unwrap_or(i64::MAX)
        });
        within_budgets && within_pdbs && within_limits
    }

    fn add(&mut self, scene: &Scene<'_>, variants: &[Variant], one: &PlannedMove) {
        for room in &one.rooms {
            if let Some(pool) = scene.snapshot.rooms[*room as usize].pool {
                *self.nodes.entry(pool).or_default() += 1;
                *self.change.entry(pool).or_default() -= 1;
                self.reasons.entry(pool).or_default().insert(one.reason);
            }
        }
        for (limit, amount) in bought(scene, variants, one) {
            *self.bought.entry(limit).or_default() += amount;
        }
        for (limit, amount) in freed(scene, one) {
            *self.freed.entry(limit).or_default() += amount;
        }
        for node in &one.relocation.new_nodes {
            *self.change.entry(variants[node.variant as usize].pool).or_default() += 1;
        }
        count_evictions(scene, one, &mut self.evictions);
        self.fresh.extend(&one.new_rooms);
        self.takers.extend(&one.new_rooms);
        for (_, place) in &one.relocation.placements {
            if let Place::Room(room) = place {
                self.takers.insert(*room);
            }
        }
    }
}

/// What the nodes that come count against limits.
fn bought(scene: &Scene<'_>, variants: &[Variant], one: &PlannedMove) -> Tally {
    let mut bought = Tally::new();
    for node in &one.relocation.new_nodes {
        let index = variants[node.variant as usize].pool;
        let pool = &scene.snapshot.pools[index as usize];
        let Some(table) = &pool.table else { continue };
        for resource in pool.limits.keys() {
            *bought.entry((index, resource.clone())).or_default() += node.counted(table, resource);
        }
    }
    bought
}

/// What the nodes that go have counted against limits. Those that earlier moves brought are not told apart: they count on.
fn freed(scene: &Scene<'_>, one: &PlannedMove) -> Tally {
    let mut freed = Tally::new();
    for room in one.rooms.iter().filter_map(|room| scene.snapshot.rooms.get(*room as usize)) {
        let Some(index) = room.pool else { continue };
        for resource in scene.snapshot.pools[index as usize].limits.keys() {
            let amount = if resource == "nodes" { 1 } else { room.capacity.get(resource) };
            *freed.entry((index, resource.clone())).or_default() += amount;
        }
    }
    freed
}

fn count_evictions(scene: &Scene<'_>, one: &PlannedMove, evictions: &mut BTreeMap<u32, u32>) {
    for (pod, _) in &one.relocation.placements {
        let standing = &scene.disruption.pods[*pod as usize];
        if standing.exempt_from_pdb || !standing.evicted {
            continue;
        }
        for pdb in &standing.pdbs {
            *evictions.entry(*pdb).or_default() += 1;
        }
    }
}
