//! The custom resource definitions: generated from the types of [`crate::kinds`], cleaned to the form Kubernetes wants,
//! written as YAML and used as the schema that manifests are validated against.
//!
//! ```text
//! Rust types ──kube, schemars──> raw schema ──structural──> definition ──> crds/*.yaml (golden)
//!                                                                   └────> offline validation
//! ```

mod definitions;
mod structural;

pub use definitions::{Definition, definition_of, definitions};
