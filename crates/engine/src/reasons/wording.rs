//! Reasons in words.

use std::collections::BTreeMap;

use supercargo_api::labels;

use crate::amounts::{Amounts, CPU, EPHEMERAL_STORAGE, MEMORY, VOLUME_PREFIX, WIDTH};
use crate::class::HostPort;
use crate::market::{TypeSet, TypeTable};
use crate::pools::{Pool, Variant};
use crate::snapshot::Snapshot;
use crate::solve::Unplaced;

use super::by_pool::Attempt;

/// One sentence for all NodePools: what the one that came closest has to say.
pub(super) fn message(snapshot: &Snapshot, unplaced: &Unplaced, attempts: &[Attempt]) -> String {
    let closest = attempts.iter().reduce(|best, attempt| {
        let rank = |attempt: &Attempt| (attempt.stage, attempt.explanation.left);
        if rank(attempt) > rank(best) { attempt } else { best }
    });
    let Some(closest) = closest else { return "there is no NodePool".to_owned() };
    let told = &closest.explanation;
    if told.left > 0 {
        let class = &snapshot.classes[unplaced.class as usize];
        let why = if class.has_pod_rules() {
            "spread or (anti-)affinity rules leave no domain or node for more of these pods"
        } else if closest.reserved_only {
            "the capacity reservation is used up"
        } else {
            "what fits is used up"
        };
        return format!("NodePool {}: {} types would do, but {why}", told.node_pool, told.left);
    }
    let last = || told.steps.iter().rev().find(|step| step.left == 0).map(|step| step.constraint.clone());
    let miss = told.nearest_miss.clone().or_else(last);
    format!("NodePool {}: {}", told.node_pool, miss.unwrap_or_else(|| "no type would do".to_owned()))
}

/// What is known instead of a label that is not there, or not with that value.
pub(super) fn missing_label(key: &str, known: &BTreeMap<String, String>) -> String {
    let hint =
        labels::closest_well_known(key).or_else(|| labels::closest(key, known.keys().map(String::as_str)));
    match (known.get(key), hint) {
        (Some(value), _) => format!(" (its nodes have {value})"),
        (None, Some(close)) if close != key => {
            format!(" (no such label on its nodes; did you mean {close}?)")
        }
        (None, _) => " (no such label on its nodes)".to_owned(),
    }
}

/// `2 cpu`, `3 volumes of ebs.csi.aws.com`.
pub(crate) fn requested(snapshot: &Snapshot, place: usize, value: i64) -> String {
    let name = snapshot.names.name(place);
    match name.strip_prefix(VOLUME_PREFIX) {
        Some(driver) => format!("{value} volumes of {driver}"),
        None => format!("{} {name}", amount(place, value)),
    }
}

/// `80/TCP`, `80/TCP on 10.0.0.1`.
pub(crate) fn port_text(port: &HostPort) -> String {
    let address = if port.ip.is_empty() { String::new() } else { format!(" on {}", port.ip) };
    format!("{}/{}{address}", port.port, port.protocol)
}

/// How far the type that came nearest is from holding the pod.
pub(super) fn size_miss(
    snapshot: &Snapshot,
    table: &TypeTable,
    variant: &Variant,
    requests: &Amounts,
    candidates: &TypeSet,
) -> Option<String> {
    // The type that covers the largest fraction of what is scarcest came nearest.
    let covered = |index: usize| {
        let fractions = (0..WIDTH)
            .filter(|place| requests[*place] > 0)
            .map(|place| (variant.net[index][place] as f64 / requests[place] as f64).min(1.0));
        fractions.fold(1.0, f64::min)
    };
    let nearest = candidates
        .ones()
        .max_by(|left, right| covered(*left).total_cmp(&covered(*right)).then(right.cmp(left)))?;
    let net = &variant.net[nearest];
    let missing = |place: usize| requests[place] as f64 / (net[place] as f64).max(1.0);
    let scarce = (0..WIDTH)
        .filter(|place| requests[*place] > net[*place])
        .max_by(|left, right| missing(*left).total_cmp(&missing(*right)))?;
    let daemons = variant.overhead[nearest][scarce];
    let beside = if daemons > 0 {
        format!(" beside {} for DaemonSets", amount(scarce, daemons))
    } else {
        String::new()
    };
    let hint = if scarce == CPU && requests[CPU] >= 1_000_000_000 {
        " (was m, for millicores, meant instead of M?)"
    } else {
        ""
    };
    Some(format!(
        "needs {}; the nearest allowed type, {}, has {} for pods{beside}{hint}",
        requested(snapshot, scarce, requests[scarce]),
        table.types[nearest].name,
        amount(scarce, net[scarce].max(0)),
    ))
}

/// Which limit is in the way: the one that the smallest type exceeds by most.
pub(super) fn limit_miss(
    pool: &Pool,
    table: &TypeTable,
    left: &[(String, i64)],
    candidates: &TypeSet,
) -> Option<String> {
    let missing = left.iter().filter_map(|(resource, left)| {
        let need = |index: usize| match resource.as_str() {
            "nodes" => 1,
            _ => table.types[index].capacity.get(resource),
        };
        let smallest = candidates.ones().min_by_key(|index| (need(*index), *index))?;
        let needed = need(smallest);
        let share = (*left).max(0) as f64 / needed.max(1) as f64;
        (needed > *left).then_some((share, resource.as_str(), *left, smallest, needed))
    });
    let (_, resource, left, smallest, needed) = missing.min_by(|one, other| one.0.total_cmp(&other.0))?;
    let set = pool.limits.get(resource).map_or(0, |limit| limit.set);
    let place = match resource {
        "cpu" => CPU,
        "memory" => MEMORY,
        "ephemeral-storage" => EPHEMERAL_STORAGE,
        _ => WIDTH,
    };
    let text = |value: i64| amount(place, value.max(0));
    if resource == "nodes" {
        return Some(format!("limit nodes {} is reached", text(set)));
    }
    Some(format!(
        "limit {resource} {} leaves {}; the smallest type that would do, {}, has {}",
        text(set),
        text(left),
        table.types[smallest].name,
        text(needed),
    ))
}

/// An amount as a person would say it: cores, GiB, counts.
pub(crate) fn amount(place: usize, value: i64) -> String {
    let trimmed = |text: String| text.trim_end_matches('0').trim_end_matches('.').to_owned();
    match place {
        CPU => trimmed(format!("{:.3}", value as f64 / 1000.0)),
        MEMORY | EPHEMERAL_STORAGE => {
            format!("{}Gi", trimmed(format!("{:.2}", value as f64 / f64::from(1 << 30))))
        }
        _ => value.to_string(),
    }
}
