//! The HTTP API: paths, methods, parameters, fields, errors (reference section 2).

#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod allocations;
mod asking;
mod assets;
mod efficiency;
mod fuzzing;
mod identities;
mod information;
#[path = "../made_up/mod.rs"]
mod made_up;
mod manual;
mod paths;
mod refusals;
