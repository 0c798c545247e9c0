//! What EC2 announces: messages of the interruption queue, failed status checks, scheduled events (reference section 5.7).
//!
//! A claim whose instance is going to end is deleted at once. From that moment its pods count as waiting for a node, so that
//! a new one is ordered before the old one is drained.
//!
//! - notice: what a message or a status means for a claim, as pure functions
//! - queue: the part that takes messages
//! - status: the part that asks how instances are
//! - shift: the part that asks which zones the cluster is shifted away from

mod notice;
mod queue;
mod shift;
mod status;

pub use queue::Interruptions;
pub use shift::ZonalShift;
pub use status::InstanceStatuses;

#[cfg(test)]
mod tests;
