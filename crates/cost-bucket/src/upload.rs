//! Putting up what is over.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use futures::{StreamExt, TryStreamExt, stream};
use supercargo_cost::store::{Finished, TABLE_NAMES};
use supercargo_cost::{Interval, Store};

use crate::bucket::{AT_ONCE, Bucket, PRICES, table_file};
use crate::error::{BucketError, at};

/// What was put up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Uploaded {
    /// Stretches, each an hour or a day of a cluster.
    pub stretches: usize,
    /// Bytes of their files.
    pub bytes: u64,
    /// Stretches that were there already.
    pub there: usize,
    /// Hours that were removed, because a day covers them now.
    pub removed: usize,
    /// What of the ledger could not be read, and is not up.
    pub problems: Vec<String>,
}

/// A file's name from the ledger's directory on.
fn name_in(root: &Path, path: &Path) -> Option<String> {
    let parts: Vec<&str> = path.strip_prefix(root).ok()?.iter().filter_map(|part| part.to_str()).collect();
    Some(parts.join("/"))
}

/// All files below a directory, in order; none if it is not there.
fn files_below(directory: &Path) -> Result<Vec<PathBuf>, BucketError> {
    let (mut found, mut open) = (Vec::new(), vec![directory.to_owned()]);
    while let Some(place) = open.pop() {
        let listing = match fs::read_dir(&place) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            listing => listing.map_err(at(&place))?,
        };
        for entry in listing {
            let entry = entry.map_err(at(&place))?;
            let is_directory = entry.file_type().map_err(at(&entry.path()))?.is_dir();
            if is_directory { open.push(entry.path()) } else { found.push(entry.path()) }
        }
    }
    found.sort();
    Ok(found)
}

impl Bucket {
    /// Puts up all hours and days of a ledger that are over and not up yet. Done twice it changes nothing; ended at any
    /// point it is simply not done yet.
    pub fn upload(&self, directory: &Path) -> Result<Uploaded, BucketError> {
        let listing = Store::open(directory)?.list(Interval::new(i64::MIN, i64::MAX))?;
        let mut uploaded = Uploaded {
            problems: listing.problems.iter().map(ToString::to_string).collect(),
            ..Uploaded::default()
        };
        self.runtime.block_on(async {
            let remote: BTreeMap<String, u64> =
                self.commits().await?.into_iter().map(|(name, meta)| (name, meta.size)).collect();
            for stretch in &listing.finished {
                // one whose files are not whole stays away
                if stretch.files.len() == TABLE_NAMES.len() {
                    self.stretch(directory, stretch, &remote, &mut uploaded).await?;
                }
            }
            self.prices(directory).await?;
            Ok(uploaded)
        })
    }

    /// Without the prices of then, hours of then would cost something else.
    async fn prices(&self, directory: &Path) -> Result<(), BucketError> {
        let there: BTreeMap<String, u64> =
            self.list(PRICES).await?.into_iter().map(|(name, meta)| (name, meta.size)).collect();
        for path in files_below(&directory.join(PRICES))? {
            let bytes = fs::read(&path).map_err(at(&path))?;
            let Some(name) = name_in(directory, &path) else { continue };
            let same = there.get(&name) == Some(&(bytes.len() as u64)) && self.get(&name).await? == bytes;
            if !same {
                self.put(&name, bytes.into()).await?;
            }
        }
        Ok(())
    }

    async fn stretch(
        &self,
        root: &Path,
        stretch: &Finished,
        remote: &BTreeMap<String, u64>,
        uploaded: &mut Uploaded,
    ) -> Result<(), BucketError> {
        let commit = fs::read(&stretch.commit).map_err(at(&stretch.commit))?;
        let outside = || BucketError::Address(stretch.commit.display().to_string());
        let name = name_in(root, &stretch.commit).ok_or_else(outside)?;
        // an hour may be written again: the same length says little, the same bytes all
        let same = remote.get(&name) == Some(&(commit.len() as u64)) && self.get(&name).await? == commit;
        if same {
            uploaded.there += 1;
        } else {
            let files = stretch.files.iter().map(|file| async {
                let bytes = fs::read(&file.path).map_err(at(&file.path))?;
                let name = table_file(&name, file.table).ok_or_else(outside)?;
                self.put(&name, bytes.into()).await
            });
            stream::iter(files).buffer_unordered(AT_ONCE).try_collect::<()>().await?;
            self.put(&name, commit.into()).await?;
            uploaded.stretches += 1;
            uploaded.bytes += stretch.files.iter().map(|file| file.bytes).sum::<u64>();
        }
        let Some(day) = name.strip_suffix("day.json") else { return Ok(()) };
        let covered = |other: &&String| other.starts_with(day) && **other != name;
        for hour in remote.keys().filter(covered) {
            self.remove(hour).await?;
            for table in TABLE_NAMES {
                if let Some(file) = table_file(hour, table) {
                    self.remove(&file).await?;
                }
            }
            uploaded.removed += 1;
        }
        Ok(())
    }
}
