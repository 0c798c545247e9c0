//! Whether a node may go, what that would cost and save, whether it should go anyway.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::Node;
use supercargo_api::condition_types::{DISRUPTION_REASON, INITIALIZED, INSTANCE_TERMINATING};
use supercargo_api::duration::NillableDuration;
use supercargo_api::{NodeClaim, find_condition, is_true, labels};
use supercargo_catalog::{CapacityType, Usd};

use crate::pools::Pool;
use crate::rooms::Room;

use super::blocked::{Annotated, BlockReason, Blocked};
use super::drift::Drift;
use super::expiry::Expiry;
use super::options::Policy;
use super::pdb::Pdb;
use super::pods::{PodBlock, PodMove, PodStanding};

/// One room of the snapshot.
#[derive(Clone, Debug, PartialEq)]
pub struct RoomStanding {
    /// Whether it may be consolidated: deleted or replaced because of its price (reference sections 4.2, 4.6, 4.9).
    pub candidate: Result<(), Blocked>,
    /// Whether it may be deleted because it is empty (reference section 4.5).
    pub empty_candidate: Result<(), Blocked>,
    /// Whether it may be replaced if it has drifted (reference section 4.7).
    pub drift_candidate: Result<(), Blocked>,
    /// No pod would have to move.
    pub is_empty: bool,
    /// What moving its pods costs: 1, plus what evicting each of them costs, where that is above zero.
    pub reschedule_cost: f64,
    /// What evicting all its pods costs, times the part of its life that it has before it; for scaling static NodePools
    /// down.
    pub disruption_cost: f64,
    /// What it costs, in dollars per hour; `None` if nobody knows.
    pub price: Option<Usd>,
    /// Its type, by index in the table of types of its NodePool.
    pub instance_type: Option<u32>,
    /// How it is paid for, by its label.
    pub capacity_type: Option<CapacityType>,
    /// Its zone, by its label.
    pub zone: Option<String>,
    /// Whether it is still what is asked for.
    pub drift: Option<Drift>,
    /// When its time is over, by its NodeClaim.
    pub expires: Option<Expiry>,
    /// Whether it is there, and nobody says that it is not ready.
    pub ready: bool,
    /// Whether percentages of budgets are of it, too: managed, initialised, its instance not terminating.
    pub counts_for_budget: bool,
    /// Whether it is going away already, for whatever cause.
    pub disrupting: bool,
}

/// What is known of one room, from all sides.
pub(super) struct Case<'a> {
    pub(super) room: &'a Room,
    pub(super) node: Option<&'a Node>,
    pub(super) claim: Option<&'a NodeClaim>,
    pub(super) pool: Option<&'a PoolRules<'a>>,
    /// The pods that run there with their names, by index.
    pub(super) pods: &'a [u32],
    pub(super) standings: &'a [PodStanding],
    pub(super) pdbs: &'a [Pdb],
    /// When pods last came or went, where no NodeClaim says so.
    pub(super) last_arrival: Option<Timestamp>,
    pub(super) now: Timestamp,
}

/// What a NodePool says about disruption.
pub(super) struct PoolRules<'a> {
    pub(super) pool: &'a Pool,
    pub(super) policy: Policy,
    pub(super) consolidate_after: NillableDuration,
}

