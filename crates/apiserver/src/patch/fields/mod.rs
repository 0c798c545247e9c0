//! Sets of fields: what a manager owns, and how `metadata.managedFields` writes it.

mod element;
mod fields_v1;
mod set;

pub use element::{Atom, PathElement};
pub use fields_v1::FieldsV1Error;
pub use set::FieldSet;
