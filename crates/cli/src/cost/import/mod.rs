//! `supercargo cost import`: facts of other sources into a ledger on disk.
//!
//! ```text
//! --prometheus URL ──range queries, an hour each──┐
//! --dump FILE… ──────────────────────────────────┴──> HourFacts ──> the ledger's store
//! ```

mod ahead;
mod arguments;
mod certificates;
mod run;
mod server;

pub use arguments::ImportArguments;
pub use run::import;
