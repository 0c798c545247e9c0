//! Pods and pod templates: defaults, what may be said, and what may change.

pub(crate) mod container;
pub(crate) mod defaults;
pub(crate) mod probes;
pub(crate) mod scheduling;
pub(crate) mod spec;
pub(crate) mod update;
pub(crate) mod volumes;
