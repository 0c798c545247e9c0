//! What a consolidation comes to, in indices of its snapshot.

use supercargo_api::DisruptionReason;
use supercargo_catalog::Usd;

use crate::pools::Variant;
use crate::whatif::Relocation;

use super::document::MoveKind;

/// A move.
#[derive(Clone, Debug)]
pub struct PlannedMove {
    /// Rooms that go.
    pub rooms: Vec<u32>,
    /// Where their pods go. Rooms from [`Outcome::first_new_room`] on are nodes that moves brought.
    pub relocation: Relocation,
    /// Rooms that its new nodes become.
    pub new_rooms: Vec<u32>,
    /// The nodes that pods leave, in the order of the placements.
    pub from: Vec<u32>,
    /// What it does.
    pub kind: MoveKind,
    /// What disruption budgets know it as.
    pub reason: DisruptionReason,
    /// Dollars per hour.
    pub saved: Usd,
    /// Rescheduling disruption cost (reference section 4.3).
    pub cost: f64,
    /// The least score among its NodePools (reference section 4.13).
    pub score: Option<f64>,
    /// From 1.
    pub wave: u32,
}

/// Why a node stays.
#[derive(Clone, Debug, PartialEq)]
pub struct Stay {
    /// The room.
    pub room: u32,
    /// A short code, the same for the same sort of reason.
    pub code: String,
    /// One sentence.
    pub detail: String,
    /// The one thing that would unlock it.
    pub unlock: String,
}

/// A drifted or expired node, and what would replace it.
#[derive(Clone, Debug)]
pub struct PlannedRotation {
    /// The room.
    pub room: u32,
    /// `drifted`, `expired` or `expires`.
    pub cause: &'static str,
    /// In words.
    pub detail: String,
    /// When.
    pub at: Option<jiff::Timestamp>,
    /// Where its pods would go.
    pub relocation: Relocation,
    /// Why it cannot go now.
    pub blocked: Option<String>,
}

/// What a consolidation comes to.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// Variants that new nodes refer to.
    pub variants: Vec<Variant>,
    /// Moves, in order.
    pub moves: Vec<PlannedMove>,
    /// Rooms from here on are nodes that moves brought, in the order of the moves.
    pub first_new_room: u32,
    /// Nodes that stay.
    pub staying: Vec<Stay>,
    /// Drifted and expired nodes.
    pub rotations: Vec<PlannedRotation>,
    /// Dollars per hour of the nodes that could go in principle: managed, with a known price.
    pub price_now: Usd,
    /// The same for an ideal fresh pack.
    pub ideal: Usd,
    /// No nodes for the same pods can cost less.
    pub lower_bound: Usd,
    /// What pods take of every room after all moves, DaemonSets included; zero for rooms that are gone.
    pub used_after: Vec<crate::amounts::Amounts>,
    /// Questions that were asked.
    pub questions: u64,
}

impl Outcome {
    /// Dollars per hour that all moves save.
    pub fn saved(&self) -> Usd {
        self.moves.iter().fold(Usd::ZERO, |sum, one| sum + one.saved)
    }
}

/// How far a consolidation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// What it is doing.
    pub phase: Phase,
    /// How much of that is done.
    pub done: usize,
    /// How much there is to do; an estimate.
    pub of: usize,
    /// Moves found so far.
    pub moves: usize,
    /// Dollars per hour saved so far.
    pub saved: Usd,
}

/// What a consolidation is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Reading what there is.
    Preparing,
    /// Asking of every node whether it could go.
    Nodes,
    /// Asking of sets of nodes.
    Sets,
    /// Saying why the others stay.
    Reasons,
}
