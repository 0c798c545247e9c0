//! `supercargo explain`: why a pod waits or where it could go, why a node is what it is, what a NodePool allows.
//!
//! ```text
//! -f DUMP ──cluster──> Objects, Market ──engine──> Pod-, Node-, NodePoolExplanation ──> text, json, yaml
//! -f http://CONTROLLER ──/explain───────────────────────────────┘ with the decisions about it
//! ```

mod arguments;
mod live;
mod names;
mod node;
mod node_pool;
mod pod;
mod run;

pub use arguments::{Arguments, Format, Subject};
pub use run::{Explained, render, run};
