//! Topology groups: the rules pods make about each other (reference section 2.7).
//!
//! A group is one constraint, shared by all classes that state it alike. Groups over the hostname are decided node by
//! node ([`HostCounts`]); groups over any other key have domains with counts ([`Group::counts`]), and a pod that such a
//! group concerns is pinned to a domain before nodes are packed.

mod collect;
mod counts;
mod group;
mod hosts;

pub use counts::{Links, Strength, Topology};
pub use group::{Count, Group, Rule};
pub use hosts::HostCounts;
