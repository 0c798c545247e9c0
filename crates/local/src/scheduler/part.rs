//! The scheduler as a part: changes keep the index, turns become bindings.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Node, PersistentVolumeClaim, PodCondition};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use serde_json::json;
use supercargo_api::Pod;
use supercargo_clock::Randomness;
use supercargo_reconcile::{Action, Change, Key, Kind, Object, Outcome, Part, State, Verb, node_of};

use super::amounts::add;
use super::class::PodClass;
use super::cycle::{Cycles, Verdict};
use super::filter::{Cure, static_reason};
use super::index::{Index, Placed};
use super::message::with_preemption;
use super::preempt::{Preemption, preempt};
use super::volumes::{SELECTED_NODE, volume_of};
use super::waiting::{Stage, WaitingPods};
use crate::conditions::set_pod_condition;

/// The component that Events name.
const COMPONENT: &str = "default-scheduler";
/// Turns in one step.
const PORTION: usize = 32;

/// What a scheduler needs.
#[derive(Debug, Clone)]
pub struct SchedulerOptions {
    /// Ties between nodes are broken by draws from this seed.
    pub seed: u64,
    /// The schedulerName it is responsible for.
    pub name: String,
}

impl Default for SchedulerOptions {
    fn default() -> Self {
        Self { seed: 0, name: COMPONENT.to_owned() }
    }
}

/// kube-scheduler.
#[derive(Debug)]
pub struct Scheduler {
    name: String,
    index: Index,
    waiting: WaitingPods,
    cycles: Cycles,
    /// Where pods wait for their victims to go, with priority.
    nominated: BTreeMap<Key, (usize, i32)>,
    /// What changed since the last step.
    changed: Cure,
    changed_nodes: BTreeSet<usize>,
    /// Actions from answers to earlier ones.
    owed: VecDeque<Action>,
}

impl Scheduler {
    /// A scheduler that has seen nothing yet.
    pub fn new(options: SchedulerOptions) -> Self {
        Self {
            name: options.name,
            index: Index::default(),
            waiting: WaitingPods::default(),
            cycles: Cycles::new(Randomness::from_seed(options.seed).fork("scheduler")),
            nominated: BTreeMap::new(),
            changed: Cure::default(),
            changed_nodes: BTreeSet::new(),
            owed: VecDeque::new(),
        }
    }

    fn observe_pod(&mut self, change: &Change, state: &State, now: Timestamp) {
        let key = &change.key;
        let Some(Object::Pod(pod)) = &change.new else {
            self.nominated.remove(key);
            self.waiting.take(key);
            if self.index.take_pod(key).is_some() {
                self.changed = self.changed.and(Cure::POD_GONE);
            }
            return;
        };
        if let Some(Object::Pod(old)) = &change.old
            && old.metadata.uid == pod.metadata.uid
            && is_same_for_scheduling(old, pod)
        {
            self.waiting.refresh(key, pod.clone());
            return;
        }
        if is_over(pod) {
            self.nominated.remove(key);
            self.waiting.take(key);
            if self.index.take_pod(key).is_some() {
                self.changed = self.changed.and(Cure::POD_GONE);
            }
            return;
        }
        if let Some(node) = node_of(pod) {
            self.nominated.remove(key);
            self.waiting.take(key);
            let class = self.index.class_of(pod, state);
            let started = pod
                .status
                .as_ref()
                .and_then(|status| status.start_time.as_ref())
                .map_or(now.as_second(), |time| time.0.as_second());
            let is_leaving = pod.metadata.deletion_timestamp.is_some();
            self.index.put_pod(key, Placed { class, started, is_leaving }, node);
            self.changed = self.changed.and(Cure::POD_PLACED);
            return;
        }
        let scheduler = pod.spec().and_then(|spec| spec.scheduler_name.as_deref());
        if scheduler.unwrap_or(COMPONENT) != self.name || pod.metadata.deletion_timestamp.is_some() {
            self.waiting.take(key);
            self.index.take_pod(key);
            return;
        }
        if matches!(self.waiting.stage(key), Some(Stage::Binding { .. } | Stage::Volumes { .. })) {
            self.waiting.refresh(key, pod.clone());
            return;
        }
        let class = self.index.class_of(pod, state);
        self.waiting.put(key.clone(), pod.clone(), class, now);
        if self.waiting.stage(key) == Some(&Stage::Gated) {
            let message = "Scheduling is blocked due to non-empty scheduling gates";
            self.owed.extend(not_scheduled(pod, "SchedulingGated", message, None, now));
        }
    }

