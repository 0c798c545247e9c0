//! Prices the user gives, which replace the catalogue's: negotiated rates, prices read from the account.
//!
//! ```yaml
//! # YAML or JSON: a list, or the same list under `prices`
//! - instanceType: m7i.2xlarge
//!   capacityType: on-demand
//!   price: 0.31
//! - instanceType: m7i.2xlarge
//!   capacityType: spot
//!   zone: us-east-1a      # without a zone: every zone
//!   price: "0.1234"
//!   date: 2026-11-20      # without a date: the day of the answer
//! ```
//!
//! ```csv
//! instanceType,zone,capacityType,price
//! m7i.2xlarge,,on-demand,0.31
//! ```
//!
//! All problems of a file are reported at once, each with its line.

mod apply;
mod csv;
mod entry;
mod yaml;

pub use entry::{PriceOverride, PriceOverrideProblem, PriceOverrides, PriceOverridesError};
