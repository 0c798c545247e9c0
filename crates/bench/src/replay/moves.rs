//! The replay: move by move, wave by wave.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use supercargo_api::{Objects, Resources, labels as keys};
use supercargo_catalog::{InstanceType, Usd};
use supercargo_engine::consolidate::{Consolidation, Move, NewNode};

use super::admission::{compares, shortage};
use super::budgets::allowed_nodes;
use super::violation::{Rule, Violation};
use super::world::World;

/// What the plan was asked to keep.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// The moment that counts as now.
    pub now: Timestamp,
    /// Whether policies, budgets and quiet times of NodePools count; not if they were overridden.
    pub node_pools_decide: bool,
    /// What each move saves at least, in dollars per hour.
    pub least: Usd,
    /// The `k` of the Balanced rule, if that is what moves have to save (reference section 4.13).
    pub balanced: Option<f64>,
}

/// Replays a plan for a cluster. `types` are the instance types of each NodeClass by its name.
pub fn replay(
    objects: &Objects,
    types: &BTreeMap<String, Vec<InstanceType>>,
    plan: &Consolidation,
    rules: Rules,
) -> Vec<Violation> {
    let world = World::new(objects, types);
    let whole = world.pools.keys().map(|pool| (pool.clone(), Whole::of(&world, pool))).collect();
    let mut replay = Replay { world, rules, whole, wave: Wave::default(), number: 0, violations: Vec::new() };
    let before = replay.price();
    let pods = replay.world.pods.values().filter(|pod| pod.node.is_some()).count();
    for one in &plan.moves {
        replay.make(one);
    }
    replay.order(0);
    let after = replay.price();
    if plan.summary.price_per_hour_now != before {
        replay.say(0, Rule::Price, format!("{} now, it is {before}", plan.summary.price_per_hour_now));
    }
    if plan.summary.price_per_hour_after != after {
        replay.say(0, Rule::Price, format!("{} after, it is {after}", plan.summary.price_per_hour_after));
    }
    if plan.summary.saved_per_hour != before - after {
        replay.say(0, Rule::Price, format!("{} saved, {before} - {after} are", plan.summary.saved_per_hour));
    }
    let homeless: Vec<String> = replay
        .world
        .pods
        .iter()
        .filter(|(_, pod)| pod.node.as_ref().is_some_and(|node| !replay.world.sites.contains_key(node)))
        .map(|(name, _)| name.clone())
        .collect();
    for name in homeless {
        replay.say(0, Rule::Bookkeeping, format!("{name} is on a node that is gone"));
    }
    let left_over = replay.world.pods.values().filter(|pod| pod.node.is_some()).count();
    if left_over + replay.whole_daemons_gone() != pods {
        replay.say(0, Rule::Bookkeeping, format!("{pods} pods ran before, {left_over} do after"));
    }
    replay.violations
}

/// What a NodePool had before the first move.
#[derive(Clone, Copy, Debug, Default)]
struct Whole {
    price: f64,
    disruption: f64,
}

/// What has happened in the wave so far.
#[derive(Debug, Default)]
struct Wave {
    /// Nodes of each NodePool when it began.
    nodes: BTreeMap<String, usize>,
    /// Nodes gone, by NodePool and reason.
    gone: BTreeMap<(String, String), usize>,
    evicted: BTreeMap<usize, usize>,
    /// Nodes brought, by the move that did.
    brought: BTreeSet<String>,
}

struct Replay<'o> {
    world: World<'o>,
    rules: Rules,
    whole: BTreeMap<String, Whole>,
    wave: Wave,
    number: u32,
    violations: Vec<Violation>,
}

impl Whole {
    fn of(world: &World<'_>, pool: &str) -> Whole {
        let mut whole = Whole::default();
        for (name, site) in &world.sites {
            if site.labels.get(keys::NODEPOOL).is_some_and(|own| own == pool) {
                whole.price += site.price.map_or(0.0, Usd::as_f64);
                whole.disruption += world.disruption(name);
            }
        }
        whole
    }
}

impl World<'_> {
    /// Rescheduling disruption cost of a node (reference section 4.3).
    fn disruption(&self, node: &str) -> f64 {
        let costs = self.sites[node].pods.iter().filter(|name| self.pods[*name].moves).map(|name| {
            let pod = self.pods[name].pod;
            let annotations = pod.metadata.annotations.as_ref();
            let deletion = annotations.and_then(|annotations| annotations.get(keys::POD_DELETION_COST));
            let deletion = deletion.and_then(|text| text.parse::<f64>().ok()).unwrap_or(0.0);
            let priority = pod.spec().and_then(|spec| spec.priority).unwrap_or(0);
            let cost = 1.0 + deletion / 134_217_728.0 + f64::from(priority) / 33_554_432.0;
            cost.clamp(-10.0, 10.0).max(0.0)
        });
        1.0 + costs.sum::<f64>()
    }
}

