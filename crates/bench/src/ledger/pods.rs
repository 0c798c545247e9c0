//! The fleet as objects and measurements: what a collector is given.

use std::collections::BTreeMap;
use std::sync::Arc;

use k8s_openapi::api::core::v1::{
    Container, Namespace, Node, NodeSpec, NodeStatus, PodCondition, PodSpec, PodStatus, ResourceRequirements,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference, Time};
use supercargo_api::Pod;
use supercargo_clock::Randomness;
use supercargo_cost::Workload;
use supercargo_cost::collector::{ContainerUsage, PodTraffic, Seen, View};
use supercargo_cost::facts::{HourFacts, NetworkBytes};
use supercargo_cost::workload::Labels;

/// A cluster as a collector sees it.
pub struct Cluster {
    nodes: Vec<Node>,
    pods: Vec<Pod>,
    namespaces: Vec<Namespace>,
}

fn strings(labels: &Labels) -> Option<BTreeMap<String, String>> {
    Some(labels.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect())
}

fn quantities(millicores: u64, bytes: u64) -> Option<BTreeMap<String, Quantity>> {
    let pairs = [("cpu", format!("{millicores}m")), ("memory", bytes.to_string())];
    Some(pairs.into_iter().map(|(name, text)| (name.to_owned(), Quantity(text))).collect())
}

fn time(second: i64) -> Time {
    Time(jiff::Timestamp::from_second(second).unwrap_or_default())
}

impl Cluster {
    /// The objects behind an hour's facts; everything is older than the hour.
    pub fn of(facts: &HourFacts) -> Cluster {
        let before = facts.hour - 3_600;
        let mut pods: BTreeMap<Arc<str>, (Arc<Workload>, Vec<Container>)> = BTreeMap::new();
        let mut namespaces: BTreeMap<Arc<str>, Labels> = BTreeMap::new();
        for fact in &facts.containers {
            let workload = &fact.workload;
            let seconds = fact.interval.seconds().max(1);
            let requests = quantities(fact.cpu.requested / seconds / 1_000, fact.ram.requested / seconds);
            let container = Container {
                name: workload.container.to_string(),
                resources: Some(ResourceRequirements { requests, ..ResourceRequirements::default() }),
                ..Container::default()
            };
            let entry = pods.entry(Arc::clone(&workload.pod_uid));
            entry.or_insert_with(|| (Arc::clone(workload), Vec::new())).1.push(container);
            namespaces.insert(Arc::clone(&workload.namespace), Arc::clone(&workload.namespace_labels));
        }
        let pod = |(workload, containers): (Arc<Workload>, Vec<Container>)| {
            let kind = match &*workload.controller_kind {
                "statefulset" => "StatefulSet",
                "daemonset" => "DaemonSet",
                "cronjob" => "Job",
                _ => "ReplicaSet",
            };
            let owner = OwnerReference {
                kind: kind.to_owned(),
                name: workload.controller.to_string(),
                controller: Some(true),
                ..OwnerReference::default()
            };
            let metadata = ObjectMeta {
                name: Some(workload.pod.to_string()),
                namespace: Some(workload.namespace.to_string()),
                uid: Some(workload.pod_uid.to_string()),
                labels: strings(&workload.labels),
                annotations: strings(&workload.annotations),
                owner_references: Some(vec![owner]),
                creation_timestamp: Some(time(before)),
                ..ObjectMeta::default()
            };
            let node_name = Some(workload.node.to_string());
            let spec = PodSpec { containers, node_name, ..PodSpec::default() };
            let bound = PodCondition {
                type_: "PodScheduled".to_owned(),
                status: "True".to_owned(),
                last_transition_time: Some(time(before)),
                ..PodCondition::default()
            };
            let status = PodStatus {
                phase: Some("Running".to_owned()),
                conditions: Some(vec![bound]),
                ..PodStatus::default()
            };
            Pod::new(metadata, Some(spec), Some(status))
        };
        let node = |fact: &supercargo_cost::facts::NodeFact| {
            let labels = [
                ("node.kubernetes.io/instance-type", &fact.instance_type),
                ("topology.kubernetes.io/region", &fact.region),
                ("topology.kubernetes.io/zone", &fact.zone),
                ("kubernetes.io/arch", &fact.arch),
            ];
            let labels = labels.into_iter().map(|(key, value)| (key.to_owned(), value.to_string())).collect();
            Node {
                metadata: ObjectMeta {
                    name: Some(fact.name.to_string()),
                    labels: Some(labels),
                    creation_timestamp: Some(time(before)),
                    ..ObjectMeta::default()
                },
                spec: Some(NodeSpec {
                    provider_id: Some(fact.provider_id.to_string()),
                    ..NodeSpec::default()
                }),
                status: Some(NodeStatus {
                    capacity: quantities(fact.capacity.millicores, fact.capacity.ram_bytes),
                    allocatable: quantities(fact.allocatable.millicores, fact.allocatable.ram_bytes),
                    ..NodeStatus::default()
                }),
            }
        };
        let namespace = |(name, labels): (Arc<str>, Labels)| Namespace {
            metadata: ObjectMeta {
                name: Some(name.to_string()),
                labels: strings(&labels),
                ..ObjectMeta::default()
            },
            ..Namespace::default()
        };
        Cluster {
            nodes: facts.nodes.iter().map(node).collect(),
            pods: pods.into_values().map(pod).collect(),
            namespaces: namespaces.into_iter().map(namespace).collect(),
        }
    }

    /// What a collector is shown.
    pub fn view(&self) -> View<'_> {
        View {
            nodes: self.nodes.iter().map(Seen::from).collect(),
            pods: self.pods.iter().map(Seen::from).collect(),
            namespaces: self.namespaces.iter().collect(),
            ..View::default()
        }
    }
}

/// One sample of everything that runs.
pub fn sample(facts: &HourFacts, number: u64) -> (Vec<ContainerUsage>, Vec<PodTraffic>) {
    let mut random = Randomness::from_seed(number);
    let mut traffic: BTreeMap<Arc<str>, PodTraffic> = BTreeMap::new();
    let mut usage = Vec::with_capacity(facts.containers.len());
    for fact in &facts.containers {
        let (workload, seconds) = (&fact.workload, fact.interval.seconds().max(1));
        usage.push(ContainerUsage {
            namespace: Arc::clone(&workload.namespace),
            pod: Arc::clone(&workload.pod),
            pod_uid: Arc::clone(&workload.pod_uid),
            container: Arc::clone(&workload.container),
            microcores: fact.cpu.used / seconds / 2 + random.below(fact.cpu.used / seconds + 1),
            ram_bytes: fact.ram.used / seconds + random.below(1 << 12) * 4_096,
            milli_gpus: None,
        });
        traffic.entry(Arc::clone(&workload.pod_uid)).or_insert_with(|| PodTraffic {
            namespace: Arc::clone(&workload.namespace),
            pod: Arc::clone(&workload.pod),
            pod_uid: Arc::clone(&workload.pod_uid),
            counters: NetworkBytes {
                transmitted: number * 1_000_000,
                received: number * 1_500_000,
                ..NetworkBytes::default()
            },
        });
    }
    (usage, traffic.into_values().collect())
}
