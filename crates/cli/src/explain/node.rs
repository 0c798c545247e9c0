//! A node, explained in words.

use std::collections::BTreeMap;
use std::fmt::Write;

use supercargo_catalog::Usd;
use supercargo_engine::explain::{Going, NodeExplanation, NodeState, PriceSplit, Sizing, WhatIf};

use super::pod::cheapest;
use crate::columns::{indented, new_table, written};
use crate::console::{Paint, printable};
use crate::figures::{count, hourly, hourly_in_words, monthly, percent};
use crate::plan::amounts;

/// Everything there is to say.
pub fn text(node: &NodeExplanation, paint: Paint) -> String {
    let mut text = String::new();
    let _ = writeln!(text, "{}\n", paint.strong(printable(&format!("Node {}: {}", node.node, node.message))));
    let mut line = |name: &str, value: String| {
        let _ = writeln!(text, "{}  {}", paint.faint(format_args!("{name:<9}")), printable(&value));
    };
    line("Bought as", bought_as(node));
    line("Price", price(node));
    line("State", state(node.state).to_owned());
    line("In use", used(node));
    if let Some(sizing) = &node.sizing {
        line("Type", sized(sizing));
    }
    if let Some(split) = &node.split {
        line("Borne by", borne(split));
        line("Worth", split.shares.iter().map(worth).collect::<Vec<_>>().join(", "));
    }
    going(&mut text, &node.going, paint);
    pods(&mut text, node, paint);
    text
}

fn bought_as(node: &NodeExplanation) -> String {
    let known =
        |text: &str, otherwise: &str| if text.is_empty() { otherwise.to_owned() } else { text.to_owned() };
    let mut said = format!(
        "{} {} in {}",
        known(&node.capacity_type, "capacity type not known,"),
        known(&node.instance_type, "type not known"),
        known(&node.zone, "a zone not known")
    );
    match &node.node_pool {
        Some(pool) => said.push_str(&format!(", NodePool {pool}")),
        None => said.push_str(", no NodePool"),
    }
    if let Some(claim) = node.node_claim.as_ref().filter(|claim| **claim != node.node) {
        said.push_str(&format!(", NodeClaim {claim}"));
    }
    if let Some(created) = &node.created {
        said.push_str(&format!(", since {created}"));
    }
    said
}

fn price(node: &NodeExplanation) -> String {
    let (Some(price), Some(month)) = (node.price_per_hour, node.price_per_month) else {
        return "not known".to_owned();
    };
    let stamp = node.price.map(|stamp| format!(" ({} of {})", stamp.kind, stamp.date)).unwrap_or_default();
    format!("{} an hour, {} a month{stamp}", hourly_in_words(price), monthly(month))
}

fn state(state: NodeState) -> &'static str {
    match state {
        NodeState::Ready => "ready",
        NodeState::NotReady => "not ready",
        NodeState::Starting => "not initialised yet",
        NodeState::InFlight => "on its way",
        NodeState::Cordoned => "cordoned",
        NodeState::GoingAway => "going away",
    }
}

fn used(node: &NodeExplanation) -> String {
    let daemons = match amounts(&node.daemon_sets) {
        nothing if nothing == "-" => String::new(),
        amounts => format!("; DaemonSets' part is {amounts}"),
    };
    format!("cpu {}, memory {}{daemons}", percent(node.cpu_percent), percent(node.memory_percent))
}

fn sized(sizing: &Sizing) -> String {
    let mut said = sizing.text.clone();
    if !sizing.fullest.is_empty() {
        let (name, share) = (&sizing.fullest, percent(sizing.fullest_percent));
        said.push_str(&format!("; what is fullest is {name}, {share}"));
    }
    if let Some(types) = sizing.launched_from.filter(|types| *types > 1) {
        said.push_str(&format!("; it was launched as one of {}", count(types, "type")));
    }
    said
}

