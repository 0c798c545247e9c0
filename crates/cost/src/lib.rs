//! The ledger: what ran, for how long, and what it cost.
//!
//! ```text
//! cluster, Prometheus, dumps ──> facts (integrals per container and hour) ──┐
//!                                                                           ├─ledger──> rows, assets ──allocation──> answers
//! price lists, spot history, bills ──> prices (with their origin) ──────────┘                                   └──http──> OpenCost API
//! ```
//!
//! Facts and prices are kept apart, so that a late bill re-prices the past without reading a metric again. Amounts are
//! whole numbers, money is in 10⁻⁹ dollars, and every division is exact: rows add up to assets, steps add up to windows,
//! and sharing moves costs without changing their sum. No answer depends on the order in which facts came in.

pub mod allocation;
pub mod asset;
pub mod collector;
pub mod dump;
pub mod export;
pub mod facts;
pub mod filter;
pub mod focus;
pub mod http;
pub mod interval;
pub mod ledger;
pub mod measures;
pub mod money;
pub mod prices;
pub mod prometheus;
pub mod query;
mod rollup;
pub mod store;
pub mod workload;

pub use allocation::{AggregateBy, Aggregation, AllocationQuery, AllocationSet, Sharing};
pub use facts::HourFacts;
pub use filter::Filter;
pub use interval::Interval;
pub use ledger::Ledger;
pub use money::Money;
pub use prices::PriceBook;
pub use store::Store;
pub use workload::Workload;
