//! Dumps of small clusters, written by hand: one NodePool, some nodes with their NodeClaims, some pods.

#![allow(dead_code, reason = "every test program uses its own part of this")]
#![allow(clippy::unwrap_used, reason = "only tests use it")]

use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use supercargo_api::labels::keys;
use supercargo_api::{Objects, Resources};
use supercargo_catalog::{
    CapacityType, InstanceType, Offering, PriceKind, PriceStamp, Reservation, ReservationKind, Tenancy, Usd,
};
use supercargo_engine::disruption::{BlockReason, Disruption, DisruptionOptions, RoomStanding};
use supercargo_engine::market::Market;
use supercargo_engine::snapshot::{Snapshot, SnapshotOptions};

/// When all of this is looked at: a Monday.
pub const NOW: &str = "2026-11-23T12:00:00Z";
pub const ZONES: [&str; 3] = ["us-east-1a", "us-east-1b", "us-east-1c"];

pub fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub fn now() -> Timestamp {
    at(NOW)
}

/// What the second says, put over the first; objects are merged, everything else is replaced.
pub fn over(mut base: Value, patch: Value) -> Value {
    match (&mut base, patch) {
        (Value::Object(base), Value::Object(patch)) => {
            for (key, value) in patch {
                let old = base.remove(&key).unwrap_or(Value::Null);
                base.insert(key, over(old, value));
            }
        }
        (base, patch) => *base = patch,
    }
    base
}

pub fn read<T: DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).unwrap()
}

/// So many cents an hour on demand, a third of that as spot, in all three zones.
pub fn instance_type(name: &str, cores: i64, cents: i64) -> InstanceType {
    let stamp = PriceStamp::new(PriceKind::List, jiff::civil::date(2026, 7, 20));
    let mut offerings = Vec::new();
    for zone in ZONES {
        for (capacity_type, nanos) in
            [(CapacityType::OnDemand, cents * 10_000_000), (CapacityType::Spot, cents * 10_000_000 / 3)]
        {
            offerings.push(Offering::new(zone, "", capacity_type, Usd::from_nanos(nanos), stamp));
        }
    }
    let (family, size) = name.split_once('.').unwrap();
    let generation: String = family.chars().filter(char::is_ascii_digit).take(1).collect();
    let labels = [
        (keys::INSTANCE_TYPE, name.to_owned()),
        (keys::ARCH, "amd64".to_owned()),
        (keys::OS, "linux".to_owned()),
        (keys::INSTANCE_FAMILY, family.to_owned()),
        (keys::INSTANCE_SIZE, size.to_owned()),
        (keys::INSTANCE_CATEGORY, family[..1].to_owned()),
        (keys::INSTANCE_GENERATION, generation),
        (keys::INSTANCE_CPU, cores.to_string()),
    ];
    let mut resources = Resources::new();
    resources.set("cpu", cores * 1_000);
    resources.set("memory", (cores * 4) << 30);
    resources.set("pods", 50);
    InstanceType {
        name: name.to_owned(),
        labels: labels.into_iter().map(|(key, value)| (key.to_owned(), value)).collect(),
        capacity: resources.clone(),
        allocatable: resources,
        offerings,
        volume_attachments: 20,
    }
}

/// Four families, four sizes each; `m7.large` is also offered on dedicated hardware, and out of a reservation.
pub fn types() -> Vec<InstanceType> {
    let mut types = Vec::new();
    for (family, price) in [("c6", 9), ("m6", 10), ("m7", 11), ("r7", 13)] {
        for (step, size) in ["large", "xlarge", "2xlarge", "4xlarge"].iter().enumerate() {
            types.push(instance_type(&format!("{family}.{size}"), 2 << step, price << step));
        }
    }
    let special = types.iter_mut().find(|one| one.name == "m7.large").unwrap();
    let first = special.offerings[0].clone();
    let mut dedicated = first.clone();
    dedicated.tenancy = Tenancy::Dedicated;
    dedicated.price = Usd::from_nanos(200_000_000);
    let mut reserved = first;
    reserved.capacity_type = CapacityType::Reserved;
    reserved.price = Usd::from_nanos(11);
    reserved.reservation = Some(Reservation {
        id: "cr-1".to_owned(),
        kind: ReservationKind::Default,
        interruptible: false,
        count: 1,
    });
    special.offerings.extend([dedicated, reserved]);
    types
}

