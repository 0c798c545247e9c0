//! From a snapshot to placements: existing rooms first, then new nodes, tier by tier of NodePool weight.
//!
//! ```text
//! classes, by priority and size
//!   round: place on rooms ─> pin to domains ─> demand ─> pack per tier ─> slack ─> what is stuck relaxes one step
//! until nothing is stuck, or nothing can relax and nothing moved
//! ```

use std::collections::{BTreeMap, BTreeSet};

use rustc_hash::FxHashMap;
use supercargo_api::requirements::Requirements;
use supercargo_api::taint;
use supercargo_catalog::Usd;

use crate::amounts::Amounts;
use crate::bound::{Group, lower_bound};
use crate::class::HostPort;
use crate::fits::{Fit, FitId, Fits, Ground};
use crate::flexible::settle;
use crate::pack::{Demand, HostRule, HostRules, Packer, Stock};
use crate::planned::PlannedNode;
use crate::pools::Variant;
use crate::snapshot::{Snapshot, asked_values};
use crate::topology::{Rule, Strength, Topology};

/// How preferences are treated (reference section 2.6).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PreferencePolicy {
    /// As required, until they cannot be met.
    #[default]
    Respect,
    /// As if they were not there.
    Ignore,
}

/// How `minValues` is treated (reference section 2.5).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MinValuesPolicy {
    /// A node that is not flexible enough is not bought.
    #[default]
    Strict,
    /// As flexible as can be.
    BestEffort,
}

/// Settings of a solve.
#[derive(Clone, Copy, Debug, Default)]
pub struct SolveOptions {
    /// How preferences are treated.
    pub preferences: PreferencePolicy,
    /// How `minValues` is treated.
    pub min_values: MinValuesPolicy,
}

/// How far a class has given up its preferences.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Relaxation {
    /// Preferred pod affinity terms given up, heaviest first.
    pub affinity: u16,
    /// Preferred pod anti-affinity terms given up.
    pub anti_affinity: u16,
    /// Preferred node affinity terms given up.
    pub node: u16,
    /// Soft spreads given up.
    pub spread: u16,
    /// PreferNoSchedule taints are tolerated.
    pub tolerates: bool,
}

impl Relaxation {
    /// Whether a class at this level still holds to something.
    pub fn holds(&self, strength: Strength) -> bool {
        match strength {
            Strength::Required => true,
            Strength::PreferredAffinity(order) => order >= self.affinity,
            Strength::PreferredAntiAffinity(order) => order >= self.anti_affinity,
            Strength::SoftSpread(order) => order >= self.spread,
        }
    }
}

/// A class with pods that could not be placed.
#[derive(Clone, Debug)]
pub struct Unplaced {
    /// Index of the class.
    pub class: u32,
    /// Its pods.
    pub pods: Vec<u32>,
    /// How far it had relaxed.
    pub level: Relaxation,
}

/// Where everything goes.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Variants that planned nodes refer to.
    pub variants: Vec<Variant>,
    /// Nodes to buy.
    pub nodes: Vec<PlannedNode>,
    /// Pods on existing rooms: room, pod.
    pub on_rooms: Vec<(u32, u32)>,
    /// Pods without a place.
    pub unplaced: Vec<Unplaced>,
    /// No set of new nodes for the pods on `nodes` can cost less, in dollars per hour.
    pub lower_bound: Usd,
}

impl Outcome {
    /// Total price of the nodes to buy.
    pub fn price(&self) -> Usd {
        self.nodes.iter().fold(Usd::ZERO, |sum, node| sum + node.price)
    }
}

/// A class with pods left to place.
#[derive(Clone, Debug)]
struct Waiting {
    class: u32,
    level: Relaxation,
    left: u32,
}

/// What a demand was pinned to and how often it counts.
#[derive(Clone, Debug)]
struct Pinned {
    class: u32,
    level: Relaxation,
    pins: Vec<(String, String)>,
}

type Universe = std::sync::Arc<Vec<String>>;

