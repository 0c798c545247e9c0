//! Solving a workload again and again, from decoded objects to an outcome.

use std::time::Duration;

use serde::Serialize;
use supercargo_catalog::Usd;
use supercargo_clock::{Clock, Stopwatch};
use supercargo_engine::first_fit::first_fit_decreasing;
use supercargo_engine::invariants::check;
use supercargo_engine::snapshot::{Snapshot, SnapshotOptions};
use supercargo_engine::solve::{Outcome, solve};

use crate::record::Baseline;
use crate::workloads::Workload;

/// Times of repeated runs, in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Times {
    /// Half of the runs were faster.
    pub median: f64,
    /// The fastest run.
    pub min: f64,
    /// The slowest run.
    pub max: f64,
}

impl Times {
    /// Sums up runs; zero for none.
    pub fn of(runs: &[Duration]) -> Times {
        let mut sorted: Vec<f64> = runs.iter().map(|run| run.as_secs_f64() * 1e3).collect();
        sorted.sort_by(f64::total_cmp);
        let (Some(min), Some(max)) = (sorted.first(), sorted.last()) else { return Times::default() };
        let middle = sorted.len() / 2;
        let median =
            if sorted.len() % 2 == 1 { sorted[middle] } else { (sorted[middle - 1] + sorted[middle]) / 2.0 };
        Times { median, min: *min, max: *max }
    }
}

/// What came of a workload.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Result {
    /// Pods that were to be placed.
    pub pods: usize,
    /// Of those, on existing nodes.
    pub on_existing_nodes: usize,
    /// Of those, on new nodes.
    pub on_new_nodes: usize,
    /// Of those, nowhere.
    pub unplaced: usize,
    /// Nodes to buy.
    pub nodes: usize,
    /// Their price in dollars per hour.
    pub price_per_hour: Usd,
    /// No nodes for the same pods can cost less.
    pub lower_bound_per_hour: Usd,
    /// How far the price is above the bound, in percent of the bound.
    pub gap_percent: f64,
}

impl Result {
    /// Reads it off an outcome.
    pub fn of(snapshot: &Snapshot, outcome: &Outcome) -> Result {
        let (price, bound) = (outcome.price(), outcome.lower_bound);
        Result {
            pods: snapshot.pending.len(),
            on_existing_nodes: outcome.on_rooms.len(),
            on_new_nodes: outcome.nodes.iter().map(|node| node.pods.len()).sum(),
            unplaced: outcome.unplaced.iter().map(|unplaced| unplaced.pods.len()).sum(),
            nodes: outcome.nodes.len(),
            price_per_hour: price,
            lower_bound_per_hour: bound,
            gap_percent: if bound.is_zero() { 0.0 } else { (price.as_f64() / bound.as_f64() - 1.0) * 100.0 },
        }
    }

    /// Pods that found a place.
    pub fn placed(&self) -> usize {
        self.on_existing_nodes + self.on_new_nodes
    }
}

/// Times and outcome of a workload.
#[derive(Clone, Debug, PartialEq)]
pub struct Measurement {
    /// From decoded objects to the outcome.
    pub total: Times,
    /// Of that, until the snapshot stands.
    pub snapshot: Times,
    /// Of that, from the snapshot to the outcome.
    pub solve: Times,
    /// The outcome, the same in every run.
    pub result: Result,
}

/// Solves a workload `repeat` times from fresh state, after one run that is not counted: it only brings the program
/// and the objects into memory.
pub fn measure(clock: &dyn Clock, workload: &Workload, repeat: u32) -> Measurement {
    let mut result = once(clock, workload).2;
    let mut snapshots = Vec::new();
    let mut solves = Vec::new();
    for _ in 0..repeat {
        let (snapshot, solve, same) = once(clock, workload);
        snapshots.push(snapshot);
        solves.push(solve);
        result = same;
    }
    let totals: Vec<Duration> =
        snapshots.iter().zip(&solves).map(|(snapshot, solve)| *snapshot + *solve).collect();
    Measurement {
        total: Times::of(&totals),
        snapshot: Times::of(&snapshots),
        solve: Times::of(&solves),
        result,
    }
}

/// What first-fit-decreasing comes to for the same pods: one run, checked like ours.
pub fn baseline(clock: &dyn Clock, workload: &Workload) -> Baseline {
    let snapshot = Snapshot::build(&workload.objects, &workload.market, &SnapshotOptions::default());
    let stopwatch = Stopwatch::start(clock);
    let outcome = first_fit_decreasing(&snapshot, workload.options);
    let time_ms = stopwatch.elapsed().as_secs_f64() * 1e3;
    let result = Result::of(&snapshot, &outcome);
    Baseline {
        nodes: result.nodes,
        price_per_hour: result.price_per_hour,
        unplaced: result.unplaced,
        violations: check(&snapshot, &outcome).len(),
        time_ms,
    }
}

/// How many invariants the plan of a workload breaks; zero, or something is wrong with the engine.
pub fn violations(workload: &Workload) -> Vec<String> {
    let snapshot = Snapshot::build(&workload.objects, &workload.market, &SnapshotOptions::default());
    let outcome = solve(&snapshot, workload.options);
    check(&snapshot, &outcome).iter().map(ToString::to_string).collect()
}

fn once(clock: &dyn Clock, workload: &Workload) -> (Duration, Duration, Result) {
    let mut stopwatch = Stopwatch::start(clock);
    let snapshot = Snapshot::build(&workload.objects, &workload.market, &SnapshotOptions::default());
    let built = stopwatch.lap();
    let outcome = solve(&snapshot, workload.options);
    let solved = stopwatch.lap();
    (built, solved, Result::of(&snapshot, &outcome))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_an_even_number_of_runs_lies_between_the_middle_two() {
        let runs = [4, 1, 3, 2].map(Duration::from_millis);
        assert_eq!(Times::of(&runs), Times { median: 2.5, min: 1.0, max: 4.0 });
        assert_eq!(Times::of(&runs[..3]), Times { median: 3.0, min: 1.0, max: 4.0 });
    }
}
