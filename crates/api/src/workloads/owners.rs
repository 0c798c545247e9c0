//! Which pods belong to which workload, through ReplicaSets and Jobs too.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};

use crate::objects::Objects;
use crate::pod::Pod;

use super::{name_of, namespace_of};

/// The label that names the ReplicaSet of a Deployment's pod.
pub(super) const POD_TEMPLATE_HASH: &str = "pod-template-hash";
/// The annotation that numbers the ReplicaSets of a Deployment.
const REVISION: &str = "deployment.kubernetes.io/revision";

/// A workload: kind, namespace and name.
type Id = (&'static str, String, String);

/// The workloads of the input and the pods each has.
#[derive(Debug, Default)]
pub(super) struct Owners {
    by_uid: BTreeMap<String, Id>,
    /// Uids by workload; empty when it has none.
    uids: BTreeMap<Id, String>,
    active: BTreeMap<Id, usize>,
    succeeded: BTreeMap<Id, usize>,
    /// The Deployment of a ReplicaSet, by the position of the ReplicaSet.
    deployments: BTreeMap<usize, Id>,
    /// The newest ReplicaSet of a Deployment: its revision and position.
    newest: BTreeMap<Id, (u64, usize)>,
    /// The position of the CronJob of a Job, by the position of the Job.
    cron_jobs: BTreeMap<usize, usize>,
}

impl Owners {
    /// Finds the owners of everything.
    pub(super) fn of(objects: &Objects) -> Self {
        let mut owners = Self::default();
        objects.deployments.iter().for_each(|object| owners.know("Deployment", &object.metadata));
        objects.replica_sets.iter().for_each(|object| owners.know("ReplicaSet", &object.metadata));
        objects.stateful_sets.iter().for_each(|object| owners.know("StatefulSet", &object.metadata));
        objects.jobs.iter().for_each(|object| owners.know("Job", &object.metadata));
        objects.cron_jobs.iter().for_each(|object| owners.know("CronJob", &object.metadata));
        let cron_job_positions: BTreeMap<Id, usize> = objects
            .cron_jobs
            .iter()
            .enumerate()
            .map(|(index, object)| (id("CronJob", &object.metadata), index))
            .collect();

        // ReplicaSets lead to Deployments and Jobs to CronJobs.
        let mut above: BTreeMap<Id, Id> = BTreeMap::new();
        for (index, set) in objects.replica_sets.iter().enumerate() {
            if let Some(owner) = owners.owner_of(&set.metadata).filter(|owner| owner.0 == "Deployment") {
                let revision =
                    set.metadata.annotations.as_ref().and_then(|annotations| annotations.get(REVISION));
                let revision = revision.and_then(|revision| revision.parse().ok()).unwrap_or(0);
                let newest = owners.newest.entry(owner.clone()).or_insert((revision, index));
                *newest = (*newest).max((revision, index));
                above.insert(id("ReplicaSet", &set.metadata), owner.clone());
                owners.deployments.insert(index, owner);
            }
        }
        for (index, job) in objects.jobs.iter().enumerate() {
            if let Some(owner) = owners.owner_of(&job.metadata).filter(|owner| owner.0 == "CronJob") {
                owners.cron_jobs.extend(cron_job_positions.get(&owner).map(|cron_job| (index, *cron_job)));
                above.insert(id("Job", &job.metadata), owner);
            }
        }
        for pod in &objects.pods {
            owners.count(pod, &above);
        }
        owners
    }

    /// How many pods of a workload are there and have neither ended nor been told to.
    pub(super) fn active_pods(&self, kind: &'static str, metadata: &ObjectMeta) -> usize {
        self.active.get(&id(kind, metadata)).copied().unwrap_or(0)
    }

    /// How many pods of a Job have succeeded.
    pub(super) fn succeeded_pods(&self, metadata: &ObjectMeta) -> usize {
        self.succeeded.get(&id("Job", metadata)).copied().unwrap_or(0)
    }

    /// Whether a ReplicaSet, by its position, belongs to a Deployment of the input.
    pub(super) fn belongs_to_deployment(&self, replica_set: usize) -> bool {
        self.deployments.contains_key(&replica_set)
    }

    /// The newest ReplicaSet of a Deployment, by its position.
    pub(super) fn newest_replica_set(&self, metadata: &ObjectMeta) -> Option<usize> {
        self.newest.get(&id("Deployment", metadata)).map(|(_, index)| *index)
    }

    /// The position of the CronJob that a Job, by its position, belongs to.
    pub(super) fn cron_job_of(&self, job: usize) -> Option<usize> {
        self.cron_jobs.get(&job).copied()
    }

    fn know(&mut self, kind: &'static str, metadata: &ObjectMeta) {
        let id = id(kind, metadata);
        let uid = metadata.uid.clone().unwrap_or_default();
        if !uid.is_empty() {
            self.by_uid.insert(uid.clone(), id.clone());
        }
        self.uids.insert(id, uid);
    }

    /// Counts a pod for everything it belongs to.
    fn count(&mut self, pod: &Pod, above: &BTreeMap<Id, Id>) {
        let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref()).unwrap_or_default();
        let active = !matches!(phase, "Succeeded" | "Failed") && pod.metadata.deletion_timestamp.is_none();
        let Some(owner) = self.owner_of(&pod.metadata).or_else(|| self.guessed_owner(pod)) else { return };
        let chain = [above.get(&owner).cloned(), Some(owner)];
        for owner in chain.into_iter().flatten() {
            if active {
                *self.active.entry(owner).or_default() += 1;
            } else if phase == "Succeeded" {
                *self.succeeded.entry(owner).or_default() += 1;
            }
        }
    }

    /// The workload of the input that an object names as its owner.
    fn owner_of(&self, metadata: &ObjectMeta) -> Option<Id> {
        let owner = controller(metadata)?;
        if let Some(id) = self.by_uid.get(&owner.uid).filter(|_| !owner.uid.is_empty()) {
            return Some(id.clone());
        }
        let kind = ["Deployment", "ReplicaSet", "StatefulSet", "Job", "CronJob"]
            .into_iter()
            .find(|kind| *kind == owner.kind)?;
        let id = (kind, namespace_of(metadata).to_owned(), owner.name.clone());
        let uid = self.uids.get(&id)?;
        // With two uids that differ it is another object of the same name.
        (uid.is_empty() || owner.uid.is_empty()).then_some(id)
    }

    /// The Deployment or CronJob of a pod whose ReplicaSet or Job is not in the input: controllers give them the
    /// name of what they belong to and a suffix.
    fn guessed_owner(&self, pod: &Pod) -> Option<Id> {
        let owner = controller(&pod.metadata)?;
        let namespace = namespace_of(&pod.metadata).to_owned();
        let id: Id = match owner.kind.as_str() {
            "ReplicaSet" => {
                let hash = pod.metadata.labels.as_ref()?.get(POD_TEMPLATE_HASH)?;
                let name = owner.name.strip_suffix(hash.as_str())?.strip_suffix('-')?;
                ("Deployment", namespace, name.to_owned())
            }
            "Job" => {
                let (name, number) = owner.name.rsplit_once('-')?;
                let scheduled = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
                scheduled.then(|| ("CronJob", namespace, name.to_owned()))?
            }
            _ => return None,
        };
        self.uids.contains_key(&id).then_some(id)
    }
}

/// The owner that controls an object, or the only one it has.
fn controller(metadata: &ObjectMeta) -> Option<&OwnerReference> {
    let owners = metadata.owner_references.as_deref()?;
    owners.iter().find(|owner| owner.controller == Some(true)).or_else(|| owners.first())
}

fn id(kind: &'static str, metadata: &ObjectMeta) -> Id {
    (kind, namespace_of(metadata).to_owned(), name_of(metadata).to_owned())
}
