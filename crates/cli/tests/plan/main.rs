//! `supercargo plan` as its users see it, through the binary: what it prints where, how it ends, and what the examples
//! come to.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod bad_input;
mod behaviour;
mod examples;
mod program;
mod three_pods;
