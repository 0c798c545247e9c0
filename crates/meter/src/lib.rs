//! The ledger alive: what a cluster runs and uses, watched, measured and written down.
//!
//! ```text
//! watches ──> State ──┐                    ┌──> log on disk ──> tables
//!                     ├──Meter──> facts ───┤
//! kubelets, metrics ──┘    ^               └──> ledger in memory ──> OpenCost API
//!                          └── spot prices of the market ──> price book
//! ```
//!
//! - The [`Meter`] is a part like any other: changes, answers and the time go in, requests come out. It notes when things
//!   go, so that a pod of ten seconds is paid for ten seconds, however seldom use is measured.
//! - What was observed counts when it is on disk; until then nothing new is observed. So a process that is killed loses what
//!   happened since its last observation and nothing else, and a full disk loses nothing.
//! - A kubelet that does not answer leaves a gap that says so.
//! - A meter that is ended in order looks once more, and loses nothing.

mod books;
mod ending;
mod gone;
mod meter;
mod outside;
mod scrape;
mod spot;
mod view;

use std::sync::Arc;

use kube::Client;
use supercargo_clock::Time;
use supercargo_cloud::CloudProvider;
use supercargo_reconcile::{DriverOptions, Running};

use ending::Ending;
use outside::World;
use scrape::Scraper;

pub use books::{Books, BooksError};
pub use ending::Metering;
pub use meter::{Meter, MeterOptions};
pub use outside::Told;
pub use spot::refresh_spot_prices;
pub use view::KINDS;

/// What a meter needs to run.
pub struct MeterRun {
    /// The API server.
    pub client: Client,
    /// The cluster's time.
    pub time: Time,
    /// Who knows spot prices, if anybody does.
    pub market: Option<Arc<dyn CloudProvider>>,
    /// Where everything is written down.
    pub books: Arc<Books>,
    /// Who is told what goes wrong.
    pub told: Told,
    /// How to measure.
    pub options: MeterOptions,
}

/// Starts a meter, which runs until this is dropped or ended. To be called within a tokio runtime.
pub fn start(run: MeterRun) -> Metering {
    let MeterRun { client, time, market, books, told, options } = run;
    let (ending, patience, is_kept) = (Ending::new(), options.patience, books.is_kept());
    let meter = Meter::new(options.clone(), books.until(&options.cluster));
    let scraper = Scraper::new(client.clone(), time.clone(), patience);
    let world = World::new(scraper, market, books, told, ending.clone());
    let driver = DriverOptions {
        client,
        time: time.clone(),
        concurrency: 1,
        manager: "supercargo-meter",
        outside: Some(Arc::new(world)),
        events: true,
        readings: None,
        lean: false,
    };
    let running = Running::start(driver, vec![Box::new(meter)]);
    Metering { running, ending, time, patience, is_kept }
}
