//! Which existing nodes would take a pod: what an explanation says is what the invariants of a plan say, node by node,
//! and what a what-if question says.

#![allow(clippy::unwrap_used, reason = "these are tests")]

mod support;

use std::collections::BTreeSet;

use jiff::Timestamp;
use supercargo_api::Objects;
use supercargo_api::selector::{Selector, WhenAbsent};
use supercargo_engine::disruption::{Disruption, DisruptionOptions};
use supercargo_engine::explain::{Place, PodState, explain_pod};
use supercargo_engine::invariants::check;
use supercargo_engine::market::Market;
use supercargo_engine::snapshot::{Snapshot, SnapshotOptions, UNBOUND};
use supercargo_engine::solve::{Outcome, PreferencePolicy, SolveOptions, all_variants, solve};
use supercargo_engine::whatif::{Board, Layout};

use support::crowd::crowd;
use support::running::come_true;

const IGNORE: SolveOptions = SolveOptions {
    preferences: PreferencePolicy::Ignore,
    min_values: supercargo_engine::solve::MinValuesPolicy::Strict,
};

fn judged(objects: &Objects, snapshot: &Snapshot) -> Disruption {
    Disruption::build(objects, snapshot, &DisruptionOptions::at(Timestamp::UNIX_EPOCH))
}

/// A running cluster, drawn from a seed.
fn running(seed: u64) -> (Objects, Market) {
    let (objects, market) = crowd(seed, 24);
    let snapshot = Snapshot::build(&objects, &market, &SnapshotOptions::default());
    let outcome = solve(&snapshot, IGNORE);
    (come_true(&objects, &snapshot, &outcome), market)
}

/// The nodes on which the pod alone could be placed without breaking an invariant of plans.
fn allowed(snapshot: &Snapshot, pod: u32) -> BTreeSet<String> {
    let mut after = snapshot.clone();
    let own = std::mem::replace(&mut after.pods[pod as usize].room, UNBOUND);
    let requests = after.classes[after.pods[pod as usize].class as usize].requests;
    after.rooms[own as usize].free.add(&requests);
    after.pending = vec![pod];
    let variants = all_variants(&after);
    let others = (0..after.rooms.len() as u32).filter(|room| *room != own);
    let allowed = others.filter(|room| {
        let outcome =
            Outcome { variants: variants.clone(), on_rooms: vec![(*room, pod)], ..Outcome::default() };
        check(&after, &outcome).is_empty()
    });
    allowed.map(|room| after.rooms[room as usize].name.clone()).collect()
}

/// Whether all spreads that the pod states select it: the invariants say nothing of others, whose skew at the time of
/// arrival is not to be seen in the end.
fn spreads_select_it(snapshot: &Snapshot, class: u32) -> bool {
    let class = &snapshot.classes[class as usize];
    let mut hard = class.spreads.iter().filter(|spread| spread.hard);
    hard.all(|spread| {
        let selector =
            Selector::compile_optional(spread.selector.as_ref(), WhenAbsent::SelectNothing).unwrap();
        selector.matches(&class.labels)
    })
}

#[test]
fn a_running_pod_could_go_where_no_invariant_is_broken_and_nowhere_else() {
    let (mut taking, mut refusing) = (0, 0);
    for seed in 0..400 {
        let (objects, market) = running(seed);
        let snapshot = Snapshot::build(&objects, &market, &SnapshotOptions::default());
        let disruption = judged(&objects, &snapshot);
        for (row, pod) in snapshot.pods.iter().enumerate().filter(|(_, pod)| pod.room != UNBOUND) {
            let explained =
                explain_pod(&objects, &snapshot, &disruption, pod.object as usize, IGNORE).unwrap();
            let Some(nodes) = explained.existing_nodes else { continue };
            assert_eq!(explained.state, PodState::Bound);
            if !spreads_select_it(&snapshot, pod.class) {
                continue;
            }
            let found: BTreeSet<String> = nodes.taking.iter().cloned().collect();
            assert_eq!(found, allowed(&snapshot, row as u32), "seed {seed}, {}: {nodes:?}", explained.pod);
            let refused: usize = nodes.refusing.iter().map(|one| one.nodes).sum();
            assert_eq!(nodes.taking.len() + refused, nodes.asked);
            assert_eq!(nodes.asked, snapshot.rooms.len() - 1, "all but its own");
            taking += nodes.taking.len();
            refusing += refused;
        }
    }
    assert!(taking > 1_000 && refusing > 1_000, "{taking} {refusing}");
}

#[test]
fn a_waiting_pod_has_the_rooms_that_a_what_if_question_finds() {
    let (mut with_rooms, mut on_new, mut nowhere) = (0, 0, 0);
    for seed in 0..400 {
        let (objects, market) = crowd(seed, 12);
        let snapshot = Snapshot::build(&objects, &market, &SnapshotOptions::default());
        let disruption = judged(&objects, &snapshot);
        let layout =
            Layout::new(&snapshot, vec![false; snapshot.pods.len()], &vec![None; snapshot.rooms.len()]);
        let board = Board::new(&layout);
        for pod in &snapshot.pending {
            let row = &snapshot.pods[*pod as usize];
            let explained =
                explain_pod(&objects, &snapshot, &disruption, row.object as usize, IGNORE).unwrap();
            assert_eq!(explained.state, PodState::Pending);
            let nodes = explained.existing_nodes.unwrap();
            let found: BTreeSet<String> = nodes.taking.into_iter().collect();
            let rooms = board.rooms_for(row.class).into_iter();
            let expected: BTreeSet<String> =
                rooms.map(|room| snapshot.rooms[room as usize].name.clone()).collect();
            assert_eq!(found, expected, "seed {seed}, {}", explained.pod);
            with_rooms += usize::from(!found.is_empty());
            match explained.place.unwrap() {
                Place::ExistingNode(_) => {}
                Place::NewNode(_) => on_new += 1,
                Place::None => nowhere += 1,
            }
        }
    }
    assert!(with_rooms > 100 && on_new > 100 && nowhere > 100, "{with_rooms} {on_new} {nowhere}");
}
