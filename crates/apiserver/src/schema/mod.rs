//! What a type looks like: fields, lists, maps, and how they merge.
//!
//! Patches, server-side apply, strict decoding, the protobuf reader and the published OpenAPI all ask the same [`Schema`]. Builtin kinds come from
//! the schemas of `k8s-openapi` and a table of merge rules ([`builtin`]), custom resources from their definition ([`from_crd`]).

mod arena;
mod builtin_kinds;
mod crd;
mod go_names;
mod json_text;
mod read;
mod rules;
mod scalars;
mod type_errors;
mod unknown;
mod write;

pub use arena::{ListType, PatchRule, Scalar, Schema};
pub use builtin_kinds::{builtin, builtin_type, builtins};
pub use crd::from_crd;
pub use json_text::{JsonText, JsonTextError, parse_json, strict_error};
pub use type_errors::TypeError;

pub(crate) use arena::{Shape, View, any};
pub(crate) use write::reference;
