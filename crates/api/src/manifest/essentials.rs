//! What of an object in a cluster decides nothing, and is therefore not kept: half of a dump's memory.
//!
//! Only objects that come from a cluster are stripped; a manifest stays as it was written. What is dropped has been
//! checked before.

use std::any::Any;
use std::collections::BTreeMap;

use k8s_openapi::api::apps::v1::{DaemonSet, Deployment, ReplicaSet, StatefulSet};
use k8s_openapi::api::batch::v1::{CronJob, Job};
use k8s_openapi::api::core::v1::{
    Affinity, Container, ContainerStatus, Node, PodSpec, PodStatus, PodTemplateSpec, Volume,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use crate::pod::Pod;

/// Written by kubectl for itself: the whole manifest once more.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// Which limits of containers are kept.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Limits {
    /// Those that count as requests.
    NeededOnly,
    /// All: somebody adds them up.
    All,
}

/// Drops of a pod what decides nothing, as [`strip`] does, but for limits.
pub fn strip_but_limits(pod: &mut Pod) {
    strip_pod(pod, Limits::All);
}

/// Drops what decides nothing. A reader makes room for four members of every list; that is given back, too.
pub fn strip<K: 'static>(object: &mut K) {
    let object: &mut dyn Any = object;
    if let Some(pod) = object.downcast_mut::<Pod>() {
        strip_pod(pod, Limits::NeededOnly);
    } else if let Some(node) = object.downcast_mut::<Node>() {
        strip_annotations(&mut node.metadata.annotations);
        if let Some(status) = &mut node.status {
            status.images = None;
            status.volumes_attached = None;
            status.volumes_in_use = None;
        }
    } else if let Some(set) = object.downcast_mut::<ReplicaSet>() {
        strip_workload(&mut set.metadata, set.spec.template.as_mut());
    } else if let Some(deployment) = object.downcast_mut::<Deployment>() {
        strip_workload(&mut deployment.metadata, Some(&mut deployment.spec.template));
    } else if let Some(set) = object.downcast_mut::<StatefulSet>() {
        strip_workload(&mut set.metadata, Some(&mut set.spec.template));
    } else if let Some(set) = object.downcast_mut::<DaemonSet>() {
        strip_workload(&mut set.metadata, Some(&mut set.spec.template));
    } else if let Some(job) = object.downcast_mut::<Job>() {
        strip_workload(&mut job.metadata, job.spec.as_mut().map(|spec| &mut spec.template));
    } else if let Some(job) = object.downcast_mut::<CronJob>() {
        let spec = job.spec.job_template.spec.as_mut();
        strip_workload(&mut job.metadata, spec.map(|spec| &mut spec.template));
    }
}

fn strip_workload(metadata: &mut ObjectMeta, template: Option<&mut PodTemplateSpec>) {
    strip_annotations(&mut metadata.annotations);
    if let Some(spec) = template.and_then(|template| template.spec.as_mut()) {
        strip_spec(spec, Limits::NeededOnly);
    }
}

fn strip_annotations(annotations: &mut Option<BTreeMap<String, String>>) {
    if let Some(map) = annotations {
        map.remove(LAST_APPLIED);
        if map.is_empty() {
            *annotations = None;
        }
    }
}

fn strip_pod(pod: &mut Pod, limits: Limits) {
    let metadata: &mut ObjectMeta = &mut pod.metadata;
    metadata.managed_fields = None;
    strip_annotations(&mut metadata.annotations);
    if let Some(owners) = &mut metadata.owner_references {
        owners.shrink_to_fit();
    }
    if let Some(finalizers) = &mut metadata.finalizers {
        finalizers.shrink_to_fit();
    }
    let of_daemon_set = metadata.owner_references.iter().flatten().any(|owner| owner.kind == "DaemonSet");
    let pinned = of_daemon_set && pod.node_name().is_some();
    let mut status = pod.status.take();
    if let Some(status) = &mut status {
        strip_status(status, pod.spec());
    }
    pod.status = status;
    if pod.spec().is_some() {
        pod.change_spec(|spec| {
            strip_spec(spec, limits);
            // Most pods have a name of their own and nobody asks for it.
            spec.hostname = None;
            if pinned {
                unpin(&mut spec.affinity);
            }
        });
    }
}

