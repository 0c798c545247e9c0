//! Subresources that are more than another view of the object: scale, eviction, binding, token, logs, connections.

mod binding;
mod containers;
mod create;
mod disruption;
mod eviction;
mod logs;
mod scale;
mod token;

pub(crate) use containers::connect;
pub(crate) use create::create;
pub use logs::{LogLine, LogRequest, PodLog};
pub(crate) use logs::{PodLogs, log};
pub(crate) use scale::{scale_of, update_scale};
