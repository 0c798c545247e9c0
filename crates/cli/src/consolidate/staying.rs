//! Nodes that stay, grouped by reason, each with the one thing that would unlock it.

use std::collections::BTreeMap;
use std::fmt::Write;

use supercargo_catalog::Usd;
use supercargo_engine::consolidate::StayingNode;

use crate::columns::{indented, new_table};
use crate::console::{Paint, printable};
use crate::figures::{count, hourly, hourly_in_words};

/// How many lines a reason has before the rest is only counted; `-o wide` has all.
const LISTED: usize = 8;

/// Nodes of one reason.
struct Group<'c> {
    reason: &'c str,
    nodes: Vec<&'c StayingNode>,
    price: Usd,
}

/// Nodes that are told on one line: same NodePool, type, reason and key.
struct Line<'c> {
    first: &'c StayingNode,
    nodes: usize,
    price: Usd,
    cpu: f64,
    memory: f64,
}

/// The table.
pub fn table(staying: &[StayingNode], wide: bool, paint: Paint) -> String {
    if staying.is_empty() {
        return String::new();
    }
    let mut text = format!("\n{}\n", paint.strong(format_args!("Nodes that stay: {}", staying.len())));
    for group in groups(staying) {
        let nodes = count(group.nodes.len(), "node");
        let price = if group.price.is_zero() {
            "price not known".to_owned()
        } else {
            format!("{}/h", hourly_in_words(group.price))
        };
        let _ = writeln!(text, "\n  {}: {nodes}, {price}", paint.warning(printable(group.reason)));
        let lines =
            if wide { group.nodes.iter().map(|node| alone(node)).collect() } else { folded(&group.nodes) };
        let shown = if wide { lines.len() } else { LISTED.min(lines.len()) };
        text.push_str(&lines_table(&lines[..shown], wide));
        if let more @ 1.. = lines[shown..].iter().map(|line| line.nodes).sum::<usize>() {
            let _ = writeln!(text, "    and {} (-o wide lists all)", count(more, "more node"));
        }
    }
    text
}

/// By reason, the dearest first.
fn groups(staying: &[StayingNode]) -> Vec<Group<'_>> {
    let mut by_reason: BTreeMap<&str, Group<'_>> = BTreeMap::new();
    for node in staying {
        let group = by_reason.entry(&node.reason).or_insert_with(|| Group {
            reason: &node.reason,
            nodes: Vec::new(),
            price: Usd::ZERO,
        });
        group.nodes.push(node);
        group.price += node.price_per_hour.unwrap_or(Usd::ZERO);
    }
    let mut groups: Vec<Group<'_>> = by_reason.into_values().collect();
    // equal prices keep the order of their names
    groups.sort_by_key(|group| std::cmp::Reverse(group.price));
    groups
}

fn alone<'c>(node: &&'c StayingNode) -> Line<'c> {
    Line {
        first: node,
        nodes: 1,
        price: node.price_per_hour.unwrap_or(Usd::ZERO),
        cpu: node.cpu_percent,
        memory: node.memory_percent,
    }
}

/// Nodes that are alike in all that is said, as one line each; the dearest line first.
fn folded<'c>(nodes: &[&'c StayingNode]) -> Vec<Line<'c>> {
    let mut by_key: BTreeMap<_, Line<'c>> = BTreeMap::new();
    for node in nodes {
        let key = (&node.node_pool, &node.instance_type, &node.capacity_type, &node.detail, &node.unlock);
        match by_key.get_mut(&key) {
            Some(line) => {
                line.nodes += 1;
                line.price += node.price_per_hour.unwrap_or(Usd::ZERO);
                line.cpu += (node.cpu_percent - line.cpu) / line.nodes as f64;
                line.memory += (node.memory_percent - line.memory) / line.nodes as f64;
            }
            None => {
                by_key.insert(key, alone(node));
            }
        }
    }
    let mut lines: Vec<Line<'c>> = by_key.into_values().collect();
    lines.sort_by(|left, right| {
        right.price.cmp(&left.price).then_with(|| left.first.name.cmp(&right.first.name))
    });
    lines
}

fn lines_table(lines: &[Line<'_>], wide: bool) -> String {
    let mut columns = vec![("NODE", false), ("NODEPOOL", false), ("TYPE", false)];
    if wide {
        columns.extend([("ZONE", false), ("CAPACITY", false)]);
    }
    columns.extend([("CPU%", true), ("MEM%", true), ("$/H", true), ("WHY", false), ("UNLOCK", false)]);
    let mut table = new_table(&columns);
    for line in lines {
        let node = line.first;
        let name = printable(&node.name);
        let mut row = vec![
            if line.nodes == 1 { name } else { format!("{name} + {} more", line.nodes - 1) },
            if node.node_pool.is_empty() { "-".to_owned() } else { printable(&node.node_pool) },
            printable(&node.instance_type),
        ];
        if wide {
            row.extend([printable(&node.zone), printable(&node.capacity_type)]);
        }
        row.extend([
            format!("{:.0}", line.cpu),
            format!("{:.0}", line.memory),
            if node.price_per_hour.is_some() { hourly(line.price) } else { "-".to_owned() },
            printable(&node.detail),
            printable(&node.unlock),
        ]);
        table.add_row(row);
    }
    indented(&table, 4)
}
