//! What can go wrong with a data directory.

use std::path::PathBuf;

/// Why the storage could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A file or directory could not be made, read or written.
    #[error("{path}: {error}")]
    Io {
        /// Which.
        path: PathBuf,
        /// What the system says.
        #[source]
        error: std::io::Error,
    },
    /// Another process has the directory open.
    #[error("{path}: in use by another process; stop it, or choose another data directory")]
    Locked {
        /// The lock file.
        path: PathBuf,
    },
    /// A file is damaged before its end, so that what follows cannot be trusted.
    #[error(
        "{path}: damaged at byte {offset}; restore the directory from a copy, or remove it to start empty"
    )]
    Damaged {
        /// Which.
        path: PathBuf,
        /// Where the damage begins.
        offset: u64,
    },
}
