//! Hours become days, and days go.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::sync::Arc;

use bytes::Bytes;

use crate::interval::Interval;
use crate::store::commits::Commit;
use crate::store::error::StoreError;
use crate::store::files::Store;
use crate::store::frame::{FORMAT, FileMark, Frame, Header};
use crate::store::layout::{COMMITS, DAY, at, day_of, partition, remove, sync_directory};
use crate::store::table::Table;
use crate::store::tables::{TABLES, empty};

impl Store {
    /// Puts the hours of every day that ended before a second into one file for each table. Safe at any point: the day
    /// counts from its commit on, and then the hours are removed.
    /// A day with a damaged hour stays as it is and is told; the others go on.
    pub fn compact(&self, before: i64) -> Result<Vec<StoreError>, StoreError> {
        let days = self.days_to_compact(before)?;
        let made = days.into_iter().filter_map(|(cluster, day)| self.compact_day(&cluster, day).err());
        Ok(made.collect())
    }

    /// The days that ended before a second and are still hours.
    pub(crate) fn days_to_compact(&self, before: i64) -> Result<BTreeSet<(Arc<str>, i64)>, StoreError> {
        let (counting, left_over) = self.all_commits(Interval::new(i64::MIN, before), &mut Vec::new())?;
        // hours that a killed process did not come to remove
        for commit in left_over {
            let day = day_of(commit.header.stretch.start);
            let cluster = Arc::clone(&commit.header.cluster);
            self.remove_hours(&cluster, day, &[commit])?;
        }
        let of_day =
            |commit: &Commit| (Arc::clone(&commit.header.cluster), day_of(commit.header.stretch.start));
        let (single, whole): (Vec<Commit>, Vec<Commit>) =
            counting.into_iter().partition(|commit| commit.header.stretch.seconds() <= 3_600);
        // hours that come after their day was made stay hours: a day's files are never written twice
        let made: BTreeSet<_> = whole.iter().map(of_day).collect();
        let days = single.iter().map(of_day).filter(|day| !made.contains(day));
        Ok(days.filter(|(_, day)| day.saturating_add(DAY) <= before).collect())
    }

    /// Puts the hours of a day into one file for each table.
    pub(crate) fn compact_day(&self, cluster: &Arc<str>, day: i64) -> Result<Commit, StoreError> {
        let (counting, _) = self.all_commits(Interval::new(day, day + DAY), &mut Vec::new())?;
        let commits: Vec<Commit> =
            counting.into_iter().filter(|commit| commit.header.cluster == *cluster).collect();
        let frame = self.concatenate(cluster, day, &commits)?;
        self.write_frame(&frame)?;
        self.remove_hours(cluster, day, &commits)?;
        let path = self.commit_path(cluster, frame.header.stretch);
        Ok(Commit { header: frame.header, path })
    }

    /// The hours of a day as one frame, without decoding them into facts.
    fn concatenate(&self, cluster: &Arc<str>, day: i64, commits: &[Commit]) -> Result<Frame, StoreError> {
        let mut commits: Vec<&Commit> = commits.iter().collect();
        commits.sort_by_key(|commit| commit.header.stretch.start);
        let mut files = Vec::with_capacity(TABLES.len());
        let mut marks = BTreeMap::new();
        for table in TABLES {
            let mut parts = Vec::with_capacity(commits.len());
            let mut rows = 0;
            for commit in &commits {
                let path = self.file(table, &commit.header);
                let bytes = fs::read(&path).map_err(at(&path))?;
                let damaged = |what| StoreError::Damaged { path: path.clone(), what };
                let mark = commit.header.files.get(table).ok_or_else(|| damaged("no mark".to_owned()))?;
                mark.check(table, &bytes).map_err(damaged)?;
                rows += mark.rows;
                parts.push(Bytes::from(bytes));
            }
            let cannot =
                |what: String| StoreError::Unwritable { cluster: cluster.to_string(), hour: day, what };
            let like = empty(table).ok_or_else(|| cannot(format!("no such table: {table}")))?;
            let bytes = Table::concatenate(&parts, &like).map_err(|error| cannot(error.to_string()))?;
            marks.insert(table.to_owned(), FileMark::of(rows, &bytes));
            files.push(bytes);
        }
        let hours = commits.iter().flat_map(|commit| commit.header.hours.clone()).collect();
        let stretch = Interval::new(day, day + DAY);
        let header = Header { format: FORMAT, cluster: Arc::clone(cluster), stretch, hours, files: marks };
        Ok(Frame { header, files })
    }

    /// Removes all days that ended before a second.
    pub fn retain_from(&self, second: i64) -> Result<(), StoreError> {
        let mut problems = Vec::new();
        let (counting, left_over) = self.all_commits(Interval::new(i64::MIN, second), &mut problems)?;
        // hours that a day covers first, so that they never count again
        for commit in left_over.into_iter().chain(counting) {
            let day = day_of(commit.header.stretch.start);
            if day.saturating_add(DAY) > second {
                continue;
            }
            // the commit first: what has none does not count
            remove(&commit.path)?;
            for table in TABLES {
                remove(&self.file(table, &commit.header))?;
                // a directory with something in it stays
                let _ = fs::remove_dir(partition(&self.root, table, &commit.header.cluster, day));
            }
            self.remove_rolls(&commit.header)?;
            let _ = fs::remove_dir(partition(&self.root, COMMITS, &commit.header.cluster, day));
        }
        Ok(())
    }

    fn remove_hours(&self, cluster: &str, day: i64, commits: &[Commit]) -> Result<(), StoreError> {
        for commit in commits {
            remove(&commit.path)?;
        }
        sync_directory(&partition(&self.root, COMMITS, cluster, day))?;
        for commit in commits {
            for table in TABLES {
                remove(&self.file(table, &commit.header))?;
            }
            self.remove_rolls(&commit.header)?;
        }
        Ok(())
    }
}