/// The pods of a DaemonSet are tied to their nodes one by one; once they are there, that says nothing more.
fn unpin(affinity: &mut Option<Affinity>) {
    let Some(rules) = affinity else { return };
    rules.node_affinity = None;
    if rules.pod_affinity.is_none() && rules.pod_anti_affinity.is_none() {
        *affinity = None;
    }
}

fn strip_status(status: &mut PodStatus, spec: Option<&PodSpec>) {
    if let Some(conditions) = &mut status.conditions {
        conditions.retain(|condition| matches!(&*condition.type_, "PodScheduled" | "Ready"));
        conditions.shrink_to_fit();
    }
    let containers = spec.map(|spec| spec.containers.as_slice()).unwrap_or_default();
    let statuses = status.container_statuses.iter().flatten();
    let resized: Vec<ContainerStatus> = statuses
        .filter(|status| is_resized(status, containers))
        .map(|status| ContainerStatus {
            name: status.name.clone(),
            allocated_resources: status.allocated_resources.clone(),
            ..ContainerStatus::default()
        })
        .collect();
    *status = PodStatus {
        phase: status.phase.take(),
        start_time: status.start_time.take(),
        nominated_node_name: status.nominated_node_name.take(),
        conditions: status.conditions.take(),
        container_statuses: (!resized.is_empty()).then_some(resized),
        ..PodStatus::default()
    };
}

/// Whether the node has given the container something else than it asks for.
fn is_resized(status: &ContainerStatus, containers: &[Container]) -> bool {
    let Some(allocated) = &status.allocated_resources else { return false };
    let container = containers.iter().find(|container| container.name == status.name);
    let requests = container.and_then(|container| container.resources.as_ref()?.requests.as_ref());
    requests != Some(allocated)
}

/// Pods are stripped of what runs in them; what they ask for stays.
fn strip_spec(spec: &mut PodSpec, limits: Limits) {
    spec.ephemeral_containers = None;
    spec.image_pull_secrets = None;
    spec.host_aliases = None;
    spec.dns_config = None;
    if let Some(volumes) = &mut spec.volumes {
        volumes.retain(attaches);
        volumes.shrink_to_fit();
        if volumes.is_empty() {
            spec.volumes = None;
        }
    }
    spec.containers.shrink_to_fit();
    if let Some(containers) = &mut spec.init_containers {
        containers.shrink_to_fit();
    }
    if let Some(tolerations) = &mut spec.tolerations {
        tolerations.shrink_to_fit();
    }
    let containers = spec.containers.iter_mut().chain(spec.init_containers.iter_mut().flatten());
    containers.for_each(|container| strip_container(container, limits));
}

/// Whether the volume is more than a part of the node's own disk.
fn attaches(volume: &Volume) -> bool {
    let local = volume.projected.is_some()
        || volume.secret.is_some()
        || volume.config_map.is_some()
        || volume.downward_api.is_some()
        || volume.empty_dir.is_some()
        || volume.host_path.is_some();
    !local
}

