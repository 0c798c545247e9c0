//! A made-up fleet, hour by hour.
//!
//! Deployments that are rolled out every few days, StatefulSets with a volume and a label for each pod, a DaemonSet on every
//! node, CronJobs whose pods live for minutes. Requests are an app's, use goes up and down by the hour.

use std::collections::BTreeMap;
use std::sync::Arc;

use supercargo_clock::Randomness;
use supercargo_cost::Workload;
use supercargo_cost::facts::{
    Amount, BalancerFact, BalancerUse, ContainerFact, GIB, HourFacts, ManagementFact, NetworkBytes, NodeFact,
    NodeHardware, VolumeFact, VolumeUse,
};
use supercargo_cost::interval::{HOUR, Interval};
use supercargo_cost::workload::Labels;

/// Id of the cluster.
pub const CLUSTER: &str = "production";
/// Containers for each node.
const PER_NODE: usize = 25;
const NAMESPACES: usize = 60;
const TEAMS: usize = 25;

/// How large the fleet is.
#[derive(Clone, Copy, Debug)]
pub struct FleetSize {
    /// Containers that are alive at any time.
    pub containers: usize,
    /// Days of history.
    pub days: i64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Deployment,
    StatefulSet,
    DaemonSet,
    CronJob,
}

/// A workload.
struct App {
    kind: Kind,
    name: String,
    namespace: usize,
    replicas: usize,
    containers: usize,
    /// Hours between rollouts.
    period: i64,
    phase: i64,
    millicores: u64,
    ram_bytes: u64,
    /// How much of its request it uses, in percent.
    busy: u64,
    sends_out: bool,
}

/// The replicas of an app between two rollouts.
struct Generation {
    number: i64,
    containers: Vec<Arc<Workload>>,
}

/// A fleet with a seed.
pub struct Fleet {
    seed: u64,
    apps: Vec<App>,
    nodes: Vec<NodeFact>,
    namespaces: Vec<(Arc<str>, Labels)>,
    /// Of each app, the replicas of now.
    now: Vec<Option<Generation>>,
}

fn labels(pairs: &[(&str, &str)]) -> Labels {
    Arc::new(pairs.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect())
}

fn hexadecimal(random: &mut Randomness, digits: usize) -> String {
    let mut text = format!("{:016x}{:016x}", random.u64(), random.u64());
    text.truncate(digits);
    text
}

impl Fleet {
    /// A fleet with about so many containers alive.
    pub fn new(seed: u64, size: FleetSize) -> Fleet {
        let mut random = Randomness::from_seed(seed);
        let namespaces = (0..NAMESPACES)
            .map(|index| {
                let name = if index == 0 { "kube-system".to_owned() } else { format!("product-{index}") };
                let center = format!("cc-{}", index % 12);
                let labels = labels(&[("kubernetes.io/metadata.name", &name), ("cost-center", &center)]);
                (name.as_str().into(), labels)
            })
            .collect();
        let node_count = size.containers.div_ceil(PER_NODE).max(1);
        let nodes = (0..node_count).map(|index| node(&mut random, index)).collect();
        let mut apps = vec![App {
            kind: Kind::DaemonSet,
            name: "node-agent".to_owned(),
            namespace: 0,
            replicas: node_count,
            containers: 2,
            period: 24 * 20,
            phase: 0,
            millicores: 50,
            ram_bytes: 64 << 20,
            busy: 60,
            sends_out: false,
        }];
        let mut alive = node_count * 2;
        while alive < size.containers {
            let index = apps.len();
            let kind = match random.below(20) {
                0 | 1 => Kind::StatefulSet,
                2 => Kind::CronJob,
                _ => Kind::Deployment,
            };
            let replicas = match kind {
                Kind::StatefulSet => 3 + random.below(6) as usize,
                Kind::CronJob => 2 + random.below(6) as usize,
                _ => [2, 3, 3, 6, 10, 20, 40, 80][random.below(8) as usize],
            };
            let app = App {
                kind,
                name: format!("service-{index:04}"),
                namespace: 1 + random.below(NAMESPACES as u64 - 1) as usize,
                replicas: replicas.min(size.containers),
                containers: [1, 1, 1, 2, 2, 3][random.below(6) as usize],
                period: 24 * (3 + random.below(12) as i64),
                phase: random.below(24 * 14) as i64,
                millicores: [50, 100, 100, 250, 250, 500, 1_000][random.below(7) as usize],
                ram_bytes: [64u64, 128, 256, 256, 512, 1_024, 2_048][random.below(7) as usize] << 20,
                busy: 15 + random.below(100),
                sends_out: random.below(3) == 0,
            };
            alive += app.replicas * app.containers;
            apps.push(app);
        }
        let now = apps.iter().map(|_| None).collect();
        Fleet { seed, apps, nodes, namespaces, now }
    }

