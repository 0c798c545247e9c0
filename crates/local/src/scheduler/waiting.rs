//! Pods without a node, in the order of their turns.
//!
//! Pods for which nothing fits wait by class. When a change may help a class its oldest pod goes ahead; the others follow one by
//! one as long as there is room, and need not find out each for itself that there is none left.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use supercargo_api::Pod;
use supercargo_reconcile::{Key, claims_of};

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
    /// Whether it has nothing of its own, such as volumes, that its class has not.
    plain: bool,
}

/// Where a pod stands.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Stage {
    /// In line for its turn.
    Active,
    /// In line from this moment, after a refused request.
    Backoff(Timestamp),
    /// In line from this moment, or when nobody else is, as in kube-scheduler since 1.33.
    Late(Timestamp),
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
    late: BTreeSet<(Timestamp, Key)>,
    /// Pods for which nothing fits, by the number of their class.
    unschedulable: BTreeMap<u64, Group>,
    /// The same, by the moment they failed.
    failed: BTreeSet<(Timestamp, Key)>,
    /// Classes whose oldest pod has gone ahead.
    ahead: BTreeSet<u64>,
}

/// Pods of one class for which nothing fits.
#[derive(Debug)]
struct Group {
    class: Arc<PodClass>,
    /// What may help, as the last of them found.
    cure: Cure,
    /// Those that have nothing of their own, oldest first.
    plain: BTreeSet<(Timestamp, Key)>,
    /// The others.
    special: BTreeSet<Key>,
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
        self.unlist(&key);
        self.pods.remove(&key);
        let plain = claims_of(&pod).next().is_none();
        let gates = pod.spec().and_then(|spec| spec.scheduling_gates.as_ref());
        let gated = gates.is_some_and(|gates| !gates.is_empty());
        let waiting = Waiting { pod, class, since, attempts, stage: Stage::Gated, plain };
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
    pub(super) fn take(&mut self, key: &Key) {
        self.unlist(key);
        let Some(waiting) = self.pods.remove(key) else { return };
        // others may have waited for what it would find out
        if matches!(waiting.stage, Stage::Active | Stage::Late(_)) {
            self.follow(waiting.class.id);
        }
    }

    /// A pod of this class found a place: the next one that waits may find one, too.
    pub(super) fn follow(&mut self, class: u64) {
        if !self.ahead.contains(&class) {
            return;
        }
        let next = self.unschedulable.get(&class).and_then(|group| group.plain.first());
        match next.map(|(_, key)| key.clone()) {
            Some(key) => self.set(&key, Stage::Active),
            None => {
                self.ahead.remove(&class);
            }
        }
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
            Stage::Late(from) => {
                self.late.insert((*from, key.clone()));
            }
            Stage::Unschedulable(cure, failed) => {
                let class = &waiting.class;
                let group = self.unschedulable.entry(class.id).or_insert_with(|| Group {
                    class: Arc::clone(class),
                    cure: *cure,
                    plain: BTreeSet::new(),
                    special: BTreeSet::new(),
                });
                group.cure = group.cure.and(*cure);
                if waiting.plain {
                    group.plain.insert((waiting.since, key.clone()));
                    self.ahead.remove(&class.id);
                } else {
                    group.special.insert(key.clone());
                }
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
        while let Some((from, _)) = self.late.first() {
            if *from > now && !self.active.is_empty() {
                break;
            }
            if let Some((_, key)) = self.late.pop_first() {
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
        if !self.active.is_empty() || !self.late.is_empty() {
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

    /// Puts pods in line for which the changes may help, and those that nobody looked at for long. `alike` says whether all
    /// pods of a class have the same chances: then one goes ahead.
    pub(super) fn reconsider(
        &mut self,
        cure: Cure,
        now: Timestamp,
        helps: impl Fn(&PodClass, Cure) -> bool,
        alike: impl Fn(&PodClass) -> bool,
    ) {
        let mut again: Vec<Key> = Vec::new();
        if cure != Cure::default() {
            for (number, group) in &self.unschedulable {
                if !group.cure.meets(cure) || !helps(&group.class, group.cure) {
                    continue;
                }
                let keys = group.plain.iter().map(|(_, key)| key.clone());
                if alike(&group.class) {
                    self.ahead.insert(*number);
                    again.extend(keys.take(1));
                } else {
                    again.extend(keys);
                }
                again.extend(group.special.iter().cloned());
            }
        }
        let forgotten = self.failed.iter().take_while(|(failed, _)| *failed + FORGOTTEN <= now);
        again.extend(forgotten.map(|(_, key)| key.clone()));
        for key in again {
            let Some(waiting) = self.pods.get(&key) else { continue };
            let Stage::Unschedulable(_, failed) = waiting.stage else { continue };
            let until = failed + backoff(waiting.attempts);
            self.set(&key, if until <= now { Stage::Active } else { Stage::Late(until) });
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
            Stage::Late(from) => {
                self.late.remove(&(*from, key.clone()));
            }
            Stage::Unschedulable(_, failed) => {
                self.failed.remove(&(*failed, key.clone()));
                if let Some(group) = self.unschedulable.get_mut(&waiting.class.id) {
                    group.plain.remove(&(waiting.since, key.clone()));
                    group.special.remove(key);
                    if group.plain.is_empty() && group.special.is_empty() {
                        self.unschedulable.remove(&waiting.class.id);
                    }
                }
            }
            Stage::Gated | Stage::Volumes { .. } | Stage::Binding { .. } => {}
        }
    }
}

/// How long a pod waits after this many turns.
fn backoff(attempts: u32) -> Duration {
    FIRST_BACKOFF.saturating_mul(1 << attempts.saturating_sub(1).min(8)).min(LONGEST_BACKOFF)
}
