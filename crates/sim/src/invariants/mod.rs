//! What must hold at every moment, and what must hold when everything has come to rest.
//!
//! - checks: all of them, fed with changes and writes
//! - evictions: pods go only as far as their budgets and their wishes allow
//! - budgets: no more nodes of a NodePool are disrupted at once than it allows
//! - wishes: a node with a pod that is not to be disrupted stays
//! - launches: one claim, one launch, also where several were launched in one call
//! - limits: a NodePool never holds more than its limits
//! - prices: consolidation never raises the price
//! - rest: machines and claims agree, nothing is stuck
//! - placeable: what can run runs

mod budgets;
mod checks;
mod evictions;
mod launches;
mod limits;
mod placeable;
mod prices;
mod rest;
mod wishes;

pub use checks::{Checks, Invariant, Violation};
pub use placeable::{placeable, placeable_meanwhile};
pub use rest::at_rest;
