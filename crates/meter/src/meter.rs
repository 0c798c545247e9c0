//! The part that measures: when to look, and what comes of it.
//!
//! ```text
//! due ──Look──> kubelets ──readings──> observe ──Enter──> books ──> due
//!                                                  └── not written: Enter again, and nothing new is observed
//! end wanted ──> the same once more ──> Close
//! ```

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use supercargo_cost::collector::{Collector, CollectorSettings, Measured, Observation, ObserveError, Rates};
use supercargo_reconcile::{Action, Answer, Change, Key, Kind, Object, Outcome, Part, Request, State, Verb};

use crate::gone::Gone;
use crate::outside::{Fulfilled, Order};
use crate::view::{KINDS, busy_nodes, spot_offering, view};

/// How often spot prices are asked for, in seconds.
const PRICES_EVERY: i64 = 300;
/// The wait after an answer that did not come, in seconds.
const PRICES_AGAIN: i64 = 60;

/// How to measure.
#[derive(Clone, Debug)]
pub struct MeterOptions {
    /// Id of the cluster.
    pub cluster: String,
    /// How often, at least a second.
    pub interval: Duration,
    /// How long a kubelet, or the disk, may take.
    pub patience: Duration,
    /// The longest stretch, in seconds, that one measurement may stand for.
    pub longest_stretch: u64,
    /// Whether the cluster goes on while nobody measures. One that ends with this process does not: what lies between two
    /// processes is a gap, and costs nothing.
    pub goes_on: bool,
}

impl MeterOptions {
    /// The longest stretch, in seconds, that one measurement stands for by default: five minutes.
    pub const LONGEST_STRETCH: u64 = 300;

    /// A cluster that goes on by itself, measured every minute.
    pub fn new(cluster: impl Into<String>) -> Self {
        MeterOptions {
            cluster: cluster.into(),
            interval: Duration::from_secs(60),
            patience: Duration::from_secs(10),
            longest_stretch: Self::LONGEST_STRETCH,
            goes_on: true,
        }
    }
}

/// What it waits for.
#[derive(Debug)]
enum Stage {
    /// The next moment to look.
    Waiting,
    /// Readings.
    Looking,
    /// What was observed is being written down.
    Entering(Arc<Observation>),
    /// It could not be written down; the next moment to try.
    Holding(Arc<Observation>),
}

/// How near the end is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Closing {
    /// Nobody wants it.
    No,
    /// It is wanted: what went on until now is to be looked at and written down.
    Wanted,
    /// What could not be written down before was tried once more.
    Pressed,
    /// The last look is taken.
    Looked,
    /// Everything is said.
    Closed,
}

/// Measures a cluster.
pub struct Meter {
    options: MeterOptions,
    collector: Collector,
    rates: Rates,
    gone: Gone,
    stage: Stage,
    due: Timestamp,
    /// What is to be asked for at once.
    orders: Vec<Order>,
    /// Zones and types of spot nodes.
    offerings: BTreeSet<(String, String)>,
    prices_due: Timestamp,
    tickets: u64,
    /// Whether the cluster was away and that is not written down yet.
    was_away: bool,
    /// Whether it was said that the clock went back.
    said_back: bool,
    closing: Closing,
}

impl Meter {
    /// A meter that goes on from the time until which everything is written down.
    pub fn new(options: MeterOptions, until: Option<i64>) -> Self {
        let settings = CollectorSettings {
            longest_stretch: options.longest_stretch,
            ..CollectorSettings::new(&options.cluster)
        };
        let collector = match until {
            Some(until) => Collector::resume(settings, until),
            None => Collector::new(settings),
        };
        Self {
            was_away: until.is_some() && !options.goes_on,
            options,
            collector,
            rates: Rates::default(),
            gone: Gone::default(),
            stage: Stage::Waiting,
            due: Timestamp::MIN,
            orders: vec![Order::AwaitEnd],
            offerings: BTreeSet::new(),
            prices_due: Timestamp::MAX,
            tickets: 0,
            said_back: false,
            closing: Closing::No,
        }
    }

    fn ask(&mut self, order: Order) -> Action {
        self.tickets += 1;
        let request: Arc<dyn Request> = Arc::new(order);
        let verb = Verb::Outside { ticket: self.tickets, request };
        Action { kind: Kind::Node, key: Key::cluster(""), verb }
    }

    /// The next round time.
    fn next(&self, now: Timestamp) -> Timestamp {
        let interval = i64::try_from(self.options.interval.as_secs()).unwrap_or(i64::MAX).max(1);
        let next = now.as_second().div_euclid(interval).saturating_add(1).saturating_mul(interval);
        Timestamp::from_second(next).unwrap_or(Timestamp::MAX)
    }

    /// Makes facts of what was read.
    fn measure(&mut self, measured: &Measured, state: &State, now: Timestamp) {
        let observed = {
            let view = view(state, &self.gone);
            self.collector.observe(now.as_second(), &view, &measured.as_measurements())
        };
        self.take(observed);
    }

    fn take(&mut self, observed: Result<Observation, ObserveError>) {
        self.stage = Stage::Waiting;
        match observed {
            Ok(observation) => {
                self.gone.clear();
                self.said_back = false;
                // the first look only begins the time
                if !observation.hours.is_empty() {
                    let observation = Arc::new(observation);
                    self.orders.push(Order::Enter(Arc::clone(&observation)));
                    self.stage = Stage::Entering(observation);
                }
            }
            Err(error) => {
                if !std::mem::replace(&mut self.said_back, true) {
                    self.orders.push(Order::Tell(error.to_string()));
                }
            }
        }
    }

