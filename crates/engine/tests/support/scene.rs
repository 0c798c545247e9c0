//! One small cluster in which every invariant has something to hold on to.

use k8s_openapi::api::core::v1::Node;
use serde_json::{Value, json};
use supercargo_api::Pod;
use supercargo_api::labels::keys;
use supercargo_api::{NodePool, Objects, Resources};
use supercargo_catalog::{
    CapacityType, InstanceType, Offering, PriceKind, PriceStamp, Reservation, ReservationKind, Usd,
};
use supercargo_engine::market::Market;
use supercargo_engine::snapshot::{Snapshot, SnapshotOptions};
use supercargo_engine::solve::{Outcome, SolveOptions, solve};

const ZONES: [&str; 2] = ["zone-a", "zone-b"];

fn instance_type(name: &str, cores: i64, price_cents: i64) -> InstanceType {
    let stamp = PriceStamp::new(PriceKind::Estimate, jiff::civil::date(2026, 7, 20));
    let price = Usd::from_nanos(price_cents * 10_000_000);
    let mut resources = Resources::new();
    resources.set("cpu", cores * 1_000);
    resources.set("memory", (cores * 4) << 30);
    resources.set("pods", 20);
    let mut offerings: Vec<Offering> =
        ZONES.map(|zone| Offering::new(zone, "", CapacityType::OnDemand, price, stamp)).into();
    if name == "big" {
        let mut reserved = Offering::new("zone-a", "", CapacityType::Reserved, Usd::from_nanos(1_000), stamp);
        reserved.reservation = Some(Reservation {
            id: "cr-1".to_owned(),
            kind: ReservationKind::Default,
            interruptible: false,
            count: 1,
        });
        offerings.push(reserved);
    }
    let labels = [(keys::INSTANCE_TYPE, name), (keys::ARCH, "amd64"), (keys::OS, "linux")];
    InstanceType {
        name: name.to_owned(),
        labels: labels.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect(),
        capacity: resources.clone(),
        allocatable: resources,
        offerings,
        volume_attachments: 20,
    }
}

fn node_pool(name: &str, capacity_type: &str, min_values: Value) -> NodePool {
    let mut requirement = json!({
        "key": keys::INSTANCE_TYPE, "operator": "In", "values": ["small", "medium", "large"],
    });
    if !min_values.is_null() {
        requirement["minValues"] = min_values;
    }
    let requirements = if capacity_type == "reserved" { json!([]) } else { json!([requirement]) };
    let mut requirements = requirements.as_array().cloned().unwrap_or_default();
    requirements.push(json!({ "key": keys::CAPACITY_TYPE, "operator": "In", "values": [capacity_type] }));
    let (mut labels, mut taints) = (json!({}), json!([]));
    if capacity_type == "reserved" {
        labels = json!({ "paid": "already" });
        taints = json!([{ "key": "paid", "effect": "NoSchedule" }]);
    }
    serde_json::from_value(json!({
        "apiVersion": "karpenter.sh/v1",
        "kind": "NodePool",
        "metadata": { "name": name },
        "spec": {
            "limits": { "cpu": "64" },
            "template": {
                "metadata": { "labels": labels },
                "spec": {
                    "nodeClassRef": { "group": "karpenter.k8s.aws", "kind": "EC2NodeClass", "name": "default" },
                    "requirements": requirements,
                    "taints": taints,
                },
            },
        },
    }))
    .unwrap()
}

fn pod(name: &str, app: &str, cpu: &str, more: Value) -> Pod {
    let mut spec = json!({ "containers": [{ "name": "main", "resources": { "requests": { "cpu": cpu } } }] });
    for (key, value) in more.as_object().into_iter().flatten() {
        spec[key] = value.clone();
    }
    serde_json::from_value(json!({
        "metadata": { "namespace": "default", "name": name, "labels": { "app": app } },
        "spec": spec,
    }))
    .unwrap()
}

fn with_port() -> Value {
    json!({ "containers": [{
        "name": "main",
        "resources": { "requests": { "cpu": "500m" } },
        "ports": [{ "containerPort": 80, "hostPort": 8080 }],
    }] })
}

fn affinity(kind: &str, key: &str, app: &str) -> Value {
    json!({ "affinity": { kind: { "requiredDuringSchedulingIgnoredDuringExecution": [{
        "topologyKey": key,
        "labelSelector": { "matchLabels": { "app": app } },
    }] } } })
}

/// The cluster: one node with a running pod, two NodePools, and pods of every kind.
pub fn objects() -> Objects {
    let node: Node = serde_json::from_value(json!({
        "metadata": { "name": "old", "labels": { keys::ZONE: "zone-a", keys::ARCH: "amd64", keys::HOSTNAME: "old" } },
        "status": {
            "capacity": { "cpu": "3", "memory": "8Gi", "pods": "20" },
            "allocatable": { "cpu": "3", "memory": "8Gi", "pods": "20" },
        },
    }))
    .unwrap();
    let spread = json!({ "topologySpreadConstraints": [{
        "maxSkew": 1,
        "topologyKey": keys::ZONE,
        "whenUnsatisfiable": "DoNotSchedule",
        "labelSelector": { "matchLabels": { "app": "web" } },
    }] });
    let mut running = pod("running", "old", "1", json!({ "nodeName": "old" }));
    running.metadata.uid = Some("r".to_owned());
    let mut pods = vec![running];
    pods.extend((0..4).map(|index| pod(&format!("web-{index}"), "web", "1500m", spread.clone())));
    pods.extend((0..3).map(|index| {
        let name = format!("db-{index}");
        pod(&name, "db", "1", affinity("podAntiAffinity", keys::HOSTNAME, "db"))
    }));
    pods.extend((0..2).map(|index| pod(&format!("port-{index}"), "port", "500m", with_port())));
    pods.extend((0..2).map(|index| {
        pod(&format!("near-{index}"), "near", "300m", affinity("podAffinity", keys::ZONE, "near"))
    }));
    pods.extend((0..3).map(|index| pod(&format!("any-{index}"), "any", "2", json!({}))));
    pods.push(pod(
        "reserved",
        "reserved",
        "7",
        json!({
            "nodeSelector": { "paid": "already" },
            "tolerations": [{ "key": "paid", "operator": "Exists" }],
        }),
    ));
    pods.push(pod("hopeless", "hopeless", "500", json!({})));
    Objects {
        pods,
        nodes: vec![node],
        node_pools: vec![
            node_pool("general", "on-demand", json!(2)),
            node_pool("reserved", "reserved", Value::Null),
        ],
        ..Objects::default()
    }
}

/// Its types.
pub fn market() -> Market {
    let types = [("small", 2, 10), ("medium", 4, 18), ("large", 8, 40), ("big", 16, 90)];
    let types = types.map(|(name, cores, cents)| instance_type(name, cores, cents));
    Market::compile([("default".to_owned(), types.into())]).unwrap()
}

/// The cluster and its plan.
pub fn solved() -> (Snapshot, Outcome) {
    let snapshot = Snapshot::build(&objects(), &market(), &SnapshotOptions::default());
    let outcome = solve(&snapshot, SolveOptions::default());
    (snapshot, outcome)
}