    /// The containers of an app in an hour.
    fn containers(&mut self, app: usize, hour: i64) -> &[Arc<Workload>] {
        let index = hour / HOUR;
        let known = &self.apps[app];
        let number = match known.kind {
            Kind::CronJob => index,
            _ => (index + known.phase) / known.period,
        };
        if self.now[app].as_ref().is_none_or(|now| now.number != number) {
            let containers = self.generation(app, number);
            self.now[app] = Some(Generation { number, containers });
        }
        self.now[app].as_ref().map_or(&[], |now| &now.containers)
    }

    fn generation(&self, index: usize, number: i64) -> Vec<Arc<Workload>> {
        let app = &self.apps[index];
        let mut random = Randomness::from_seed(self.seed ^ (index as u64) << 32 ^ number as u64);
        let hash = hexadecimal(&mut random, 10);
        let (namespace, namespace_labels) = &self.namespaces[app.namespace];
        let version = format!("1.{number}.0");
        let team = format!("team-{:02}", (index * 7 + app.namespace) % TEAMS);
        let env = if index.is_multiple_of(4) { "staging" } else { "production" };
        let mut common = vec![
            ("app.kubernetes.io/name", app.name.as_str()),
            ("app.kubernetes.io/instance", app.name.as_str()),
            ("app.kubernetes.io/version", version.as_str()),
            ("app.kubernetes.io/managed-by", "Helm"),
            ("team", team.as_str()),
            ("env", env),
        ];
        let hash_key = match app.kind {
            Kind::Deployment => "pod-template-hash",
            Kind::CronJob => "batch.kubernetes.io/controller-uid",
            _ => "controller-revision-hash",
        };
        common.push((hash_key, hash.as_str()));
        let shared = labels(&common);
        let annotations = labels(&[("prometheus.io/scrape", "true"), ("prometheus.io/port", "8080")]);
        let (controller_kind, root_kind) = match app.kind {
            Kind::Deployment => ("deployment", "deployment"),
            Kind::StatefulSet => ("statefulset", "statefulset"),
            Kind::DaemonSet => ("daemonset", "daemonset"),
            Kind::CronJob => ("cronjob", "cronjob"),
        };
        let names: Vec<Arc<str>> = ["main", "proxy", "agent"].into_iter().map(Arc::from).collect();
        let (name, controller_kind, root_kind): (Arc<str>, Arc<str>, Arc<str>) =
            (app.name.as_str().into(), controller_kind.into(), root_kind.into());
        let cluster: Arc<str> = CLUSTER.into();
        let mut containers = Vec::with_capacity(app.replicas * app.containers);
        for replica in 0..app.replicas {
            let pod: Arc<str> = match app.kind {
                Kind::StatefulSet => format!("{}-{replica}", app.name),
                Kind::DaemonSet => format!("{}-{}", app.name, hexadecimal(&mut random, 5)),
                Kind::CronJob => format!("{}-{number}-{}", app.name, hexadecimal(&mut random, 5)),
                Kind::Deployment => format!("{}-{hash}-{}", app.name, hexadecimal(&mut random, 5)),
            }
            .into();
            let uid = hexadecimal(&mut random, 32);
            let uid = [&uid[..8], &uid[8..12], &uid[12..16], &uid[16..20], &uid[20..]].join("-");
            let node = match app.kind {
                Kind::DaemonSet => &self.nodes[replica],
                _ => &self.nodes[random.below(self.nodes.len() as u64) as usize],
            };
            let of_pod = match app.kind {
                Kind::StatefulSet => {
                    let mut all = common.clone();
                    all.push(("statefulset.kubernetes.io/pod-name", &pod));
                    labels(&all)
                }
                _ => Arc::clone(&shared),
            };
            let template = Workload {
                cluster: Arc::clone(&cluster),
                node: Arc::clone(&node.name),
                namespace: Arc::clone(namespace),
                pod,
                pod_uid: uid.into(),
                controller_kind: Arc::clone(&controller_kind),
                controller: Arc::clone(&name),
                root_kind: Arc::clone(&root_kind),
                root: Arc::clone(&name),
                provider_id: Arc::clone(&node.provider_id),
                services: if app.kind == Kind::CronJob { Vec::new() } else { vec![Arc::clone(&name)] },
                labels: of_pod,
                annotations: Arc::clone(&annotations),
                namespace_labels: Arc::clone(namespace_labels),
                ..Workload::default()
            };
            for container in names.iter().take(app.containers) {
                containers.push(Arc::new(Workload { container: Arc::clone(container), ..template.clone() }));
            }
        }
        containers
    }

