//! The plan as a document: what `supercargo plan` prints, and what other programs read.
//!
//! Everything in it is text and numbers; nothing refers back to the snapshot. The layout is versioned
//! (`supercargo.dev/v1`): fields may be added, none will change its meaning.

mod document;
mod nodes;
mod writing;

pub(crate) use document::month;
pub use document::{
    HOURS_PER_MONTH, Ignored, InstanceChoice, Node, NodePoolProblem, Placement, Plan, Summary, Unschedulable,
    Why,
};
pub(crate) use nodes::{percent, texts};
