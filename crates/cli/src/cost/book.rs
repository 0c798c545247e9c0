//! The prices that a ledger on disk has: the catalogue's, spot prices that were seen, what is kept beside it, and what the
//! command line names.

use std::path::{Path, PathBuf};

use supercargo_catalog::Catalog;
use supercargo_cost::prices::PriceFolder;
use supercargo_cost::prices::files::read_price_file;
use supercargo_cost::{PriceBook, Store};

use crate::exit::Failure;

/// The book of a ledger, and what of it could not be read.
pub(super) fn prices_beside(
    store: &Store,
    directory: &Path,
    region: &str,
    files: &[PathBuf],
) -> Result<(PriceBook, Vec<String>), Failure> {
    let failed = |error: &dyn std::fmt::Display| Failure::new(error.to_string());
    let mut book = PriceBook::of_region(Catalog::embedded(), region);
    let (quotes, unread) = store.spot_prices().map_err(|error| failed(&error))?;
    book.add_spot_quotes(&quotes);
    let kept = PriceFolder::of(directory).enter(&mut book).map_err(|error| failed(&error))?;
    enter_files(&mut book, files)?;
    let unread = unread.iter().map(|problem| problem.to_string());
    Ok((book, unread.chain(kept.iter().map(|problem| problem.to_string())).collect()))
}

/// The book of a recording, which has nothing beside it.
pub(super) fn prices_of_region(region: &str, files: &[PathBuf]) -> Result<PriceBook, Failure> {
    let mut book = PriceBook::of_region(Catalog::embedded(), region);
    enter_files(&mut book, files)?;
    Ok(book)
}

fn enter_files(book: &mut PriceBook, files: &[PathBuf]) -> Result<(), Failure> {
    let failed = |error: &dyn std::fmt::Display| Failure::new(error.to_string());
    for path in files {
        let name = path.display().to_string();
        let bytes = std::fs::read(path).map_err(|error| Failure::new(format!("{name}: {error}")))?;
        book.apply(&read_price_file(&name, &bytes).map_err(|error| failed(&error))?.entries);
    }
    Ok(())
}
