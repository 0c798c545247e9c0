//! A copy of a pod without what decides nothing, such as the state of its containers. Its spec is shared, not copied.

use std::sync::Arc;

use k8s_openapi::api::core::v1::{ContainerStatus, PodStatus};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use supercargo_api::Pod;

/// Written by kubectl for itself: the whole manifest once more.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// The copy.
pub(super) fn essentials(pod: &Pod) -> Pod {
    let mut copy = Pod::new(metadata(&pod.metadata), None, pod.status.as_deref().map(status));
    if let Some(spec) = pod.shared_spec() {
        copy.share_spec(Arc::clone(spec));
    }
    copy.set_node_name(pod.node_name());
    copy
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
            let objects = Objects { pods: vec![pod], ..Objects::default() };
            let snapshot = Snapshot::build(&objects, &market, &SnapshotOptions::default());
            format!("{:?}", snapshot.classes)
        };
        assert_eq!(class(copy), class(pod));
    }
}
