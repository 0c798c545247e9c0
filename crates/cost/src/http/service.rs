//! What the API serves from.

use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use supercargo_clock::Clock;

use crate::ledger::Ledger;
use crate::query::Compatibility;

/// What the API says of itself, and how it behaves by default.
#[derive(Clone, Debug)]
pub struct ServiceSettings {
    /// Id of the cluster.
    pub cluster_id: String,
    /// Name of the cluster.
    pub cluster_name: String,
    /// Region.
    pub region: String,
    /// Account.
    pub account: String,
    /// Version of the program.
    pub version: String,
    /// Local time minus UTC, in seconds (`UTC_OFFSET`).
    pub utc_offset: i64,
    /// Whose behaviour is followed when a request does not say.
    pub compatibility: Compatibility,
}

impl Default for ServiceSettings {
    fn default() -> ServiceSettings {
        ServiceSettings {
            cluster_id: "default-cluster".to_owned(),
            cluster_name: "default-cluster".to_owned(),
            region: String::new(),
            account: String::new(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            utc_offset: 0,
            compatibility: Compatibility::Correct,
        }
    }
}

/// A ledger with a clock. Clones share it.
#[derive(Clone)]
pub struct CostService {
    ledger: Arc<RwLock<Ledger>>,
    clock: Arc<dyn Clock>,
    settings: Arc<ServiceSettings>,
}

impl CostService {
    /// Serves a ledger.
    pub fn new(ledger: Arc<RwLock<Ledger>>, clock: Arc<dyn Clock>, settings: ServiceSettings) -> CostService {
        CostService { ledger, clock, settings: Arc::new(settings) }
    }

    /// The ledger, for reading.
    pub fn ledger(&self) -> RwLockReadGuard<'_, Ledger> {
        // a writer replaces whole hours, so a poisoned ledger is still whole
        self.ledger.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Seconds since 1970.
    pub fn now(&self) -> i64 {
        self.clock.now().as_second()
    }

    /// What it says of itself.
    pub fn settings(&self) -> &ServiceSettings {
        &self.settings
    }
}
