//! The ledger in memory with the store below it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use supercargo_cost::collector::Observation;
use supercargo_cost::prices::SpotQuote;
use supercargo_cost::store::StoreError;
use supercargo_cost::{Ledger, Store};
use thiserror::Error;

/// Seconds of an hour.
const HOUR: i64 = 3_600;
/// How far back a ledger reaches that is kept nowhere, in seconds: 92 days.
const IN_MEMORY: i64 = 92 * 24 * HOUR;

/// Why books cannot be kept.
#[derive(Debug, Error)]
pub enum BooksError {
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Another process keeps books there.
    #[error("{path}: another process writes to this ledger", path = path.display())]
    Taken {
        /// The directory.
        path: PathBuf,
    },
    /// The lock cannot be had.
    #[error("{path}: {source}", path = path.display())]
    Lock {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

/// A store that only this process writes to.
struct Kept {
    store: Store,
    _lock: File,
}

/// Region, zone and instance type.
type Offering = (Arc<str>, Arc<str>, Arc<str>);

/// What changes from one entry to the next.
#[derive(Default)]
struct Place {
    /// The hour of the last entry.
    hour: Option<i64>,
    /// The last price of an offering.
    quotes: BTreeMap<Offering, SpotQuote>,
}

/// The ledger of a cluster, in memory, and on disk if it is to be kept.
pub struct Books {
    ledger: Arc<RwLock<Ledger>>,
    kept: Option<Kept>,
    until: BTreeMap<Arc<str>, i64>,
    place: Mutex<Place>,
}

impl Books {
    /// Books that end with the process.
    pub fn in_memory(ledger: Arc<RwLock<Ledger>>) -> Books {
        Books { ledger, kept: None, until: BTreeMap::new(), place: Mutex::default() }
    }

    /// Books in a directory. What is there is put in order, and takes the place of the ledger. Also returns what could not
    /// be read.
    pub fn open(
        directory: &Path,
        ledger: Arc<RwLock<Ledger>>,
    ) -> Result<(Books, Vec<StoreError>), BooksError> {
        let store = Store::open(directory)?;
        let lock = lock(directory)?;
        let mut recovered = store.recover()?;
        let (quotes, unread) = store.spot_prices()?;
        recovered.problems.extend(unread);
        {
            let mut ledger = write(&ledger);
            let mut prices = ledger.prices().clone();
            prices.add_spot_quotes(&quotes);
            *ledger = Ledger::open(store.clone(), prices, true)?;
            recovered.problems.extend(ledger.take_problems());
        }
        let known = quotes.into_iter().map(|quote| (offering(&quote), quote)).collect();
        let place = Mutex::new(Place { hour: None, quotes: known });
        let kept = Some(Kept { store, _lock: lock });
        Ok((Books { ledger, kept, until: recovered.until, place }, recovered.problems))
    }

    /// Whether they outlast the process.
    pub const fn is_kept(&self) -> bool {
        self.kept.is_some()
    }

    /// The second until which a cluster is written down.
    pub fn until(&self, cluster: &str) -> Option<i64> {
        self.until.get(cluster).copied()
    }

    /// The ledger.
    pub fn ledger(&self) -> &Arc<RwLock<Ledger>> {
        &self.ledger
    }

    /// Enters what was observed: on disk first. If that fails nothing is entered, and the same may be tried again.
    pub fn enter(&self, observation: &Observation) -> Result<(), StoreError> {
        if let Some(kept) = &self.kept {
            kept.store.log(observation)?;
        }
        let end = observation.stretch.end;
        let hour = end.div_euclid(HOUR) * HOUR;
        let is_new = self.place().hour.replace(hour) != Some(hour);
        let mut ledger = write(&self.ledger);
        for facts in &observation.hours {
            ledger.absorb(facts.clone());
        }
        if !is_new {
            return Ok(());
        }
        // it is written down: what fails from here on is tidied up another time
        let tidied = match &self.kept {
            Some(_) => ledger.settle_before(end).and_then(|()| ledger.maintain(end, None)),
            None => {
                ledger.drop_before(end.saturating_sub(IN_MEMORY));
                Ok(())
            }
        };
        if let Err(error) = tidied {
            tracing::warn!(%error, "the ledger was not tidied up");
        }
        Ok(())
    }

    /// Zones and instance types of a region whose spot prices are written down.
    pub(crate) fn offerings(&self, region: &str) -> BTreeSet<(String, String)> {
        let place = self.place();
        let here = place.quotes.keys().filter(|(known, ..)| &**known == region);
        here.map(|(_, zone, instance_type)| (zone.to_string(), instance_type.to_string())).collect()
    }

    /// Enters spot prices that were seen. Those that are known are no news.
    pub fn quote(&self, quotes: Vec<SpotQuote>) -> Result<(), StoreError> {
        let mut place = self.place();
        let is_news = |quote: &SpotQuote| {
            place
                .quotes
                .get(&offering(quote))
                .is_none_or(|known| quote.since > known.since && quote.price != known.price)
        };
        let news: Vec<SpotQuote> = quotes.into_iter().filter(is_news).collect();
        if news.is_empty() {
            return Ok(());
        }
        if let Some(kept) = &self.kept {
            kept.store.append_spot_prices(&news)?;
        }
        write(&self.ledger).change_prices(|book| book.add_spot_quotes(&news));
        place.quotes.extend(news.into_iter().map(|quote| (offering(&quote), quote)));
        Ok(())
    }

    fn place(&self) -> MutexGuard<'_, Place> {
        // it is changed in one go, so a poisoned one is still whole
        self.place.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn offering(quote: &SpotQuote) -> Offering {
    (Arc::clone(&quote.region), Arc::clone(&quote.zone), Arc::clone(&quote.instance_type))
}

fn write(ledger: &RwLock<Ledger>) -> std::sync::RwLockWriteGuard<'_, Ledger> {
    // a writer replaces whole hours, so a poisoned ledger is still whole
    ledger.write().unwrap_or_else(PoisonError::into_inner)
}

/// Takes the directory for this process, until it ends, however it ends.
fn lock(directory: &Path) -> Result<File, BooksError> {
    let path = directory.join("lock");
    let failed = |source| BooksError::Lock { path: path.clone(), source };
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(BooksError::Taken { path: directory.to_owned() }),
        Err(TryLockError::Error(source)) => Err(failed(source)),
    }
}
