//! `supercargo cost scheduler` and `cost executor`: machines that share the work of `cost sql --scheduler`.

mod arguments;
mod run;

pub use arguments::{ExecutorArguments, SchedulerArguments};
#[cfg(feature = "scale-out")]
pub(super) use run::cluster;
pub(super) use run::{executor, scheduler};
