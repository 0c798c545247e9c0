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
        let _ = writeln!(
            text,
            "    {} of the NodePool considered; DaemonSets take {} of each node",
            count(why.considered, "type"),
            match amounts(&node.daemon_sets) {
                nothing if nothing == "-" => "nothing".to_owned(),
                amounts => amounts,
            }
        );
    }
    text
}
