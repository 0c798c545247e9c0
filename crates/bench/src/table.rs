//! The figures as a table.

use comfy_table::presets::ASCII_BORDERS_ONLY_CONDENSED;
use comfy_table::{CellAlignment, Table};

use crate::goals::{Goal, Relation};
use crate::record::Row;

const HEADER: [&str; 13] = [
    "workload",
    "pods",
    "unplaced",
    "median ms",
    "min",
    "max",
    "nodes",
    "$/h",
    "bound",
    "gap %",
    "first-fit $/h",
    "goal",
    "met",
];

/// One line a workload.
pub fn render(rows: &[Row]) -> String {
    let mut table = Table::new();
    table.load_style(ASCII_BORDERS_ONLY_CONDENSED).set_header(HEADER);
    for index in 1..=10 {
        if let Some(column) = table.column_mut(index) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    for row in rows {
        table.add_row(cells(row));
    }
    table.to_string()
}

fn cells(row: &Row) -> Vec<String> {
    let name = if row.variant.is_empty() {
        row.workload.to_owned()
    } else {
        format!("{} {}", row.workload, row.variant)
    };
    let result = row.result.as_ref();
    let figure = |figure: Option<String>| figure.unwrap_or_default();
    let money = |dollars: f64| format!("{dollars:.2}");
    let mut goals: Vec<String> = row.goals.iter().map(goal_text).collect();
    let mut met: Vec<String> = row.goals.iter().map(met_text).collect();
    if let Some(violation) = row.violations.first() {
        goals.push(format!("{} rules broken: {violation}", row.violations.len()));
        met.push("no".to_owned());
    }
    vec![
        name,
        figure(result.map(|result| result.pods.to_string())),
        figure(result.map(|result| result.unplaced.to_string())),
        format!("{:.2}", row.total_ms.median),
        format!("{:.2}", row.total_ms.min),
        format!("{:.2}", row.total_ms.max),
        figure(result.map(|result| result.nodes.to_string())),
        figure(result.map(|result| money(result.price_per_hour.as_f64()))),
        figure(result.map(|result| money(result.lower_bound_per_hour.as_f64()))),
        figure(result.map(|result| format!("{:.2}", result.gap_percent))),
        figure(row.baseline.as_ref().map(|baseline| money(baseline.price_per_hour.as_f64()))),
        goals.join("\n"),
        met.join("\n"),
    ]
}

pub(crate) fn goal_text(goal: &Goal) -> String {
    let relation = match goal.relation {
        Relation::AtMost => "≤",
        Relation::AtLeast => "≥",
    };
    format!("{} {:.2} {relation} {:.0} {}", goal.what, goal.measured, goal.goal, goal.unit)
}

pub(crate) fn met_text(goal: &Goal) -> String {
    match goal.missed_by_percent() {
        None => "yes".to_owned(),
        // Of nothing there are no percent.
        Some(missed) if missed.is_infinite() => "no".to_owned(),
        Some(missed) => format!("no, by {missed:.0} %"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::Times;

    #[test]
    fn a_missed_goal_says_by_how_much() {
        let row = Row {
            workload: "diverse",
            variant: "20000".to_owned(),
            total_ms: Times { median: 180.0, min: 170.0, max: 200.0 },
            snapshot_ms: None,
            solve_ms: None,
            snapshot_bytes: None,
            result: None,
            violations: Vec::new(),
            baseline: None,
            goals: vec![Goal::at_most("time", "ms", 150.0, 180.0)],
        };
        let text = render(&[row]);
        assert!(text.contains("time 180.00 ≤ 150 ms"), "{text}");
        assert!(text.contains("no, by 20 %"), "{text}");
    }
}