pub fn market() -> Market {
    Market::compile([("default".to_owned(), types())]).unwrap()
}

/// NodePool `general` on NodeClass `default`: any type, consolidated at once, no limits.
pub fn node_pool(patch: Value) -> Value {
    let base = json!({
        "apiVersion": "karpenter.sh/v1",
        "kind": "NodePool",
        "metadata": { "name": "general" },
        "spec": {
            "disruption": { "consolidateAfter": "0s" },
            "template": { "spec": {
                "nodeClassRef": { "group": "karpenter.k8s.aws", "kind": "EC2NodeClass", "name": "default" },
                "requirements": [],
            } },
        },
    });
    over(base, patch)
}

pub fn node_labels(pool: &str) -> Value {
    json!({
        keys::NODEPOOL: pool,
        keys::REGISTERED: "true",
        keys::INITIALIZED: "true",
        keys::INSTANCE_TYPE: "m6.large",
        keys::CAPACITY_TYPE: "on-demand",
        keys::ZONE: ZONES[0],
        keys::ARCH: "amd64",
        keys::OS: "linux",
        keys::INSTANCE_FAMILY: "m6",
        keys::INSTANCE_GENERATION: "6",
    })
}

/// A ready `m6.large` of NodePool `general`, ten days old.
pub fn node(name: &str, patch: Value) -> Value {
    let base = json!({
        "metadata": {
            "name": name,
            "labels": node_labels("general"),
            "creationTimestamp": "2026-11-13T12:00:00Z",
        },
        "spec": { "providerID": format!("aws:///{}/{name}", ZONES[0]) },
        "status": {
            "capacity": { "cpu": "2", "memory": "8Gi", "pods": "50" },
            "allocatable": { "cpu": "2", "memory": "8Gi", "pods": "50" },
            "conditions": [{ "type": "Ready", "status": "True", "lastTransitionTime": "2026-11-13T12:01:00Z" }],
        },
    });
    over(base, patch)
}

/// The NodeClaim of a node, quiet for nine days, expiring after 30.
pub fn claim(node: &str, patch: Value) -> Value {
    let since = |type_: &str| json!({ "type": type_, "status": "True", "lastTransitionTime": "2026-11-13T12:01:00Z" });
    let base = json!({
        "apiVersion": "karpenter.sh/v1",
        "kind": "NodeClaim",
        "metadata": {
            "name": format!("claim-{node}"),
            "labels": node_labels("general"),
            "creationTimestamp": "2026-11-13T12:00:00Z",
        },
        "spec": {
            "nodeClassRef": { "group": "karpenter.k8s.aws", "kind": "EC2NodeClass", "name": "default" },
            "requirements": [],
        },
        "status": {
            "nodeName": node,
            "providerID": format!("aws:///{}/{node}", ZONES[0]),
            "lastPodEventTime": "2026-11-14T12:00:00Z",
            "conditions": [since("Launched"), since("Registered"), since("Initialized")],
        },
    });
    over(base, patch)
}

/// A ready pod of ReplicaSet `web` in namespace `shop` on a node.
pub fn pod(name: &str, node: &str, patch: Value) -> Value {
    let base = json!({
        "metadata": {
            "name": name,
            "namespace": "shop",
            "labels": { "app": "web" },
            "creationTimestamp": "2026-11-14T11:59:00Z",
            "ownerReferences": [
                { "apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web", "uid": "1", "controller": true },
            ],
        },
        "spec": {
            "nodeName": node,
            "containers": [{ "name": "web", "resources": { "requests": { "cpu": "100m", "memory": "100Mi" } } }],
        },
        "status": {
            "phase": "Running",
            "startTime": "2026-11-14T12:00:00Z",
            "conditions": [{ "type": "Ready", "status": "True", "lastTransitionTime": "2026-11-14T12:00:30Z" }],
        },
    });
    over(base, patch)
}