    /// One pod's turn.
    fn turn(&mut self, key: &Key, state: &State, now: Timestamp) -> Vec<Action> {
        let Some(waiting) = self.waiting.get(key) else { return Vec::new() };
        let (pod, class) = (waiting.pod.clone(), waiting.class.clone());
        let nominated = self.nominated_beside(key, class.priority);
        match self.cycles.run(&class, &pod, &mut self.index, state, nominated) {
            Verdict::Node { slot, undecided, unbound } => {
                let node = self.index.nodes[slot].name.clone();
                let number = class.id;
                self.index.put_pod(key, Placed { class, started: now.as_second(), is_leaving: false }, &node);
                self.nominated.remove(key);
                self.waiting.follow(number);
                if unbound.is_empty() {
                    self.waiting.set(key, Stage::Binding { node: node.clone() });
                    return vec![bind(&pod, key, node)];
                }
                self.waiting.set(key, Stage::Volumes { node: node.clone(), claims: unbound });
                let select = |claim| {
                    let body = json!({"metadata": {"annotations": {SELECTED_NODE: node}}});
                    Action::patch(Kind::PersistentVolumeClaim, claim, None, body)
                };
                undecided.into_iter().map(select).collect()
            }
            Verdict::Refused(failure) => {
                let mut actions = Vec::new();
                let (message, nominee) = match self.waits_for_victims(key, state) {
                    true => {
                        let reason = "not eligible due to terminating pod on the nominated node.";
                        (with_preemption(&failure.message, reason), None)
                    }
                    false => match preempt(&class, &pod, &failure, &mut self.index, state) {
                        Preemption::Victims { slot, victims } => {
                            self.nominated.insert(key.clone(), (slot, class.priority));
                            let node = self.index.nodes[slot].name.clone();
                            for victim in victims {
                                actions.extend(evict(&victim, &pod, &node, state, now));
                            }
                            (failure.message.clone(), Some(node))
                        }
                        Preemption::Nothing(_) if failure.nodes == 0 => (failure.message.clone(), None),
                        Preemption::Nothing(reason) => (with_preemption(&failure.message, &reason), None),
                    },
                };
                // while a turn failed the index may have moved; a nominated pod must hear of its victims' end
                let cure = if nominee.is_some() { failure.cure.and(Cure::POD_GONE) } else { failure.cure };
                self.waiting.set(key, Stage::Unschedulable(cure, now));
                actions.extend(not_scheduled(&pod, "Unschedulable", &message, nominee.as_deref(), now));
                actions.push(Action::warn(&*pod, COMPONENT, "FailedScheduling", message));
                actions
            }
        }
    }

    /// Whether pods of lower priority are still going from the node the pod is nominated to.
    fn waits_for_victims(&self, key: &Key, state: &State) -> bool {
        let Some((slot, priority)) = self.nominated.get(key) else { return false };
        let node = &self.index.nodes[*slot];
        node.pods.iter().any(|(pod, placed)| {
            placed.class.priority < *priority
                && state.pods.get(pod).is_some_and(|pod| pod.metadata.deletion_timestamp.is_some())
        })
    }

    /// What pods nominated elsewhere, and no less important, will take, by node slot.
    fn nominated_beside(&self, key: &Key, priority: i32) -> BTreeMap<usize, Vec<i64>> {
        let mut taken: BTreeMap<usize, Vec<i64>> = BTreeMap::new();
        for (other, (slot, importance)) in &self.nominated {
            if other != key
                && *importance >= priority
                && let Some(waiting) = self.waiting.get(other)
            {
                add(taken.entry(*slot).or_default(), &waiting.class.requests, 1);
            }
        }
        taken
    }

