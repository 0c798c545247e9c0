//! The ledger: hours of facts, priced when they are asked for.

mod archive;
mod book_keeping;
mod node_charges;
mod pieces;
mod pricing;

pub use book_keeping::Ledger;
pub(crate) use pieces::{Grain, Held, Need, Piece, Worth};
pub use pricing::{PricedHour, Row, price};
