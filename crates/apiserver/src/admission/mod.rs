//! Admission: who may still change or refuse a write that is well formed.
//!
//! ```text
//! defaults ──> mutate: builtin steps, webhooks (again if asked) ──> validation ──> validate: policies, webhooks ──> commit
//!                                                                                                               │
//!                                                   quota::charge, under the lock that the write is made under ─┘
//! ```
//!
//! Everything is decided from a [`Request`] and what is stored ([`Lookup`]). Webhooks are called through [`Webhooks`],
//! whose transport and resolver of services can be replaced.

mod conditions;
mod lookup;
mod matching;
mod plugins;
mod policies;
pub mod quota;
mod request;
mod review;
mod steps;
mod transport;
mod webhooks;

pub use lookup::Lookup;
pub use request::{Admitted, Operation, Rejection, Request, UserInfo, Warning};
pub use steps::{admit, mutate, validate};
pub use transport::{
    CallError, Called, Connector, HttpTransport, LiteralResolver, Resolved, Resolver, ServiceReference,
    Target, Transport,
};
pub use webhooks::Webhooks;
