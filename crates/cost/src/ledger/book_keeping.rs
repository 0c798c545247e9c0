//! The ledger in memory.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use crate::facts::{Gap, HourFacts};
use crate::interval::{Interval, hour_of};
use crate::ledger::pricing::{PricedHour, price};
use crate::prices::{PriceBook, SplitMethod};

/// How many rows of priced hours are kept at most.
const CACHED_ROWS: usize = 400_000;

/// Facts by hour and cluster, and prices. Facts and prices change independently: an hour is priced when it is asked for.
#[derive(Debug, Default)]
pub struct Ledger {
    hours: BTreeMap<i64, BTreeMap<Arc<str>, Arc<HourFacts>>>,
    prices: PriceBook,
    cache: Mutex<Cache>,
}

type CacheKey = (i64, Arc<str>, &'static str);

/// Priced whole hours, the oldest answer goes first.
#[derive(Debug, Default)]
struct Cache {
    priced: BTreeMap<CacheKey, Arc<PricedHour>>,
    order: VecDeque<CacheKey>,
    rows: usize,
}

impl Ledger {
    /// An empty ledger.
    pub fn new(prices: PriceBook) -> Ledger {
        Ledger { prices, ..Ledger::default() }
    }

    /// Enters an hour of a cluster. It replaces what was known of that hour, so that telling twice counts once.
    pub fn insert(&mut self, mut facts: HourFacts) {
        facts.hour = hour_of(facts.hour);
        facts.sort();
        self.forget(facts.hour, &facts.cluster);
        self.hours.entry(facts.hour).or_default().insert(Arc::clone(&facts.cluster), Arc::new(facts));
    }

    /// Adds what was observed since: the facts of a stretch that is not in the ledger yet.
    pub fn absorb(&mut self, delta: HourFacts) {
        let hour = hour_of(delta.hour);
        self.forget(hour, &delta.cluster);
        let clusters = self.hours.entry(hour).or_default();
        match clusters.get_mut(&delta.cluster) {
            Some(known) => Arc::make_mut(known).absorb(delta),
            None => {
                let mut facts = HourFacts { hour, ..delta };
                facts.sort();
                clusters.insert(Arc::clone(&facts.cluster), Arc::new(facts));
            }
        }
    }

    /// Drops all hours before a second; retention.
    pub fn drop_before(&mut self, second: i64) {
        self.hours = self.hours.split_off(&hour_of(second));
        *self.cache.get_mut().unwrap_or_else(PoisonError::into_inner) = Cache::default();
    }

    /// The prices.
    pub const fn prices(&self) -> &PriceBook {
        &self.prices
    }

    /// Changes prices; the past is priced anew.
    pub fn change_prices(&mut self, change: impl FnOnce(&mut PriceBook)) {
        change(&mut self.prices);
        *self.cache.get_mut().unwrap_or_else(PoisonError::into_inner) = Cache::default();
    }

    /// Facts of the hours that a window touches, in order of time and clusters.
    pub fn facts(&self, window: Interval) -> impl Iterator<Item = &Arc<HourFacts>> {
        let range = hour_of(window.start)..if window.is_empty() { hour_of(window.start) } else { window.end };
        self.hours.range(range).flat_map(|(_, clusters)| clusters.values())
    }

    /// The hours that a window touches and anything is known of, in order.
    pub fn hours(&self, window: Interval) -> impl Iterator<Item = i64> {
        let range = hour_of(window.start)..if window.is_empty() { hour_of(window.start) } else { window.end };
        self.hours.range(range).map(|(hour, _)| *hour)
    }

    /// Names of all clusters, in order.
    pub fn clusters(&self) -> Vec<Arc<str>> {
        let mut names: Vec<_> = self.hours.values().flat_map(|clusters| clusters.keys().cloned()).collect();
        names.sort();
        names.dedup();
        names
    }

    /// From the first second that anything is known of to the last.
    pub fn covered(&self) -> Interval {
        let covered = |clusters: &BTreeMap<Arc<str>, Arc<HourFacts>>| {
            clusters.values().fold(Interval::default(), |all, facts| all.hull(facts.covered()))
        };
        let first = self.hours.values().next().map(covered).unwrap_or_default();
        first.hull(self.hours.values().next_back().map(covered).unwrap_or_default())
    }

    /// What is not known in a window, by cluster.
    pub fn gaps(&self, window: Interval) -> Vec<(Arc<str>, Gap)> {
        let gaps_of = |facts: &'_ Arc<HourFacts>| {
            let cluster = Arc::clone(&facts.cluster);
            facts
                .gaps
                .iter()
                .filter(|gap| !gap.interval.overlap(window).is_empty())
                .map(|gap| (Arc::clone(&cluster), gap.clone()))
                .collect::<Vec<_>>()
        };
        self.facts(window).flat_map(gaps_of).collect()
    }

    /// The part of an hour that lies in a window, priced, one document for each cluster. `split` overrides the price book's
    /// way to divide nodes.
    pub fn priced(&self, hour: i64, window: Interval, split: Option<&SplitMethod>) -> Vec<Arc<PricedHour>> {
        let Some(clusters) = self.hours.get(&hour) else { return Vec::new() };
        let split = split.unwrap_or_else(|| self.prices.split_method());
        let whole = window.overlap(Interval::hour(hour)) == Interval::hour(hour);
        let priced = |facts: &Arc<HourFacts>| {
            if !whole {
                return Arc::new(price(facts, window, &self.prices, split));
            }
            let key = (hour, Arc::clone(&facts.cluster), split.as_str());
            if let Some(known) = self.cache().priced.get(&key) {
                return Arc::clone(known);
            }
            let fresh = Arc::new(price(facts, window, &self.prices, split));
            self.cache().keep(key, Arc::clone(&fresh));
            fresh
        };
        clusters.values().map(priced).collect()
    }

    fn cache(&self) -> std::sync::MutexGuard<'_, Cache> {
        // entries are put in whole, so a poisoned cache is still right
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn forget(&mut self, hour: i64, cluster: &Arc<str>) {
        let cache = self.cache.get_mut().unwrap_or_else(PoisonError::into_inner);
        let (gone, kept) = std::mem::take(&mut cache.order)
            .into_iter()
            .partition(|(at, name, _)| *at == hour && name == cluster);
        let gone: VecDeque<CacheKey> = gone;
        cache.order = kept;
        for key in gone {
            cache.rows -= cache.priced.remove(&key).map_or(0, |priced| priced.rows.len());
        }
    }
}

impl Cache {
    fn keep(&mut self, key: CacheKey, priced: Arc<PricedHour>) {
        if priced.rows.len() > CACHED_ROWS || self.priced.contains_key(&key) {
            return;
        }
        self.rows += priced.rows.len();
        self.order.push_back(key.clone());
        self.priced.insert(key, priced);
        while self.rows > CACHED_ROWS {
            let Some(oldest) = self.order.pop_front() else { return };
            self.rows -= self.priced.remove(&oldest).map_or(0, |priced| priced.rows.len());
        }
    }
}