fn borne(split: &PriceSplit) -> String {
    format!(
        "pods {}/h, DaemonSets {}/h, nobody {}/h",
        hourly_in_words(split.pods_per_hour),
        hourly_in_words(split.daemon_sets_per_hour),
        hourly_in_words(split.idle_per_hour)
    )
}

fn worth(share: &supercargo_engine::explain::Share) -> String {
    let each = hourly_in_words(Usd::from_f64(share.per_unit_hour));
    match share.resource.as_str() {
        "cpu" => format!("a core {each}/h"),
        "memory" => format!("a GiB of memory {each}/h"),
        other => format!("a unit of {other} {each}/h"),
    }
}

fn going(text: &mut String, going: &Going, paint: Paint) {
    let head = if going.may_go { "Could it go? Nothing keeps it" } else { "Could it go? Not now" };
    let _ = writeln!(text, "\n{}", paint.strong(head));
    if !going.obstacles.is_empty() {
        let mut table = new_table(&[("WHAT KEEPS IT", false), ("WHAT WOULD UNLOCK IT", false)]);
        for obstacle in &going.obstacles {
            table.add_row([printable(&obstacle.text), printable(&obstacle.unlock)]);
        }
        text.push_str(&indented(&table, 2));
    }
    if let Some(what_if) = &going.what_if {
        where_to(text, what_if, going.may_go, paint);
    }
    if let Some(drift) = &going.drift {
        let _ = writeln!(text, "  {} {}", paint.faint("drifted:"), printable(drift));
    }
    if let Some(expires) = &going.expires {
        let _ = writeln!(text, "  {} {}", paint.faint("expires:"), printable(expires));
    }
}

fn where_to(text: &mut String, what_if: &WhatIf, may_go: bool, paint: Paint) {
    let head = if may_go { "if it went:" } else { "if it went all the same:" };
    let _ = writeln!(text, "  {} {}", paint.faint(head), printable(&what_if.text));
    let mut by_node: BTreeMap<&str, usize> = BTreeMap::new();
    for placement in &what_if.placements {
        *by_node.entry(&placement.to).or_default() += 1;
    }
    for (name, pods) in by_node {
        let new = what_if.new_nodes.iter().find(|node| node.name == name);
        let what = match new {
            Some(node) => format!(
                "a new {} {} in {} for {}/h, one of {} that would do",
                node.capacity_type,
                node.instance_type,
                node.zone,
                hourly_in_words(node.price_per_hour),
                count(node.instance_types.len(), "type")
            ),
            None => name.to_owned(),
        };
        let _ = writeln!(text, "    {} to {}", count(pods, "pod"), printable(&what));
    }
}

fn pods(text: &mut String, node: &NodeExplanation, paint: Paint) {
    if node.pods.is_empty() {
        return;
    }
    let _ = writeln!(text, "\n{}", paint.strong(format_args!("Pods: {}", node.pods.len())));
    let mut table = new_table(&[
        ("POD", false),
        ("OWNER", false),
        ("CPU", true),
        ("MEMORY", true),
        ("$/H", true),
        ("EVICTION", true),
        ("REMARKS", false),
    ]);
    for pod in &node.pods {
        let amount = |name: &str| pod.requests.get(name).map_or("-", String::as_str).to_owned();
        let mut remarks: Vec<&str> = Vec::new();
        if pod.stays {
            remarks.push("leaves with the node");
        }
        remarks.extend(pod.blocked.as_deref());
        table.add_row([
            printable(&pod.pod),
            printable(pod.owner.as_deref().unwrap_or("-")),
            amount("cpu"),
            amount("memory"),
            pod.price_per_hour.map_or_else(|| "-".to_owned(), hourly),
            format!("{:.2}", pod.eviction_cost),
            printable(&remarks.join("; ")),
        ]);
    }
    text.push_str(&written(&table));
    if let Some(choice) =
        node.sizing.as_ref().filter(|sizing| sizing.cheaper > 0).and_then(|one| one.cheapest.as_ref())
    {
        let _ = writeln!(text, "\n{} {}", paint.faint("cheapest type for these pods:"), cheapest(choice));
    }
}
