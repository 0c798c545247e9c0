//! Which pods go so that a more important one can come.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use supercargo_api::Pod;
use supercargo_api::selector::Selector;
use supercargo_reconcile::{Key, State};

use super::affinity::AffinityState;
use super::class::PodClass;
use super::cycle::Failure;
use super::filter::Question;
use super::index::{Index, Placed};
use super::message::unavailable;
use super::spread::SpreadState;
use super::volumes::VolumeState;

/// Candidates that are worked out: a tenth of the nodes, but no fewer than this.
const FEWEST_CANDIDATES: usize = 100;

/// What preemption would do.
#[derive(Debug, PartialEq)]
pub(super) enum Preemption {
    /// These pods go, and the pod is nominated to the node of this slot.
    Victims { slot: usize, victims: Vec<Key> },
    /// It does not help, for this reason.
    Nothing(String),
}

struct Candidate {
    slot: usize,
    /// The most important first.
    victims: Vec<(Key, Placed)>,
    violations: usize,
}

/// Finds victims for a pod that goes nowhere.
pub(super) fn preempt(
    class: &PodClass,
    pod: &Pod,
    failure: &Failure,
    index: &mut Index,
    state: &State,
) -> Preemption {
    if !class.preempts {
        return Preemption::Nothing("not eligible due to preemptionPolicy=Never.".to_owned());
    }
    let curable: Vec<usize> = failure
        .reasons
        .iter()
        .filter(|(_, reasons)| reasons.iter().all(super::filter::Reason::is_curable))
        .map(|(slot, _)| *slot)
        .collect();
    let mut candidates = Vec::new();
    let mut hopeless = 0;
    if index.has_below(class.priority) {
        let enough = (failure.nodes / 10).max(FEWEST_CANDIDATES);
        for slot in &curable {
            match candidate(class, pod, *slot, index, state) {
                Some(candidate) => candidates.push(candidate),
                None => hopeless += 1,
            }
            if candidates.len() >= enough {
                break;
            }
        }
    } else {
        hopeless = curable.len();
    }
    let Some(best) = candidates.into_iter().min_by_key(rank) else {
        let mut reasons = BTreeMap::new();
        for (reason, count) in [
            ("No preemption victims found for incoming pod", hopeless),
            ("Preemption is not helpful for scheduling", failure.nodes - curable.len()),
        ] {
            if count > 0 {
                reasons.insert(reason.to_owned(), count);
            }
        }
        return Preemption::Nothing(unavailable(failure.nodes, &reasons));
    };
    Preemption::Victims { slot: best.slot, victims: best.victims.into_iter().map(|(key, _)| key).collect() }
}

/// The fewest broken budgets, then the least important victims, then the fewest, then those that started last.
fn rank(candidate: &Candidate) -> (usize, i32, i64, usize, Reverse<i64>, usize) {
    let highest = candidate.victims.first().map_or(i32::MIN, |(_, placed)| placed.class.priority);
    // as kube-scheduler, which lifts priorities above zero before it adds them
    let sum = candidate
        .victims
        .iter()
        .map(|(_, placed)| i64::from(placed.class.priority) + i64::from(i32::MAX) + 1)
        .sum();
    let started = candidate
        .victims
        .iter()
        .filter(|(_, placed)| placed.class.priority == highest)
        .map(|(_, placed)| placed.started)
        .min()
        .unwrap_or(0);
    (candidate.violations, highest, sum, candidate.victims.len(), Reverse(started), candidate.slot)
}

/// Takes every less important pod off a node and puts back as many as can stay.
fn candidate(
    class: &PodClass,
    pod: &Pod,
    slot: usize,
    index: &mut Index,
    state: &State,
) -> Option<Candidate> {
    let node = index.nodes[slot].name.clone();
    let mut below: Vec<(Key, Placed)> = index.nodes[slot]
        .pods
        .iter()
        .filter(|(_, placed)| placed.class.priority < class.priority)
        .map(|(key, placed)| (key.clone(), placed.clone()))
        .collect();
    if below.is_empty() {
        return None;
    }
    below.sort_by_key(|(key, placed)| (Reverse(placed.class.priority), placed.started, key.clone()));
    for (key, _) in &below {
        index.take_pod(key);
    }
    let mut found = None;
    if fits(class, pod, slot, index, state) {
        let (violating, harmless) = by_budget(&below, state);
        let mut violations = 0;
        let mut victims = Vec::new();
        for (breaks, group) in [(true, violating), (false, harmless)] {
            for (key, placed) in group {
                index.put_pod(&key, placed.clone(), &node);
                if !fits(class, pod, slot, index, state) {
                    index.take_pod(&key);
                    violations += usize::from(breaks);
                    victims.push((key, placed));
                }
            }
        }
        victims.sort_by_key(|(key, placed)| (Reverse(placed.class.priority), placed.started, key.clone()));
        if !victims.is_empty() {
            found = Some(Candidate { slot, victims, violations });
        }
    }
    for (key, placed) in below {
        if index.place_of(&key).is_none() {
            index.put_pod(&key, placed, &node);
        }
    }
    found
}

fn fits(class: &PodClass, pod: &Pod, slot: usize, index: &mut Index, state: &State) -> bool {
    let Ok(volumes) = VolumeState::new(pod, state) else { return false };
    let question = Question {
        class,
        spread: SpreadState::new(class, index),
        affinity: AffinityState::new(class, index),
        volumes,
        nominated: BTreeMap::new(),
    };
    question.reasons(index, slot, state).is_empty()
}

type Group = Vec<(Key, Placed)>;

/// Pods whose going would break a disruption budget, and the others. Both keep their order.
fn by_budget(pods: &[(Key, Placed)], state: &State) -> (Group, Group) {
    let mut allowed: BTreeMap<Key, i32> = BTreeMap::new();
    let (mut violating, mut harmless) = (Vec::new(), Vec::new());
    for (key, placed) in pods {
        let mut breaks = false;
        for (budget_key, budget) in state.budgets.of_namespace(&key.namespace) {
            let selector = budget.spec.as_ref().and_then(|spec| spec.selector.as_ref());
            let Some(selector) = selector.and_then(|selector| Selector::compile(selector).ok()) else {
                continue;
            };
            // an empty selector of a budget means no pods here, as in kube-scheduler
            if selector.selects_everything() || !selector.matches(&placed.class.labels) {
                continue;
            }
            let status = budget.status.as_ref();
            if status.is_some_and(|status| {
                status.disrupted_pods.as_ref().is_some_and(|pods| pods.contains_key(&key.name))
            }) {
                continue;
            }
            let left = allowed
                .entry(budget_key.clone())
                .or_insert_with(|| status.and_then(|status| status.disruptions_allowed).unwrap_or(0));
            *left -= 1;
            breaks |= *left < 0;
        }
        let group = if breaks { &mut violating } else { &mut harmless };
        group.push((key.clone(), placed.clone()));
    }
    (violating, harmless)
}
