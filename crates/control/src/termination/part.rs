//! Termination as a part.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Node;
use supercargo_api::NodeClaim;
use supercargo_cloud::ProviderId;
use supercargo_reconcile::{
    Action, Answer, Change, Key, Kind, Object, Outcome, Part, Queue, Refusal, State, Verb, node_of,
};

use super::backoff::Backoff;
use super::claim;
use super::index::{Index, provider_of_claim, provider_of_node};
use super::instances::Instances;
use super::node::Case;
use super::verdict::{Act, Found, Then, Verdict, Want};
use crate::Knowledge;
use crate::outside::CloudAnswer;
use crate::said::{COMPONENT, Said, WINDOW};

/// How many nodes and claims are looked at before others have their turn.
const PORTION: usize = 64;

/// Whose action it was.
#[derive(Clone, Debug)]
enum Subject {
    Node(Key),
    Claim(Key),
    Nobody,
}

/// Drains nodes that are deleted, ends their instances, and lets nodes and claims go when that is done.
pub struct Termination {
    knowledge: Arc<Knowledge>,
    index: Index,
    nodes: Queue,
    claims: Queue,
    instances: Instances,
    backoff: Backoff,
    said: Said,
    /// Events that are to be recorded.
    notes: Vec<Action>,
    under_way: VecDeque<(Subject, Then)>,
}

impl Termination {
    /// The part.
    pub fn new(knowledge: Arc<Knowledge>) -> Termination {
        Termination {
            knowledge,
            index: Index::default(),
            nodes: Queue::default(),
            claims: Queue::default(),
            instances: Instances::default(),
            backoff: Backoff::default(),
            said: Said::default(),
            notes: Vec::new(),
            under_way: VecDeque::new(),
        }
    }

    fn decide_node(&mut self, key: &Key, state: &State, now: Timestamp) -> Option<Verdict> {
        let node = state.nodes.get(key)?;
        let provider = provider_of_node(node);
        let claim = claim_of(node, &self.index, state);
        let found = self.found(provider);
        let case = Case { node, claim, found, state, backoff: &self.backoff, now };
        let verdict = case.decide();
        self.wanted(provider, verdict.want, now);
        Some(verdict)
    }

    fn decide_claim(&mut self, key: &Key, state: &State, now: Timestamp) -> Option<Verdict> {
        let claim = state.node_claims.get(key)?;
        let provider = provider_of_claim(claim);
        let nodes: Vec<&Node> = provider
            .map(|id| {
                self.index.nodes(id).filter_map(|node| state.nodes.get(node).map(|node| &**node)).collect()
            })
            .unwrap_or_default();
        let found = self.found(provider);
        let uid = claim.metadata.uid.as_deref().unwrap_or_default();
        let is_launching = self.knowledge.launches().contains(uid);
        let verdict = claim::decide(claim, &nodes, found, is_launching, now);
        self.wanted(provider, verdict.want, now);
        Some(verdict)
    }

    fn wanted(&mut self, provider: Option<&str>, want: Option<Want>, now: Timestamp) {
        if let (Some(provider), Some(want)) = (provider, want)
            && let Some(id) = instance_id(provider)
        {
            self.instances.want(&id, provider, want, now);
        }
    }

    /// What is known of an instance. An id of another cloud names nothing that could be ended.
    fn found(&self, provider: Option<&str>) -> Option<Found> {
        provider.and_then(instance_id).map_or(Some(Found::Gone), |id| self.instances.found(&id))
    }

    fn carry(&mut self, subject: &Subject, acts: Vec<Act>, actions: &mut Vec<Action>) {
        for Act { action, then } in acts {
            self.under_way.push_back((subject.clone(), then));
            actions.push(action);
        }
    }

    /// Both sides of an instance are to be looked at.
    fn touch(&mut self, provider: &str) {
        self.index.nodes(provider).for_each(|key| self.nodes.add(key.clone()));
        self.index.claims(provider).for_each(|key| self.claims.add(key.clone()));
    }

    fn forget(&mut self, provider: Option<&str>) {
        let Some(provider) = provider else { return };
        if self.index.nodes(provider).next().is_none()
            && self.index.claims(provider).next().is_none()
            && let Some(id) = instance_id(provider)
        {
            self.instances.forget(&id);
        }
    }