impl Case<'_> {
    /// What keeps the node for any reason whatever (reference section 4.2). `name_of` names a pod.
    pub(super) fn common(&self, name_of: &dyn Fn(u32) -> String) -> Vec<BlockReason> {
        let room = self.room;
        let label = room.labels.get(labels::NODEPOOL);
        if !self.is_managed() {
            return vec![BlockReason::NotManaged];
        }
        let mut reasons = Vec::new();
        match &self.pool {
            None => reasons.push(BlockReason::PoolNotFound { pool: label.cloned().unwrap_or_default() }),
            Some(rules) if rules.pool.table.is_none() => reasons.push(BlockReason::TypesUnknown {
                pool: rules.pool.name.clone(),
                node_class: rules.pool.node_class.clone(),
            }),
            Some(_) => {}
        }
        if room.in_flight {
            reasons.push(BlockReason::NoNodeYet);
        }
        if self.is_disrupting() {
            reasons.push(BlockReason::Leaving);
        }
        if !room.initialized && !room.in_flight {
            reasons.push(BlockReason::NotInitialized);
        }
        if let Some(on) = self.annotated() {
            reasons.push(BlockReason::NodeDoNotDisrupt { on });
        }
        self.blocking_pods(name_of, &mut reasons);
        reasons
    }

    /// What keeps it from being deleted as empty, beside what keeps it anyway.
    pub(super) fn against_emptiness(&self) -> Vec<BlockReason> {
        let mut reasons = Vec::new();
        let pods = self.moving().count();
        if pods > 0 {
            reasons.push(BlockReason::NotEmpty { pods: u32::try_from(pods).unwrap_or(u32::MAX) });
        }
        self.against_any_consolidation(&mut reasons);
        reasons
    }

    /// What keeps it from being consolidated, beside what keeps it anyway.
    pub(super) fn against_consolidation(&self, instance_type: Option<u32>) -> Vec<BlockReason> {
        let mut reasons = Vec::new();
        let Some(rules) = &self.pool else { return reasons };
        self.against_any_consolidation(&mut reasons);
        if rules.pool.replicas.is_none() && rules.policy == Policy::WhenEmpty && self.moving().count() > 0 {
            reasons.push(BlockReason::WhenEmpty { pool: rules.pool.name.clone() });
        }
        for label in [labels::INSTANCE_TYPE, labels::CAPACITY_TYPE, labels::ZONE] {
            if !self.room.labels.contains_key(label) {
                reasons.push(BlockReason::LabelMissing { label });
            }
        }
        if let Some(name) = self.room.labels.get(labels::INSTANCE_TYPE)
            && instance_type.is_none()
            && rules.pool.table.is_some()
        {
            reasons.push(BlockReason::TypeNotFound { instance_type: name.clone() });
        }
        reasons
    }

    fn against_any_consolidation(&self, reasons: &mut Vec<BlockReason>) {
        let Some(rules) = &self.pool else { return };
        let pool = rules.pool.name.clone();
        if rules.pool.replicas.is_some() {
            reasons.push(BlockReason::StaticPool { pool });
            return;
        }
        let Some(after) = rules.consolidate_after.as_nanos() else {
            reasons.push(BlockReason::ConsolidationOff { pool });
            return;
        };
        let quiet_since = self.quiet_since();
        let ends = quiet_since.and_then(|since| since.checked_add(SignedDuration::from_nanos(after)).ok());
        if let Some(ends) = ends.filter(|ends| *ends > self.now) {
            let after = rules.consolidate_after.as_str().to_owned();
            reasons.push(BlockReason::ConsolidateAfter { pool, after, ends });
        }
    }

    /// When pods last came or went, as the NodeClaim says; else when it was initialised (reference section 4.6). For a
    /// node without a NodeClaim, when its last pod arrived, or itself.
    fn quiet_since(&self) -> Option<Timestamp> {
        let born = |node: &Node| node.metadata.creation_timestamp.as_ref().map(|time| time.0);
        match self.claim {
            Some(claim) => {
                let event = claim.status.as_ref().and_then(|status| status.last_pod_event_time.as_ref());
                let initialized = find_condition(claim.conditions(), INITIALIZED)
                    .and_then(|condition| condition.last_transition_time.as_ref());
                event.or(initialized).map(|time| time.0).or_else(|| self.node.and_then(born))
            }
            None => self.last_arrival.or_else(|| self.node.and_then(born)),
        }
    }

    /// Whether somebody keeps nodes like it.
    pub(super) fn is_managed(&self) -> bool {
        self.claim.is_some() || self.room.labels.contains_key(labels::NODEPOOL)
    }

    /// Pods that would need another place.
    pub(super) fn moving(&self) -> impl Iterator<Item = &PodStanding> {
        self.pods
            .iter()
            .map(|pod| &self.standings[*pod as usize])
            .filter(|standing| standing.moves == PodMove::Reschedulable)
    }

    pub(super) fn is_disrupting(&self) -> bool {
        self.room.leaving || self.claim.is_some_and(|claim| is_true(claim.conditions(), DISRUPTION_REASON))
    }

    pub(super) fn counts_for_budget(&self) -> bool {
        let ending = self.claim.is_some_and(|claim| is_true(claim.conditions(), INSTANCE_TERMINATING));
        self.is_managed() && self.room.initialized && !self.room.in_flight && !ending
    }

    /// A node that nobody has said anything about, as in a manifest, is taken to be ready.
    pub(super) fn is_ready(&self) -> bool {
        let conditions = self.node.and_then(|node| node.status.as_ref()?.conditions.as_deref());
        let ready = conditions.unwrap_or_default().iter().find(|condition| condition.type_ == "Ready");
        self.node.is_some() && ready.is_none_or(|condition| condition.status == "True")
    }

    fn annotated(&self) -> Option<Annotated> {
        let says = |annotations: Option<&BTreeMap<String, String>>| {
            annotations.and_then(|map| map.get(labels::DO_NOT_DISRUPT)).is_some_and(|value| value == "true")
        };
        if says(self.node.and_then(|node| node.metadata.annotations.as_ref())) {
            return Some(Annotated::Node);
        }
        says(self.claim.and_then(|claim| claim.metadata.annotations.as_ref())).then_some(Annotated::NodeClaim)
    }

    fn blocking_pods(&self, name_of: &dyn Fn(u32) -> String, reasons: &mut Vec<BlockReason>) {
        let mut by_pdb: BTreeMap<u32, (u32, u32)> = BTreeMap::new();
        for pod in self.pods {
            let standing = &self.standings[*pod as usize];
            match &standing.blocks {
                None => {}
                Some(PodBlock::DoNotDisrupt { until }) => {
                    reasons.push(BlockReason::PodDoNotDisrupt { pod: name_of(*pod), until: *until });
                }
                Some(PodBlock::SeveralPdbs) => {
                    let pdbs = standing.pdbs.iter().map(|pdb| self.pdbs[*pdb as usize].name.clone());
                    reasons.push(BlockReason::SeveralPdbs { pod: name_of(*pod), pdbs: pdbs.collect() });
                }
                Some(PodBlock::Pdb(pdb)) => by_pdb.entry(*pdb).or_insert((*pod, 0)).1 += 1,
            }
        }
        for (pdb, (pod, pods)) in by_pdb {
            let Pdb { name, why, .. } = &self.pdbs[pdb as usize];
            reasons.push(BlockReason::Pdb { pdb: name.clone(), why: why.clone(), pod: name_of(pod), pods });
        }
    }
}
