//! What must hold of every proposal, over clusters that are made up.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use supercargo_api::condition_types::READY;
use supercargo_api::{ConditionStatus, Objects, set_condition};
use supercargo_engine::consolidate::ConsolidateOptions;
use supercargo_generate::{ClusterOptions, cluster};
use supercargo_reconcile::{Object, State};

use super::command::Replacement;
use super::invariants::wrong;
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
    let mut mistakes_found = false;
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
        assert_eq!(wrong(&survey.snapshot, &survey.disruption, all), None, "seed {seed}");

        // nothing has changed, so a second look finds nothing wrong
        let due =
            proposal.moves.iter().cloned().enumerate().map(|(number, command)| (number as u64, command));
        let dropped: Vec<_> =
            validate(&question, due.collect()).into_iter().filter(|(_, one)| one.is_err()).collect();
        assert!(dropped.is_empty(), "seed {seed}: {dropped:?}");

        // and what is wrong would be found
        let Some(one) = proposal.moves.first() else { continue };
        let twice = wrong(&survey.snapshot, &survey.disruption, [one, one]).unwrap();
        assert!(twice.ends_with("goes twice"), "{twice}");
        let mut dear = one.clone();
        let shape = test_world::claim_shape("general", dear.price_before + dear.price_before);
        dear.replacements.push(Replacement { shape, pods: Vec::new() });
        let raised = wrong(&survey.snapshot, &survey.disruption, [&dear]).unwrap();
        assert!(raised.contains("becomes up to"), "{raised}");
        mistakes_found = true;
    }
    assert!(commands > 0 && mistakes_found, "there was something to do");
}
