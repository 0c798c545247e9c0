//! Summaries of allocations (reference section 2.6).

use serde_json::{Map, Value, json};

use crate::allocation::AllocationSet;
use crate::facts::{MICROCORES, MILLI_GPUS};
use crate::http::allocation_json::{Style, window_json};
use crate::http::number::quotient;
use crate::interval::rfc3339;
use crate::measures::Measures;
use crate::query::AllocationRequest;

/// All sets with step and window.
pub fn summary(sets: &[AllocationSet], request: &AllocationRequest) -> Value {
    let one = |set: &AllocationSet| {
        let style = Style::of(request, set.window);
        let rows = set
            .aggregates
            .iter()
            .map(|(name, aggregate)| (name.clone(), Value::Object(row(name, &aggregate.measures, style))));
        json!({"allocations": Value::Object(rows.collect()), "window": window_json(set.window)})
    };
    json!({
        "step": request.step.saturating_mul(1_000_000_000),
        "sets": sets.iter().map(one).collect::<Vec<_>>(),
        "window": window_json(request.window),
    })
}

/// One row of everything.
pub fn topline(sets: &[AllocationSet], request: &AllocationRequest) -> Value {
    let style = Style::of(request, request.window);
    let mut sum = Measures::default();
    let mut results = 0;
    for set in sets {
        results += set.aggregates.len();
        for aggregate in set.aggregates.values() {
            sum.add(&aggregate.measures);
        }
    }
    let mut total = row("total", &sum, style);
    total.insert("efficiency".to_owned(), style.plain(sum.total_efficiency()));
    json!({
        "numResults": results,
        "combined": {"allocations": {"total": total}, "window": window_json(request.window)},
    })
}

/// The fields that every row has, for tables without rows.
pub fn blank(request: &AllocationRequest) -> Map<String, Value> {
    row("", &Measures::default(), Style::of(request, request.window))
}

/// All rows of all sets, in order.
pub fn rows(sets: &[AllocationSet], request: &AllocationRequest) -> Vec<Map<String, Value>> {
    let of_set = |set: &AllocationSet| {
        let style = Style::of(request, set.window);
        let named = set.aggregates.iter();
        named.map(move |(name, aggregate)| row(name, &aggregate.measures, style)).collect::<Vec<_>>()
    };
    sets.iter().flat_map(of_set).collect()
}

fn row(name: &str, row: &Measures, style: Style) -> Map<String, Value> {
    let plain = |value: f64| style.plain(value);
    let cost = |amount| style.cost(amount);
    let seconds = row.span.seconds() as f64;
    let average = |amount: u128, unit: u64| plain(quotient(amount, seconds * unit as f64));
    let mut out = Map::new();
    for (field, value) in [
        ("name", Value::from(name)),
        ("start", rfc3339(row.span.start).into()),
        ("end", rfc3339(row.span.end).into()),
        ("cpuCoreRequestAverage", average(row.cpu.requested, MICROCORES)),
        ("cpuCoreUsageAverage", average(row.cpu.used, MICROCORES)),
        ("cpuCost", cost(row.cpu.cost)),
        ("cpuCostIdle", cost(row.cpu.idle)),
        ("gpuRequestAverage", average(row.gpu.requested, MILLI_GPUS)),
        ("gpuUsageAverage", average(row.gpu.used, MILLI_GPUS)),
        ("gpuCost", cost(row.gpu.cost)),
        ("gpuCostIdle", cost(row.gpu.idle)),
        ("networkCost", cost(row.network.cost())),
        ("loadBalancerCost", cost(row.balancer_cost())),
        ("pvCost", cost(row.volume_cost())),
        ("ramByteRequestAverage", average(row.ram.requested, 1)),
        ("ramByteUsageAverage", average(row.ram.used, 1)),
        ("ramCost", cost(row.ram.cost)),
        ("ramCostIdle", cost(row.ram.idle)),
        ("sharedCost", cost(row.shared)),
        ("externalCost", cost(row.external)),
        ("totalEfficiency", plain(row.total_efficiency())),
        ("totalCost", cost(row.total())),
    ] {
        out.insert(field.to_owned(), value);
    }
    if !style.opencost {
        let overcommit = row.cpu.overcommit + row.ram.overcommit + row.gpu.overcommit;
        out.insert("overcommitCost".to_owned(), cost(overcommit));
    }
    out
}
