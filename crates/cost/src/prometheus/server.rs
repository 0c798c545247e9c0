//! Whom range queries are sent to.

use std::io::Read;

use thiserror::Error;

/// Whether it is worth asking again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// It is not: the answer would be the same.
    Never,
    /// After a while; the server may have said how many seconds.
    After(Option<u64>),
}

/// A question that got no answer.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{problem}")]
pub struct AskError {
    /// What went wrong, in the server's words where it has any.
    pub problem: String,
    /// Whether to ask again.
    pub retry: Retry,
}

/// A server with Prometheus' API.
pub trait MetricServer {
    /// Says what is going to be asked for next, in this order. A server may begin to ask; what it is told does not change any
    /// answer.
    fn prepare(&mut self, paths: Vec<String>) {
        drop(paths);
    }

    /// Asks for a path with its query, such as `/api/v1/query_range?query=up&…`; the answer is read as it comes.
    fn ask(&mut self, path: &str) -> Result<Box<dyn Read + '_>, AskError>;

    /// Waits before asking again, for so many seconds.
    fn wait(&mut self, seconds: u64);
}
