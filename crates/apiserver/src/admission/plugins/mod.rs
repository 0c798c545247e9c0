//! The builtin steps: those of upstream's default set that have something to do here.

mod defaults;
pub(super) mod limits;
mod namespace;
mod order;
mod priority;

pub(super) use order::{mutate, validate};
