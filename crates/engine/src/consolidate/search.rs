//! The search for moves: nodes one by one, then sets of nodes, until nothing is left that is worth it.
//!
//! ```text
//! empty nodes ──> every node alone ──> sets of wasteful nodes ──┐
//!                      ^                                        │
//!                      └──────── until neither finds a move ────┘
//! ```
//!
//! Moves are made in the order of what they save for each unit of disruption. What was found before a move is only
//! a promise after it: it is asked again when its turn comes, and made if it still is the best.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use rayon::prelude::*;
use supercargo_api::DisruptionReason;
use supercargo_catalog::Usd;

use crate::whatif::{Board, Relocation};

use super::document::MoveKind;
use super::floor::score;
use super::outcome::{Phase, PlannedMove, Progress};
use super::sets::promising_sets;
use super::weigh::{Scene, Weighed};

/// Nodes or sets asked about by one thread in one go.
const CHUNK: usize = 64;
/// At most so many times over all nodes and sets.
const MOST_ROUNDS: usize = 12;
/// And only as long as a round saves at least this part of the whole.
const WORTH_A_ROUND: i64 = 2_000;

/// A set of nodes in line.
struct Promise {
    ratio: f64,
    /// How many moves had been made when it was weighed.
    at: usize,
    number: usize,
    weighed: Weighed,
}

impl PartialEq for Promise {
    fn eq(&self, other: &Promise) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Promise {}

impl PartialOrd for Promise {
    fn partial_cmp(&self, other: &Promise) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Promise {
    fn cmp(&self, other: &Promise) -> Ordering {
        self.ratio.total_cmp(&other.ratio).then(other.number.cmp(&self.number))
    }
}

/// One search.
pub(super) struct Search<'a, 'l> {
    pub(super) scene: Scene<'l>,
    pub(super) board: Board<'l>,
    pub(super) moves: Vec<PlannedMove>,
    pub(super) questions: u64,
    pub(super) progress: &'a mut dyn FnMut(Progress),
}

impl<'l> Search<'_, 'l> {
    /// Finds all moves.
    pub(super) fn run(&mut self) {
        self.delete_empty();
        let price = self.scene.disruption.rooms.iter().filter_map(|room| room.price);
        let worth_a_round = price.fold(Usd::ZERO, |sum, price| sum + price).scaled(1, WORTH_A_ROUND);
        for _ in 0..MOST_ROUNDS {
            let before = self.saved();
            let singles: Vec<Vec<u32>> = self.candidates().into_iter().map(|room| vec![room]).collect();
            self.make_best(singles, Phase::Nodes);
            let rooms = self.candidates();
            let sets = promising_sets(&self.scene, &self.board, &rooms);
            self.make_best(sets, Phase::Sets);
            if self.saved() - before <= worth_a_round || self.is_full() {
                break;
            }
        }
    }

    /// Dollars per hour saved so far.
    pub(super) fn saved(&self) -> Usd {
        self.moves.iter().fold(Usd::ZERO, |sum, one| sum + one.saved)
    }

    fn is_full(&self) -> bool {
        self.scene.options.max_moves.is_some_and(|most| self.moves.len() >= most)
    }

    fn candidates(&self) -> Vec<u32> {
        let rooms = 0..self.scene.snapshot.rooms.len() as u32;
        rooms.filter(|room| self.scene.is_candidate(&self.board, *room)).collect()
    }

    /// Nodes without pods go first, as many at once as their NodePool allows.
    fn delete_empty(&mut self) {
        let scene = self.scene;
        let rooms = 0..scene.snapshot.rooms.len() as u32;
        let empty: Vec<u32> = rooms
            .filter(|room| {
                scene.disruption.rooms[*room as usize].empty_candidate.is_ok()
                    && self.board.residents(*room).is_empty()
                    && !self.board.is_gone(*room)
            })
            .collect();
        for pool in 0..scene.snapshot.pools.len() as u32 {
            let of_pool = |room: &&u32| scene.snapshot.rooms[**room as usize].pool == Some(pool);
            let mut left: Vec<u32> = empty.iter().filter(of_pool).copied().collect();
            while !left.is_empty() && !self.is_full() {
                // Fewer nodes are a smaller share of what is left.
                let allowed = scene.allowed(pool, DisruptionReason::Empty, self.board.grown(pool)).nodes;
                if allowed == 0 {
                    break;
                }
                let rooms: Vec<u32> = left.drain(..left.len().min(allowed as usize)).collect();
                let (saved, cost) = (scene.prices(&rooms), rooms.len() as f64);
                let weighed = Weighed { rooms, relocation: Relocation::default(), saved, cost };
                self.make(weighed, MoveKind::DeleteEmpty, DisruptionReason::Empty);
            }
        }
    }

