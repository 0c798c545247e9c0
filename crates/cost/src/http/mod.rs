//! The API of OpenCost over a ledger: every path with and without `/model`, GET and POST, parameters from the query string
//! and the form body together, one shape of errors.

mod allocation_json;
mod answers;
mod asset_json;
mod asset_query;
mod autocomplete;
mod csv;
mod efficiency;
mod envelope;
mod exposition;
mod information;
mod kube_state;
mod last_hour;
mod machines;
mod metrics;
mod number;
mod openapi;
mod router;
mod routes;
mod service;
mod summary_json;
mod telemetry;

pub use answers::{allocation_data, asset_data};
pub use asset_query::{AssetRow, AssetSet, asset_sets, assets};
pub use router::router;
pub use service::{CostService, RefreshPrices, ServiceSettings};
