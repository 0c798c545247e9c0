//! The binary's parts: argument parsing, reading, tables, wiring. What is decided is decided in the crates below.
//!
//! ```text
//! arguments ──> command_line ──> plan, catalog ──> exit code
//!                                  │      └ data ──> stdout      (console)
//! files ──> input ──> Objects ─────┘      └ everything else ──> stderr
//! ```

pub mod catalog;
pub mod cluster;
mod columns;
mod command_line;
pub mod console;
pub mod consolidate;
pub mod controller;
pub mod cost;
mod diagnostics;
mod documents;
pub mod exit;
pub mod explain;
pub mod figures;
pub mod generate;
pub mod input;
pub mod install;
pub mod journal;
mod ledger;
pub mod local;
pub mod market;
pub mod place;
pub mod plan;
pub mod progress;
pub mod sim_check;
pub mod simulate;
pub mod up;

pub use command_line::{CommandLine, run};
