//! What if these nodes went: where would their pods be, and what would it cost?
//!
//! ```text
//! Snapshot ──> Layout (rows of rooms, rules, new nodes; made once) ──> Board (free room and counts, undone for free)
//!                                                                        │
//!                                                  rooms that go ──what_if──> Relocation, or who is stranded
//! ```
//!
//! Nothing is rebuilt between questions. A room is found through a tree of largest free amounts; rules about nodes and
//! over domains are asked once per row of rooms that are alike. A question costs microseconds, and leaves no trace.
//!
//! Preferences have no say: a pod that would rather be elsewhere does not keep a node alive, and the scheduler still
//! heeds them when the pod is placed.

mod answer;
mod appraisal;
mod asking;
mod board;
mod breadth;
mod filling;
mod groups;
mod largest_free;
mod layout;
mod one_node;
mod opening;
mod placing;
mod rows;

pub use answer::{Answer, Ask, Fresh, Place, Relocation, SpotRule, Stranded};
pub use board::Board;
pub use layout::Layout;
