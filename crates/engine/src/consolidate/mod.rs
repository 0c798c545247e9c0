//! What a cluster could save, by which moves, and why not more.

mod document;

pub use document::{Consolidation, Move, MoveKind, NewNode, OldNode, PodMove, Rotation, StayingNode, Summary};
