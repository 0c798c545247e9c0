//! StatefulSets: pods with numbers and claims of their own, in order.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use k8s_openapi::api::apps::v1::{StatefulSet, StatefulSetStatus};
use k8s_openapi::api::core::v1::{
    PersistentVolumeClaim, PersistentVolumeClaimVolumeSource, PodTemplateSpec, Volume,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use supercargo_api::Pod;
use supercargo_reconcile::{Action, Change, Controller, Decision, Key, Kind, State, controller_of};

use super::history::{History, REVISION_LABEL, history};
use super::owned_pods::{Owned, controllers_of_pod, owned_pods};
use super::pod_template::{owner_reference, pod_from, with_label};
use super::replica_set::{count, nonzero};
use crate::conditions::{available_at, is_finished, is_ready};

/// The component that Events name.
const COMPONENT: &str = "statefulset-controller";

/// The controller of StatefulSets.
#[derive(Debug, Default)]
pub struct StatefulSets;

impl Controller for StatefulSets {
    const NAME: &'static str = "statefulsets";
    const KINDS: &'static [Kind] =
        &[Kind::StatefulSet, Kind::Pod, Kind::ControllerRevision, Kind::PersistentVolumeClaim];

    fn concerned(&self, change: &Change, _: &State) -> Vec<Key> {
        match change.kind {
            Kind::StatefulSet => vec![change.key.clone()],
            Kind::Pod => {
                controllers_of_pod::<StatefulSet>(change, "StatefulSet", Kind::StatefulSet, |_| Vec::new())
            }
            Kind::ControllerRevision => {
                let objects = [&change.old, &change.new];
                let owners =
                    objects.into_iter().flatten().filter_map(|object| controller_of(object.metadata()));
                let mut keys: Vec<Key> = owners
                    .filter(|owner| owner.kind == "StatefulSet")
                    .map(|owner| Key::new(change.key.namespace.clone(), owner.name.clone()))
                    .collect();
                keys.dedup();
                keys
            }
            _ => Vec::new(),
        }
    }

    fn decide(&mut self, key: &Key, state: &State, now: Timestamp) -> Decision {
        let Some(set) = state.stateful_sets.get(key) else { return Decision::nothing() };
        let history = history(&**set, &set.spec.template, state);
        if !history.actions.is_empty() && set.metadata.deletion_timestamp.is_none() {
            return history.actions.into();
        }
        let Owned { pods, claims } = owned_pods(&**set, &set.spec.selector, state);
        if !claims.is_empty() {
            return claims.into();
        }
        let mut work = Work::new(set, &history, &pods, state, now);
        if set.metadata.deletion_timestamp.is_none() {
            work.scale_and_update();
            if work.actions.is_empty() {
                let limit = set.spec.revision_history_limit.unwrap_or(10);
                let current = work.current.clone();
                let used =
                    |name: &str| name == current || pods.iter().any(|(_, pod)| revision_of(pod) == name);
                work.actions = history.clean_up(limit, used);
            }
        }
        work.write_status();
        Decision { actions: work.actions, again: work.again }
    }
}

/// One look at a set.
struct Work<'a> {
    set: &'a Arc<StatefulSet>,
    history: &'a History<'a>,
    state: &'a State,
    /// Pods by number.
    pods: BTreeMap<i64, &'a Pod>,
    first: i64,
    replicas: i64,
    current: String,
    now: Timestamp,
    actions: Vec<Action>,
    again: Option<Timestamp>,
}

impl<'a> Work<'a> {
    fn new(
        set: &'a Arc<StatefulSet>,
        history: &'a History<'a>,
        pods: &[(&'a Key, &'a Pod)],
        state: &'a State,
        now: Timestamp,
    ) -> Self {
        let prefix = format!("{}-", set.metadata.name.as_deref().unwrap_or_default());
        let numbered = pods.iter().filter_map(|(key, pod)| {
            let number = key.name.strip_prefix(&prefix)?.parse::<i64>().ok()?;
            Some((number, *pod))
        });
        let known = set.status.as_ref().and_then(|status| status.current_revision.clone());
        let first = set.spec.ordinals.as_ref().and_then(|ordinals| ordinals.start).unwrap_or(0);
        Self {
            set,
            history,
            state,
            pods: numbered.collect(),
            first: i64::from(first),
            replicas: i64::from(set.spec.replicas.unwrap_or(1)),
            current: known.filter(|name| !name.is_empty()).unwrap_or_else(|| history.update.clone()),
            now,
            actions: Vec::new(),
            again: None,
        }
    }

    fn is_parallel(&self) -> bool {
        self.set.spec.pod_management_policy.as_deref() == Some("Parallel")
    }

