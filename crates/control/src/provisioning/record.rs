//! What is written down about a plan: the journal.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use supercargo_reconcile::{Key, Kind};

use super::{ClaimShape, PlannedPod};
use crate::journal::{Alternative, Entry, EntryKind, Subject};

/// Pods that are named in an entry.
const PODS_NAMED: usize = 20;
/// Types that are named in an entry besides the cheapest.
const TYPES_NAMED: usize = 5;

/// A node is bought.
pub(super) fn bought(name: &str, shape: &ClaimShape, pods: &[PlannedPod], now: Timestamp) -> Entry {
    let cheapest = shape.instance_types.first().map_or("", String::as_str);
    let decision = format!(
        "a node for {}: at best {cheapest} {} in {} for {}/h",
        counted(pods.len(), "pod"),
        shape.capacity_type,
        shape.zone,
        shape.price,
    );
    let others = shape.instance_types.iter().zip(&shape.prices).skip(1).take(TYPES_NAMED);
    let others = others.map(|(name, price)| Alternative::new(name.as_str()).at(*price).but("costs more"));
    let requests: Vec<String> = shape
        .requests
        .to_quantities()
        .into_iter()
        .map(|(name, amount)| format!("{name} {}", amount.0))
        .collect();
    let mut entry = Entry::new(
        now,
        EntryKind::Provisioning,
        Subject::new(Kind::NodeClaim, &Key::cluster(name)),
        decision,
    )
    .touching(pods.iter().take(PODS_NAMED).map(|pod| Subject::new(Kind::Pod, &pod.key)))
    .given("NodePool", &shape.node_pool)
    .given("pods", pods.len())
    .given("types", shape.instance_types.len())
    .given("requests", requests.join(", "))
    .among(others)
    .because(format!(
        "nothing that is there has room for them; {} would do",
        counted(shape.instance_types.len(), "type")
    ));
    entry.price_after = Some(shape.price);
    entry
}

/// Pods have no place. One entry for each reason.
pub(super) fn stranded(failed: &[(PlannedPod, Arc<str>)], now: Timestamp) -> Vec<Entry> {
    let mut by_reason: BTreeMap<&str, Vec<&Key>> = BTreeMap::new();
    for (pod, why) in failed.iter().filter(|(pod, _)| pod.waits) {
        by_reason.entry(why).or_default().push(&pod.key);
    }
    let entries = by_reason.into_iter().filter_map(|(why, pods)| {
        let first = pods.first()?;
        let subject = Subject::new(Kind::Pod, first);
        let entry = Entry::new(
            now,
            EntryKind::Provisioning,
            subject,
            format!("no place for {}", counted(pods.len(), "pod")),
        )
        .touching(pods.iter().skip(1).take(PODS_NAMED).map(|pod| Subject::new(Kind::Pod, pod)))
        .given("pods", pods.len())
        .because(why);
        Some(entry)
    });
    entries.collect()
}

fn counted(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}
