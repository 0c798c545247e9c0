//! What the server promises, asked over HTTP in process.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

mod bad_input;
mod cluster;
mod conversion;
mod definitions;
mod deletion;
mod discovery;
mod lists;
mod logs;
mod narrow;
mod persistence;
mod pods;
mod watches;
mod witnesses;
mod writes;
