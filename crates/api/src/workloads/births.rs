//! New pods and volume claims, with names that are not taken.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet, StatefulSet};
use k8s_openapi::api::batch::v1::{CronJob, Job, JobSpec};
use k8s_openapi::api::core::v1::{
    PersistentVolumeClaim, PersistentVolumeClaimStatus, PersistentVolumeClaimVolumeSource, PodStatus,
    PodTemplateSpec, Volume,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};

use crate::objects::Objects;
use crate::pod::Pod;

use super::owners::POD_TEMPLATE_HASH;
use super::{count, name_of, namespace_of};

/// The pods and claims that are added, and the names that are taken.
pub(super) struct Births {
    pods: Vec<Pod>,
    claims: Vec<PersistentVolumeClaim>,
    /// Names of pods by namespace.
    pod_names: BTreeMap<String, BTreeSet<String>>,
    /// Names of claims by namespace.
    claim_names: BTreeMap<String, BTreeSet<String>>,
}

impl Births {
    /// Beside what the input has.
    pub(super) fn beside(objects: &Objects) -> Self {
        Self {
            pods: Vec::new(),
            claims: Vec::new(),
            pod_names: names(objects.pods.iter().map(|pod| &*pod.metadata)),
            claim_names: names(objects.persistent_volume_claims.iter().map(|claim| &claim.metadata)),
        }
    }

    /// What is added.
    pub(super) fn into_parts(self) -> (Vec<Pod>, Vec<PersistentVolumeClaim>) {
        (self.pods, self.claims)
    }

    /// Adds pods of a Deployment; they carry the mark of its newest ReplicaSet, if that is known.
    pub(super) fn deployment(
        &mut self,
        deployment: &Deployment,
        newest: Option<&ReplicaSet>,
        missing: usize,
    ) {
        let mut labels = BTreeMap::new();
        let hash = newest
            .and_then(|set| set.metadata.labels.as_ref())
            .and_then(|labels| labels.get(POD_TEMPLATE_HASH));
        if let Some(hash) = hash {
            labels.insert(POD_TEMPLATE_HASH.to_owned(), hash.clone());
        }
        let owner = owner("apps/v1", "Deployment", &deployment.metadata);
        self.numbered(&deployment.metadata, &deployment.spec.template, owner, &labels, missing);
    }

    /// Adds pods of a ReplicaSet.
    pub(super) fn replica_set(&mut self, set: &ReplicaSet, missing: usize) {
        let Some(template) = &set.spec.template else { return };
        let owner = owner("apps/v1", "ReplicaSet", &set.metadata);
        self.numbered(&set.metadata, template, owner, &BTreeMap::new(), missing);
    }

    /// Adds pods of a Job.
    pub(super) fn job(&mut self, job: &Job, spec: &JobSpec, missing: usize) {
        let owner = owner("batch/v1", "Job", &job.metadata);
        let name = name_of(&job.metadata);
        let labels =
            ["batch.kubernetes.io/job-name", "job-name"].map(|key| (key.to_owned(), name.to_owned()));
        self.numbered(&job.metadata, &spec.template, owner, &labels.into(), missing);
    }

    /// Adds pods of the next Job of a CronJob.
    pub(super) fn cron_job(&mut self, cron_job: &CronJob, missing: usize) {
        let Some(spec) = &cron_job.spec.job_template.spec else { return };
        let owner = owner("batch/v1", "CronJob", &cron_job.metadata);
        self.numbered(&cron_job.metadata, &spec.template, owner, &BTreeMap::new(), missing);
    }

    /// Adds the pods of a StatefulSet that are not there, each under its own number, with their claims.
    pub(super) fn stateful_set(&mut self, set: &StatefulSet) {
        let spec = &set.spec;
        let namespace = namespace_of(&set.metadata).to_owned();
        let set_name = name_of(&set.metadata);
        let first = spec.ordinals.as_ref().and_then(|ordinals| ordinals.start).unwrap_or(0);
        let first = usize::try_from(first).unwrap_or(0);
        let templates = spec.volume_claim_templates.as_deref().unwrap_or_default();
        let owner = owner("apps/v1", "StatefulSet", &set.metadata);
        let pattern = pod_from(&spec.template, &namespace, owner, &BTreeMap::new());

        for ordinal in (first..).take(count(spec.replicas)) {
            let name = format!("{set_name}-{ordinal}");
            if !self.pod_names.entry(namespace.clone()).or_default().insert(name.clone()) {
                continue;
            }
            let mut pod = pattern.clone();
            let labels = pod.metadata.labels.get_or_insert_with(BTreeMap::new);
            labels.insert("statefulset.kubernetes.io/pod-name".to_owned(), name.clone());
            labels.insert("apps.kubernetes.io/pod-index".to_owned(), ordinal.to_string());
            pod.metadata.name = Some(name);
            for template in templates {
                self.claim(&mut pod, template, set, ordinal);
            }
            self.pods.push(pod);
        }
    }

