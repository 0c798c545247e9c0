//! The rounds of a solve: who is served when, and who tries again.

use std::collections::BTreeSet;
use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};
use supercargo_api::taint;
use supercargo_catalog::Usd;

use crate::amounts::Amounts;
use crate::asked::asked_labels;
use crate::class::HostPort;
use crate::fits::{FitId, Fits, Ground};
use crate::flexible::settle;
use crate::pack::{Demand, HostRules, Stock};
use crate::planned::PlannedNode;
use crate::pools::Variant;
use crate::snapshot::Snapshot;
use crate::topology::{Rule, Topology};

use super::domains::Universe;
use super::explore::Choices;
use super::options::{PreferencePolicy, SolveOptions};
use super::outcome::{Outcome, Unplaced};
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

/// How often pods may be taken back and placed anew.
const MOST_RETURNS: usize = 8;

/// One solve's outcome, with what tells it from another.
pub(super) struct Tried {
    pub(super) outcome: Outcome,
    /// Preferences given up, times the pods that gave them up.
    pub(super) given_up: usize,
    pub(super) choices: Option<Choices>,
    /// Whether every required spread came out even.
    pub(super) is_even: bool,
}

/// Places all pending pods, domains chosen as `choices` says; without it, the least loaded and cheapest at each step.
pub(super) fn solve_once(snapshot: &Snapshot, options: SolveOptions, choices: Option<Choices>) -> Tried {
    let mut solver = Solver::new(snapshot, options);
    solver.choices = choices;
    solver.keep_static_pools();
    let unplaced = solver.place_all();
    let ground = Solver::ground(snapshot, &solver.variants);
    settle(ground, &mut solver.stock, &mut solver.nodes);
    let lower_bound = solver.lower_bound();
    let is_even = solver.choices.is_none() || solver.spreads_are_even();
    let outcome = Outcome {
        variants: solver.variants,
        nodes: solver.nodes,
        on_rooms: solver.on_rooms,
        unplaced,
        lower_bound,
    };
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
    fn new(snapshot: &'s Snapshot, options: SolveOptions) -> Solver<'s> {
        let variants = all_variants(snapshot);
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

    /// Classes in the order they are served: priority, then those that others must find first, then size.
    fn order(&self) -> Vec<Waiting> {
        let mut waiting: Vec<Waiting> = Vec::new();
        for (class, queue) in self.queues.iter().enumerate() {
            let left = queue.len() as u32;
            if left > 0 {
                waiting.push(Waiting { class: class as u32, level: self.first_level(), left });
            }
        }
        let follows = |class: u32| {
            let links = &self.topology.links[class as usize];
            links.owned.iter().any(|(group, _)| {
                self.topology.groups[*group as usize].rule == Rule::Affinity && !links.matches(*group)
            })
        };
        let mut keyed: Vec<_> = waiting
            .into_iter()
            .map(|one| {
                let class = &self.snapshot.classes[one.class as usize];
                let size = (class.requests[0], class.requests[1]);
                (
                    (
                        std::cmp::Reverse(class.priority),
                        follows(one.class),
                        std::cmp::Reverse(size),
                        // Ties go by name, so that the order of the input changes nothing.
                        class.namespace.as_str(),
                        self.first_name(one.class),
                    ),
                    one,
                )
            })
            .collect();
        keyed.sort_by(|left, right| left.0.cmp(&right.0));
        keyed.into_iter().map(|(_, one)| one).collect()
    }

    /// The first of a class's waiting pods by name.
    fn first_name(&self, class: u32) -> &'s str {
        let waiting = self.queues[class as usize].as_slice().iter();
        waiting.map(|pod| &*self.snapshot.pods[*pod as usize].name).min().unwrap_or_default()
    }

    fn place_all(&mut self) -> Vec<Unplaced> {
        let order = self.order();
        let limited = self.snapshot.pools.iter().any(|pool| !pool.limits.is_empty());
        // Where limits bind, who is served first matters; otherwise everybody is packed together.
        let mut bands: Vec<Vec<Waiting>> = Vec::new();
        let mut last = None;
        for one in order {
            let priority = self.snapshot.classes[one.class as usize].priority;
            let same = !limited || last == Some(priority);
            match bands.last_mut() {
                Some(band) if same => band.push(one),
                _ => bands.push(vec![one]),
            }
            last = Some(priority);
        }
        let mut failed = Vec::new();
        for band in bands {
            failed.extend(self.place_band(band));
        }
        self.hand_out_pods();
        let mut unplaced = Vec::with_capacity(failed.len());
        for one in failed {
            let pods = self.queues[one.class as usize].by_ref().take(one.left as usize).collect();
            unplaced.push(Unplaced { class: one.class, pods, level: one.level });
        }
        unplaced
    }

    fn place_band(&mut self, band: Vec<Waiting>) -> Vec<Waiting> {
        let mut waiting = band;
        let mut failed: Vec<Waiting> = Vec::new();
        let mut returns = 0;
        loop {
            let placed_before = self.placed();
            let mut stuck: Vec<Waiting> = Vec::new();
            let mut demands: Vec<Demand> = Vec::new();
            let mut pinned: Vec<Pinned> = Vec::new();
            for one in waiting.drain(..) {
                self.place_class(one, &mut stuck, &mut demands, &mut pinned);
            }
            // Whose set of new nodes turned out to be used up may have another one.
            let (mut next, missed) = self.pack(demands, &pinned, &mut stuck);
            if !missed.is_empty() {
                let taken = self.take_back(&missed);
                // Going back and forth has to end: who came back too often stays out.
                returns += 1;
                if returns <= MOST_RETURNS { next.extend(taken) } else { failed.extend(taken) }
            }
            let progress = self.placed() > placed_before;
            for mut one in stuck {
                if self.relax(&mut one) {
                    self.given_up += one.left as usize;
                    next.push(one);
                } else {
                    failed.push(one);
                }
            }
            if next.is_empty() {
                if !progress || returns > MOST_RETURNS {
                    break;
                }
                // Somebody found a place: those who wait for others, or for a domain to fill, may try again.
                let (again, hopeless): (Vec<_>, Vec<_>) = failed
                    .drain(..)
                    .partition(|one| self.snapshot.classes[one.class as usize].has_pod_rules());
                failed = hopeless;
                next = again;
                if next.is_empty() {
                    break;
                }
            }
            waiting = merged(next);
        }
        failed
    }

    fn placed(&self) -> usize {
        self.on_rooms.len()
            + self
                .nodes
                .iter()
                .flat_map(|node| &node.contents)
                .map(|(_, count)| *count as usize)
                .sum::<usize>()
    }

    fn place_class(
        &mut self,
        mut waiting: Waiting,
        stuck: &mut Vec<Waiting>,
        demands: &mut Vec<Demand>,
        pinned: &mut Vec<Pinned>,
    ) {
        let class = &self.snapshot.classes[waiting.class as usize];
        let mut rooms = self.rooms_of_class(&waiting);
        waiting.left -= self.place_on_rooms(&waiting, &mut rooms);
        let placed =
            if waiting.left > 0 && !self.nodes.is_empty() { self.place_on_planned(&waiting) } else { 0 };
        waiting.left -= placed;
        if waiting.left == 0 {
            return;
        }
        let sets = self.alternatives(class.rules, &waiting.level);
        let ground = Self::ground(self.snapshot, &self.variants);
        let usable = sets.iter().copied().filter(|set| {
            !self.dead.contains(&(waiting.class, *set))
                && self.fits.is_large_enough(ground, *set, &class.requests)
        });
        let usable: Vec<FitId> = usable.collect();
        if usable.is_empty() {
            stuck.push(waiting);
            return;
        }
        let host = self.host_rules(waiting.class, &waiting.level);
        let keys = self.pin_keys(waiting.class, &waiting.level);
        let most = self.most_together(&host, &usable, &class.requests);
        if waiting.left > most {
            stuck.push(Waiting { left: waiting.left - most, ..waiting.clone() });
            waiting.left = most;
        }
        if keys.is_empty() {
            let set = self.best_set(&usable, &class.requests);
            demands.push(self.demand(&waiting, set, host, waiting.left, pinned.len()));
            pinned.push(Pinned { class: waiting.class, level: waiting.level, pins: Vec::new() });
            return;
        }
        let mut by_pin: Vec<(FitId, Pins, u32)> = Vec::new();
        while waiting.left > 0 {
            let found = usable.iter().find_map(|set| self.pin(waiting.class, &waiting.level, *set, &keys));
            let Some((set, pins)) = found else { break };
            self.record_pins(waiting.class, &pins, 1);
            waiting.left -= 1;
            match by_pin.iter_mut().find(|(known, known_pins, _)| *known == set && *known_pins == pins) {
                Some((_, _, count)) => *count += 1,
                None => by_pin.push((set, pins, 1)),
            }
            // The pod counts where it was pinned to, and that may open rooms to the next one.
            waiting.left -= self.place_on_rooms(&waiting, &mut rooms);
        }
        for (set, pins, count) in by_pin {
            demands.push(self.demand(&waiting, set, host.clone(), count, pinned.len()));
            pinned.push(Pinned { class: waiting.class, level: waiting.level, pins });
        }
        if waiting.left > 0 {
            stuck.push(waiting);
        }
    }

    fn demand(&self, waiting: &Waiting, fits: FitId, host: HostRules, left: u32, tag: usize) -> Demand {
        let class = &self.snapshot.classes[waiting.class as usize];
        Demand { class: waiting.class, fits, amounts: class.requests, left, host, tag: tag as u32 }
    }

    /// How many pods that all have to be on one host can be: as many as the largest type holds. No limit for others.
    fn most_together(&self, host: &HostRules, usable: &[FitId], requests: &Amounts) -> u32 {
        if !self.starts_on_a_host(host) {
            return u32::MAX;
        }
        let fits = usable.iter().flat_map(|set| self.fits.get(*set));
        let copies = fits.flat_map(|fit| {
            let net = &self.variants[fit.variant as usize].net;
            fit.types.ones().map(|index| requests.copies_in(&net[index]))
        });
        copies.max().unwrap_or(0)
    }

    /// The set that reaches the heaviest NodePool; of equals the cheapest.
    fn best_set(&mut self, sets: &[FitId], amounts: &Amounts) -> FitId {
        let ground = Self::ground(self.snapshot, &self.variants);
        let ranked = sets.iter().map(|set| {
            let reaches = |tier: &Vec<bool>| self.fits.get(*set).iter().any(|fit| tier[fit.variant as usize]);
            let tier = self.tiers.iter().position(reaches);
            (tier.unwrap_or(usize::MAX), self.fits.price_index(ground, *set, amounts), *set)
        });
        ranked.min().map_or(0, |(_, _, set)| set)
    }

    /// Turns counts per class into pods.
    fn hand_out_pods(&mut self) {
        for node in &mut self.nodes {
            for (class, count) in &node.contents {
                node.pods.extend(self.queues[*class as usize].by_ref().take(*count as usize));
            }
        }
    }
}

/// One entry per class and level.
fn merged(waiting: Vec<Waiting>) -> Vec<Waiting> {
    let mut merged: Vec<Waiting> = Vec::new();
    for one in waiting {
        match merged.iter_mut().find(|known| known.class == one.class && known.level == one.level) {
            Some(known) => known.left += one.left,
            None => merged.push(one),
        }
    }
    merged
}
