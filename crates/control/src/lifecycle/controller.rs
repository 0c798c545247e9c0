//! The loop of the NodeClaims until they are initialized.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Node;
use supercargo_api::condition_reasons::node_claim::REGISTRATION_HOOK_PENDING;
use supercargo_api::condition_types::{INITIALIZED, LAUNCHED, NODE_CLAIM_ROOTS, REGISTERED};
use supercargo_api::labels::keys;
use supercargo_api::{NodeClaim, is_true};
use supercargo_reconcile::{Action, Answer, Change, Controller, Decision, Key, Kind, Object, State};

use super::claims::{capacity_type, is_leaving, label, node_pool_of, provider_id};
use super::initialization::{Initialization, initialize};
use super::liveness::deadline;
use super::partitions::{Partition, Partitions};
use super::registration::{Registration, register};
use crate::conditions;
use crate::journal::{Entry, EntryKind, Subject};
use crate::knowledge::Knowledge;
use crate::outside::CloudAnswer;

/// The controller of NodeClaims from launch to initialization.
pub struct Lifecycle {
    knowledge: Arc<Knowledge>,
    /// Uids of claims that were given up, so that each counts once.
    given_up: BTreeMap<Key, Option<String>>,
    partitions: Partitions,
}

impl Lifecycle {
    /// A controller that has seen nothing yet.
    pub fn new(knowledge: Arc<Knowledge>) -> Self {
        Self { knowledge, given_up: BTreeMap::new(), partitions: Partitions::default() }
    }

    /// Writes down how long a step of a claim took, if it has just been done.
    fn note_progress(&self, old: &NodeClaim, claim: &NodeClaim) {
        let node = claim.status.as_ref().and_then(|status| status.node_name.as_deref()).unwrap_or_default();
        for (before, step, told) in [
            (LAUNCHED, REGISTERED, "its node registered"),
            (REGISTERED, INITIALIZED, "its node is ready for pods"),
        ] {
            if is_true(old.conditions(), step) || !is_true(claim.conditions(), step) {
                continue;
            }
            let (start, end) =
                (conditions::since(claim.conditions(), before), conditions::since(claim.conditions(), step));
            let Some(end) = end else { continue };
            let took = start.map(|start| end.duration_since(start).as_secs());
            tracing::info!(node_claim = claim.metadata.name, node, seconds = took, "{told}");
            self.knowledge.journal.record(
                Entry::new(end, EntryKind::Lifecycle, Subject::of(claim), told)
                    .touching([Subject::new(Kind::Node, &Key::cluster(node))])
                    .given("node", node)
                    .given("secondsBefore", took.unwrap_or_default()),
            );
        }
    }

    /// Deletes a claim whose node took too long.
    fn give_up(&mut self, key: &Key, claim: &NodeClaim, state: &State, now: Timestamp) -> Decision {
        let uid = claim.metadata.uid.clone();
        let is_news = self.given_up.insert(key.clone(), uid.clone()) != Some(uid);
        if is_news {
            let pool = node_pool_of(claim).unwrap_or_default();
            self.knowledge.metrics.node_claim_disrupted(pool, capacity_type(claim), "registration_timeout");
            if let Some(uid) = owning_pool(claim, state) {
                let mut health = self.knowledge.registration_health();
                health.gave_up(&uid, "RegistrationFailed", "Failed to register node");
            }
            let sentence = "gave it up: no node registered for it within 15 minutes";
            self.knowledge.journal.record(
                Entry::new(now, EntryKind::Lifecycle, Subject::of(claim), sentence)
                    .given("instance", provider_id(claim).unwrap_or_default()),
            );
            tracing::warn!(node_claim = %key, "node of the claim did not register in time");
        }
        Decision::of(vec![Action::delete(Kind::NodeClaim, claim)])
    }
}

/// The uid of the NodePool that a claim was made by, if it is still there.
pub fn owning_pool(claim: &NodeClaim, state: &State) -> Option<String> {
    let pool = state.node_pools.get(&Key::cluster(node_pool_of(claim)?))?;
    let uid = pool.metadata.uid.clone()?;
    let owners = claim.metadata.owner_references.iter().flatten();
    owners.into_iter().any(|owner| owner.kind == "NodePool" && owner.uid == uid).then_some(uid)
}

