//! The binary's parts: argument parsing, reading, tables, wiring. What is decided is decided in the crates below.
//!
//! ```text
//! arguments ──> command_line ──> plan, catalog ──> exit code
//!                                  │      └ data ──> stdout      (console)
//! files ──> input ──> Objects ─────┘      └ everything else ──> stderr
//! ```

pub mod catalog;
mod command_line;
pub mod console;
mod diagnostics;
pub mod exit;
pub mod figures;
pub mod input;
pub mod market;
pub mod place;
pub mod plan;

pub use command_line::{CommandLine, run};
