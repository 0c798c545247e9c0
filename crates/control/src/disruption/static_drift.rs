//! Drifted nodes of static NodePools: each is replaced by one that is alike, without asking where its pods go, as long as the
//! NodePool has the nodes that it says and its limit leaves room for one more (reference section 2.15).

use jiff::Timestamp;
use supercargo_api::resources::NODES;
use supercargo_api::{DisruptionReason, NodePool};

use super::command::{Command, Replacement};
use super::propose::{Staying, stays};
use super::survey::Survey;
use crate::node_pool::static_shape;

/// Drifted nodes of static NodePools to replace now, those that drifted first before the others.
pub(super) fn static_drift(survey: &Survey<'_>, blocked: &mut Vec<Staying>) -> Vec<Command> {
    let mut commands = Vec::new();
    for (index, pool) in survey.snapshot.pools.iter().enumerate() {
        let Some(replicas) = pool.replicas else { continue };
        let is_it = |one: &&NodePool| one.metadata.name.as_deref() == Some(pool.name.as_str());
        let Some(object) = survey.objects.node_pools.iter().find(is_it) else { continue };
        commands.extend(of_pool(survey, index, replicas as usize, object, blocked));
    }
    commands
}

fn of_pool(
    survey: &Survey<'_>,
    index: usize,
    replicas: usize,
    pool: &NodePool,
    blocked: &mut Vec<Staying>,
) -> Vec<Command> {
    let (snapshot, disruption) = (&survey.snapshot, &survey.disruption);
    let all: Vec<u32> = (0_u32..)
        .zip(&snapshot.rooms)
        .filter(|(_, room)| room.pool == Some(index as u32))
        .map(|(room, _)| room)
        .collect();
    let staying = all.iter().filter(|room| !snapshot.rooms[**room as usize].leaving).count();
    let mut line: Vec<u32> = all
        .iter()
        .copied()
        .filter(|room| {
            let row = &snapshot.rooms[*room as usize];
            disruption.rooms[*room as usize].drift.is_some() && !row.leaving && !row.in_flight
        })
        .collect();
    // with too many nodes the drifted ones may be those that go anyway; with too few, others come first
    if line.is_empty() || staying != replicas {
        return Vec::new();
    }
    line.sort_by_key(|room| {
        let drift = disruption.rooms[*room as usize].drift.as_ref();
        (drift.and_then(|drift| drift.since).unwrap_or(Timestamp::MAX), *room)
    });
    let limit = pool.spec.limits.as_ref().and_then(|limits| limits.resources().ok());
    let limit = limit.filter(|limits| limits.contains(NODES)).map(|limits| limits.get(NODES));
    let beside =
        limit.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(0).saturating_sub(all.len()));
    let allowed = disruption.budgets[index].allowed(DisruptionReason::Drifted).nodes as usize;
    let mut commands = Vec::new();
    for room in line {
        if let Err(reasons) = &disruption.rooms[room as usize].drift_candidate {
            blocked.extend(stays(survey, room, reasons.code(), reasons.to_string()));
            continue;
        }
        if commands.len() >= beside {
            let why = format!(
                "drifted, but its NodePool may have no more than {} nodes",
                limit.unwrap_or_default()
            );
            blocked.extend(stays(survey, room, "limit", why));
            continue;
        }
        if commands.len() >= allowed {
            break;
        }
        let Some(candidate) = survey.candidate(room) else { continue };
        let detail = disruption.rooms[room as usize].drift.as_ref().map(ToString::to_string);
        commands.push(Command {
            reason: DisruptionReason::Drifted,
            kind: None,
            price_before: candidate.price,
            // what comes is chosen at its launch
            price_after: candidate.price,
            candidates: vec![candidate],
            replacements: vec![Replacement { shape: static_shape(pool), pods: Vec::new() }],
            takers: Default::default(),
            pods: 0,
            score: None,
            detail: detail.unwrap_or_default(),
        });
    }
    commands
}
