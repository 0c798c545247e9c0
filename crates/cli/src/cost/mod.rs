//! `supercargo cost`: what a cluster cost, by whom, from a ledger on disk or from any server with the API of OpenCost.
//!
//! ```text
//! arguments ──> parameters of the API ──> --store DIR: the ledger answers in this process ──┐
//!                                     └─> --from URL, or the running up: the server answers ├──> rows ──> table, csv, parquet
//!                                                                                           └──> json
//! ```
//!
//! `supercargo cost sql` asks the ledger's files themselves; that takes the feature `sql`, and on several machines `scale-out`.

mod arguments;
mod book;
mod bucket;
mod csv;
mod import;
mod outlet;
mod parquet;
mod recording;
mod reprice;
mod rows;
mod run;
mod scale_out;
mod source;
mod sql;
mod tables;

/// The port on which a running cluster answers for its costs, which is OpenCost's.
pub const PORT: u16 = 9003;

pub use arguments::{Arguments, Format, What};
pub use rows::{AssetRow, CostRow, asset_rows, cost_rows};
pub use run::run;
pub use tables::{assets, costs, efficiency, report};