    /// Gives a pod of a StatefulSet the claim made from a template, and adds the claim if it is not there.
    fn claim(&mut self, pod: &mut Pod, template: &PersistentVolumeClaim, set: &StatefulSet, ordinal: usize) {
        let namespace = namespace_of(&set.metadata).to_owned();
        let volume = name_of(&template.metadata);
        let name = format!("{volume}-{}-{ordinal}", name_of(&set.metadata));
        if pod.spec().is_some() {
            pod.change_spec(|spec| {
                let volumes = spec.volumes.get_or_insert_with(Vec::new);
                volumes.retain(|other| other.name != volume);
                let source = PersistentVolumeClaimVolumeSource { claim_name: name.clone(), read_only: None };
                volumes.push(Volume {
                    name: volume.to_owned(),
                    persistent_volume_claim: Some(source),
                    ..Volume::default()
                });
            });
        }
        if !self.claim_names.entry(namespace.clone()).or_default().insert(name.clone()) {
            return;
        }
        let mut labels = template.metadata.labels.clone().unwrap_or_default();
        labels.extend(set.spec.selector.match_labels.clone().unwrap_or_default());
        self.claims.push(PersistentVolumeClaim {
            metadata: ObjectMeta {
                name: Some(name),
                namespace: Some(namespace),
                labels: (!labels.is_empty()).then_some(labels),
                annotations: template.metadata.annotations.clone(),
                ..ObjectMeta::default()
            },
            spec: template.spec.clone(),
            status: Some(PersistentVolumeClaimStatus {
                phase: Some("Pending".to_owned()),
                ..PersistentVolumeClaimStatus::default()
            }),
        });
    }

    /// Adds pods under the workload's name and the next free numbers.
    fn numbered(
        &mut self,
        workload: &ObjectMeta,
        template: &PodTemplateSpec,
        owner: OwnerReference,
        labels: &BTreeMap<String, String>,
        missing: usize,
    ) {
        if missing == 0 {
            return;
        }
        let namespace = namespace_of(workload);
        let workload_name = name_of(workload);
        let pattern = pod_from(template, namespace, owner, labels);
        let taken = self.pod_names.entry(namespace.to_owned()).or_default();
        self.pods.reserve(missing);
        let mut left = missing;
        for number in 0.. {
            if left == 0 {
                break;
            }
            let name = format!("{workload_name}-{number}");
            if taken.insert(name.clone()) {
                let mut pod = pattern.clone();
                pod.metadata.name = Some(name);
                self.pods.push(pod);
                left -= 1;
            }
        }
    }
}

/// A pending pod of a template, without a name.
fn pod_from(
    template: &PodTemplateSpec,
    namespace: &str,
    owner: OwnerReference,
    more_labels: &BTreeMap<String, String>,
) -> Pod {
    let metadata = template.metadata.clone().unwrap_or_default();
    let mut labels = metadata.labels.unwrap_or_default();
    for (key, value) in more_labels {
        labels.entry(key.clone()).or_insert_with(|| value.clone());
    }
    let metadata = ObjectMeta {
        namespace: Some(namespace.to_owned()),
        labels: (!labels.is_empty()).then_some(labels),
        annotations: metadata.annotations,
        owner_references: Some(vec![owner]),
        ..ObjectMeta::default()
    };
    let status = PodStatus { phase: Some("Pending".to_owned()), ..PodStatus::default() };
    Pod::new(metadata, template.spec.clone(), Some(status))
}

fn owner(api_version: &str, kind: &str, metadata: &ObjectMeta) -> OwnerReference {
    OwnerReference {
        api_version: api_version.to_owned(),
        block_owner_deletion: Some(true),
        controller: Some(true),
        kind: kind.to_owned(),
        name: name_of(metadata).to_owned(),
        uid: metadata.uid.clone().unwrap_or_default(),
    }
}

fn names<'m>(objects: impl Iterator<Item = &'m ObjectMeta>) -> BTreeMap<String, BTreeSet<String>> {
    let mut names: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for metadata in objects {
        match names.get_mut(namespace_of(metadata)) {
            Some(names) => {
                names.insert(name_of(metadata).to_owned());
            }
            None => {
                names.insert(
                    namespace_of(metadata).to_owned(),
                    BTreeSet::from([name_of(metadata).to_owned()]),
                );
            }
        }
    }
    names
}