    /// A claim changed: pods that only waited for it are bound, or try again if their node was given up.
    fn observe_claim(&mut self, claim: &Key, state: &State, now: Timestamp) {
        for key in self.waiting.waiting_for(claim) {
            let Some(Stage::Volumes { node, claims }) = self.waiting.stage(&key).cloned() else { continue };
            let mut bound = true;
            let mut given_up = false;
            for claim in &claims {
                match state.claims.get(claim) {
                    Some(claim) if volume_of(claim).is_some() && is_bound(claim) => {}
                    Some(claim) => {
                        bound = false;
                        let annotations = claim.metadata.annotations.as_ref();
                        given_up |= annotations
                            .and_then(|annotations| annotations.get(SELECTED_NODE))
                            .is_some_and(|selected| *selected != node);
                    }
                    None => given_up = true,
                }
            }
            if given_up {
                self.index.take_pod(&key);
                self.waiting.back_off(&key, now);
            } else if bound && let Some(waiting) = self.waiting.get(&key) {
                self.owed.push_back(bind(&waiting.pod.clone(), &key, node.clone()));
                self.waiting.set(&key, Stage::Binding { node });
            }
        }
    }
}

impl Part for Scheduler {
    fn name(&self) -> &'static str {
        "scheduler"
    }

    fn kinds(&self) -> &'static [Kind] {
        &[
            Kind::Namespace,
            Kind::Node,
            Kind::Pod,
            Kind::Service,
            Kind::ReplicaSet,
            Kind::StatefulSet,
            Kind::PersistentVolume,
            Kind::PersistentVolumeClaim,
            Kind::StorageClass,
            Kind::CSINode,
            Kind::PodDisruptionBudget,
        ]
    }

    fn observe(&mut self, change: &Change, state: &State, now: Timestamp) {
        match change.kind {
            Kind::Pod => self.observe_pod(change, state, now),
            Kind::Node => match (&change.old, &change.new) {
                (Some(Object::Node(old)), Some(Object::Node(new))) if is_same_node(old, new) => {}
                (_, Some(Object::Node(node))) => {
                    let slot = self.index.put_node(node);
                    self.changed_nodes.insert(slot);
                    self.changed = self.changed.and(Cure::NODE);
                }
                _ => self.index.take_node(&change.key.name),
            },
            Kind::Namespace => {
                let labels = change.new.as_ref().map(|new| new.metadata().labels.clone().unwrap_or_default());
                self.index.put_namespace(&change.key.name, labels);
            }
            Kind::Service => self.index.classes.forget_defaults(),
            Kind::PersistentVolumeClaim => {
                self.changed = self.changed.and(Cure::VOLUME);
                self.observe_claim(&change.key, state, now);
            }
            Kind::PersistentVolume | Kind::StorageClass | Kind::CSINode => {
                self.changed = self.changed.and(Cure::VOLUME);
            }
            _ => {}
        }
    }

    fn step(&mut self, state: &State, now: Timestamp) -> Vec<Action> {
        let changed = std::mem::take(&mut self.changed);
        let nodes = std::mem::take(&mut self.changed_nodes);
        let index = &self.index;
        let helps = |class: &PodClass, needed: Cure| {
            // a change of nodes alone helps only if one of them could do
            let more = Cure::POD_GONE.and(Cure::POD_PLACED).and(Cure::VOLUME);
            (changed.meets(more) && needed.meets(more))
                || nodes.iter().any(|slot| static_reason(class, &index.nodes[*slot]).is_none())
        };
        // who preempts does it for itself
        let alike = |class: &PodClass| !class.preempts || !index.has_below(class.priority);
        self.waiting.reconsider(changed, now, helps, alike);
        let mut actions: Vec<Action> = self.owed.drain(..).collect();
        for _ in 0..PORTION {
            let Some(key) = self.waiting.next(now) else { break };
            actions.extend(self.turn(&key, state, now));
        }
        actions
    }

    fn done(&mut self, action: &Action, outcome: &Outcome, state: &State, now: Timestamp) {
        match &action.verb {
            Verb::Bind { node, .. } => match outcome {
                Ok(()) => {
                    if let Some(pod) = state.pods.get(&action.key) {
                        let message = format!("Successfully assigned {} to {node}", action.key);
                        self.owed.push_back(Action::note(&**pod, COMPONENT, "Scheduled", message));
                    }
                }
                Err(refusal) => {
                    let placed = state.pods.get(&action.key).is_some_and(|pod| node_of(pod).is_some());
                    if !placed {
                        self.index.take_pod(&action.key);
                        if refusal.is_not_found() {
                            self.waiting.take(&action.key);
                        } else {
                            self.waiting.back_off(&action.key, now);
                        }
                    }
                }
            },
            Verb::Patch { .. } if action.kind == Kind::PersistentVolumeClaim && outcome.is_err() => {
                for key in self.waiting.waiting_for(&action.key) {
                    self.index.take_pod(&key);
                    self.waiting.back_off(&key, now);
                }
            }
            Verb::Patch { .. } if action.kind == Kind::Pod => {
                if let Err(refusal) = outcome
                    && refusal.is_conflict()
                    && self.waiting.get(&action.key).is_some()
                    && matches!(self.waiting.stage(&action.key), Some(Stage::Unschedulable(..)))
                {
                    self.waiting.back_off(&action.key, now);
                }
            }
            _ => {}
        }
    }

    fn wake(&self) -> Option<Timestamp> {
        if !self.owed.is_empty() || self.changed != Cure::default() {
            return Some(Timestamp::MIN);
        }
        self.waiting.wake()
    }
}

