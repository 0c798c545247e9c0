//! The OpenAPI document of the API: every route, its parameters, what it answers and what it refuses.

mod document;
pub mod parameters;
mod parts;
mod schemas;

pub use document::{Shape, document};
pub use parameters::Parameter;
