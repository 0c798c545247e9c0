//! `supercargo consolidate`, `explain` and `generate` as their users see them, through the binary.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod consolidate;
mod explain;
mod generate;
#[allow(dead_code, reason = "shared with the tests of plan")]
#[path = "../plan/program.rs"]
mod program;
