//! From paths on the command line to objects, with every problem said at once.

mod files;
mod gather;

pub use files::{FileFailure, collect};
pub use gather::{Gathered, gather};
