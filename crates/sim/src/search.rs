//! Random scenarios: which seed fails, and how little of it is enough.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use supercargo_cloud_sim::{Script, When};

use crate::outcome::Outcome;
use crate::random::random_scenario;
use crate::run::{RunError, RunOptions, run};
use crate::scenario::{Scenario, Span};

/// A scenario that fails.
#[derive(Debug)]
pub struct Failure {
    /// Its seed.
    pub seed: u64,
    /// The shortest prefix that fails: nothing begins after this.
    pub until: Duration,
    /// That prefix.
    pub scenario: Scenario,
    /// What came of it.
    pub outcome: Outcome,
}

/// What became of a seed.
pub type Checked = Result<Option<Failure>, RunError>;

/// Checks seeds, so many at once, and tells what became of them in their order. Without `keep_going` no seed is begun once
/// one has failed.
pub fn check_seeds(seeds: Range<u64>, threads: usize, keep_going: bool, mut tell: impl FnMut(u64, Checked)) {
    let next = AtomicU64::new(seeds.start);
    let stopped = AtomicBool::new(false);
    let (sender, receiver) = mpsc::channel();
    std::thread::scope(|scope| {
        for _ in 0..threads.max(1) {
            let sender = sender.clone();
            let (next, stopped) = (&next, &stopped);
            scope.spawn(move || {
                while !stopped.load(Ordering::Relaxed) {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds.end {
                        break;
                    }
                    let checked = check_seed(seed);
                    if !keep_going && !matches!(checked, Ok(None)) {
                        stopped.store(true, Ordering::Relaxed);
                    }
                    if sender.send((seed, checked)).is_err() {
                        break;
                    }
                }
            });
        }
        drop(sender);
        let mut early = BTreeMap::new();
        let mut due = seeds.start;
        for (seed, checked) in receiver {
            early.insert(seed, checked);
            while let Some(checked) = early.remove(&due) {
                tell(due, checked);
                due += 1;
            }
        }
    });
}

/// Runs the random scenario of a seed. If something is wrong with it, finds the shortest prefix that is enough.
pub fn check_seed(seed: u64) -> Checked {
    shortest_failure(&random_scenario(seed))
}

/// Runs a scenario. If something is wrong with it, finds the shortest prefix that is enough.
pub fn shortest_failure(scenario: &Scenario) -> Checked {
    let options =
        RunOptions { baseline: false, sample_every: Duration::from_secs(60), ..RunOptions::default() };
    let outcome = run(scenario, &options)?;
    if outcome.violations.is_empty() {
        return Ok(None);
    }
    let seed = scenario.seed;
    for until in moments(scenario) {
        let prefix = cut(scenario, until);
        let outcome = run(&prefix, &options)?;
        if !outcome.violations.is_empty() {
            return Ok(Some(Failure { seed, until, scenario: prefix, outcome }));
        }
    }
    Ok(Some(Failure { seed, until: scenario.duration.0, scenario: scenario.clone(), outcome }))
}

/// The moments at which something begins, in order.
fn moments(scenario: &Scenario) -> Vec<Duration> {
    let steps = scenario.workloads.iter().flat_map(|workload| workload.steps.iter().map(|step| step.at.0));
    let changes = scenario.changes.iter().map(|change| change.at.0);
    let faults = scenario.faults.iter().map(|fault| fault.at.0);
    let market = scenario.market.lines().filter_map(|line| begins(line, scenario));
    let mut moments: Vec<Duration> = steps.chain(changes).chain(faults).chain(market).collect();
    moments.push(Duration::ZERO);
    moments.sort_unstable();
    moments.dedup();
    moments
}

/// When a line of the market's script begins to matter, after the start; nothing for a line without an event.
fn begins(line: &str, scenario: &Scenario) -> Option<Duration> {
    let script: Script = line.parse().ok()?;
    let event = script.events.first()?;
    match event.at {
        When::After(after) => Some(after),
        When::At(_) | When::TimeOfDay(_) => {
            Duration::try_from(event.first(scenario.start).duration_since(scenario.start)).ok()
        }
    }
}

/// The same scenario with nothing that begins later.
fn cut(scenario: &Scenario, until: Duration) -> Scenario {
    let mut scenario = scenario.clone();
    let span = Span(until);
    for workload in &mut scenario.workloads {
        workload.steps.retain(|step| step.at <= span);
    }
    scenario.changes.retain(|change| change.at <= span);
    scenario.faults.retain(|fault| fault.at <= span);
    let lines = scenario.market.lines();
    let lines: Vec<&str> =
        lines.filter(|line| begins(line, &scenario).is_none_or(|begins| begins <= until)).collect();
    scenario.market = lines.join("\n");
    // what has begun still ends
    let ends = scenario.faults.iter().map(|fault| fault.at.0 + fault.lasts.0).max().unwrap_or_default();
    let over = scenario.workloads.iter().flat_map(|workload| &workload.steps);
    let over = over.map(|step| step.at.0 + step.over.map_or(Duration::ZERO, |over| over.0)).max();
    let end = until.max(ends).max(over.unwrap_or_default()) + Duration::from_secs(1);
    scenario.duration = Span(end.min(scenario.duration.0));
    scenario
}
