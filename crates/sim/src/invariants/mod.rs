//! What must hold at every moment, and what must hold when everything has come to rest.
//!
//! - checks: all of them, fed with changes and writes
//! - evictions: pods go only as far as their budgets and their wishes allow
//! - budgets: no more nodes of a NodePool are disrupted at once than it allows
//! - limits: a NodePool never holds more than its limits
//! - rest: machines and claims agree, nothing is stuck
//! - placeable: what can run runs

mod budgets;
mod checks;
mod evictions;
mod limits;
mod placeable;
mod rest;

pub use checks::{Checks, Invariant, Violation};
pub(crate) use placeable::placeable;
pub use rest::at_rest;
