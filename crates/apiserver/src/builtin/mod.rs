//! Builtin kinds as upstream treats them: what is set when nothing is said, what may be said, what may change.
//!
//! ```text
//! create:  default ──> (admission) ──> strategy::prepare_for_create ──> validate
//! update:  default ──> (admission) ──> strategy::prepare_for_update ──> validate_update
//! status:  strategy::prepare_for_status ──> validate_status
//! ```
//!
//! Objects are JSON; a value of an unexpected type is passed over here and told by the check of types.

mod access;
pub mod addresses;
pub(crate) mod amounts;
mod availability;
mod cluster;
mod kinds;
pub mod metadata;
mod networking;
mod pod;
pub(crate) mod read;
mod registration;
pub(crate) mod selectors;
mod services;
pub(crate) mod storage;
pub mod strategy;
mod workloads;

pub use kinds::{default, is_namespaced, name_rule, validate, validate_status, validate_update};
pub use pod::defaults::qos_class;
pub(crate) use registration::ADMISSION_VARIABLES;