/// One solve.
pub struct Solver<'s> {
    snapshot: &'s Snapshot,
    options: SolveOptions,
    variants: Vec<Variant>,
    tiers: Vec<Vec<bool>>,
    fits: Fits,
    topology: Topology,
    stock: Stock,
    free: Vec<Amounts>,
    ports: Vec<Vec<HostPort>>,
    nodes: Vec<PlannedNode>,
    queues: Vec<std::vec::IntoIter<u32>>,
    on_rooms: Vec<(u32, u32)>,
    admissible: FxHashMap<(u32, Option<u16>, bool), std::sync::Arc<Vec<u32>>>,
    alternatives: FxHashMap<(u32, Option<u16>, bool), std::sync::Arc<Vec<FitId>>>,
    universes: FxHashMap<(u32, u32, bool), Universe>,
    prefers_no_schedule: bool,
}

/// Places all pending pods of a snapshot.
pub fn solve(snapshot: &Snapshot, options: SolveOptions) -> Outcome {
    let mut solver = Solver::new(snapshot, options);
    solver.keep_static_pools();
    let unplaced = solver.place_all();
    let ground = Solver::ground(snapshot, &solver.variants);
    settle(ground, &mut solver.stock, &mut solver.nodes);
    let lower_bound = solver.lower_bound();
    Outcome { variants: solver.variants, nodes: solver.nodes, on_rooms: solver.on_rooms, unplaced, lower_bound }
}

