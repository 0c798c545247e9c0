//! `supercargo sim-check`: random scenarios with random faults, held against the invariants.

mod arguments;
mod run;

pub use arguments::Arguments;
pub use run::run;
