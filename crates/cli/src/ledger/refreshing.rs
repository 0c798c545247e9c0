//! What `/refreshPricing` does: the prices beside the ledger are read again, and the market is asked for spot prices.

use std::sync::{Arc, Mutex, PoisonError, RwLock, Weak};

use supercargo_cloud::CloudProvider;
use supercargo_cost::Ledger;
use supercargo_cost::http::RefreshPrices;
use supercargo_cost::prices::{FolderError, PriceFolder};
use supercargo_meter::{Books, refresh_spot_prices};
use tokio::runtime::Handle;

/// Where prices come from, as soon as that is known.
#[derive(Clone, Default)]
pub(super) struct Refreshing(Arc<Mutex<Option<Sources>>>);

/// The sources of prices. What is measured ends when it ends, whoever might refresh its prices.
#[derive(Clone)]
pub(super) struct Sources {
    pub(super) folder: Option<PriceFolder>,
    pub(super) ledger: Weak<RwLock<Ledger>>,
    pub(super) market: Option<Arc<dyn CloudProvider>>,
    pub(super) books: Weak<Books>,
    /// Of the threads on which the market is asked.
    pub(super) runtime: Handle,
}

impl Refreshing {
    /// From now on prices come from there.
    pub(super) fn set(&self, sources: Sources) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(sources);
    }

    /// What the API calls, on a thread that may wait.
    pub(super) fn as_refresh(&self) -> RefreshPrices {
        let known = self.clone();
        Arc::new(move || {
            let sources = known.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
            sources.map_or(Ok(()), |sources| sources.refresh())
        })
    }
}

impl Sources {
    fn refresh(&self) -> Result<(), String> {
        if let Some((folder, ledger)) = self.folder.as_ref().zip(self.ledger.upgrade()) {
            let problems = enter(folder, &ledger);
            if !problems.is_empty() {
                let told: Vec<String> = problems.iter().map(ToString::to_string).collect();
                return Err(told.join("; "));
            }
        }
        match self.market.as_ref().zip(self.books.upgrade()) {
            Some((market, books)) => self.runtime.block_on(refresh_spot_prices(market, &books)),
            None => Ok(()),
        }
    }
}

/// Enters the prices that are kept beside a ledger; what could not be read.
pub(super) fn enter(folder: &PriceFolder, ledger: &RwLock<Ledger>) -> Vec<FolderError> {
    let mut problems = Vec::new();
    // a writer replaces whole hours, so a poisoned ledger is still whole
    let mut ledger = ledger.write().unwrap_or_else(PoisonError::into_inner);
    ledger.change_prices(|book| match folder.enter(book) {
        Ok(found) => problems.extend(found),
        Err(problem) => problems.push(problem),
    });
    problems
}
