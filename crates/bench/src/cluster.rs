//! A large running cluster: nodes with their claims, DaemonSet pods, and Deployments placed on what is left.

use k8s_openapi::api::apps::v1::{DaemonSet, DaemonSetSpec};
use k8s_openapi::api::core::v1::{Node, NodeSpec, NodeStatus, Pod, PodTemplateSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use supercargo_api::labels::keys;
use supercargo_api::{NodeClaim, NodeClaimSpec, NodeClaimStatus, Objects, ResourceList};
use supercargo_catalog::{Catalog, InstanceType};
use supercargo_clock::Randomness;

use crate::pods::{bind, dress, labels, pod, selector, shun, spec, spread};
use crate::us_east_1;

/// How large the cluster is.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    /// Nodes.
    pub nodes: usize,
    /// Running pods, those of DaemonSets among them.
    pub pods: usize,
    /// Replicas of each Deployment.
    pub replicas: usize,
}

/// What nodes there are.
const TYPES: [&str; 6] =
    ["m7i.4xlarge", "m6i.4xlarge", "m7g.4xlarge", "r7i.4xlarge", "m6a.4xlarge", "r6g.4xlarge"];
/// Name, cpu, memory.
const DAEMONS: [(&str, &str, &str); 4] = [
    ("aws-node", "50m", "64Mi"),
    ("kube-proxy", "100m", "64Mi"),
    ("ebs-csi-node", "30m", "120Mi"),
    ("node-exporter", "100m", "128Mi"),
];
const CPU_MILLI: [i64; 6] = [100, 250, 250, 500, 750, 1_000];
const MEMORY_MIB: [i64; 6] = [128, 256, 512, 1_024, 2_048, 4_096];
const MIB: i64 = 1 << 20;

/// One Deployment of the cluster.
#[derive(Clone, Debug)]
pub struct Deployment {
    number: usize,
    cpu_milli: i64,
    memory_mib: i64,
}

impl Deployment {
    fn drawn(number: usize, randomness: &mut Randomness) -> Deployment {
        Deployment {
            number,
            cpu_milli: randomness.choose(&CPU_MILLI).copied().unwrap_or(100),
            memory_mib: randomness.choose(&MEMORY_MIB).copied().unwrap_or(128),
        }
    }

    /// One replica. Every third Deployment is spread over zones, every twentieth never has two on a node.
    pub fn replica(&self, replica: usize, uid: usize) -> Pod {
        self.sized_replica(replica, uid, self.cpu_milli, self.memory_mib)
    }

    /// One replica after a new release that asks for more (or less).
    pub fn sized_replica(&self, replica: usize, uid: usize, cpu_milli: i64, memory_mib: i64) -> Pod {
        let name = format!("service-{:04}", self.number);
        let own = labels([
            ("app.kubernetes.io/name", &name),
            ("app.kubernetes.io/part-of", "platform"),
            ("pod-template-hash", "7c9d8f6b5"),
        ]);
        let selected = labels([("app.kubernetes.io/name", &name)]);
        let namespace = format!("team-{:02}", self.number % 40);
        let (cpu, memory) = (format!("{cpu_milli}m"), format!("{memory_mib}Mi"));
        let mut made = pod(&namespace, &format!("{name}-7c9d8f6b5-{replica:05x}"), &own, &cpu, &memory);
        dress(&mut made, "ReplicaSet", &format!("{name}-7c9d8f6b5"), uid as u64);
        if self.number.is_multiple_of(3) {
            spec(&mut made).topology_spread_constraints = Some(vec![spread(keys::ZONE, 1, &selected)]);
        }
        if self.number.is_multiple_of(20) {
            shun(&mut made, keys::HOSTNAME, &selected);
        }
        made
    }
}

