//! From a snapshot to an outcome.

use supercargo_catalog::Usd;

use crate::amounts::Amounts;
use crate::disruption::{Disruption, PodMove};
use crate::snapshot::{Snapshot, UNBOUND};
use crate::solve::{PreferencePolicy, SolveOptions};
use crate::whatif::Layout;

use super::ideal::ideal;
use super::options::ConsolidateOptions;
use super::outcome::{Outcome, Phase, Progress};
use super::reconsider::settled;
use super::rotations::rotations;
use super::search::Search;
use super::staying::stay;
use super::waves::number_waves;
use super::weigh::Scene;

/// The rooms of a snapshot laid out for questions about consolidation.
pub fn layout<'s>(snapshot: &'s Snapshot, disruption: &Disruption) -> Layout<'s> {
    let moves: Vec<bool> = snapshot
        .pods
        .iter()
        .zip(&disruption.pods)
        .map(|(pod, standing)| pod.room != UNBOUND && standing.moves == PodMove::Reschedulable)
        .collect();
    let prices: Vec<Option<Usd>> = disruption
        .rooms
        .iter()
        .map(|room| room.price.filter(|_| room.candidate.is_ok() || room.empty_candidate.is_ok()))
        .collect();
    Layout::new(snapshot, moves, &prices)
}

/// What a cluster could save, by which moves, and why not more.
///
/// `progress` is told how far it is; what it does has no influence.
pub fn consolidate(
    snapshot: &Snapshot,
    disruption: &Disruption,
    options: &ConsolidateOptions,
    progress: &mut dyn FnMut(Progress),
) -> Outcome {
    progress(Progress { phase: Phase::Preparing, done: 0, of: 2, moves: 0, saved: Usd::ZERO });
    let layout = layout(snapshot, disruption);
    // Who waits for a place on a node that is there will have it before anything moves.
    let mut board = settled(&layout, options.solve);
    progress(Progress { phase: Phase::Preparing, done: 1, of: 2, moves: 0, saved: Usd::ZERO });
    let fresh = SolveOptions { preferences: PreferencePolicy::Ignore, ..options.solve };
    let best = (!options.moves_only).then(|| ideal(snapshot, disruption, fresh));
    let scene = Scene { snapshot, disruption, options, any_spot: false };
    let rotations = if options.moves_only { Vec::new() } else { rotations(&scene, &mut board) };
    let mut search = Search { scene, board, moves: Vec::new(), questions: 0, progress };
    search.run();
    let Search { mut board, mut moves, mut questions, progress, .. } = search;
    number_waves(&scene, layout.variants(), &mut moves);
    let rooms = snapshot.rooms.len();
    let saved = moves.iter().fold(Usd::ZERO, |sum, one| sum + one.saved);
    let mut staying = Vec::new();
    for room in 0..rooms as u32 {
        if room % 256 == 0 {
            progress(Progress {
                phase: Phase::Reasons,
                done: room as usize,
                of: rooms,
                moves: moves.len(),
                saved,
            });
        }
        if !board.is_gone(room) {
            staying.push(stay(&scene, &mut board, room));
            questions += 1;
        }
    }
    let used_after = (0..rooms as u32)
        .map(|room| {
            let row = &snapshot.rooms[room as usize];
            let all = snapshot.names.amounts(&row.allocatable);
            if board.is_gone(room) { Amounts::ZERO } else { all.minus(board.free(room)) }
        })
        .collect();
    let priced =
        snapshot.rooms.iter().zip(&disruption.rooms).filter(|(room, _)| room.pool.is_some() && !room.leaving);
    let price_now = priced.fold(Usd::ZERO, |sum, (_, standing)| sum + standing.price.unwrap_or(Usd::ZERO));
    // What is reached is no dearer than the ideal, unless the ideal houses pods that still wait.
    let (ideal, lower_bound) = best.map_or((price_now - saved, Usd::ZERO), |best| {
        let reached = price_now - saved;
        let ideal = if snapshot.pending.is_empty() { best.price.min(reached) } else { best.price };
        (ideal, best.lower_bound.min(ideal))
    });
    Outcome {
        moves,
        first_new_room: rooms as u32,
        staying,
        rotations,
        price_now,
        ideal,
        lower_bound,
        used_after,
        questions,
        variants: layout.variants().to_vec(),
    }
}
