//! The command itself.

use std::thread::available_parallelism;

use supercargo_sim::{Failure as SeedFailure, check_seeds};

use super::Arguments;
use crate::console::Console;
use crate::exit::{Exit, Failure};
use crate::figures::count;
use crate::progress::Progress;
use crate::simulate::table;

/// Runs the seeds, several at once, and writes about those that failed in order.
pub fn run(arguments: &Arguments, console: &Console) -> Result<Exit, Failure> {
    let progress = Progress::new(console);
    let total = count(usize::try_from(arguments.seeds).unwrap_or(usize::MAX), "seed");
    progress.stage(format!("simulating {total}"));
    let threads = arguments.threads.map(usize::from);
    let threads = threads.unwrap_or_else(|| available_parallelism().map_or(1, usize::from));
    let seeds = arguments.from..arguments.from.saturating_add(arguments.seeds);
    let (mut checked, mut failed) = (0, 0);
    let mut outcome: Result<(), Failure> = Ok(());
    check_seeds(seeds, threads, arguments.keep_going, |seed, result| {
        checked += 1;
        let told = match result {
            Ok(None) => Ok(()),
            Ok(Some(failure)) => {
                failed += 1;
                about(&failure, console).and_then(|text| console.data(&text))
            }
            Err(error) => {
                failed += 1;
                Err(Failure::new(format!("seed {seed}: {error}")))
            }
        };
        if outcome.is_ok() {
            outcome = told;
        }
        progress.stage(format!("{checked} of {total} checked, {failed} failed"));
    });
    drop(progress);
    outcome?;
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
