//! Why each node is what it is.

use std::fmt::Write;

use supercargo_engine::plan::Plan;

use super::fold::fold;
use super::table::amounts;
use crate::console::{Paint, printable};
use crate::figures::{count, hourly_in_words};

/// The reasons, a paragraph for each line of the table.
pub fn nodes(plan: &Plan, paint: Paint) -> String {
    if plan.nodes.is_empty() {
        return String::new();
    }
    let mut text = format!("\n{}\n", paint.strong("Why these nodes"));
    for row in fold(&plan.nodes) {
        let node = row.first;
        let _ = writeln!(
            text,
            "  {}: {} {} {} in {} at {}/h",
            printable(&node.node_pool),
            row.count,
            node.capacity_type,
            node.instance_type,
            node.zone,
            hourly_in_words(node.price_per_hour)
        );
        let why = &node.why;
        let _ = writeln!(text, "    {}", printable(&why.text));
        if let Some(runner_up) = &why.runner_up {
            let difference = match why.difference_per_hour {
                Some(difference) if difference.is_zero() => "the same price".to_owned(),
                Some(difference) => format!("{}/h more", hourly_in_words(difference)),
                None => format!("{}/h", hourly_in_words(runner_up.price_per_hour)),
            };
            let _ = writeln!(
                text,
                "    runner-up: {} {} in {}, {difference}",
                runner_up.capacity_type, runner_up.instance_type, runner_up.zone
            );
        }
        let _ = writeln!(
            text,
            "    {} of the NodePool considered, {} of them would do; DaemonSets take {}",
            count(why.considered, "type"),
            node.instance_types.len(),
            amounts(&node.daemon_sets)
        );
    }
    text
}
