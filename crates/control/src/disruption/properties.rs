//! What must hold of every proposal, over clusters that are made up.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use supercargo_api::condition_types::READY;
use supercargo_api::{ConditionStatus, DisruptionReason, Objects, set_condition};
use supercargo_catalog::Usd;
use supercargo_engine::consolidate::ConsolidateOptions;
use supercargo_engine::disruption::PodMove;
use supercargo_generate::{ClusterOptions, cluster};
use supercargo_reconcile::{Object, State};

use super::propose::{Favour, propose};
use super::survey::{Question, Survey};
use super::validate::validate;
use crate::cluster::inputs;
use crate::test_world;

const NOW: &str = "2026-11-23T12:00:00Z";

/// The objects as the mirror has them.
fn state(objects: Objects) -> State {
    let mut state = State::default();
    let mut version = 0_u64;
    let mut put = |object: Object| {
        version += 1;
        let object = object.with_metadata(|metadata| {
            metadata.resource_version = Some(version.to_string());
            metadata.uid.get_or_insert_with(|| format!("uid-{version}"));
        });
        state.put(object);
    };
    objects.namespaces.into_iter().for_each(|one| put(one.into()));
    objects.priority_classes.into_iter().for_each(|one| put(one.into()));
    objects.node_classes.into_iter().for_each(|one| put(one.into()));
    objects.node_pools.into_iter().for_each(|one| put(one.into()));
    objects.node_claims.into_iter().for_each(|one| put(one.into()));
    objects.nodes.into_iter().for_each(|one| put(one.into()));
    objects.daemon_sets.into_iter().for_each(|one| put(one.into()));
    objects.persistent_volumes.into_iter().for_each(|one| put(one.into()));
    objects.persistent_volume_claims.into_iter().for_each(|one| put(one.into()));
    objects.storage_classes.into_iter().for_each(|one| put(one.into()));
    objects.csi_nodes.into_iter().for_each(|one| put(one.into()));
    objects.pod_disruption_budgets.into_iter().for_each(|one| put(one.into()));
    objects.pods.into_iter().for_each(|one| put(one.into()));
    state
}

fn question(state: &State, now: Timestamp) -> Question {
    Question {
        inputs: inputs(state, &test_world::knowledge(), now),
        committed: BTreeSet::new(),
        held: BTreeMap::new(),
        spot_to_spot: false,
        options: ConsolidateOptions { moves_only: true, ..ConsolidateOptions::default() },
    }
}

#[test]
fn commands_keep_to_budgets_and_pdbs_never_raise_the_price_and_touch_no_node_twice() {
    let now: Timestamp = NOW.parse().unwrap();
    let mut commands = 0;
    for seed in 0..4 {
        let options = ClusterOptions { nodes: 30, seed, churn: 0.5, at: now, ..ClusterOptions::default() };
        let mut objects = cluster(&options).unwrap();
        for pool in &mut objects.node_pools {
            let conditions = pool.status.get_or_insert_default().conditions.get_or_insert_default();
            set_condition(conditions, READY, ConditionStatus::True, "", "", now);
        }
        let state = state(objects);
        let question = question(&state, now);
        let proposal = propose(&question, &BTreeSet::new(), Favour::Drift);
        let survey = Survey::new(&question, &BTreeSet::new());

        let all: Vec<_> = proposal.drifted.iter().chain(&proposal.moves).collect();
        commands += all.len();
        let mut nodes = BTreeSet::new();
        let mut taken: BTreeMap<&str, usize> = BTreeMap::new();
        let mut evicted = Vec::new();
        for command in &all {
            for candidate in &command.candidates {
                assert!(nodes.insert(candidate.node.clone()), "seed {seed}: {} goes twice", candidate.node);
                *taken.entry(candidate.node_pool.as_str()).or_default() += 1;
                let room = survey.room_of(candidate).expect("it is there");
                let standing = &survey.disruption.rooms[room as usize];
                let may_go = match command.reason {
                    DisruptionReason::Empty => &standing.empty_candidate,
                    DisruptionReason::Underutilized => &standing.candidate,
                    DisruptionReason::Drifted => &standing.drift_candidate,
                };
                assert!(may_go.is_ok(), "seed {seed}: {} may not go: {may_go:?}", candidate.node);
                let pods = survey.snapshot.pods.iter().enumerate();
                let moving = |index: &usize| survey.disruption.pods[*index].moves == PodMove::Reschedulable;
                let here = pods.filter(|(_, pod)| pod.room == room).map(|(index, _)| index);
                evicted.extend(here.filter(moving).map(|index| index as u32));
            }
            if command.reason != DisruptionReason::Drifted {
                assert!(command.saved() > Usd::ZERO, "seed {seed}: {command} saves nothing");
            }
        }
        for (pool, nodes) in &taken {
            let budget = survey.disruption.budgets.iter().find(|budget| budget.pool == *pool).unwrap();
            let reasons = all
                .iter()
                .filter(|command| command.node_pools().contains(pool))
                .map(|command| command.reason);
            for reason in reasons {
                let allowed = budget.allowed(reason).nodes as usize;
                assert!(*nodes <= allowed, "seed {seed}: {nodes} nodes of {pool}, {allowed} allowed");
            }
        }
        survey.disruption.simultaneous(evicted.into_iter()).unwrap();

        // nothing has changed, so a second look finds nothing wrong
        let due =
            proposal.moves.iter().cloned().enumerate().map(|(number, command)| (number as u64, command));
        let wrong: Vec<_> =
            validate(&question, due.collect()).into_iter().filter(|(_, one)| one.is_err()).collect();
        assert!(wrong.is_empty(), "seed {seed}: {wrong:?}");
    }
    assert!(commands > 0, "there was something to do");
}
