//! OpenAPI v3 documents of what is served: an index, and a document for each group and version.
//!
//! `kubectl explain` reads types and descriptions from them, `kubectl apply` the merge keys, and every write of kubectl looks whether the `patch` operation
//! of the kind takes `fieldValidation` (section 1.3).

mod document;
mod index;
mod lists;
mod operations;
mod parameters;
mod served;

pub use document::{document, schema_name};
pub use index::{hash, index};
pub use served::{Served, ServedSubresource};
