//! ReplicaSets: as many pods as asked for.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::apps::v1::{ReplicaSet, ReplicaSetStatus};
use supercargo_api::Pod;
use supercargo_api::selector::Selector;
use supercargo_reconcile::{
    Action, Change, Controller, Decision, Key, Kind, Object, State, controller_of, node_of,
};

use super::COUNTING;
use super::census::{Census, Count};
use super::owned_pods::{Owned, controllers_of_pod, owned_pods};
use super::pod_template::{name_draws, pod_from, suffixed};
use super::victims::victims;
use crate::conditions::{available_at, is_active, is_ready, ready_since};

/// The component that Events name.
const COMPONENT: &str = "replicaset-controller";
/// Pods created at once by a set that has fewer; the number doubles with every round, so that a set whose pods are
/// refused does not try them all.
const FIRST_BATCH: usize = 16;
/// Pods created or deleted at once at most: others want their turn, too.
const BURST: usize = 100;

/// The controller of ReplicaSets. It remembers how many pods there are.
#[derive(Debug, Default)]
pub struct ReplicaSets {
    census: Census,
}

impl Controller for ReplicaSets {
    const NAME: &'static str = "replicasets";
    const KINDS: &'static [Kind] = &[Kind::ReplicaSet, Kind::Pod];

    fn observe(&mut self, change: &Change) {
        self.census.observe(change);
    }

    fn concerned(&self, change: &Change, state: &State) -> Vec<Key> {
        match change.kind {
            Kind::ReplicaSet => vec![change.key.clone()],
            Kind::Pod if counts_the_same(change) => Vec::new(),
            Kind::Pod => controllers_of_pod::<ReplicaSet>(change, "ReplicaSet", Kind::ReplicaSet, |pod| {
                let sets = state.replica_sets.of_namespace(&change.key.namespace);
                sets.filter(|(_, set)| {
                    let selector = Selector::compile(&set.spec.selector).unwrap_or(Selector::nothing());
                    selector.matches_optional(pod.metadata.labels.as_ref())
                })
                .map(|(key, _)| key.clone())
                .collect()
            }),
            _ => Vec::new(),
        }
    }

    fn patience(&self, change: &Change) -> Duration {
        match (&change.old, &change.new) {
            // one that is missing is made at once
            (Some(Object::Pod(_)), Some(Object::Pod(pod))) if is_active(pod) => COUNTING,
            _ => Duration::ZERO,
        }
    }

    fn decide(&mut self, key: &Key, state: &State, now: Timestamp) -> Decision {
        let Some(set) = state.replica_sets.get(key) else { return Decision::nothing() };
        let template_labels = set.spec.template.as_ref().and_then(|template| template.metadata.as_ref());
        let template_labels =
            template_labels.and_then(|metadata| metadata.labels.clone()).unwrap_or_default();
        let labeled = Selector::of_labels(&template_labels);
        if let Some((count, fully)) = self.counted(key, set, &labeled) {
            let mut decision = Decision::nothing();
            if set.metadata.deletion_timestamp.is_none() && count.active < wanted(set) {
                decision.actions = grow(set, count.active, state, now);
            }
            decision.actions.extend(status(set, count.active, fully, count.ready, count.ready));
            return decision;
        }
        let Owned { pods, claims } = owned_pods(&**set, &set.spec.selector, state);
        if !claims.is_empty() {
            return claims.into();
        }
        let active: Vec<(&Key, &Pod)> = pods.into_iter().filter(|(_, pod)| is_active(pod)).collect();
        let mut decision = Decision::nothing();
        if set.metadata.deletion_timestamp.is_none() {
            decision.actions = scale(set, &active, state, now);
        }
        let ready = active.iter().filter(|(_, pod)| is_ready(pod)).count();
        let min_ready = set.spec.min_ready_seconds.unwrap_or(0);
        let mut available = 0;
        for (_, pod) in &active {
            match available_at(pod, min_ready) {
                Some(at) if at <= now => available += 1,
                Some(at) => decision.look_again(at),
                None => {}
            }
        }
        let fully = active.iter().filter(|(_, pod)| labeled.matches_optional(pod.metadata.labels.as_ref()));
        decision.actions.extend(status(set, active.len(), fully.count(), ready, available));
        decision
    }
}