/// The variants of all pools that can make nodes, DaemonSets subtracted.
pub fn all_variants(snapshot: &Snapshot) -> Vec<Variant> {
    let asked = asked_values(snapshot);
    let mut variants = Vec::new();
    for (index, pool) in snapshot.pools.iter().enumerate() {
        if pool.problem.is_some() {
            continue;
        }
        for mut variant in pool.variants(index as u32, &snapshot.market, &asked) {
            variant.subtract_daemons(pool, &snapshot.market, &snapshot.names, &snapshot.daemons);
            variants.push(variant);
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
            queue.sort_by_key(|pod| (snapshot.pods[*pod as usize].created, *pod));
        }
        let limits = snapshot.pools.iter().map(|pool| {
            pool.limits.iter().map(|(resource, limit)| (resource.clone(), limit.left)).collect()
        });
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
            admissible: FxHashMap::default(),
            alternatives: FxHashMap::default(),
            universes: FxHashMap::default(),
            prefers_no_schedule: snapshot
                .pools
                .iter()
                .any(|pool| pool.taints.iter().any(|taint| taint.effect == taint::PREFER_NO_SCHEDULE)),
            snapshot,
            options,
            variants,
        }
    }

    fn ground<'g>(snapshot: &'g Snapshot, variants: &'g [Variant]) -> Ground<'g> {
        Ground { market: &snapshot.market, pools: &snapshot.pools, variants }
    }

    /// Static pools keep their number of nodes whatever the pods say (reference section 2.15).
    fn keep_static_pools(&mut self) {
        for (index, pool) in self.snapshot.pools.iter().enumerate() {
            let Some(replicas) = pool.replicas else { continue };
            let mut missing = replicas.saturating_sub(pool.nodes);
            if let Some(limit) = pool.limits.get("nodes") {
                missing = missing.min(u32::try_from(limit.left.max(0)).unwrap_or(u32::MAX));
            }
            let Some(position) = self.variants.iter().position(|variant| variant.pool == index as u32) else { continue };
            let variant = &self.variants[position];
            let Some(table) = &pool.table else { continue };
            let priced = variant.types.ones().filter_map(|type_index| {
                Some((table.cheapest_offer(type_index, variant.offers)?, type_index))
            });
            let Some((offer, chosen)) = priced.min_by_key(|(offer, type_index)| (offer.price, *type_index)) else {
                continue;
            };
            let node = PlannedNode {
                variant: position as u32,
                types: variant.types.clone(),
                offers: variant.offers,
                chosen: chosen as u32,
                offer: offer.key,
                price: offer.price,
                used: Amounts::ZERO,
                contents: Vec::new(),
                pods: Vec::new(),
                host: Default::default(),
                ports: variant.daemon_ports.clone(),
                is_static: true,
                min_values_relaxed: false,
            };
            self.stock.take(index as u32, &table.types[chosen].capacity, missing);
            self.nodes.extend(std::iter::repeat_n(node, missing as usize));
        }
    }

    /// Classes in the order they are served: priority, then those that others must find first, then size.
    fn order(&self) -> Vec<Waiting> {
        let mut waiting: Vec<Waiting> = Vec::new();
        for (class, queue) in self.queues.iter().enumerate() {
            let left = queue.len() as u32;
            if left > 0 {
                let mut level = Relaxation::default();
                if self.options.preferences == PreferencePolicy::Ignore {
                    level.node = u16::MAX;
                }
                waiting.push(Waiting { class: class as u32, level, left });
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
                ((std::cmp::Reverse(class.priority), follows(one.class), std::cmp::Reverse(size), one.class), one)
            })
            .collect();
        keyed.sort_by(|left, right| left.0.cmp(&right.0));
        keyed.into_iter().map(|(_, one)| one).collect()
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
        let mut unplaced = Vec::new();
        for band in bands {
            for failed in self.place_band(band) {
                let pods: Vec<u32> = self.queues[failed.class as usize].by_ref().take(failed.left as usize).collect();
                unplaced.push(Unplaced { class: failed.class, pods, level: failed.level });
            }
        }
        self.hand_out_pods();
        unplaced
    }

    fn place_band(&mut self, band: Vec<Waiting>) -> Vec<Waiting> {
        let mut waiting = band;
        let mut failed: Vec<Waiting> = Vec::new();
        loop {
            let placed_before = self.placed();
            let mut stuck: Vec<Waiting> = Vec::new();
            let mut demands: Vec<Demand> = Vec::new();
            let mut pinned: Vec<Pinned> = Vec::new();
            for one in waiting.drain(..) {
                self.place_class(one, &mut stuck, &mut demands, &mut pinned);
            }
            self.pack(demands, &pinned, &mut stuck);
            let progress = self.placed() > placed_before;
            let mut next: Vec<Waiting> = Vec::new();
            for mut one in stuck {
                if self.relax(&mut one) {
                    next.push(one);
                } else {
                    failed.push(one);
                }
            }
            if next.is_empty() {
                if !progress {
                    break;
                }
                // Somebody found a place: those who wait for others, or for a domain to fill, may try again.
                let (again, hopeless): (Vec<_>, Vec<_>) =
                    failed.drain(..).partition(|one| self.snapshot.classes[one.class as usize].has_pod_rules());
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
            + self.nodes.iter().flat_map(|node| &node.contents).map(|(_, count)| *count as usize).sum::<usize>()
    }

    /// Gives up one preference. Whether there was one.
    fn relax(&self, waiting: &mut Waiting) -> bool {
        let class = &self.snapshot.classes[waiting.class as usize];
        let level = &mut waiting.level;
        if self.options.preferences == PreferencePolicy::Respect {
            if usize::from(level.affinity) < class.preferred_affinity.len() {
                level.affinity += 1;
                return true;
            }
            if usize::from(level.anti_affinity) < class.preferred_anti_affinity.len() {
                level.anti_affinity += 1;
                return true;
            }
            if usize::from(level.node) < self.snapshot.rules[class.rules as usize].preferred.len() {
                level.node += 1;
                return true;
            }
            if usize::from(level.spread) < class.spreads.iter().filter(|spread| !spread.hard).count() {
                level.spread += 1;
                return true;
            }
        }
        if self.prefers_no_schedule && !level.tolerates {
            level.tolerates = true;
            return true;
        }
        false
    }

    /// The preferred node affinity term in force at a level.
    fn preference(&self, rules: u32, level: &Relaxation) -> Option<u16> {
        (usize::from(level.node) < self.snapshot.rules[rules as usize].preferred.len()).then_some(level.node)
    }

    fn requirements_at(&self, rules: u32, preference: Option<u16>) -> Vec<Requirements> {
        let rules = &self.snapshot.rules[rules as usize];
        let preferred = preference.and_then(|order| rules.preferred.get(usize::from(order)));
        let with_preference = rules.alternatives.iter().map(|alternative| {
            let mut all = alternative.clone();
            if let Some((_, requirements)) = preferred {
                all.extend(requirements.iter().cloned());
            }
            all
        });
        with_preference.collect()
    }

    /// Rooms that a set of rules admits, in the order they are tried.
    fn admissible_rooms(&mut self, rules: u32, level: &Relaxation) -> std::sync::Arc<Vec<u32>> {
        let preference = self.preference(rules, level);
        let key = (rules, preference, level.tolerates);
        if let Some(known) = self.admissible.get(&key) {
            return known.clone();
        }
        let requirements = self.requirements_at(rules, preference);
        let tolerations = &self.snapshot.rules[rules as usize].tolerations;
        let mut admitted = Vec::new();
        for (index, room) in self.snapshot.rooms.iter().enumerate() {
            if room.leaving
                || (room.cordoned && !tolerates_cordon(tolerations))
                || taint::first_untolerated(&room.taints, tolerations, false).is_some()
                || !requirements.iter().any(|alternative| room.satisfies(alternative))
            {
                continue;
            }
            admitted.push(index as u32);
        }
        let admitted = std::sync::Arc::new(admitted);
        self.admissible.insert(key, admitted.clone());
        admitted
    }

    /// New-node sets of a class's rules, one per alternative.
    fn alternatives(&mut self, rules: u32, level: &Relaxation) -> std::sync::Arc<Vec<FitId>> {
        let preference = self.preference(rules, level);
        let key = (rules, preference, level.tolerates);
        if let Some(known) = self.alternatives.get(&key) {
            return known.clone();
        }
        let ground = Self::ground(self.snapshot, &self.variants);
        let mut sets = Vec::new();
        for requirements in self.requirements_at(rules, preference) {
            let set =
                self.fits.of_rules(ground, &self.snapshot.rules[rules as usize], &requirements, level.tolerates);
            if !sets.contains(&set) {
                sets.push(set);
            }
        }
        let sets = std::sync::Arc::new(sets);
        self.alternatives.insert(key, sets.clone());
        sets
    }

    fn place_class(
        &mut self,
        mut waiting: Waiting,
        stuck: &mut Vec<Waiting>,
        demands: &mut Vec<Demand>,
        pinned: &mut Vec<Pinned>,
    ) {
        let class = &self.snapshot.classes[waiting.class as usize];
        let placed = self.place_on_rooms(&waiting);
        waiting.left -= placed;
        let placed = if waiting.left > 0 && !self.nodes.is_empty() { self.place_on_planned(&waiting) } else { 0 };
        waiting.left -= placed;
        if waiting.left == 0 {
            return;
        }
        let sets = self.alternatives(class.rules, &waiting.level);
        let ground = Self::ground(self.snapshot, &self.variants);
        let usable: Vec<FitId> =
            sets.iter().copied().filter(|set| self.fits.is_large_enough(ground, *set, &class.requests)).collect();
        if usable.is_empty() {
            stuck.push(waiting);
            return;
        }
        let host = self.host_rules(waiting.class, &waiting.level);
        let keys = self.pin_keys(waiting.class, &waiting.level);
        if keys.is_empty() {
            let set = self.cheapest_set(&usable, &class.requests);
            demands.push(self.demand(&waiting, set, host, waiting.left, pinned.len()));
            pinned.push(Pinned { class: waiting.class, level: waiting.level, pins: Vec::new() });
            return;
        }
        let mut by_pin: Vec<(FitId, Vec<(String, String)>, u32)> = Vec::new();
        while waiting.left > 0 {
            let found = usable.iter().find_map(|set| self.pin(waiting.class, &waiting.level, *set, &keys));
            let Some((set, pins)) = found else { break };
            self.record_pins(waiting.class, &pins, 1);
            match by_pin.iter_mut().find(|(known, known_pins, _)| *known == set && *known_pins == pins) {
                Some((_, _, count)) => *count += 1,
                None => by_pin.push((set, pins, 1)),
            }
            waiting.left -= 1;
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

    fn host_rules(&self, class: u32, level: &Relaxation) -> HostRules {
        let links = &self.topology.links[class as usize];
        let mut rules = HostRules { ports: self.snapshot.classes[class as usize].host_ports.clone(), ..HostRules::default() };
        for (group, strength) in &links.owned {
            let entry = &self.topology.groups[*group as usize];
            if entry.by_host && level.holds(*strength) {
                let selects_self = links.matches(*group);
                rules.follows |= entry.rule == Rule::Affinity;
                rules.owned.push(HostRule {
                    group: *group,
                    rule: entry.rule,
                    selects_self,
                    binds_others: entry.rule == Rule::AntiAffinity && *strength == Strength::Required,
                });
            }
        }
        for group in &links.matched {
            let entry = &self.topology.groups[*group as usize];
            if entry.by_host {
                rules.matched.push(*group);
                if entry.rule == Rule::AntiAffinity {
                    rules.shunned_by.push(*group);
                }
            }
        }
        rules
    }

    /// Keys other than the hostname in which a class must be pinned before it is packed: those of rules it states, and
    /// those in which others attract or shun it.
    fn pin_keys(&self, class: u32, level: &Relaxation) -> Vec<String> {
        let links = &self.topology.links[class as usize];
        let stated = links.owned.iter().filter(|(_, strength)| level.holds(*strength)).map(|(group, _)| *group);
        let concerned = links.matched.iter().copied().filter(|group| {
            matches!(self.topology.groups[*group as usize].rule, Rule::Affinity | Rule::AntiAffinity)
        });
        let mut keys: Vec<String> = Vec::new();
        for group in stated.chain(concerned) {
            let entry = &self.topology.groups[group as usize];
            if !entry.by_host && !keys.contains(&entry.key) {
                keys.push(entry.key.clone());
            }
        }
        keys.sort();
        keys
    }

    /// The domains a spread counts over, for one set of rules (T1, T2).
    fn universe(&mut self, class: u32, group: u32, level: &Relaxation) -> Universe {
        let rules = self.snapshot.classes[class as usize].rules;
        let key = (rules, group, level.tolerates);
        if let Some(known) = self.universes.get(&key) {
            return known.clone();
        }
        let Rule::Spread { honor_affinity, honor_taints, .. } = self.topology.groups[group as usize].rule else {
            return Universe::default();
        };
        let topology_key = self.topology.groups[group as usize].key.clone();
        let mut domains: BTreeSet<String> = BTreeSet::new();
        let node_rules = &self.snapshot.rules[rules as usize];
        for room in self.snapshot.rooms.iter().filter(|room| !room.leaving) {
            let Some(domain) = room.labels.get(&topology_key) else { continue };
            let admitted = !honor_affinity || node_rules.without_volumes.iter().any(|terms| room.satisfies(terms));
            let tolerated =
                !honor_taints || taint::first_untolerated(&room.taints, &node_rules.tolerations, false).is_none();
            if admitted && tolerated && !domains.contains(domain) {
                domains.insert(domain.clone());
            }
        }
        let ground = Self::ground(self.snapshot, &self.variants);
        let everything = Requirements::new();
        let terms: Vec<&Requirements> =
            if honor_affinity { node_rules.without_volumes.iter().collect() } else { vec![&everything] };
        let mut lenient = node_rules.clone();
        if !honor_taints {
            lenient.tolerations.push(k8s_openapi::api::core::v1::Toleration {
                operator: Some("Exists".to_owned()),
                ..Default::default()
            });
        }
        for term in terms {
            let set = self.fits.of_rules(ground, &lenient, term, true);
            domains.extend(self.fits.domains(ground, set, &topology_key));
        }
        let universe = Universe::new(domains.into_iter().collect());
        self.universes.insert(key, universe.clone());
        universe
    }

    /// Whether the groups over keys other than the hostname allow one more pod of the class in a domain; on success
    /// the count that a spread wants small.
    fn domain_allows(&mut self, class: u32, level: &Relaxation, key: &str, domain: &str) -> Option<i64> {
        let owned: Vec<(u32, bool)> = {
            let links = &self.topology.links[class as usize];
            let held = links.owned.iter().filter(|(group, strength)| {
                let entry = &self.topology.groups[*group as usize];
                !entry.by_host && entry.key == key && level.holds(*strength)
            });
            held.map(|(group, _)| (*group, links.matches(*group))).collect()
        };
        let mut load = 0;
        for (group, selects_self) in owned {
            let count = self.topology.groups[group as usize].count(domain);
            match self.topology.groups[group as usize].rule {
                Rule::Spread { max_skew, min_domains, .. } => {
                    let universe = self.universe(class, group, level);
                    let entry = &self.topology.groups[group as usize];
                    let few = min_domains.is_some_and(|least| (universe.len() as i64) < least);
                    let least = if few {
                        0
                    } else {
                        universe.iter().map(|domain| entry.count(domain).matched).min().unwrap_or(0)
                    };
                    if count.matched + i64::from(selects_self) - least > max_skew {
                        return None;
                    }
                    load += count.matched;
                }
                Rule::Affinity => {
                    let bootstraps = selects_self && !self.topology.groups[group as usize].is_populated();
                    if count.matched == 0 && !bootstraps {
                        return None;
                    }
                }
                Rule::AntiAffinity => {
                    if count.matched > 0 {
                        return None;
                    }
                }
            }
        }
        let links = &self.topology.links[class as usize];
        let shunned = links.matched.iter().any(|group| {
            let entry = &self.topology.groups[*group as usize];
            !entry.by_host && entry.key == key && entry.rule == Rule::AntiAffinity && entry.count(domain).owners > 0
        });
        (!shunned).then_some(load)
    }

    /// Chooses a domain for each key: the least loaded that is allowed, the cheapest of equals.
    #[allow(clippy::type_complexity, reason = "a set and what it was pinned to, used in one place")]
    fn pin(
        &mut self,
        class: u32,
        level: &Relaxation,
        set: FitId,
        keys: &[String],
    ) -> Option<(FitId, Vec<(String, String)>)> {
        let requests = self.snapshot.classes[class as usize].requests;
        let mut set = set;
        let mut pins = Vec::with_capacity(keys.len());
        for key in keys {
            let ground = Self::ground(self.snapshot, &self.variants);
            let domains = self.fits.domains(ground, set, key);
            let mut best: Option<(i64, Usd, String, FitId)> = None;
            for domain in domains {
                let Some(load) = self.domain_allows(class, level, key, &domain) else { continue };
                if best.as_ref().is_some_and(|(least, _, _, _)| load > *least) {
                    continue;
                }
                let ground = Self::ground(self.snapshot, &self.variants);
                let restricted = self.fits.restrict(ground, set, key, &domain);
                if !self.fits.is_large_enough(ground, restricted, &requests) {
                    continue;
                }
                let price = self.fits.price_index(ground, restricted, &requests);
                let better = best.as_ref().is_none_or(|(least, dear, name, _)| {
                    (load, price, &domain) < (*least, *dear, name)
                });
                if better {
                    best = Some((load, price, domain, restricted));
                }
            }
            let (_, _, domain, restricted) = best?;
            pins.push((key.clone(), domain));
            set = restricted;
        }
        Some((set, pins))
    }

    /// Counts pods in the domains they are pinned to; a negative number takes them back.
    fn record_pins(&mut self, class: u32, pins: &[(String, String)], pods: i64) {
        let links = &self.topology.links[class as usize];
        for (key, domain) in pins {
            for group in &links.matched {
                let entry = &mut self.topology.groups[*group as usize];
                if !entry.by_host && entry.key == *key {
                    entry.record(domain, pods, true, false);
                }
            }
            for (group, strength) in &links.owned {
                let entry = &mut self.topology.groups[*group as usize];
                if !entry.by_host
                    && entry.key == *key
                    && entry.rule == Rule::AntiAffinity
                    && *strength == Strength::Required
                {
                    entry.record(domain, pods, false, true);
                }
            }
        }
    }

    fn cheapest_set(&mut self, sets: &[FitId], amounts: &Amounts) -> FitId {
        let ground = Self::ground(self.snapshot, &self.variants);
        let priced = sets.iter().map(|set| (self.fits.price_index(ground, *set, amounts), *set));
        priced.min().map_or(0, |(_, set)| set)
    }

    /// Places pods of a class on existing rooms, in order. How many found one.
    fn place_on_rooms(&mut self, waiting: &Waiting) -> u32 {
        if self.snapshot.rooms.is_empty() {
            return 0;
        }
        let class = &self.snapshot.classes[waiting.class as usize];
        let rooms = self.admissible_rooms(class.rules, &waiting.level);
        let host = self.host_rules(waiting.class, &waiting.level);
        let keys = self.pin_keys(waiting.class, &waiting.level);
        let mut left = waiting.left;
        let mut start = 0;
        while left > 0 {
            let mut progressed = false;
            for (position, room) in rooms.iter().enumerate().skip(start) {
                let index = *room as usize;
                let mut copies = class.requests.copies_in(&self.free[index]);
                if copies == 0 {
                    if position == start {
                        start += 1;
                    }
                    continue;
                }
                if !host.is_free() {
                    let counts = |group: u32| self.topology.host_counts.get(&(*room, group)).copied().unwrap_or_default();
                    copies = copies.min(host.copies(&counts, &self.ports[index], &self.topology.host_totals));
                }
                if copies > 0 && !keys.is_empty() {
                    let room_labels = &self.snapshot.rooms[index].labels;
                    let allowed = keys.iter().all(|key| match room_labels.get(key) {
                        Some(domain) => self.domain_allows(waiting.class, &waiting.level, key, domain).is_some(),
                        None => !self.states_rule_on(waiting.class, &waiting.level, key),
                    });
                    copies = if allowed { 1 } else { 0 };
                }
                let copies = copies.min(left);
                if copies == 0 {
                    continue;
                }
                self.free[index].subtract(&class.requests.times(i64::from(copies)));
                self.ports[index].extend(class.host_ports.iter().cloned());
                self.topology.record_on_room(self.snapshot, waiting.class, *room, i64::from(copies));
                for pod in self.queues[waiting.class as usize].by_ref().take(copies as usize) {
                    self.on_rooms.push((*room, pod));
                }
                left -= copies;
                progressed = true;
                if left == 0 || !keys.is_empty() {
                    break;
                }
            }
            // Without rules over domains one pass settles everything; with them every pod changes the counts.
            if !progressed || keys.is_empty() {
                break;
            }
        }
        waiting.left - left
    }

    fn states_rule_on(&self, class: u32, level: &Relaxation, key: &str) -> bool {
        self.topology.links[class as usize].owned.iter().any(|(group, strength)| {
            let entry = &self.topology.groups[*group as usize];
            entry.key == key && level.holds(*strength)
        })
    }

    /// Places pods on nodes that earlier rounds planned, where the chosen type has room. How many found one.
    fn place_on_planned(&mut self, waiting: &Waiting) -> u32 {
        let class = &self.snapshot.classes[waiting.class as usize];
        let host = self.host_rules(waiting.class, &waiting.level);
        let keys = self.pin_keys(waiting.class, &waiting.level);
        let sets = self.alternatives(class.rules, &waiting.level);
        let mut left = waiting.left;
        for index in 0..self.nodes.len() {
            if left == 0 {
                break;
            }
            loop {
                let node = &self.nodes[index];
                let room = self.variants[node.variant as usize].net[node.chosen as usize].minus(&node.used);
                let mut copies = class.requests.copies_in(&room).min(left);
                if copies > 0 && !host.is_free() {
                    let counts = |group: u32| node.host.count(group);
                    copies = copies.min(host.copies(&counts, &node.ports, &self.topology.host_totals));
                }
                if copies == 0 {
                    break;
                }
                let found = sets.iter().find_map(|set| {
                    let fit = self.fits.get(*set).iter().find(|fit| fit.variant == node.variant)?;
                    let types_fit = fit.types.contains(node.chosen as usize);
                    (types_fit && fit.offers >> node.offer & 1 == 1).then(|| fit.clone())
                });
                let Some(fit) = found else { break };
                let mut pins = Vec::new();
                if !keys.is_empty() {
                    let domains = keys.iter().map(|key| (key.clone(), self.planned_domain(index, key)));
                    let domains: Vec<(String, Option<String>)> = domains.collect();
                    let allowed = domains.iter().all(|(key, domain)| {
                        domain.as_ref().is_some_and(|domain| {
                            self.domain_allows(waiting.class, &waiting.level, key, domain).is_some()
                        })
                    });
                    if !allowed {
                        break;
                    }
                    pins.extend(domains.into_iter().filter_map(|(key, domain)| Some((key, domain?))));
                    copies = 1;
                }
                let node = &mut self.nodes[index];
                node.types.intersect_with(&fit.types);
                node.offers &= fit.offers;
                node.used.add(&class.requests.times(i64::from(copies)));
                host.record(&mut node.host, &mut node.ports, copies);
                match node.contents.iter_mut().find(|(known, _)| *known == waiting.class) {
                    Some((_, count)) => *count += copies,
                    None => node.contents.push((waiting.class, copies)),
                }
                for group in &host.matched {
                    self.topology.host_totals[*group as usize] += i64::from(copies);
                }
                self.record_pins(waiting.class, &pins, i64::from(copies));
                left -= copies;
                if left == 0 {
                    break;
                }
            }
        }
        waiting.left - left
    }

    /// The domain of a planned node, if it has just one.
    fn planned_domain(&self, index: usize, key: &str) -> Option<String> {
        let node = &self.nodes[index];
        let variant = &self.variants[node.variant as usize];
        if let Some(value) = variant.labels.get(key) {
            return Some(value.clone());
        }
        let table = self.snapshot.pools[variant.pool as usize].table.as_ref()?;
        if crate::market::is_offering_label(key) {
            let mut values = self
                .snapshot
                .market
                .keys
                .iter()
                .enumerate()
                .filter(|(offer, _)| node.offers >> offer & 1 == 1)
                .filter_map(|(_, offer)| offer.label(key));
            let first = values.next()?;
            return values.all(|value| value == first).then(|| first.to_owned());
        }
        let mut values = node.types.ones().filter_map(|type_index| table.label(type_index, key));
        let first = values.next()?;
        values.all(|value| value == first).then(|| first.to_owned())
    }

    /// Packs demands onto new nodes, tier by tier. What finds no place is taken back from the counts.
    fn pack(&mut self, demands: Vec<Demand>, pinned: &[Pinned], stuck: &mut Vec<Waiting>) {
        let mut demands = demands;
        for tier in &self.tiers {
            if demands.iter().all(|demand| demand.left == 0) {
                break;
            }
            let ground = Self::ground(self.snapshot, &self.variants);
            let mut packer = Packer::new(
                ground,
                &self.fits,
                &mut self.stock,
                &mut self.topology.host_totals,
                demands,
                tier.clone(),
                self.options.min_values == MinValuesPolicy::Strict,
            );
            packer.run();
            let (rest, nodes) = packer.into_rest();
            demands = rest;
            for mut node in nodes {
                for content in &mut node.contents {
                    content.0 = demands[content.0 as usize].class;
                }
                self.nodes.push(node);
            }
        }
        let mut unplaced: BTreeMap<(u32, usize), Waiting> = BTreeMap::new();
        for demand in demands.iter().filter(|demand| demand.left > 0) {
            let pin = &pinned[demand.tag as usize];
            self.record_pins(pin.class, &pin.pins, -i64::from(demand.left));
            let entry = unplaced
                .entry((pin.class, 0))
                .or_insert(Waiting { class: pin.class, level: pin.level, left: 0 });
            entry.left += demand.left;
        }
        stuck.extend(unplaced.into_values());
    }

    /// The bound for the pods on new nodes, their preferences left aside: whoever relaxed, relaxed for free.
    fn lower_bound(&mut self) -> Usd {
        let mut on_new_nodes: BTreeMap<u32, i64> = BTreeMap::new();
        let mut fixed = Usd::ZERO;
        for node in &self.nodes {
            if node.is_static {
                fixed = fixed + node.price;
                continue;
            }
            for (class, count) in &node.contents {
                *on_new_nodes.entry(*class).or_default() += i64::from(*count);
            }
        }
        let unlimited = self.snapshot.pools.iter().all(|pool| pool.limits.is_empty());
        let relaxed = Relaxation { node: u16::MAX, tolerates: true, ..Relaxation::default() };
        let mut groups: Vec<(Vec<FitId>, Group)> = Vec::new();
        for (class, count) in on_new_nodes {
            let (rules, requests) = {
                let class = &self.snapshot.classes[class as usize];
                (class.rules, class.requests)
            };
            let sets = self.alternatives(rules, &relaxed);
            let demand = requests.times(count);
            if let Some((_, group)) = groups.iter_mut().find(|(known, _)| *known == *sets) {
                group.demand.add(&demand);
                continue;
            }
            let mut fits: Vec<Fit> = Vec::new();
            for set in sets.iter() {
                for fit in self.fits.get(*set) {
                    match fits.iter_mut().find(|known| known.variant == fit.variant) {
                        Some(known) => {
                            known.types.union_with(&fit.types);
                            known.offers |= fit.offers;
                        }
                        None => fits.push(fit.clone()),
                    }
                }
            }
            if unlimited {
                // Without limits nobody has to leave the heaviest NodePool that takes them.
                let tier = self.tiers.iter().find(|tier| fits.iter().any(|fit| tier[fit.variant as usize]));
                if let Some(tier) = tier.filter(|_| !self.prefers_no_schedule) {
                    fits.retain(|fit| tier[fit.variant as usize]);
                }
            }
            groups.push((sets.to_vec(), Group { fits, demand }));
        }
        let ground = Self::ground(self.snapshot, &self.variants);
        lower_bound(ground, groups.into_iter().map(|(_, group)| group).collect()) + fixed
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

fn tolerates_cordon(tolerations: &[k8s_openapi::api::core::v1::Toleration]) -> bool {
    let cordon = k8s_openapi::api::core::v1::Taint {
        key: supercargo_api::labels::UNSCHEDULABLE_TAINT.to_owned(),
        effect: "NoSchedule".to_owned(),
        ..Default::default()
    };
    taint::tolerates(tolerations, &cordon)
}
