//! The cluster as the engine wants it: the mirrored state, cut down to what counts, and the market of now.
//!
//! ```text
//! State ──────────> Inputs (shared objects, cheap) ──objects()──> Objects ─┐
//! Assignments ───────^                                                     ├──> Snapshot
//! EC2NodeClasses ─┐                                                        │
//! live prices ────┼──> Markets (cached by what they follow from) ──> Market┘
//! Unavailable ────┘
//! ```
//!
//! Reading the state is a walk over shared pointers, so that it can be done on the thread of the loops even in a cluster of
//! 100,000 pods; the copying and the compiling are done by whoever computes, on a thread of its own.

mod assignments;
mod crowded;
mod inputs;
mod kinds;
mod live;
mod live_prices;
mod market;
mod overdue;

pub use assignments::Assignments;
pub use inputs::{Inputs, inputs, objects, snapshot};
pub use kinds::kinds;
pub use live::{is_initialized, is_leaving, is_provisionable};
pub use live_prices::LivePrices;
pub(crate) use market::MarketInput;
pub use market::Markets;
pub use overdue::{Overdue, overdue};