    /// Who is there in an hour: of each container its app's place, in order of apps.
    pub fn alive(&mut self, hour: i64) -> Vec<(usize, Arc<Workload>)> {
        let mut alive = Vec::new();
        for app in 0..self.apps.len() {
            alive.extend(self.containers(app, hour).iter().map(|workload| (app, Arc::clone(workload))));
        }
        alive
    }

    /// All facts of an hour; `alive` is who is there.
    pub fn facts(&self, hour: i64, alive: &[(usize, Arc<Workload>)]) -> HourFacts {
        let mut random = Randomness::from_seed(self.seed ^ hour as u64);
        let mut facts = HourFacts::new(CLUSTER, hour);
        let whole = Interval::hour(hour);
        facts.nodes = self.nodes.iter().map(|node| NodeFact { interval: whole, ..node.clone() }).collect();
        let mut traffic: BTreeMap<Arc<str>, NetworkBytes> = BTreeMap::new();
        for (app, workload) in alive {
            let app = &self.apps[*app];
            let interval = match app.kind {
                Kind::CronJob => Interval::new(hour + 60, hour + 600 + random.below(2_900) as i64),
                _ => whole,
            };
            let bytes = *traffic.entry(Arc::clone(&workload.pod)).or_insert_with(|| {
                let transmitted = 10_000_000 + random.below(400_000_000) / app.containers as u64;
                let out = if app.sends_out { 1 + random.below(4) } else { 0 };
                NetworkBytes {
                    transmitted,
                    received: 10_000_000 + random.below(400_000_000) / app.containers as u64,
                    zone: transmitted / 20 * out,
                    region: 0,
                    internet: transmitted / 50 * out,
                }
            });
            facts.containers.push(container(&mut random, app, workload, interval, bytes));
        }
        self.storage(&mut facts, alive);
        self.services(&mut facts, alive);
        facts.management = Some(ManagementFact { provisioner: "EKS".into(), interval: whole });
        facts.sort();
        facts
    }

