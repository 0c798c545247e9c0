//! Drifted and expired nodes: what would replace what.

use supercargo_catalog::Usd;
use supercargo_engine::consolidate::Rotation;

use super::node_names::exchange_of;
use crate::columns::{new_table, written};
use crate::console::{Paint, printable};
use crate::figures::hourly;

/// The table.
pub fn table(rotations: &[Rotation], paint: Paint) -> String {
    if rotations.is_empty() {
        return String::new();
    }
    let mut table = new_table(&[
        ("NODE", false),
        ("NODEPOOL", false),
        ("CAUSE", false),
        ("AT", false),
        ("TYPES", false),
        ("PODS", true),
        ("$/H CHANGE", true),
        ("WHY", false),
        ("BLOCKED BY", false),
    ]);
    for rotation in rotations {
        let node = &rotation.node;
        table.add_row([
            printable(&node.name),
            printable(&node.node_pool),
            printable(&rotation.cause),
            printable(rotation.at.as_deref().unwrap_or("-")),
            exchange_of(std::slice::from_ref(node), &rotation.new_nodes),
            node.pods.to_string(),
            signed(rotation.price_change_per_hour),
            printable(&rotation.detail),
            printable(rotation.blocked.as_deref().unwrap_or("-")),
        ]);
    }
    let title = paint.strong(format_args!("To be replaced for other reasons: {}", rotations.len()));
    format!("\n{title}\n{}", written(&table))
}

/// With its sign, for what may go either way.
fn signed(price: Usd) -> String {
    if price > Usd::ZERO { format!("+{}", hourly(price)) } else { hourly(price) }
}
