//! The moves as a table.

use std::cmp::Reverse;
use std::fmt::Write;

use supercargo_engine::consolidate::{Move, NewNode};

use super::arguments::Sort;
use super::node_names::{exchange, folded, listed};
use crate::columns::{new_table, written};
use crate::console::{Paint, printable};
use crate::figures::{count, hourly, monthly};

/// How many moves the table has before it only counts; `-o wide` has all.
const LISTED: usize = 50;
/// How many types a cell lists before it only counts.
const TYPES: usize = 3;

/// The table, and what its columns cannot say.
pub fn table(moves: &[Move], sort: Sort, wide: bool, paint: Paint) -> String {
    if moves.is_empty() {
        return String::new();
    }
    let mut order: Vec<&Move> = moves.iter().collect();
    match sort {
        Sort::Order => {}
        Sort::Savings => order.sort_by_key(|one| Reverse(one.saved_per_hour)),
        Sort::Pods => order.sort_by_key(|one| one.pods_moved),
        Sort::Score => order.sort_by(|left, right| {
            let score = |one: &Move| one.score.unwrap_or(f64::INFINITY);
            score(right).total_cmp(&score(left))
        }),
    }
    let shown = if wide { order.len() } else { LISTED.min(order.len()) };
    let mut text = format!("\n{}\n", paint.strong(format_args!("Moves: {}", moves.len())));
    text.push_str(&if wide { wide_table(&order) } else { narrow_table(&order[..shown]) });
    if let more @ 1.. = order.len() - shown {
        let _ = writeln!(text, "and {} (-o wide lists all)", count(more, "more move"));
    }
    text
}

fn narrow_table(moves: &[&Move]) -> String {
    let mut table = new_table(&[
        ("WAVE", true),
        ("MOVE", true),
        ("KIND", false),
        ("NODES", false),
        ("TYPES", false),
        ("$/MONTH SAVED", true),
        ("PODS", true),
        ("COST", true),
        ("SCORE", true),
    ]);
    for one in moves {
        table.add_row([
            one.wave.to_string(),
            one.order.to_string(),
            one.kind.as_str().to_owned(),
            folded(&one.nodes),
            exchange(one),
            monthly(one.saved_per_month).replacen('$', "", 1),
            one.pods_moved.to_string(),
            format!("{:.1}", one.disruption_cost),
            score(one),
        ]);
    }
    written(&table)
}

fn wide_table(moves: &[&Move]) -> String {
    let mut table = new_table(&[
        ("WAVE", true),
        ("MOVE", true),
        ("KIND", false),
        ("REASON", false),
        ("NODEPOOL", false),
        ("NODES", false),
        ("TYPES", false),
        ("NEW NODES", false),
        ("$/H SAVED", true),
        ("$/MONTH SAVED", true),
        ("PODS", true),
        ("COST", true),
        ("SCORE", true),
        ("WHY", false),
    ]);
    for one in moves {
        let mut pools: Vec<&str> = one.nodes.iter().map(|node| node.node_pool.as_str()).collect();
        pools.dedup();
        let new_nodes: Vec<String> = one.new_nodes.iter().map(new_node).collect();
        table.add_row([
            one.wave.to_string(),
            one.order.to_string(),
            one.kind.as_str().to_owned(),
            printable(&one.reason),
            printable(&pools.join(",")),
            listed(&one.nodes),
            exchange(one),
            if new_nodes.is_empty() { "-".to_owned() } else { new_nodes.join(", ") },
            hourly(one.saved_per_hour),
            monthly(one.saved_per_month).replacen('$', "", 1),
            one.pods_moved.to_string(),
            format!("{:.1}", one.disruption_cost),
            score(one),
            printable(&one.why),
        ]);
    }
    written(&table)
}

fn score(one: &Move) -> String {
    one.score.map_or_else(|| "-".to_owned(), |score| format!("{score:.2}"))
}

/// `new-1-1 c6a.large spot us-east-1a (or c7a.large,m6a.large + 3 more)`.
fn new_node(node: &NewNode) -> String {
    let others: Vec<&str> =
        node.instance_types.iter().map(String::as_str).filter(|name| *name != node.instance_type).collect();
    let shown = others.iter().take(TYPES).copied().collect::<Vec<_>>().join(",");
    let alternatives = match others.len().saturating_sub(TYPES) {
        0 if others.is_empty() => String::new(),
        0 => format!(" (or {shown})"),
        more => format!(" (or {shown} + {more} more)"),
    };
    printable(&format!(
        "{} {} {} {}{alternatives}",
        node.name, node.instance_type, node.capacity_type, node.zone
    ))
}