    fn partition(&self) -> i64 {
        let rolling =
            self.set.spec.update_strategy.as_ref().and_then(|strategy| strategy.rolling_update.as_ref());
        i64::from(rolling.and_then(|rolling| rolling.partition).unwrap_or(0))
    }

    fn is_on_delete(&self) -> bool {
        self.set.spec.update_strategy.as_ref().and_then(|strategy| strategy.type_.as_deref())
            == Some("OnDelete")
    }

    /// Whether a pod is there and has been ready long enough. Looks again when it will have been.
    fn is_healthy(&mut self, pod: &Pod) -> bool {
        if pod.metadata.deletion_timestamp.is_some() {
            return false;
        }
        match available_at(pod, self.set.spec.min_ready_seconds.unwrap_or(0)) {
            Some(at) if at <= self.now => true,
            Some(at) => {
                self.again = Some(self.again.map_or(at, |known| known.min(at)));
                false
            }
            None => false,
        }
    }

    fn scale_and_update(&mut self) {
        let parallel = self.is_parallel();
        for number in self.first..self.first + self.replicas {
            match self.pods.get(&number).copied() {
                None => {
                    self.create(number);
                    if !parallel {
                        return;
                    }
                }
                Some(pod) if is_finished(pod) && pod.metadata.deletion_timestamp.is_none() => {
                    self.delete(pod);
                    if !parallel {
                        return;
                    }
                }
                Some(pod) => {
                    if !self.is_healthy(pod) && !parallel {
                        return;
                    }
                }
            }
        }
        let condemned: Vec<(i64, &Pod)> = self
            .pods
            .iter()
            .filter(|(number, _)| **number < self.first || **number >= self.first + self.replicas)
            .map(|(number, pod)| (*number, *pod))
            .rev()
            .collect();
        for (_, pod) in condemned {
            if pod.metadata.deletion_timestamp.is_none() {
                self.condemn(pod);
            }
            if !parallel {
                return;
            }
        }
        if self.actions.is_empty() && !self.is_on_delete() {
            self.roll();
        }
    }

    /// Replaces pods of other revisions, from the last number down to the partition, one at a time.
    fn roll(&mut self) {
        let lowest = self.first + self.partition();
        let numbers: Vec<i64> = (lowest.max(self.first)..self.first + self.replicas).rev().collect();
        for number in numbers {
            let Some(pod) = self.pods.get(&number).copied() else { continue };
            if revision_of(pod) != self.history.update && pod.metadata.deletion_timestamp.is_none() {
                self.delete(pod);
                return;
            }
            if !self.is_healthy(pod) {
                return;
            }
        }
    }

    fn create(&mut self, number: i64) {
        // pods below the partition, and those not reached yet, stay what they were
        let keeps = self.current != self.history.update
            && (number < self.first + self.partition() || self.is_on_delete());
        let (revision, template) = match keeps.then(|| self.history.template(&self.current)).flatten() {
            Some(template) => (self.current.clone(), template),
            None => (self.history.update.clone(), self.set.spec.template.clone()),
        };
        let pod = self.pod(number, &revision, &template);
        let name = pod.metadata.name.clone().unwrap_or_default();
        for claim in self.claims(number) {
            let key = Key::of(&claim.metadata);
            if self.state.claims.get(&key).is_none() {
                let message =
                    format!("create Claim {} Pod {name} in StatefulSet {} success", key.name, self.name());
                self.actions.push(Action::create(claim));
                self.actions.push(Action::note(&**self.set, COMPONENT, "SuccessfulCreate", message));
            }
        }
        self.actions.push(Action::create(pod));
        let message = format!("create Pod {name} in StatefulSet {} successful", self.name());
        self.actions.push(Action::note(&**self.set, COMPONENT, "SuccessfulCreate", message));
    }

    fn delete(&mut self, pod: &Pod) {
        let name = pod.metadata.name.as_deref().unwrap_or_default();
        let message = format!("delete Pod {name} in StatefulSet {} successful", self.name());
        self.actions.push(Action::delete(Kind::Pod, pod));
        self.actions.push(Action::note(&**self.set, COMPONENT, "SuccessfulDelete", message));
    }

    /// Deletes a pod that is one too many, and lets its claims go with it where the set says so.
    fn condemn(&mut self, pod: &Pod) {
        let policy = self.set.spec.persistent_volume_claim_retention_policy.as_ref();
        if policy.and_then(|policy| policy.when_scaled.as_deref()) == Some("Delete") {
            for key in supercargo_reconcile::claims_of(pod) {
                let Some(claim) = self.state.claims.get(&key) else { continue };
                let mut changed = (**claim).clone();
                let mut owner = owner_reference(pod);
                owner.controller = None;
                let owners = changed.metadata.owner_references.get_or_insert_default();
                if owners.iter().all(|known| known.uid != owner.uid) {
                    owners.push(owner);
                }
                self.actions.extend(Action::update(Kind::PersistentVolumeClaim, &**claim, &changed));
            }
        }
        self.delete(pod);
    }

