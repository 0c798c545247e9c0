//! One solve: what it starts from and what it keeps.

use std::collections::BTreeSet;
use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};
use supercargo_api::taint;
use supercargo_catalog::Usd;

use crate::amounts::Amounts;
use crate::asked::asked_labels;
use crate::class::HostPort;
use crate::fits::{FitId, Fits, Ground};
use crate::pack::Stock;
use crate::planned::PlannedNode;
use crate::pools::Variant;
use crate::snapshot::Snapshot;
use crate::topology::Topology;

use super::domains::Universe;
use super::explore::Choices;
use super::options::{PreferencePolicy, SolveOptions};
use super::outcome::Outcome;
use super::relaxation::Relaxation;

/// A class with pods left to place.
#[derive(Clone, Debug)]
pub(super) struct Waiting {
    pub(super) class: u32,
    pub(super) level: Relaxation,
    pub(super) left: u32,
}

/// Topology keys and the domains chosen for them.
pub(super) type Pins = Vec<(String, String)>;

/// What a demand was pinned to and how often it counts.
#[derive(Clone, Debug)]
pub(super) struct Pinned {
    pub(super) class: u32,
    pub(super) level: Relaxation,
    pub(super) pins: Vec<(String, String)>,
}

/// One solve.
pub struct Solver<'s> {
    pub(super) snapshot: &'s Snapshot,
    pub(super) options: SolveOptions,
    pub(super) variants: Vec<Variant>,
    pub(super) tiers: Vec<Vec<bool>>,
    pub(super) fits: Fits,
    pub(super) topology: Topology,
    pub(super) stock: Stock,
    pub(super) free: Vec<Amounts>,
    pub(super) ports: Vec<Vec<HostPort>>,
    pub(super) nodes: Vec<PlannedNode>,
    pub(super) queues: Vec<std::vec::IntoIter<u32>>,
    pub(super) on_rooms: Vec<(u32, u32)>,
    pub(super) admissible: FxHashMap<(u32, Option<u16>, bool), Arc<Vec<u32>>>,
    pub(super) alternatives: FxHashMap<(u32, Option<u16>, bool), Arc<Vec<FitId>>>,
    pub(super) universes: FxHashMap<(u32, u32, bool), Universe>,
    /// Classes and sets of new nodes of which no more can be had: limits and stocks only shrink.
    pub(super) dead: FxHashSet<(u32, FitId)>,
    /// By class, the groups over domains that count its pods on new nodes.
    pub(super) counted: FxHashMap<u32, Arc<Vec<u32>>>,
    pub(super) prefers_no_schedule: bool,
    /// A bound found while packing, and how many nodes there were then.
    pub(super) proven: Option<(Usd, usize)>,
    /// Which of several allowed domains to take, where that is being tried out.
    pub(super) choices: Option<Choices>,
    /// Preferences given up, times the pods that gave them up.
    pub(super) given_up: usize,
}

/// One solve's outcome, with what tells it from another.
pub(super) struct Tried {
    pub(super) outcome: Outcome,
    /// Preferences given up, times the pods that gave them up.
    pub(super) given_up: usize,
    pub(super) choices: Option<Choices>,
    /// Whether every required spread came out even.
    pub(super) is_even: bool,
}

/// Places all pending pods, domains chosen as `choices` says; without it, the least loaded and cheapest at each step. The
/// variants are those of [`all_variants`]. Which outcomes need a bound, `is_bounded` says by the outcome and the preferences
/// given up.
pub(super) fn solve_once(
    snapshot: &Snapshot,
    options: SolveOptions,
    variants: Vec<Variant>,
    choices: Option<Choices>,
    is_bounded: impl FnOnce(&Outcome, usize) -> bool,
) -> Tried {
    let mut solver = Solver::of(snapshot, options, variants);
    solver.choices = choices;
    solver.forgo_reservations();
    solver.keep_static_pools();
    let mut unplaced = solver.place_all();
    unplaced.extend(solver.settle_nodes());
    let is_even = solver.choices.is_none() || solver.spreads_are_even();
    let mut outcome = Outcome {
        variants: std::mem::take(&mut solver.variants),
        nodes: std::mem::take(&mut solver.nodes),
        on_rooms: std::mem::take(&mut solver.on_rooms),
        unplaced,
        lower_bound: Usd::ZERO,
    };
    if is_bounded(&outcome, solver.given_up) {
        // the solver knows best what else its nodes could have been
        std::mem::swap(&mut solver.variants, &mut outcome.variants);
        std::mem::swap(&mut solver.nodes, &mut outcome.nodes);
        outcome.lower_bound = solver.lower_bound();
        std::mem::swap(&mut solver.variants, &mut outcome.variants);
        std::mem::swap(&mut solver.nodes, &mut outcome.nodes);
    }
    Tried { outcome, given_up: solver.given_up, choices: solver.choices, is_even }
}

