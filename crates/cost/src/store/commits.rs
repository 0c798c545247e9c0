//! Commits: what counts, and reading it.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use crate::facts::HourFacts;
use crate::interval::Interval;
use crate::store::error::StoreError;
use crate::store::files::{Store, read_header};
use crate::store::frame::{FORMAT, Frame, Header};
use crate::store::layout::{COMMITS, at, entries};
use crate::store::tables::TABLES;

/// A commit with its place.
#[derive(Clone, Debug)]
pub(crate) struct Commit {
    pub(crate) header: Header,
    pub(super) path: PathBuf,
}

impl Store {
    /// The facts of one of a commit's hours, or of all.
    pub(crate) fn read(&self, commit: &Commit, hour: Option<i64>) -> Result<Vec<HourFacts>, StoreError> {
        let mut files = Vec::with_capacity(TABLES.len());
        for table in TABLES {
            let path = self.file(table, &commit.header);
            files.push(fs::read(&path).map_err(at(&path))?);
        }
        let frame = Frame { header: commit.header.clone(), files };
        let damaged = |what| StoreError::Damaged { path: commit.path.clone(), what };
        frame.decode_hour(hour).map_err(damaged)
    }

    /// Says early, without reading them, whether files of a commit are missing or cut short.
    pub(crate) fn check_lengths(&self, commit: &Commit) -> Result<(), StoreError> {
        for table in TABLES {
            let path = self.file(table, &commit.header);
            let length = fs::metadata(&path).map_err(at(&path))?.len();
            let mark = commit.header.files.get(table).map_or(0, |mark| mark.bytes as u64);
            if length != mark {
                return Err(StoreError::Damaged { path, what: format!("{length} bytes of {mark}") });
            }
        }
        Ok(())
    }

    /// The commit of an hour alone, if there is one.
    pub(crate) fn commit_of(&self, cluster: &str, hour: i64) -> Result<Option<Commit>, StoreError> {
        let path = self.commit_path(cluster, Interval::hour(hour));
        if !path.exists() {
            return Ok(None);
        }
        Ok(Some(Commit { header: read_header(&path)?, path }))
    }

    /// Commits that touch a window; those of hours that a day's commit covers are left out.
    pub(crate) fn commits(
        &self,
        window: Interval,
        problems: &mut Vec<StoreError>,
    ) -> Result<Vec<Commit>, StoreError> {
        let (counting, _) = self.all_commits(window, problems)?;
        Ok(counting)
    }

    /// Commits that touch a window: those that count, and those of hours that a day's commit covers.
    pub(super) fn all_commits(
        &self,
        window: Interval,
        problems: &mut Vec<StoreError>,
    ) -> Result<(Vec<Commit>, Vec<Commit>), StoreError> {
        let (mut found, mut left_over) = (Vec::new(), Vec::new());
        for cluster in entries(&self.root.join(COMMITS))? {
            for day in entries(&cluster)? {
                let mut of_day = Vec::new();
                for path in entries(&day)? {
                    if path.extension().is_none_or(|extension| extension != "json") {
                        continue;
                    }
                    match read_header(&path) {
                        Ok(header) if header.format > FORMAT => {
                            return Err(StoreError::Format { path, found: header.format, known: FORMAT });
                        }
                        Ok(header) => of_day.push(Commit { header, path }),
                        Err(problem) => problems.push(problem),
                    }
                }
                let whole: BTreeSet<i64> = of_day
                    .iter()
                    .filter(|commit| commit.header.stretch.seconds() > 3_600)
                    .flat_map(|commit| commit.header.hours.iter().map(|hour| hour.hour))
                    .collect();
                for commit in of_day {
                    let stretch = commit.header.stretch;
                    if stretch.overlap(window).is_empty() {
                        continue;
                    }
                    let covered = stretch.seconds() <= 3_600 && whole.contains(&stretch.start);
                    if covered { left_over.push(commit) } else { found.push(commit) }
                }
            }
        }
        Ok((found, left_over))
    }
}
