//! Kubernetes quantities, exact: `250m`, `2`, `1.5Gi`, `1e3`.
//!
//! ```text
//! text ──parse──> Quantity (nano units, i128; format) ──format──> canonical text
//!   └──fast──> i64 in milli or whole units (no Quantity built for plain forms)
//! ```
//!
//! No floating point number takes part anywhere. A value finer than a nano unit is rounded away from zero, a binary
//! value beyond 2^63-1 is capped there (both as Kubernetes does), and a decimal value of 1e29 or more is an error.

mod error;
mod fast;
mod format;
mod parse;
mod value;
mod wire;

pub use error::QuantityError;
pub use fast::{parse_milli, parse_value};
pub use value::{Quantity, QuantityFormat};