    fn failed(&mut self, subject: Subject, then: Then, refusal: &Refusal, state: &State, now: Timestamp) {
        let (Then::Evicted { pod, uid, .. } | Then::Forced { pod, uid, .. }) = &then else {
            match subject {
                Subject::Node(key) => self.nodes.failed(key, now),
                Subject::Claim(key) => self.claims.failed(key, now),
                Subject::Nobody => {}
            }
            return;
        };
        if matches!(then, Then::Evicted { .. }) {
            self.knowledge.metrics.eviction_answered(refusal.code);
        }
        let Subject::Node(node) = subject else { return };
        if refusal.is_not_found() || refusal.is_conflict() {
            // it is gone, or is another one by now
            self.backoff.forget(pod);
            self.nodes.add_at(node, now);
            return;
        }
        let again = self.backoff.failed(pod.clone(), uid, now);
        let by_budget = refusal.is_too_many() || refusal.message.contains("PodDisruptionBudget");
        if by_budget && let Some(object) = state.nodes.get(&node) {
            let about = object.metadata.uid.as_deref().unwrap_or(&node.name);
            if self.said.is_news("FailedDraining", about, WINDOW, now) {
                let message =
                    format!("Failed to drain node, pod {pod} cannot be evicted: {}", refusal.message);
                self.notes.push(Action::warn(&**object, COMPONENT, "FailedDraining", message));
            }
        }
        self.nodes.add_at(node, again);
    }

    fn went_well(&mut self, then: Then, state: &State, now: Timestamp) {
        let metrics = &self.knowledge.metrics;
        match then {
            Then::Nothing => {}
            Then::Evicted { pod, uid, reason } => {
                metrics.eviction_answered(201);
                metrics.pod_drained(&reason);
                self.backoff.forget(&pod);
                if let Some(object) = state.pods.get(&pod)
                    && self.said.is_news("Evicted", &uid, WINDOW, now)
                {
                    let message = format!("Evicted pod: {reason}");
                    self.notes.push(Action::note(&**object, COMPONENT, "Evicted", message));
                }
            }
            Then::Forced { pod, uid, reason } => {
                metrics.pod_drained(&reason);
                self.backoff.failed(pod, &uid, now);
            }
            Then::Drained { pool } => metrics.node_drained(&pool),
            Then::NodeGone(gone) => {
                metrics.node_terminated(&gone.pool, &gone.zone);
                metrics.node_termination_took(&gone.pool, since(gone.deleted, now));
                metrics.node_lived(&gone.pool, since(gone.created, now));
            }
            Then::ClaimGone(gone) => {
                metrics.node_claim_terminated(&gone.pool, &gone.capacity_type, &gone.zone);
                metrics.node_claim_termination_took(&gone.pool, since(gone.deleted, now));
                if gone.ended.is_some() {
                    metrics.instance_termination_took(&gone.pool, since(gone.ended, now));
                }
            }
        }
    }
}