/// The cluster, and its Deployments.
pub fn cluster(size: Size, seed: u64) -> (Objects, Vec<Deployment>) {
    let mut randomness = Randomness::from_seed(seed);
    let types = us_east_1::instance_types(Catalog::embedded());
    let types: Vec<&InstanceType> =
        TYPES.iter().filter_map(|name| types.iter().find(|one| one.name == *name)).collect();
    let mut objects =
        Objects { node_pools: vec![us_east_1::node_pool(&us_east_1::ANY_CAPACITY)], ..Objects::default() };
    let mut free: Vec<(i64, i64)> = Vec::with_capacity(size.nodes);
    for number in 0..size.nodes {
        let Some(instance_type) = randomness.choose(&types).copied() else { break };
        let (node, claim) = node(instance_type, number);
        free.push((
            instance_type.allocatable.get("cpu") - 280,
            instance_type.allocatable.get("memory") / MIB - 376,
        ));
        for (daemon, cpu, memory) in DAEMONS {
            let own = labels([("app.kubernetes.io/name", daemon)]);
            let name = format!("{daemon}-{number:05x}");
            let mut made = pod("kube-system", &name, &own, cpu, memory);
            dress(&mut made, "DaemonSet", daemon, objects.pods.len() as u64);
            bind(&mut made, &node_name(number));
            objects.pods.push(made.into());
        }
        objects.nodes.push(node);
        objects.node_claims.push(claim);
    }
    objects.daemon_sets = DAEMONS.iter().map(|(name, cpu, memory)| daemon_set(name, cpu, memory)).collect();
    let mut deployments = Vec::new();
    let mut cursor = 0;
    while objects.pods.len() < size.pods {
        let deployment = Deployment::drawn(deployments.len(), &mut randomness);
        let mut placed = 0;
        for _ in 0..size.nodes {
            if placed == size.replicas || objects.pods.len() == size.pods {
                break;
            }
            let at = cursor % size.nodes;
            cursor += 1;
            let (cpu, memory) = &mut free[at];
            if *cpu < deployment.cpu_milli || *memory < deployment.memory_mib {
                continue;
            }
            *cpu -= deployment.cpu_milli;
            *memory -= deployment.memory_mib;
            let mut replica = deployment.replica(placed, objects.pods.len());
            bind(&mut replica, &node_name(at));
            objects.pods.push(replica.into());
            placed += 1;
        }
        deployments.push(deployment);
        if placed == 0 {
            break;
        }
    }
    (objects, deployments)
}

fn node_name(number: usize) -> String {
    format!("ip-10-{}-{}-{}.ec2.internal", number / 65_536, number / 256 % 256, number % 256)
}

fn node(instance_type: &InstanceType, number: usize) -> (Node, NodeClaim) {
    let name = node_name(number);
    let zone = us_east_1::ZONES[number % us_east_1::ZONES.len()];
    let provider_id = format!("aws:///{zone}/i-{number:017x}");
    let mut own = instance_type.labels.clone();
    own.extend(labels([
        (keys::NODEPOOL, "default"),
        (keys::EC2_NODE_CLASS, "default"),
        (keys::CAPACITY_TYPE, if number.is_multiple_of(4) { "on-demand" } else { "spot" }),
        (keys::ZONE, zone),
    ]));
    let mut claim = NodeClaim::new(&format!("default-{number:05x}"), NodeClaimSpec::default());
    claim.metadata.labels = Some(own.clone());
    claim.spec.node_class_ref = us_east_1::node_class_reference();
    let list = |resources: &supercargo_api::Resources| {
        let mut list = ResourceList::default();
        list.extend(resources.to_quantities());
        Some(list)
    };
    claim.status = Some(NodeClaimStatus {
        capacity: list(&instance_type.capacity),
        allocatable: list(&instance_type.allocatable),
        node_name: Some(name.clone()),
        provider_id: Some(provider_id.clone()),
        ..NodeClaimStatus::default()
    });
    own.extend(labels([(keys::HOSTNAME, &name), (keys::REGISTERED, "true"), (keys::INITIALIZED, "true")]));
    let node = Node {
        metadata: ObjectMeta { name: Some(name), labels: Some(own), ..ObjectMeta::default() },
        spec: Some(NodeSpec { provider_id: Some(provider_id), ..NodeSpec::default() }),
        status: Some(NodeStatus {
            capacity: Some(instance_type.capacity.to_quantities()),
            allocatable: Some(instance_type.allocatable.to_quantities()),
            ..NodeStatus::default()
        }),
    };
    (node, claim)
}

fn daemon_set(name: &str, cpu: &str, memory: &str) -> DaemonSet {
    let own = labels([("app.kubernetes.io/name", name)]);
    let template = pod("kube-system", name, &own, cpu, memory);
    DaemonSet {
        metadata: ObjectMeta {
            namespace: Some("kube-system".to_owned()),
            name: Some(name.to_owned()),
            ..ObjectMeta::default()
        },
        spec: DaemonSetSpec {
            selector: selector(&own),
            template: PodTemplateSpec {
                metadata: Some(ObjectMeta { labels: Some(own), ..ObjectMeta::default() }),
                spec: template.spec,
            },
            ..DaemonSetSpec::default()
        },
        status: None,
    }
}
