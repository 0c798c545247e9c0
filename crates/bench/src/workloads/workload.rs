//! What a workload is.

use supercargo_api::Objects;
use supercargo_catalog::Catalog;
use supercargo_engine::market::{Market, MarketError};
use supercargo_engine::solve::SolveOptions;

use crate::workloads::TraceError;
use crate::{synthetic, us_east_1};

/// A problem to be solved and measured.
#[derive(Clone, Debug)]
pub struct Workload {
    /// `diverse`, `openb`.
    pub name: &'static str,
    /// Which of its kind: `20000`, `on-demand`. Empty if there is only one.
    pub variant: String,
    /// The cluster.
    pub objects: Objects,
    /// The compiled catalogue.
    pub market: Market,
    /// How it is solved.
    pub options: SolveOptions,
}

/// A workload that cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum WorkloadError {
    /// The market cannot be compiled.
    #[error(transparent)]
    Market(#[from] MarketError),
    /// The trace cannot be read.
    #[error(transparent)]
    Trace(#[from] TraceError),
}

/// The markets that workloads share.
#[derive(Clone, Debug)]
pub struct Context {
    /// See [`synthetic`].
    pub synthetic: Market,
    /// See [`us_east_1`].
    pub us_east_1: Market,
}

impl Context {
    /// Compiles both markets.
    ///
    /// # Errors
    /// As with [`Market::compile`].
    pub fn new() -> Result<Context, MarketError> {
        Ok(Context { synthetic: synthetic::market()?, us_east_1: us_east_1::market(Catalog::embedded())? })
    }
}
