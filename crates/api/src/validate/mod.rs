//! What is wrong with an object: the shape of its kind, the rules of its definition, and what a controller would
//! refuse at run time, all found offline.
//!
//! - [`known_shapes`], [`shape`], [`conform`]: schemas, and whether a value conforms to one
//! - [`cel`]: the rules of our definitions
//! - [`check`] and its implementations ([`custom`], [`workload`], [`pod`], [`volumes`], [`cluster`], ...): the rest
//! - [`path`], [`problem`]: where and what

mod affinity;
pub(crate) mod cel;
pub(crate) mod check;
mod cluster;
pub(crate) mod conform;
mod cron;
mod custom;
pub(crate) mod known_shapes;
mod kubelet;
mod kubelet_fields;
pub(crate) mod meant;
pub(crate) mod metadata;
pub(crate) mod path;
mod pattern_hints;
mod pod;
pub(crate) mod problem;
mod quantities;
mod requirement_terms;
mod runtime;
mod shape;
mod volumes;
pub(crate) mod workload;

pub use problem::Severity;
pub use runtime::RuntimeProblem;
