//! Prices beside a ledger: `DIR/prices/`.
//!
//! ```text
//! DIR/prices/0001-list.csv          a price file, as it was given
//! DIR/prices/0002-bill.csv          a bill, as it was given
//! DIR/prices/0002-bill.rates        what follows from it and the facts: a JSON value for each machine and stretch
//! ```
//! Numbers are versions: files are entered in their order, and later ones correct earlier ones. A bill's rates are made
//! anew when facts have changed; nothing else is ever written again.

use std::fs;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::prices::files::{Bill, FileProblems, PriceFileKind, read_bill, read_price_file};
use crate::prices::{BillRate, PriceBook};

/// What can be wrong with a folder of prices.
#[derive(Debug, Error)]
pub enum FolderError {
    /// The file system refuses.
    #[error("{path}: {source}", path = path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file is not right.
    #[error(transparent)]
    File(#[from] FileProblems),
    /// Rates of a bill that are not what was written.
    #[error("{path}:{line}: {what}; expected what `supercargo cost reprice` writes", path = path.display())]
    Rates {
        /// The file.
        path: PathBuf,
        /// Line, from 1 on.
        line: usize,
        /// What is wrong.
        what: String,
    },
}

/// The prices beside a ledger.
#[derive(Clone, Debug)]
pub struct PriceFolder {
    path: PathBuf,
}

fn at(path: &Path) -> impl FnOnce(std::io::Error) -> FolderError + '_ {
    move |source| FolderError::Io { path: path.to_owned(), source }
}

impl PriceFolder {
    /// That of the ledger in a directory. It is made when something is put into it.
    pub fn of(store: &Path) -> PriceFolder {
        PriceFolder { path: store.join("prices") }
    }

    /// Files with their versions, in order.
    fn files(&self) -> Result<Vec<(u32, PathBuf)>, FolderError> {
        let listing = match fs::read_dir(&self.path) {
            Ok(listing) => listing,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(at(&self.path)(error)),
        };
        let mut found = Vec::new();
        for entry in listing {
            let path = entry.map_err(at(&self.path))?.path();
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            let version = name.split_once('-').and_then(|(number, _)| number.parse().ok());
            if let Some(version) = version.filter(|_| !name.ends_with(".unfinished")) {
                found.push((version, path));
            }
        }
        found.sort();
        Ok(found)
    }

    /// The version of the newest file; 0 without any.
    pub fn version(&self) -> Result<u32, FolderError> {
        Ok(self.files()?.last().map_or(0, |(version, _)| *version))
    }

    /// Enters everything into a book. Files that are not right are told and passed over.
    pub fn enter(&self, book: &mut PriceBook) -> Result<Vec<FolderError>, FolderError> {
        let mut problems = Vec::new();
        for (_, path) in self.files()? {
            if let Err(problem) = enter(&path, book) {
                problems.push(problem);
            }
        }
        Ok(problems)
    }

    /// Keeps a price file that was read before; returns its version.
    pub fn keep_prices(&self, kind: PriceFileKind, bytes: &[u8]) -> Result<u32, FolderError> {
        let kind = match kind {
            PriceFileKind::List => "list.csv",
            PriceFileKind::OpenCost => "opencost.csv",
            PriceFileKind::SpotFeed => "spot-feed.txt",
            PriceFileKind::SpotHistory => "spot-history.json",
            PriceFileKind::Units => "units.json",
        };
        let version = self.version()? + 1;
        self.write(&format!("{version:04}-{kind}"), bytes)?;
        Ok(version)
    }

    /// Keeps a bill that was read before, and its rates; returns its version.
    pub fn keep_bill(&self, bytes: &[u8], rates: &[BillRate]) -> Result<u32, FolderError> {
        let version = self.version()? + 1;
        // rates first: a bill without them would price nothing and still be there
        self.keep_rates(version, rates)?;
        self.write(&format!("{version:04}-bill.csv"), bytes)?;
        Ok(version)
    }

    /// Replaces the rates of a bill.
    pub fn keep_rates(&self, version: u32, rates: &[BillRate]) -> Result<(), FolderError> {
        let mut text = String::new();
        for rate in rates {
            // numbers and texts always have a JSON form
            text.push_str(&serde_json::to_string(rate).unwrap_or_default());
            text.push('\n');
        }
        self.write(&format!("{version:04}-bill.rates"), text.as_bytes())
    }

    /// The bills that are kept, with their versions.
    pub fn bills(&self) -> Result<Vec<(u32, Bill)>, FolderError> {
        let mut bills = Vec::new();
        for (version, path) in self.files()? {
            if path.to_string_lossy().ends_with("-bill.csv") {
                let bytes = fs::read(&path).map_err(at(&path))?;
                bills.push((version, read_bill(&path.display().to_string(), &bytes)?));
            }
        }
        Ok(bills)
    }

    /// Writes a file so that it is there whole or not at all.
    fn write(&self, name: &str, bytes: &[u8]) -> Result<(), FolderError> {
        fs::create_dir_all(&self.path).map_err(at(&self.path))?;
        let path = self.path.join(name);
        let unfinished = self.path.join(format!("{name}.unfinished"));
        fs::write(&unfinished, bytes).map_err(at(&unfinished))?;
        let file = fs::File::open(&unfinished).map_err(at(&unfinished))?;
        file.sync_all().map_err(at(&unfinished))?;
        fs::rename(&unfinished, &path).map_err(at(&path))
    }
}

fn enter(path: &Path, book: &mut PriceBook) -> Result<(), FolderError> {
    let name = path.display().to_string();
    if name.ends_with("-bill.csv") {
        return Ok(());
    }
    let bytes = fs::read(path).map_err(at(path))?;
    if !name.ends_with("-bill.rates") {
        book.apply(&read_price_file(&name, &bytes)?.entries);
        return Ok(());
    }
    let mut rates = Vec::new();
    for (line, number) in bytes.split(|byte| *byte == b'\n').zip(1usize..) {
        if line.is_empty() {
            continue;
        }
        let rate: BillRate = serde_json::from_slice(line).map_err(|error| FolderError::Rates {
            path: path.to_owned(),
            line: number,
            what: error.to_string(),
        })?;
        rates.push(rate);
    }
    book.add_bill_rates(&rates);
    Ok(())
}
