//! Runs scenarios and shows what their simulation takes: `figures [--no-baseline] [--rows] [--out RECORD.json] SCENARIO.yaml...`. A
//! table goes to standard output, with all rows of the report if they are asked for, the record to the file. Without scenarios it runs those that have a goal of speed or price.

#![allow(clippy::print_stdout, reason = "the table is what it is for")]

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};
use supercargo_clock::{RealClock, Stopwatch};
use supercargo_sim::scenario::{Scenario, read};
use supercargo_sim::{Outcome, RunOptions, report, run};

// that of the binary
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The scenarios whose figures are kept.
const KEPT: [&str; 3] = ["hour-of-200-nodes", "viral-launch", "scale-in"];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut out: Option<PathBuf> = None;
    let mut options = RunOptions::default();
    let mut all_rows = false;
    let mut files: Vec<PathBuf> = Vec::new();
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--out" => out = arguments.next().map(PathBuf::from),
            "--rows" => all_rows = true,
            "--no-baseline" => options.baseline = false,
            file => files.push(file.into()),
        }
    }
    if files.is_empty() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenarios");
        files = KEPT.iter().map(|name| folder.join(format!("{name}.yaml"))).collect();
    }
    println!(
        "{:<20} {:>8} {:>8} {:>6} {:>6} {:>8} {:>8} {:>6} {:>9}",
        "scenario", "cpu s", "wall s", "pods", "nodes", "p99 s", "last s", "cost %", "scaled in"
    );
    let mut rows = Vec::new();
    let clock = RealClock::new();
    for file in &files {
        let scenario = scenario(file)?;
        let (before, watch) = (cpu_seconds(), Stopwatch::start(&clock));
        let outcome = run(&scenario, &options)?;
        let (cpu, wall) = (cpu_seconds() - before, watch.elapsed());
        rows.push(show(&scenario, &outcome, cpu, wall));
        for row in report::rows(&outcome).iter().filter(|_| all_rows) {
            println!("{:<19}  {}", row.name, row.value);
        }
    }
    if let Some(out) = out {
        let record = json!({"figures": "simulator", "rows": rows});
        std::fs::write(out, serde_json::to_string_pretty(&record)? + "\n")?;
    }
    Ok(())
}

fn show(scenario: &Scenario, outcome: &Outcome, cpu: f64, wall: Duration) -> Value {
    let nodes = outcome.samples.iter().map(|sample| sample.ready_nodes).max().unwrap_or(0);
    let scaled_in = scenario.assertions.nodes_at_end.and_then(|nodes| outcome.scaled_in_after(nodes));
    let minutes = scaled_in.map(|seconds| seconds as f64 / 60.0);
    println!(
        "{:<20} {:>8.2} {:>8.2} {:>6} {:>6} {:>8.1} {:>8.1} {:>6} {:>9}",
        outcome.scenario,
        cpu,
        wall.as_secs_f64(),
        outcome.pods_made,
        nodes,
        outcome.latencies.p99,
        outcome.latencies.last,
        outcome.percent_of_baseline().map_or_else(|| "-".to_owned(), |percent| format!("{percent:.1}")),
        minutes.map_or_else(|| "-".to_owned(), |minutes| format!("{minutes:.1} min")),
    );
    for violation in &outcome.violations {
        println!("    {violation}");
    }
    json!({
        "scenario": outcome.scenario,
        "simulatedSeconds": outcome.seconds,
        "cpuSeconds": cpu,
        "wallSeconds": wall.as_secs_f64(),
        "pods": outcome.pods_made,
        "nodesAtMost": nodes,
        "pendingToRunning": outcome.latencies,
        "cost": outcome.cost,
        "costPercentOfBaseline": outcome.percent_of_baseline(),
        "scaledInMinutes": minutes,
        "logChecksum": outcome.log_checksum,
        "violations": outcome.violations,
    })
}

fn scenario(path: &Path) -> Result<Scenario, Box<dyn std::error::Error>> {
    let text = std::fs::read_to_string(path)?;
    let folder = path.parent().unwrap_or_else(|| Path::new(""));
    Ok(read(&text, |file| std::fs::read_to_string(folder.join(file)).map_err(|error| error.to_string()))?)
}

/// Processor time of this process so far; zero where the system does not say. Other work on the machine is not in it.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields);
    // user and system time, in hundredths of a second
    let ticks: f64 =
        fields.split_whitespace().skip(11).take(2).filter_map(|ticks| ticks.parse::<f64>().ok()).sum();
    ticks / 100.0
}
