//! What objects say of each other: a NodePool needs its NodeClass, a buffer what it looks like.

use crate::kinds::{CapacityBuffer, NodePool};
use crate::labels::{KARPENTER_AWS_GROUP, excerpt};
use crate::validate::meant::meant;
use crate::validate::path::At;
use crate::validate::problem::{Problem, Problems};
use crate::validate::workload::MOST_PODS;

use super::reader::title;
use super::store::{Origin, Store};

/// All references that lead nowhere, with the object that has them.
pub(super) fn check_references(store: &Store) -> Vec<(Origin, String, Problem)> {
    let mut found = Vec::new();
    for pool in store.objects.node_pools.iter().chain(&store.unsound.node_pools) {
        let mut problems = Problems::default();
        check_node_pool(store, pool, &mut problems);
        collect(store, "NodePool", &pool.metadata, problems, &mut found);
    }
    for buffer in store.objects.capacity_buffers.iter().chain(&store.unsound.capacity_buffers) {
        let mut problems = Problems::default();
        check_buffer(store, buffer, &mut problems);
        collect(store, "CapacityBuffer", &buffer.metadata, problems, &mut found);
    }
    check_pod_count(store, &mut found);
    found
}

/// All workloads together must not ask for more pods than can be planned; the first one that goes too far is named.
fn check_pod_count(store: &Store, found: &mut Vec<(Origin, String, Problem)>) {
    let objects = &store.objects;
    let deployments = objects.deployments.iter().map(|o| ("Deployment", &o.metadata, o.spec.replicas));
    let replica_sets = objects.replica_sets.iter().map(|o| ("ReplicaSet", &o.metadata, o.spec.replicas));
    let stateful_sets = objects.stateful_sets.iter().map(|o| ("StatefulSet", &o.metadata, o.spec.replicas));
    let jobs =
        objects.jobs.iter().map(|o| ("Job", &o.metadata, o.spec.as_ref().and_then(|spec| spec.parallelism)));
    let cron_jobs = objects.cron_jobs.iter().map(|o| {
        let job = o.spec.job_template.spec.as_ref();
        ("CronJob", &o.metadata, job.and_then(|spec| spec.parallelism))
    });
    let mut sum = objects.pods.len();
    for (kind, metadata, replicas) in
        deployments.chain(replica_sets).chain(stateful_sets).chain(jobs).chain(cron_jobs)
    {
        sum = sum.saturating_add(usize::try_from(replicas.unwrap_or(1)).unwrap_or(0));
        if sum > MOST_PODS {
            let mut problems = Problems::default();
            problems
                .error(&At::ROOT, format!("with this workload there are more than {MOST_PODS} pods"))
                .right("plan a part of the workloads at a time")
                .rule("pod-count");
            collect(store, kind, metadata, problems, found);
            return;
        }
    }
}

fn collect(
    store: &Store,
    kind: &'static str,
    metadata: &k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta,
    problems: Problems,
    found: &mut Vec<(Origin, String, Problem)>,
) {
    let Some(origin) = store.origin(kind, metadata) else { return };
    let namespace = metadata.namespace.as_deref().unwrap_or_default();
    let name = metadata.name.as_deref().unwrap_or_default();
    let title = title(kind, namespace, name).unwrap_or_default();
    found.extend(problems.0.into_iter().map(|problem| (origin.clone(), title.clone(), problem)));
}

fn check_node_pool(store: &Store, pool: &NodePool, problems: &mut Problems) {
    let reference = &pool.spec.template.spec.node_class_ref;
    let at = At::ROOT.key("spec");
    let at = at.key("template");
    let at = at.key("spec");
    let at = at.key("nodeClassRef");
    if reference.group != KARPENTER_AWS_GROUP || reference.kind != "EC2NodeClass" {
        problems
            .warning(
                &at,
                format!(
                    "the kind {} of the group {:?} is not known here",
                    excerpt(&reference.kind),
                    excerpt(&reference.group)
                ),
            )
            .right(format!("only nodes of an EC2NodeClass of {KARPENTER_AWS_GROUP} can be planned"))
            .rule("node-class-reference");
        return;
    }
    if store.has("EC2NodeClass", "", &reference.name) {
        return;
    }
    let names = store.names("EC2NodeClass");
    let right = match meant(&reference.name, names.clone()) {
        Some(known) => format!("did you mean {known}?"),
        None if names.clone().next().is_none() => "add the EC2NodeClass to the input".to_owned(),
        None => format!("there are: {}", names.take(10).map(excerpt).collect::<Vec<_>>().join(", ")),
    };
    problems
        .error(&at.key("name"), format!("there is no EC2NodeClass {} in the input", excerpt(&reference.name)))
        .right(right)
        .rule("node-class-reference");
}

fn check_buffer(store: &Store, buffer: &CapacityBuffer, problems: &mut Problems) {
    let namespace = buffer.metadata.namespace.as_deref().unwrap_or_default();
    let at = At::ROOT.key("spec");
    if let Some(reference) = &buffer.spec.pod_template_ref
        && !store.has("PodTemplate", namespace, &reference.name)
    {
        let at = at.key("podTemplateRef");
        problems
            .warning(
                &at.key("name"),
                format!(
                    "there is no PodTemplate {} in namespace {}",
                    excerpt(&reference.name),
                    excerpt(namespace)
                ),
            )
            .right("without it the buffer is empty")
            .rule("buffer-reference");
    }
    if let Some(reference) = &buffer.spec.scalable_ref {
        let known = match reference.kind.as_str() {
            "Deployment" => store.has("Deployment", namespace, &reference.name),
            "StatefulSet" => store.has("StatefulSet", namespace, &reference.name),
            "ReplicaSet" => store.has("ReplicaSet", namespace, &reference.name),
            _ => true,
        };
        if !known {
            let at = at.key("scalableRef");
            let text = format!(
                "there is no {} {} in namespace {}",
                reference.kind,
                excerpt(&reference.name),
                excerpt(namespace)
            );
            problems
                .warning(&at.key("name"), text)
                .right("without it the buffer is empty")
                .rule("buffer-reference");
        }
    }
}
