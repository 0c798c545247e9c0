//! Hours that are on disk, and their roll-ups.
//!
//! What is added up of whole commits stays in memory; facts, hours and lines of containers are read when a question needs
//! them, and kept as far as there is room.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rayon::prelude::*;

use crate::allocation::Basis;
use crate::facts::{Gap, HourFacts};
use crate::interval::Interval;
use crate::ledger::pricing::price;
use crate::prices::PriceBook;
use crate::rollup::{HourRoll, RollBuilder, RollUp, Rolls};
use crate::store::{Commit, People, RollKind, Store, StoreError, damaged_hour};
use crate::workload::Workload;

/// Bytes of what was read that are kept, about.
const KEPT_BYTES: usize = 64 << 20;
/// Bytes of a container's facts with its names, about.
const BYTES_OF_A_FACT: usize = 900;

/// Which commit: its stretch and its cluster. A day and its first hour begin at the same time.
pub(crate) type StoredKey = (i64, i64, Arc<str>);

/// A commit.
#[derive(Debug)]
pub(crate) struct Stored {
    pub commit: Commit,
    /// Its lines of workloads; none before anybody asks, and after prices changed.
    groups: Mutex<Option<Arc<RollUp>>>,
    /// The fingerprint of the prices of its stretch; none before anybody asks.
    prices: Mutex<Option<u128>>,
    /// What was wrong when it was last read.
    damaged: Mutex<bool>,
}

impl Stored {
    fn new(commit: Commit, damaged: bool) -> Stored {
        let damaged = Mutex::new(damaged);
        Stored { commit, groups: Mutex::default(), prices: Mutex::default(), damaged }
    }

    /// The starts of its hours.
    pub fn hours(&self) -> impl Iterator<Item = i64> {
        self.commit.header.hours.iter().map(|hour| hour.hour)
    }

    pub(super) fn key(&self) -> StoredKey {
        key_of(&self.commit)
    }
}

/// What is kept of what was read.
#[derive(Clone)]
enum Kept {
    Facts(Arc<HourFacts>),
    Rolls(Arc<Vec<HourRoll>>),
}

type ShelfKey = (StoredKey, i64, u8);

/// What was read last; the oldest goes first.
#[derive(Default)]
struct Shelf {
    kept: BTreeMap<ShelfKey, (Kept, usize)>,
    order: VecDeque<ShelfKey>,
    bytes: usize,
}

impl Shelf {
    fn put(&mut self, key: ShelfKey, kept: Kept, bytes: usize) {
        if bytes > KEPT_BYTES || self.kept.contains_key(&key) {
            return;
        }
        self.bytes += bytes;
        self.order.push_back(key.clone());
        self.kept.insert(key, (kept, bytes));
        while self.bytes > KEPT_BYTES {
            let Some(oldest) = self.order.pop_front() else { return };
            self.bytes -= self.kept.remove(&oldest).map_or(0, |(_, bytes)| bytes);
        }
    }
}

/// The commits of a store.
pub(crate) struct Archive {
    pub store: Store,
    /// Whether roll-ups that are made are written down.
    writes: bool,
    stored: BTreeMap<StoredKey, Arc<Stored>>,
    shelf: Mutex<Shelf>,
    /// Who lines of workloads are about, which are kept.
    people: Mutex<People>,
    problems: Mutex<Vec<StoreError>>,
}

impl std::fmt::Debug for Archive {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Archive").field("store", &self.store).field("commits", &self.stored.len()).finish()
    }
}

