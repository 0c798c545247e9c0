//! All rooms of a snapshot, judged one by one.

use std::collections::BTreeMap;

use jiff::Timestamp;
use rustc_hash::FxHashMap;
use supercargo_api::{NodeClaim, NodePool, Objects, labels};
use supercargo_catalog::Usd;

use crate::rooms::Room;
use crate::snapshot::{Snapshot, UNBOUND};

use super::blocked::{BlockReason, Blocked};
use super::drift::{ClassAsks, Drift, PoolAsks, Wanted};
use super::expiry::{expiry, lifetime_remaining};
use super::options::DisruptionOptions;
use super::pdb::Pdb;
use super::pods::PodStanding;
use super::prices::{capacity_type, price_anywhere, price_in, type_index};
use super::rooms::{Case, PoolRules, RoomStanding};

/// What is needed to judge a room, gathered once.
pub(super) struct RoomTable<'a> {
    objects: &'a Objects,
    snapshot: &'a Snapshot,
    standings: &'a [PodStanding],
    pdbs: &'a [Pdb],
    now: Timestamp,
    /// By index of the snapshot's pools.
    pools: Vec<Option<(PoolRules<'a>, PoolAsks<'a>)>>,
    classes: FxHashMap<&'a str, ClassAsks<'a>>,
    /// The pods of each room.
    pods: Vec<Vec<u32>>,
}

impl<'a> RoomTable<'a> {
    pub(super) fn new(
        objects: &'a Objects,
        snapshot: &'a Snapshot,
        options: &DisruptionOptions,
        manifests: &BTreeMap<&str, &'a NodePool>,
        standings: &'a [PodStanding],
        pdbs: &'a [Pdb],
    ) -> RoomTable<'a> {
        let mut pods: Vec<Vec<u32>> = vec![Vec::new(); snapshot.rooms.len()];
        for (index, row) in snapshot.pods.iter().enumerate().filter(|(_, row)| row.room != UNBOUND) {
            pods[row.room as usize].push(u32::try_from(index).unwrap_or(u32::MAX));
        }
        let classes = objects.node_classes.iter();
        let classes =
            classes.filter_map(|class| Some((class.metadata.name.as_deref()?, ClassAsks::new(class))));
        let pools = snapshot.pools.iter().map(|pool| {
            let manifest = *manifests.get(pool.name.as_str())?;
            let disruption = manifest.spec.disruption();
            let rules = PoolRules {
                pool,
                policy: options.policy_override.unwrap_or_else(|| disruption.consolidation_policy()),
                consolidate_after: disruption.consolidate_after.clone(),
            };
            Some((rules, PoolAsks::new(manifest)))
        });
        let (pools, classes) = (pools.collect(), classes.collect());
        RoomTable { objects, snapshot, standings, pdbs, now: options.now, pools, classes, pods }
    }

    /// By index of the snapshot's rooms.
    pub(super) fn standings(&self) -> Vec<RoomStanding> {
        self.snapshot.rooms.iter().zip(&self.pods).map(|(room, pods)| self.standing(room, pods)).collect()
    }

    fn standing(&self, room: &Room, pods: &[u32]) -> RoomStanding {
        let claim = room.claim.and_then(|claim| self.objects.node_claims.get(claim as usize));
        let node = room.node.and_then(|node| self.objects.nodes.get(node as usize));
        let pool = room.pool.and_then(|pool| self.pools[pool as usize].as_ref());
        let rules = pool.map(|(rules, _)| rules);
        let table = rules.and_then(|rules| rules.pool.table.as_deref());
        let instance_type = table.and_then(|table| type_index(room, table));
        let last_arrival = self.last_arrival(pods);
        let (standings, pdbs, now) = (self.standings, self.pdbs, self.now);
        let case = Case { room, node, claim, pool: rules, pods, standings, pdbs, last_arrival, now };

        let common = case.common(&|pod| self.snapshot.pod_name(pod));
        let eventual = claim.is_some_and(|claim| claim.spec.termination_grace_period.is_some());
        let against_drift = common.iter().filter(|reason| !(eventual && reason.is_of_a_pod())).cloned();
        let drift_candidate = Blocked::by(against_drift.collect());
        let with = |more: Vec<BlockReason>| Blocked::by(common.iter().cloned().chain(more).collect());
        let (candidate, empty_candidate) = if case.is_managed() {
            (with(case.against_consolidation(instance_type)), with(case.against_emptiness()))
        } else {
            (with(Vec::new()), with(Vec::new()))
        };

        let known = table.zip(instance_type).map(|(table, index)| &table.types[index as usize]);
        let price: Option<Usd> = match known {
            Some(instance_type) => price_in(room, instance_type),
            None => price_anywhere(room, &self.snapshot.market),
        };
        let all_costs: f64 = pods.iter().map(|pod| standings[*pod as usize].eviction_cost).sum();
        RoomStanding {
            candidate,
            empty_candidate,
            drift_candidate,
            is_empty: case.moving().next().is_none(),
            reschedule_cost: 1.0 + case.moving().map(|pod| pod.eviction_cost.max(0.0)).sum::<f64>(),
            disruption_cost: all_costs * lifetime_remaining(claim, now),
            price,
            instance_type,
            capacity_type: capacity_type(room),
            zone: room.labels.get(labels::ZONE).cloned(),
            drift: claim.zip(pool).and_then(|(claim, (rules, asks))| self.drift(room, claim, rules, asks)),
            expires: claim.and_then(|claim| expiry(claim, now)),
            ready: case.is_ready(),
            counts_for_budget: case.counts_for_budget(),
            disrupting: case.is_disrupting(),
        }
    }

    /// Drift is by the labels of the NodeClaim, and by those of the node that it lacks.
    fn drift(
        &self,
        room: &Room,
        claim: &NodeClaim,
        rules: &PoolRules<'_>,
        asks: &PoolAsks<'_>,
    ) -> Option<Drift> {
        let node_class = self.classes.get(claim.spec.node_class_ref.name.as_str());
        let mut both = room.labels.clone();
        let claimed = claim.metadata.labels.iter().flatten();
        both.extend(claimed.map(|(key, value)| (key.clone(), value.clone())));
        let table = rules.pool.table.as_deref();
        Wanted { pool: asks, node_class, table, now: self.now }.drift(claim, &both)
    }

    /// When the last of these pods was bound to its node.
    fn last_arrival(&self, pods: &[u32]) -> Option<Timestamp> {
        let bound = |pod: &u32| {
            let object = self.snapshot.pods[*pod as usize].object;
            let status = self.objects.pods.get(object as usize)?.status.as_ref()?;
            let conditions = status.conditions.as_deref().unwrap_or_default();
            let scheduled = conditions.iter().find(|condition| condition.type_ == "PodScheduled");
            let scheduled = scheduled.and_then(|condition| condition.last_transition_time.as_ref());
            scheduled.or(status.start_time.as_ref()).map(|time| time.0)
        };
        let moving = pods.iter().filter(|pod| !self.snapshot.pods[**pod as usize].daemon);
        moving.filter_map(bound).max()
    }
}
