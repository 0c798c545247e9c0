//! The loop of the NodePools.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use supercargo_api::condition_reasons::node_pool::NODE_CLASS_NOT_FOUND;
use supercargo_api::condition_types::{
    NODE_CLASS_READY, NODE_POOL_ROOTS, NODE_REGISTRATION_HEALTHY, VALIDATION_SUCCEEDED,
};
use supercargo_api::labels::keys;
use supercargo_api::{Condition, ConditionStatus, EC2NodeClass, NodePool, NodePoolStatus, find_condition};
use supercargo_reconcile::{Action, Change, Controller, Decision, Key, Kind, Object, State};

use super::readiness::{class_finding, validation_finding};
use super::{Counters, counters, hash, take_over};
use crate::conditions::{self, Finding};
use crate::digest::VERSION;
use crate::journal::{Entry, EntryKind, Subject};
use crate::knowledge::Knowledge;
use crate::lifecycle::{Health, node_pool_of, provider_id};

/// Nodes are counted at most this often (row N15).
const COUNTED_EVERY: Duration = Duration::from_secs(5);

/// The controller of NodePools.
pub struct NodePools {
    knowledge: Arc<Knowledge>,
    counted: BTreeMap<Key, (Timestamp, Counters)>,
}

impl NodePools {
    /// A controller that has seen nothing yet.
    pub fn new(knowledge: Arc<Knowledge>) -> Self {
        Self { knowledge, counted: BTreeMap::new() }
    }

    /// The digest and its version: on the claims first, so that the NodePool still tells by which version they were made
    /// until all are taken over.
    fn metadata(node_pool: &NodePool, state: &State) -> Vec<Action> {
        let name = node_pool.metadata.name.as_deref().unwrap_or_default();
        let digest = hash(node_pool);
        let owner = node_pool.metadata.annotations.as_ref();
        let stamps: Vec<Action> = state
            .node_claims
            .values()
            .filter(|claim| node_pool_of(claim) == Some(name))
            .filter_map(|claim| {
                let new = take_over(claim, owner, keys::NODEPOOL_HASH, keys::NODEPOOL_HASH_VERSION, &digest)?;
                Action::update(Kind::NodeClaim, &**claim, &new)
            })
            .collect();
        if !stamps.is_empty() {
            return stamps;
        }
        let says =
            |key: &str, value: &str| owner.and_then(|all| all.get(key)).is_some_and(|found| found == value);
        if says(keys::NODEPOOL_HASH, &digest) && says(keys::NODEPOOL_HASH_VERSION, VERSION) {
            return Vec::new();
        }
        let mut wanted = node_pool.clone();
        let annotations = wanted.metadata.annotations.get_or_insert_default();
        annotations.insert(keys::NODEPOOL_HASH.to_owned(), digest);
        annotations.insert(keys::NODEPOOL_HASH_VERSION.to_owned(), VERSION.to_owned());
        Action::update(Kind::NodePool, node_pool, &wanted).into_iter().collect()
    }

    /// What the nodes have together, counted anew if the last count is old enough; else when it may be.
    fn count(&mut self, key: &Key, state: &State, now: Timestamp) -> (Counters, Option<Timestamp>) {
        if let Some((at, known)) = self.counted.get(key)
            && now < *at + COUNTED_EVERY
        {
            return (known.clone(), Some(*at + COUNTED_EVERY));
        }
        let counted = counters(&key.name, state);
        self.counted.insert(key.clone(), (now, counted.clone()));
        (counted, None)
    }

    /// Whether nodes of it register, and the generation of the class that this is about (row N17).
    fn registration(
        &self,
        node_pool: &NodePool,
        node_class: Option<&EC2NodeClass>,
        status: &mut NodePoolStatus,
        now: Timestamp,
    ) {
        let uid = node_pool.metadata.uid.clone().unwrap_or_default();
        let generation = node_pool.metadata.generation;
        let known =
            find_condition(status.conditions.as_deref().unwrap_or_default(), NODE_REGISTRATION_HEALTHY);
        let mut health = self.knowledge.registration_health();
        let class_generation = node_class.and_then(|node_class| node_class.metadata.generation);
        let has_changed = known.is_some_and(|known| known.observed_generation != generation)
            || (class_generation.is_some() && status.node_class_observed_generation != class_generation);
        if has_changed {
            health.forget(&uid);
        } else if let Some(known) = known {
            health.restore(&uid, &told(known));
        }
        if class_generation.is_some() {
            status.node_class_observed_generation = class_generation;
        }
        let finding = match health.of(&uid) {
            Health::Unknown => Finding::awaited(),
            Health::Healthy => Finding::holds(),
            Health::Unhealthy(reason, message) => Finding::fails(reason, message),
        };
        conditions::set(&mut status.conditions, NODE_REGISTRATION_HEALTHY, &finding, generation, now);
    }
}

/// What a condition tells of the launches before a restart.
fn told(known: &Condition) -> Health {
    match known.status {
        ConditionStatus::True => Health::Healthy,
        ConditionStatus::Unknown => Health::Unknown,
        ConditionStatus::False => Health::Unhealthy(
            known.reason.clone().unwrap_or_default(),
            known.message.clone().unwrap_or_default(),
        ),
    }
}

impl Controller for NodePools {
    const NAME: &'static str = "node-pools";
    const KINDS: &'static [Kind] = &[Kind::NodePool, Kind::EC2NodeClass, Kind::NodeClaim, Kind::Node];

