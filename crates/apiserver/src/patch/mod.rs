//! Changes to objects: JSON patch, merge patch, strategic merge patch, server-side apply.
//!
//! All of it is pure: a value and a patch give a value or an error. What the errors say is what the Kubernetes API says.

mod depth;
mod error;
pub mod fields;
pub mod json;
pub mod managed;
pub mod merge;
mod pointer;
pub mod strategic;
mod typed;

pub use error::PatchError;
