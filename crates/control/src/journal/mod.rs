//! Every decision, with what it was decided from.

mod log;

pub use log::Journal;
