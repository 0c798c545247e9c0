//! Messages about instances, in the JSON that EventBridge delivers (reference section 5.7).
//!
//! - kind: what messages say
//! - read: from JSON
//! - write: to JSON, for the simulated region

mod kind;
mod read;
mod write;

pub use kind::{Event, EventKind, InterruptionAction};
pub use read::EventError;
