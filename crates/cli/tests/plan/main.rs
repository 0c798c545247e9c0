//! `supercargo plan` as its users see it, through the binary: what it prints where, how it ends, and what the examples
//! come to.

mod bad_input;
mod behaviour;
mod examples;
mod program;
mod three_pods;
