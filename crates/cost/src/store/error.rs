//! What can be wrong with a store.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

/// What can be wrong with a store. Problems with one file are reported, and the others are read all the same.
#[derive(Debug, Error)]
pub enum StoreError {
    /// The file system refuses.
    #[error("{path}: {source}", path = path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file is not what was written.
    #[error("{path}: damaged: {what}; what it held is missing from answers", path = path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
    /// The end of a log is not whole: the process was killed while it wrote.
    #[error("{path}: {bytes} bytes from byte {at} on are no whole record; they are kept in {kept}", path = path.display(), kept = kept.display())]
    TornLog {
        /// The log.
        path: PathBuf,
        /// Where the last whole record ends.
        at: usize,
        /// How many bytes are left.
        bytes: usize,
        /// Where they are kept.
        kept: PathBuf,
    },
    /// Written by a later version of this program.
    #[error("{path}: format {found}, this program reads format {known}", path = path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: u32,
        /// The format that is known.
        known: u32,
    },
    /// Facts that cannot be written.
    #[error("facts of {cluster} at hour {hour} cannot be written: {what}")]
    Unwritable {
        /// The cluster.
        cluster: String,
        /// Start of the hour, in seconds since 1970.
        hour: i64,
        /// Why.
        what: String,
    },
}
