//! Why there is no cluster.

use std::net::SocketAddr;

use thiserror::Error;

/// Why there is no cluster.
#[derive(Debug, Error)]
pub enum ScaleOutError {
    /// The address of a scheduler is none.
    #[error("{0} is no scheduler's address; expected HOST:PORT, such as scheduler:50050")]
    Address(String),
    /// Nobody can listen there.
    #[error("nobody can listen on {address}: {source}")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// Why not.
        source: std::io::Error,
    },
    /// The scheduler does not answer.
    #[error("the scheduler at {address} does not answer: {why}")]
    Unreachable {
        /// Where it should be.
        address: String,
        /// What was tried.
        why: String,
    },
    /// A directory for what is between stages cannot be used.
    #[error("{path}: {source}", path = path.display())]
    Directory {
        /// The directory.
        path: std::path::PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// Threads are missing.
    #[error("no threads: {0}")]
    Threads(#[source] std::io::Error),
    /// It has stopped by itself.
    #[error("it has stopped: {0}")]
    Stopped(String),
}
