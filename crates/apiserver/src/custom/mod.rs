//! Custom resources: definitions checked and compiled, objects defaulted, pruned and validated.
//!
//! ```text
//! CustomResourceDefinition ──validate_definition──> errors
//!            └──Definition::compile──> per version: default, prune, validate (constraints, rules), columns
//! ```

mod check;
mod columns;
mod definition;
pub(crate) mod expression;
mod formats;
mod json_path;
mod node;
mod rules;
mod shaping;
mod status;
mod structural;
mod structural_rules;
mod validation;
pub(crate) mod webhook;

pub use check::{validate_definition, validate_definition_update};
pub use columns::Column;
pub use definition::{Definition, Scale, Version};
pub use json_path::{JsonPath, JsonPathError};
pub use status::{default_definition, first_status, status_of_definition};
