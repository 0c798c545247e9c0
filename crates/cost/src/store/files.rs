//! A directory with a ledger in it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use crate::collector::Observation;
use crate::facts::{Gap, HourFacts};
use crate::interval::{Interval, hour_of};
use crate::store::error::StoreError;
use crate::store::frame::{Frame, Header};
use crate::store::layout::{
    COMMITS, DAY, LOGS, at, day_of, entries, file_name, partition, remove, write_whole,
};
use crate::store::log::{append, hour_of_log, log_path, replay};
use crate::store::record::Names;
use crate::store::tables::TABLES;

/// A directory with a ledger in it. One process may write, any number may read.
#[derive(Clone, Debug)]
pub struct Store {
    pub(super) root: PathBuf,
    /// Who is named in the logs that this process writes.
    names: Arc<Mutex<BTreeMap<PathBuf, Names>>>,
}

/// What a store holds of a window.
#[derive(Debug, Default)]
pub struct Loaded {
    /// Facts, an hour of a cluster each, in order of time and clusters.
    pub hours: Vec<HourFacts>,
    /// What could not be read; the hours it is about have a gap.
    pub problems: Vec<StoreError>,
}

/// What a store holds of the hours that were not over when the last process ended.
#[derive(Debug, Default)]
pub struct Recovered {
    /// By cluster, the second until which everything is written down: where a collector goes on.
    pub until: BTreeMap<Arc<str>, i64>,
    /// What could not be read.
    pub problems: Vec<StoreError>,
}

impl Store {
    /// A store in a directory, which is made if it is not there.
    pub fn open(root: impl Into<PathBuf>) -> Result<Store, StoreError> {
        let root = root.into();
        fs::create_dir_all(&root).map_err(at(&root))?;
        Ok(Store::at(root))
    }

    /// A store in a directory that somebody else makes. Nothing is touched before it is read.
    pub fn at(root: impl Into<PathBuf>) -> Store {
        Store { root: root.into(), names: Arc::default() }
    }

    /// The directory.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Writes down an observation: to the logs of its hours, on disk when this returns. Hours before the last one are over
    /// and become tables. An observation that begins before the end of what is written down is left out: it is counted.
    pub fn append(&self, observation: &Observation) -> Result<(), StoreError> {
        self.log(observation)?;
        if let Some(last) = observation.hours.last() {
            self.finish_before(&last.cluster, hour_of(observation.stretch.end))?;
        }
        Ok(())
    }

    /// Writes down an observation to the logs of its hours, on disk when this returns, and leaves it at that: who has the
    /// hours in memory makes tables of them ([`Ledger::settle_before`](crate::Ledger::settle_before)).
    pub fn log(&self, observation: &Observation) -> Result<(), StoreError> {
        let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        // hours that are over need their names no more
        let first = observation.stretch.start.saturating_sub(3_600);
        names.retain(|path, _| hour_of_log(path).is_some_and(|hour| hour >= hour_of(first)));
        for facts in &observation.hours {
            let stretch = observation.stretch.overlap(facts.interval());
            let path = log_path(&self.root, &facts.cluster, facts.hour);
            append(&path, facts, stretch, names.entry(path.clone()).or_default())?;
        }
        Ok(())
    }

    /// Writes an hour that is over, and removes its log.
    pub(crate) fn finish(&self, facts: &HourFacts) -> Result<(), StoreError> {
        if !self.is_committed(&facts.cluster, facts.hour) {
            self.commit(facts)?;
        }
        remove(&log_path(&self.root, &facts.cluster, facts.hour))
    }

    /// Writes an hour that is over.
    pub fn commit(&self, facts: &HourFacts) -> Result<(), StoreError> {
        self.write(&facts.cluster, facts.interval(), std::slice::from_ref(facts))
    }

    /// Makes tables of a cluster's logs of hours before `hour`.
    pub fn finish_before(&self, cluster: &str, hour: i64) -> Result<(), StoreError> {
        let directory = log_path(&self.root, cluster, 0);
        let directory = directory.parent().unwrap_or(&self.root);
        for path in entries(directory)? {
            let Some(found) = hour_of_log(&path).filter(|found| *found < hour) else { continue };
            let replayed = replay(&path, true)?;
            if !self.is_committed(cluster, found)
                && let Some(facts) = replayed.facts
            {
                self.commit(&facts)?;
            }
            remove(&path)?;
        }
        Ok(())
    }

    /// Puts logs in order after the last process ended, however it ended, and says where a collector goes on.
    pub fn recover(&self) -> Result<Recovered, StoreError> {
        let mut recovered = Recovered::default();
        for directory in entries(&self.root.join(LOGS))? {
            for path in entries(&directory)? {
                let Some(hour) = hour_of_log(&path) else { continue };
                let replayed = replay(&path, true)?;
                recovered.problems.extend(replayed.problems);
                let Some(facts) = replayed.facts else { continue };
                if self.is_committed(&facts.cluster, hour) {
                    // killed between the commit and the removal of the log
                    remove(&path)?;
                }
                note(&mut recovered.until, &facts.cluster, replayed.until);
            }
        }
        let committed = self.commits(Interval::new(i64::MIN, i64::MAX), &mut recovered.problems)?;
        for commit in committed {
            let end = commit.header.hours.iter().map(|hour| hour.hour + 3_600).max();
            note(&mut recovered.until, &commit.header.cluster, end);
        }
        Ok(recovered)
    }

