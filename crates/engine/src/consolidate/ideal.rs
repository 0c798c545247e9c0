//! What the nodes would cost if they were bought afresh today.

use crate::disruption::{Disruption, PodMove};
use crate::snapshot::{Snapshot, UNBOUND};
use crate::solve::{Outcome, SolveOptions, solve};

/// The cluster without the nodes whose pods can be elsewhere, their pods waiting.
///
/// Nodes that belong to no NodePool, and such without a known price, stay with their pods: nobody would buy them.
fn afresh(snapshot: &Snapshot, disruption: &Disruption) -> Snapshot {
    let goes: Vec<bool> = snapshot
        .rooms
        .iter()
        .zip(&disruption.rooms)
        .map(|(room, standing)| room.pool.is_some() && (standing.price.is_some() || room.in_flight))
        .collect();
    let mut fresh = snapshot.clone();
    let mut number = vec![UNBOUND; goes.len()];
    let mut kept = 0;
    for (room, _) in goes.iter().enumerate().filter(|(_, goes)| !**goes) {
        number[room] = kept;
        kept += 1;
    }
    let mut index = 0;
    fresh.rooms.retain(|_| {
        index += 1;
        !goes[index - 1]
    });
    let mut is_pending = vec![false; fresh.pods.len()];
    fresh.pending.iter().for_each(|pod| is_pending[*pod as usize] = true);
    fresh.pending.clear();
    let mut pods = Vec::with_capacity(fresh.pods.len());
    for (index, mut pod) in std::mem::take(&mut fresh.pods).into_iter().enumerate() {
        let on_gone = pod.room != UNBOUND && goes[pod.room as usize];
        let moves = disruption.pods[index].moves == PodMove::Reschedulable;
        if on_gone && !moves && !is_pending[index] {
            continue;
        }
        if pod.room != UNBOUND {
            pod.room = number[pod.room as usize];
        }
        let has_class = fresh.classes[pod.class as usize].refusal.is_none();
        if (is_pending[index] || on_gone) && has_class {
            fresh.pending.push(pods.len() as u32);
        }
        pods.push(pod);
    }
    fresh.pods = pods;
    for (index, pool) in fresh.pools.iter_mut().enumerate() {
        let freed = snapshot
            .rooms
            .iter()
            .zip(&goes)
            .filter(|(room, goes)| **goes && !room.leaving && room.pool == Some(index as u32));
        for (room, _) in freed {
            pool.nodes = pool.nodes.saturating_sub(1);
            for (resource, limit) in &mut pool.limits {
                limit.left += if resource == "nodes" { 1 } else { room.capacity.get(resource) };
            }
        }
    }
    fresh
}

/// The ideal fresh pack.
pub(super) fn ideal(snapshot: &Snapshot, disruption: &Disruption, options: SolveOptions) -> Outcome {
    solve(&afresh(snapshot, disruption), options)
}
