//! Nodes and their types in few words.

use std::collections::BTreeSet;

use supercargo_engine::consolidate::{Move, NewNode, OldNode};

use crate::console::printable;

/// `ip-10-0-1-17`, `ip-10-0-1-17 + 2 more`.
pub fn folded(nodes: &[OldNode]) -> String {
    match nodes {
        [] => "-".to_owned(),
        [only] => printable(&only.name),
        [first, rest @ ..] => format!("{} + {} more", printable(&first.name), rest.len()),
    }
}

/// All of them.
pub fn listed(nodes: &[OldNode]) -> String {
    let names: Vec<&str> = nodes.iter().map(|node| node.name.as_str()).collect();
    printable(&names.join(","))
}

/// `2 m6a.xlarge, r6a.large -> c6a.2xlarge`; capacity types are said where they change.
pub fn exchange(one: &Move) -> String {
    exchange_of(&one.nodes, &one.new_nodes)
}

/// The same for any nodes that go and come.
pub fn exchange_of(nodes: &[OldNode], new_nodes: &[NewNode]) -> String {
    let capacity_types: BTreeSet<&str> = nodes
        .iter()
        .map(|node| node.capacity_type.as_str())
        .chain(new_nodes.iter().map(|node| node.capacity_type.as_str()))
        .collect();
    let says_capacity = !new_nodes.is_empty() && capacity_types.len() > 1;
    let name = |instance_type: &str, capacity_type: &str| {
        if says_capacity { format!("{instance_type} {capacity_type}") } else { instance_type.to_owned() }
    };
    let old = counted(nodes.iter().map(|node| name(&node.instance_type, &node.capacity_type)));
    if new_nodes.is_empty() {
        return old;
    }
    let new = counted(new_nodes.iter().map(|node| name(&node.instance_type, &node.capacity_type)));
    format!("{old} -> {new}")
}

/// `2 a, b`, in the order in which they come first.
fn counted(names: impl Iterator<Item = String>) -> String {
    let mut counts: Vec<(String, usize)> = Vec::new();
    for name in names {
        match counts.iter_mut().find(|(known, _)| *known == name) {
            Some((_, count)) => *count += 1,
            None => counts.push((name, 1)),
        }
    }
    let parts: Vec<String> = counts
        .into_iter()
        .map(|(name, count)| if count == 1 { name } else { format!("{count} {name}") })
        .collect();
    printable(&parts.join(", "))
}
