//! Pods as they are held by the ten thousand: small, and alike ones share what they have in common.
//!
//! A pod of Kubernetes is some nine kilobytes once decoded, nearly all of it its spec; and the spec is the same for all
//! pods of a workload, but for the node they are on. So [`Pod`] has the node's name beside a spec that many pods
//! share, and an [`Interner`] finds the pods whose specs are equal. Read and written, it is a pod like any other.

mod interner;
mod object;
mod shared;
mod wire;

pub use interner::Interner;
pub use object::Pod;
pub use shared::Shared;
