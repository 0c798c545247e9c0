//! `supercargo generate`: made-up clusters, for demonstrations, tests and benchmarks.

mod arguments;
mod run;

pub use arguments::{Arguments, ClusterSettings, Format, What};
pub use run::run;
