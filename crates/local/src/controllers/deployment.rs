//! Deployments: revisions as ReplicaSets, rolled out.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::apps::v1::{
    Deployment, DeploymentCondition, DeploymentSpec, DeploymentStatus, ReplicaSet, ReplicaSetSpec,
};
use k8s_openapi::api::core::v1::PodTemplateSpec;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use supercargo_reconcile::{Action, Change, Controller, Decision, Key, Kind, Object, State, controller_of};

use super::COUNTING;
use super::pod_template::{fingerprint, owner_reference, with_label};
use super::proportions::resolve;
use super::replica_set::{count, nonzero};
use super::rollout::{Limits, SetSize, grown, shared, shrunk};
use crate::conditions::is_active;

/// The component that Events name.
const COMPONENT: &str = "deployment-controller";
const HASH: &str = "pod-template-hash";
const REVISION: &str = "deployment.kubernetes.io/revision";
const DESIRED: &str = "deployment.kubernetes.io/desired-replicas";
const MOST: &str = "deployment.kubernetes.io/max-replicas";
/// Annotations that are not carried over to ReplicaSets.
const OWN_ANNOTATIONS: [&str; 4] =
    ["kubectl.kubernetes.io/last-applied-configuration", REVISION, DESIRED, MOST];

/// The controller of Deployments.
#[derive(Debug, Default)]
pub struct Deployments;

impl Controller for Deployments {
    const NAME: &'static str = "deployments";
    const KINDS: &'static [Kind] = &[Kind::Deployment, Kind::ReplicaSet, Kind::Pod];

    fn concerned(&self, change: &Change, state: &State) -> Vec<Key> {
        match change.kind {
            Kind::Deployment => vec![change.key.clone()],
            Kind::ReplicaSet => {
                let objects = [&change.old, &change.new];
                let owners = objects.into_iter().flatten().filter_map(|set| controller_of(set.metadata()));
                let mut keys: Vec<Key> =
                    owners.map(|owner| Key::new(change.key.namespace.clone(), owner.name.clone())).collect();
                keys.dedup();
                keys
            }
            // with Recreate the next revision waits for the last pod of the one before
            Kind::Pod => {
                let gone =
                    change.new.as_ref().is_none_or(|pod| matches!(pod, Object::Pod(pod) if !is_active(pod)));
                let owner =
                    change.old.as_ref().filter(|_| gone).and_then(|pod| controller_of(pod.metadata()));
                let set = owner
                    .filter(|owner| owner.kind == "ReplicaSet")
                    .and_then(|owner| state.replica_sets.named(&change.key.namespace, &owner.name));
                let deployment = set.and_then(|set| controller_of(&set.metadata));
                deployment
                    .map(|owner| Key::new(change.key.namespace.clone(), owner.name.clone()))
                    .into_iter()
                    .collect()
            }
            _ => Vec::new(),
        }
    }

    fn patience(&self, change: &Change) -> Duration {
        match (&change.old, &change.new) {
            (Some(Object::ReplicaSet(old)), Some(Object::ReplicaSet(new))) if old.spec == new.spec => {
                COUNTING
            }
            _ => Duration::ZERO,
        }
    }

    fn decide(&mut self, key: &Key, state: &State, now: Timestamp) -> Decision {
        let Some(deployment) = state.deployments.get(key) else { return Decision::nothing() };
        let uid = deployment.metadata.uid.as_deref().unwrap_or_default();
        let mut sets: Vec<&Arc<ReplicaSet>> =
            state.owned(Kind::ReplicaSet, uid).filter_map(|key| state.replica_sets.get(key)).collect();
        sets.sort_by_key(|set| {
            (set.metadata.creation_timestamp.as_ref().map(|time| time.0), set.metadata.name.clone())
        });
        let newest = sets.iter().position(|set| is_of_template(set, &deployment.spec.template));
        let rollout = Rollout { deployment, newest: newest.map(|index| sets.remove(index)), old: sets, now };
        if deployment.metadata.deletion_timestamp.is_some() {
            return rollout.status(state).into_decision(Vec::new());
        }
        if deployment.spec.paused == Some(true) {
            let actions = rollout.scale_shared();
            return rollout.status(state).into_decision(actions);
        }
        let actions = rollout.revise();
        if !actions.is_empty() {
            return actions.into();
        }
        let mut actions = if rollout.is_scaled_from_outside() {
            rollout.scale_shared()
        } else if is_recreate(&deployment.spec) {
            rollout.recreate(state)
        } else {
            rollout.roll()
        };
        if actions.is_empty() {
            actions = rollout.clean_up(state);
        }
        rollout.status(state).into_decision(actions)
    }
}

