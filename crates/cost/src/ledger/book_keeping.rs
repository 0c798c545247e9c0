//! The ledger in memory.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use crate::collector::Observation;
use crate::facts::{Gap, HourFacts};
use crate::interval::{HOUR, Interval, hour_of};
use crate::ledger::archive::{Archive, Stored};
use crate::ledger::pricing::{PricedHour, price};
use crate::prices::{PriceBook, SplitMethod};
use crate::store::{Store, StoreError};

/// How many rows of priced hours are kept at most.
const CACHED_ROWS: usize = 60_000;

/// Facts by hour and cluster, and prices. Facts and prices change independently: an hour is priced when it is asked for.
///
/// A ledger may have a store ([`Ledger::open`]). Then hours that are written down leave memory, and what is added up of
/// them ([roll-ups](crate::rollup)) answers in their place.
#[derive(Debug, Default)]
pub struct Ledger {
    pub(super) hours: BTreeMap<i64, BTreeMap<Arc<str>, Arc<HourFacts>>>,
    prices: PriceBook,
    pub(super) archive: Option<Archive>,
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

    /// The ledger of a store: running hours in memory, the others on disk. `writes` for the one process that writes; others
    /// leave the directory as it is. What cannot be read is told, here and later ([`Ledger::take_problems`]).
    ///
    /// # Errors
    /// When the directory cannot be read at all, or was written by a later version.
    pub fn open(store: Store, prices: PriceBook, writes: bool) -> Result<Ledger, StoreError> {
        let mut problems = Vec::new();
        if writes {
            problems.extend(store.recover()?.problems);
        }
        let archive = Archive::open(store, writes)?;
        let logged = archive.store.load_logs(Interval::new(i64::MIN, i64::MAX))?;
        // a log whose hour is committed is left over
        let running: Vec<HourFacts> = logged
            .hours
            .into_iter()
            .filter(|facts| {
                !archive.at(facts.hour).iter().any(|stored| stored.commit.header.cluster == facts.cluster)
            })
            .collect();
        archive.add_problems(problems.into_iter().chain(logged.problems));
        let mut ledger = Ledger { archive: Some(archive), ..Ledger::new(prices) };
        running.into_iter().for_each(|facts| ledger.insert(facts));
        Ok(ledger)
    }

    /// What could not be read or written since the last time somebody asked.
    pub fn take_problems(&self) -> Vec<StoreError> {
        self.archive.as_ref().map(Archive::take_problems).unwrap_or_default()
    }

    /// Looks again what the store has, after somebody else wrote to it.
    ///
    /// # Errors
    /// When the store's directory cannot be read.
    pub fn refresh(&mut self) -> Result<(), StoreError> {
        let Some(archive) = &mut self.archive else { return Ok(()) };
        archive.refresh()?;
        *self.cache.get_mut().unwrap_or_else(PoisonError::into_inner) = Cache::default();
        Ok(())
    }

    /// Writes down an observation and adds it. Hours that are over leave memory.
    ///
    /// # Errors
    /// When it cannot be written; then it is not added either.
    pub fn record(&mut self, observation: Observation) -> Result<(), StoreError> {
        if let Some(archive) = &self.archive {
            archive.store.log(&observation)?;
        }
        let end = hour_of(observation.stretch.end);
        for facts in observation.hours {
            self.absorb(facts);
        }
        self.settle_before(end)
    }

    /// Makes tables of hours before `second` in the store, if there is one, and lets go of them. Hours that begin later, or
    /// that cannot be written, stay.
    ///
    /// # Errors
    /// When an hour cannot be written.
    pub fn settle_before(&mut self, second: i64) -> Result<(), StoreError> {
        let Some(archive) = &mut self.archive else { return Ok(()) };
        let over: Vec<i64> = self.hours.range(..hour_of(second)).map(|(hour, _)| *hour).collect();
        let mut settled = Vec::new();
        for hour in over {
            let Some(clusters) = self.hours.get_mut(&hour) else { continue };
            let mut gone = Vec::new();
            for (cluster, facts) in clusters.iter() {
                let known = archive.store.commit_of(cluster, hour)?;
                archive.store.finish(facts)?;
                match known {
                    // what is written down already stands
                    Some(commit) => archive.add(commit),
                    None => {
                        let Some(commit) = archive.store.commit_of(cluster, hour)? else { continue };
                        archive.settle(commit, facts, &self.prices);
                    }
                }
                gone.push(Arc::clone(cluster));
            }
            for cluster in &gone {
                clusters.remove(cluster);
            }
            if clusters.is_empty() {
                self.hours.remove(&hour);
            }
            settled.extend(gone.into_iter().map(|cluster| (hour, cluster)));
        }
        for (hour, cluster) in settled {
            self.forget(hour, &cluster);
        }
        Ok(())
    }