/// The label that names the class of a claim.
fn class_label(claim: &NodeClaim) -> String {
    let reference = &claim.spec.node_class_ref;
    format!("{}/{}", reference.group, reference.kind.to_ascii_lowercase())
}

/// Whether a claim has its finalizer and the label of its class.
fn is_complete(claim: &NodeClaim) -> bool {
    let held = claim.metadata.finalizers.iter().flatten().any(|name| name == keys::TERMINATION_FINALIZER);
    held && (claim.spec.node_class_ref.group.is_empty() || label(claim, &class_label(claim)).is_some())
}

/// The claim with its finalizer and the label of its class, which claims of older releases lack (reference section 3.6,
/// hydration).
fn completed(claim: &NodeClaim) -> NodeClaim {
    let mut wanted = claim.clone();
    let finalizers = wanted.metadata.finalizers.get_or_insert_default();
    if !finalizers.iter().any(|name| name == keys::TERMINATION_FINALIZER) {
        finalizers.push(keys::TERMINATION_FINALIZER.to_owned());
    }
    let reference = &claim.spec.node_class_ref;
    let key = class_label(claim);
    if !reference.group.is_empty() && label(claim, &key).is_none() {
        wanted.metadata.labels.get_or_insert_default().insert(key, reference.name.clone());
    }
    wanted
}

/// The node with the label of its claim's class, if it lacks that.
fn hydrated(claim: &NodeClaim, node: &Node) -> Option<Node> {
    let reference = &claim.spec.node_class_ref;
    let key = class_label(claim);
    let labels = node.metadata.labels.as_ref();
    if reference.group.is_empty() || labels.is_some_and(|labels| labels.contains_key(&key)) {
        return None;
    }
    let mut wanted = node.clone();
    wanted.metadata.labels.get_or_insert_default().insert(key, reference.name.clone());
    Some(wanted)
}

impl Controller for Lifecycle {
    const NAME: &'static str = "lifecycle";
    const KINDS: &'static [Kind] = &[Kind::NodeClaim, Kind::Node, Kind::NodePool];

    fn concerned(&self, change: &Change, state: &State) -> Vec<Key> {
        match (&change.old, &change.new) {
            (old, Some(Object::NodeClaim(claim))) => {
                if let Some(Object::NodeClaim(old)) = old
                    && !is_true(old.conditions(), REGISTERED)
                    && is_true(claim.conditions(), REGISTERED)
                {
                    let pool = node_pool_of(claim).unwrap_or_default();
                    let zone = label(claim, keys::ZONE).unwrap_or_default();
                    self.knowledge.metrics.node_created(pool, zone);
                    if let Some(uid) = owning_pool(claim, state) {
                        self.knowledge.registration_health().registered(&uid);
                    }
                }
                if let Some(Object::NodeClaim(old)) = old {
                    self.note_progress(old, claim);
                }
                vec![change.key.clone()]
            }
            (Some(Object::NodeClaim(_)), None) => vec![change.key.clone()],
            (_, Some(Object::Node(node))) | (Some(Object::Node(node)), None) => {
                let id = node.spec.as_ref().and_then(|spec| spec.provider_id.as_deref()).unwrap_or_default();
                state.claims_of_instance(id).map(|(key, _)| key.clone()).collect()
            }
            _ => Vec::new(),
        }
    }

    fn decide(&mut self, key: &Key, state: &State, now: Timestamp) -> Decision {
        let Some(claim) = state.node_claims.get(key) else {
            self.given_up.remove(key);
            self.partitions.forget(key);
            return Decision::nothing();
        };
        if is_leaving(claim) {
            self.partitions.forget(key);
            return Decision::nothing();
        }
        if !is_complete(claim) {
            let action = Action::update(Kind::NodeClaim, &**claim, &completed(claim));
            return Decision::of(action.into_iter().collect());
        }
        let mut decision = Decision::nothing();
        if let Some(at) = deadline(claim) {
            if at <= now {
                return self.give_up(key, claim, state, now);
            }
            decision.look_again(at);
        }
        let Some(id) = provider_id(claim).filter(|_| is_true(claim.conditions(), LAUNCHED)) else {
            return decision;
        };
        let nodes: Vec<&Node> = state.nodes_of_instance(id).map(|(_, node)| &**node).collect();
        let mut is_placed = true;
        if !is_true(claim.conditions(), REGISTERED) {
            let (partition, question) = self.partitions.of(key, claim, now);
            decision.actions.extend(question);
            match partition {
                Partition::Settled => {}
                Partition::Found(number) => {
                    // the claim comes back as a change
                    let labelled = with_partition(claim, number);
                    decision.actions.extend(Action::update(Kind::NodeClaim, &**claim, &labelled));
                    return decision;
                }
                Partition::Asked(again) => {
                    decision.look_again(again);
                    is_placed = false;
                }
            }
        }
        decision.actions.extend(proceed(claim, &nodes, is_placed, now));
        decision
    }

