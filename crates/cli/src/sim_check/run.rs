//! The command itself.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use supercargo_sim::{Failure as SeedFailure, RunError, check_seed};

use super::Arguments;
use crate::console::Console;
use crate::exit::{Exit, Failure};
use crate::figures::count;
use crate::progress::Progress;
use crate::simulate::table;

/// What became of a seed.
type Checked = Result<Option<SeedFailure>, RunError>;

/// Runs the seeds, several at once, and writes about those that failed in order.
pub fn run(arguments: &Arguments, console: &Console) -> Result<Exit, Failure> {
    let progress = Progress::new(console);
    progress.stage("simulating");
    let next = AtomicU64::new(arguments.from);
    let end = arguments.from.saturating_add(arguments.seeds);
    let stopped = AtomicBool::new(false);
    let results: Mutex<Vec<(u64, Checked)>> = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..arguments.threads {
            scope.spawn(|| {
                while !stopped.load(Ordering::Relaxed) {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= end {
                        break;
                    }
                    let result = check_seed(seed);
                    let failed = !matches!(result, Ok(None));
                    if failed && !arguments.keep_going {
                        stopped.store(true, Ordering::Relaxed);
                    }
                    results.lock().unwrap_or_else(PoisonError::into_inner).push((seed, result));
                }
            });
        }
    });
    drop(progress);
    let mut results = results.into_inner().unwrap_or_else(PoisonError::into_inner);
    results.sort_by_key(|(seed, _)| *seed);
    let checked = results.len();
    let mut failed = 0;
    for (seed, result) in results {
        match result {
            Ok(None) => {}
            Ok(Some(failure)) => {
                failed += 1;
                console.data(&about(&failure, console)?)?;
            }
            Err(error) => return Err(Failure::new(format!("seed {seed}: {error}"))),
        }
    }
    if failed > 0 {
        console.note(format_args!("{failed} of {} failed", count(checked, "seed")));
        return Ok(Exit::Incomplete);
    }
    console.data(&format!("{} held, an hour of virtual time each\n", count(checked, "seed")))?;
    Ok(Exit::Success)
}

fn about(failure: &SeedFailure, console: &Console) -> Result<String, Failure> {
    let scenario = serde_saphyr::to_string(&failure.scenario)
        .map_err(|error| Failure::new(format!("the scenario cannot be written: {error}")))?;
    Ok(format!(
        "seed {} fails with what happens in its first {} seconds:\n\n{}\n{scenario}",
        failure.seed,
        failure.until.as_secs(),
        table(&failure.outcome, console.paint()),
    ))
}
