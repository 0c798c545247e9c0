//! A NodePool, explained in words.

use std::fmt::Write;

use supercargo_engine::explain::{
    BudgetNow, DisruptionSettings, Flexibility, NodePoolExplanation, NodesOfPool, Severity,
};

use super::pod::cheapest;
use crate::columns::{indented, new_table};
use crate::console::{Paint, printable};
use crate::figures::{count, hourly, hourly_in_words, monthly, percent, whole};

/// How many names a line lists before it only counts.
const LISTED: usize = 12;

/// Everything there is to say.
pub fn text(pool: &NodePoolExplanation, paint: Paint) -> String {
    let mut text = String::new();
    let headline = printable(&format!("NodePool {}: {}", pool.node_pool, pool.message));
    let fails = pool.flexibility.is_none() || pool.problem.is_some();
    let _ = writeln!(text, "{}\n", if fails { paint.problem(headline) } else { paint.strong(headline) });
    let mut line = |name: &str, value: String| {
        let _ = writeln!(text, "{}  {}", paint.faint(format_args!("{name:<10}")), printable(&value));
    };
    line("NodeClass", pool.node_class.clone());
    match pool.replicas {
        Some(replicas) => {
            line("Static", format!("it keeps {}, whatever pods need", count(replicas as usize, "node")))
        }
        None => line("Weight", pool.weight.to_string()),
    }
    if !pool.labels.is_empty() {
        let labels: Vec<String> = pool.labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
        line("Labels", labels.join(", "));
    }
    if !pool.taints.is_empty() {
        line("Taints", pool.taints.join(", "));
    }
    if let Some(choice) = &pool.flexibility {
        flexible(&mut line, choice);
    }
    disrupted(&mut line, &pool.disruption);
    line("Nodes", nodes(&pool.nodes));
    requirements(&mut text, pool, paint);
    limits(&mut text, pool, paint);
    types(&mut text, &pool.nodes, paint);
    findings(&mut text, pool, paint);
    text
}

fn flexible(line: &mut impl FnMut(&str, String), choice: &Flexibility) {
    let by_capacity: Vec<String> =
        choice.types_by_capacity.iter().map(|(name, types)| format!("{types} {name}")).collect();
    line(
        "Types",
        format!(
            "{} ({}), {}",
            whole(choice.types),
            by_capacity.join(", "),
            count(choice.offerings, "offering")
        ),
    );
    line("Families", listed(&choice.families));
    line("Sizes", listed(&choice.sizes));
    line("Zones", format!("{}; {}", listed(&choice.zones), choice.architectures.join(", ")));
    let gib = |mib: u64| format!("{:.1}", mib as f64 / 1024.0).trim_end_matches(".0").to_owned();
    line(
        "Range",
        format!(
            "{} to {} vCPUs, {} to {} GiB; generations {}",
            choice.vcpus.0,
            choice.vcpus.1,
            gib(choice.memory_mib.0),
            gib(choice.memory_mib.1),
            choice.generations.join(", ")
        ),
    );
    line("Cheapest", cheapest(&choice.cheapest));
    line("Dearest", cheapest(&choice.dearest));
}

