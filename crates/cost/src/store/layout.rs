//! Where files are.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use crate::interval::{Interval, rfc3339};
use crate::store::error::StoreError;

/// Directory of commits.
pub(super) const COMMITS: &str = "commits";
/// Directory of logs.
pub(super) const LOGS: &str = "log";
/// Seconds of a day.
pub(super) const DAY: i64 = 86_400;

/// A name that can be a part of a path, whatever the text is.
pub(super) fn path_name(text: &str) -> String {
    let mut name = String::new();
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' => name.push(char::from(byte)),
            b'.' if !name.is_empty() => name.push('.'),
            other => name.push_str(&format!("%{other:02X}")),
        }
    }
    name
}

/// The start of the day that a second is in.
pub(super) const fn day_of(second: i64) -> i64 {
    second.div_euclid(DAY) * DAY
}

/// `DIR/<table>/cluster=C/day=D`.
pub(super) fn partition(root: &Path, table: &str, cluster: &str, day: i64) -> PathBuf {
    let day = rfc3339(day);
    root.join(table)
        .join(format!("cluster={}", path_name(cluster)))
        .join(format!("day={}", day.get(..10).unwrap_or(&day)))
}

/// `12` for the hour that begins at noon; `day` for a whole day.
pub(super) fn file_name(stretch: Interval) -> String {
    if stretch.seconds() > 3_600 {
        "day".to_owned()
    } else {
        format!("{:02}", stretch.start.rem_euclid(DAY) / 3_600)
    }
}

/// An error with its path.
pub(super) fn at(path: &Path) -> impl FnOnce(std::io::Error) -> StoreError + '_ {
    move |source| StoreError::Io { path: path.to_owned(), source }
}

/// Writes a file so that it is there whole or not at all, also after a loss of power.
pub(super) fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    let directory = path.parent().unwrap_or(path);
    fs::create_dir_all(directory).map_err(at(directory))?;
    let unfinished = path.with_extension("unfinished");
    let mut file = File::create(&unfinished).map_err(at(&unfinished))?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(at(&unfinished))?;
    fs::rename(&unfinished, path).map_err(at(path))?;
    sync_directory(directory)
}

/// Makes renames and removals in a directory last.
pub(super) fn sync_directory(directory: &Path) -> Result<(), StoreError> {
    File::open(directory).and_then(|directory| directory.sync_all()).map_err(at(directory))
}

/// Entries of a directory in order; none if it is not there.
pub(super) fn entries(directory: &Path) -> Result<Vec<PathBuf>, StoreError> {
    let listing = match fs::read_dir(directory) {
        Ok(listing) => listing,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(at(directory)(error)),
    };
    let mut found = Vec::new();
    for entry in listing {
        found.push(entry.map_err(at(directory))?.path());
    }
    found.sort();
    Ok(found)
}

/// Removes a file; one that is not there is removed already.
pub(super) fn remove(path: &Path) -> Result<(), StoreError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(at(path)(error)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_leaves_its_directory() {
        assert_eq!(path_name("prod-east.1"), "prod-east.1");
        assert_eq!(path_name("../../etc"), "%2E.%2F..%2Fetc");
        assert_eq!(path_name("arn:aws:eks/x"), "arn%3Aaws%3Aeks%2Fx");
    }
}
