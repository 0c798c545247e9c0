//! Pods without a node, in the order of their turns.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use supercargo_api::Pod;
use supercargo_reconcile::Key;

use super::class::PodClass;
use super::filter::Cure;

/// The wait after the first failed turn; it doubles with every further one.
const FIRST_BACKOFF: Duration = Duration::from_secs(1);
/// The longest wait.
const LONGEST_BACKOFF: Duration = Duration::from_secs(10);
/// After this long a pod has another turn though nothing changed.
const FORGOTTEN: Duration = Duration::from_secs(300);

/// A pod without a node.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) pod: Arc<Pod>,
    pub(super) class: Arc<PodClass>,
    /// When it came to the queue.
    since: Timestamp,
    /// Turns so far.
    attempts: u32,
    stage: Stage,
}

/// Where a pod stands.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Stage {
    /// In line for its turn.
    Active,
    /// In line from this moment.
    Backoff(Timestamp),
    /// Nothing fits; only these changes help. It failed at this moment.
    Unschedulable(Cure, Timestamp),
    /// Held back by scheduling gates.
    Gated,
    /// Has a node and waits for its volumes.
    Volumes {
        /// The node's name.
        node: String,
        /// The claims that are not bound.
        claims: Vec<Key>,
    },
    /// Has a node and is being bound.
    Binding {
        /// The node's name.
        node: String,
    },
}

/// The queue.
#[derive(Debug, Default)]
pub(super) struct WaitingPods {
    pods: BTreeMap<Key, Waiting>,
    active: BTreeSet<(Reverse<i32>, Timestamp, Key)>,
    backoff: BTreeSet<(Timestamp, Key)>,
    unschedulable: BTreeSet<Key>,
    /// The same, by the moment they failed.
    failed: BTreeSet<(Timestamp, Key)>,
}

impl WaitingPods {
    /// A pod as it waits.
    pub(super) fn get(&self, key: &Key) -> Option<&Waiting> {
        self.pods.get(key)
    }

    /// Where a pod stands.
    pub(super) fn stage(&self, key: &Key) -> Option<&Stage> {
        self.pods.get(key).map(|waiting| &waiting.stage)
    }

    /// A pod comes, or is not what it was.
    pub(super) fn put(&mut self, key: Key, pod: Arc<Pod>, class: Arc<PodClass>, now: Timestamp) {
        let (since, attempts) =
            self.pods.get(&key).map_or((now, 0), |waiting| (waiting.since, waiting.attempts));
        self.take(&key);
        let gates = pod.spec().and_then(|spec| spec.scheduling_gates.as_ref());
        let gated = gates.is_some_and(|gates| !gates.is_empty());
        let waiting = Waiting { pod, class, since, attempts, stage: Stage::Gated };
        self.pods.insert(key.clone(), waiting);
        if !gated {
            self.set(&key, Stage::Active);
        }
    }

    /// The pod's newest version, where nothing that counts for its turn has changed.
    pub(super) fn refresh(&mut self, key: &Key, pod: Arc<Pod>) {
        if let Some(waiting) = self.pods.get_mut(key) {
            waiting.pod = pod;
        }
    }

    /// A pod goes.
    pub(super) fn take(&mut self, key: &Key) -> Option<Waiting> {
        self.unlist(key);
        self.pods.remove(key)
    }

    /// A pod stands somewhere else now.
    pub(super) fn set(&mut self, key: &Key, stage: Stage) {
        self.unlist(key);
        let Some(waiting) = self.pods.get_mut(key) else { return };
        match &stage {
            Stage::Active => {
                self.active.insert((Reverse(waiting.class.priority), waiting.since, key.clone()));
            }
            Stage::Backoff(until) => {
                self.backoff.insert((*until, key.clone()));
            }
            Stage::Unschedulable(_, failed) => {
                self.unschedulable.insert(key.clone());
                self.failed.insert((*failed, key.clone()));
            }
            Stage::Gated | Stage::Volumes { .. } | Stage::Binding { .. } => {}
        }
        waiting.stage = stage;
    }