/// A Deployment and its ReplicaSets.
struct Rollout<'a> {
    deployment: &'a Arc<Deployment>,
    newest: Option<&'a Arc<ReplicaSet>>,
    /// Oldest first.
    old: Vec<&'a Arc<ReplicaSet>>,
    now: Timestamp,
}

struct NewStatus {
    action: Option<Action>,
    again: Option<Timestamp>,
}

impl NewStatus {
    fn into_decision(self, mut actions: Vec<Action>) -> Decision {
        actions.extend(self.action);
        Decision { actions, again: self.again }
    }
}

impl Rollout<'_> {
    fn replicas(&self) -> i64 {
        i64::from(self.deployment.spec.replicas.unwrap_or(1))
    }

    fn limits(&self) -> Limits {
        let replicas = self.replicas();
        let rolling =
            self.deployment.spec.strategy.as_ref().and_then(|strategy| strategy.rolling_update.as_ref());
        let quarter = IntOrString::String("25%".to_owned());
        let of = |value: Option<&IntOrString>, up| resolve(value.unwrap_or(&quarter), replicas, up);
        if is_recreate(&self.deployment.spec) {
            return Limits { replicas, surge: 0, unavailable: replicas };
        }
        let surge = of(rolling.and_then(|rolling| rolling.max_surge.as_ref()), true);
        let mut unavailable = of(rolling.and_then(|rolling| rolling.max_unavailable.as_ref()), false);
        if surge == 0 && unavailable == 0 {
            unavailable = 1;
        }
        Limits { replicas, surge, unavailable: unavailable.min(replicas) }
    }

    fn all(&self) -> impl Iterator<Item = &Arc<ReplicaSet>> {
        self.old.iter().copied().chain(self.newest)
    }

    /// The newest revision exists, has the highest number, and the Deployment says so.
    fn revise(&self) -> Vec<Action> {
        let highest = self.old.iter().map(|set| revision(&set.metadata)).max().unwrap_or(0);
        let mut actions = Vec::new();
        let number = match self.newest {
            Some(set) if revision(&set.metadata) > highest => revision(&set.metadata),
            _ => highest + 1,
        };
        match self.newest {
            None => {
                let first = self.first_version(number);
                let name = first.metadata.name.clone().unwrap_or_default();
                let size = wanted(&first);
                actions.push(Action::create(first));
                if size > 0 {
                    let message = format!("Scaled up replica set {name} from 0 to {size}");
                    actions.push(Action::note(&**self.deployment, COMPONENT, "ScalingReplicaSet", message));
                }
            }
            Some(set) => {
                let mut changed = (**set).clone();
                let annotations = changed.metadata.annotations.get_or_insert_default();
                annotations.extend(self.annotations(number));
                changed.spec.min_ready_seconds = self.deployment.spec.min_ready_seconds;
                actions.extend(Action::update(Kind::ReplicaSet, &**set, &changed));
            }
        }
        if revision(&self.deployment.metadata) != number {
            let mut changed = (**self.deployment).clone();
            let annotations = changed.metadata.annotations.get_or_insert_default();
            annotations.insert(REVISION.to_owned(), number.to_string());
            actions.extend(Action::update(Kind::Deployment, &**self.deployment, &changed));
        }
        actions
    }

    fn first_version(&self, number: i64) -> ReplicaSet {
        let spec = &self.deployment.spec;
        let collisions =
            self.deployment.status.as_ref().and_then(|status| status.collision_count).unwrap_or(0);
        let text = serde_json::to_string(&spec.template).unwrap_or_default();
        let hash = fingerprint(&format!("{text}/{collisions}"));
        let mut template = spec.template.clone();
        let metadata = template.metadata.get_or_insert_default();
        metadata.labels = with_label(metadata.labels.take(), HASH, &hash);
        let mut selector = spec.selector.clone();
        selector.match_labels = with_label(selector.match_labels.take(), HASH, &hash);
        let all = self.old.iter().map(|set| wanted(set)).sum();
        let size = if is_recreate(spec) && all > 0 {
            0
        } else {
            grown(SetSize { wanted: 0, available: 0 }, all, self.limits())
        };
        ReplicaSet {
            metadata: ObjectMeta {
                name: Some(format!(
                    "{}-{hash}",
                    self.deployment.metadata.name.as_deref().unwrap_or_default()
                )),
                namespace: self.deployment.metadata.namespace.clone(),
                labels: template.metadata.as_ref().and_then(|metadata| metadata.labels.clone()),
                annotations: Some(self.annotations(number)),
                owner_references: Some(vec![owner_reference(&**self.deployment)]),
                ..ObjectMeta::default()
            },
            spec: ReplicaSetSpec {
                min_ready_seconds: spec.min_ready_seconds,
                replicas: i32::try_from(size).ok(),
                selector,
                template: Some(template),
            },
            status: None,
        }
    }

    fn annotations(&self, number: i64) -> BTreeMap<String, String> {
        let own = self.deployment.metadata.annotations.clone().unwrap_or_default();
        let mut annotations: BTreeMap<String, String> =
            own.into_iter().filter(|(key, _)| !OWN_ANNOTATIONS.contains(&key.as_str())).collect();
        let limits = self.limits();
        annotations.insert(REVISION.to_owned(), number.to_string());
        annotations.insert(DESIRED.to_owned(), limits.replicas.to_string());
        annotations.insert(MOST.to_owned(), (limits.replicas + limits.surge).to_string());
        annotations
    }

    /// Whether the Deployment was resized since its ReplicaSets were.
    fn is_scaled_from_outside(&self) -> bool {
        let wanted_now = self.replicas();
        self.all().filter(|set| wanted(set) > 0).any(|set| {
            let annotations = set.metadata.annotations.as_ref();
            let known = annotations.and_then(|annotations| annotations.get(DESIRED)?.parse::<i64>().ok());
            known.is_some_and(|known| known != wanted_now)
        })
    }

    /// A new size is shared by the sets that have pods.
    fn scale_shared(&self) -> Vec<Action> {
        let limits = self.limits();
        let mut active: Vec<&Arc<ReplicaSet>> = self.all().filter(|set| wanted(set) > 0).collect();
        if active.is_empty() {
            active.extend(self.newest);
        }
        let sizes: Vec<i64> = if active.len() == 1 {
            vec![limits.replicas]
        } else {
            active
                .sort_by_key(|set| std::cmp::Reverse((wanted(set), set.metadata.creation_timestamp.clone())));
            let allowed = if limits.replicas > 0 { limits.replicas + limits.surge } else { 0 };
            shared(&active.iter().map(|set| wanted(set)).collect::<Vec<_>>(), allowed)
        };
        let pairs = active.iter().zip(sizes);
        pairs.flat_map(|(set, size)| self.resize(set, size)).collect()
    }

    fn recreate(&self, state: &State) -> Vec<Action> {
        let shrink: Vec<Action> = self.old.iter().flat_map(|set| self.resize(set, 0)).collect();
        if !shrink.is_empty() {
            return shrink;
        }
        let old_pods_run = self.old.iter().any(|set| {
            let uid = set.metadata.uid.as_deref().unwrap_or_default();
            state.pods_of(uid).any(|(_, pod)| !crate::conditions::is_finished(pod))
        });
        match self.newest {
            Some(set) if !old_pods_run => self.resize(set, self.replicas()),
            _ => Vec::new(),
        }
    }

    fn roll(&self) -> Vec<Action> {
        let Some(newest) = self.newest else { return Vec::new() };
        let limits = self.limits();
        let all = self.all().map(|set| wanted(set)).sum();
        let target = grown(size_of(newest), all, limits);
        if target != wanted(newest) {
            return self.resize(newest, target);
        }
        let sizes: Vec<SetSize> = self.old.iter().map(|set| size_of(set)).collect();
        let shrunk = shrunk(&sizes, size_of(newest), limits);
        self.old.iter().zip(shrunk).flat_map(|(set, size)| self.resize(set, size)).collect()
    }

    /// Gives a set another size, and the annotations that go with the Deployment's.
    fn resize(&self, set: &Arc<ReplicaSet>, size: i64) -> Vec<Action> {
        let limits = self.limits();
        let before = wanted(set);
        let mut changed = (**set).clone();
        changed.spec.replicas = i32::try_from(size).ok();
        let annotations = changed.metadata.annotations.get_or_insert_default();
        annotations.insert(DESIRED.to_owned(), limits.replicas.to_string());
        annotations.insert(MOST.to_owned(), (limits.replicas + limits.surge).to_string());
        let mut actions: Vec<Action> =
            Action::update(Kind::ReplicaSet, &**set, &changed).into_iter().collect();
        if before != size {
            let direction = if size > before { "up" } else { "down" };
            let name = set.metadata.name.as_deref().unwrap_or_default();
            let message = format!("Scaled {direction} replica set {name} from {before} to {size}");
            actions.push(Action::note(&**self.deployment, COMPONENT, "ScalingReplicaSet", message));
        }
        actions
    }

    /// Deletes revisions without pods beyond the history, once the rollout is complete.
    fn clean_up(&self, state: &State) -> Vec<Action> {
        let limit = self.deployment.spec.revision_history_limit.unwrap_or(10);
        let Ok(limit) = usize::try_from(limit) else { return Vec::new() };
        if !self.is_complete(&self.counts(state)) {
            return Vec::new();
        }
        let mut idle: Vec<&&Arc<ReplicaSet>> = self
            .old
            .iter()
            .filter(|set| {
                wanted(set) == 0
                    && set.status.as_ref().is_none_or(|status| status.replicas == 0)
                    && set.metadata.deletion_timestamp.is_none()
            })
            .collect();
        idle.sort_by_key(|set| revision(&set.metadata));
        let surplus = idle.len().saturating_sub(limit);
        idle.into_iter().take(surplus).map(|set| Action::delete(Kind::ReplicaSet, &***set)).collect()
    }

    fn counts(&self, _: &State) -> DeploymentStatus {
        let sum = |of: &dyn Fn(&ReplicaSet) -> i32| self.all().map(|set| of(set)).sum::<i32>();
        let status = |set: &ReplicaSet| set.status.clone().unwrap_or_default();
        let total = sum(&|set| status(set).replicas);
        let available = sum(&|set| status(set).available_replicas.unwrap_or(0));
        let desired = sum(&|set| set.spec.replicas.unwrap_or(0));
        DeploymentStatus {
            observed_generation: self.deployment.metadata.generation,
            replicas: positive(total),
            updated_replicas: self.newest.and_then(|set| positive(status(set).replicas)),
            ready_replicas: positive(sum(&|set| status(set).ready_replicas.unwrap_or(0))),
            available_replicas: positive(available),
            unavailable_replicas: nonzero(usize::try_from(desired.max(total) - available).unwrap_or(0)),
            ..self.deployment.status.clone().unwrap_or_default()
        }
    }

    fn is_complete(&self, status: &DeploymentStatus) -> bool {
        let wanted = Some(count(usize::try_from(self.replicas()).unwrap_or(0))).filter(|wanted| *wanted > 0);
        status.updated_replicas == wanted
            && status.replicas == wanted
            && status.available_replicas == wanted
            && status.observed_generation >= self.deployment.metadata.generation
    }

    fn status(&self, state: &State) -> NewStatus {
        let mut status = self.counts(state);
        let before = self.deployment.status.clone().unwrap_or_default();
        let limits = self.limits();
        let available = i64::from(status.available_replicas.unwrap_or(0));
        let enough = available >= limits.replicas - limits.unavailable;
        let (reason, message) = if enough {
            ("MinimumReplicasAvailable", "Deployment has minimum availability.")
        } else {
            ("MinimumReplicasUnavailable", "Deployment does not have minimum availability.")
        };
        set(&mut status, "Available", enough, reason, message.to_owned(), self.now, false);
        let again = self.progress(&mut status, &before);
        let known = self.deployment.status.as_ref();
        NewStatus { action: Action::new_status(Kind::Deployment, &**self.deployment, known, &status), again }
    }

    /// The Progressing condition, and when its deadline is.
    fn progress(&self, status: &mut DeploymentStatus, before: &DeploymentStatus) -> Option<Timestamp> {
        let deadline =
            self.deployment.spec.progress_deadline_seconds.filter(|seconds| *seconds < i32::MAX)?;
        let name = self.newest.and_then(|set| set.metadata.name.clone()).map_or_else(
            || format!("Deployment \"{}\"", self.deployment.metadata.name.as_deref().unwrap_or_default()),
            |name| format!("ReplicaSet \"{name}\""),
        );
        let known = before
            .conditions
            .iter()
            .flatten()
            .find(|condition| condition.type_.as_deref() == Some("Progressing"));
        if self.deployment.spec.paused == Some(true) {
            if known.is_none_or(|known| known.reason.as_deref() != Some("DeploymentPaused")) {
                set(
                    status,
                    "Progressing",
                    true,
                    "DeploymentPaused",
                    "Deployment is paused".to_owned(),
                    self.now,
                    true,
                );
            }
            return None;
        }
        if self.is_complete(status) {
            let message = format!("{name} has successfully progressed.");
            set(status, "Progressing", true, "NewReplicaSetAvailable", message, self.now, false);
            return None;
        }
        let progressed = status.updated_replicas > before.updated_replicas
            || status.ready_replicas > before.ready_replicas
            || status.available_replicas > before.available_replicas
            || (status.replicas.unwrap_or(0) - status.updated_replicas.unwrap_or(0))
                < (before.replicas.unwrap_or(0) - before.updated_replicas.unwrap_or(0))
            || known.is_none()
            || known.is_some_and(|known| known.reason.as_deref() == Some("DeploymentPaused"))
            || (status.observed_generation != before.observed_generation && self.newest_is_new(known));
        if progressed {
            let (reason, message) = if self.newest.is_none() {
                ("NewReplicaSetCreated", format!("{name} is being created."))
            } else {
                ("ReplicaSetUpdated", format!("{name} is progressing."))
            };
            set(status, "Progressing", true, reason, message, self.now, true);
        }
        let condition = status
            .conditions
            .iter()
            .flatten()
            .find(|condition| condition.type_.as_deref() == Some("Progressing"))?;
        if condition.reason.as_deref() == Some("ProgressDeadlineExceeded")
            || condition.reason.as_deref() == Some("NewReplicaSetAvailable")
        {
            return None;
        }
        let since = condition.last_update_time.as_ref().map_or(self.now, |time| time.0);
        let end = since + Duration::from_secs(u64::try_from(deadline).unwrap_or(0));
        if end > self.now {
            return Some(end);
        }
        let message = format!("{name} has timed out progressing.");
        set(status, "Progressing", false, "ProgressDeadlineExceeded", message, self.now, true);
        None
    }

    /// Whether the newest set is another than the one the condition speaks of.
    fn newest_is_new(&self, known: Option<&DeploymentCondition>) -> bool {
        let name = self.newest.and_then(|set| set.metadata.name.as_deref()).unwrap_or_default();
        known.and_then(|known| known.message.as_deref()).is_none_or(|message| !message.contains(name))
    }
}

