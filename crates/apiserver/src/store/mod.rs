//! The storage: objects in order, a revision that only grows, a history to watch, a log to survive.
//!
//! ```text
//! put/remove ──> one lock ──> revision+1 ──> log (if there is a directory)
//!                               ├──> table: ordered map "namespace/name" -> Arc<Stored>
//!                               ├──> owners: uid -> place, uid -> places of dependents
//!                               └──> history: bounded ring of events ──> wakes the watches of the table
//! ```
//!
//! Objects are kept as their serialised bytes with a few facts beside them: a list or a watch is served without parsing, and
//! a hundred thousand pods are a few hundred megabytes. What many objects say alike, who manages which fields, they share. Nothing in here knows what a kind is.

mod checksum;
mod error;
mod files;
mod log;
mod objects;
mod snapshot;
mod stored;
mod table;
mod watch;
mod written;

pub use error::StoreError;
pub(crate) use objects::{Expect, Place, Store, StoreOptions};
pub(crate) use stored::{Draft, FieldPath, Stored};
pub(crate) use table::{Change, Event, TableId};
pub(crate) use watch::{Pull, Subscription};