fn strip_container(container: &mut Container, limits: Limits) {
    let name = std::mem::take(&mut container.name);
    let mut resources = container.resources.take();
    if limits == Limits::NeededOnly
        && let Some(resources) = &mut resources
        && let (Some(limits), Some(requests)) = (&resources.limits, &resources.requests)
        && limits.keys().all(|resource| requests.contains_key(resource))
    {
        // a limit counts only where nothing is requested
        resources.limits = None;
    }
    let mut ports = container.ports.take();
    if let Some(all) = &mut ports {
        all.retain(|port| port.host_port.is_some());
        if all.is_empty() {
            ports = None;
        }
    }
    *container = Container {
        name,
        resources,
        ports,
        resize_policy: container.resize_policy.take(),
        restart_policy: container.restart_policy.take(),
        ..Container::default()
    };
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn stripped<K>(object: Value) -> Value
    where
        K: serde::de::DeserializeOwned + serde::Serialize + 'static,
    {
        let mut object: K = serde_json::from_value(object).unwrap();
        strip(&mut object);
        serde_json::to_value(object).unwrap()
    }

    fn container(more: Value) -> Value {
        let mut container = json!({
            "name": "main",
            "ports": [{"containerPort": 80, "hostPort": 8080}],
            "resources": {"requests": {"cpu": "1", "memory": "1Gi"}},
        });
        for (key, value) in more.as_object().into_iter().flatten() {
            container[key] = value.clone();
        }
        container
    }

    fn spec(container: Value, volumes: Value) -> Value {
        json!({"containers": [container], "nodeName": "n", "tolerations": [{"operator": "Exists"}], "volumes": volumes})
    }

    #[test]
    fn of_a_pod_stays_what_it_asks_for() {
        let full = container(json!({
            "image": "web:1",
            "env": [{"name": "A", "value": "b"}],
            "livenessProbe": {"httpGet": {"port": 80}},
            "volumeMounts": [{"name": "data", "mountPath": "/data"}],
            "ports": [{"containerPort": 80, "hostPort": 8080}, {"containerPort": 81}],
            "resources": {"requests": {"cpu": "1", "memory": "1Gi"}, "limits": {"memory": "1Gi"}},
        }));
        let volumes = json!([
            {"name": "data", "persistentVolumeClaim": {"claimName": "data"}},
            {"name": "token", "projected": {"sources": []}},
            {"name": "own", "ephemeral": {}},
            {"name": "tmp", "emptyDir": {}},
        ]);
        let metadata = json!({"name": "web", "annotations": {LAST_APPLIED: "{}", "karpenter.sh/do-not-disrupt": "true"}});
        let status = json!({"phase": "Running", "startTime": "2026-07-20T12:00:00Z", "conditions": [],
            "containerStatuses": [{"name": "main", "image": "web:1", "imageID": "x", "ready": true, "restartCount": 0}]});
        let found =
            stripped::<Pod>(json!({"metadata": metadata, "spec": spec(full, volumes), "status": status}));
        let kept = json!([
            {"name": "data", "persistentVolumeClaim": {"claimName": "data"}},
            {"name": "own", "ephemeral": {}},
        ]);
        let expected: Pod = serde_json::from_value(json!({
            "metadata": {"name": "web", "annotations": {"karpenter.sh/do-not-disrupt": "true"}},
            "spec": spec(container(json!({})), kept),
            "status": {"phase": "Running", "startTime": "2026-07-20T12:00:00Z", "conditions": []},
        }))
        .unwrap();
        assert_eq!(found, serde_json::to_value(expected).unwrap());
    }

    #[test]
    fn a_daemon_on_its_node_is_not_told_apart_from_the_others() {
        let field = json!({"key": "metadata.name", "operator": "In", "values": ["n"]});
        let pinned = json!({"requiredDuringSchedulingIgnoredDuringExecution": {
            "nodeSelectorTerms": [{"matchFields": [field]}]}});
        let affinity = |kind: &str, node: Value, others: Value| {
            let owners = json!([{"apiVersion": "apps/v1", "kind": kind, "name": "agent", "uid": "u"}]);
            let mut spec = spec(container(json!({})), json!([]));
            spec["affinity"] = others;
            spec["affinity"]["nodeAffinity"] = pinned.clone();
            spec["nodeName"] = node;
            let pod = json!({"metadata": {"name": "agent", "ownerReferences": owners}, "spec": spec});
            stripped::<Pod>(pod)["spec"]["affinity"].clone()
        };
        let alone = json!({"podAntiAffinity": {}});
        assert_eq!(affinity("DaemonSet", json!("n"), json!({})), Value::Null);
        assert_eq!(affinity("DaemonSet", json!("n"), alone.clone()), alone);
        assert_eq!(affinity("DaemonSet", Value::Null, json!({})), json!({"nodeAffinity": pinned}));
        assert_eq!(affinity("ReplicaSet", json!("n"), json!({})), json!({"nodeAffinity": pinned}));
    }

    #[test]
    fn a_container_that_was_resized_in_place_stays_so() {
        let kept = |allocated: Value| {
            let status = json!({"name": "main", "image": "web:1", "imageID": "x", "ready": true, "restartCount": 0,
                "allocatedResources": allocated});
            let spec = spec(container(json!({})), json!([]));
            let pod =
                json!({"metadata": {"name": "web"}, "spec": spec, "status": {"containerStatuses": [status]}});
            stripped::<Pod>(pod)["status"]["containerStatuses"][0]["allocatedResources"].clone()
        };
        assert_eq!(kept(json!({"cpu": "1", "memory": "1Gi"})), Value::Null);
        assert_eq!(kept(json!({"cpu": "2", "memory": "1Gi"})), json!({"cpu": "2", "memory": "1Gi"}));
    }

    #[test]
    fn limits_stay_where_they_are_added_up() {
        let both = json!({"requests": {"cpu": "1"}, "limits": {"cpu": "2"}});
        let pod = json!({"metadata": {"name": "web", "managedFields": []},
            "spec": spec(container(json!({"image": "web:1", "resources": both})), json!([]))});
        let mut pod: Pod = serde_json::from_value(pod).unwrap();
        strip_but_limits(&mut pod);
        let kept = serde_json::to_value(&pod).unwrap();
        assert_eq!(kept["spec"]["containers"][0]["resources"], both);
        assert_eq!(kept["spec"]["containers"][0]["image"], Value::Null);
        assert_eq!(kept["metadata"]["managedFields"], Value::Null);
    }

    #[test]
    fn a_limit_without_a_request_stays() {
        let limited =
            container(json!({"resources": {"requests": {"cpu": "1"}, "limits": {"memory": "1Gi"}}}));
        let pod = json!({"metadata": {"name": "web"}, "spec": spec(limited.clone(), json!([]))});
        assert_eq!(stripped::<Pod>(pod)["spec"]["containers"][0], limited);
    }

    #[test]
    fn templates_are_stripped_like_pods() {
        let template = json!({"spec": spec(container(json!({"image": "web:1"})), json!([]))});
        let image = |object: &Value, path: &str| object.pointer(path).cloned();
        let workload = json!({"metadata": {}, "spec": {"selector": {}, "template": template}});
        let path = "/spec/template/spec/containers/0/image";
        assert_eq!(image(&stripped::<Deployment>(workload.clone()), path), None);
        assert_eq!(image(&stripped::<ReplicaSet>(workload.clone()), path), None);
        assert_eq!(image(&stripped::<DaemonSet>(workload.clone()), path), None);
        assert_eq!(image(&stripped::<Job>(workload.clone()), path), None);
        let mut set = workload;
        set["spec"]["serviceName"] = json!("web");
        assert_eq!(image(&stripped::<StatefulSet>(set), path), None);
        let cron = json!({"metadata": {}, "spec": {"schedule": "@daily", "jobTemplate": {"spec": {"template": template}}}});
        assert_eq!(
            image(&stripped::<CronJob>(cron), "/spec/jobTemplate/spec/template/spec/containers/0/image"),
            None
        );
    }

    #[test]
    fn a_node_does_without_the_images_it_has() {
        let node = json!({"metadata": {"name": "n"}, "status": {
            "allocatable": {"cpu": "2"}, "images": [{"names": ["web:1"], "sizeBytes": 1}], "volumesInUse": ["x"],
        }});
        let found = stripped::<Node>(node);
        assert_eq!(found["status"], json!({"allocatable": {"cpu": "2"}}));
    }
}
