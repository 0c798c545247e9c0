//! Opening the books of a cluster, and measuring it.

use std::path::Path;
use std::sync::{Arc, RwLock};
use std::time::Duration;

use supercargo_catalog::Catalog;
use supercargo_clock::{Clock, Time};
use supercargo_cloud::CloudProvider;
use supercargo_cost::allocation::LabelAliases;
use supercargo_cost::http::{CostService, ServiceSettings};
use supercargo_cost::prices::PriceFolder;
use supercargo_cost::{Ledger, PriceBook};
use supercargo_meter::{Books, MeterOptions, MeterRun, Metering, Told};

use super::refreshing::{Refreshing, Sources, enter};
use crate::exit::Failure;

/// How often new prices beside a ledger are looked for.
const LOOKED_FOR_PRICES: Duration = Duration::from_secs(60);

/// The ledger of a cluster.
pub(crate) struct Account {
    /// What answers for it.
    pub(crate) service: CostService,
    ledger: Arc<RwLock<Ledger>>,
    time: Time,
    refreshing: Refreshing,
}

impl Account {
    /// An empty ledger with the prices of a region. It answers at once; what it says comes with the books.
    pub(crate) fn new(cluster: &str, region: &str, time: &Time, label_aliases: LabelAliases) -> Self {
        let ledger = Arc::new(RwLock::new(Ledger::new(PriceBook::of_region(Catalog::embedded(), region))));
        let clock: Arc<dyn Clock> = Arc::new(time.clone());
        let settings = ServiceSettings {
            cluster_id: cluster.to_owned(),
            cluster_name: cluster.to_owned(),
            region: region.to_owned(),
            label_aliases,
            ..ServiceSettings::default()
        };
        let refreshing = Refreshing::default();
        let service =
            CostService::new(Arc::clone(&ledger), clock, settings).with_refresh(refreshing.as_refresh());
        Self { service, ledger, time: time.clone(), refreshing }
    }
}

/// What is measured, and how.
pub(crate) struct Measuring<'a> {
    /// The API server.
    pub(crate) client: kube::Client,
    /// Who knows spot prices.
    pub(crate) market: Option<Arc<dyn CloudProvider>>,
    /// Where the ledger is kept, if it is.
    pub(crate) directory: Option<&'a Path>,
    /// Who is told what goes wrong.
    pub(crate) told: Told,
    /// How to measure.
    pub(crate) options: MeterOptions,
}

/// Opens the books of an account, and measures until this is ended or dropped.
pub(crate) fn keep(account: &Account, measuring: Measuring<'_>) -> Result<Metering, Failure> {
    let Measuring { client, market, directory, told, options } = measuring;
    let ledger = Arc::clone(&account.ledger);
    let books = match directory {
        None => Books::in_memory(ledger),
        Some(directory) => {
            let opened = Books::open(directory, ledger);
            let (books, problems) =
                opened.map_err(|error| Failure::new(format!("the ledger cannot be kept: {error}")))?;
            for problem in problems {
                told(&format!("ledger: {problem}"));
            }
            follow_prices(PriceFolder::of(directory), &account.ledger, &account.time, Arc::clone(&told));
            books
        }
    };
    let (time, books) = (account.time.clone(), Arc::new(books));
    account.refreshing.set(Sources {
        folder: directory.map(PriceFolder::of),
        ledger: Arc::downgrade(&account.ledger),
        market: market.clone(),
        books: Arc::downgrade(&books),
        runtime: tokio::runtime::Handle::current(),
    });
    Ok(supercargo_meter::start(MeterRun { client, time, market, books, told, options }))
}

/// Enters the prices that are kept beside the ledger, and again whenever there are new ones, as long as the ledger is there.
fn follow_prices(folder: PriceFolder, ledger: &Arc<RwLock<Ledger>>, time: &Time, told: Told) {
    let ledger = Arc::downgrade(ledger);
    let time = time.clone();
    tokio::spawn(async move {
        let mut entered = 0;
        while let Some(ledger) = ledger.upgrade() {
            match folder.version() {
                Ok(version) if version != entered => {
                    entered = version;
                    enter(&folder, &ledger).iter().for_each(|problem| told(&format!("prices: {problem}")));
                }
                Ok(_) => {}
                Err(problem) => told(&format!("prices: {problem}")),
            }
            drop(ledger);
            time.sleep(LOOKED_FOR_PRICES).await;
        }
    });
}
