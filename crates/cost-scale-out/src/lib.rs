//! SQL over the ledger on several machines, by Ballista.
//!
//! ```text
//! SqlLedger: SQL ──> plan ──> Cluster ──> Scheduler ──> tasks ──> Executor ──> the ledger's files
//!                                │                          └───> Executor ──> the ledger's files
//!                                └<──────────── rows ─────────────────┘
//! ```
//!
//! Queries are understood and planned where they are asked; a plan is sent whole, with the files that count and the prices, so
//! that a query sees one state of the ledger. The scheduler cuts it into stages, executors ask for tasks and read the
//! ledger's files themselves: it lies at the same place for all of them.
//!
//! Without the feature `ballista` this crate is empty.
#![cfg(feature = "ballista")]

mod cluster;
mod codec;
mod error;
mod executor;
mod scheduler;
mod service;
mod stages;

pub use cluster::Cluster;
pub use error::ScaleOutError;
pub use executor::{Executor, ExecutorSettings, TaskHook, TaskOver};
pub use scheduler::Scheduler;
