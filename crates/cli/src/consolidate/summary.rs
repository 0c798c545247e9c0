//! The head of a consolidation: what there is now, what would be, and how good that is.

use std::fmt::Write;

use supercargo_catalog::Usd;
use supercargo_engine::consolidate::{Consolidation, Summary};
use supercargo_engine::plan::HOURS_PER_MONTH;

use crate::columns::{new_table, written};
use crate::console::{Paint, printable};
use crate::figures::{count, hourly, hourly_in_words, monthly, percent, whole};

/// The head, as lines.
pub fn head(consolidation: &Consolidation, paint: Paint) -> String {
    let summary = &consolidation.summary;
    let mut text = format!("{}\n\n", paint.strong(headline(summary)));
    text.push_str(&figures(summary));
    text.push('\n');
    let mut line = |name: &str, value: String| {
        let _ = writeln!(text, "{}  {value}", paint.faint(format_args!("{name:<11}")));
    };
    line("Judged at", printable(&consolidation.at));
    line("A move must", printable(&summary.floor));
    if summary.moves > 0 {
        line("Moved", format!("{} of {}", whole(summary.pods_moved), count(summary.pods, "pod")));
    }
    if summary.pending_pods > 0 {
        line(
            "Pending",
            format!("{}, which are given a node before anything moves", count(summary.pending_pods, "pod")),
        );
    }
    if summary.unpriced_nodes > 0 {
        let nodes = count(summary.unpriced_nodes, "node");
        line("Not priced", format!("{nodes}, which count as nothing and are not touched"));
    }
    text
}

fn headline(summary: &Summary) -> String {
    let region =
        summary.region.as_deref().map(|region| format!(" in {}", printable(region))).unwrap_or_default();
    let nodes = count(summary.nodes_now, "node");
    if summary.moves == 0 {
        return format!("{nodes}{region}: nothing to save");
    }
    let verb = if summary.moves == 1 { "saves" } else { "save" };
    format!(
        "{nodes}{region}: {} in {} {verb} {} an hour, {} a month, {} of the price",
        count(summary.moves, "move"),
        count(summary.waves as usize, "wave"),
        hourly_in_words(summary.saved_per_hour),
        monthly(summary.saved_per_month),
        percent(summary.saved_percent),
    )
}

/// Nodes and dollars: now, after all moves, and at best.
fn figures(summary: &Summary) -> String {
    let mut table =
        new_table(&[("", false), ("NODES", true), ("$/H", true), ("$/MONTH", true), ("OF NOW", true)]);
    let month = |price: Usd| monthly(price.as_f64() * HOURS_PER_MONTH).replacen('$', "", 1);
    let share = |price: Usd| {
        if summary.price_per_hour_now.is_zero() {
            "-".to_owned()
        } else {
            percent(price.as_f64() / summary.price_per_hour_now.as_f64() * 100.0)
        }
    };
    let mut row = |name: &str, nodes: String, price: Usd| {
        table.add_row([name.to_owned(), nodes, hourly(price), month(price), share(price)]);
    };
    row("now", whole(summary.nodes_now), summary.price_per_hour_now);
    row("after all moves", whole(summary.nodes_after), summary.price_per_hour_after);
    row("saved", fewer(summary), summary.saved_per_hour);
    row("all bought afresh", String::new(), summary.ideal_per_hour);
    row("lower bound", String::new(), summary.lower_bound_per_hour);
    written(&table)
}

fn fewer(summary: &Summary) -> String {
    match summary.nodes_now.checked_sub(summary.nodes_after) {
        Some(fewer) => whole(fewer),
        None => format!("-{}", whole(summary.nodes_after - summary.nodes_now)),
    }
}
