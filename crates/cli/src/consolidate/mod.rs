//! `supercargo consolidate`: what a cluster could save, by which moves, and why not more.
//!
//! ```text
//! -f DUMP ──cluster──> Objects, Market ──engine──> Consolidation ──┬─ table, wide ──> stdout
//!                                                                  └─ json, yaml ──> stdout
//! ```

mod arguments;
mod moves;
mod node_names;
mod rotations;
mod run;
mod staying;
mod summary;
mod to_spot;

pub use arguments::{Arguments, Format, Policy, Sort};
pub use run::{moment, render, run};
