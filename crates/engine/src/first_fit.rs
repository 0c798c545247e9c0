//! The baseline that plans are compared with: first-fit-decreasing, as Karpenter does it (reference sections 2.3, 2.4,
//! 2.7, 2.8).
//!
//! ```text
//! pods, largest first: room that takes it ─> open claim that takes it, fewest pods first ─> new claim
//!                      none: give up one preference and try again; still none: back of the queue
//! claims: all types that still hold everything; in the end the cheapest offering of them
//! ```
//!
//! Which pods go together is decided without a look at prices. Refusals are remembered by class, so that thousands of
//! equal pods do not ask the same question; that changes how long it takes, not what comes out. It does without
//! reservations and static NodePools.

mod claim;
mod domains;
mod line;
mod rooms;

use std::collections::VecDeque;

use fixedbitset::FixedBitSet;
use rustc_hash::FxHashMap;
use supercargo_api::taint;

use crate::amounts::Amounts;
use crate::class::HostPort;
use crate::fits::{FitId, Fits, Ground};
use crate::pools::Variant;
use crate::snapshot::Snapshot;
use crate::solve::{Outcome, PreferencePolicy, Relaxation, SolveOptions, Unplaced, all_variants};
use crate::topology::Topology;
use claim::Claim;
use line::Line;

/// Places all pending pods of a snapshot, first fit. The outcome's lower bound is left at zero.
pub fn first_fit_decreasing(snapshot: &Snapshot, options: SolveOptions) -> Outcome {
    let mut state = State::new(snapshot, options);
    let mut queue = state.queue();
    let mut refused_in_a_row = 0;
    while let Some(pod) = queue.pop_front() {
        if state.place(pod) {
            refused_in_a_row = 0;
            continue;
        }
        queue.push_back(pod);
        refused_in_a_row += 1;
        if refused_in_a_row == queue.len() {
            break;
        }
    }
    state.finish(queue)
}

/// Why a place does not take a pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Refusal {
    /// It never will: room only shrinks.
    Forever,
    /// Not as pods are spread now.
    Now,
}

/// A class at one level of relaxation.
type Asker = (u32, Relaxation);

/// Places that will never take an asker.
#[derive(Clone, Debug, Default)]
struct Closed {
    rooms: FixedBitSet,
    claims: FixedBitSet,
}

/// Everything so far.
struct State<'s> {
    snapshot: &'s Snapshot,
    options: SolveOptions,
    variants: Vec<Variant>,
    /// Variants in the order they are tried: heaviest NodePool first, equal weights by name from the end.
    templates: Vec<u32>,
    fits: Fits,
    topology: Topology,
    /// By pool, what the limits leave.
    limits: Vec<Vec<(String, i64)>>,
    free: Vec<Amounts>,
    ports: Vec<Vec<HostPort>>,
    claims: Vec<Claim>,
    line: Line,
    on_rooms: Vec<(u32, u32)>,
    sets: FxHashMap<(u32, u16, bool), Vec<FitId>>,
    closed: FxHashMap<Asker, Closed>,
    universes: FxHashMap<(u32, u32, bool), Vec<String>>,
    /// Classes that nothing can ever help.
    hopeless: FixedBitSet,
    prefers_no_schedule: bool,
}

impl<'s> State<'s> {
    fn new(snapshot: &'s Snapshot, options: SolveOptions) -> State<'s> {
        let variants = all_variants(snapshot);
        let pool = |variant: &u32| &snapshot.pools[variants[*variant as usize].pool as usize];
        let mut templates: Vec<u32> =
            (0..variants.len() as u32).filter(|variant| pool(variant).replicas.is_none()).collect();
        templates.sort_by(|left, right| {
            let (one, two) = (pool(left), pool(right));
            two.weight.cmp(&one.weight).then_with(|| two.name.cmp(&one.name)).then(left.cmp(right))
        });
        let limits = snapshot
            .pools
            .iter()
            .map(|pool| pool.limits.iter().map(|(resource, limit)| (resource.clone(), limit.left)).collect());
        State {
            limits: limits.collect(),
            fits: Fits::default(),
            topology: Topology::new(snapshot, options.preferences == PreferencePolicy::Respect),
            free: snapshot.rooms.iter().map(|room| room.free).collect(),
            ports: snapshot.rooms.iter().map(|room| room.host_ports.clone()).collect(),
            claims: Vec::new(),
            line: Line::default(),
            on_rooms: Vec::new(),
            sets: FxHashMap::default(),
            closed: FxHashMap::default(),
            universes: FxHashMap::default(),
            hopeless: FixedBitSet::with_capacity(snapshot.classes.len()),
            prefers_no_schedule: snapshot
                .pools
                .iter()
                .any(|pool| pool.taints.iter().any(|taint| taint.effect == taint::PREFER_NO_SCHEDULE)),
            snapshot,
            options,
            variants,
            templates,
        }
    }

    /// Pending pods, largest first (reference section 2.3).
    fn queue(&self) -> VecDeque<u32> {
        let mut pods = self.snapshot.pending.clone();
        pods.sort_by_key(|pod| {
            let row = &self.snapshot.pods[*pod as usize];
            let class = &self.snapshot.classes[row.class as usize];
            let size = std::cmp::Reverse((class.requests[0], class.requests[1]));
            (size, row.created, class.namespace.as_str(), &*row.name, *pod)
        });
        pods.into()
    }

    fn ground(&self) -> Ground<'_> {
        Ground { market: &self.snapshot.market, pools: &self.snapshot.pools, variants: &self.variants }
    }

