//! What follows from a write: dependents, namespaces, definitions.
//!
//! Writes put tasks into a queue; whoever wrote works it off before answering. There are no timers and no threads, so the
//! same requests always have the same consequences.

mod owners;
mod queue;

pub(crate) use queue::{Queue, Task};
