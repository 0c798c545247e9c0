//! SQL over the ledger, by DataFusion.
//!
//! ```text
//! Store::list ──> files that count ──> containers, nodes, volumes, …  (facts: Parquet, read where it lies) ──┐
//!            └──> hours that run   ──────────────────────────────^                                           ├──> SELECT ──> rows
//! Store::load ──> facts ──price──> allocations, assets                (priced as the query asks for them) ───┘
//! ```
//!
//! Facts are read column by column and skip what a filter rules out; prices are not stored, so what costs money is priced
//! while the query runs, hour by hour, and only the hours that the filter leaves. Nothing can be changed: statements
//! other than queries are refused.
//!
//! Queries run in this process, or where a [`Runner`] takes their plans.
//!
//! Without the feature `datafusion` this crate is empty.
#![cfg(feature = "datafusion")]

mod answer;
mod error;
mod facts;
mod hours;
mod label;
mod ledger;
mod priced;
mod runner;
mod sent;
mod sheets;
mod views;

pub use answer::{Format, Rows};
pub use error::SqlError;
pub use label::label_function;
pub use ledger::{SqlLedger, WORKER_STACK};
pub use priced::{PricedExec, Pricing, Problems, Subject};
pub use runner::{Here, Runner};
