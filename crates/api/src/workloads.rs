//! Workloads become the pods they ask for: what their controllers would create and the input does not have yet.
//!
//! ```text
//! Deployment ─┬─ replicas                      ┐
//! ReplicaSet ─┤                                │   desired - active pods of it = pods that are added,
//! StatefulSet ┤  one pod (and claims) a number ├─> pending, with the labels, annotations and spec of the template
//! Job ────────┤  min(parallelism, what is left)│
//! CronJob ────┘  one Job's worth               ┘
//! ```
//!
//! A pod belongs to a workload by its owner reference: by uid if both have one, else by kind and name. A ReplicaSet of
//! a Deployment in the input and a Job of a CronJob in the input count for that, so that nothing counts twice. Pods
//! that have ended or are being deleted do not count: their controllers replace them. DaemonSets are no demand of
//! their own; they are overhead of every node. Autoscalers are not considered.

mod births;
mod desired;
mod owners;

use crate::objects::Objects;

use births::Births;
use desired::{job_pods, next_job_pods};
use owners::Owners;

/// Adds the pods of all workloads that are not in the input, and the volume claims of StatefulSets.
///
/// Names are the workload's and a number, the same on every run, and never one that is taken. Calling it again adds
/// nothing.
pub fn expand(objects: &mut Objects) {
    let owners = Owners::of(objects);
    let mut births = Births::beside(objects);

    for set in &objects.stateful_sets {
        births.stateful_set(set);
    }
    for deployment in &objects.deployments {
        let desired = count(deployment.spec.replicas);
        let present = owners.active_pods("Deployment", &deployment.metadata);
        let revision =
            owners.newest_replica_set(&deployment.metadata).map(|index| &objects.replica_sets[index]);
        births.deployment(deployment, revision, desired.saturating_sub(present));
    }
    for (index, set) in objects.replica_sets.iter().enumerate() {
        if owners.belongs_to_deployment(index) {
            continue;
        }
        let desired = count(set.spec.replicas);
        let present = owners.active_pods("ReplicaSet", &set.metadata);
        births.replica_set(set, desired.saturating_sub(present));
    }
    let mut added = vec![0; objects.cron_jobs.len()];
    for (index, job) in objects.jobs.iter().enumerate() {
        let Some(spec) = &job.spec else { continue };
        let present = owners.active_pods("Job", &job.metadata);
        let missing = job_pods(job, owners.succeeded_pods(&job.metadata)).saturating_sub(present);
        births.job(job, spec, missing);
        if let Some(cron_job) = owners.cron_job_of(index) {
            added[cron_job] += missing;
        }
    }
    for (index, cron_job) in objects.cron_jobs.iter().enumerate() {
        let present = owners.active_pods("CronJob", &cron_job.metadata) + added[index];
        births.cron_job(cron_job, next_job_pods(cron_job).saturating_sub(present));
    }

    let (pods, claims) = births.into_parts();
    objects.pods.extend(pods);
    objects.persistent_volume_claims.extend(claims);
}

/// How many pods a workload asks for: one when it does not say.
fn count(replicas: Option<i32>) -> usize {
    usize::try_from(replicas.unwrap_or(1)).unwrap_or(0)
}

/// The namespace of an object, `default` when it names none.
fn namespace_of(metadata: &k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta) -> &str {
    metadata.namespace.as_deref().filter(|namespace| !namespace.is_empty()).unwrap_or("default")
}

/// The name of an object, empty when it has none.
fn name_of(metadata: &k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta) -> &str {
    metadata.name.as_deref().unwrap_or_default()
}