impl Part for Termination {
    fn name(&self) -> &'static str {
        "termination"
    }

    fn kinds(&self) -> &'static [Kind] {
        &[Kind::Node, Kind::NodeClaim, Kind::Pod, Kind::VolumeAttachment, Kind::PersistentVolumeClaim]
    }

    fn observe(&mut self, change: &Change, state: &State, _: Timestamp) {
        self.index.observe(change);
        match (change.kind, &change.old, &change.new) {
            (Kind::Node, _, Some(Object::Node(node))) if node.metadata.deletion_timestamp.is_some() => {
                self.nodes.add(change.key.clone());
            }
            (Kind::Node, Some(Object::Node(node)), None) => {
                let provider = provider_of_node(node);
                let claims = provider.map(|id| self.index.claims(id).cloned().collect::<Vec<_>>());
                claims.into_iter().flatten().for_each(|key| self.claims.add(key));
                self.forget(provider);
            }
            (Kind::NodeClaim, _, Some(Object::NodeClaim(claim))) => {
                let provider = provider_of_claim(claim);
                let nodes = provider.map(|id| self.index.nodes(id).cloned().collect::<Vec<_>>());
                let is_leaving = |key: &Key| {
                    state.nodes.get(key).is_some_and(|node| node.metadata.deletion_timestamp.is_some())
                };
                nodes.into_iter().flatten().filter(is_leaving).for_each(|key| self.nodes.add(key));
                if claim.metadata.deletion_timestamp.is_some() {
                    self.claims.add(change.key.clone());
                }
            }
            (Kind::NodeClaim, Some(Object::NodeClaim(claim)), None) => {
                let provider = provider_of_claim(claim);
                let nodes = provider.map(|id| self.index.nodes(id).cloned().collect::<Vec<_>>());
                nodes.into_iter().flatten().for_each(|key| self.nodes.add(key));
                self.forget(provider);
            }
            (Kind::Pod, old, new) => {
                if new.is_none() {
                    self.backoff.forget(&change.key);
                }
                for object in [old, new].into_iter().flatten() {
                    let Object::Pod(pod) = object else { continue };
                    let Some(key) = node_of(pod).map(Key::cluster) else { continue };
                    if state.nodes.get(&key).is_some_and(|node| node.metadata.deletion_timestamp.is_some()) {
                        self.nodes.add(key);
                    }
                }
            }
            (Kind::VolumeAttachment, old, new) => {
                if let Some(Object::VolumeAttachment(one)) = new.as_ref().or(old.as_ref()) {
                    self.nodes.add(Key::cluster(&one.spec.node_name));
                }
            }
            _ => {}
        }
    }

    fn step(&mut self, state: &State, now: Timestamp) -> Vec<Action> {
        self.under_way.clear();
        let mut actions = std::mem::take(&mut self.notes);
        actions.extend(self.instances.step(now));
        self.under_way.extend(actions.iter().map(|_| (Subject::Nobody, Then::Nothing)));
        for _ in 0..PORTION {
            let Some(key) = self.nodes.next(now) else { break };
            let Some(verdict) = self.decide_node(&key, state, now) else { continue };
            if let Some(again) = verdict.again {
                self.nodes.add_at(key.clone(), again);
            }
            self.carry(&Subject::Node(key), verdict.acts, &mut actions);
        }
        for _ in 0..PORTION {
            let Some(key) = self.claims.next(now) else { break };
            let Some(verdict) = self.decide_claim(&key, state, now) else { continue };
            if let Some(again) = verdict.again {
                self.claims.add_at(key.clone(), again);
            }
            self.carry(&Subject::Claim(key), verdict.acts, &mut actions);
        }
        actions
    }

    fn done(&mut self, action: &Action, outcome: &Outcome, state: &State, now: Timestamp) {
        let Some((subject, then)) = self.under_way.pop_front() else { return };
        match outcome {
            Ok(()) => {
                match &subject {
                    Subject::Node(key) => self.nodes.succeeded(key),
                    Subject::Claim(key) => self.claims.succeeded(key),
                    Subject::Nobody => {}
                }
                self.went_well(then, state, now);
            }
            Err(_) if matches!(action.verb, Verb::Record(_)) => {}
            Err(refusal) => self.failed(subject, then, refusal, state, now),
        }
    }

    fn answered(&mut self, ticket: u64, answer: Answer, _: &State, now: Timestamp) {
        let Ok(answer) = answer.downcast::<CloudAnswer>() else { return };
        let was_end = matches!(*answer, CloudAnswer::Terminated(_));
        let (news, error) = self.instances.answered(ticket, *answer, now);
        if let Some(error) = error {
            tracing::warn!(%error, "instances could not be ended or asked about, again in 5 s");
            if was_end {
                self.knowledge.metrics.termination_failed("", "");
            }
        }
        news.iter().for_each(|provider| self.touch(provider));
    }

    fn wake(&self) -> Option<Timestamp> {
        if !self.notes.is_empty() {
            return Some(Timestamp::MIN);
        }
        [self.nodes.wake(), self.claims.wake(), self.instances.wake()].into_iter().flatten().min()
    }
}

/// The claim of a node: that of its instance, or the one that owns it.
fn claim_of<'a>(node: &Node, index: &Index, state: &'a State) -> Option<&'a NodeClaim> {
    let by_instance = provider_of_node(node).and_then(|id| index.claims(id).next());
    let owner = || {
        let owners = node.metadata.owner_references.iter().flatten();
        owners.filter(|owner| owner.kind == "NodeClaim").map(|owner| Key::cluster(&owner.name)).next()
    };
    let key = by_instance.cloned().or_else(owner)?;
    state.node_claims.get(&key).map(|claim| &**claim)
}

fn since(moment: Option<Timestamp>, now: Timestamp) -> Duration {
    Duration::try_from(now.duration_since(moment.unwrap_or(now))).unwrap_or_default()
}

fn instance_id(provider: &str) -> Option<String> {
    provider.parse::<ProviderId>().ok().map(|id| id.instance_id)
}