    /// The pod whose turn it is: the most important, then the one that has waited longest.
    pub(super) fn next(&mut self, now: Timestamp) -> Option<Key> {
        while let Some((until, _)) = self.backoff.first() {
            if *until > now {
                break;
            }
            if let Some((_, key)) = self.backoff.pop_first() {
                self.set(&key, Stage::Active);
            }
        }
        let (_, _, key) = self.active.first().cloned()?;
        if let Some(waiting) = self.pods.get_mut(&key) {
            waiting.attempts = waiting.attempts.saturating_add(1);
        }
        Some(key)
    }

    /// When the next pod has its turn: the beginning of time if one is in line.
    pub(super) fn wake(&self) -> Option<Timestamp> {
        if !self.active.is_empty() {
            return Some(Timestamp::MIN);
        }
        let backoff = self.backoff.first().map(|(until, _)| *until);
        let forgotten = self.failed.first().map(|(failed, _)| *failed + FORGOTTEN);
        backoff.into_iter().chain(forgotten).min()
    }

    /// A pod's turn failed for reasons of its own, such as a refused request: it waits.
    pub(super) fn back_off(&mut self, key: &Key, now: Timestamp) {
        if let Some(waiting) = self.pods.get(key) {
            let until = now + backoff(waiting.attempts);
            self.set(key, Stage::Backoff(until));
        }
    }

    /// Puts pods in line for which the changes may help, and those that nobody looked at for long.
    pub(super) fn reconsider(&mut self, cure: Cure, now: Timestamp, helps: impl Fn(&PodClass, Cure) -> bool) {
        let oldest = self.failed.first().map(|(failed, _)| *failed + FORGOTTEN);
        if cure == Cure::default() && oldest.is_none_or(|oldest| oldest > now) {
            return;
        }
        let mut again = Vec::new();
        for key in &self.unschedulable {
            let Some(waiting) = self.pods.get(key) else { continue };
            let Stage::Unschedulable(needed, failed) = waiting.stage else { continue };
            let forgotten = now.duration_since(failed).unsigned_abs() >= FORGOTTEN;
            if forgotten || (needed.meets(cure) && helps(&waiting.class, needed)) {
                again.push((key.clone(), failed + backoff(waiting.attempts)));
            }
        }
        for (key, until) in again {
            let stage = if until <= now { Stage::Active } else { Stage::Backoff(until) };
            self.set(&key, stage);
        }
    }

    /// Pods that wait for this claim.
    pub(super) fn waiting_for(&self, claim: &Key) -> Vec<Key> {
        let waits = |waiting: &Waiting| match &waiting.stage {
            Stage::Volumes { claims, .. } => claims.contains(claim),
            _ => false,
        };
        let of_namespace = self.pods.range(Key::new(claim.namespace.clone(), "")..);
        of_namespace
            .take_while(|(key, _)| key.namespace == claim.namespace)
            .filter(|(_, waiting)| waits(waiting))
            .map(|(key, _)| key.clone())
            .collect()
    }

    fn unlist(&mut self, key: &Key) {
        let Some(waiting) = self.pods.get(key) else { return };
        match &waiting.stage {
            Stage::Active => {
                self.active.remove(&(Reverse(waiting.class.priority), waiting.since, key.clone()));
            }
            Stage::Backoff(until) => {
                self.backoff.remove(&(*until, key.clone()));
            }
            Stage::Unschedulable(_, failed) => {
                self.unschedulable.remove(key);
                self.failed.remove(&(*failed, key.clone()));
            }
            Stage::Gated | Stage::Volumes { .. } | Stage::Binding { .. } => {}
        }
    }
}

/// How long a pod waits after this many turns.
fn backoff(attempts: u32) -> Duration {
    FIRST_BACKOFF.saturating_mul(1 << attempts.saturating_sub(1).min(8)).min(LONGEST_BACKOFF)
}
