//! Nodes are drained and their instances ended (reference section 3.5).
//!
//! ```text
//! NodeClaim deleted ──claim──> its Nodes deleted ──node──> taint ─> drain ─> volumes ─> instance ─> finalizers
//!                                   ^                                 │                    │
//!              Node deleted by hand ┘                        Eviction API (backoff)   Instances (asked in batches)
//! ```
//!
//! - node, claim: what is to be done about one of them, as pure functions
//! - drain: which pods are waited for, which go now, which by force
//! - volumes: attachments that have to go first
//! - instances: what EC2 says of instances that are to end, asked for many at once
//! - backoff: when a pod that could not be evicted is tried again
//! - index: nodes and claims by instance
//! - part: all of it together

mod backoff;
mod claim;
mod drain;
mod index;
mod instances;
mod node;
mod part;
mod verdict;
mod volumes;

pub(crate) use claim::end_by_force;
pub use part::Termination;

#[cfg(test)]
mod tests;