    /// A volume for each pod of a StatefulSet.
    fn storage(&self, facts: &mut HourFacts, alive: &[(usize, Arc<Workload>)]) {
        let whole = facts.interval();
        let first = |workload: &Workload| &*workload.container == "main";
        let stateful = alive.iter().filter(|(app, _)| self.apps[*app].kind == Kind::StatefulSet);
        for (_, workload) in stateful.filter(|(_, workload)| first(workload)) {
            let bytes = 100 * GIB;
            let uses =
                vec![VolumeUse { workload: Arc::clone(workload), byte_seconds: u128::from(bytes) * 3_600 }];
            facts.volumes.push(VolumeFact {
                name: format!("pvc-{}-{}", workload.namespace, workload.pod).into(),
                interval: whole,
                bytes,
                provider_id: format!("vol-{}", workload.pod).into(),
                storage_class: "gp3".into(),
                volume_type: "gp3".into(),
                claim_namespace: Arc::clone(&workload.namespace),
                claim: format!("data-{}", workload.pod).into(),
                uses,
                ..VolumeFact::default()
            });
        }
    }

    /// A load balancer for one app in twenty.
    fn services(&self, facts: &mut HourFacts, alive: &[(usize, Arc<Workload>)]) {
        let mut behind: BTreeMap<usize, Vec<BalancerUse>> = BTreeMap::new();
        for (app, workload) in alive.iter().filter(|(app, _)| app % 20 == 7) {
            let one = BalancerUse { workload: Arc::clone(workload), seconds: 3_600 };
            behind.entry(*app).or_default().push(one);
        }
        for (app, uses) in behind {
            let app = &self.apps[app];
            facts.balancers.push(BalancerFact {
                namespace: Arc::clone(&self.namespaces[app.namespace].0),
                service: app.name.as_str().into(),
                interval: facts.interval(),
                address: format!("{}.elb.us-east-1.amazonaws.com", app.name).into(),
                private: false,
                uses,
            });
        }
    }
}

fn node(random: &mut Randomness, index: usize) -> NodeFact {
    let capacity = NodeHardware { millicores: 8_000, ram_bytes: 32 * GIB, milli_gpus: 0 };
    let zone = ["us-east-1a", "us-east-1b", "us-east-1c"][index % 3];
    NodeFact {
        name: format!("ip-10-{}-{}-{}.ec2.internal", index / 4_096, index / 64 % 64, index % 64 * 4).into(),
        provider_id: format!("aws:///{zone}/i-0{}", hexadecimal(random, 16)).into(),
        instance_type: "m5.2xlarge".into(),
        region: "us-east-1".into(),
        zone: zone.into(),
        arch: "amd64".into(),
        pool: "general".into(),
        spot: index.is_multiple_of(3),
        capacity,
        allocatable: NodeHardware {
            millicores: 7_910,
            ram_bytes: capacity.ram_bytes - 2 * GIB,
            milli_gpus: 0,
        },
        ..NodeFact::default()
    }
}

fn container(
    random: &mut Randomness,
    app: &App,
    workload: &Arc<Workload>,
    interval: Interval,
    network: NetworkBytes,
) -> ContainerFact {
    let seconds = interval.seconds();
    let mut amount = |requested: u64, grain: u64| {
        let requested = requested * seconds;
        // within a third of what the app mostly uses
        let used = requested / 100 * app.busy;
        let used = (used - used / 3 + random.below(used * 2 / 3)) / grain * grain;
        let above = if app.busy > 80 { random.below(requested / 8) / grain * grain } else { 0 };
        Amount { requested, used, charged: requested.max(used) + above }
    };
    let (cpu, ram) = (amount(app.millicores * 1_000, 60), amount(app.ram_bytes, 60 * 4_096));
    ContainerFact {
        workload: Arc::clone(workload),
        interval,
        cpu,
        ram,
        cpu_limit: 0,
        ram_limit: app.ram_bytes * 2 * seconds,
        cpu_peak: cpu.used / seconds + random.below(app.millicores * 500),
        ram_peak: (ram.used / seconds + random.below(app.ram_bytes / 8)) / 4_096 * 4_096,
        measured: seconds,
        network: Some(network),
        ..ContainerFact::default()
    }
}
