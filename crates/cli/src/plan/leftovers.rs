//! What a plan says beside the nodes to buy: pods on existing nodes, pods without a place, pods left out, and NodePools
//! that cannot help.

use std::collections::BTreeMap;
use std::fmt::Write;

use supercargo_engine::plan::{Placement, Plan, Unschedulable};
use supercargo_engine::reasons::Explanation;

use super::table::amounts;
use crate::console::{Paint, printable};
use crate::figures::{count, whole};

/// How many nodes or pods a list names before it only counts.
const LISTED: usize = 10;

/// Pods that existing nodes take.
pub fn on_existing_nodes(placements: &[Placement], all: bool, paint: Paint) -> String {
    if placements.is_empty() {
        return String::new();
    }
    let pods: usize = placements.iter().map(|placement| placement.pods.len()).sum();
    let mut text = String::new();
    let _ = writeln!(
        text,
        "\n{}",
        paint.strong(format_args!(
            "On existing nodes: {} on {}",
            count(pods, "pod"),
            count(placements.len(), "node")
        ))
    );
    let shown = if all { placements.len() } else { LISTED };
    let width =
        placements.iter().take(shown).map(|placement| placement.node.chars().count()).max().unwrap_or(0);
    for placement in placements.iter().take(shown) {
        let in_flight = if placement.in_flight { " (in flight)" } else { "" };
        let pods = &placement.pods;
        let pods = if all { format!("{}: {}", pods.len(), pods.join(", ")) } else { names(pods) };
        let _ = writeln!(text, "  {:<width$}  {}{in_flight}", printable(&placement.node), printable(&pods));
    }
    if let more @ 1.. = placements.len().saturating_sub(shown) {
        let _ = writeln!(text, "  and {} (-o wide lists all)", count(more, "more node"));
    }
    text
}

/// Pods without a place, and the reason. Pods of one kind that fail alike are told together.
pub fn without_a_place(plan: &Plan, explain: bool, paint: Paint) -> String {
    if plan.unschedulable.is_empty() {
        return String::new();
    }
    let mut text = String::new();
    let pods = count(plan.summary.unschedulable_pods, "pod");
    let _ = writeln!(text, "\n{}", paint.problem(format_args!("Without a place: {pods}")));
    for (index, class) in plan.unschedulable.iter().enumerate() {
        if explain && index > 0 {
            text.push('\n');
        }
        let _ = writeln!(text, "  {}: {}", printable(&names(&class.pods)), each(class));
        let _ = writeln!(text, "    {}", printable(&class.message));
        for pool in class.node_pools.iter().filter(|_| explain) {
            text.push('\n');
            text.push_str(&steps(pool, 4, paint));
            if pool.nearest_miss.is_none() && pool.left > 0 {
                let types = count(pool.left, "type");
                let _ = writeln!(text, "      {types} would do; other pods or limits are in the way");
            }
        }
    }
    if !explain && plan.unschedulable.iter().any(|class| !class.node_pools.is_empty()) {
        let _ =
            writeln!(text, "  {}", paint.faint("--explain says for each NodePool what ruled its types out"));
    }
    text
}

fn each(class: &Unschedulable) -> String {
    let amounts = amounts(&class.requests);
    let amounts = if amounts == "-" { "no requests".to_owned() } else { amounts };
    if class.pods.len() > 1 { format!("{amounts} each") } else { amounts }
}

/// What a NodePool did to the types, step by step, so many blanks from the left.
pub fn steps(pool: &Explanation, blanks: usize, paint: Paint) -> String {
    let mut text = String::new();
    let indent = " ".repeat(blanks);
    let types = count(pool.types, "instance type");
    let _ = writeln!(text, "{indent}NodePool {}: {types}", printable(&pool.node_pool));
    let mut before = pool.types;
    for step in &pool.steps {
        let _ = writeln!(text, "{indent}  {before:>5} -> {:<5} {}", step.left, printable(&step.constraint));
        before = step.left;
    }
    if let Some(miss) = &pool.nearest_miss {
        let _ = writeln!(text, "{indent}  {} {}", paint.faint("nearest miss:"), printable(miss));
    }
    text
}

/// Pods that were not considered, by reason.
pub fn left_out(plan: &Plan, paint: Paint) -> String {
    if plan.ignored.is_empty() {
        return String::new();
    }
    let mut by_reason: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for ignored in &plan.ignored {
        by_reason.entry(&ignored.reason).or_default().push(ignored.pod.clone());
    }
    let mut text = String::new();
    let _ =
        writeln!(text, "\n{}", paint.warning(format_args!("Left out: {}", count(plan.ignored.len(), "pod"))));
    for (reason, pods) in by_reason {
        let _ = writeln!(text, "  {}: {}", printable(&names(&pods)), printable(reason));
    }
    text
}

/// NodePools that cannot make nodes.
pub fn pool_problems(plan: &Plan, paint: Paint) -> String {
    if plan.node_pool_problems.is_empty() {
        return String::new();
    }
    let mut text = format!("\n{}\n", paint.warning("NodePools that cannot make nodes"));
    for problem in &plan.node_pool_problems {
        let _ = writeln!(text, "  {}: {}", printable(&problem.node_pool), printable(&problem.problem));
    }
    text
}

/// Other objects that do not count as they are written.
pub fn object_problems(plan: &Plan, paint: Paint) -> String {
    if plan.object_problems.is_empty() {
        return String::new();
    }
    let mut text = format!("\n{}\n", paint.warning("Objects that do not count as they are written"));
    for problem in &plan.object_problems {
        let (kind, name) = (printable(&problem.kind), printable(&problem.name));
        let _ = writeln!(text, "  {kind} {name}: {}", printable(&problem.problem));
    }
    text
}

/// `a/x`, `a/x and a/y`, `a/x, a/y and 8 more`.
pub fn names(pods: &[String]) -> String {
    match pods {
        [] => "no pods".to_owned(),
        [one] => one.clone(),
        [one, other] => format!("{one} and {other}"),
        [one, other, rest @ ..] => format!("{one}, {other} and {} more", whole(rest.len())),
    }
}
