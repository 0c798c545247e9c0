//! Ledgers in buckets: what is needed of one is kept in a directory.

use std::path::PathBuf;

use supercargo_cost::Interval;

use super::arguments::Arguments;
use crate::console::Console;
use crate::exit::{Exit, Failure};

/// The bucket that `--store` names, if it names one.
fn address(arguments: &Arguments) -> Option<&str> {
    arguments.store.as_deref()?.to_str().filter(|text| text.starts_with("s3://"))
}

/// The directory of a ledger, with what a window needs of it in it.
pub fn directory(arguments: &Arguments, window: Interval) -> Result<Option<PathBuf>, Failure> {
    match address(arguments) {
        Some(address) => here::fetch(arguments, address, window).map(Some),
        None => Ok(arguments.store.clone()),
    }
}

/// `supercargo cost upload`.
pub fn upload(arguments: &Arguments, console: &Console) -> Result<Exit, Failure> {
    let Some(directory) = arguments.store.as_deref().filter(|_| address(arguments).is_none()) else {
        return Err(Failure::new("nothing to put up").with_help("give --store DIR: a ledger on this machine"));
    };
    let Some(to) = &arguments.to else {
        return Err(Failure::new("no place to put it").with_help("give --to s3://BUCKET/PREFIX"));
    };
    if !directory.is_dir() {
        return Err(Failure::new(format!("{} is no directory", directory.display()))
            .with_help("a ledger is a directory with commits/ and log/ in it"));
    }
    here::upload(directory, to, console)
}

#[cfg(not(feature = "object-store"))]
mod here {
    use std::path::{Path, PathBuf};

    use supercargo_cost::Interval;

    use super::super::arguments::Arguments;
    use crate::console::Console;
    use crate::exit::{Exit, Failure};

    fn missing() -> Failure {
        Failure::new("this program was built without object stores")
            .with_help("build it with: cargo build --release --features object-store")
    }

    pub fn fetch(_: &Arguments, _: &str, _: Interval) -> Result<PathBuf, Failure> {
        Err(missing())
    }

    pub fn upload(_: &Path, _: &str, _: &Console) -> Result<Exit, Failure> {
        Err(missing())
    }
}

#[cfg(feature = "object-store")]
mod here {
    use std::path::{Path, PathBuf};

    use supercargo_cost::Interval;
    use supercargo_cost_bucket::{Bucket, BucketError};

    use super::super::arguments::Arguments;
    use crate::console::{Console, printable};
    use crate::exit::{Exit, Failure};

    fn failed(error: BucketError) -> Failure {
        Failure::new(error.to_string()).with_help(
            "region, credentials and endpoint come from AWS_REGION, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_ENDPOINT_URL, …",
        )
    }

    /// Where a bucket's files are kept: every bucket has a directory of its own.
    fn cache(arguments: &Arguments, address: &str) -> Result<PathBuf, Failure> {
        let variable =
            |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let home = || variable("HOME").map(|home| home.join(".cache"));
        let place = arguments
            .cache
            .clone()
            .or_else(|| {
                variable("XDG_CACHE_HOME").or_else(home).map(|cache| cache.join("supercargo/ledgers"))
            })
            .ok_or_else(|| {
                Failure::new("no place for the files of the bucket").with_help("give --cache DIR")
            })?;
        let name: Vec<String> = address
            .trim_start_matches("s3://")
            .split('/')
            .filter(|part| !part.is_empty())
            .map(str::to_owned)
            .collect();
        Ok(place.join(name.join("%2F")))
    }

    pub fn fetch(arguments: &Arguments, address: &str, window: Interval) -> Result<PathBuf, Failure> {
        let bucket = Bucket::open(address).map_err(failed)?;
        let directory = cache(arguments, address)?;
        std::fs::create_dir_all(&directory)
            .map_err(|error| Failure::new(format!("{}: {error}", directory.display())))?;
        bucket.fetch(window, &directory).map_err(failed)?;
        Ok(directory)
    }

    pub fn upload(directory: &Path, to: &str, console: &Console) -> Result<Exit, Failure> {
        let uploaded = Bucket::open(to).and_then(|bucket| bucket.upload(directory)).map_err(failed)?;
        for problem in &uploaded.problems {
            let warning = console.error_paint().warning("warning:");
            console.note(format_args!("{warning} {}", printable(problem)));
        }
        console.data(&format!(
            "{} hours and days put up, {} bytes; {} were there; {} hours gave way to days\n",
            uploaded.stretches, uploaded.bytes, uploaded.there, uploaded.removed
        ))?;
        Ok(if uploaded.problems.is_empty() { Exit::Success } else { Exit::Incomplete })
    }
}