impl ReplicaSets {
    /// The pods of a set and how many of them carry all labels of its template, if it is enough to count them: no pod is to be
    /// taken on, let go, or deleted, and a pod that is ready is available.
    fn counted(&self, key: &Key, set: &ReplicaSet, labeled: &Selector) -> Option<(Count, usize)> {
        if set.spec.min_ready_seconds.unwrap_or(0) > 0 {
            return None;
        }
        let uid = set.metadata.uid.as_deref().unwrap_or_default();
        let selector = Selector::compile(&set.spec.selector).ok()?;
        let (mut sum, mut fully) = (Count::default(), 0);
        for (sort, count) in self.census.of_namespace(&key.namespace) {
            let matches = selector.matches(&sort.labels);
            if sort.owner.2 == uid {
                if !matches {
                    return None;
                }
                sum.active += count.active;
                sum.ready += count.ready;
                fully += if labeled.matches(&sort.labels) { count.active } else { 0 };
            } else if sort.owner.2.is_empty() && matches && count.active > 0 {
                return None;
            }
        }
        let leaves = set.metadata.deletion_timestamp.is_some();
        (leaves || sum.active <= wanted(set)).then_some((sum, fully))
    }
}

/// Writes the status of a set, if it is not the one it has.
fn status(set: &ReplicaSet, active: usize, fully: usize, ready: usize, available: usize) -> Option<Action> {
    let before = set.status.clone().unwrap_or_default();
    let status = ReplicaSetStatus {
        replicas: count(active),
        fully_labeled_replicas: nonzero(fully),
        ready_replicas: nonzero(ready),
        available_replicas: nonzero(available),
        observed_generation: set.metadata.generation,
        ..before
    };
    Action::new_status(Kind::ReplicaSet, set, set.status.as_ref(), &status)
}

fn wanted(set: &ReplicaSet) -> usize {
    usize::try_from(set.spec.replicas.unwrap_or(1)).unwrap_or(0)
}

/// Whether nothing of a pod changed that its set looks at.
fn counts_the_same(change: &Change) -> bool {
    let (Some(Object::Pod(old)), Some(Object::Pod(new))) = (&change.old, &change.new) else { return false };
    let (before, after) = (&old.metadata, &new.metadata);
    is_active(old) == is_active(new)
        && ready_since(old) == ready_since(new)
        && before.labels == after.labels
        && before.owner_references == after.owner_references
        && before.uid == after.uid
        && before.deletion_timestamp.is_some() == after.deletion_timestamp.is_some()
}

/// Creates or deletes pods until there are as many as asked for.
fn scale(set: &ReplicaSet, active: &[(&Key, &Pod)], state: &State, now: Timestamp) -> Vec<Action> {
    let wanted = wanted(set);
    if active.len() < wanted {
        return grow(set, active.len(), state, now);
    }
    let mut actions = Vec::new();
    if active.len() > wanted {
        let related = related(set, state);
        for (key, pod) in victims(active, (active.len() - wanted).min(BURST), &related, now) {
            actions.push(Action::delete(Kind::Pod, pod));
            let message = format!("Deleted pod: {}", key.name);
            actions.push(Action::note(set, COMPONENT, "SuccessfulDelete", message));
        }
    }
    actions
}

/// Creates pods for a set that has fewer than it wants.
fn grow(set: &ReplicaSet, active: usize, state: &State, now: Timestamp) -> Vec<Action> {
    let mut actions = Vec::new();
    let Some(template) = &set.spec.template else { return actions };
    let batch = wanted(set).saturating_sub(active).min(active.max(FIRST_BATCH)).min(BURST);
    let mut draws = name_draws(&set.metadata, now);
    let namespace = set.metadata.namespace.as_deref().unwrap_or_default();
    let base = set.metadata.name.as_deref().unwrap_or_default();
    for _ in 0..batch {
        let name = suffixed(base, &mut draws, |name| state.pods.named(namespace, name).is_some());
        let message = format!("Created pod: {name}");
        actions.push(Action::create(pod_from(template, set, name)));
        actions.push(Action::note(set, COMPONENT, "SuccessfulCreate", message));
    }
    actions
}

/// Active pods by node, of this set and of all others of the same Deployment.
fn related<'a>(set: &ReplicaSet, state: &'a State) -> BTreeMap<&'a str, usize> {
    let own = set.metadata.uid.clone().unwrap_or_default();
    let sets: Vec<String> = match controller_of(&set.metadata) {
        Some(owner) => state
            .owned(Kind::ReplicaSet, &owner.uid)
            .filter_map(|key| state.replica_sets.get(key)?.metadata.uid.clone())
            .collect(),
        None => vec![own],
    };
    let mut nodes: BTreeMap<&str, usize> = BTreeMap::new();
    for uid in &sets {
        for (_, pod) in state.pods_of(uid).filter(|(_, pod)| is_active(pod)) {
            if let Some(node) = node_of(pod) {
                *nodes.entry(node).or_default() += 1;
            }
        }
    }
    nodes
}

/// A count as the API has it.
pub(super) fn count(number: usize) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

/// A count as the API has it, nothing for zero.
pub(super) fn nonzero(number: usize) -> Option<i32> {
    (number > 0).then(|| count(number))
}
