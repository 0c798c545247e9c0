//! A copy of a pod without what decides nothing: commands, environments, mounts, the state of containers.

use k8s_openapi::api::core::v1::{
    Container, ContainerPort, ContainerStatus, Pod, PodSpec, PodStatus, ResourceRequirements, Volume,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

/// Written by kubectl for itself: the whole manifest once more.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// The copy.
pub(super) fn essentials(pod: &Pod) -> Pod {
    Pod {
        metadata: metadata(&pod.metadata),
        spec: pod.spec.as_ref().map(spec),
        status: pod.status.as_ref().map(status),
    }
}

fn metadata(from: &ObjectMeta) -> ObjectMeta {
    let annotations = from.annotations.iter().flatten().filter(|(key, _)| *key != LAST_APPLIED);
    let annotations = annotations.map(|(key, value)| (key.clone(), value.clone())).collect();
    ObjectMeta {
        name: from.name.clone(),
        namespace: from.namespace.clone(),
        uid: from.uid.clone(),
        labels: from.labels.clone(),
        annotations: from.annotations.is_some().then_some(annotations),
        owner_references: from.owner_references.clone(),
        creation_timestamp: from.creation_timestamp.clone(),
        deletion_timestamp: from.deletion_timestamp.clone(),
        deletion_grace_period_seconds: from.deletion_grace_period_seconds,
        ..ObjectMeta::default()
    }
}

fn spec(from: &PodSpec) -> PodSpec {
    let volumes: Vec<Volume> =
        from.volumes.iter().flatten().filter(|volume| attaches(volume)).cloned().collect();
    PodSpec {
        affinity: from.affinity.clone(),
        containers: from.containers.iter().map(container).collect(),
        init_containers: from.init_containers.as_ref().map(|all| all.iter().map(container).collect()),
        host_network: from.host_network,
        node_name: from.node_name.clone(),
        node_selector: from.node_selector.clone(),
        overhead: from.overhead.clone(),
        preemption_policy: from.preemption_policy.clone(),
        priority: from.priority,
        priority_class_name: from.priority_class_name.clone(),
        resource_claims: from.resource_claims.clone(),
        resources: from.resources.clone(),
        restart_policy: from.restart_policy.clone(),
        runtime_class_name: from.runtime_class_name.clone(),
        scheduler_name: from.scheduler_name.clone(),
        scheduling_gates: from.scheduling_gates.clone(),
        termination_grace_period_seconds: from.termination_grace_period_seconds,
        tolerations: from.tolerations.clone(),
        topology_spread_constraints: from.topology_spread_constraints.clone(),
        volumes: (!volumes.is_empty()).then_some(volumes),
        ..PodSpec::default()
    }
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

fn container(from: &Container) -> Container {
    let host_ports: Vec<ContainerPort> =
        from.ports.iter().flatten().filter(|port| port.host_port.is_some()).cloned().collect();
    Container {
        name: from.name.clone(),
        resources: from.resources.as_ref().map(resources),
        ports: (!host_ports.is_empty()).then_some(host_ports),
        resize_policy: from.resize_policy.clone(),
        restart_policy: from.restart_policy.clone(),
        ..Container::default()
    }
}

/// A limit counts only where nothing is requested.
fn resources(from: &ResourceRequirements) -> ResourceRequirements {
    let is_covered = match (&from.limits, &from.requests) {
        (Some(limits), Some(requests)) => limits.keys().all(|resource| requests.contains_key(resource)),
        _ => false,
    };
    ResourceRequirements {
        claims: from.claims.clone(),
        limits: if is_covered { None } else { from.limits.clone() },
        requests: from.requests.clone(),
    }
}

fn status(from: &PodStatus) -> PodStatus {
    let told = |kind: &str| matches!(kind, "PodScheduled" | "Ready");
    // containers that were given other resources than they were started with (in-place resize)
    let resized =
        from.container_statuses.iter().flatten().filter(|status| status.allocated_resources.is_some());
    let resized: Vec<ContainerStatus> = resized
        .map(|status| ContainerStatus {
            name: status.name.clone(),
            allocated_resources: status.allocated_resources.clone(),
            ..ContainerStatus::default()
        })
        .collect();
    PodStatus {
        phase: from.phase.clone(),
        nominated_node_name: from.nominated_node_name.clone(),
        start_time: from.start_time.clone(),
        conditions: from
            .conditions
            .as_ref()
            .map(|all| all.iter().filter(|condition| told(&condition.type_)).cloned().collect()),
        container_statuses: (!resized.is_empty()).then_some(resized),
        ..PodStatus::default()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use supercargo_api::Objects;
    use supercargo_catalog::{Catalog, NodeClassModel};
    use supercargo_engine::market::Market;
    use supercargo_engine::snapshot::{Snapshot, SnapshotOptions};

    use super::*;

    fn whole() -> Pod {
        let value = json!({
            "metadata": {
                "name": "web", "namespace": "shop", "uid": "u", "labels": {"app": "web"},
                "annotations": {"karpenter.sh/do-not-disrupt": "true", LAST_APPLIED: "{}"},
            },
            "spec": {
                "nodeSelector": {"kubernetes.io/arch": "amd64"},
                "containers": [{
                    "name": "a", "command": ["sleep"], "env": [{"name": "A", "value": "b"}],
                    "ports": [{"containerPort": 80}, {"containerPort": 90, "hostPort": 90}],
                    "resources": {"requests": {"cpu": "1"}, "limits": {"cpu": "2", "memory": "1Gi"}},
                }],
                "tolerations": [{"key": "spot", "operator": "Exists"}],
                "volumes": [{"name": "tmp", "emptyDir": {}}],
            },
            "status": {
                "phase": "Running",
                "containerStatuses": [{
                    "name": "a", "image": "i", "imageID": "j", "ready": true, "restartCount": 0,
                    "allocatedResources": {"cpu": "3"},
                }],
            },
        });
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn the_copy_is_smaller_and_the_engine_sees_the_same_class() {
        let pod = whole();
        let copy = essentials(&pod);
        let length = |pod: &Pod| serde_json::to_string(pod).unwrap().len();
        assert!(length(&copy) < length(&pod));
        let market = Market::compile([(
            "default".to_owned(),
            Catalog::embedded().instance_types("us-east-1", None, &NodeClassModel::default()),
        )]);
        let market = market.unwrap();
        let class = |pod: Pod| {
            let objects = Objects { pods: vec![pod.into()], ..Objects::default() };
            let snapshot = Snapshot::build(&objects, &market, &SnapshotOptions::default());
            format!("{:?}", snapshot.classes)
        };
        assert_eq!(class(copy), class(pod));
    }
}