    fn answered(&mut self, ticket: u64, answer: Answer, _: &State, now: Timestamp) -> Vec<Key> {
        match answer.downcast::<CloudAnswer>() {
            Ok(answer) => self.partitions.answered(ticket, *answer, now),
            Err(_) => Vec::new(),
        }
    }
}

/// The claim with the label of a partition.
fn with_partition(claim: &NodeClaim, number: u32) -> NodeClaim {
    let mut wanted = claim.clone();
    let labels = wanted.metadata.labels.get_or_insert_default();
    labels.insert(keys::PLACEMENT_GROUP_PARTITION.to_owned(), number.to_string());
    wanted
}

/// The next steps of a launched claim with these nodes. Nodes do not register before the place of their instance is known.
fn proceed(claim: &NodeClaim, nodes: &[&Node], is_placed: bool, now: Timestamp) -> Vec<Action> {
    let generation = claim.metadata.generation;
    let mut wanted = claim.clone();
    let mut actions = Vec::new();
    let status = wanted.status.get_or_insert_default();
    if !is_true(claim.conditions(), REGISTERED) {
        let registration = match register(claim, nodes) {
            Registration::Waits(finding) => Registration::Waits(finding),
            _ if !is_placed => Registration::Waits(conditions::Finding::unknown(
                REGISTRATION_HOOK_PENDING,
                "the partition of its placement group is being asked for",
            )),
            other => other,
        };
        match registration {
            Registration::Waits(finding) => {
                conditions::set(&mut status.conditions, REGISTERED, &finding, generation, now);
            }
            Registration::Sync { node, taint_missing } => {
                if let Some(old) = nodes.first() {
                    // the node comes back as a change, and then the claim is registered
                    actions.extend(Action::update(Kind::Node, *old, &*node));
                }
                if taint_missing {
                    actions.push(Action::warn(
                        claim,
                        "karpenter",
                        "UnregisteredTaintMissing",
                        MISSING_TAINT.to_owned(),
                    ));
                }
                return actions;
            }
            Registration::Done(name) => {
                let holds = conditions::Finding::holds();
                conditions::set(&mut status.conditions, REGISTERED, &holds, generation, now);
                status.node_name = Some(name);
            }
        }
    }
    let is_registered = is_true(status.conditions.as_deref().unwrap_or_default(), REGISTERED);
    let node = nodes.first().copied().filter(|_| is_registered);
    if !is_true(claim.conditions(), INITIALIZED) {
        match initialize(claim, node) {
            Initialization::Waits(finding) => {
                conditions::set(&mut status.conditions, INITIALIZED, &finding, generation, now);
            }
            Initialization::Label(labelled) => {
                if let Some(old) = node {
                    actions.extend(Action::update(Kind::Node, old, &*labelled));
                }
            }
            Initialization::Done => {
                let holds = conditions::Finding::holds();
                conditions::set(&mut status.conditions, INITIALIZED, &holds, generation, now);
            }
        }
    }
    conditions::sum_up(&mut status.conditions, &NODE_CLAIM_ROOTS, generation, now);
    if wanted.status != claim.status {
        actions.extend(Action::update_status(Kind::NodeClaim, claim, &wanted));
    }
    if actions.is_empty()
        && let Some(node) = node
        && let Some(hydrated) = hydrated(claim, node)
    {
        actions.extend(Action::update(Kind::Node, node, &hydrated));
    }
    actions
}

const MISSING_TAINT: &str = "Missing karpenter.sh/unregistered taint on the node: until it registered, pods could be put on it too early. Nodes of custom images have to register with this taint";
