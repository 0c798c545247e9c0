//! Sets of nodes that are worth asking about together.
//!
//! A node's *waste* is its price less what its pods are worth at the shadow prices of nodes that could be bought for
//! them. Pods on new nodes cost at least their worth, so no set can save more than its waste, but for what fits into
//! rooms that stay. Sets are taken from nodes that could share new ones, by several orders of waste and shape.

use std::collections::{BTreeMap, BTreeSet};

use supercargo_api::{DisruptionReason, labels};

use crate::whatif::Board;

use super::weigh::Scene;

/// How many nodes go together.
const SIZES: [usize; 9] = [2, 3, 4, 5, 6, 8, 10, 12, 16];
/// At most this many sets for every candidate.
const SETS_PER_NODE: usize = 4;
/// But always so many.
const LEAST_SETS: usize = 2_000;

/// A node, as far as sets are concerned.
#[derive(Clone, Copy, Debug)]
struct Wasteful {
    room: u32,
    waste: f64,
    share: f64,
    cost: f64,
    /// Free cpu as a share of all, less free memory as a share of all.
    lean: f64,
}

/// Sets of candidates, the most promising first.
pub(super) fn promising_sets(scene: &Scene<'_>, board: &Board<'_>, rooms: &[u32]) -> Vec<Vec<u32>> {
    let mut groups: BTreeMap<(u32, &str), Vec<Wasteful>> = BTreeMap::new();
    for room in rooms {
        let Some(node) = wasteful(scene, board, *room) else { continue };
        let row = &scene.snapshot.rooms[*room as usize];
        let Some(pool) = row.pool else { continue };
        let zone = row.labels.get(labels::ZONE).map_or("", String::as_str);
        groups.entry((pool, zone)).or_default().push(node);
        groups.entry((pool, "")).or_default().push(node);
        groups.entry((u32::MAX, "")).or_default().push(node);
    }
    let mut sets: BTreeMap<Vec<u32>, f64> = BTreeMap::new();
    let most = scene.options.max_nodes as usize;
    for ((pool, _), mut nodes) in groups {
        let allowed = match pool {
            u32::MAX => most,
            pool => scene.allowed(pool, DisruptionReason::Underutilized, board.grown(pool)).nodes as usize,
        };
        type Key = fn(&Wasteful) -> f64;
        let orders: [Key; 4] =
            [|node| node.share, |node| node.waste, |node| node.waste / node.cost, |node| node.lean];
        for order in orders {
            nodes
                .sort_by(|left, right| order(right).total_cmp(&order(left)).then(left.room.cmp(&right.room)));
            for size in SIZES.into_iter().filter(|size| *size <= allowed.min(most)) {
                let step = size.div_ceil(3);
                for window in nodes.windows(size).step_by(step) {
                    add(&mut sets, window);
                }
            }
        }
        // The two ends of the order by shape complement each other.
        let half = nodes.len() / 2;
        let (long_on_cpu, long_on_memory) = nodes.split_at(half);
        for (one, other) in long_on_cpu.iter().zip(long_on_memory.iter().rev()) {
            if allowed.min(most) >= 2 {
                add(&mut sets, &[*one, *other]);
            }
        }
    }
    let mut sets: Vec<(f64, Vec<u32>)> = sets.into_iter().map(|(rooms, promise)| (promise, rooms)).collect();
    sets.sort_by(|left, right| right.0.total_cmp(&left.0).then_with(|| left.1.cmp(&right.1)));
    sets.truncate((rooms.len() * SETS_PER_NODE).max(LEAST_SETS));
    sets.into_iter().map(|(_, rooms)| rooms).collect()
}

fn add(sets: &mut BTreeMap<Vec<u32>, f64>, nodes: &[Wasteful]) {
    let waste: f64 = nodes.iter().map(|node| node.waste).sum();
    let cost: f64 = nodes.iter().map(|node| node.cost).sum();
    if waste > 0.0 {
        let rooms: BTreeSet<u32> = nodes.iter().map(|node| node.room).collect();
        sets.insert(rooms.into_iter().collect(), waste / cost);
    }
}

fn wasteful(scene: &Scene<'_>, board: &Board<'_>, room: u32) -> Option<Wasteful> {
    let price = scene.price(room).as_f64();
    let pods = board.residents(room).iter();
    let worth: f64 = pods.map(|pod| board.layout().worth(scene.snapshot.pods[*pod as usize].class)).sum();
    let waste = price - worth;
    if waste <= 0.0 {
        return None;
    }
    let row = &scene.snapshot.rooms[room as usize];
    let free = board.free(room);
    let share = |name: &str, place: usize| free[place] as f64 / row.allocatable.get(name).max(1) as f64;
    Some(Wasteful {
        room,
        waste,
        share: waste / price,
        cost: scene.cost(board, room),
        lean: share("cpu", 0) - share("memory", 1),
    })
}
