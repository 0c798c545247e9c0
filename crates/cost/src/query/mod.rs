//! What a user asks, in words: windows, steps, and all parameters of the API.

mod allocations;
mod calendar;
mod duration;
mod filters_v1;
mod parameters;
mod window;

pub use allocations::{AllocationRequest, Compatibility};
pub use calendar::Unit;
pub use duration::{DurationError, parse_duration};
pub use parameters::{ParameterError, Parameters};
pub use window::{WindowError, parse_window};