/// The variants of all pools that can make nodes, DaemonSets subtracted.
pub fn all_variants(snapshot: &Snapshot) -> Vec<Variant> {
    let asked = asked_labels(snapshot);
    let pending =
        snapshot.pending.iter().map(|pod| snapshot.pods[*pod as usize].class).collect::<BTreeSet<u32>>();
    let ports = pending.iter().flat_map(|class| &snapshot.classes[*class as usize].host_ports);
    let wanted: BTreeSet<_> = ports.cloned().collect();
    let mut variants = Vec::new();
    for (index, pool) in snapshot.pools.iter().enumerate() {
        if pool.problem.is_some() {
            continue;
        }
        for variant in pool.variants(index as u32, &snapshot.market, &asked) {
            let (market, names) = (&snapshot.market, &snapshot.names);
            variants.extend(variant.with_daemons(pool, market, names, &snapshot.daemons, &wanted));
        }
    }
    variants
}

impl<'s> Solver<'s> {
    pub(super) fn new(snapshot: &'s Snapshot, options: SolveOptions) -> Solver<'s> {
        Self::of(snapshot, options, all_variants(snapshot))
    }

    /// A solver with the variants of [`all_variants`].
    fn of(snapshot: &'s Snapshot, options: SolveOptions, variants: Vec<Variant>) -> Solver<'s> {
        let weight = |variant: &Variant| snapshot.pools[variant.pool as usize].weight;
        let dynamic = |variant: &Variant| snapshot.pools[variant.pool as usize].replicas.is_none();
        let weights: BTreeSet<i32> = variants.iter().filter(|variant| dynamic(variant)).map(weight).collect();
        let tiers = weights.iter().rev().map(|tier| {
            variants.iter().map(|variant| dynamic(variant) && weight(variant) == *tier).collect()
        });
        let mut queues: Vec<Vec<u32>> = vec![Vec::new(); snapshot.classes.len()];
        for pod in &snapshot.pending {
            queues[snapshot.pods[*pod as usize].class as usize].push(*pod);
        }
        for queue in &mut queues {
            queue.sort_by_key(|pod| {
                let row = &snapshot.pods[*pod as usize];
                (row.created, &*row.name, *pod)
            });
        }
        let limits = snapshot
            .pools
            .iter()
            .map(|pool| pool.limits.iter().map(|(resource, limit)| (resource.clone(), limit.left)).collect());
        Solver {
            tiers: tiers.collect(),
            fits: Fits::default(),
            topology: Topology::new(snapshot, options.preferences == PreferencePolicy::Respect),
            stock: Stock { limits: limits.collect(), ..Stock::default() },
            free: snapshot.rooms.iter().map(|room| room.free).collect(),
            ports: snapshot.rooms.iter().map(|room| room.host_ports.clone()).collect(),
            nodes: Vec::new(),
            queues: queues.into_iter().map(Vec::into_iter).collect(),
            on_rooms: Vec::new(),
            proven: None,
            choices: None,
            given_up: 0,
            admissible: FxHashMap::default(),
            alternatives: FxHashMap::default(),
            universes: FxHashMap::default(),
            dead: FxHashSet::default(),
            counted: FxHashMap::default(),
            prefers_no_schedule: {
                let pools = snapshot.pools.iter().flat_map(|pool| &pool.taints);
                let mut taints = pools.chain(snapshot.rooms.iter().flat_map(|room| &room.taints));
                taints.any(|taint| taint.effect == taint::PREFER_NO_SCHEDULE)
            },
            snapshot,
            options,
            variants,
        }
    }

    pub(super) fn ground<'g>(snapshot: &'g Snapshot, variants: &'g [Variant]) -> Ground<'g> {
        Ground { market: &snapshot.market, pools: &snapshot.pools, variants }
    }

    /// Where every class starts.
    pub(super) fn first_level(&self) -> Relaxation {
        let node = if self.options.preferences == PreferencePolicy::Ignore { u16::MAX } else { 0 };
        Relaxation { node, ..Relaxation::default() }
    }
}