    fn concerned(&self, change: &Change, state: &State) -> Vec<Key> {
        match (&change.old, &change.new) {
            (_, Some(Object::NodePool(_))) | (Some(Object::NodePool(_)), None) => vec![change.key.clone()],
            (_, Some(Object::EC2NodeClass(_))) | (Some(Object::EC2NodeClass(_)), None) => {
                let uses = |pool: &NodePool| pool.spec.template.spec.node_class_ref.name == change.key.name;
                state.node_pools.iter().filter(|(_, pool)| uses(pool)).map(|(key, _)| key.clone()).collect()
            }
            (Some(Object::NodeClaim(old)), Some(Object::NodeClaim(new))) => {
                // conditions that come and go change no count; Registered does, for the health
                let capacity = |claim: &supercargo_api::NodeClaim| {
                    claim.status.as_ref().and_then(|status| status.capacity.clone())
                };
                let counts = old.metadata.annotations != new.metadata.annotations
                    || old.metadata.deletion_timestamp != new.metadata.deletion_timestamp
                    || old.metadata.labels != new.metadata.labels
                    || provider_id(old) != provider_id(new)
                    || capacity(old) != capacity(new)
                    || stage(old) != stage(new);
                if counts { pool_key(new) } else { Vec::new() }
            }
            (None, Some(Object::NodeClaim(claim))) | (Some(Object::NodeClaim(claim)), None) => {
                pool_key(claim)
            }
            (old, Some(Object::Node(node))) => {
                let capacity = |node: &k8s_openapi::api::core::v1::Node| {
                    node.status.as_ref().and_then(|status| status.capacity.clone())
                };
                let before = match old {
                    Some(Object::Node(old)) => capacity(old),
                    _ => None,
                };
                if before == capacity(node) {
                    return Vec::new();
                }
                let pool = node.metadata.labels.as_ref().and_then(|labels| labels.get(keys::NODEPOOL));
                pool.map(Key::cluster).into_iter().collect()
            }
            _ => Vec::new(),
        }
    }

    fn decide(&mut self, key: &Key, state: &State, now: Timestamp) -> Decision {
        let Some(node_pool) = state.node_pools.get(key) else {
            self.counted.remove(key);
            self.knowledge.metrics.node_pool_gone(&key.name);
            return Decision::nothing();
        };
        if node_pool.metadata.deletion_timestamp.is_some() {
            return Decision::nothing();
        }
        let actions = Self::metadata(node_pool, state);
        if !actions.is_empty() {
            return Decision::of(actions);
        }
        let mut decision = Decision::nothing();
        let (counters, again) = self.count(key, state, now);
        if let Some(again) = again {
            decision.look_again(again);
        }
        let class_name = &node_pool.spec.template.spec.node_class_ref.name;
        let node_class = state.node_classes.get(&Key::cluster(class_name)).map(|node_class| &**node_class);
        let mut wanted = (**node_pool).clone();
        let generation = node_pool.metadata.generation;
        let status = wanted.status.get_or_insert_default();
        let findings = [
            (VALIDATION_SUCCEEDED, validation_finding(node_pool)),
            (NODE_CLASS_READY, class_finding(node_pool, node_class)),
        ];
        for (type_, finding) in findings {
            conditions::set(&mut status.conditions, type_, &finding, generation, now);
        }
        self.registration(node_pool, node_class, status, now);
        conditions::sum_up(&mut status.conditions, &NODE_POOL_ROOTS, generation, now);
        status.nodes = Some(counters.nodes);
        status.resources = Some(counters.resources);
        if let Some(warning) = lost_class(node_pool, &wanted) {
            decision.actions.push(warning);
        }
        if wanted.status != node_pool.status {
            let told_of =
                |object: &NodePool| object.status.as_ref().and_then(|status| status.conditions.clone());
            let (before, after) = (told_of(node_pool), told_of(&wanted));
            if let Some(told) = conditions::readiness_change(before.as_deref(), after.as_deref()) {
                let entry = Entry::new(now, EntryKind::NodePool, Subject::of(&**node_pool), told);
                self.knowledge.journal.record(entry);
            }
            decision.actions.extend(Action::update_status(Kind::NodePool, &**node_pool, &wanted));
        }
        decision
    }
}

/// A warning if the class has just turned out not to be there.
fn lost_class(old: &NodePool, new: &NodePool) -> Option<Action> {
    let is_lost = |pool: &NodePool| {
        let all = pool.status.as_ref().and_then(|status| status.conditions.as_deref()).unwrap_or_default();
        let found = find_condition(all, NODE_CLASS_READY);
        found.is_some_and(|found| found.reason.as_deref() == Some(NODE_CLASS_NOT_FOUND))
    };
    if is_lost(old) || !is_lost(new) {
        return None;
    }
    let name = &old.spec.template.spec.node_class_ref.name;
    let message = format!("Failed resolving NodeClass {name:?}");
    Some(Action::warn(old, "karpenter", NODE_CLASS_NOT_FOUND, message))
}

fn pool_key(claim: &supercargo_api::NodeClaim) -> Vec<Key> {
    node_pool_of(claim).map(Key::cluster).into_iter().collect()
}

/// How far a claim has come, as far as counts and health depend on it.
fn stage(claim: &supercargo_api::NodeClaim) -> (bool, bool) {
    use supercargo_api::condition_types::{INITIALIZED, REGISTERED};
    use supercargo_api::is_true;
    (is_true(claim.conditions(), REGISTERED), is_true(claim.conditions(), INITIALIZED))
}