    /// All facts of the hours that a window touches.
    pub fn load(&self, window: Interval) -> Result<Loaded, StoreError> {
        let mut loaded = Loaded::default();
        let mut hours: BTreeMap<(i64, Arc<str>), HourFacts> = BTreeMap::new();
        for commit in self.commits(window, &mut loaded.problems)? {
            match self.read(&commit, None) {
                Ok(found) => {
                    for facts in
                        found.into_iter().filter(|facts| !facts.interval().overlap(window).is_empty())
                    {
                        hours.insert((facts.hour, Arc::clone(&facts.cluster)), facts);
                    }
                }
                Err(problem) => {
                    for hour in commit.header.hours.iter().map(|hour| hour.hour) {
                        let facts = damaged_hour(&commit.header.cluster, hour);
                        hours.entry((hour, Arc::clone(&commit.header.cluster))).or_insert(facts);
                    }
                    loaded.problems.push(problem);
                }
            }
        }
        let logged = self.load_logs(window)?;
        loaded.problems.extend(logged.problems);
        for facts in logged.hours {
            hours.entry((facts.hour, Arc::clone(&facts.cluster))).or_insert(facts);
        }
        loaded.hours = hours.into_values().collect();
        Ok(loaded)
    }

    /// Facts of the hours that a window touches and that are in logs.
    pub(crate) fn load_logs(&self, window: Interval) -> Result<Loaded, StoreError> {
        let mut loaded = Loaded::default();
        for directory in entries(&self.root.join(LOGS))? {
            for path in entries(&directory)? {
                let Some(hour) = hour_of_log(&path) else { continue };
                if Interval::hour(hour).overlap(window).is_empty() {
                    continue;
                }
                let replayed = replay(&path, false)?;
                loaded.problems.extend(replayed.problems);
                loaded.hours.extend(replayed.facts);
            }
        }
        Ok(loaded)
    }

    pub(super) fn write(
        &self,
        cluster: &Arc<str>,
        stretch: Interval,
        hours: &[HourFacts],
    ) -> Result<(), StoreError> {
        let cannot = |what| match hours.first() {
            Some(facts) => unwritable(facts, what),
            None => StoreError::Unwritable { cluster: cluster.to_string(), hour: stretch.start, what },
        };
        self.write_frame(&Frame::encode(cluster, stretch, hours).map_err(cannot)?)
    }

    /// Writes tables, and then the commit that makes them count.
    pub(super) fn write_frame(&self, frame: &Frame) -> Result<(), StoreError> {
        for (table, bytes) in TABLES.into_iter().zip(&frame.files) {
            write_whole(&self.file(table, &frame.header), bytes)?;
        }
        let (cluster, stretch) = (&frame.header.cluster, frame.header.stretch);
        let commit = serde_json::to_vec(&frame.header).map_err(|error| StoreError::Unwritable {
            cluster: cluster.to_string(),
            hour: stretch.start,
            what: error.to_string(),
        })?;
        write_whole(&self.commit_path(cluster, stretch), &commit)
    }

    /// Whether an hour of a cluster is over and written.
    pub fn is_committed(&self, cluster: &str, hour: i64) -> bool {
        let day = day_of(hour);
        let of_day = read_header(&self.commit_path(cluster, Interval::new(day, day + DAY)));
        self.commit_path(cluster, Interval::hour(hour)).exists()
            || of_day.is_ok_and(|header| header.hours.iter().any(|known| known.hour == hour))
    }

    pub(super) fn commit_path(&self, cluster: &str, stretch: Interval) -> PathBuf {
        let directory = partition(&self.root, COMMITS, cluster, day_of(stretch.start));
        directory.join(format!("{}.json", file_name(stretch)))
    }

    pub(super) fn file(&self, table: &str, header: &Header) -> PathBuf {
        let directory = partition(&self.root, table, &header.cluster, day_of(header.stretch.start));
        directory.join(format!("{}.parquet", file_name(header.stretch)))
    }
}

/// What is left of an hour that cannot be read.
pub(crate) fn damaged_hour(cluster: &Arc<str>, hour: i64) -> HourFacts {
    let gap = Gap { interval: Interval::hour(hour), subject: "stored hour, damaged".into() };
    HourFacts { gaps: vec![gap], ..HourFacts::new(cluster, hour) }
}

fn unwritable(facts: &HourFacts, what: String) -> StoreError {
    StoreError::Unwritable { cluster: facts.cluster.to_string(), hour: facts.hour, what }
}

pub(super) fn read_header(path: &Path) -> Result<Header, StoreError> {
    let bytes = fs::read(path).map_err(at(path))?;
    serde_json::from_slice(&bytes)
        .map_err(|error| StoreError::Damaged { path: path.to_owned(), what: error.to_string() })
}

fn note(until: &mut BTreeMap<Arc<str>, i64>, cluster: &Arc<str>, end: Option<i64>) {
    if let Some(end) = end {
        let known = until.entry(Arc::clone(cluster)).or_insert(end);
        *known = (*known).max(end);
    }
}
