//! From a snapshot to placements: existing rooms first, then new nodes, tier by tier of NodePool weight.
//!
//! ```text
//! classes, by priority and size
//!   round: place on rooms ─> pin to domains ─> demand ─> pack per tier ─> slack ─> what is stuck relaxes one step
//! until nothing is stuck, or nothing can relax and nothing moved
//! ```

mod candidates;
mod counting;
mod domains;
mod explore;
mod on_planned;
mod on_rooms;
mod one_class;
mod options;
mod outcome;
mod outlook;
mod relaxation;
mod rounds;
mod solver;
mod static_pools;
mod strictness;
mod take_back;
mod tiers;

pub use explore::solve;
pub(crate) use explore::solve_unbounded;
pub use options::{MinValuesPolicy, PreferencePolicy, SolveOptions};
pub use outcome::{Outcome, Unplaced};
pub(crate) use outlook::{ClassOutlook, Outlook, outlook};
pub use relaxation::Relaxation;
pub use solver::{Solver, all_variants};
