//! The ledger on disk.
//!
//! ```text
//! observation ──append──> log of the running hour (checksums, synced)
//!                                │ the hour is over
//!                                v
//!          DIR/<table>/cluster=C/day=D/HH.parquet, then DIR/commits/cluster=C/day=D/HH.json
//!                                │ the day is over
//!                                v
//!          DIR/<table>/cluster=C/day=D/day.parquet, then DIR/commits/cluster=C/day=D/day.json
//! ```
//!
//! What has no commit does not count, what has one has checksums. A process that is killed loses at most what it had not
//! appended, and nothing counts twice: a log whose hour is committed is dropped, and so are files that a day's commit covers.

mod checksum;
mod commits;
mod compaction;
mod error;
mod files;
mod frame;
mod layout;
mod listing;
mod log;
mod people;
mod record;
mod rolls;
mod spot_history;
mod table;
mod tables;

pub(crate) use commits::Commit;
pub use error::StoreError;
pub(crate) use files::damaged_hour;
pub use files::{Loaded, Recovered, Store};
pub use listing::{Finished, Listing, Running, TABLE_NAMES, TableFile, empty_table};
pub(crate) use people::People;
pub(crate) use rolls::RollKind;
