//! Scenarios: the whole system in virtual time, through faults, held against its invariants.
//!
//! ```text
//! Scenario ──timeline──> happenings ──┐
//!    └──> World: API server, region, scheduler, kubelets, controllers (one thread, virtual time)
//!                        │                  └── Gate: faults, audit of writes
//!                        └──changes──> Observer: lives, samples, log, invariants ──> Outcome ──> report
//! ```
//!
//! The controllers are the real ones, on the real API server; only EC2, the kubelets and the time are simulated. The same
//! scenario and seed give the same log, byte for byte.

pub mod invariants;
pub mod observing;
mod outcome;
pub mod random;
pub mod report;
mod run;
pub mod scenario;
mod search;
mod timeline;
pub mod world;

pub use outcome::{Cost, Outcome};
pub use run::{RunError, RunOptions, run};
pub use search::{Checked, Failure, check_seed, check_seeds, shortest_failure};
