//! What is to be bought for the pods that wait: a pure function of the cluster and the market.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use supercargo_api::Objects;
use supercargo_api::labels::keys;
use supercargo_catalog::Usd;
use supercargo_cloud::launch;
use supercargo_engine::reasons::explain_unplaced;
use supercargo_engine::snapshot::{Snapshot, SnapshotOptions};
use supercargo_engine::solve::{MinValuesPolicy, Outcome, SolveOptions, solve};
use supercargo_reconcile::Key;

use super::ClaimShape;
use crate::cluster::Inputs;
use crate::settings::Settings;

/// A pod that has a place now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedPod {
    /// Namespace and name.
    pub key: Key,
    /// Its uid.
    pub uid: String,
    /// It has no node yet; otherwise it has one that it must leave.
    pub waits: bool,
}

/// A place that is paid for already.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedRoom {
    /// The node, if it is there.
    pub node: Option<String>,
    /// The NodeClaim, if it has one.
    pub claim: Option<String>,
    /// The node is ready for pods: the scheduler can put them there at once.
    pub is_ready: bool,
}

/// A node to buy.
#[derive(Clone, Debug, PartialEq)]
pub struct PlannedClaim {
    /// What it shall be.
    pub shape: ClaimShape,
    /// Its pods.
    pub pods: Vec<PlannedPod>,
}

/// Where the pods that a CapacityBuffer stands for would be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BufferFit {
    /// By node or claim that is there: how many.
    pub existing: BTreeMap<String, u32>,
    /// On nodes that are to be bought.
    pub new: u32,
    /// Nowhere.
    pub unplaced: u32,
}

/// What is to be done for the pods that wait.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Planned {
    /// Nodes to buy.
    pub claims: Vec<PlannedClaim>,
    /// Pods that fit on what is there.
    pub placed: Vec<(PlannedPod, Arc<PlannedRoom>)>,
    /// Pods without a place, and why.
    pub failed: Vec<(PlannedPod, Arc<str>)>,
    /// Pods that are not considered, and why.
    pub ignored: Vec<(Key, String)>,
    /// NodePools whose own requirements leave no instance type.
    pub without_types: Vec<String>,
    /// How many pods that wait can go to each zone, `flexible` where there are several, `none` where there is none.
    pub pending_by_zone: BTreeMap<String, usize>,
    /// By CapacityBuffer.
    pub buffers: BTreeMap<Key, BufferFit>,
    /// Dollars per hour of what is to be bought.
    pub price: Usd,
    /// What it cannot cost less than.
    pub lower_bound: Usd,
}

/// The engine's settings.
pub(crate) fn solve_options(settings: &Settings) -> SolveOptions {
    SolveOptions {
        preferences: settings.preference_policy,
        min_values: match settings.min_values_policy {
            launch::MinValuesPolicy::Strict => MinValuesPolicy::Strict,
            launch::MinValuesPolicy::BestEffort => MinValuesPolicy::BestEffort,
        },
    }
}

/// Plans for all pods that wait, and for those on nodes that go away.
pub fn plan(inputs: &Inputs, options: SolveOptions) -> Planned {
    let (objects, snapshot) = inputs.snapshot(&SnapshotOptions::default());
    let outcome = solve(&snapshot, options);
    let reader = Reader { objects: &objects, snapshot: &snapshot, outcome: &outcome };
    reader.planned(options)
}

struct Reader<'a> {
    objects: &'a Objects,
    snapshot: &'a Snapshot,
    outcome: &'a Outcome,
}

