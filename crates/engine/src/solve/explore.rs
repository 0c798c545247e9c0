//! Trying out domains: for a handful of pods, every choice of zones, not just the one that looks best at each step.
//!
//! The choices of one solve are a tape of digits, one per pod that had several domains to go to. The next solve counts
//! the tape up by one, so that in the end every combination was tried, or as many as are worth it.

use supercargo_catalog::Usd;

use crate::exact::MOST_PODS;
use crate::first_fit::first_fit_decreasing;
use crate::snapshot::Snapshot;

use super::options::SolveOptions;
use super::outcome::Outcome;
use super::solver::{all_variants, solve_once};

/// At most this many combinations are tried, fewer where there are many types to look through.
const MOST_SOLVES: usize = 1024;
/// Combinations times types that may be looked at.
const MOST_WORK: usize = 200_000;
/// Up to this many pods, first-fit-decreasing has a say, too: on small clusters a plain answer can be the better one.
const MOST_PODS_FOR_FIRST_FIT: usize = 256;
/// Up to this many pods, it is asked as well where pods were left over: a tight limit may have gone to the wrong nodes.
const MOST_PODS_TO_RESCUE: usize = 2_000;

/// Which of the allowed domains each pod took, in the order the questions came up.
#[derive(Clone, Debug, Default)]
pub(super) struct Choices {
    /// The digit taken and how many there were.
    tape: Vec<(usize, usize)>,
    position: usize,
}

impl Choices {
    /// The answer to the next question, out of `options`.
    pub(super) fn next(&mut self, options: usize) -> usize {
        if self.position == self.tape.len() {
            self.tape.push((0, options));
        }
        let digit = &mut self.tape[self.position];
        // The same question may offer less when an earlier answer was another one.
        digit.1 = options;
        digit.0 = digit.0.min(options - 1);
        self.position += 1;
        digit.0
    }

    /// The next combination; nothing when all were tried.
    fn advance(mut self) -> Option<Choices> {
        self.tape.truncate(self.position);
        self.position = 0;
        while let Some((digit, options)) = self.tape.pop() {
            if digit + 1 < options {
                self.tape.push((digit + 1, options));
                return Some(self);
            }
        }
        None
    }
}

/// Places all pending pods of a snapshot.
pub fn solve(snapshot: &Snapshot, options: SolveOptions) -> Outcome {
    explore(snapshot, options, true)
}

/// The same for who does not ask what would be the least price: the bound is left at zero.
pub(crate) fn solve_unbounded(snapshot: &Snapshot, options: SolveOptions) -> Outcome {
    explore(snapshot, options, false)
}

fn explore(snapshot: &Snapshot, options: SolveOptions, bounded: bool) -> Outcome {
    let few = snapshot.pending.len() <= MOST_PODS;
    let variants = all_variants(snapshot);
    let first = solve_once(snapshot, options, variants.clone(), None, |_, _| bounded);
    let mut best = first.outcome;
    let mut least = rank(snapshot, &best, first.given_up);
    let mut tape = few.then(Choices::default);
    let types: usize = snapshot.pools.iter().filter_map(|pool| Some(pool.table.as_ref()?.len())).sum();
    for _ in 1..MOST_SOLVES.min(MOST_WORK / types.max(1)) {
        let Some(choices) = tape.take() else { break };
        // only what is better than all before needs a bound
        let mut better = None;
        let tried = solve_once(snapshot, options, variants.clone(), Some(choices), |outcome, given_up| {
            let rank = rank(snapshot, outcome, given_up);
            better = (rank < least).then_some(rank);
            bounded && better.is_some()
        });
        if let Some(rank) = better.filter(|_| tried.is_even) {
            (best, least) = (tried.outcome, rank);
        }
        tape = tried.choices.and_then(Choices::advance);
    }
    let pods = snapshot.pending.len();
    let small = !few && pods <= MOST_PODS_FOR_FIRST_FIT && first.given_up == 0;
    let wanting = least.0 > 0 && pods <= MOST_PODS_TO_RESCUE;
    // First-fit does not know static NodePools.
    let all_dynamic = snapshot.pools.iter().all(|pool| pool.replicas.is_none());
    if all_dynamic && (small || wanting) {
        let plain = first_fit_decreasing(snapshot, options);
        let plain_rank = rank(snapshot, &plain, 0);
        if plain_rank.0 < least.0 || (small && plain_rank < least) {
            best = Outcome { lower_bound: best.lower_bound.min(plain.price()), ..plain };
        }
    }
    best
}

/// Less is better: pods left over, preferences given up, pods by NodePool weight with the lightest first, dollars.
fn rank(snapshot: &Snapshot, outcome: &Outcome, given_up: usize) -> (usize, usize, Vec<usize>, Usd) {
    let unplaced = outcome.unplaced.iter().map(|unplaced| unplaced.pods.len()).sum();
    let mut weights: Vec<i32> = snapshot.pools.iter().map(|pool| pool.weight).collect();
    weights.sort_unstable();
    weights.dedup();
    let mut by_weight = vec![0; weights.len()];
    for node in &outcome.nodes {
        let weight = snapshot.pools[outcome.variants[node.variant as usize].pool as usize].weight;
        if let Ok(position) = weights.binary_search(&weight) {
            by_weight[position] += node.pods.len();
        }
    }
    (unplaced, given_up, by_weight, outcome.price())
}
