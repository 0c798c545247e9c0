//! Every decision, with what it was decided from.
//!
//! ```text
//! decide ──record──> Journal (a ring in memory) ──query──> supercargo journal, /journal
//!                        └── new entries ──> JournalFile (JSON lines, appended)
//! ```
//!
//! Whoever decides writes an [`Entry`]; nothing is read back by the loops, so a lost journal loses no decision.

mod entry;
mod file;
mod log;
mod query;

pub use entry::{Alternative, Entry, EntryKind, Subject};
pub use file::{JournalFile, JournalFileError, read_entries};
pub use log::{CAPACITY, Journal};
pub use query::{JournalQuery, SubjectQuery};
