//! Which of the possible nodes is best: the scores of the default profile with their weights.

use std::collections::{BTreeMap, BTreeSet};

use supercargo_api::Pod;
use supercargo_api::labels::HOSTNAME;
use supercargo_api::taint::first_untolerated;

use super::amounts::{CPU_AT, MEMORY_AT, at};
use super::class::PodClass;
use super::groups::{Counted, Pull};
use super::index::{Index, NodeInfo};
use super::node_terms;
use super::spread::counts_in;

/// The best score of a plugin.
const BEST: i64 = 100;

/// The sum of all plugins' scores, weighted, for each of the nodes.
pub(super) fn scores(class: &PodClass, pod: &Pod, slots: &[usize], index: &mut Index) -> Vec<i64> {
    let mut total = vec![0; slots.len()];
    let mut add = |weight: i64, scores: Vec<i64>| {
        for (sum, score) in total.iter_mut().zip(scores) {
            *sum += weight * score;
        }
    };
    let each = |score: &dyn Fn(&NodeInfo) -> i64, index: &Index| -> Vec<i64> {
        slots.iter().map(|slot| score(&index.nodes[*slot])).collect()
    };
    let unwanted = each(&|node| untolerated_wishes(class, node), index);
    add(3, normalized(unwanted, true));
    let preferred = each(&|node| preferred_nodes(class, node), index);
    add(2, normalized(preferred, false));
    if !class.soft_spread.is_empty() {
        add(2, spread(class, slots, index));
    }
    add(2, pod_affinity(class, slots, index));
    add(1, each(&|node| least_allocated(class, node), index));
    add(1, each(&|node| balanced(class, node), index));
    add(1, image_locality(pod, slots, index));
    total
}

/// How many taints of effect PreferNoSchedule the pod does not tolerate.
fn untolerated_wishes(class: &PodClass, node: &NodeInfo) -> i64 {
    let untolerated = node
        .wishes
        .iter()
        .filter(|taint| first_untolerated(std::slice::from_ref(*taint), &class.tolerations, true).is_some());
    i64::try_from(untolerated.count()).unwrap_or(0)
}

fn preferred_nodes(class: &PodClass, node: &NodeInfo) -> i64 {
    let terms = class.preferred_nodes.iter();
    terms
        .filter(|term| node_terms::matches_term(&term.preference, &node.name, &node.labels))
        .map(|term| i64::from(term.weight))
        .sum()
}

/// Scores from 0 to the greatest become 0 to 100, or the other way round.
fn normalized(mut scores: Vec<i64>, reverse: bool) -> Vec<i64> {
    let greatest = scores.iter().copied().max().unwrap_or(0);
    for score in &mut scores {
        let share = if greatest == 0 { 0 } else { BEST * *score / greatest };
        *score = match (reverse, greatest) {
            (true, 0) => BEST,
            (true, _) => BEST - share,
            (false, _) => share,
        };
    }
    scores
}

/// The free share of cpu and memory after the pod, on average.
fn least_allocated(class: &PodClass, node: &NodeInfo) -> i64 {
    let (mut sum, mut resources) = (0, 0);
    for (position, scored) in [(CPU_AT, 0), (MEMORY_AT, 1)] {
        let total = at(&node.allocatable, position);
        if total == 0 {
            continue;
        }
        let requested = node.scored[scored] + class.scored[scored];
        sum += if requested > total { 0 } else { (total - requested) * BEST / total };
        resources += 1;
    }
    if resources == 0 { 0 } else { sum / resources }
}

/// How alike the used shares of cpu and memory are after the pod.
#[allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    reason = "shares need no exact figures"
)]
fn balanced(class: &PodClass, node: &NodeInfo) -> i64 {
    let mut shares = Vec::with_capacity(2);
    for position in [CPU_AT, MEMORY_AT] {
        let total = at(&node.allocatable, position);
        if total > 0 {
            let requested = at(&node.requested, position) + at(&class.requests, position);
            shares.push((requested as f64 / total as f64).min(1.0));
        }
    }
    let deviation = match shares.as_slice() {
        [cpu, memory] => ((cpu - memory) / 2.0).abs(),
        _ => 0.0,
    };
    ((1.0 - deviation) * BEST as f64) as i64
}

