//! The nodes of a plan as a table: folded, or one line each.

use std::collections::BTreeMap;

use supercargo_api::quantity::{parse_milli, parse_value};
use supercargo_engine::plan::{Node, Plan};

use super::fold::fold;
use crate::columns::{new_table, written};
use crate::console::printable;
use crate::figures::hourly;

/// How many names a cell lists before it only counts.
const LISTED: usize = 4;

/// The folded table: identical nodes on one line, a total at the end.
pub fn folded(plan: &Plan) -> String {
    let rows = fold(&plan.nodes);
    let mut table = new_table(&[
        ("NODEPOOL", false),
        ("COUNT", true),
        ("TYPE", false),
        ("ZONE", false),
        ("CAPACITY", false),
        ("PODS", true),
        ("CPU%", true),
        ("MEM%", true),
        ("$/H EACH", true),
        ("$/H", true),
        ("FLEXIBLE", true),
    ]);
    for row in &rows {
        table.add_row([
            pool_name(row.first),
            row.count.to_string(),
            row.first.instance_type.clone(),
            row.first.zone.clone(),
            row.first.capacity_type.clone(),
            row.pods.to_string(),
            format!("{:.0}", row.cpu_percent),
            format!("{:.0}", row.memory_percent),
            hourly(row.first.price_per_hour),
            hourly(row.price),
            match row.flexible {
                (fewest, most) if fewest == most => most.to_string(),
                (fewest, most) => format!("{fewest}-{most}"),
            },
        ]);
    }
    if rows.len() > 1 {
        let summary = &plan.summary;
        table.add_row([
            "total".to_owned(),
            plan.nodes.len().to_string(),
            String::new(),
            String::new(),
            String::new(),
            summary.pods_on_new_nodes.to_string(),
            format!("{:.0}", summary.cpu_percent),
            format!("{:.0}", summary.memory_percent),
            String::new(),
            hourly(summary.price_per_hour),
            String::new(),
        ]);
    }
    written(&table)
}

/// A line for each node.
pub fn wide(plan: &Plan) -> String {
    let mut table = new_table(&[
        ("NODE", false),
        ("TYPE", false),
        ("ZONE", false),
        ("CAPACITY", false),
        ("CPU", true),
        ("CPU%", true),
        ("MEMORY", true),
        ("MEM%", true),
        ("$/H", true),
        ("DAEMONSETS", false),
        ("ZONES", false),
        ("ALTERNATIVES", false),
        ("PODS", false),
    ]);
    for node in &plan.nodes {
        let alternatives = node.instance_types.iter().map(|choice| choice.instance_type.as_str());
        let alternatives: Vec<&str> = alternatives.filter(|name| *name != node.instance_type).collect();
        let pods: Vec<&str> = node.pods.iter().map(String::as_str).collect();
        table.add_row([
            match node_notes(node) {
                Some(notes) => format!("{} ({notes})", printable(&node.name)),
                None => printable(&node.name),
            },
            node.instance_type.clone(),
            node.zone.clone(),
            node.capacity_type.clone(),
            format!("{}/{}", cores(&node.requests), cores(&node.allocatable)),
            format!("{:.0}", node.cpu_percent),
            format!("{}/{}Gi", gibibytes(&node.requests), gibibytes(&node.allocatable)),
            format!("{:.0}", node.memory_percent),
            hourly(node.price_per_hour),
            amounts(&node.daemon_sets),
            zones(&node.zones),
            listed(&alternatives),
            format!("{} {}", node.pods.len(), listed(&pods)).trim_end().to_owned(),
        ]);
    }
    written(&table)
}

fn pool_name(node: &Node) -> String {
    let name = printable(&node.node_pool);
    match node_notes(node) {
        Some(notes) => format!("{name} ({notes})"),
        None => name,
    }
}

fn node_notes(node: &Node) -> Option<String> {
    let mut notes = Vec::new();
    if node.is_static {
        notes.push("static");
    }
    if node.min_values_relaxed {
        notes.push("minValues relaxed");
    }
    (!notes.is_empty()).then(|| notes.join(", "))
}

/// Cores with at most two decimals.
fn cores(resources: &BTreeMap<String, String>) -> String {
    let millicores = resources.get("cpu").map_or(0, |cpu| parse_milli(cpu).unwrap_or(0));
    trimmed(format!("{:.2}", millicores as f64 / 1000.0))
}

/// GiB of memory with at most one decimal.
fn gibibytes(resources: &BTreeMap<String, String>) -> String {
    let bytes = resources.get("memory").map_or(0, |memory| parse_value(memory).unwrap_or(0));
    trimmed(format!("{:.1}", bytes as f64 / f64::from(1 << 30)))
}

fn trimmed(decimal: String) -> String {
    decimal.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// `100m cpu, 128Mi memory`; nothing is `-`. The pods resource counts places, not amounts, and is left out.
pub fn amounts(resources: &BTreeMap<String, String>) -> String {
    let amount = |name: &str| resources.get(name).filter(|amount| *amount != "0");
    let first = ["cpu", "memory"].into_iter().filter_map(|name| Some((name, amount(name)?)));
    let rest = resources
        .iter()
        .filter(|(name, amount)| !matches!(name.as_str(), "cpu" | "memory" | "pods") && *amount != "0");
    let rest = rest.map(|(name, amount)| (name.as_str(), amount));
    let parts: Vec<String> = first.chain(rest).map(|(name, amount)| format!("{amount} {name}")).collect();
    if parts.is_empty() { "-".to_owned() } else { parts.join(", ") }
}

/// `us-east-1{a,b,d}` for zones of one region, otherwise their names.
fn zones(zones: &[String]) -> String {
    let split = |zone: &String| {
        let (index, letter) = zone.char_indices().next_back()?;
        Some((zone[..index].to_owned(), letter))
    };
    let parts: Option<Vec<(String, char)>> = zones.iter().map(split).collect();
    match parts.as_deref() {
        Some([(region, _), _, ..]) if parts.iter().flatten().all(|(other, _)| other == region) => {
            let letters: Vec<String> = parts.iter().flatten().map(|(_, letter)| letter.to_string()).collect();
            format!("{region}{{{}}}", letters.join(","))
        }
        _ => zones.join(","),
    }
}

/// `a,b,c,d + 3 more`.
fn listed(names: &[&str]) -> String {
    let shown = names.iter().take(LISTED).copied().collect::<Vec<_>>().join(",");
    match names.len().saturating_sub(LISTED) {
        0 => printable(&shown),
        more => format!("{} + {more} more", printable(&shown)),
    }
}
