//! Summaries of allocations (reference section 2.6).

use serde_json::{Map, Value, json};

use crate::allocation::AllocationSet;
use crate::facts::{MICROCORES, MILLI_GPUS};
use crate::http::allocation_json::{Style, window_json};
use crate::http::envelope::write_map;
use crate::http::number::quotient;
use crate::interval::rfc3339;
use crate::measures::Measures;
use crate::query::AllocationRequest;

/// All sets with step and window, as text.
pub fn summary(sets: &[AllocationSet], request: &AllocationRequest) -> Vec<u8> {
    let mut text =
        format!("{{\"step\":{},\"sets\":[", request.step.saturating_mul(1_000_000_000)).into_bytes();
    for (index, set) in sets.iter().enumerate() {
        text.extend_from_slice(if index == 0 { b"{\"allocations\":" } else { b",{\"allocations\":" });
        write_map(&mut text, rows(set, request));
        text.extend_from_slice(format!(",\"window\":{}}}", window_json(set.window)).as_bytes());
    }
    text.extend_from_slice(format!("],\"window\":{}}}", window_json(request.window)).as_bytes());
    text
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
    total.insert("efficiency".to_owned(), style.efficiency(sum.total_efficiency()));
    json!({
        "numResults": results,
        "combined": {"allocations": {"total": total}, "window": window_json(request.window)},
    })
}

/// The fields that every row has, for tables without rows.
pub fn blank(request: &AllocationRequest) -> Map<String, Value> {
    row("", &Measures::default(), Style::of(request, request.window))
}

/// The rows of a set by name, each written when it is asked for.
pub fn rows<'a>(
    set: &'a AllocationSet,
    request: &AllocationRequest,
) -> impl Iterator<Item = (&'a str, Map<String, Value>)> + use<'a> {
    let style = Style::of(request, set.window);
    set.aggregates.iter().map(move |(name, aggregate)| (name.as_str(), row(name, &aggregate.measures, style)))
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
        ("totalEfficiency", style.efficiency(row.total_efficiency())),
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
