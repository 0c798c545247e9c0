//! Pods as a cluster holds them.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{
    Affinity, ConfigMapProjection, Container, ContainerPort, EnvVar, KeyToPath, Pod, PodAffinityTerm,
    PodAntiAffinity, PodCondition, PodSpec, PodStatus, ProjectedVolumeSource, ResourceRequirements,
    ServiceAccountTokenProjection, Toleration, TopologySpreadConstraint, Volume, VolumeMount,
    VolumeProjection,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta, OwnerReference};

/// Label keys and values.
pub type Labels = BTreeMap<String, String>;

/// Labels from pairs.
pub fn labels<const N: usize>(pairs: [(&str, &str); N]) -> Labels {
    pairs.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
}

/// A selector for these labels.
pub fn selector(labels: &Labels) -> LabelSelector {
    LabelSelector { match_labels: Some(labels.clone()), match_expressions: None }
}

/// A pod with one container that requests cpu and memory, and nothing else. The texts are Kubernetes quantities.
pub fn pod(namespace: &str, name: &str, labels: &Labels, cpu: &str, memory: &str) -> Pod {
    let requests = [("cpu", cpu), ("memory", memory)];
    let requests = requests.map(|(resource, amount)| (resource.to_owned(), Quantity(amount.to_owned())));
    Pod {
        metadata: ObjectMeta {
            namespace: Some(namespace.to_owned()),
            name: Some(name.to_owned()),
            labels: Some(labels.clone()),
            ..ObjectMeta::default()
        },
        spec: Some(PodSpec {
            containers: vec![Container {
                name: "main".to_owned(),
                resources: Some(ResourceRequirements {
                    requests: Some(requests.into_iter().collect()),
                    ..ResourceRequirements::default()
                }),
                ..Container::default()
            }],
            ..PodSpec::default()
        }),
        status: None,
    }
}

/// The pod's spec, an empty one made if there is none.
pub fn spec(pod: &mut Pod) -> &mut PodSpec {
    pod.spec.get_or_insert_default()
}

/// The pod's affinity, an empty one made if there is none.
pub fn affinity(pod: &mut Pod) -> &mut Affinity {
    spec(pod).affinity.get_or_insert_default()
}

/// A spread that must hold.
pub fn spread(key: &str, max_skew: i32, labels: &Labels) -> TopologySpreadConstraint {
    TopologySpreadConstraint {
        max_skew,
        topology_key: key.to_owned(),
        when_unsatisfiable: "DoNotSchedule".to_owned(),
        label_selector: Some(selector(labels)),
        ..TopologySpreadConstraint::default()
    }
}

/// A pod affinity term.
pub fn term(key: &str, labels: &Labels) -> PodAffinityTerm {
    PodAffinityTerm {
        topology_key: key.to_owned(),
        label_selector: Some(selector(labels)),
        ..PodAffinityTerm::default()
    }
}

/// Keeps the pod away from pods with these labels.
pub fn shun(pod: &mut Pod, key: &str, labels: &Labels) {
    let rules: &mut PodAntiAffinity = affinity(pod).pod_anti_affinity.get_or_insert_default();
    rules.required_during_scheduling_ignored_during_execution.get_or_insert_default().push(term(key, labels));
}

/// Adds what an API server, its admission plugins and the owning controller add to every pod.
pub fn dress(pod: &mut Pod, owner_kind: &str, owner: &str, number: u64) {
    pod.metadata.uid = Some(uid(number));
    pod.metadata.generate_name = Some(format!("{owner}-"));
    pod.metadata.owner_references = Some(vec![OwnerReference {
        api_version: "apps/v1".to_owned(),
        kind: owner_kind.to_owned(),
        name: owner.to_owned(),
        uid: uid(number / 1_000 + (1 << 40)),
        controller: Some(true),
        block_owner_deletion: Some(true),
    }]);
    let name = owner.to_owned();
    let spec = spec(pod);
    spec.service_account_name = Some(name.clone());
    spec.restart_policy = Some("Always".to_owned());
    spec.scheduler_name = Some("default-scheduler".to_owned());
    spec.priority = Some(0);
    spec.tolerations = Some(["not-ready", "unreachable"].map(evicted_after_five_minutes).into());
    spec.volumes = Some(vec![token_volume()]);
    for container in &mut spec.containers {
        container.image = Some(format!("registry.example.com/{name}:1.27.3"));
        container.env = Some(vec![EnvVar {
            name: "APP_ENV".to_owned(),
            value: Some("production".to_owned()),
            value_from: None,
        }]);
        container.ports = Some(vec![ContainerPort { container_port: 8080, ..ContainerPort::default() }]);
        container.volume_mounts = Some(vec![VolumeMount {
            name: "kube-api-access".to_owned(),
            mount_path: "/var/run/secrets/kubernetes.io/serviceaccount".to_owned(),
            read_only: Some(true),
            ..VolumeMount::default()
        }]);
    }
}

/// The condition a scheduler leaves on a pod it found no node for.
pub fn unschedulable(pod: &mut Pod) {
    let condition = PodCondition {
        type_: "PodScheduled".to_owned(),
        status: "False".to_owned(),
        reason: Some("Unschedulable".to_owned()),
        ..PodCondition::default()
    };
    pod.status = Some(PodStatus {
        phase: Some("Pending".to_owned()),
        conditions: Some(vec![condition]),
        ..PodStatus::default()
    });
}

/// Puts the pod on a node, running.
pub fn bind(pod: &mut Pod, node: &str) {
    spec(pod).node_name = Some(node.to_owned());
    let condition = PodCondition {
        type_: "PodScheduled".to_owned(),
        status: "True".to_owned(),
        ..PodCondition::default()
    };
    pod.status = Some(PodStatus {
        phase: Some("Running".to_owned()),
        conditions: Some(vec![condition]),
        ..PodStatus::default()
    });
}

fn uid(number: u64) -> String {
    format!("{:08x}-0000-4000-8000-{:012x}", number >> 32, number & 0xffff_ffff)
}

fn evicted_after_five_minutes(state: &str) -> Toleration {
    Toleration {
        key: Some(format!("node.kubernetes.io/{state}")),
        operator: Some("Exists".to_owned()),
        effect: Some("NoExecute".to_owned()),
        toleration_seconds: Some(300),
        value: None,
    }
}

fn token_volume() -> Volume {
    let token = VolumeProjection {
        service_account_token: Some(ServiceAccountTokenProjection {
            expiration_seconds: Some(3607),
            path: "token".to_owned(),
            ..ServiceAccountTokenProjection::default()
        }),
        ..VolumeProjection::default()
    };
    let authority = VolumeProjection {
        config_map: Some(ConfigMapProjection {
            name: "kube-root-ca.crt".to_owned(),
            items: Some(vec![KeyToPath {
                key: "ca.crt".to_owned(),
                path: "ca.crt".to_owned(),
                ..KeyToPath::default()
            }]),
            optional: None,
        }),
        ..VolumeProjection::default()
    };
    Volume {
        name: "kube-api-access".to_owned(),
        projected: Some(ProjectedVolumeSource {
            sources: Some(vec![token, authority]),
            default_mode: Some(420),
            ..ProjectedVolumeSource::default()
        }),
        ..Volume::default()
    }
}
