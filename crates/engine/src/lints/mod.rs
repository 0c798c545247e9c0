//! What is unwise about a NodePool: it works, or nearly, but it will cost money or sleep.
//!
//! Each [`Lint`] says what is wrong, where in the manifest, and what would be right. Nothing here refuses anything; what
//! cannot be a NodePool at all is found when manifests are read.

mod budgets;
mod choice;
mod lifetime;
mod limits;
mod lint;
mod node_pool;
mod requirements;
mod stateful;

pub use lint::{Lint, Severity};
pub use node_pool::{lint_node_pool, lint_node_pools};
