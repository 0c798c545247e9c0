//! What the API serves from.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};
use std::time::Duration;

use supercargo_clock::Clock;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::allocation::LabelAliases;
use crate::http::telemetry::Telemetry;
use crate::ledger::Ledger;
use crate::query::{Compatibility, Standpoint};

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
    /// Which labels the words department, environment, owner, product and team stand for.
    pub label_aliases: LabelAliases,
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
            label_aliases: LabelAliases::default(),
        }
    }
}

/// Fetches prices anew; says in an error why it could not. It may wait: it is called where waiting does no harm.
pub type RefreshPrices = Arc<dyn Fn() -> Result<(), String> + Send + Sync>;

/// A ledger with a clock. Clones share it.
#[derive(Clone)]
pub struct CostService {
    ledger: Arc<RwLock<Ledger>>,
    clock: Arc<dyn Clock>,
    settings: Arc<ServiceSettings>,
    telemetry: Arc<Telemetry>,
    refresh: Option<RefreshPrices>,
    turns: Arc<Semaphore>,
}

/// How many answers are computed at once.
const AT_ONCE: usize = 4;

impl fmt::Debug for CostService {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("CostService").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl CostService {
    /// Serves a ledger.
    pub fn new(ledger: Arc<RwLock<Ledger>>, clock: Arc<dyn Clock>, settings: ServiceSettings) -> CostService {
        CostService {
            ledger,
            clock,
            settings: Arc::new(settings),
            telemetry: Arc::default(),
            refresh: None,
            turns: Arc::new(Semaphore::new(AT_ONCE)),
        }
    }

    /// What `/refreshPricing` does. Without it the prices are as fresh as they can be.
    pub fn with_refresh(self, refresh: RefreshPrices) -> CostService {
        CostService { refresh: Some(refresh), ..self }
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

    /// From where requests are read now.
    pub fn standpoint(&self) -> Standpoint {
        Standpoint {
            now: self.now(),
            utc_offset: self.settings.utc_offset,
            compatibility: self.settings.compatibility,
            aliases: self.settings.label_aliases.clone(),
        }
    }

    /// Waits for its turn to compute.
    pub(super) async fn turn(&self) -> Option<OwnedSemaphorePermit> {
        // nobody closes it
        Arc::clone(&self.turns).acquire_owned().await.ok()
    }

    /// Time since an unspecified moment.
    pub(super) fn elapsed(&self) -> Duration {
        self.clock.elapsed()
    }

    pub(super) fn telemetry(&self) -> &Telemetry {
        &self.telemetry
    }

    /// Fetches prices anew, if there is anything to fetch.
    pub(super) fn refresh(&self) -> Result<(), String> {
        self.refresh.as_ref().map_or(Ok(()), |refresh| refresh())
    }
}
