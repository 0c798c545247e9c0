//! Hours become days, and days go.

use std::collections::BTreeMap;
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
        let mut problems = Vec::new();
        let mut days: BTreeMap<(Arc<str>, i64), Vec<Commit>> = BTreeMap::new();
        let (counting, left_over) = self.all_commits(Interval::new(i64::MIN, before), &mut problems)?;
        // hours that a killed process did not come to remove
        for commit in left_over {
            let day = day_of(commit.header.stretch.start);
            let cluster = Arc::clone(&commit.header.cluster);
            self.remove_hours(&cluster, day, &[commit])?;
        }
        for commit in counting {
            let day = day_of(commit.header.stretch.start);
            let single = commit.header.stretch.seconds() <= 3_600;
            if day.saturating_add(DAY) <= before && single {
                days.entry((Arc::clone(&commit.header.cluster), day)).or_default().push(commit);
            }
        }
        for ((cluster, day), commits) in days {
            match self.concatenate(&cluster, day, &commits) {
                Ok(frame) => {
                    self.write_frame(&frame)?;
                    self.remove_hours(&cluster, day, &commits)?;
                }
                Err(problem) => problems.push(problem),
            }
        }
        Ok(problems)
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
        }
        Ok(())
    }
}