impl Replay<'_> {
    fn say(&mut self, order: u32, rule: Rule, what: String) {
        self.violations.push(Violation { order, rule, what });
    }

    /// Price of all nodes of NodePools that are not going away already.
    fn price(&self) -> Usd {
        let counts = |site: &&super::world::Site<'_>| {
            let pool = site.labels.get(keys::NODEPOOL);
            pool.is_some_and(|pool| self.world.pools.contains_key(pool))
                && site.closed != Some("it is going away")
        };
        let prices = self.world.sites.values().filter(counts).filter_map(|site| site.price);
        prices.fold(Usd::ZERO, |sum, price| sum + price)
    }

    fn whole_daemons_gone(&self) -> usize {
        self.world.pods.values().filter(|pod| !pod.moves && pod.node.is_none() && was_bound(pod.pod)).count()
    }

    /// Begins the wave of the next move, if it is another.
    fn order(&mut self, wave: u32) {
        if wave != self.number {
            self.number = wave;
            let nodes =
                self.world.pools.keys().map(|pool| (pool.clone(), self.world.nodes_of(pool))).collect();
            self.wave = Wave { nodes, ..Wave::default() };
        }
    }

    fn make(&mut self, one: &Move) {
        if one.wave < self.number {
            self.say(one.order, Rule::Bookkeeping, format!("wave {} after wave {}", one.wave, self.number));
        }
        self.order(one.wave);
        self.check_leaving(one);
        self.check_evictions(one);
        self.check_saving(one);
        for placement in &one.placements {
            if self.world.pods.get(&placement.pod).is_some_and(|pod| pod.moved == one.wave) {
                self.say(one.order, Rule::Bookkeeping, format!("{} moves twice in a wave", placement.pod));
            }
            self.world.evict(&placement.pod);
        }
        for node in &one.nodes {
            if let Some(site) = self.world.sites.get(&node.name) {
                // What is left are pods that go with their node.
                for pod in site.pods.clone() {
                    self.world.evict(&pod);
                }
            }
            self.world.sites.remove(&node.name);
        }
        for node in &one.new_nodes {
            self.launch(one, node);
        }
        self.place(one);
        for node in &one.new_nodes {
            self.check_alternatives(one, node);
        }
    }

    /// The nodes that go may go, are as the plan says, and their pods are all in the plan.
    fn check_leaving(&mut self, one: &Move) {
        let mut listed: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for placement in &one.placements {
            if !listed.entry(&placement.from).or_default().insert(&placement.pod) {
                self.say(one.order, Rule::Bookkeeping, format!("{} is placed twice", placement.pod));
            }
        }
        let going: BTreeSet<&str> = one.nodes.iter().map(|node| node.name.as_str()).collect();
        for from in listed.keys().filter(|from| !going.contains(*from)) {
            self.violations.push(Violation {
                order: one.order,
                rule: Rule::Bookkeeping,
                what: format!("pods leave {from}, which does not go"),
            });
        }
        for node in &one.nodes {
            let Some(site) = self.world.sites.get(&node.name) else {
                self.say(one.order, Rule::Bookkeeping, format!("there is no node {}", node.name));
                continue;
            };
            let label = |key: &str| site.labels.get(key).cloned().unwrap_or_default();
            let told = [&node.node_pool, &node.instance_type, &node.zone, &node.capacity_type];
            let are = [keys::NODEPOOL, keys::INSTANCE_TYPE, keys::ZONE, keys::CAPACITY_TYPE].map(label);
            let same = told.iter().zip(&are).all(|(told, is)| *told == is);
            let (price, touched) = (site.price, site.touched);
            let run = site.pods.iter().filter(|name| self.world.pods[*name].moves);
            let run: BTreeSet<&str> = run.map(String::as_str).collect();
            let placed = listed.get(node.name.as_str()).cloned().unwrap_or_default();
            let missing: Vec<String> = run.difference(&placed).map(|pod| (*pod).to_owned()).collect();
            let strange: Vec<String> = placed.difference(&run).map(|pod| (*pod).to_owned()).collect();
            if !same {
                self.say(one.order, Rule::Bookkeeping, format!("{} is {are:?}, not {told:?}", node.name));
            }
            if price != Some(node.price_per_hour) {
                self.say(one.order, Rule::Price, format!("{} costs {price:?}", node.name));
            }
            if touched == one.wave {
                self.say(one.order, Rule::Bookkeeping, format!("{} took pods in this wave", node.name));
            }
            for pod in missing {
                self.say(one.order, Rule::Bookkeeping, format!("{pod} on {} has no new place", node.name));
            }
            for pod in strange {
                self.say(one.order, Rule::Bookkeeping, format!("{pod} is not on {}", node.name));
            }
            if self.rules.node_pools_decide
                && let Some(why) = self.world.must_stay(&node.name, self.rules.now)
            {
                self.say(one.order, Rule::Candidate, format!("{}: {why}", node.name));
            }
        }
    }

    /// Budgets of NodePools and pods, for the wave as a whole.
    fn check_evictions(&mut self, one: &Move) {
        for node in &one.nodes {
            *self.wave.gone.entry((node.node_pool.clone(), one.reason.clone())).or_default() += 1;
        }
        let pools: BTreeSet<&String> = one.nodes.iter().map(|node| &node.node_pool).collect();
        let decide = self.rules.node_pools_decide;
        for pool in pools.into_iter().filter(|_| decide) {
            let Some(manifest) = self.world.pools.get(pool) else { continue };
            let nodes = self.wave.nodes.get(pool).copied().unwrap_or(0);
            let allowed = allowed_nodes(manifest, nodes, &one.reason, self.rules.now);
            // Nodes that go for any reason count against the budget of this one.
            let gone: usize =
                self.wave.gone.iter().filter(|((other, _), _)| other == pool).map(|(_, count)| count).sum();
            if gone > allowed {
                let what = format!("{gone} nodes of {pool} go in wave {}, {allowed} may", one.wave);
                self.say(one.order, Rule::NodePoolBudget, what);
            }
        }
        for placement in &one.placements {
            if !self.world.pods.contains_key(&placement.pod) {
                continue;
            }
            for budget in self.world.budgets_of(&placement.pod) {
                if self.world.always_allowed(&placement.pod, budget) {
                    continue;
                }
                let evicted = self.wave.evicted.entry(budget).or_default();
                *evicted += 1;
                let (evicted, allowed) = (*evicted, self.world.evictions_allowed(budget));
                if evicted > allowed {
                    let what = format!(
                        "{evicted} evictions with {} in wave {}, {allowed} may be",
                        placement.pod, one.wave
                    );
                    self.say(one.order, Rule::PodDisruptionBudget, what);
                }
            }
        }
    }

    /// What the move saves is what it says, and enough.
    fn check_saving(&mut self, one: &Move) {
        let old = one.nodes.iter().fold(Usd::ZERO, |sum, node| sum + node.price_per_hour);
        let new = one.new_nodes.iter().fold(Usd::ZERO, |sum, node| sum + node.price_per_hour);
        if one.saved_per_hour != old - new {
            self.say(one.order, Rule::Price, format!("{} saved, {old} - {new} are", one.saved_per_hour));
        }
        if one.saved_per_hour <= self.rules.least {
            self.say(one.order, Rule::Price, format!("saves only {}", one.saved_per_hour));
        }
        if one.saved_per_month <= 0.0 || one.pods_moved != one.placements.len() {
            self.say(one.order, Rule::Bookkeeping, "its figures are not its own".to_owned());
        }
        let Some(k) = self.rules.balanced.filter(|_| one.reason != "Empty") else { return };
        let mut stakes: BTreeMap<&str, (f64, f64)> = BTreeMap::new();
        for node in one.nodes.iter().filter(|node| self.world.sites.contains_key(&node.name)) {
            let stake = stakes.entry(&node.node_pool).or_default();
            stake.0 += node.price_per_hour.as_f64();
            stake.1 += self.world.disruption(&node.name);
        }
        let all: f64 = stakes.values().map(|(price, _)| price).sum();
        let low = stakes.iter().find_map(|(pool, (price, disruption))| {
            let whole = self.whole.get(*pool)?;
            let saved = one.saved_per_hour.as_f64() * price / all / whole.price;
            let score = saved / (disruption / whole.disruption);
            (score < 1.0 / k - 1e-6).then(|| format!("scores {score:.4} in {pool}"))
        });
        if let Some(what) = low {
            self.say(one.order, Rule::Price, what);
        }
    }

    /// Brings a node that its NodePool may have.
    fn launch(&mut self, one: &Move, node: &NewNode) {
        let made = self.world.new_site(
            &node.node_pool,
            &node.instance_type,
            &node.zone,
            &node.capacity_type,
            &node.name,
        );
        let Some(mut site) = made else {
            let what = format!("{} {} in {} is not sold", node.capacity_type, node.instance_type, node.zone);
            self.say(one.order, Rule::NodePool, what);
            return;
        };
        if site.price != Some(node.price_per_hour) {
            self.say(one.order, Rule::Price, format!("{} costs {:?}", node.name, site.price));
        }
        let Some(pool) = self.world.pools.get(&node.node_pool).copied() else { return };
        for term in &pool.spec.template.spec.requirements {
            let value = site.labels.get(&term.key).map(String::as_str);
            let listed = |value: &str| term.values().iter().any(|other| other == value);
            if !compares(term.operator.as_str(), term.values(), value, &listed) {
                let what = format!("{}: {} is {value:?}", node.name, term.key);
                self.say(one.order, Rule::NodePool, what);
            }
        }
        let mut used = site.capacity.clone();
        let mut count = 1;
        for other in self.world.sites.values() {
            if other.labels.get(keys::NODEPOOL) == Some(&node.node_pool) {
                used.add_assign(&other.capacity);
                count += 1;
            }
        }
        for (resource, limit) in pool.spec.limits.iter().flat_map(|limits| limits.iter()) {
            let limit = supercargo_api::resources::base_units(resource, &limit.0).unwrap_or(0);
            let amount = if resource == "nodes" { count } else { used.get(resource) };
            if amount > limit {
                let what = format!("{} would have {amount} of {resource}, {limit} may be", node.node_pool);
                self.say(one.order, Rule::NodePool, what);
            }
        }
        site.touched = one.wave;
        self.wave.brought.insert(node.name.clone());
        if self.world.sites.insert(node.name.clone(), site).is_some() {
            self.say(one.order, Rule::Bookkeeping, format!("there is a node {} already", node.name));
        }
    }

    /// Places the pods in any order in which they can be: the scheduler tries those again that it could not place.
    fn place(&mut self, one: &Move) {
        let own: BTreeSet<&str> = one.new_nodes.iter().map(|node| node.name.as_str()).collect();
        let mut waiting: Vec<(&str, &str)> =
            one.placements.iter().map(|placement| (placement.pod.as_str(), placement.to.as_str())).collect();
        for (pod, to) in &waiting {
            if self.wave.brought.contains(*to) && !own.contains(to) {
                self.violations.push(Violation {
                    order: one.order,
                    rule: Rule::Bookkeeping,
                    what: format!("{pod} goes to {to}, which another move of the wave brings"),
                });
            }
        }
        loop {
            let mut left = Vec::new();
            let before = waiting.len();
            for (pod, to) in waiting {
                if self.refusal(pod, to).is_none() {
                    self.world.put(pod, to, one.wave);
                } else {
                    left.push((pod, to));
                }
            }
            waiting = left;
            if waiting.is_empty() || waiting.len() == before {
                break;
            }
        }
        for (pod, to) in waiting {
            let why = self.refusal(pod, to).unwrap_or_default();
            self.say(one.order, Rule::Constraint, format!("{pod} on {to}: {why}"));
            self.world.put(pod, to, one.wave);
        }
    }

    fn refusal(&self, pod: &str, to: &str) -> Option<String> {
        self.world.refuses(pod, to).or_else(|| self.world.neighbours_refuse(pod, to))
    }

    /// Each type that a new node may turn out to be holds its pods.
    fn check_alternatives(&mut self, one: &Move, node: &NewNode) {
        let Some(site) = self.world.sites.get(&node.name) else { return };
        let mut wanted = Resources::new();
        for pod in &site.pods {
            wanted.add_assign(&self.world.pods[pod].requests);
        }
        let zones_and_prices = |found: &InstanceType| {
            found.offerings.iter().any(|offer| offer.capacity_type.as_str() == node.capacity_type)
        };
        let mut found = Vec::new();
        for name in &node.instance_types {
            let Some(other) = self.world.type_of(&node.node_pool, name) else {
                found.push(format!("{name} is no type of its NodeClass"));
                continue;
            };
            if !zones_and_prices(other) {
                found.push(format!("{name} is not sold as {}", node.capacity_type));
            }
            if let Some(short) = shortage(&wanted, &other.allocatable.sub(&site.reserved)) {
                found.push(format!("{name} in place of {}: {short}", node.instance_type));
            }
        }
        if !node.instance_types.contains(&node.instance_type) {
            found.push(format!("{} is not among its own types", node.instance_type));
        }
        for what in found {
            self.say(one.order, Rule::NodePool, what);
        }
    }
}

fn was_bound(pod: &supercargo_api::Pod) -> bool {
    pod.node_name().is_some()
}
