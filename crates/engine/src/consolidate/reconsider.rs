//! One set of nodes, asked about again: for who has decided on a move and wants to know whether it still is one.

use supercargo_catalog::Usd;

use crate::disruption::Disruption;
use crate::snapshot::Snapshot;
use crate::solve::{SolveOptions, solve_unbounded};
use crate::whatif::{Board, Layout, Relocation};

use super::floor::score;
use super::options::ConsolidateOptions;
use super::weigh::Scene;

/// What can be made of a set of nodes.
#[derive(Clone, Debug)]
pub struct Reconsidered {
    /// Where their pods go.
    pub relocation: Relocation,
    /// Dollars per hour.
    pub saved: Usd,
    /// Rescheduling disruption cost (reference section 4.3).
    pub cost: f64,
    /// The least score among its NodePools (reference section 4.13).
    pub score: Option<f64>,
}

/// A board on which everybody who waits for a place and finds one on a node that is there has it.
pub fn settled<'l>(layout: &'l Layout<'l>, options: SolveOptions) -> Board<'l> {
    let snapshot = layout.snapshot();
    let mut board = Board::new(layout);
    if !snapshot.pending.is_empty() {
        let waiting = solve_unbounded(snapshot, options);
        for (room, pod) in &waiting.on_rooms {
            board.settle(*pod, *room);
        }
    }
    board
}

/// The best that can be made of these nodes now, if it is worth it and rules allow it: the question that the search asks of
/// every set. The board is the same afterwards.
pub fn reconsider(
    snapshot: &Snapshot,
    disruption: &Disruption,
    options: &ConsolidateOptions,
    board: &mut Board<'_>,
    rooms: &[u32],
) -> Option<Reconsidered> {
    let scene = Scene { snapshot, disruption, options, any_spot: false };
    let weighed = scene.weigh(board, rooms)?;
    let score = score(snapshot, disruption, rooms, &|room| scene.cost(board, room), weighed.saved);
    Some(Reconsidered { relocation: weighed.relocation, saved: weighed.saved, cost: weighed.cost, score })
}
