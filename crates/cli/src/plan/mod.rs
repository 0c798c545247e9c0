//! `supercargo plan`: from manifests to the cheapest nodes, priced and explained.
//!
//! ```text
//! -f ... ──gather──> Objects ──place, market──> Market ──Snapshot, solve──> Plan ──┬─ table, wide ──> stdout
//!                                                                                  └─ json, yaml ──> stdout
//! ```

mod arguments;
mod explain;
mod fold;
mod leftovers;
mod run;
mod summary;
mod table;

pub use arguments::{Arguments, Format, MinValues, Preferences};
pub(crate) use leftovers::steps;
pub use run::{render, run};
pub(crate) use table::amounts;
