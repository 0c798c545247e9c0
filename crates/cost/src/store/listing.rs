//! What counts in a store, file by file, for readers of Parquet.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use crate::interval::Interval;
use crate::store::error::StoreError;
use crate::store::files::Store;
use crate::store::frame::Frame;
use crate::store::layout::at;
use crate::store::tables::{TABLES, empty};

/// Names of the ledger's tables, in order.
pub const TABLE_NAMES: [&str; 6] = TABLES;

/// A table's file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableFile {
    /// The table.
    pub table: &'static str,
    /// Where it is.
    pub path: PathBuf,
    /// How long it is.
    pub bytes: u64,
}

/// A stretch that is over: an hour or a day of a cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finished {
    /// Id of the cluster.
    pub cluster: Arc<str>,
    /// The stretch.
    pub stretch: Interval,
    /// The hours of it that anything is known of.
    pub hours: Vec<i64>,
    /// What makes the files count.
    pub commit: PathBuf,
    /// A file for each table; fewer if some are not whole.
    pub files: Vec<TableFile>,
}

/// An hour of a cluster that is not over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Running {
    /// Id of the cluster.
    pub cluster: Arc<str>,
    /// Start of the hour.
    pub hour: i64,
    /// For each table its rows until now, as a Parquet file.
    pub tables: Vec<(&'static str, Vec<u8>)>,
}

/// What counts in a store.
#[derive(Debug, Default)]
pub struct Listing {
    /// Stretches that are over, in order of clusters and time.
    pub finished: Vec<Finished>,
    /// Hours that are not.
    pub running: Vec<Running>,
    /// What cannot be read; it is left out.
    pub problems: Vec<StoreError>,
}

/// A table without rows, as a Parquet file.
pub fn empty_table(name: &str) -> Option<Vec<u8>> {
    empty(name)?.encode().ok()
}

impl Store {
    /// What counts of a window. Files whose length is not what their commit says are left out and reported; their contents
    /// are not looked at.
    pub fn list(&self, window: Interval) -> Result<Listing, StoreError> {
        let mut listing = Listing::default();
        for commit in self.commits(window, &mut listing.problems)? {
            let mut files = Vec::with_capacity(TABLES.len());
            for table in TABLES {
                let path = self.file(table, &commit.header);
                let expected = commit.header.files.get(table).map_or(0, |mark| mark.bytes as u64);
                match fs::metadata(&path) {
                    Ok(found) if found.len() == expected => {
                        files.push(TableFile { table, path, bytes: expected });
                    }
                    Ok(found) => listing.problems.push(StoreError::Damaged {
                        path,
                        what: format!("{} bytes of {expected}", found.len()),
                    }),
                    Err(error) => listing.problems.push(at(&path)(error)),
                }
            }
            listing.finished.push(Finished {
                cluster: Arc::clone(&commit.header.cluster),
                stretch: commit.header.stretch,
                hours: commit.header.hours.iter().map(|hour| hour.hour).collect(),
                commit: commit.path.clone(),
                files,
            });
        }
        let logged = self.load_logs(window)?;
        listing.problems.extend(logged.problems);
        for facts in logged.hours {
            if self.is_committed(&facts.cluster, facts.hour) {
                continue;
            }
            let cluster = Arc::clone(&facts.cluster);
            match Frame::encode(&cluster, facts.interval(), std::slice::from_ref(&facts)) {
                Ok(frame) => listing.running.push(Running {
                    cluster,
                    hour: facts.hour,
                    tables: TABLES.into_iter().zip(frame.files).collect(),
                }),
                Err(what) => {
                    let cluster = cluster.to_string();
                    listing.problems.push(StoreError::Unwritable { cluster, hour: facts.hour, what });
                }
            }
        }
        Ok(listing)
    }
}
