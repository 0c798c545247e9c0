//! What can go wrong with a bucket.

use std::io;
use std::path::PathBuf;

use supercargo_cost::store::StoreError;
use thiserror::Error;

/// What can go wrong with a bucket.
#[derive(Debug, Error)]
pub enum BucketError {
    /// The address is none.
    #[error("{0} is no bucket; expected s3://BUCKET or s3://BUCKET/PREFIX")]
    Address(String),
    /// The object store refuses, or does not answer.
    #[error("{what}: {source}")]
    Remote {
        /// The object, or what was tried.
        what: String,
        /// What the client says.
        source: object_store::Error,
    },
    /// The ledger's directory cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A file cannot be read or written.
    #[error("{path}: {source}", path = path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A commit cannot be read.
    #[error("{object}: damaged: {what}")]
    Damaged {
        /// The commit.
        object: String,
        /// What is wrong.
        what: String,
    },
    /// No runtime for the client.
    #[error("no runtime for the client: {0}")]
    Runtime(#[source] io::Error),
}

pub(crate) fn remote(what: impl ToString) -> impl FnOnce(object_store::Error) -> BucketError {
    let what = what.to_string();
    move |source| BucketError::Remote { what, source }
}

pub(crate) fn at(path: &std::path::Path) -> impl FnOnce(io::Error) -> BucketError + '_ {
    move |source| BucketError::Io { path: path.to_owned(), source }
}
