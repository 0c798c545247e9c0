//! A bill held against what ran.
//!
//! What a machine was billed for a stretch is divided by the time that the ledger knows it in that stretch: so the ledger's
//! costs of the machine add up to the bill, boot times and missed minutes included. So are volumes and load balancers.
//! Facts stay as they are; the rates go into the book of prices.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use supercargo_catalog::Usd;

use crate::facts::HourFacts;
use crate::interval::Interval;
use crate::money::Money;
use crate::prices::billed;
use crate::prices::files::{Bill, BillLine};
use crate::prices::{NodePrice, NodePriceKey, PriceBook, PriceSource};

/// What a machine, a volume or a load balancer cost per hour in a stretch, by its bill.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BillRate {
    /// Instance id; of a volume its handle, of a load balancer `loadbalancer/` and its name.
    pub instance: Arc<str>,
    /// First second of the stretch that was billed.
    pub from: i64,
    /// First second after it.
    pub until: i64,
    /// Per hour that the machine is known.
    pub price_per_hour: Usd,
    /// What was billed.
    pub billed: String,
    /// Seconds that the ledger knows the machine in the stretch.
    pub known_seconds: u64,
}

/// Seconds that machines, volumes and load balancers are known, by what bills call them and the start of the fact.
#[derive(Clone, Debug, Default)]
pub struct Observed {
    machines: BTreeMap<Arc<str>, BTreeSet<i64>>,
    seconds: BTreeMap<(Arc<str>, i64), u64>,
    costs: BTreeMap<(Arc<str>, i64), Money>,
}

impl Observed {
    /// Notes what is paid for of an hour, and what it costs at prices as they are.
    pub fn note(&mut self, facts: &HourFacts, book: &PriceBook) {
        for node in &facts.nodes {
            let instance: Arc<str> = node.instance_id().into();
            self.machines.entry(Arc::clone(&instance)).or_default().insert(node.interval.start);
            self.add(instance, node.interval, book.node_cost(node, node.interval).0);
        }
        for volume in facts.volumes.iter().filter(|volume| !volume.provider_id.is_empty()) {
            let (cost, _) = book.volume_cost(volume, volume.interval);
            self.add(billed::volume(volume), volume.interval, cost);
        }
        for balancer in &facts.balancers {
            if let Some(name) = billed::balancer(&balancer.address) {
                self.add(name, balancer.interval, book.balancer_cost(balancer, balancer.interval).0);
            }
        }
    }

    fn add(&mut self, resource: Arc<str>, interval: Interval, cost: Money) {
        let key = (resource, interval.start);
        *self.seconds.entry(key.clone()).or_default() += interval.seconds();
        *self.costs.entry(key).or_default() += cost;
    }

    fn in_stretch<'a, T>(
        map: &'a BTreeMap<(Arc<str>, i64), T>,
        line: &BillLine,
    ) -> impl Iterator<Item = &'a T> + use<'a, T> {
        let from = (Arc::clone(&line.resource), line.stretch.start);
        let until = (Arc::clone(&line.resource), line.stretch.end);
        map.range(from..until).map(|(_, value)| value)
    }
}

/// A day, billed and as the ledger had it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BilledDay {
    /// Billed for what the ledger knows.
    pub billed: Money,
    /// What the ledger had for the same resources and stretches before.
    pub before: Money,
}

/// What holding a bill against the ledger gives.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reconciliation {
    /// Rates of machines.
    pub rates: Vec<BillRate>,
    /// By day (seconds since 1970 at its beginning).
    pub days: BTreeMap<i64, BilledDay>,
    /// Billed for what the ledger does not know, by the beginning of the id (`i`, `vol`, `loadbalancer`, …).
    pub unknown: BTreeMap<String, Money>,
    /// Machines of the bill's time that are not on it.
    pub unbilled: Vec<Arc<str>>,
}

/// Holds a bill against what ran.
pub fn reconcile(bill: &Bill, observed: &Observed) -> Reconciliation {
    const DAY: i64 = 86_400;
    let mut found = Reconciliation::default();
    for line in &bill.lines {
        let seconds: u64 = Observed::in_stretch(&observed.seconds, line).sum();
        let price = rate(line.cost, seconds);
        let Some(price) = price else {
            let sort = line.resource.split(['-', '/']).next().unwrap_or_default();
            let sort = if sort.len() < line.resource.len() { sort } else { "other" };
            *found.unknown.entry(sort.to_owned()).or_default() += line.cost;
            continue;
        };
        let day = found.days.entry(line.stretch.start.div_euclid(DAY) * DAY).or_default();
        day.billed += line.cost;
        day.before += Observed::in_stretch(&observed.costs, line).copied().sum();
        found.rates.push(BillRate {
            instance: Arc::clone(&line.resource),
            from: line.stretch.start,
            until: line.stretch.end,
            price_per_hour: price,
            billed: line.cost.to_decimal(),
            known_seconds: seconds,
        });
    }
    let window = bill.window();
    let inside = observed
        .machines
        .iter()
        .filter(|(_, starts)| starts.range(window.start..window.end).next().is_some());
    let billed =
        |instance: &Arc<str>| found.rates.binary_search_by(|rate| rate.instance.cmp(instance)).is_ok();
    let mut unbilled: Vec<Arc<str>> = inside.map(|(instance, _)| Arc::clone(instance)).collect();
    unbilled.retain(|instance| !billed(instance));
    found.unbilled = unbilled;
    found
}

/// Dollars per hour, rounded to the nearest; none if the time is not known or the bill is negative.
fn rate(cost: Money, seconds: u64) -> Option<Usd> {
    if seconds == 0 {
        return None;
    }
    let nanos = u128::try_from(cost.nanos()).ok()?;
    let per_hour = nanos.checked_mul(3_600)?.checked_add(u128::from(seconds / 2))? / u128::from(seconds);
    i64::try_from(per_hour).ok().map(Usd::from_nanos)
}

impl PriceBook {
    /// Adds the rates of a bill.
    pub fn add_bill_rates<'a>(&mut self, rates: impl IntoIterator<Item = &'a BillRate>) {
        let entry = |rate: &BillRate| {
            let valid = Interval::new(rate.from, rate.until);
            let price = NodePrice {
                price: rate.price_per_hour,
                source: PriceSource::Bill,
                valid,
                day: None,
                without_gpus: false,
            };
            (NodePriceKey::Instance(Arc::clone(&rate.instance)), price)
        };
        self.add_node_prices(rates.into_iter().map(entry));
    }
}
