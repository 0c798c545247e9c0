//! An embedded Kubernetes API server.

pub mod admission;
pub mod builtin;
pub mod custom;
pub mod field_error;
pub mod gvk;
pub mod names;
pub mod openapi;
pub mod patch;
pub mod protobuf;
pub mod schema;
