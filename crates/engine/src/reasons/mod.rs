//! Why a pod has no place: per NodePool, how many types each constraint removed, in order, and the nearest miss.
//!
//! Reasons are data; sentences come last.
//!
//! ```text
//! NodePool: problem? static? taints ─> its requirements ─> the pod's ─> size ─> host ports ─> limits ─> minValues ─> left
//! ```

mod by_pool;
mod explanation;
mod wording;

pub use explanation::{Explained, Explanation, Step, explain_unplaced};
pub(crate) use wording::{amount, port_text, requested};
