//! A recording in the place of a ledger.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use supercargo_cost::dump::{RecordingError, read_recording};
use supercargo_cost::{Ledger, PriceBook};
#[cfg(feature = "sql")]
use supercargo_cost::{Store, dump::read_dumps, prometheus::ImportSettings};

use crate::exit::Failure;

/// The ledger of what a recording says.
pub(super) fn ledger_of(path: &Path, prices: PriceBook) -> Result<Ledger, Failure> {
    let failed = |error: &dyn std::fmt::Display| {
        Failure::new(format!("{}: {error}", path.display()))
            .with_help("a ledger is a directory with commits/ and log/ in it, or a recording with a JSON value on every line")
    };
    let file = File::open(path).map_err(|error| failed(&error))?;
    let mut ledger = Ledger::new(prices);
    let entered = read_recording(BufReader::new(file), |_, observation| {
        observation.hours.into_iter().for_each(|facts| ledger.absorb(facts));
        Ok::<(), RecordingError>(())
    });
    entered.map_err(|error| failed(&error))?;
    Ok(ledger)
}

/// Writes what a recording says into a store.
#[cfg(feature = "sql")]
pub(super) fn write(path: &Path, store: &Store) -> Result<(), Failure> {
    let settings = ImportSettings::new("");
    read_dumps(&[path.to_owned()], &settings, &mut |facts| {
        store.commit(&facts).map_err(|error| error.to_string())
    })
    .map(|_| ())
    .map_err(|error| {
        Failure::new(error.to_string())
            .with_help("a ledger is a directory with commits/ and log/ in it, or a recording with a JSON value on every line")
    })
}
