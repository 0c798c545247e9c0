//! What a cluster could save, by which moves, and why not more.
//!
//! ```text
//! Snapshot + Disruption ──> Layout, Board ──search──> moves ──> waves ─┐
//!                │                                      │              ├──> Outcome ──> Consolidation
//!                └──> ideal fresh pack, lower bound     └──> why the others stay
//! ```
//!
//! A move takes one or several nodes away and says where every pod goes: onto nodes that stay, or onto new ones. Moves
//! form a sequence; each is valid after those before it. They are weighed by what they save for each unit of disruption,
//! and none is made that saves less than a floor.

mod document;
mod floor;
mod ideal;
mod options;
mod outcome;
mod reconsider;
mod rotations;
mod run;
mod search;
mod sets;
mod staying;
mod waves;
mod weigh;
mod writing;

pub use document::{
    Consolidation, Move, MoveKind, NewNode, OldNode, PodMove, Rotation, StayingNode, Summary,
};
pub use options::{ConsolidateOptions, Floor};
pub use outcome::{Outcome, Phase, PlannedMove, PlannedRotation, Progress, Stay};
pub use reconsider::{Reconsidered, reconsider, settled};
pub use run::{consolidate, layout};
