//! Subresources that are more than another view of the object: scale, eviction, binding, token.

mod binding;
mod create;
mod disruption;
mod eviction;
mod scale;
mod token;

pub(crate) use create::create;
pub(crate) use scale::{scale_of, update_scale};
