//! A pod, explained in words.

use std::fmt::Write;

use supercargo_engine::explain::{Eviction, ExistingNodes, Place, PodExplanation};
use supercargo_engine::plan::InstanceChoice;

use crate::columns::{indented, new_table};
use crate::console::{Paint, printable};
use crate::figures::{count, hourly_in_words, whole};
use crate::plan::{amounts, steps};

/// How many nodes are named before they are only counted.
const LISTED: usize = 10;

/// Everything there is to say.
pub fn text(pod: &PodExplanation, paint: Paint) -> String {
    let mut text = String::new();
    let owner = pod.owner.as_ref().map(|owner| format!(" ({owner})")).unwrap_or_default();
    let headline = printable(&format!("Pod {}{owner}: {}", pod.pod, pod.message));
    let homeless = pod.place == Some(Place::None);
    let _ = writeln!(text, "{}\n", if homeless { paint.problem(headline) } else { paint.strong(headline) });
    let mut line = |name: &str, value: &str| {
        let _ = writeln!(text, "{}  {}", paint.faint(format_args!("{name:<9}")), printable(value));
    };
    if !pod.requests.is_empty() {
        let priority = if pod.priority == 0 { String::new() } else { format!("; priority {}", pod.priority) };
        let amounts = amounts(&pod.requests);
        let requests = if amounts == "-" { "nothing".to_owned() } else { amounts };
        line("Requests", &format!("{requests}{priority}"));
    }
    for (index, constraint) in pod.constraints.iter().enumerate() {
        let said = match constraint.kind.as_str() {
            "node" => constraint.text.clone(),
            "toleration" => format!("tolerates {}", constraint.text),
            "host-port" => format!("host port {}", constraint.text),
            kind => format!("{kind}: {}", constraint.text),
        };
        line(if index == 0 { "Demands" } else { "" }, &said);
    }
    if let Some(said) = &pod.scheduler {
        line("Scheduler", said);
    }
    if let Some(eviction) = &pod.eviction {
        line("Eviction", &evicted(eviction));
    }
    if let Some(Place::NewNode(new)) = &pod.place {
        let others = match new.other_pods {
            0 => "for it alone".to_owned(),
            others => format!("shared with {}", count(others, "other waiting pod")),
        };
        line("New node", &format!("{}/h, {others}; {}", hourly_in_words(new.price_per_hour), new.why));
    }
    if let Some(nodes) = &pod.existing_nodes {
        existing_nodes(&mut text, nodes, paint);
    }
    node_pools(&mut text, pod, paint);
    text
}

fn evicted(eviction: &Eviction) -> String {
    let mut said = format!("counts {:.2} in the disruption of its node", eviction.cost);
    if !eviction.pdbs.is_empty() {
        said.push_str(&format!("; PDB {}", eviction.pdbs.join(", ")));
    }
    if let Some(blocked) = &eviction.blocked {
        said.push_str(&format!("; not now: {blocked}"));
    }
    said
}

fn existing_nodes(text: &mut String, nodes: &ExistingNodes, paint: Paint) {
    if nodes.asked == 0 {
        return;
    }
    let taking = nodes.taking.len();
    let head = format!("Existing nodes: {} of {} would take it", whole(taking), whole(nodes.asked));
    let _ = writeln!(text, "\n{}", paint.strong(head));
    for name in nodes.taking.iter().take(LISTED) {
        let _ = writeln!(text, "  {}", printable(name));
    }
    if let more @ 1.. = taking.saturating_sub(LISTED) {
        let _ = writeln!(text, "  and {} (-o json lists all)", count(more, "more node"));
    }
    if nodes.refusing.is_empty() {
        return;
    }
    let mut table = new_table(&[("NODES", true), ("WHY NOT", false), ("FOR EXAMPLE", false)]);
    for one in &nodes.refusing {
        table.add_row([whole(one.nodes), printable(&one.reason), printable(&one.example)]);
    }
    text.push_str(&indented(&table, 2));
}

fn node_pools(text: &mut String, pod: &PodExplanation, paint: Paint) {
    if pod.node_pools.is_empty() {
        return;
    }
    let _ = writeln!(text, "\n{}", paint.strong("New nodes"));
    for (index, pool) in pod.node_pools.iter().enumerate() {
        if index > 0 {
            text.push('\n');
        }
        text.push_str(&steps(&pool.explanation, 2, paint));
        if let Some(choice) = &pool.cheapest {
            let _ = writeln!(text, "    {} {}", paint.faint("cheapest:"), cheapest(choice));
        }
    }
}

/// `spot c6a.large in us-east-1a for $0.0282/h`.
pub(super) fn cheapest(choice: &InstanceChoice) -> String {
    printable(&format!(
        "{} {} in {} for {}/h",
        choice.capacity_type,
        choice.instance_type,
        choice.zone,
        hourly_in_words(choice.price_per_hour)
    ))
}
