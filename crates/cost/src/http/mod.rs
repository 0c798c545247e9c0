//! The API of OpenCost over a ledger: every path with and without `/model`, GET and POST, parameters from the query string
//! and the form body together, one shape of errors.

mod allocation_json;
mod answers;
mod asset_json;
mod asset_query;
mod envelope;
mod information;
mod metrics;
mod number;
mod openapi;
mod router;
mod service;
mod summary_json;

pub use answers::{allocation_data, asset_data};
pub use asset_query::{AssetAggregation, AssetRequest, AssetRow, assets};
pub use router::router;
pub use service::{CostService, ServiceSettings};