/// Binds a pod to a node.
fn bind(pod: &Pod, key: &Key, node: String) -> Action {
    let uid = pod.metadata.uid.clone().unwrap_or_default();
    Action { kind: Kind::Pod, key: key.clone(), verb: Verb::Bind { node, uid } }
}

/// Says on the pod why it is not scheduled, unless that is said already, and where it is nominated to.
fn not_scheduled(
    pod: &Pod,
    reason: &str,
    message: &str,
    nominee: Option<&str>,
    now: Timestamp,
) -> Option<Action> {
    let mut status = pod.status.as_deref().cloned().unwrap_or_default();
    let condition = PodCondition {
        type_: "PodScheduled".to_owned(),
        status: "False".to_owned(),
        reason: Some(reason.to_owned()),
        message: Some(message.to_owned()),
        observed_generation: pod.metadata.generation,
        ..PodCondition::default()
    };
    set_pod_condition(&mut status, condition, now);
    if let Some(node) = nominee {
        status.nominated_node_name = Some(node.to_owned());
    }
    Action::new_status(Kind::Pod, pod, pod.status.as_deref(), &status)
}

/// Makes a victim go: the reason on the pod, the deletion, the Event.
fn evict(victim: &Key, preemptor: &Pod, node: &str, state: &State, now: Timestamp) -> Vec<Action> {
    let Some(pod) = state.pods.get(victim) else { return Vec::new() };
    if pod.metadata.deletion_timestamp.is_some() {
        return Vec::new();
    }
    let mut changed = (**pod).clone();
    let condition = PodCondition {
        type_: "DisruptionTarget".to_owned(),
        status: "True".to_owned(),
        reason: Some("PreemptionByScheduler".to_owned()),
        message: Some(format!("{COMPONENT}: preempting to accommodate a higher priority pod")),
        last_transition_time: Some(Time(now)),
        ..PodCondition::default()
    };
    set_pod_condition(changed.status.get_or_insert_default(), condition, now);
    let uid = preemptor.metadata.uid.as_deref().unwrap_or_default();
    let mut actions: Vec<Action> = Action::update_status(Kind::Pod, &**pod, &changed).into_iter().collect();
    actions.push(Action::delete(Kind::Pod, &**pod));
    actions.push(Action::note(
        &**pod,
        COMPONENT,
        "Preempted",
        format!("Preempted by pod {uid} on node {node}"),
    ));
    actions
}

fn is_over(pod: &Pod) -> bool {
    let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
    matches!(phase, Some("Succeeded" | "Failed"))
}

/// Whether nothing changed that the scheduler looks at.
fn is_same_for_scheduling(old: &Pod, new: &Pod) -> bool {
    is_over(old) == is_over(new)
        && old.metadata.deletion_timestamp.is_some() == new.metadata.deletion_timestamp.is_some()
        && old.metadata.labels == new.metadata.labels
        && old.node_name() == new.node_name()
        && old.shared_spec() == new.shared_spec()
}

/// Whether nothing changed on a node that the scheduler looks at.
fn is_same_node(old: &Node, new: &Node) -> bool {
    let allocatable = |node: &Node| node.status.as_ref().and_then(|status| status.allocatable.clone());
    let images = |node: &Node| node.status.as_ref().and_then(|status| status.images.clone());
    old.metadata.labels == new.metadata.labels
        && old.spec == new.spec
        && allocatable(old) == allocatable(new)
        && images(old) == images(new)
}

fn is_bound(claim: &PersistentVolumeClaim) -> bool {
    claim.status.as_ref().and_then(|status| status.phase.as_deref()) == Some("Bound")
}
