//! Scenarios: what a cluster is, what happens to it, and what must come of it.
//!
//! - document: the YAML as it is written
//! - read: from text to a [`Scenario`], with the place of what is wrong
//! - span: durations in scenarios
//! - workload: Deployments and how many replicas they want over time

mod document;
mod read;
mod span;
mod workload;

pub use document::{
    Assertions, Autoscale, Baseline, Change, Daily, Fault, FaultKind, ObjectName, Scenario, Step, Workload,
};
pub use read::{ScenarioError, read};
pub use span::Span;
