//! What is served: every resource with its names, versions, subresources and field selectors.
//!
//! ```text
//! builtin_kinds (a table) ──┐
//! CustomResourceDefinitions ├──> Registry ──> discovery, routes, tables, OpenAPI
//! mounted groups ───────────┘
//! ```

mod builtin_kinds;
mod convert;
mod custom_kinds;
mod fields;
mod registry;
mod resource;

pub(crate) use convert::{Conversion, convert};
pub(crate) use custom_kinds::custom_resource;
pub(crate) use registry::Mounted;
pub use registry::MountedResource;
pub(crate) use registry::Registry;
pub(crate) use resource::{Resource, ScalePaths, Version};
