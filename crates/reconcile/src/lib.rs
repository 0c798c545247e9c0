//! What controllers are made of: a mirrored state, parts that decide, a driver that acts.
//!
//! ```text
//!            list, watch                      observe, step
//! API server ──────────> mirror::State ──────────────────────> parts ──> [Action]
//!     ^                                                                     │
//!     └───────────────────────── shell::perform <───────────────────────────┤
//! cloud, long computations <──────────── Outside <──────────────────────────┘
//! ```
//!
//! - A [`Part`] is a machine without IO: changes and the time go in, actions come out. Most are [`Controller`]s, functions
//!   from the state and one object to what is to be done about it.
//! - The [`Driver`] mirrors the API server into one [`State`] that all parts read, gives them their turns one after the
//!   other, and performs what they want. With one request at a time a run is repeatable: on paused time the same seed gives
//!   the same events, byte for byte.
//! - What takes long or asks others than the API server goes to the [`Outside`] and comes back as an answer; meanwhile the
//!   parts go on.

mod action;
mod difference;
mod keyed;
mod mirror;
mod outside;
mod part;
mod queue;
mod running;
mod shell;
#[cfg(any(test, feature = "toy"))]
pub mod toy;

pub use action::{Action, Note, Verb, reference};
pub use keyed::{Controller, Decision, Keyed};
pub use mirror::{
    Change, Key, Kind, Object, Place, Readings, State, Store, Stores, claims_of, controller_of, node_of,
};
pub use outside::{Answer, Outside, Request};
pub use part::{Outcome, Part, Refusal};
pub use queue::Queue;
pub use running::{Running, View};
pub use shell::{Driver, DriverOptions};
