//! The head of a plan: how many pods on how many nodes, what they cost, and how good that is.

use std::collections::BTreeMap;
use std::fmt::Write;

use supercargo_catalog::Usd;
use supercargo_engine::plan::{Node, Plan};

use crate::console::Paint;
use crate::figures::{count, hourly_in_words, monthly, percent, whole};

/// The head, as lines.
pub fn head(plan: &Plan, paint: Paint) -> String {
    let mut text = String::new();
    let _ = writeln!(text, "{}", paint.strong(headline(plan)));
    if plan.nodes.is_empty() {
        return text;
    }
    text.push('\n');
    let mut line = |name: &str, value: String| {
        let _ = writeln!(text, "{}  {value}", paint.faint(format_args!("{name:<11}")));
    };
    line("Lower bound", bound(plan));
    let summary = &plan.summary;
    line(
        "Utilisation",
        format!(
            "cpu {}, memory {} of what the new nodes have to give",
            percent(summary.cpu_percent),
            percent(summary.memory_percent)
        ),
    );
    line("Capacity", capacity(&plan.nodes));
    line("Prices", prices(&plan.nodes));
    text
}

fn headline(plan: &Plan) -> String {
    let summary = &plan.summary;
    let region = summary.region.as_deref().map(|region| format!(" in {region}")).unwrap_or_default();
    if summary.pending_pods == 0 && plan.nodes.is_empty() {
        return match summary.existing_nodes {
            0 => "No pods to place.".to_owned(),
            nodes => {
                format!("No pods to place: {} and all pods on them stay as they are.", count(nodes, "node"))
            }
        };
    }
    let mut parts = Vec::new();
    if summary.new_nodes > 0 {
        parts.push(format!(
            "{} on {}{region} for {} an hour, {} a month",
            count(summary.pods_on_new_nodes, "pod"),
            count(summary.new_nodes, "new node"),
            hourly_in_words(summary.price_per_hour),
            monthly(summary.price_per_month)
        ));
    }
    if summary.pods_on_existing_nodes > 0 {
        parts.push(format!("{} on existing nodes", count(summary.pods_on_existing_nodes, "pod")));
    }
    if summary.unschedulable_pods > 0 {
        parts.push(format!("{} without a place", count(summary.unschedulable_pods, "pod")));
    }
    if summary.new_nodes == 0 {
        parts.push("nothing to buy".to_owned());
    }
    parts.join("; ")
}

fn bound(plan: &Plan) -> String {
    let summary = &plan.summary;
    let bound = summary.lower_bound_per_hour;
    if bound.is_zero() {
        return "none".to_owned();
    }
    if bound >= summary.price_per_hour {
        return format!("{} an hour: nothing cheaper is possible", hourly_in_words(bound));
    }
    // rounded up, so that no gap looks like none
    let gap = (summary.gap_percent * 10.0).ceil() / 10.0;
    format!(
        "{} an hour: the plan is at most {} above the cheapest possible",
        hourly_in_words(bound),
        percent(gap)
    )
}

/// Nodes and price by capacity type.
fn capacity(nodes: &[Node]) -> String {
    let mut by_type: BTreeMap<&str, (usize, Usd)> = BTreeMap::new();
    for node in nodes {
        let entry = by_type.entry(&node.capacity_type).or_default();
        entry.0 += 1;
        entry.1 += node.price_per_hour;
    }
    let parts: Vec<String> = by_type
        .into_iter()
        .map(|(name, (nodes, price))| format!("{} {name} for {}/h", whole(nodes), hourly_in_words(price)))
        .collect();
    parts.join(", ")
}

/// Kind and day of the prices, and what they are prices of.
fn prices(nodes: &[Node]) -> String {
    let mut stamps: Vec<(String, Vec<&str>)> = Vec::new();
    for node in nodes {
        let stamp = format!("{} of {}", node.price.kind, node.price.date);
        let position = stamps.iter().position(|(known, _)| *known == stamp).unwrap_or_else(|| {
            stamps.push((stamp, Vec::new()));
            stamps.len() - 1
        });
        let capacity_types = &mut stamps[position].1;
        if !capacity_types.contains(&node.capacity_type.as_str()) {
            capacity_types.push(&node.capacity_type);
        }
    }
    stamps.sort();
    let parts: Vec<String> =
        stamps.into_iter().map(|(stamp, of)| format!("{stamp} ({})", of.join(", "))).collect();
    parts.join(", ")
}
