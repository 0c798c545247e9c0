//! Random scenarios: which seed fails, and how little of it is enough.

use std::time::Duration;

use crate::outcome::Outcome;
use crate::random::random_scenario;
use crate::run::{RunError, RunOptions, run};
use crate::scenario::{Scenario, Span};

/// A seed that fails.
#[derive(Debug)]
pub struct Failure {
    /// The seed.
    pub seed: u64,
    /// The shortest prefix of its scenario that fails: nothing happens after this.
    pub until: Duration,
    /// That prefix.
    pub scenario: Scenario,
    /// What came of it.
    pub outcome: Outcome,
}

/// Runs the random scenario of a seed. If something is wrong with it, finds the shortest prefix that is enough.
pub fn check_seed(seed: u64) -> Result<Option<Failure>, RunError> {
    let scenario = random_scenario(seed);
    let options =
        RunOptions { baseline: false, sample_every: Duration::from_secs(60), ..RunOptions::default() };
    let outcome = run(&scenario, &options)?;
    if outcome.violations.is_empty() {
        return Ok(None);
    }
    let mut failure = Failure { seed, until: scenario.duration.0, scenario: scenario.clone(), outcome };
    for until in moments(&scenario) {
        let prefix = cut(&scenario, until);
        let outcome = run(&prefix, &options)?;
        if !outcome.violations.is_empty() {
            failure = Failure { seed, until, scenario: prefix, outcome };
            break;
        }
    }
    Ok(Some(failure))
}

/// The moments at which something begins, in order.
fn moments(scenario: &Scenario) -> Vec<Duration> {
    let steps = scenario.workloads.iter().flat_map(|workload| workload.steps.iter().map(|step| step.at.0));
    let changes = scenario.changes.iter().map(|change| change.at.0);
    let faults = scenario.faults.iter().map(|fault| fault.at.0);
    let mut moments: Vec<Duration> = steps.chain(changes).chain(faults).collect();
    moments.push(Duration::ZERO);
    moments.sort_unstable();
    moments.dedup();
    moments
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
    // what has begun still ends
    let ends = scenario.faults.iter().map(|fault| fault.at.0 + fault.lasts.0).max().unwrap_or_default();
    let over = scenario.workloads.iter().flat_map(|workload| &workload.steps);
    let over = over.map(|step| step.at.0 + step.over.map_or(Duration::ZERO, |over| over.0)).max();
    let end = until.max(ends).max(over.unwrap_or_default()) + Duration::from_secs(1);
    scenario.duration = Span(end.min(scenario.duration.0));
    scenario
}
