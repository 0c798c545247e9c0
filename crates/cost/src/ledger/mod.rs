//! The ledger: hours of facts, priced when they are asked for.

mod book_keeping;
mod node_charges;
mod pricing;

pub use book_keeping::Ledger;
pub use pricing::{PricedHour, Row, price};
