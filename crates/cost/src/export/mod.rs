//! Costs as tables, for programs that read Parquet or comma-separated values. Their columns are documented in
//! docs/ledger.md.
//!
//! ```text
//! priced hour ──> allocation_sheet, asset_sheet ──┐
//! answers of the API ─────────────────────────────┴─> Sheet ──> SheetWriter (Parquet), csv
//! ```

mod csv;
mod parquet;
mod priced;
mod sheet;

pub use csv::{csv_header, csv_lines};
pub use parquet::{SheetError, SheetWriter};
pub use priced::{allocation_columns, allocation_sheet, asset_columns, asset_sheet};
pub use sheet::{Cells, Sheet};