    /// Finds the pod a place, giving up preferences as needed. Whether there was one.
    fn place(&mut self, pod: u32) -> bool {
        let class = self.snapshot.pods[pod as usize].class;
        if self.hopeless.contains(class as usize) {
            return false;
        }
        let mut level = Relaxation::default();
        if self.options.preferences == PreferencePolicy::Ignore {
            level.node = u16::MAX;
        }
        let mut may_change = false;
        loop {
            if self.on_room(pod, class, &level) || self.on_claim(pod, class, &level) {
                return true;
            }
            match self.on_new_claim(pod, class, &level) {
                Ok(()) => return true,
                Err(Refusal::Now) => may_change = true,
                Err(Refusal::Forever) => {}
            }
            let Some(relaxed) = self.relaxed(class, level) else { break };
            level = relaxed;
        }
        if !may_change && !self.snapshot.classes[class as usize].has_pod_rules() {
            self.hopeless.insert(class as usize);
        }
        false
    }

    /// One preference less, in the order of reference section 2.6.
    fn relaxed(&self, class: u32, level: Relaxation) -> Option<Relaxation> {
        let row = &self.snapshot.classes[class as usize];
        let preferred = self.snapshot.rules[row.rules as usize].preferred.len();
        let soft = row.spreads.iter().filter(|spread| !spread.hard).count();
        if self.options.preferences == PreferencePolicy::Respect {
            let step = |given_up: u16, of: usize| (usize::from(given_up) < of).then_some(given_up + 1);
            if let Some(affinity) = step(level.affinity, row.preferred_affinity.len()) {
                return Some(Relaxation { affinity, ..level });
            }
            if let Some(anti_affinity) = step(level.anti_affinity, row.preferred_anti_affinity.len()) {
                return Some(Relaxation { anti_affinity, ..level });
            }
            if let Some(node) = step(level.node, preferred) {
                return Some(Relaxation { node, ..level });
            }
            if let Some(spread) = step(level.spread, soft) {
                return Some(Relaxation { spread, ..level });
            }
        }
        (self.prefers_no_schedule && !level.tolerates).then_some(Relaxation { tolerates: true, ..level })
    }

    /// Nodes the class may go to at a level, one set for each of its alternatives.
    fn sets(&mut self, class: u32, level: &Relaxation) -> Vec<FitId> {
        let rules_index = self.snapshot.classes[class as usize].rules;
        let key = (rules_index, level.node, level.tolerates);
        if let Some(known) = self.sets.get(&key) {
            return known.clone();
        }
        let rules = &self.snapshot.rules[rules_index as usize];
        let preferred = rules.preferred.get(usize::from(level.node)).map(|(_, requirements)| requirements);
        let ground =
            Ground { market: &self.snapshot.market, pools: &self.snapshot.pools, variants: &self.variants };
        let sets = rules.alternatives.iter().map(|alternative| {
            let mut all = alternative.clone();
            all.extend(preferred.into_iter().flat_map(|requirements| requirements.iter().cloned()));
            self.fits.of_rules(ground, rules, &all, level.tolerates)
        });
        let sets: Vec<FitId> = sets.collect();
        self.sets.insert(key, sets.clone());
        sets
    }

    fn closed(&mut self, class: u32, level: &Relaxation) -> &mut Closed {
        let closed = self.closed.entry((class, *level)).or_default();
        closed.rooms.grow(self.free.len());
        closed.claims.grow(self.claims.len());
        closed
    }

    fn finish(self, queue: VecDeque<u32>) -> Outcome {
        let mut unplaced: Vec<Unplaced> = Vec::new();
        for pod in queue {
            let class = self.snapshot.pods[pod as usize].class;
            match unplaced.iter_mut().find(|known| known.class == class) {
                Some(known) => known.pods.push(pod),
                None => unplaced.push(Unplaced { class, pods: vec![pod], level: Relaxation::default() }),
            }
        }
        let ground = self.ground();
        let nodes = self.claims.iter().filter_map(|claim| claim.bought(ground)).collect();
        Outcome { nodes, on_rooms: self.on_rooms, unplaced, variants: self.variants, ..Outcome::default() }
    }
}
