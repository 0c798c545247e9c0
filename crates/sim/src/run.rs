//! A run: from a scenario to what came of it.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use supercargo_api::labels::keys;
use supercargo_clock::Clock;
use thiserror::Error;

use crate::invariants::{Invariant, at_rest, placeable, placeable_meanwhile};
use crate::observing::{Sample, Seen, lock, observers, sample};
use crate::outcome::{Cost, Outcome};
use crate::scenario::{Baseline, FaultKind, Scenario};
use crate::timeline::{Happening, What, timeline};
use crate::world::{ApplyError, World, WorldError};

/// How often it is looked whether pods wait that could run.
const LOOK_EVERY: Duration = Duration::from_secs(300);

/// How a run is made.
#[derive(Clone, Copy, Debug)]
pub struct RunOptions {
    /// Decides everything that happens by chance; that of the scenario if absent.
    pub seed: Option<u64>,
    /// Keep the lines of the log.
    pub keep_log: bool,
    /// Time between two samples.
    pub sample_every: Duration,
    /// Run what the cost is compared with, too.
    pub baseline: bool,
}

impl Default for RunOptions {
    fn default() -> Self {
        Self { seed: None, keep_log: false, sample_every: Duration::from_secs(10), baseline: true }
    }
}

/// Why a run came to no end.
#[derive(Debug, Error)]
pub enum RunError {
    /// The event loop cannot be started.
    #[error("the event loop cannot be started: {0}")]
    Runtime(#[from] std::io::Error),
    /// The world did not start.
    #[error(transparent)]
    World(#[from] WorldError),
    /// A change of the scenario could not be made.
    #[error("{after}s after the start: {error}")]
    Change {
        /// Seconds after the start.
        after: u64,
        /// What is wrong.
        #[source]
        error: ApplyError,
    },
}

/// Runs a scenario on this thread, in virtual time.
pub fn run(scenario: &Scenario, options: &RunOptions) -> Result<Outcome, RunError> {
    let mut outcome = run_once(scenario, options)?;
    if let (Some(Baseline::OnDemand), true) = (scenario.baseline, options.baseline) {
        let baseline = run_once(&on_demand(scenario), options)?;
        outcome.baseline = Some(baseline.cost);
        outcome.baseline_prices = baseline.samples.iter().map(|sample| sample.price_per_hour).collect();
    }
    outcome.judge(&scenario.assertions);
    Ok(outcome)
}

fn run_once(scenario: &Scenario, options: &RunOptions) -> Result<Outcome, RunError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build()?;
    runtime.block_on(go(scenario, options))
}

async fn go(scenario: &Scenario, options: &RunOptions) -> Result<Outcome, RunError> {
    let seed = options.seed.unwrap_or(scenario.seed);
    let (watching, seen) = observers(options.keep_log);
    let mut world = World::build(scenario, seed, watching).await?;
    lock(&seen).checks.prices_of(world.region.clone());
    world.start_controllers();
    let end = scenario.duration.0 + scenario.settle.0;
    let happenings = timeline(scenario);
    let last_step = happenings.last().map_or(0, |happening| happening.at.as_secs());
    let mut happenings = happenings.into_iter().peekable();
    let mut samples = Vec::new();
    let mut next_sample = Duration::ZERO;
    let mut next_look = LOOK_EVERY;
    let mut trouble = Trouble::default();
    loop {
        let next = happenings.peek().map_or(end, |happening| happening.at);
        let next = next.min(next_sample).min(next_look).min(end);
        let moment = scenario.start.checked_add(next).unwrap_or(scenario.start);
        world.time.sleep_until(moment).await;
        while let Some(happening) = happenings.next_if(|happening| happening.at <= next) {
            trouble.note(&happening.what);
            perform(&mut world, &seen, happening).await?;
        }
        if next >= next_look {
            let state = lock(world.seen());
            let (calm, now) = (trouble.none_lately(), world.now());
            placeable_meanwhile(&mut lock(&seen).checks, &state, &world.region, calm, now);
            next_look = next + LOOK_EVERY;
        }
        if next >= next_sample {
            samples.push(sample(next.as_secs(), &lock(&seen).census, &world.region));
            next_sample = next + options.sample_every.max(Duration::from_secs(1));
        }
        if next >= end {
            break;
        }
    }
    Ok(Outcome { last_step, ..finish(scenario, seed, &world, &seen, samples) })
}

/// Faults of the controllers.
#[derive(Debug, Default)]
struct Trouble {
    under_way: usize,
    lately: bool,
}

impl Trouble {
    fn note(&mut self, what: &What) {
        match what {
            What::Begins(FaultKind::DropWatches) => self.lately = true,
            What::Begins(_) => self.under_way += 1,
            What::Ends(_) => {
                self.under_way = self.under_way.saturating_sub(1);
                self.lately = true;
            }
            What::Apply(_) | What::Patch(..) | What::Delete(_) => {}
        }
    }

