//! Unhealthy nodes are replaced (reference section 3.7; gate NodeRepair).
//!
//! A node is unhealthy while a condition has a bad status, and is ended by force when it has had that for too long. If more
//! than a fifth of its NodePool is unhealthy, something else is wrong, and nobody is ended.

mod controller;
mod policies;

pub use controller::Repair;
