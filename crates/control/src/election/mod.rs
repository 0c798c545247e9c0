//! One replica works, the others wait; other autoscalers are noticed.
//!
//! ```text
//! Lease ──Candidate──> what to write ──Elector──> leads, waits, has lost        (several replicas)
//! Deployments, Leases ──rivals──> who else buys nodes ──Guard──> parts wait     (other autoscalers)
//! ```
//!
//! The lease is that of Karpenter, by name and meaning (reference sections 6.4, 9.3), so that a Karpenter that is still there and
//! a supercargo that takes over never work at the same time.

mod candidate;
mod elector;
mod guard;
mod paused;
mod rivals;

pub use candidate::{Candidate, ElectionOptions, Move, OWN_IDENTITY};
pub use elector::Elector;
pub use guard::{CONDITION, Guard};
pub use paused::Paused;
pub use rivals::{LEASE_NAMES, Rival, RivalKind, Trace, rivals};