impl Reader<'_> {
    fn planned(&self, options: SolveOptions) -> Planned {
        let mut planned = Planned { lower_bound: self.outcome.lower_bound, ..Planned::default() };
        // what static NodePools lack is made by their own loop
        for node in self.outcome.nodes.iter().filter(|node| !node.is_static) {
            let Some(shape) = ClaimShape::of_planned(self.snapshot, &self.outcome.variants, node) else {
                continue;
            };
            for pod in &node.pods {
                if let Some(fit) = self.buffer(*pod, &mut planned.buffers) {
                    fit.new += 1;
                }
            }
            planned.price += shape.price;
            let pods = node.pods.iter().filter_map(|pod| self.pod(*pod)).collect();
            planned.claims.push(PlannedClaim { shape, pods });
        }
        let mut rooms: BTreeMap<u32, Arc<PlannedRoom>> = BTreeMap::new();
        for (room, pod) in &self.outcome.on_rooms {
            if let Some(fit) = self.buffer(*pod, &mut planned.buffers) {
                let name = self.snapshot.rooms[*room as usize].name.clone();
                *fit.existing.entry(name).or_default() += 1;
            }
            let Some(pod) = self.pod(*pod) else { continue };
            let room = rooms.entry(*room).or_insert_with(|| Arc::new(self.room(*room)));
            planned.placed.push((pod, Arc::clone(room)));
        }
        for unplaced in &self.outcome.unplaced {
            let why: Arc<str> =
                explain_unplaced(self.snapshot, self.outcome, unplaced, options).message.into();
            for pod in &unplaced.pods {
                if let Some(fit) = self.buffer(*pod, &mut planned.buffers) {
                    fit.unplaced += 1;
                }
                planned.failed.extend(self.pod(*pod).map(|pod| (pod, Arc::clone(&why))));
            }
        }
        for ignored in &self.snapshot.ignored {
            let (namespace, name) = ignored.pod.split_once('/').unwrap_or(("default", &ignored.pod));
            planned.ignored.push((Key::new(namespace, name), ignored.reason.clone()));
        }
        planned.without_types = self.pools_without_types();
        planned.pending_by_zone = self.pending_by_zone();
        debug_assert_eq!(self.over_limit(&planned.claims), None, "limits hold whatever is launched");
        planned
    }

    /// How many pods that wait can go to each zone, by their own rules and their volumes.
    fn pending_by_zone(&self) -> BTreeMap<String, usize> {
        let types = self.snapshot.market.tables().flat_map(|(_, table)| &table.types);
        let zones: BTreeSet<&str> =
            types.flat_map(|one| &one.offerings).map(|offering| offering.zone.as_str()).collect();
        let mut of_rules: BTreeMap<u32, String> = BTreeMap::new();
        let mut counts = BTreeMap::new();
        for pod in &self.snapshot.pending {
            if !self.pod(*pod).is_some_and(|pod| pod.waits) {
                continue;
            }
            let rules = self.snapshot.classes[self.snapshot.pods[*pod as usize].class as usize].rules;
            let zone = of_rules.entry(rules).or_insert_with(|| {
                let allows = |zone: &&&str| {
                    let mut ways = self.snapshot.rules[rules as usize].alternatives.iter();
                    ways.any(|way| way.get(keys::ZONE).is_none_or(|wanted| wanted.has(zone)))
                };
                let mut open = zones.iter().filter(allows);
                match (open.next(), open.next()) {
                    (None, _) => "none".to_owned(),
                    (Some(zone), None) => (*zone).to_owned(),
                    (Some(_), Some(_)) => "flexible".to_owned(),
                }
            });
            *counts.entry(zone.clone()).or_default() += 1;
        }
        counts
    }

    /// The first limit that the claims might go over, in words.
    fn over_limit(&self, claims: &[PlannedClaim]) -> Option<String> {
        self.snapshot.pools.iter().find_map(|pool| {
            let of_pool = || claims.iter().filter(|claim| claim.shape.node_pool == pool.name);
            pool.limits.iter().find_map(|(resource, limit)| {
                let all: i64 = of_pool().map(|claim| claim.shape.counted(resource)).sum();
                let is_over = all > 0 && all > limit.left;
                is_over.then(|| format!("{}: {all} of {resource}, {} are left", pool.name, limit.left))
            })
        })
    }

    /// The pod; none if it is a stand-in of a buffer.
    fn pod(&self, row: u32) -> Option<PlannedPod> {
        let row = self.snapshot.pods.get(row as usize)?;
        let pod = self.objects.pods.get(row.object as usize)?;
        Some(PlannedPod {
            key: Key::of(&pod.metadata),
            uid: pod.metadata.uid.clone().unwrap_or_default(),
            waits: pod.node_name().is_none_or(str::is_empty),
        })
    }

    /// The fit of the buffer that a pod stands in for; none if it is a real pod.
    fn buffer<'b>(&self, row: u32, buffers: &'b mut BTreeMap<Key, BufferFit>) -> Option<&'b mut BufferFit> {
        let row = self.snapshot.pods.get(row as usize).filter(|row| row.buffer)?;
        let namespace = &self.snapshot.classes.get(row.class as usize)?.namespace;
        // capacity-buffer-<name>-<number>
        let name = row.name.strip_prefix("capacity-buffer-")?.rsplit_once('-')?.0;
        Some(buffers.entry(Key::new(namespace, name)).or_default())
    }

    fn room(&self, index: u32) -> PlannedRoom {
        let room = &self.snapshot.rooms[index as usize];
        let claim = room.claim.and_then(|claim| self.objects.node_claims.get(claim as usize));
        PlannedRoom {
            node: room.node.map(|_| room.name.clone()),
            claim: claim.and_then(|claim| claim.metadata.name.clone()),
            is_ready: room.initialized,
        }
    }

    fn pools_without_types(&self) -> Vec<String> {
        let has_types = |index: usize| {
            let mut variants = self.outcome.variants.iter().filter(|variant| variant.pool as usize == index);
            variants.any(|variant| !variant.types.is_clear())
        };
        let pools = self.snapshot.pools.iter().enumerate();
        pools
            .filter(|(index, pool)| {
                let is_open = pool.problem.is_none() && pool.replicas.is_none();
                is_open && pool.labels.contains_key(keys::NODEPOOL) && !has_types(*index)
            })
            .map(|(_, pool)| pool.name.clone())
            .collect()
    }
}
