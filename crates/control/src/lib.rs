//! The hands: loops that decide what is to be done about a cluster's nodes, and do it.
//!
//! ```text
//! State (mirror) + Knowledge ──decide──> [Action] ──> API server
//!            ^           ^                  │
//!            │           └── answers ── Outside (cloud, long computations)
//!            └─────────────── watches ──────┘
//! ```
//!
//! Each loop is a [part](supercargo_reconcile::Part): a pure function from the mirrored state, what the loops know
//! together ([`Knowledge`]) and the time, to actions. [`start`] runs all of them.

pub mod cluster;
pub mod conditions;
mod controllers;
pub mod digest;
pub mod disruption;
pub mod election;
pub mod endpoints;
pub mod garbage;
pub mod installation;
pub mod interruption;
pub mod journal;
mod knowledge;
pub mod launching;
pub mod lifecycle;
pub mod metrics;
pub mod node_class;
pub mod node_pool;
pub mod outside;
pub mod protection;
pub mod provisioning;
pub mod repair;
mod said;
pub mod settings;
#[cfg(test)]
mod stage;
pub mod termination;
#[cfg(test)]
mod test_world;

pub use controllers::{ControllerOptions, Controllers, PART_NAMES, start, start_knowing};
pub use knowledge::Knowledge;
