//! A month of a fleet in a directory.

use std::path::Path;

use rayon::prelude::*;
use supercargo_catalog::Catalog;
use supercargo_clock::{Clock, Stopwatch};
use supercargo_cost::facts::HourFacts;
use supercargo_cost::interval::HOUR;
use supercargo_cost::store::StoreError;
use supercargo_cost::{Ledger, PriceBook, Store};

use super::fleet::{Fleet, FleetSize};
use crate::consolidation::{Figure, FigureRow};
use crate::goals::Goal;
use crate::memory::MemoryError;

/// The seed of the fleet.
pub const SEED: u64 = 6;
/// The first second: the start of 2026.
pub const START: i64 = 1_767_225_600;
const DAY: i64 = 24 * HOUR;

/// A ledger that cannot be measured.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// The store refuses.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Files cannot be looked at.
    #[error("cannot read the directory: {0}")]
    Files(#[from] std::io::Error),
    /// Memory or another process cannot be measured.
    #[error(transparent)]
    Memory(#[from] MemoryError),
    /// What was found is not what was put in.
    #[error("{0}")]
    Wrong(String),
}

/// The prices of the fleet's region.
pub fn prices() -> PriceBook {
    PriceBook::of_region(Catalog::embedded(), "us-east-1")
}

/// Writes a fleet's history to a directory, hour by hour and day by day as a running collector would, and says what it
/// takes.
///
/// # Errors
/// When the directory cannot be written.
pub fn directory(clock: &dyn Clock, size: FleetSize, path: &Path) -> Result<FigureRow, LedgerError> {
    let mut fleet = Fleet::new(SEED, size);
    let store = Store::open(path)?;
    let mut ledger = Ledger::open(store.clone(), prices(), true)?;
    let (mut rows, mut hours_ms, mut days_ms) = (0usize, 0.0, 0.0);
    for day in 0..size.days {
        let start = START + day * DAY;
        // who is there depends on the hour before; what they did does not
        let alive: Vec<_> =
            (0..24).map(|hour| (start + hour * HOUR, fleet.alive(start + hour * HOUR))).collect();
        rows += alive.iter().map(|(_, alive)| alive.len()).sum::<usize>();
        let stopwatch = Stopwatch::start(clock);
        let written: Vec<Result<(), StoreError>> = alive
            .par_iter()
            .map(|(hour, alive)| {
                let facts: HourFacts = fleet.facts(*hour, alive);
                store.commit(&facts)
            })
            .collect();
        written.into_iter().collect::<Result<(), StoreError>>()?;
        hours_ms += stopwatch.elapsed().as_secs_f64() * 1e3;
        let stopwatch = Stopwatch::start(clock);
        ledger.refresh()?;
        ledger.maintain(start + DAY, None)?;
        days_ms += stopwatch.elapsed().as_secs_f64() * 1e3;
        eprintln!("day {} of {}", day + 1, size.days);
    }
    if let Some(problem) = ledger.take_problems().first() {
        return Err(LedgerError::Wrong(problem.to_string()));
    }
    let (bytes, of_roll_ups) = (bytes_of(path)?, bytes_of(&path.join("rollups"))?);
    let per_row = |bytes: u64| bytes as f64 / rows.max(1) as f64;
    Ok(FigureRow {
        work: "store",
        variant: format!("{} days, {} containers alive, {rows} rows", size.days, size.containers),
        figures: vec![
            Figure::new("a container and hour", per_row(bytes), "bytes"),
            Figure::new("of that, roll-ups", per_row(of_roll_ups), "bytes"),
            Figure::new("making up and writing an hour", hours_ms / (size.days * 24) as f64, "ms"),
            Figure::new("making a day of hours, with roll-ups", days_ms / size.days as f64, "ms"),
        ],
        violations: Vec::new(),
        goals: vec![Goal::at_most("a container and hour", "bytes", 60.0, per_row(bytes))],
    })
}

/// Bytes of all files below a directory.
fn bytes_of(path: &Path) -> std::io::Result<u64> {
    let mut bytes = 0;
    for entry in std::fs::read_dir(path)? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        bytes += if metadata.is_dir() { bytes_of(&entry.path())? } else { metadata.len() };
    }
    Ok(bytes)
}
