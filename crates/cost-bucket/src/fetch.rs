//! Getting what a window needs.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};
use serde_json::Value;
use supercargo_cost::Interval;
use supercargo_cost::interval::rfc3339;
use supercargo_cost::store::TABLE_NAMES;

use crate::bucket::{AT_ONCE, Bucket, PRICES, table_file};
use crate::error::{BucketError, at};

/// What was got.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fetched {
    /// Stretches, each an hour or a day of a cluster.
    pub stretches: usize,
    /// Bytes of their files.
    pub bytes: u64,
    /// Stretches that were there already.
    pub there: usize,
}

/// Writes a file so that it is there whole or not at all.
fn write(path: &Path, bytes: &[u8]) -> Result<(), BucketError> {
    if let Some(directory) = path.parent() {
        fs::create_dir_all(directory).map_err(at(directory))?;
    }
    let unfinished = path.with_extension("unfinished");
    fs::write(&unfinished, bytes).map_err(at(&unfinished))?;
    fs::rename(&unfinished, path).map_err(at(path))
}

/// Whether a commit's day touches a window, by its name: `commits/cluster=C/day=2026-03-31/12.json`.
fn touches(name: &str, window: Interval) -> bool {
    let day = name.split('/').find_map(|part| part.strip_prefix("day=")).unwrap_or_default();
    // names and texts of moments come in the order of time
    let first = rfc3339(window.start);
    let last = rfc3339(window.end.saturating_sub(1));
    !window.is_empty()
        && first.get(..10).is_none_or(|first| first <= day)
        && last.get(..10).is_none_or(|last| day <= last)
}

impl Bucket {
    /// Gets what days of a window need into a directory, which is then a ledger like any other. What is there already is not
    /// got again.
    pub fn fetch(&self, window: Interval, directory: &Path) -> Result<Fetched, BucketError> {
        self.runtime.block_on(async {
            let mut fetched = Fetched::default();
            let commits: Vec<String> = self.commits().await?.into_iter().map(|(name, _)| name).collect();
            let days: BTreeSet<&str> =
                commits.iter().filter_map(|name| name.strip_suffix("day.json")).collect();
            for name in commits.iter().filter(|name| touches(name, window)) {
                let day = name.rsplit_once('/').map_or("", |(day, _)| day);
                let covered = !name.ends_with("/day.json") && days.contains(format!("{day}/").as_str());
                if !covered {
                    self.fetch_stretch(name, directory, &mut fetched).await?;
                }
            }
            for (name, _) in self.list(PRICES).await? {
                write(&directory.join(&name), &self.get(&name).await?)?;
            }
            Ok(fetched)
        })
    }

    async fn fetch_stretch(
        &self,
        name: &str,
        directory: &Path,
        fetched: &mut Fetched,
    ) -> Result<(), BucketError> {
        let commit = self.get(name).await?;
        let local = directory.join(name);
        if fs::read(&local).is_ok_and(|known| known == commit) {
            fetched.there += 1;
            return Ok(());
        }
        let damaged = |what: String| BucketError::Damaged { object: name.to_owned(), what };
        let header: Value = serde_json::from_slice(&commit).map_err(|error| damaged(error.to_string()))?;
        let header = &header;
        let files = TABLE_NAMES.into_iter().map(|table| async move {
            let file = table_file(name, table).unwrap_or_default();
            let bytes: Bytes = self.get(&file).await?;
            let expected = header_bytes(header, table);
            if expected != Some(bytes.len() as u64) {
                let what = format!("{} bytes of {file}, not the {expected:?} it names", bytes.len());
                return Err(BucketError::Damaged { object: name.to_owned(), what });
            }
            write(&directory.join(&file), &bytes)?;
            Ok(bytes.len() as u64)
        });
        let lengths: Vec<u64> = stream::iter(files).buffer_unordered(AT_ONCE).try_collect().await?;
        write(&local, &commit)?;
        fetched.stretches += 1;
        fetched.bytes += lengths.iter().sum::<u64>();
        Ok(())
    }
}

fn header_bytes(header: &Value, table: &str) -> Option<u64> {
    header["files"][table]["bytes"].as_u64()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_told_by_their_names() {
        let name = "commits/cluster=east/day=1970-01-02/day.json";
        let touched = |start, end| touches(name, Interval::new(start, end));
        assert!(touched(86_400, 86_401) && touched(0, 86_401) && touched(172_799, 999_999));
        assert!(!touched(0, 86_400) && !touched(172_800, 999_999) && !touched(90_000, 90_000));
        assert!(!touches("commits/nonsense.json", Interval::new(0, 10)));
    }
}
