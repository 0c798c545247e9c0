//! The command itself.

use std::fs;
use std::path::Path;

use supercargo_sim::report::{html, rows};
use supercargo_sim::scenario::{Scenario, read};
use supercargo_sim::{Outcome, RunError, RunOptions, run as simulate};

use super::arguments::{Arguments, Report};
use crate::console::{Console, Paint};
use crate::exit::{Exit, Failure};
use crate::progress::Progress;

/// Runs a scenario and writes what came of it.
pub fn run(arguments: &Arguments, console: &Console) -> Result<Exit, Failure> {
    let scenario = scenario(&arguments.scenario)?;
    let options = RunOptions {
        seed: arguments.seed,
        keep_log: arguments.log.is_some(),
        baseline: !arguments.no_baseline,
        ..RunOptions::default()
    };
    let progress = Progress::new(console);
    progress.stage("simulating");
    let outcome = simulate(&scenario, &options).map_err(failure)?;
    drop(progress);
    if let Some(path) = &arguments.log {
        write(path, &(outcome.log.join("\n") + "\n"))?;
    }
    let text = match arguments.report {
        Report::Table => {
            table(&outcome, if arguments.out.is_some() { Paint::new(false) } else { console.paint() })
        }
        Report::Json => {
            serde_json::to_string_pretty(&outcome)
                .map_err(|error| Failure::new(format!("the report cannot be written as JSON: {error}")))?
                + "\n"
        }
        Report::Html => html(&outcome),
    };
    match &arguments.out {
        Some(path) => write(path, &text)?,
        None => console.data(&text)?,
    }
    if arguments.report != Report::Table || arguments.out.is_some() {
        for violation in &outcome.violations {
            console.note(violation);
        }
    }
    Ok(if outcome.violations.is_empty() { Exit::Success } else { Exit::Incomplete })
}

/// Reads a scenario with the files it names.
fn scenario(path: &Path) -> Result<Scenario, Failure> {
    let shown = path.display();
    let text =
        fs::read_to_string(path).map_err(|error| Failure::new(format!("{shown} cannot be read: {error}")))?;
    let folder = path.parent().unwrap_or_else(|| Path::new(""));
    let open = |file: &str| fs::read_to_string(folder.join(file)).map_err(|error| error.to_string());
    read(&text, open).map_err(|error| Failure::new(format!("{shown}: {error}")))
}

fn failure(error: RunError) -> Failure {
    Failure::new(error.to_string())
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    fs::write(path, text)
        .map_err(|error| Failure::new(format!("{} cannot be written: {error}", path.display())))
}

/// The figures, a line each, and what should not have been.
pub(crate) fn table(outcome: &Outcome, paint: Paint) -> String {
    let mut text = format!("{}\n\n", paint.strong(&outcome.scenario));
    for row in rows(outcome) {
        text.push_str(&format!("{}  {}\n", paint.faint(format_args!("{:<19}", row.name)), row.value));
    }
    for violation in &outcome.violations {
        text.push_str(&format!("{} {violation}\n", paint.problem("violation:")));
    }
    text
}
