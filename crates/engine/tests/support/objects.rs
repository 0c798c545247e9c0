//! The Kubernetes objects and the market that an [`Instance`] stands for.

use k8s_openapi::api::apps::v1::DaemonSet;
use serde_json::{Value, json};
use supercargo_api::Pod as KubePod;
use supercargo_api::labels::keys;
use supercargo_api::{NodePool, Objects, Resources};
use supercargo_catalog::{CapacityType, InstanceType, Offering, PriceKind, PriceStamp, Usd};
use supercargo_engine::market::Market;

use super::instance::{ARCH, CAPACITY, Daemon, Instance, Pod, Pool, TEAMS, Type, ZONES};

const MIB: i64 = 1 << 20;
const TEAM: &str = "example.com/team";

fn resources(cpu: i64, memory_mib: i64, pods: i64) -> Resources {
    let mut resources = Resources::new();
    resources.set("cpu", cpu);
    resources.set("memory", memory_mib * MIB);
    resources.set("pods", pods);
    resources
}

fn instance_type(index: usize, one: &Type) -> InstanceType {
    let stamp = PriceStamp::new(PriceKind::Estimate, jiff::civil::date(2026, 7, 20));
    let mut offerings = Vec::new();
    for (zone, by_capacity) in one.prices.iter().enumerate() {
        for (capacity, price) in by_capacity.iter().enumerate() {
            let capacity_type = [CapacityType::OnDemand, CapacityType::Spot][capacity];
            if let Some(price) = price {
                offerings.push(Offering::new(ZONES[zone], "", capacity_type, Usd::from_nanos(*price), stamp));
            }
        }
    }
    let name = format!("toy-{index:02}");
    let labels = [
        (keys::INSTANCE_TYPE, name.clone()),
        (keys::ARCH, ARCH[one.arch].to_owned()),
        (keys::OS, "linux".to_owned()),
        (keys::INSTANCE_CPU, (one.cpu + 999).div_euclid(1_000).to_string()),
    ];
    InstanceType {
        name,
        labels: labels.into_iter().map(|(key, value)| (key.to_owned(), value)).collect(),
        capacity: resources((one.cpu + 999) / 1_000 * 1_000, one.memory + 700, one.pods),
        allocatable: resources(one.cpu, one.memory, one.pods),
        offerings,
        volume_attachments: 20,
    }
}

fn node_pool(index: usize, pool: &Pool) -> NodePool {
    let mut requirements = Vec::new();
    let mut require = |key: &str, operator: &str, value: &str| {
        requirements.push(json!({ "key": key, "operator": operator, "values": [value] }));
    };
    if let Some(arch) = pool.arch {
        require(keys::ARCH, "In", ARCH[arch]);
    }
    if let Some(capacity) = pool.capacity {
        require(keys::CAPACITY_TYPE, "In", CAPACITY[capacity]);
    }
    if let Some(zone) = pool.zone_excluded {
        require(keys::ZONE, "NotIn", ZONES[zone]);
    }
    if let Some(cores) = pool.cores_below {
        require(keys::INSTANCE_CPU, "Lt", &cores.to_string());
    }
    let mut template = json!({ "spec": {
        "nodeClassRef": { "group": "karpenter.k8s.aws", "kind": "EC2NodeClass", "name": "default" },
        "requirements": requirements,
    } });
    if let Some(team) = pool.team {
        template["metadata"] = json!({ "labels": { TEAM: TEAMS[team] } });
    }
    if pool.tainted {
        template["spec"]["taints"] = json!([{ "key": "dedicated", "value": "x", "effect": "NoSchedule" }]);
    }
    let mut spec = json!({ "template": template });
    if let Some(weight) = pool.weight {
        spec["weight"] = json!(weight);
    }
    let manifest = json!({
        "apiVersion": "karpenter.sh/v1",
        "kind": "NodePool",
        "metadata": { "name": format!("pool-{index}") },
        "spec": spec,
    });
    serde_json::from_value(manifest).unwrap()
}