/// Soft spread constraints: fewer pods that are meant in a domain are better.
#[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "as kube-scheduler rounds")]
fn spread(class: &PodClass, slots: &[usize], index: &mut Index) -> Vec<i64> {
    let keys: Vec<&str> = class.soft_spread.iter().map(|spread| spread.topology_key.as_str()).collect();
    let ignored: Vec<bool> = slots
        .iter()
        .map(|slot| {
            let labels = &index.nodes[*slot].labels;
            !class.default_spread && !keys.iter().all(|key| labels.contains_key(*key))
        })
        .collect();
    let order = index.order();
    let mut sums = vec![0.0_f64; slots.len()];
    for constraint in &class.soft_spread {
        let counts = index.counts(Counted::Staying, &constraint.meant).clone();
        let key = &constraint.topology_key;
        let by_host = key == HOSTNAME;
        let considered: BTreeSet<&String> = slots
            .iter()
            .zip(&ignored)
            .filter(|(_, ignored)| !**ignored)
            .filter_map(|(slot, _)| index.nodes[*slot].labels.get(key))
            .collect();
        let mut domains: BTreeMap<&String, i64> = BTreeMap::new();
        if !by_host {
            for slot in order.iter() {
                let node = &index.nodes[*slot];
                let complete = class.default_spread || keys.iter().all(|key| node.labels.contains_key(*key));
                let Some(domain) = node.labels.get(key).filter(|domain| considered.contains(domain)) else {
                    continue;
                };
                if complete && counts_in(class, constraint, node) {
                    *domains.entry(domain).or_default() += counts.get(slot).copied().unwrap_or(0);
                }
            }
        }
        let size =
            if by_host { ignored.iter().filter(|ignored| !**ignored).count() } else { considered.len() };
        let weight = ((size + 2) as f64).ln();
        for ((slot, ignored), sum) in slots.iter().zip(&ignored).zip(&mut sums) {
            if *ignored {
                continue;
            }
            let count = match index.nodes[*slot].labels.get(key) {
                Some(_) if by_host => counts.get(slot).copied().unwrap_or(0),
                Some(domain) => domains.get(domain).copied().unwrap_or(0),
                None => continue,
            };
            *sum += count as f64 * weight + (constraint.max_skew - 1) as f64;
        }
    }
    let rounded: Vec<i64> = sums.iter().map(|sum| sum.round() as i64).collect();
    let counted = || rounded.iter().zip(&ignored).filter(|(_, ignored)| !**ignored).map(|(sum, _)| *sum);
    let (least, greatest) = (counted().min().unwrap_or(0), counted().max().unwrap_or(0));
    let score = |(sum, ignored): (&i64, &bool)| match (*ignored, greatest) {
        (true, _) => 0,
        (false, 0) => BEST,
        (false, _) => BEST * (greatest + least - sum) / greatest,
    };
    rounded.iter().zip(&ignored).map(score).collect()
}

/// Pods that draw each other in or keep each other away, both ways.
fn pod_affinity(class: &PodClass, slots: &[usize], index: &mut Index) -> Vec<i64> {
    let mut weights: BTreeMap<(String, String), i64> = BTreeMap::new();
    for (meant, key, weight) in &class.preferred_pods {
        for (slot, count) in index.counts(Counted::All, meant).clone() {
            if let Some(domain) = index.nodes[slot].labels.get(key) {
                *weights.entry((key.clone(), domain.clone())).or_default() += weight * count;
            }
        }
    }
    for term in index.groups.terms_on(class, &index.namespaces) {
        let (term, counts) = index.groups.carried(term);
        let Pull::Weighs(weight) = term.pull else { continue };
        for (slot, count) in counts {
            if let Some(domain) = index.nodes[*slot].labels.get(&term.topology_key) {
                *weights.entry((term.topology_key.clone(), domain.clone())).or_default() += weight * count;
            }
        }
    }
    if weights.is_empty() {
        return vec![0; slots.len()];
    }
    let keys: BTreeSet<&String> = weights.keys().map(|(key, _)| key).collect();
    let sum = |slot: &usize| -> i64 {
        let labels = &index.nodes[*slot].labels;
        let domains = keys.iter().filter_map(|key| Some(((*key).clone(), labels.get(*key)?.clone())));
        domains.filter_map(|domain| weights.get(&domain)).sum()
    };
    let sums: Vec<i64> = slots.iter().map(sum).collect();
    let (least, greatest) =
        (sums.iter().copied().min().unwrap_or(0), sums.iter().copied().max().unwrap_or(0));
    let range = greatest - least;
    sums.iter().map(|sum| if range == 0 { 0 } else { BEST * (sum - least) / range }).collect()
}

/// Nodes that have the images already, weighted by how many nodes do.
fn image_locality(pod: &Pod, slots: &[usize], index: &Index) -> Vec<i64> {
    const LEAST: i64 = 23 * 1024 * 1024;
    const MOST: i64 = 1000 * 1024 * 1024;
    let containers = pod.spec().map(|spec| spec.containers.as_slice()).unwrap_or_default();
    let images: Vec<&String> = containers.iter().filter_map(|container| container.image.as_ref()).collect();
    let nodes = i64::try_from(slots.len()).unwrap_or(i64::MAX).max(1);
    let mut sums = vec![0; slots.len()];
    for image in &images {
        let sizes: Vec<Option<i64>> =
            slots.iter().map(|slot| index.nodes[*slot].images.get(*image).copied()).collect();
        let having = i64::try_from(sizes.iter().flatten().count()).unwrap_or(0);
        for (sum, size) in sums.iter_mut().zip(sizes) {
            *sum += size.unwrap_or(0).saturating_mul(having) / nodes;
        }
    }
    let most = MOST * i64::try_from(images.len()).unwrap_or(1).max(1);
    sums.into_iter().map(|sum: i64| BEST * (sum.clamp(LEAST, most) - LEAST) / (most - LEAST)).collect()
}
