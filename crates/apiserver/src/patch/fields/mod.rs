//! Sets of fields: what a manager owns, and how `metadata.managedFields` writes it.

mod element;
mod fields_v1;
mod kept;
mod set;

pub use element::{Atom, PathElement};
pub use fields_v1::FieldsV1Error;
pub(crate) use fields_v1::is_plain;
pub(crate) use kept::KeptFields;
pub use set::FieldSet;