/// What is behind a lock is put in whole, so a poisoned one is still right.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Archive {
    /// The commits of a store. `writes` if roll-ups may be written: by the one process that writes.
    pub fn open(store: Store, writes: bool) -> Result<Archive, StoreError> {
        let mut archive = Archive {
            store,
            writes,
            stored: BTreeMap::new(),
            shelf: Mutex::default(),
            people: Mutex::default(),
            problems: Mutex::default(),
        };
        archive.refresh()?;
        Ok(archive)
    }

    /// Looks which commits there are; what is known of those that are still there stays.
    pub fn refresh(&mut self) -> Result<(), StoreError> {
        let mut problems = Vec::new();
        let mut fresh = BTreeMap::new();
        for commit in self.store.commits(Interval::new(i64::MIN, i64::MAX), &mut problems)? {
            let key = key_of(&commit);
            let known = self.stored.remove(&key).filter(|known| known.commit.header == commit.header);
            let stored = match known {
                Some(known) => known,
                None => {
                    let damage = self.store.check_lengths(&commit).err();
                    let stored = Stored::new(commit, damage.is_some());
                    problems.extend(damage);
                    Arc::new(stored)
                }
            };
            fresh.insert(key, stored);
        }
        self.stored = fresh;
        *locked(&self.shelf) = Shelf::default();
        locked(&self.people).tidy();
        locked(&self.problems).extend(problems);
        Ok(())
    }

    /// Forgets what came of prices that are others now.
    pub fn reprice(&mut self, book: &PriceBook) {
        let mut changed = false;
        for stored in self.stored.values() {
            let mut known = locked(&stored.prices);
            if known.is_some_and(|known| known != book.fingerprint(stored.commit.header.stretch)) {
                *locked(&stored.groups) = None;
                *known = None;
                changed = true;
            }
        }
        if changed {
            *locked(&self.shelf) = Shelf::default();
        }
    }

    /// All commits, in order.
    pub fn all(&self) -> impl Iterator<Item = &Arc<Stored>> {
        self.stored.values()
    }

    /// The commits whose stretch touches a window, in order.
    pub fn touching(&self, window: Interval) -> impl Iterator<Item = &Arc<Stored>> {
        // no stretch is longer than a day
        let from = (window.start.saturating_sub(86_400), i64::MIN, Arc::default());
        let until = if window.is_empty() { window.start.saturating_sub(86_400) } else { window.end };
        self.stored
            .range(from..(until, i64::MIN, Arc::default()))
            .map(|(_, stored)| stored)
            .filter(move |stored| !stored.commit.header.stretch.overlap(window).is_empty())
    }

    /// The commits that have an hour, in order of clusters.
    pub fn at(&self, hour: i64) -> Vec<&Arc<Stored>> {
        let mut found: Vec<_> = self
            .touching(Interval::hour(hour))
            .filter(|stored| stored.hours().any(|known| known == hour))
            .collect();
        found.sort_by(|one, other| one.commit.header.cluster.cmp(&other.commit.header.cluster));
        found
    }

    /// What could not be read so far.
    pub fn take_problems(&self) -> Vec<StoreError> {
        std::mem::take(&mut *locked(&self.problems))
    }

    /// Tells what could not be read elsewhere.
    pub fn add_problems(&self, problems: impl IntoIterator<Item = StoreError>) {
        locked(&self.problems).extend(problems);
    }

    /// What of a commit's hours is not known.
    pub fn gaps(&self, stored: &Stored) -> Vec<Gap> {
        let damaged = *locked(&stored.damaged);
        let headers = stored.commit.header.hours.iter();
        headers
            .flat_map(|header| {
                let lost = damaged.then(|| damaged_hour(&stored.commit.header.cluster, header.hour).gaps);
                header.gaps.iter().cloned().chain(lost.into_iter().flatten())
            })
            .collect()
    }

    /// The facts of an hour. If they cannot be read they are a gap, and it is told.
    pub fn facts(&self, stored: &Stored, hour: i64) -> Arc<HourFacts> {
        let key = (stored.key(), hour, u8::MAX);
        if let Some((Kept::Facts(known), _)) = locked(&self.shelf).kept.get(&key) {
            return Arc::clone(known);
        }
        let cluster = &stored.commit.header.cluster;
        let facts = match self.store.read(&stored.commit, Some(hour)) {
            Ok(found) => found.into_iter().next().unwrap_or_else(|| HourFacts::new(cluster, hour)),
            Err(problem) => {
                self.tell(stored, problem);
                damaged_hour(cluster, hour)
            }
        };
        let (bytes, facts) = (facts.containers.len() * BYTES_OF_A_FACT, Arc::new(facts));
        locked(&self.shelf).put(key, Kept::Facts(Arc::clone(&facts)), bytes);
        facts
    }

    fn tell(&self, stored: &Stored, problem: StoreError) {
        let mut damaged = locked(&stored.damaged);
        if !std::mem::replace(&mut *damaged, true) {
            locked(&self.problems).push(problem);
        }
    }

    fn prices(&self, stored: &Stored, book: &PriceBook) -> u128 {
        *locked(&stored.prices).get_or_insert_with(|| book.fingerprint(stored.commit.header.stretch))
    }

    /// Lines of workloads of a whole commit, with their idle by a basis.
    pub fn groups(&self, stored: &Stored, book: &PriceBook, basis: Option<Basis>) -> Arc<RollUp> {
        let mut groups = locked(&stored.groups);
        if let Some(known) = groups.as_ref().filter(|known| known.knows(basis)) {
            return Arc::clone(known);
        }
        // what was asked for before will be asked for again
        let again = |asked: Basis| groups.as_ref().is_some_and(|known| known.knows(Some(asked)));
        let idle = Basis::ALL.map(|asked| Some(asked) == basis || again(asked));
        let prices = self.prices(stored, book);
        let read = {
            let mut people = locked(&self.people);
            self.store.read_rolls(&stored.commit, prices, RollKind::Groups, idle, &mut people)
        };
        let found = match read.and_then(|rolls| rolls.into_iter().next()) {
            Some(roll) => roll.lines,
            None => Arc::new(self.make(stored, book, self.writes).groups),
        };
        *groups = Some(Arc::clone(&found));
        found
    }

    /// Lines of workloads by hour.
    pub fn hours(&self, stored: &Stored, book: &PriceBook, basis: Option<Basis>) -> Arc<Vec<HourRoll>> {
        self.rolls(stored, RollKind::Hours, book, basis)
    }

    /// Lines of containers of a whole commit.
    pub fn containers(&self, stored: &Stored, book: &PriceBook, basis: Option<Basis>) -> Arc<Vec<HourRoll>> {
        self.rolls(stored, RollKind::Containers, book, basis)
    }

    fn rolls(
        &self,
        stored: &Stored,
        kind: RollKind,
        book: &PriceBook,
        basis: Option<Basis>,
    ) -> Arc<Vec<HourRoll>> {
        let which = kind as u8 * 8 + basis.map_or(0, |basis| basis.index() as u8 + 1);
        let key = (stored.key(), 0, which);
        if let Some((Kept::Rolls(known), _)) = locked(&self.shelf).kept.get(&key) {
            return Arc::clone(known);
        }
        let prices = self.prices(stored, book);
        let idle = Basis::ALL.map(|asked| Some(asked) == basis);
        let mut people = People::default();
        let found = self.store.read_rolls(&stored.commit, prices, kind, idle, &mut people);
        drop(people);
        let found = found.unwrap_or_else(|| {
            let rolls = self.make(stored, book, self.writes);
            match kind {
                RollKind::Hours => rolls.hours,
                RollKind::Groups => vec![whole(stored, rolls.groups)],
                RollKind::Containers => vec![whole(stored, rolls.containers)],
            }
        });
        let (bytes, found) = (found.iter().map(|roll| roll.lines.bytes()).sum(), Arc::new(found));
        locked(&self.shelf).put(key, Kept::Rolls(Arc::clone(&found)), bytes);
        found
    }

    /// Makes the roll-ups of a commit from its facts, hour by hour.
    fn make(&self, stored: &Stored, book: &PriceBook, writes: bool) -> Rolls {
        let mut builder = RollBuilder::default();
        for hour in stored.hours() {
            let facts = match self.store.read(&stored.commit, Some(hour)) {
                Ok(found) => found.into_iter().next(),
                Err(problem) => {
                    self.tell(stored, problem);
                    None
                }
            };
            if let Some(facts) = facts {
                builder.add(hour, &price(&facts, facts.interval(), book, book.split_method()));
            }
        }
        let rolls = builder.finish();
        let sound = !*locked(&stored.damaged);
        if sound && writes {
            self.write(stored, book, &rolls);
        }
        rolls
    }

    fn write(&self, stored: &Stored, book: &PriceBook, rolls: &Rolls) {
        let written = self.store.write_rolls(&stored.commit, self.prices(stored, book), rolls);
        if let Err(problem) = written {
            locked(&self.problems).push(problem);
        }
    }

    /// Takes in a commit whose facts are at hand.
    pub fn settle(&mut self, commit: Commit, facts: &HourFacts, book: &PriceBook) {
        let mut builder = RollBuilder::default();
        builder.add(facts.hour, &price(facts, facts.interval(), book, book.split_method()));
        self.take(commit, builder.finish(), book);
    }

    /// Takes in a commit whose roll-ups are made when they are asked for.
    pub fn add(&mut self, commit: Commit) {
        let stored = Stored::new(commit, false);
        self.stored.insert(stored.key(), Arc::new(stored));
    }

    /// The roll-ups of a day from those of its hours.
    pub fn roll_day(&self, hours: &[Arc<Stored>], book: &PriceBook) -> Rolls {
        let read = |stored: &Arc<Stored>, kind| {
            let prices = self.prices(stored, book);
            self.store.read_rolls(&stored.commit, prices, kind, [true; 4], &mut People::default())
        };
        // they go with the hours, so what is missing is made and not written
        let of_hour = |stored: &Arc<Stored>| match (
            read(stored, RollKind::Hours),
            read(stored, RollKind::Containers),
        ) {
            (Some(hours), Some(containers)) => (hours, containers.into_iter().next().map(|roll| roll.lines)),
            _ => {
                let rolls = self.make(stored, book, false);
                (rolls.hours, Some(Arc::new(rolls.containers)))
            }
        };
        let rolls: Vec<_> = hours.par_iter().map(of_hour).collect();
        let mut builder = RollBuilder::default();
        for (hours, containers) in rolls {
            builder.add_rolled(hours, containers.map(|roll| roll.unpack()).unwrap_or_default());
        }
        builder.finish()
    }

    /// Takes in a commit with its roll-ups.
    pub fn take(&mut self, commit: Commit, rolls: Rolls, book: &PriceBook) {
        let stored =
            Stored { commit, groups: Mutex::default(), prices: Mutex::default(), damaged: Mutex::default() };
        if self.writes {
            // to be read when somebody asks, and then as much of it as is asked for
            self.write(&stored, book, &rolls);
        } else {
            *locked(&stored.groups) = Some(Arc::new(rolls.groups));
        }
        self.stored.insert(stored.key(), Arc::new(stored));
    }
}

fn key_of(commit: &Commit) -> StoredKey {
    let (stretch, cluster) = (commit.header.stretch, &commit.header.cluster);
    (stretch.start, stretch.end, Arc::clone(cluster))
}

fn whole(stored: &Stored, lines: RollUp) -> HourRoll {
    let hour = stored.commit.header.stretch.start;
    HourRoll { hour, covered: Interval::default(), lines: Arc::new(lines) }
}

/// Whether a node's name stands for several machines in a roll-up.
pub(crate) fn has_twins(roll: &RollUp) -> bool {
    let mut machines: BTreeMap<(&str, &str), &Arc<str>> = BTreeMap::new();
    let special = |workload: &Workload| !workload.is_allocation() && !workload.node.is_empty();
    roll.rows.iter().map(|row| &*row.workload).filter(|workload| special(workload)).any(|workload| {
        let name = (&*workload.cluster, &*workload.node);
        let known = machines.entry(name).or_insert(&workload.provider_id);
        **known != workload.provider_id
    })
}