    fn name(&self) -> &str {
        self.set.metadata.name.as_deref().unwrap_or_default()
    }

    fn pod(&self, number: i64, revision: &str, template: &PodTemplateSpec) -> Pod {
        let name = format!("{}-{number}", self.name());
        let mut pod = pod_from(template, &**self.set, name.clone());
        let labels = pod.metadata.labels.get_or_insert_default();
        labels.insert("statefulset.kubernetes.io/pod-name".to_owned(), name.clone());
        labels.insert("apps.kubernetes.io/pod-index".to_owned(), number.to_string());
        labels.insert(REVISION_LABEL.to_owned(), revision.to_owned());
        pod.change_spec(|spec| {
            spec.hostname = Some(name);
            spec.subdomain = self.set.spec.service_name.clone().filter(|service| !service.is_empty());
            let volumes = spec.volumes.get_or_insert_default();
            for (claim, volume) in self.claims(number).iter().zip(self.templates()) {
                let volume = volume.metadata.name.clone().unwrap_or_default();
                volumes.retain(|known| known.name != volume);
                volumes.push(Volume {
                    name: volume,
                    persistent_volume_claim: Some(PersistentVolumeClaimVolumeSource {
                        claim_name: claim.metadata.name.clone().unwrap_or_default(),
                        read_only: None,
                    }),
                    ..Volume::default()
                });
            }
            if volumes.is_empty() {
                spec.volumes = None;
            }
        });
        pod
    }

    fn templates(&self) -> &[PersistentVolumeClaim] {
        self.set.spec.volume_claim_templates.as_deref().unwrap_or_default()
    }

    fn claims(&self, number: i64) -> Vec<PersistentVolumeClaim> {
        let policy = self.set.spec.persistent_volume_claim_retention_policy.as_ref();
        let with_set = policy.and_then(|policy| policy.when_deleted.as_deref()) == Some("Delete");
        let claim = |template: &PersistentVolumeClaim| {
            let volume = template.metadata.name.as_deref().unwrap_or_default();
            let mut labels = template.metadata.labels.clone();
            for (key, value) in self.set.spec.selector.match_labels.iter().flatten() {
                labels = with_label(labels, key, value);
            }
            let mut owner = owner_reference(&**self.set);
            owner.controller = None;
            PersistentVolumeClaim {
                metadata: ObjectMeta {
                    name: Some(format!("{volume}-{}-{number}", self.name())),
                    namespace: self.set.metadata.namespace.clone(),
                    labels,
                    annotations: template.metadata.annotations.clone(),
                    owner_references: with_set.then(|| vec![owner]),
                    ..ObjectMeta::default()
                },
                spec: template.spec.clone(),
                status: None,
            }
        };
        self.templates().iter().map(claim).collect()
    }

    fn write_status(&mut self) {
        let wanted: Vec<&Pod> = self.pods.values().copied().filter(|pod| !is_finished(pod)).collect();
        let min_ready = self.set.spec.min_ready_seconds.unwrap_or(0);
        let of = |test: &dyn Fn(&Pod) -> bool| wanted.iter().filter(|pod| test(pod)).count();
        let updated = of(&|pod| revision_of(pod) == self.history.update);
        let ready = of(&|pod| is_ready(pod));
        let available = of(&|pod| available_at(pod, min_ready).is_some_and(|at| at <= self.now));
        let total = wanted.len();
        let complete = updated == total
            && ready == total
            && i64::try_from(total).is_ok_and(|total| total == self.replicas)
            && self.partition() == 0;
        let current = if complete { self.history.update.clone() } else { self.current.clone() };
        let of_current = of(&|pod| revision_of(pod) == current);
        let mut changed = (**self.set).clone();
        changed.status = Some(StatefulSetStatus {
            observed_generation: self.set.metadata.generation,
            replicas: count(total),
            ready_replicas: nonzero(ready),
            available_replicas: Some(count(available)),
            current_replicas: nonzero(of_current),
            updated_replicas: nonzero(updated),
            current_revision: Some(current),
            update_revision: Some(self.history.update.clone()),
            collision_count: Some(0),
            ..self.set.status.clone().unwrap_or_default()
        });
        self.actions.extend(Action::update_status(Kind::StatefulSet, &**self.set, &changed));
    }
}

/// The revision a pod was made from, as a name.
fn revision_of(pod: &Pod) -> &str {
    let labels = pod.metadata.labels.as_ref();
    labels.and_then(|labels| labels.get(REVISION_LABEL)).map_or("", String::as_str)
}