/// A PodDisruptionBudget in namespace `shop` over the pods of `web`.
pub fn pdb(name: &str, patch: Value) -> Value {
    let base = json!({
        "metadata": { "name": name, "namespace": "shop" },
        "spec": { "selector": { "matchLabels": { "app": "web" } } },
    });
    over(base, patch)
}

/// What the cluster says of a PodDisruptionBudget.
pub fn pdb_status(allowed: i32, healthy: i32, expected: i32) -> Value {
    json!({ "status": {
        "disruptionsAllowed": allowed,
        "currentHealthy": healthy,
        "desiredHealthy": healthy - allowed,
        "expectedPods": expected,
        "observedGeneration": 1,
    } })
}

/// A dump.
#[derive(Clone, Debug, Default)]
pub struct Dump {
    pub pools: Vec<Value>,
    pub node_classes: Vec<Value>,
    pub nodes: Vec<Value>,
    pub claims: Vec<Value>,
    pub pods: Vec<Value>,
    pub pdbs: Vec<Value>,
    pub replica_sets: Vec<Value>,
    pub stateful_sets: Vec<Value>,
    pub deployments: Vec<Value>,
}

impl Dump {
    /// NodePool `general` and no nodes.
    pub fn new() -> Dump {
        Dump { pools: vec![node_pool(json!({}))], ..Dump::default() }
    }

    /// NodePool `general` and a node of it with these pods.
    pub fn of_pods(pods: Vec<Value>) -> Dump {
        let mut dump = Dump::new().with_node("n1", json!({}), json!({}));
        dump.pods = pods;
        dump
    }

    /// One more node with its NodeClaim.
    pub fn with_node(mut self, name: &str, node_patch: Value, claim_patch: Value) -> Dump {
        self.nodes.push(node(name, node_patch));
        self.claims.push(claim(name, claim_patch));
        self
    }

    pub fn objects(&self) -> Objects {
        fn all<T: DeserializeOwned>(values: &[Value]) -> Vec<T> {
            values.iter().cloned().map(read).collect()
        }
        Objects {
            node_pools: all(&self.pools),
            node_classes: all(&self.node_classes),
            nodes: all(&self.nodes),
            node_claims: all(&self.claims),
            pods: all(&self.pods),
            pod_disruption_budgets: all(&self.pdbs),
            replica_sets: all(&self.replica_sets),
            stateful_sets: all(&self.stateful_sets),
            deployments: all(&self.deployments),
            ..Objects::default()
        }
    }

    pub fn judge(&self) -> Judged {
        self.judge_with(&DisruptionOptions::at(now()))
    }

    pub fn judge_with(&self, options: &DisruptionOptions) -> Judged {
        let objects = self.objects();
        let snapshot = Snapshot::build(&objects, &market(), &SnapshotOptions::default());
        let disruption = Disruption::build(&objects, &snapshot, options);
        Judged { objects, snapshot, disruption }
    }
}

/// A dump and what is thought of it.
pub struct Judged {
    pub objects: Objects,
    pub snapshot: Snapshot,
    pub disruption: Disruption,
}

impl Judged {
    /// The index of a room, by its name.
    pub fn index(&self, room: &str) -> usize {
        self.snapshot.rooms.iter().position(|one| one.name == room).unwrap()
    }

    pub fn room(&self, room: &str) -> &RoomStanding {
        &self.disruption.rooms[self.index(room)]
    }

    /// Why a node may not be consolidated, in words; nothing if it may.
    pub fn against(&self, room: &str) -> Vec<String> {
        match &self.room(room).candidate {
            Ok(()) => Vec::new(),
            Err(blocked) => blocked.reasons.iter().map(BlockReason::to_string).collect(),
        }
    }

    /// Indices of pods by name.
    pub fn pods(&self, names: &[&str]) -> Vec<u32> {
        let index =
            |name: &&str| self.snapshot.pods.iter().position(|pod| *pod.name == **name).unwrap() as u32;
        names.iter().map(index).collect()
    }
}
