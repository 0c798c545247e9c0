//! Kinds that make pods.

pub(crate) mod batch;
pub(crate) mod replicated;
pub(crate) mod rolling;
