//! What the nodes would cost if they were bought afresh today.

use std::collections::BTreeMap;

use jiff::Timestamp;
use supercargo_api::duration::NillableDuration;
use supercargo_catalog::Usd;

use crate::disruption::{
    BlockReason, Blocked, Disruption, PodMove, PodStanding, Policy, PoolBudget, RoomStanding,
};
use crate::market::OFFERING_LABELS;
use crate::rooms::Room;
use crate::snapshot::{Snapshot, UNBOUND};
use crate::solve::{Outcome, SolveOptions, solve};
use crate::whatif::Board;

use super::options::{ConsolidateOptions, Floor};
use super::run::layout;
use super::search::Search;
use super::weigh::Scene;

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
    let stays = (0..goes.len()).filter(|room| !goes[*room]);
    for (kept, room) in stays.enumerate() {
        number[room] = kept as u32;
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

/// What a fresh pack comes to.
pub(super) struct Ideal {
    /// Dollars per hour.
    pub(super) price: Usd,
    /// No nodes for the same pods can cost less.
    pub(super) lower_bound: Usd,
}

/// The ideal fresh pack: all pods placed anew, then the nodes bought for them consolidated as if nothing forbade it.
pub(super) fn ideal(snapshot: &Snapshot, disruption: &Disruption, options: SolveOptions) -> Ideal {
    let waiting = afresh(snapshot, disruption);
    let outcome = solve(&waiting, options);
    let bought = come_true(&waiting, &outcome);
    let unbound = unbound(&bought, &outcome, disruption.now, waiting.rooms.len());
    let layout = layout(&bought, &unbound);
    let options = ConsolidateOptions {
        floor: Floor::PerMonth(Usd::ZERO),
        solve: options,
        ..ConsolidateOptions::default()
    };
    let scene = Scene { snapshot: &bought, disruption: &unbound, options: &options, any_spot: true };
    let mut search =
        Search { scene, board: Board::new(&layout), moves: Vec::new(), questions: 0, progress: &mut |_| {} };
    search.run();
    let saved = search.saved();
    Ideal { price: outcome.price() - saved, lower_bound: outcome.lower_bound.min(outcome.price() - saved) }
}

/// The cluster in which the planned nodes are there and their pods run on them.
fn come_true(waiting: &Snapshot, outcome: &Outcome) -> Snapshot {
    let mut bought = waiting.clone();
    bought.pending.clear();
    for (room, pod) in &outcome.on_rooms {
        bought.pods[*pod as usize].room = *room;
        let class = &bought.classes[bought.pods[*pod as usize].class as usize];
        bought.rooms[*room as usize].hold(class, false);
    }
    for (index, node) in outcome.nodes.iter().enumerate() {
        let variant = &outcome.variants[node.variant as usize];
        let pool = &waiting.pools[variant.pool as usize];
        let Some(table) = &pool.table else { continue };
        let chosen = &table.types[node.chosen as usize];
        let name = format!("bought-{index}");
        let mut labels = chosen.labels.clone();
        labels.extend(variant.labels.clone());
        let offer = &waiting.market.keys[node.offer as usize];
        for key in OFFERING_LABELS {
            labels.extend(offer.label(key).map(|value| (key.to_owned(), value.to_owned())));
        }
        labels.insert(supercargo_api::labels::HOSTNAME.to_owned(), name.clone());
        let room = bought.rooms.len() as u32;
        bought.rooms.push(Room {
            name,
            node: None,
            claim: None,
            labels,
            undecided: BTreeMap::new(),
            taints: pool.taints.clone(),
            pool: Some(variant.pool),
            initialized: true,
            in_flight: false,
            leaving: false,
            deleted: false,
            cordoned: false,
            capacity: chosen.capacity.clone(),
            allocatable: chosen.allocatable.clone(),
            attachable: BTreeMap::new(),
            free: variant.net[node.chosen as usize].minus(&node.used),
            host_ports: node.ports.clone(),
            daemons_running: variant.overhead[node.chosen as usize],
        });
        for pod in &node.pods {
            bought.pods[*pod as usize].room = room;
        }
        for (resource, limit) in &mut bought.pools[variant.pool as usize].limits {
            limit.left -= if resource == "nodes" { 1 } else { chosen.capacity.get(resource) };
        }
    }
    bought
}

/// Nothing stands against anything, and the nodes from `first` on cost what they were bought for.
fn unbound(bought: &Snapshot, outcome: &Outcome, now: Timestamp, first: usize) -> Disruption {
    let standing = |room: usize| {
        let node = room.checked_sub(first).and_then(|index| outcome.nodes.get(index));
        let verdict = match node {
            Some(_) => Ok(()),
            None => Err(Blocked { reasons: vec![BlockReason::NotManaged] }),
        };
        RoomStanding {
            candidate: verdict.clone(),
            empty_candidate: verdict.clone(),
            drift_candidate: verdict,
            is_empty: false,
            reschedule_cost: 1.0,
            disruption_cost: 1.0,
            price: node.map(|node| node.price),
            instance_type: node.map(|node| node.chosen),
            capacity_type: node.map(|node| bought.market.keys[node.offer as usize].capacity_type),
            zone: None,
            drift: None,
            expires: None,
            ready: true,
            counts_for_budget: true,
            disrupting: false,
        }
    };
    let pods = bought.pods.iter().map(|pod| {
        let stays = pod.room == UNBOUND || (pod.room as usize) < first || pod.daemon || pod.terminating;
        PodStanding {
            eviction_cost: 1.0,
            moves: if stays { PodMove::LeavesWithNode } else { PodMove::Reschedulable },
            evicted: true,
            pdbs: Vec::new(),
            exempt_from_pdb: true,
            blocks: None,
        }
    });
    let budgets = bought.pools.iter().map(|pool| PoolBudget {
        pool: pool.name.clone(),
        nodes: 0,
        unavailable: 0,
        budgets: Vec::new(),
        policy: Policy::WhenEmptyOrUnderutilized,
        consolidate_after: NillableDuration::Never,
        is_static: false,
        hourly_cost: Usd::ZERO,
        unpriced: 0,
        reschedule_cost: 1.0,
    });
    Disruption {
        rooms: (0..bought.rooms.len()).map(standing).collect(),
        pods: pods.collect(),
        budgets: budgets.collect(),
        pdbs: Vec::new(),
        problems: Vec::new(),
        spot_to_spot: true,
        now,
    }
}
