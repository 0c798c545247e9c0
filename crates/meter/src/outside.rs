//! Who does what the meter cannot do itself: ask kubelets and the market, write to the books.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures::FutureExt;
use futures::future::BoxFuture;
use supercargo_cloud::CloudProvider;
use supercargo_cost::collector::{Observation, Readings};
use supercargo_reconcile::{Answer, Outside, Request};

use crate::books::Books;
use crate::ending::Ending;
use crate::scrape::Scraper;
use crate::spot;

/// Who is told what goes wrong, a sentence each.
pub type Told = Arc<dyn Fn(&str) + Send + Sync>;

/// What a meter asks for.
#[derive(Debug)]
pub(crate) enum Order {
    /// What is used on these nodes.
    Look(Vec<Arc<str>>),
    /// The same for the last time: what is not answered in time is not waited for.
    LookOnceMore(Vec<Arc<str>>),
    /// To write down.
    Enter(Arc<Observation>),
    /// Spot prices of these zones and types.
    Price(BTreeSet<(String, String)>),
    /// To tell the user.
    Tell(String),
    /// To wait until the end is wanted.
    AwaitEnd,
    /// Nothing more will be asked for.
    Close,
}

/// What came of it.
#[derive(Debug)]
pub(crate) enum Fulfilled {
    /// Of [`Order::Look`].
    Looked { readings: Vec<Readings>, silent_nodes: Vec<Arc<str>> },
    /// Of [`Order::Enter`].
    Entered { written: bool },
    /// Of [`Order::Price`].
    Priced { heard: bool },
    /// Of [`Order::Tell`] and [`Order::Close`].
    Told,
    /// Of [`Order::AwaitEnd`].
    EndWanted,
}

/// The world around a meter.
#[derive(Clone)]
pub(crate) struct World {
    scraper: Arc<Scraper>,
    market: Option<Arc<dyn CloudProvider>>,
    books: Arc<Books>,
    told: Told,
    /// Whether the last attempt to write failed, and it was told.
    failing: Arc<AtomicBool>,
    ending: Ending,
}

impl World {
    /// Kubelets, a market, and the books of a cluster.
    pub fn new(
        scraper: Scraper,
        market: Option<Arc<dyn CloudProvider>>,
        books: Arc<Books>,
        told: Told,
        ending: Ending,
    ) -> Self {
        Self { scraper: Arc::new(scraper), market, books, told, failing: Arc::default(), ending }
    }

    async fn fulfil(&self, order: &Order) -> Fulfilled {
        match order {
            Order::Look(nodes) => {
                let (readings, silent_nodes) = self.scraper.look(nodes).await;
                Fulfilled::Looked { readings, silent_nodes }
            }
            Order::LookOnceMore(nodes) => {
                let (readings, silent_nodes) = self.scraper.look_in_time(nodes).await;
                Fulfilled::Looked { readings, silent_nodes }
            }
            Order::Enter(observation) => {
                let (books, observation) = (Arc::clone(&self.books), Arc::clone(observation));
                let entered = tokio::task::spawn_blocking(move || books.enter(&observation)).await;
                let problem = match entered {
                    Ok(Ok(())) => None,
                    Ok(Err(error)) => Some(error.to_string()),
                    Err(error) => Some(error.to_string()),
                };
                let failed = self.failing.swap(problem.is_some(), Ordering::Relaxed);
                if let Some(problem) = problem.as_ref().filter(|_| !failed) {
                    (self.told)(&format!("costs are not written down, and tried again: {problem}"));
                }
                Fulfilled::Entered { written: problem.is_none() }
            }
            Order::Price(offerings) => Fulfilled::Priced { heard: self.price(offerings).await },
            Order::Tell(text) => {
                (self.told)(text);
                Fulfilled::Told
            }
            Order::AwaitEnd => {
                self.ending.wanted().await;
                Fulfilled::EndWanted
            }
            Order::Close => {
                self.ending.close();
                Fulfilled::Told
            }
        }
    }

    /// Asks the market and enters what is new; whether it answered.
    async fn price(&self, offerings: &BTreeSet<(String, String)>) -> bool {
        let Some(market) = self.market.as_ref().filter(|_| !offerings.is_empty()) else { return true };
        let entered = spot::enter(market, &self.books, offerings).await;
        if let Err(problem) = &entered {
            tracing::debug!(problem, "no new spot prices");
        }
        entered.is_ok()
    }
}

impl Outside for World {
    fn call(&self, request: Arc<dyn Request>) -> BoxFuture<'static, Answer> {
        let world = self.clone();
        async move {
            let answer: Answer = match (*request).as_any().downcast_ref::<Order>() {
                Some(order) => Box::new(world.fulfil(order).await),
                // nobody else asks
                None => Box::new(Fulfilled::Told),
            };
            answer
        }
        .boxed()
    }
}