/// `a, b, c and 3 more`.
fn listed(names: &[String]) -> String {
    let shown = names.iter().take(LISTED).map(String::as_str).collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(LISTED) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

fn disrupted(line: &mut impl FnMut(&str, String), settings: &DisruptionSettings) {
    let grace = match &settings.termination_grace_period {
        Some(grace) => format!(", draining takes {grace} at most"),
        None => String::new(),
    };
    line(
        "Disruption",
        format!(
            "{} after {}; nodes expire after {}{grace}",
            settings.consolidation_policy, settings.consolidate_after, settings.expire_after
        ),
    );
    for (index, budget) in settings.budgets.iter().enumerate() {
        line(if index == 0 { "Budgets" } else { "" }, budget_text(budget));
    }
    let allowed: Vec<String> =
        settings.allowed_now.iter().map(|(reason, nodes)| format!("{reason} {nodes}")).collect();
    if !allowed.is_empty() {
        line("", format!("now may go: {}", allowed.join(", ")));
    }
}

fn budget_text(budget: &BudgetNow) -> String {
    let mut said = budget.nodes.clone();
    if budget.nodes != budget.limit.to_string() {
        said.push_str(&format!(" ({})", count(budget.limit as usize, "node")));
    }
    if !budget.reasons.is_empty() {
        said.push_str(&format!(" for {}", budget.reasons.join(", ")));
    }
    match (&budget.changes, budget.active) {
        (Some(changes), true) => said.push_str(&format!(", until {changes}")),
        (Some(changes), false) => said.push_str(&format!(", from {changes}")),
        (None, true) => {}
        (None, false) => said.push_str(", not now"),
    }
    if let Some(problem) = &budget.problem {
        said.push_str(&format!(": {problem}"));
    }
    said
}

fn nodes(nodes: &NodesOfPool) -> String {
    if nodes.nodes == 0 {
        return "none".to_owned();
    }
    let in_flight = match nodes.in_flight {
        0 => String::new(),
        number => format!(" ({number} on their way)"),
    };
    format!(
        "{}{in_flight} with {} for {} an hour, {} a month; cpu {}, memory {}",
        count(nodes.nodes, "node"),
        count(nodes.pods, "pod"),
        hourly_in_words(nodes.price_per_hour),
        monthly(nodes.price_per_month),
        percent(nodes.cpu_percent),
        percent(nodes.memory_percent)
    )
}

fn requirements(text: &mut String, pool: &NodePoolExplanation, paint: Paint) {
    if pool.steps.is_empty() {
        return;
    }
    let head = format!("Requirements: {} of {} left", whole(pool.left), count(pool.types, "instance type"));
    let _ = writeln!(text, "\n{}", paint.strong(head));
    let mut table =
        new_table(&[("REQUIREMENT", false), ("REMOVES", true), ("LEFT", true), ("MORE WITHOUT IT", true)]);
    for step in &pool.steps {
        table.add_row([
            printable(&step.requirement),
            whole(step.removed),
            whole(step.left),
            whole(step.alone),
        ]);
    }
    text.push_str(&indented(&table, 2));
    if let Some(narrowest) = &pool.narrowest {
        let _ = writeln!(text, "  {} {}", paint.faint("narrowest:"), printable(narrowest));
    }
}

fn limits(text: &mut String, pool: &NodePoolExplanation, paint: Paint) {
    if pool.limits.is_empty() {
        return;
    }
    let _ = writeln!(text, "\n{}", paint.strong("Limits"));
    let mut table =
        new_table(&[("RESOURCE", false), ("LIMIT", true), ("USED", true), ("LEFT", true), ("USED%", true)]);
    for limit in &pool.limits {
        table.add_row([
            printable(&limit.resource),
            limit.limit.clone(),
            limit.used.clone(),
            limit.left.clone(),
            format!("{:.0}", limit.percent),
        ]);
    }
    text.push_str(&indented(&table, 2));
}

fn types(text: &mut String, nodes: &NodesOfPool, paint: Paint) {
    if nodes.by_type.is_empty() {
        return;
    }
    let _ = writeln!(text, "\n{}", paint.strong("Nodes by type"));
    let mut table = new_table(&[("TYPE", false), ("CAPACITY", false), ("NODES", true), ("$/H", true)]);
    for one in &nodes.by_type {
        table.add_row([
            printable(&one.instance_type),
            printable(&one.capacity_type),
            whole(one.nodes),
            hourly(one.price_per_hour),
        ]);
    }
    text.push_str(&indented(&table, 2));
}

fn findings(text: &mut String, pool: &NodePoolExplanation, paint: Paint) {
    if pool.findings.is_empty() {
        let _ = writeln!(text, "\n{}", paint.strong("Nothing to find fault with"));
        return;
    }
    let _ = writeln!(text, "\n{}", paint.strong(format_args!("Findings: {}", pool.findings.len())));
    for finding in &pool.findings {
        let severity = match finding.severity {
            Severity::Error => paint.problem("error:"),
            Severity::Warning => paint.warning("warning:"),
            Severity::Note => paint.faint("note:"),
        };
        let _ = writeln!(text, "  {severity} {} [{}]", printable(&finding.text), finding.code);
        let _ = writeln!(text, "    {} {}", paint.faint("help:"), printable(&finding.advice));
    }
}