    /// Puts days that ended before `now` into files of a day, adds them up, and removes days that ended before `keep_from`,
    /// if that is said. To be called now and then, such as every hour.
    ///
    /// # Errors
    /// When files cannot be read or written; what was done until then stays done.
    pub fn maintain(&mut self, now: i64, keep_from: Option<i64>) -> Result<(), StoreError> {
        if let Some(second) = keep_from {
            self.hours = self.hours.split_off(&hour_of(second));
        }
        let Some(archive) = &mut self.archive else { return Ok(()) };
        let before: BTreeMap<i64, Vec<Arc<Stored>>> =
            archive.all().fold(BTreeMap::new(), |mut days, stored| {
                let start = stored.commit.header.stretch.start;
                days.entry(start.div_euclid(24 * HOUR)).or_default().push(Arc::clone(stored));
                days
            });
        let made = archive.store.days_to_compact(now)?;
        for (cluster, day) in made {
            let hours: Vec<Arc<Stored>> = before
                .get(&day.div_euclid(24 * HOUR))
                .into_iter()
                .flatten()
                .filter(|stored| stored.commit.header.cluster == cluster)
                .cloned()
                .collect();
            let rolls = archive.roll_day(&hours, &self.prices);
            match archive.store.compact_day(&cluster, day) {
                Ok(commit) => archive.take(commit, rolls, &self.prices),
                Err(problem) => archive.add_problems([problem]),
            }
        }
        if let Some(second) = keep_from {
            archive.store.retain_from(second)?;
        }
        archive.refresh()?;
        *self.cache.get_mut().unwrap_or_else(PoisonError::into_inner) = Cache::default();
        Ok(())
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
        if let Some(archive) = &mut self.archive {
            archive.reprice(&self.prices);
        }
        *self.cache.get_mut().unwrap_or_else(PoisonError::into_inner) = Cache::default();
    }

    /// Facts of the hours that a window touches, in order of time and clusters.
    pub fn facts(&self, window: Interval) -> impl Iterator<Item = Arc<HourFacts>> {
        self.hours(window).flat_map(|hour| self.facts_at(hour))
    }

    /// Facts of an hour, in order of clusters; what is in memory counts, and else what is on disk.
    fn facts_at(&self, hour: i64) -> Vec<Arc<HourFacts>> {
        let mut found: BTreeMap<Arc<str>, Arc<HourFacts>> =
            self.hours.get(&hour).cloned().unwrap_or_default();
        if let Some(archive) = &self.archive {
            for stored in archive.at(hour) {
                let cluster = &stored.commit.header.cluster;
                if !found.contains_key(cluster) {
                    found.insert(Arc::clone(cluster), archive.facts(stored, hour));
                }
            }
        }
        found.into_values().collect()
    }

    /// The hours that a window touches and anything is known of, in order.
    pub fn hours(&self, window: Interval) -> impl Iterator<Item = i64> {
        let range = hour_of(window.start)..if window.is_empty() { hour_of(window.start) } else { window.end };
        let mut hours: Vec<i64> = self.hours.range(range).map(|(hour, _)| *hour).collect();
        if let Some(archive) = &self.archive {
            let stored = archive.touching(window).flat_map(|stored| stored.hours());
            hours.extend(stored.filter(|hour| !Interval::hour(*hour).overlap(window).is_empty()));
            hours.sort_unstable();
            hours.dedup();
        }
        hours.into_iter()
    }

    /// Names of all clusters, in order.
    pub fn clusters(&self) -> Vec<Arc<str>> {
        let mut names: Vec<_> = self.hours.values().flat_map(|clusters| clusters.keys().cloned()).collect();
        let stored = self.archive.iter().flat_map(Archive::all);
        names.extend(stored.map(|stored| Arc::clone(&stored.commit.header.cluster)));
        names.sort();
        names.dedup();
        names
    }

    /// From the first second that anything is known of to the last.
    pub fn covered(&self) -> Interval {
        let covered = |hour: i64| {
            self.facts_at(hour).iter().fold(Interval::default(), |all, facts| all.hull(facts.covered()))
        };
        let stored = || self.archive.iter().flat_map(Archive::all).flat_map(|stored| stored.hours());
        let first = self.hours.keys().copied().chain(stored()).min().map(covered).unwrap_or_default();
        first.hull(self.hours.keys().copied().chain(stored()).max().map(covered).unwrap_or_default())
    }

    /// What is not known in a window, by cluster.
    pub fn gaps(&self, window: Interval) -> Vec<(Arc<str>, Gap)> {
        let mut found: Vec<(i64, Arc<str>, Gap)> = Vec::new();
        for (hour, clusters) in &self.hours {
            for (cluster, facts) in clusters {
                found.extend(facts.gaps.iter().map(|gap| (*hour, Arc::clone(cluster), gap.clone())));
            }
        }
        if let Some(archive) = &self.archive {
            for stored in archive.touching(window) {
                let cluster = &stored.commit.header.cluster;
                let gaps = archive.gaps(stored).into_iter();
                let told = |gap: Gap| (hour_of(gap.interval.start), Arc::clone(cluster), gap);
                let in_memory =
                    |hour: i64| self.hours.get(&hour).is_some_and(|known| known.contains_key(cluster));
                found.extend(gaps.map(told).filter(|(hour, ..)| !in_memory(*hour)));
            }
        }
        found.retain(|(.., gap)| !gap.interval.overlap(window).is_empty());
        found.sort();
        found.into_iter().map(|(_, cluster, gap)| (cluster, gap)).collect()
    }

    /// The part of an hour that lies in a window, priced, one document for each cluster. `split` overrides the price book's
    /// way to divide nodes.
    pub fn priced(&self, hour: i64, window: Interval, split: Option<&SplitMethod>) -> Vec<Arc<PricedHour>> {
        self.facts_at(hour).iter().map(|facts| self.priced_facts(facts, window, split)).collect()
    }

    /// The part of an hour's facts that lies in a window, priced.
    pub(super) fn priced_facts(
        &self,
        facts: &Arc<HourFacts>,
        window: Interval,
        split: Option<&SplitMethod>,
    ) -> Arc<PricedHour> {
        let hour = facts.hour;
        let split = split.unwrap_or_else(|| self.prices.split_method());
        let whole = window.overlap(Interval::hour(hour)) == Interval::hour(hour);
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
