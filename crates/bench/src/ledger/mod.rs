//! What the ledger promises, measured: answers over a month, taking in a sample, memory, disk.
//!
//! ```text
//! made-up fleet ──hours──> store ──days, roll-ups──> directory ──┬─ answers: warm in one process, cold in a new one
//!                                                                ├─ footprint: memory of a process that has answered
//!                                                                └─ size: bytes for a container and hour
//! made-up pods ──collector──> observation ──> ledger and log ──────> ingest
//! ```

mod answers;
mod disk;
mod fleet;
mod ingest;
mod pods;

pub use answers::{AnswerFigures, answers, answers_of_directory};
pub use disk::{LedgerError, directory};
pub use fleet::{Fleet, FleetSize};
pub use ingest::{IngestFigures, ingest, ingest_here};