    /// Whether there has been none since this was asked last.
    fn none_lately(&mut self) -> bool {
        !std::mem::take(&mut self.lately) && self.under_way == 0
    }
}

async fn perform(world: &mut World, seen: &Arc<Mutex<Seen>>, happening: Happening) -> Result<(), RunError> {
    let now = world.now();
    let after = happening.at.as_secs();
    let failed = |error| RunError::Change { after, error };
    match happening.what {
        What::Apply(object) => {
            note(seen, now, format_args!("apply {} {}", object["kind"], object["metadata"]["name"]));
            world.apply(&object).await.map_err(failed)?;
        }
        What::Patch(name, body) => {
            note(seen, now, format_args!("patch {} {} {body}", name.kind, name.name));
            world.patch(&name, &body).await.map_err(failed)?;
        }
        What::Delete(name) => {
            note(seen, now, format_args!("delete {} {}", name.kind, name.name));
            world.delete(&name).await.map_err(failed)?;
        }
        What::Begins(kind) => {
            note(seen, now, format_args!("begins {kind:?}"));
            match kind {
                FaultKind::Crash => world.kill_controllers(),
                FaultKind::ApiErrors(percent) => world.gate.set_errors(percent / 100.0),
                FaultKind::DropWatches => world.gate.drop_watches(),
                FaultKind::ClockAhead(span) => world.skew_clock(seconds(span.0)),
                FaultKind::ClockBehind(span) => world.skew_clock(-seconds(span.0)),
            }
        }
        What::Ends(kind) => {
            note(seen, now, format_args!("ends {kind:?}"));
            match kind {
                FaultKind::Crash => world.start_controllers(),
                FaultKind::ApiErrors(_) => world.gate.set_errors(0.0),
                FaultKind::DropWatches => {}
                FaultKind::ClockAhead(_) | FaultKind::ClockBehind(_) => world.skew_clock(0),
            }
        }
    }
    Ok(())
}

fn note(seen: &Mutex<Seen>, now: jiff::Timestamp, what: std::fmt::Arguments<'_>) {
    lock(seen).log.add(now, what);
}

fn finish(
    scenario: &Scenario,
    seed: u64,
    world: &World,
    seen: &Mutex<Seen>,
    samples: Vec<Sample>,
) -> Outcome {
    let now = world.time.now();
    let state = lock(world.seen());
    let mut seen = lock(seen);
    at_rest(&mut seen.checks, &state, &world.region, now);
    placeable(&mut seen.checks, &state, &world.region, now);
    let bill = world.region.bill();
    Outcome {
        scenario: scenario.name.clone(),
        description: scenario.description.clone(),
        seed,
        start: scenario.start,
        seconds: (scenario.duration.0 + scenario.settle.0).as_secs(),
        latencies: seen.lives.latencies(),
        pods_made: seen.lives.made(),
        nodes_made: seen.nodes_made,
        machines_launched: bill.instances.len(),
        interruptions: world.region.census().noticed,
        cost: Cost::of(&bill, (scenario.duration.0 + scenario.settle.0).as_secs()),
        baseline: None,
        baseline_prices: Vec::new(),
        last_step: 0,
        samples,
        violations: seen.violations().to_vec(),
        log_lines: seen.log.count(),
        log_checksum: format!("{:016x}", seen.log.checksum()),
        log: seen.log.lines().to_vec(),
    }
}

/// The same scenario with nothing but capacity on demand.
fn on_demand(scenario: &Scenario) -> Scenario {
    let mut scenario = scenario.clone();
    let changes = scenario.changes.iter_mut().filter_map(|change| change.apply.as_mut());
    for object in scenario.objects.iter_mut().chain(changes) {
        without_spot(object);
    }
    for workload in &mut scenario.workloads {
        without_spot(&mut workload.pod);
    }
    scenario
}

/// Everywhere in an object, what asks for the capacity type spot asks for on-demand.
fn without_spot(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            if fields.get("key").and_then(Value::as_str) == Some(keys::CAPACITY_TYPE) {
                fields.insert("operator".to_owned(), json!("In"));
                fields.insert("values".to_owned(), json!(["on-demand"]));
                return;
            }
            for (name, field) in fields.iter_mut() {
                if name == keys::CAPACITY_TYPE && field.is_string() {
                    *field = json!("on-demand");
                } else {
                    without_spot(field);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(without_spot),
        _ => {}
    }
}

fn seconds(span: Duration) -> i64 {
    i64::try_from(span.as_secs()).unwrap_or(i64::MAX)
}

impl Outcome {
    /// Adds what the scenario asks for and did not get to the violations.
    fn judge(&mut self, wanted: &crate::scenario::Assertions) {
        let at = self.start.checked_add(Duration::from_secs(self.seconds)).unwrap_or(self.start);
        let mut failed = Vec::new();
        let waits = [
            ("last", wanted.pending_to_running_last, self.latencies.last),
            ("p99", wanted.pending_to_running_p99, self.latencies.p99),
        ];
        for (name, most, found) in waits {
            if let Some(most) = most.filter(|most| found > most.0.as_secs_f64()) {
                failed.push(format!("pending to running, {name}: {found:.1}s, at most {most} is wanted"));
            }
        }
        if let (Some(most), Some(percent)) = (wanted.cost_percent_of_baseline, self.percent_of_baseline())
            && percent > most
        {
            failed.push(format!("the cost is {percent:.1} % of the baseline's, at most {most} % is wanted"));
        }
        let last = self.samples.last().cloned().unwrap_or_default();
        if let Some(most) = wanted.nodes_at_end.filter(|most| last.ready_nodes > *most) {
            failed.push(format!("{} nodes at the end, at most {most} are wanted", last.ready_nodes));
        }
        if let Some(most) = wanted.pending_at_end.filter(|most| last.pending > *most) {
            failed.push(format!("{} pods pending at the end, at most {most} are wanted", last.pending));
        }
        if let Some(most) = wanted.nodes_made.filter(|most| self.nodes_made > *most) {
            failed.push(format!("{} nodes were made, at most {most} are wanted", self.nodes_made));
        }
        if let (Some(within), Some(nodes)) = (wanted.scaled_in_within, wanted.nodes_at_end) {
            match self.scaled_in_after(nodes) {
                Some(seconds) if seconds <= within.0.as_secs() => {}
                Some(seconds) => {
                    failed.push(format!("scaled in after {seconds}s, within {within} is wanted"))
                }
                None => failed.push(format!("never scaled in to {nodes} nodes")),
            }
        }
        let failed = failed.into_iter();
        self.violations.extend(failed.map(|what| crate::invariants::Violation {
            at,
            invariant: Invariant::Assertion,
            what,
        }));
    }
}