    /// Whether there is something to be done towards the end.
    fn closes_on(&self) -> bool {
        match (self.closing, &self.stage) {
            (Closing::Wanted, stage) => !matches!(stage, Stage::Entering(_)),
            (Closing::Pressed | Closing::Looked, stage) => {
                matches!(stage, Stage::Waiting | Stage::Holding(_))
            }
            (Closing::No | Closing::Closed, _) => false,
        }
    }

    /// The last look, and the end when it is written down or cannot be.
    fn close(&mut self, state: &State) {
        if !self.closes_on() {
            return;
        }
        match (self.closing, std::mem::replace(&mut self.stage, Stage::Waiting)) {
            (Closing::Wanted, Stage::Holding(observation)) => {
                self.closing = Closing::Pressed;
                self.orders.push(Order::Enter(Arc::clone(&observation)));
                self.stage = Stage::Entering(observation);
            }
            // who was away did not see anything since
            (Closing::Wanted | Closing::Pressed, Stage::Waiting | Stage::Looking) if !self.was_away => {
                self.closing = Closing::Looked;
                // of two looks the one that is answered first counts
                self.stage = Stage::Looking;
                self.orders.push(Order::LookOnceMore(busy_nodes(state)));
            }
            (_, stage) => {
                self.closing = Closing::Closed;
                if matches!(stage, Stage::Holding(_)) {
                    self.orders
                        .push(Order::Tell("ending: the last costs could not be written down".to_owned()));
                }
                self.orders.push(Order::Close);
            }
        }
    }

    /// What is to be asked for at this moment.
    fn decide(&mut self, state: &State, now: Timestamp) {
        if self.closing != Closing::No {
            return self.close(state);
        }
        if self.prices_due <= now {
            self.prices_due = Timestamp::MAX;
            // what no node is of any more needs no price
            let spot = state.nodes.values().filter_map(|node| spot_offering(node.metadata.labels.as_ref()));
            self.offerings = spot.collect();
            self.orders.push(Order::Price(self.offerings.clone()));
        }
        if self.due > now {
            return;
        }
        self.due = self.next(now);
        match std::mem::replace(&mut self.stage, Stage::Waiting) {
            Stage::Waiting if std::mem::take(&mut self.was_away) => {
                let observed = self.collector.absent(now.as_second());
                self.take(observed);
            }
            Stage::Waiting => {
                self.stage = Stage::Looking;
                self.orders.push(Order::Look(busy_nodes(state)));
            }
            Stage::Holding(observation) => {
                self.orders.push(Order::Enter(Arc::clone(&observation)));
                self.stage = Stage::Entering(observation);
            }
            // an answer is late, and the next look with it
            busy @ (Stage::Looking | Stage::Entering(_)) => self.stage = busy,
        }
    }
}

impl Part for Meter {
    fn name(&self) -> &'static str {
        "meter"
    }

    fn kinds(&self) -> &'static [Kind] {
        KINDS
    }

    fn observe(&mut self, change: &Change, _: &State, now: Timestamp) {
        self.gone.note(change, now.as_second());
        if let Some(Object::Node(node)) = &change.new
            && let Some(offering) = spot_offering(node.metadata.labels.as_ref())
            && self.offerings.insert(offering)
        {
            self.prices_due = now;
        }
    }

    fn step(&mut self, state: &State, now: Timestamp) -> Vec<Action> {
        self.decide(state, now);
        let orders = std::mem::take(&mut self.orders);
        orders.into_iter().map(|order| self.ask(order)).collect()
    }

    fn done(&mut self, _: &Action, _: &Outcome, _: &State, _: Timestamp) {}

    fn answered(&mut self, _: u64, answer: Answer, state: &State, now: Timestamp) {
        let Ok(answer) = answer.downcast::<Fulfilled>() else { return };
        match *answer {
            Fulfilled::Looked { readings, silent_nodes } if matches!(self.stage, Stage::Looking) => {
                let measured = self.rates.take(readings, silent_nodes);
                self.measure(&measured, state, now);
            }
            Fulfilled::Entered { written } => {
                if let Stage::Entering(observation) = std::mem::replace(&mut self.stage, Stage::Waiting)
                    && !written
                {
                    self.stage = Stage::Holding(observation);
                }
            }
            Fulfilled::Priced { heard } if !self.offerings.is_empty() => {
                let wait = SignedDuration::from_secs(if heard { PRICES_EVERY } else { PRICES_AGAIN });
                self.prices_due = self.prices_due.min(now.checked_add(wait).unwrap_or(Timestamp::MAX));
            }
            Fulfilled::EndWanted => self.closing = Closing::Wanted,
            Fulfilled::Looked { .. } | Fulfilled::Priced { .. } | Fulfilled::Told => {}
        }
    }

    fn wake(&self) -> Option<Timestamp> {
        if !self.orders.is_empty() || self.closes_on() {
            return Some(Timestamp::MIN);
        }
        (self.closing == Closing::No).then(|| self.due.min(self.prices_due))
    }
}
