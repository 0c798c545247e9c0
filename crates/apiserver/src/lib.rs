//! An embedded Kubernetes API server.
//!
//! It is what the product runs on when there is no cluster, and what everything else is tested against, so it behaves as
//! a real one does: kubectl, client libraries and controllers cannot tell the difference in what they use.
//!
//! ```text
//! kubectl ──HTTPS──┐
//!                  ├──> http ──> verbs ──> admission, builtin, custom, patch, schema ──> store
//! kube::Client ────┘      ^                                                               │
//!                         └────────────── lists, watches, tables <────────────────────────┘
//! ```
//!
//! What promises hold:
//!
//! - Every write has its own revision; revisions only grow; a list is of one revision; a watch from a revision sees every
//!   later write to what it selects, in order, or is told that the revision is too old.
//! - Owners, namespaces and definitions are followed up in the same call that changed them: when a request is answered,
//!   what had to go because of it is gone.
//! - With the same seed, clock and requests, everything is the same, uids and generated names included.

pub mod admission;
mod bootstrap;
pub mod builtin;
pub mod custom;
mod definitions;
mod discovery;
pub mod field_error;
mod garbage;
pub mod gvk;
mod http;
mod interned;
mod lifecycle;
pub mod names;
mod namespaces;
pub mod openapi;
pub mod patch;
pub mod protobuf;
mod resources;
pub mod schema;
mod selectors;
mod server;
mod serving;
mod status;
mod store;
mod subresources;
mod tables;
mod verbs;

pub use crate::http::User;
pub use crate::resources::MountedResource;
pub use crate::server::{Server, ServerError, ServerOptions};
pub use crate::serving::{ServeOptions, Serving};
pub use crate::status::ApiError;
pub use crate::store::StoreError;
pub use crate::subresources::{LogLine, LogRequest, PodLog};
