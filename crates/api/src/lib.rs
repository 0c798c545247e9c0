//! The words: CRDs, labels, taints, quantities, durations, requirement algebra, validation.
//!
//! Everything above this crate speaks in these types. Nothing in here reads a clock, a file or a socket,
//! and nothing a manifest can contain makes it panic.

pub mod crd;
pub mod duration;
pub mod kinds;
pub mod labels;
pub mod manifest;
pub mod objects;
pub mod pod;
pub mod quantity;
pub mod requirement;
pub mod requirements;
pub mod resources;
pub mod schedule;
pub mod selector;
pub mod taint;
mod validate;
pub mod workloads;

pub use kinds::*;
pub use objects::Objects;
pub use pod::Pod;
pub use resources::Resources;
pub use validate::RuntimeProblem;
