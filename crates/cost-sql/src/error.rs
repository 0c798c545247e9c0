//! Why there is no answer.

use datafusion::error::DataFusionError;
use supercargo_cost::store::StoreError;
use thiserror::Error;

/// Why there is no answer.
#[derive(Debug, Error)]
pub enum SqlError {
    /// The ledger cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The text is no SQL, or names what is not there.
    #[error("the query cannot be understood: {0}")]
    Query(String),
    /// The text is longer than any reader's patience.
    #[error(
        "the query has {found} words and signs besides names, numbers and texts; at most {most} are read"
    )]
    TooLong {
        /// How many it has.
        found: usize,
        /// How many are read.
        most: usize,
    },
    /// The text is SQL, and would change something.
    #[error("only queries are answered, such as select, with, show tables or describe: {0}")]
    NotAQuery(String),
    /// The query was understood and failed.
    #[error("the query failed: {0}")]
    Failed(String),
    /// The answer cannot be written.
    #[error("the answer cannot be written: {0}")]
    Unwritable(String),
    /// Threads are missing.
    #[error("no threads for the query: {0}")]
    Threads(#[source] std::io::Error),
}

/// What DataFusion says, in one line and without its catalog's names.
pub(crate) fn said(error: &DataFusionError) -> String {
    let text = error.find_root().strip_backtrace();
    let text = text.replace("datafusion.public.", "");
    let prefixes = [
        "Error during planning: ",
        "Schema error: ",
        "SQL error: ",
        "Execution error: ",
        "External error: ",
        "Internal error: ",
        "Arrow error: ",
        "This feature is not implemented: ",
    ];
    let mut rest = text.as_str();
    while let Some(after) = prefixes.iter().find_map(|prefix| rest.strip_prefix(prefix)) {
        rest = after;
    }
    // the parser's errors are shown as values
    let rest = rest.strip_prefix("ParserError(\"").and_then(|rest| rest.strip_suffix("\")")).unwrap_or(rest);
    // what functions there are says more than what was tried with each
    let rest = rest.find("No function matches").map_or(rest, |start| &rest[start..]);
    rest.split_whitespace().collect::<Vec<_>>().join(" ")
}

pub(crate) fn not_understood(error: &DataFusionError) -> SqlError {
    SqlError::Query(said(error))
}

pub(crate) fn failed(error: &DataFusionError) -> SqlError {
    SqlError::Failed(said(error))
}