    /// Weighs sets of nodes, on all threads; what is worth it, in the order of the sets.
    fn weigh_all(&mut self, sets: &[Vec<u32>], phase: Phase) -> Vec<Option<Weighed>> {
        let mut all = Vec::with_capacity(sets.len());
        let scene = self.scene;
        for batch in sets.chunks(CHUNK * 16) {
            self.report(phase, all.len(), sets.len());
            let board = &self.board;
            let weighed: Vec<Vec<Option<Weighed>>> = batch
                .par_chunks(CHUNK)
                .map_init(
                    || board.clone(),
                    |board, sets| sets.iter().map(|rooms| scene.weigh(board, rooms)).collect(),
                )
                .collect();
            all.extend(weighed.into_iter().flatten());
        }
        self.questions += sets.len() as u64;
        all
    }

    /// Makes moves out of these sets of nodes, best first, until none is worth it.
    fn make_best(&mut self, sets: Vec<Vec<u32>>, phase: Phase) {
        let weighed = self.weigh_all(&sets, phase);
        let at = self.moves.len();
        let promises = weighed.into_iter().enumerate().filter_map(|(number, weighed)| {
            let weighed = weighed?;
            Some(Promise { ratio: weighed.ratio(), at, number, weighed })
        });
        let mut line: BinaryHeap<Promise> = promises.collect();
        let all = line.len();
        while let Some(promise) = line.pop() {
            if self.is_full() {
                return;
            }
            if promise.at == self.moves.len() {
                let kind = kind_of(&promise.weighed);
                self.make(promise.weighed, kind, DisruptionReason::Underutilized);
                self.report(phase, all - line.len(), all);
                continue;
            }
            self.questions += 1;
            if let Some(weighed) = self.scene.weigh(&mut self.board, &promise.weighed.rooms) {
                line.push(Promise { ratio: weighed.ratio(), at: self.moves.len(), weighed, ..promise });
            }
        }
    }

    fn make(&mut self, weighed: Weighed, kind: MoveKind, reason: DisruptionReason) {
        let scene = self.scene;
        let from: Vec<u32> = {
            let mut home = std::collections::BTreeMap::new();
            for room in &weighed.rooms {
                home.extend(self.board.residents(*room).iter().map(|pod| (*pod, *room)));
            }
            weighed.relocation.placements.iter().filter_map(|(pod, _)| home.get(pod).copied()).collect()
        };
        let costs: std::collections::BTreeMap<u32, f64> =
            weighed.rooms.iter().map(|room| (*room, scene.cost(&self.board, *room))).collect();
        let cost = |room: u32| costs.get(&room).copied().unwrap_or(1.0);
        let score = score(scene.snapshot, scene.disruption, &weighed.rooms, &cost, weighed.saved);
        let new_rooms = self.board.apply(&weighed.rooms, &weighed.relocation);
        self.moves.push(PlannedMove {
            rooms: weighed.rooms,
            relocation: weighed.relocation,
            new_rooms,
            from,
            kind,
            reason,
            saved: weighed.saved,
            cost: weighed.cost,
            score,
            wave: 0,
        });
    }

    pub(super) fn report(&mut self, phase: Phase, done: usize, of: usize) {
        let (moves, saved) = (self.moves.len(), self.saved());
        (self.progress)(Progress { phase, done, of, moves, saved });
    }
}

fn kind_of(weighed: &Weighed) -> MoveKind {
    match (weighed.rooms.len(), weighed.relocation.new_nodes.len()) {
        (_, 0) => MoveKind::Delete,
        (1, 1) => MoveKind::Replace,
        (1, _) => MoveKind::Split,
        _ => MoveKind::Merge,
    }
}
