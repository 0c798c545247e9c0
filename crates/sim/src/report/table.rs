//! The figures, a line each.

use crate::outcome::Outcome;

/// A figure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// What it is.
    pub name: &'static str,
    /// How much, with its unit.
    pub value: String,
}

/// The figures of a run, in the order in which a reader asks for them.
pub fn rows(outcome: &Outcome) -> Vec<Row> {
    let waits = &outcome.latencies;
    let last = outcome.samples.last().cloned().unwrap_or_default();
    let most = |of: fn(&crate::observing::Sample) -> usize| outcome.samples.iter().map(of).max().unwrap_or(0);
    let mut rows = vec![
        row("simulated", format!("{} from {}", duration(outcome.seconds), outcome.start)),
        row("seed", outcome.seed.to_string()),
        row("pods that ran", format!("{} of {} made", waits.pods, outcome.pods_made)),
        row(
            "pending to running",
            format!(
                "p50 {:.1}s, p95 {:.1}s, p99 {:.1}s, last {:.1}s",
                waits.p50, waits.p95, waits.p99, waits.last
            ),
        ),
        row(
            "pods running",
            format!("{} at most, {} at the end", most(|sample| sample.running), last.running),
        ),
        row(
            "pods pending",
            format!("{} at most, {} at the end", most(|sample| sample.pending), last.pending),
        ),
        row(
            "nodes ready",
            format!("{} at most, {} at the end", most(|sample| sample.ready_nodes), last.ready_nodes),
        ),
        row("machines launched", format!("{}, {} nodes made", outcome.machines_launched, outcome.nodes_made)),
        row("spot interruptions", outcome.interruptions.to_string()),
        row(
            "cost",
            format!(
                "${:.2}, of which spot ${:.2}; ${:.2} a day",
                outcome.cost.total, outcome.cost.spot, outcome.cost.per_day
            ),
        ),
    ];
    if let (Some(baseline), Some(percent)) = (&outcome.baseline, outcome.percent_of_baseline()) {
        let value =
            format!("${:.2}; ${:.2} a day; this is {percent:.1} % of it", baseline.total, baseline.per_day);
        rows.push(row("the same on demand", value));
    }
    rows.push(row("log", format!("{} lines, checksum {}", outcome.log_lines, outcome.log_checksum)));
    rows.push(row(
        "violations",
        if outcome.violations.is_empty() { "none".to_owned() } else { outcome.violations.len().to_string() },
    ));
    rows
}

fn row(name: &'static str, value: String) -> Row {
    Row { name, value }
}

fn duration(seconds: u64) -> String {
    crate::scenario::Span::seconds(seconds).to_string()
}
