//! What-if questions: every answer is a placement that holds, and asking changes nothing.

#![allow(clippy::unwrap_used, reason = "these are tests")]

mod support;

use supercargo_api::Objects;
use supercargo_clock::Randomness;
use supercargo_engine::amounts::Amounts;
use supercargo_engine::invariants::check;
use supercargo_engine::market::Market;
use supercargo_engine::planned::PlannedNode;
use supercargo_engine::snapshot::{Snapshot, SnapshotOptions, UNBOUND};
use supercargo_engine::solve::{Outcome, PreferencePolicy, SolveOptions, solve};
use supercargo_engine::topology::HostCounts;
use supercargo_engine::whatif::{Ask, Board, Layout, Place, Relocation, SpotRule};

use support::crowd::crowd;
use support::running::come_true;

const IGNORE: SolveOptions = SolveOptions {
    preferences: PreferencePolicy::Ignore,
    min_values: supercargo_engine::solve::MinValuesPolicy::Strict,
};

/// A running cluster, drawn from a seed.
fn running(seed: u64) -> (Objects, Market) {
    let (objects, market) = crowd(seed, 24);
    let snapshot = Snapshot::build(&objects, &market, &SnapshotOptions::default());
    let outcome = solve(&snapshot, IGNORE);
    (come_true(&objects, &snapshot, &outcome), market)
}

fn moves(snapshot: &Snapshot) -> Vec<bool> {
    snapshot.pods.iter().map(|pod| pod.room != UNBOUND && !pod.daemon && !pod.terminating).collect()
}

/// The cluster without some rooms, their pods waiting.
fn without(snapshot: &Snapshot, gone: &[u32]) -> Snapshot {
    let mut after = snapshot.clone();
    after.pending.clear();
    for room in gone {
        let row = &mut after.rooms[*room as usize];
        // Leaving rooms take nothing and count for nothing, but keep their number.
        row.leaving = true;
    }
    for (index, pod) in snapshot.pods.iter().enumerate() {
        if gone.contains(&pod.room) && !pod.daemon && !pod.terminating {
            after.pending.push(index as u32);
        }
    }
    after
}

fn outcome_of(snapshot: &Snapshot, layout: &Layout<'_>, relocation: &Relocation) -> Outcome {
    let mut on_rooms = Vec::new();
    let mut pods: Vec<Vec<u32>> = vec![Vec::new(); relocation.new_nodes.len()];
    for (pod, place) in &relocation.placements {
        match place {
            Place::Room(room) => on_rooms.push((*room, *pod)),
            Place::New(number) => pods[*number as usize].push(*pod),
        }
    }
    let nodes = relocation.new_nodes.iter().zip(pods).map(|(node, pods)| {
        let mut used = Amounts::ZERO;
        for pod in &pods {
            used.add(&snapshot.classes[snapshot.pods[*pod as usize].class as usize].requests);
        }
        PlannedNode {
            variant: node.variant,
            types: node.types.clone(),
            offers: node.offers,
            chosen: node.type_index,
            offer: node.offer,
            price: node.price,
            used,
            contents: node.contents.clone(),
            pods,
            host: HostCounts::default(),
            ports: Vec::new(),
            is_static: false,
            min_values_relaxed: false,
        }
    });
    let nodes = nodes.collect();
    Outcome { variants: layout.variants().to_vec(), nodes, on_rooms, ..Outcome::default() }
}

fn asks() -> [Ask; 4] {
    let any = Ask { max_new_nodes: 3, below: None, use_rooms: true, spot: SpotRule::Free };
    [Ask::ROOMS_ONLY, Ask { max_new_nodes: 1, ..any }, any, Ask { use_rooms: false, ..any }]
}

#[test]
fn every_answer_is_a_placement_that_holds() {
    let (mut answered, mut with_new, mut several) = (0, 0, 0);
    for seed in 0..1_000 {
        let (objects, market) = running(seed);
        let snapshot = Snapshot::build(&objects, &market, &SnapshotOptions::default());
        let layout = Layout::new(&snapshot, moves(&snapshot), &vec![None; snapshot.rooms.len()]);
        let mut board = Board::new(&layout);
        let mut randomness = Randomness::from_seed(seed).fork("which rooms go");
        for ask in asks() {
            let gone: Vec<u32> =
                (0..snapshot.rooms.len() as u32).filter(|_| randomness.chance(0.35)).collect();
            if gone.is_empty() {
                continue;
            }
            let Ok(relocation) = board.what_if(&gone, &ask) else { continue };
            answered += 1;
            with_new += usize::from(!relocation.new_nodes.is_empty());
            several += usize::from(relocation.new_nodes.len() > 1);
            let after = without(&snapshot, &gone);
            let violations = check(&after, &outcome_of(&after, &layout, &relocation));
            assert_eq!(violations, [], "seed {seed}, without {gone:?}, {ask:?}");
        }
    }
    assert!(answered > 700 && with_new > 500 && several > 200, "{answered} {with_new} {several}");
}

#[test]
fn asking_leaves_no_trace() {
    for seed in 0..200 {
        let (objects, market) = running(seed);
        let snapshot = Snapshot::build(&objects, &market, &SnapshotOptions::default());
        let layout = Layout::new(&snapshot, moves(&snapshot), &vec![None; snapshot.rooms.len()]);
        let fresh = Board::new(&layout);
        let mut board = fresh.clone();
        let rooms: Vec<u32> = (0..snapshot.rooms.len() as u32).collect();
        let questions: Vec<(Vec<u32>, Ask)> = asks()
            .into_iter()
            .flat_map(|ask| {
                let alone = rooms.iter().map(move |room| (vec![*room], ask));
                let pairs = rooms.windows(2).map(move |pair| (pair.to_vec(), ask));
                alone.chain(pairs).collect::<Vec<_>>()
            })
            .collect();
        for (gone, ask) in &questions {
            let answer = board.what_if(gone, ask);
            assert_eq!(answer, fresh.clone().what_if(gone, ask), "seed {seed}, {gone:?}");
        }
    }
}

#[test]
fn rooms_are_found_where_a_whole_solve_finds_them() {
    let (mut found, mut missed) = (0, 0);
    for seed in 0..1_000 {
        let (objects, market) = running(seed);
        let snapshot = Snapshot::build(&objects, &market, &SnapshotOptions::default());
        let layout = Layout::new(&snapshot, moves(&snapshot), &vec![None; snapshot.rooms.len()]);
        let mut board = Board::new(&layout);
        for room in 0..snapshot.rooms.len() as u32 {
            let after = without(&snapshot, &[room]);
            let whole = solve(&after, IGNORE);
            if after.pending.is_empty() || !whole.unplaced.is_empty() || !whole.nodes.is_empty() {
                continue;
            }
            match board.what_if(&[room], &Ask::ROOMS_ONLY) {
                Ok(_) => found += 1,
                Err(_) => missed += 1,
            }
        }
    }
    assert!(found > 150, "{found}");
    assert!(missed * 50 <= found, "{missed} of {} places were missed", found + missed);
}