fn set(
    status: &mut DeploymentStatus,
    type_: &str,
    holds: bool,
    reason: &str,
    message: String,
    now: Timestamp,
    touch: bool,
) {
    let conditions = status.conditions.get_or_insert_default();
    let value = if holds { "True" } else { "False" };
    let known = conditions.iter().position(|condition| condition.type_.as_deref() == Some(type_));
    let same = known.map(|index| &conditions[index]);
    if let Some(same) = same
        && same.status.as_deref() == Some(value)
        && same.reason.as_deref() == Some(reason)
        && same.message.as_deref() == Some(message.as_str())
        && !touch
    {
        return;
    }
    let since = same
        .filter(|same| same.status.as_deref() == Some(value))
        .and_then(|same| same.last_transition_time.clone());
    let condition = DeploymentCondition {
        type_: Some(type_.to_owned()),
        status: Some(value.to_owned()),
        reason: Some(reason.to_owned()),
        message: Some(message),
        last_update_time: Some(Time(now)),
        last_transition_time: Some(since.unwrap_or(Time(now))),
    };
    match known {
        Some(index) => conditions[index] = condition,
        None => conditions.push(condition),
    }
}

fn is_recreate(spec: &DeploymentSpec) -> bool {
    spec.strategy.as_ref().and_then(|strategy| strategy.type_.as_deref()) == Some("Recreate")
}

