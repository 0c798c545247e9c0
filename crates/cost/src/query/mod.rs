//! What a user asks, in words: windows, steps, and all parameters of the API.

mod allocations;
mod assets;
mod calendar;
mod duration;
mod filters_v1;
mod format;
mod parameters;
mod standpoint;
mod steps;
mod window;

pub use allocations::AllocationRequest;
pub use assets::{AssetAggregation, AssetOrder, AssetRequest};
pub use calendar::Unit;
pub use duration::{DurationError, parse_duration};
pub use format::{CostMetric, Format};
pub use parameters::{ParameterError, Parameters};
pub use standpoint::{Compatibility, Standpoint};
pub use steps::{MOST_STEPS, Steps};
pub use window::{WindowError, parse_window, parse_window_of_opencost};
