//! From manifest files to objects: YAML and JSON, many documents, Lists, whole cluster dumps.
//!
//! ```text
//! files ──json, yaml──> items ──kinds we read──> validate ──> typed objects ──store──> Objects
//!                         │                         │                           │
//!                         └ unused kinds, counted   └──── problems, located ────┴──> Diagnostics
//! ```
//!
//! All problems of all files are reported at once, each with file, line and column. Positions cost nothing until there
//! is a problem: JSON is decoded straight from its text, and a path is looked up in the text only when it is needed.
//! Nothing in a file can make the reader panic, overflow its stack or take more than linear time and memory.

mod decode;
mod diagnostic;
mod essentials;
mod item;
mod json;
mod kinds_read;
mod lines;
mod older;
mod reader;
mod references;
mod source;
mod store;
mod yaml;
mod yaml_scalar;
mod yaml_tree;

pub use crate::validate::Severity;
pub use diagnostic::Diagnostic;
pub use essentials::{strip, strip_but_limits};
pub use reader::read;
pub use source::SourceFile;
