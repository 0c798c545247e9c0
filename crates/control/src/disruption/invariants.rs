//! What must hold of commands that are carried out at the same time, checked from the cluster alone: budgets, limits,
//! PodDisruptionBudgets, wishes of pods, prices. For debug assertions and tests.

use std::collections::{BTreeMap, BTreeSet};

use supercargo_api::DisruptionReason;
use supercargo_catalog::Usd;
use supercargo_engine::disruption::{Disruption, PodMove};
use supercargo_engine::snapshot::Snapshot;

use super::command::Command;

/// The first thing that is wrong with these commands if all of them are carried out at once; nothing if all is well.
pub(super) fn wrong<'c>(
    snapshot: &Snapshot,
    disruption: &Disruption,
    commands: impl IntoIterator<Item = &'c Command>,
) -> Option<String> {
    let commands: Vec<&Command> = commands.into_iter().collect();
    let rooms = snapshot.rooms.iter().enumerate();
    let rooms: BTreeMap<&str, u32> = rooms.map(|(index, room)| (room.name.as_str(), index as u32)).collect();
    let mut going = BTreeSet::new();
    let mut moved = BTreeSet::new();
    for command in &commands {
        for candidate in &command.candidates {
            let Some(room) = rooms.get(candidate.node.as_str()) else {
                return Some(format!("{} is not there", candidate.node));
            };
            if !going.insert(*room) {
                return Some(format!("{} goes twice", candidate.node));
            }
            let standing = &disruption.rooms[*room as usize];
            let may_go = match command.reason {
                DisruptionReason::Empty => &standing.empty_candidate,
                DisruptionReason::Underutilized => &standing.candidate,
                DisruptionReason::Drifted => &standing.drift_candidate,
            };
            if let Err(blocked) = may_go {
                return Some(format!("{} may not go: {blocked}", candidate.node));
            }
            // drift may have a deadline, which no budget of pods holds up
            if command.reason != DisruptionReason::Drifted {
                moved.insert(*room);
            }
        }
        if let Some(dear) = dearer(command) {
            return Some(dear);
        }
    }
    let pods = snapshot.pods.iter().enumerate().filter(|(_, pod)| moved.contains(&pod.room));
    let pods = pods.filter(|(index, _)| disruption.pods[*index].moves == PodMove::Reschedulable);
    let short = disruption.simultaneous(pods.map(|(index, _)| index as u32)).err();
    short.map(|short| short.to_string()).or_else(|| over_budget(disruption, &commands)).or_else(|| {
        let bought = commands.iter().flat_map(|command| &command.replacements).map(|one| &one.shape);
        let bought: Vec<_> = bought.collect();
        snapshot.pools.iter().find_map(|pool| {
            let of_pool = || bought.iter().filter(|shape| shape.node_pool == pool.name);
            pool.limits.iter().find_map(|(resource, limit)| {
                let all: i64 = of_pool().map(|shape| shape.counted(resource)).sum();
                let is_over = all > 0 && all > limit.left;
                is_over.then(|| format!("{}: {all} of {resource} come, {} are left", pool.name, limit.left))
            })
        })
    })
}

/// Consolidation never raises the price.
fn dearer(command: &Command) -> Option<String> {
    let dearest = command.replacements.iter().fold(Usd::ZERO, |sum, one| sum + one.shape.dearest);
    let is_dear = match command.reason {
        DisruptionReason::Drifted => false,
        _ => {
            dearest > command.price_before
                || (!command.replacements.is_empty() && command.saved() <= Usd::ZERO)
        }
    };
    is_dear.then(|| format!("{command}: {} becomes up to {dearest}", command.price_before))
}

/// No budget of a NodePool is exceeded. Each counts nodes that go for other reasons, too, but only those that go already: so
/// there has to be an order in which all of them may begin, and that of the tightest budget first is as good as any.
fn over_budget(disruption: &Disruption, commands: &[&Command]) -> Option<String> {
    disruption.budgets.iter().find_map(|budget| {
        let of_pool = |command: &&Command| {
            let nodes =
                command.candidates.iter().filter(|candidate| candidate.node_pool == budget.pool).count();
            (budget.allowed(command.reason).nodes as usize, nodes)
        };
        let mut beginning: Vec<(usize, usize)> =
            commands.iter().map(of_pool).filter(|(_, nodes)| *nodes > 0).collect();
        beginning.sort_unstable();
        let mut going = 0;
        beginning.into_iter().find_map(|(allowed, nodes)| {
            going += nodes;
            (going > allowed).then(|| format!("{going} nodes of {} go, {allowed} may", budget.pool))
        })
    })
}