/// Whether a set was made from this template.
fn is_of_template(set: &ReplicaSet, template: &PodTemplateSpec) -> bool {
    let Some(own) = &set.spec.template else { return false };
    let mut own = own.clone();
    if let Some(labels) = own.metadata.as_mut().and_then(|metadata| metadata.labels.as_mut()) {
        labels.remove(HASH);
    }
    let plain = |template: &PodTemplateSpec| {
        let mut template = template.clone();
        let metadata = template.metadata.get_or_insert_default();
        metadata.labels = metadata.labels.take().filter(|labels| !labels.is_empty());
        metadata.annotations = metadata.annotations.take().filter(|annotations| !annotations.is_empty());
        metadata.creation_timestamp = None;
        template
    };
    plain(&own) == plain(template)
}

fn revision(metadata: &ObjectMeta) -> i64 {
    let annotations = metadata.annotations.as_ref();
    annotations.and_then(|annotations| annotations.get(REVISION)?.parse().ok()).unwrap_or(0)
}

fn wanted(set: &ReplicaSet) -> i64 {
    i64::from(set.spec.replicas.unwrap_or(1))
}

fn size_of(set: &ReplicaSet) -> SetSize {
    let available = set.status.as_ref().and_then(|status| status.available_replicas).unwrap_or(0);
    SetSize { wanted: wanted(set), available: i64::from(available) }
}

fn positive(number: i32) -> Option<i32> {
    (number > 0).then_some(number)
}
