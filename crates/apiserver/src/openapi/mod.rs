//! OpenAPI v3 documents of what is served: an index, and a document for each group and version; and all of it as one of v2.
//!
//! `kubectl explain` reads types and descriptions from them, `kubectl apply` the merge keys, and every write of kubectl looks whether the `patch` operation
//! of the kind takes `fieldValidation` (section 1.3).

mod document;
mod index;
mod lists;
mod operations;
mod parameters;
mod served;
mod version_two;
mod version_two_bytes;

pub use document::{document, schema_name};
pub use index::{hash, index};
pub use served::{Served, ServedSubresource};
pub use version_two::version_two;
pub use version_two_bytes::{ASKED_VERSION_TWO_BYTES, VERSION_TWO_BYTES, version_two_bytes};