fn toleration() -> Value {
    json!([{ "key": "dedicated", "operator": "Exists" }])
}

fn container(cpu: i64, memory: i64) -> Value {
    json!([{ "name": "main", "resources": {
        "requests": { "cpu": format!("{cpu}m"), "memory": format!("{memory}Mi") },
    } }])
}

fn daemon_set(index: usize, daemon: &Daemon) -> DaemonSet {
    let mut spec = json!({ "containers": container(daemon.cpu, daemon.memory) });
    if let Some(arch) = daemon.arch {
        spec["nodeSelector"] = json!({ keys::ARCH: ARCH[arch] });
    }
    if daemon.tolerates {
        spec["tolerations"] = toleration();
    }
    let labels = json!({ "daemon": format!("d{index}") });
    let manifest = json!({
        "metadata": { "namespace": "kube-system", "name": format!("daemon-{index}") },
        "spec": {
            "selector": { "matchLabels": labels },
            "template": { "metadata": { "labels": labels }, "spec": spec },
        },
    });
    serde_json::from_value(manifest).unwrap()
}

/// A pod of this name.
pub fn pod(name: &str, pod: &Pod) -> KubePod {
    let mut spec = json!({ "containers": container(pod.cpu, pod.memory) });
    let mut selector = serde_json::Map::new();
    let mut select = |key: &str, value: Option<&str>| {
        if let Some(value) = value {
            selector.insert(key.to_owned(), json!(value));
        }
    };
    select(keys::ARCH, pod.arch.map(|arch| ARCH[arch]));
    select(keys::ZONE, pod.zone.map(|zone| ZONES[zone]));
    select(keys::CAPACITY_TYPE, pod.capacity.map(|capacity| CAPACITY[capacity]));
    select(TEAM, pod.team.map(|team| TEAMS[team]));
    if !selector.is_empty() {
        spec["nodeSelector"] = Value::Object(selector);
    }
    if pod.tolerates {
        spec["tolerations"] = toleration();
    }
    if let Some(app) = pod.shuns {
        spec["affinity"] = json!({ "podAntiAffinity": { "requiredDuringSchedulingIgnoredDuringExecution": [{
            "topologyKey": keys::HOSTNAME,
            "labelSelector": { "matchLabels": { "app": format!("app-{app}") } },
        }] } });
    }
    let spread = format!("spread-{}", pod.spread);
    let mut spreads = Vec::new();
    for (key, skew) in [(keys::ZONE, pod.zone_skew), (keys::HOSTNAME, pod.host_skew)] {
        if let Some(skew) = skew {
            spreads.push(json!({
                "maxSkew": skew,
                "topologyKey": key,
                "whenUnsatisfiable": "DoNotSchedule",
                "labelSelector": { "matchLabels": { "spread": spread } },
            }));
        }
    }
    if !spreads.is_empty() {
        spec["topologySpreadConstraints"] = json!(spreads);
    }
    let manifest = json!({
        "metadata": {
            "namespace": "default",
            "name": name,
            "labels": { "app": format!("app-{}", pod.app), "spread": spread },
        },
        "spec": spec,
    });
    serde_json::from_value(manifest).unwrap()
}

/// The cluster.
pub fn objects(instance: &Instance) -> Objects {
    Objects {
        pods: instance
            .pods
            .iter()
            .enumerate()
            .map(|(index, one)| pod(&format!("pod-{index}"), one))
            .collect(),
        node_pools: instance.pools.iter().enumerate().map(|(index, pool)| node_pool(index, pool)).collect(),
        daemon_sets: instance
            .daemons
            .iter()
            .enumerate()
            .map(|(index, daemon)| daemon_set(index, daemon))
            .collect(),
        ..Objects::default()
    }
}

/// The compiled types.
pub fn market(instance: &Instance) -> Market {
    let types = instance.types.iter().enumerate().map(|(index, one)| instance_type(index, one));
    Market::compile([("default".to_owned(), types.collect())]).unwrap()
}
