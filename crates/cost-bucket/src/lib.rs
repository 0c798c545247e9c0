//! The ledger in an object store that speaks S3.
//!
//! ```text
//! Store::list ──> files of what is over ──put──> <prefix>/<table>/cluster=C/day=D/…, then <prefix>/commits/…
//! <prefix>/commits/ ──> what a window needs ──get──> a directory, which is a ledger like any other
//! ```
//!
//! Objects have the names that files have in a directory ([the ledger](../../../docs/ledger.md)), and the same rule holds:
//! what has no commit does not count. Files go up before their commit, and down before it, so that whoever reads, at
//! whatever moment, finds whole stretches. When a day is up, the hours it covers are removed, commits first. Nothing else is ever
//! removed: a bucket keeps what a directory forgets.
//!
//! Without the feature `s3` this crate is empty.
#![cfg(feature = "s3")]

mod bucket;
mod error;
mod fetch;
mod upload;

pub use bucket::Bucket;
pub use error::BucketError;
pub use fetch::Fetched;
pub use upload::Uploaded;
