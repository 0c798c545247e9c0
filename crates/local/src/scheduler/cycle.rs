//! One pod's turn: which node, or why none.

use std::collections::BTreeMap;

use supercargo_api::Pod;
use supercargo_clock::Randomness;
use supercargo_reconcile::{Key, State};

use super::affinity::AffinityState;
use super::class::PodClass;
use super::filter::{Cure, Question, Reason, static_reason};
use super::index::Index;
use super::message::{refused, unavailable};
use super::score::scores;
use super::spread::SpreadState;
use super::volumes::VolumeState;

/// Classes whose answers about nodes are remembered.
const REMEMBERED_CLASSES: usize = 256;
/// Fewer nodes than this are all asked.
const ALWAYS_ASKED: usize = 100;

/// Where a pod goes.
#[derive(Debug)]
pub(super) enum Verdict {
    /// To the node of this slot; with the claims that must be told, and those that are not bound.
    Node { slot: usize, undecided: Vec<Key>, unbound: Vec<Key> },
    /// Nowhere.
    Refused(Failure),
}

/// Why a pod goes nowhere.
#[derive(Debug, Clone)]
pub(super) struct Failure {
    /// kube-scheduler's message, without a word on preemption.
    pub(super) message: String,
    /// What may change it.
    pub(super) cure: Cure,
    /// The reasons by node.
    pub(super) reasons: Vec<(usize, Vec<Reason>)>,
    /// How many nodes there are.
    pub(super) nodes: usize,
}

/// What is kept from turn to turn.
#[derive(Debug)]
pub(super) struct Cycles {
    randomness: Randomness,
    /// Where the next search among the nodes starts.
    start: usize,
    /// What speaks against nodes as such, by class and slot, with the node's version then.
    known: BTreeMap<u64, Vec<(u64, Option<Reason>)>>,
    /// Classes without volumes that failed, with the index's generation then.
    failed: BTreeMap<u64, (u64, Failure)>,
}

impl Cycles {
    /// Ties are broken by these draws.
    pub(super) fn new(randomness: Randomness) -> Self {
        Self { randomness, start: 0, known: BTreeMap::new(), failed: BTreeMap::new() }
    }

    /// One pod's turn.
    pub(super) fn run(
        &mut self,
        class: &PodClass,
        pod: &Pod,
        index: &mut Index,
        state: &State,
        nominated: BTreeMap<usize, Vec<i64>>,
    ) -> Verdict {
        let plain = supercargo_reconcile::claims_of(pod).next().is_none();
        if plain
            && let Some((generation, failure)) = self.failed.get(&class.id)
            && *generation == index.generation
        {
            return Verdict::Refused(failure.clone());
        }
        let order = index.order();
        let volumes = match VolumeState::new(pod, state) {
            Ok(volumes) => volumes,
            Err(reason) => {
                return Verdict::Refused(Failure {
                    message: refused(order.len(), &reason),
                    cure: Cure::VOLUME.and(if order.is_empty() { Cure::NODE } else { Cure::VOLUME }),
                    reasons: Vec::new(),
                    nodes: order.len(),
                });
            }
        };
        let question = Question {
            class,
            spread: SpreadState::new(class, index),
            affinity: AffinityState::new(class, index),
            volumes,
            nominated,
        };
        let (possible, reasons) = self.ask(&question, &order, index, state);
        if possible.is_empty() {
            let failure = describe(reasons, order.len(), index);
            if plain {
                if self.failed.len() >= REMEMBERED_CLASSES {
                    self.failed.clear();
                }
                self.failed.insert(class.id, (index.generation, failure.clone()));
            }
            return Verdict::Refused(failure);
        }
        let slot = match possible.as_slice() {
            [only] => *only,
            many => self.best(class, pod, many, index),
        };
        let VolumeState { undecided, unbound, .. } = question.volumes;
        Verdict::Node { slot, undecided, unbound }
    }

    /// Asks nodes in turn until enough are possible. Reasons are complete if none is.
    fn ask(
        &mut self,
        question: &Question<'_>,
        order: &[usize],
        index: &Index,
        state: &State,
    ) -> (Vec<usize>, Vec<(usize, Vec<Reason>)>) {
        if self.known.len() >= REMEMBERED_CLASSES && !self.known.contains_key(&question.class.id) {
            self.known.clear();
        }
        let known = self.known.entry(question.class.id).or_default();
        known.resize(index.nodes.len(), (0, None));
        let enough = enough(order.len());
        let (mut possible, mut reasons) = (Vec::new(), Vec::new());
        let mut asked = 0;
        for step in 0..order.len() {
            let slot = order[(self.start + step) % order.len()];
            asked += 1;
            let node = &index.nodes[slot];
            let (version, answer) = &mut known[slot];
            if *version != node.version {
                *answer = static_reason(question.class, node);
                *version = node.version;
            }
            let against = match answer {
                Some(reason) => vec![reason.clone()],
                None => question.changing_reasons(index, slot, state),
            };
            if against.is_empty() {
                possible.push(slot);
                if possible.len() >= enough {
                    break;
                }
            } else {
                reasons.push((slot, against));
            }
        }
        if !order.is_empty() {
            self.start = (self.start + asked) % order.len();
        }
        (possible, reasons)
    }

    fn best(&mut self, class: &PodClass, pod: &Pod, slots: &[usize], index: &mut Index) -> usize {
        let scores = scores(class, pod, slots, index);
        let greatest = scores.iter().copied().max().unwrap_or(0);
        let best: Vec<usize> = slots
            .iter()
            .zip(&scores)
            .filter(|(_, score)| **score == greatest)
            .map(|(slot, _)| *slot)
            .collect();
        self.randomness.choose(&best).copied().unwrap_or(slots[0])
    }
}

/// How many possible nodes are enough, as kube-scheduler has it: all of a hundred, half of a thousand or so, a twentieth
/// of many.
fn enough(nodes: usize) -> usize {
    if nodes < ALWAYS_ASKED {
        return nodes.max(1);
    }
    let percent = 50_usize.saturating_sub(nodes / 125).max(5);
    (nodes * percent / 100).max(ALWAYS_ASKED)
}

fn describe(reasons: Vec<(usize, Vec<Reason>)>, nodes: usize, index: &Index) -> Failure {
    let mut counts: BTreeMap<Reason, usize> = BTreeMap::new();
    let mut cure = Cure::NODE;
    for reason in reasons.iter().flat_map(|(_, reasons)| reasons) {
        cure = cure.and(reason.cure());
        match counts.get_mut(reason) {
            Some(count) => *count += 1,
            None => {
                counts.insert(reason.clone(), 1);
            }
        }
    }
    let mut words: BTreeMap<String, usize> = BTreeMap::new();
    for (reason, count) in counts {
        *words.entry(reason.words(&index.names)).or_default() += count;
    }
    Failure { message: unavailable(nodes, &words), cure, reasons, nodes }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(0, 1)]
    #[case(99, 99)]
    #[case(100, 100)]
    #[case(1_000, 420)]
    #[case(5_000, 500)]
    #[case(15_000, 750)]
    fn few_nodes_are_all_asked_and_of_many_a_share(#[case] nodes: usize, #[case] expected: usize) {
        assert_eq!(enough(nodes), expected);
    }
}
