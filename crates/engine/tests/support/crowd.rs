//! Clusters in which everything happens at once: nodes that exist, limits, minValues, ports, affinity, preferences.

use k8s_openapi::api::core::v1::Node;
use serde_json::{Value, json};
use supercargo_api::Pod;
use supercargo_api::labels::keys;
use supercargo_api::{NodePool, Objects};
use supercargo_clock::Randomness;
use supercargo_engine::market::Market;

use super::instance::{Instance, ZONES};
use super::objects::{market, objects};

/// A cluster of up to so many pending pods, drawn from a seed.
pub fn crowd(seed: u64, most_pods: u64) -> (Objects, Market) {
    let mut randomness = Randomness::from_seed(seed).fork("crowd");
    let pods = 1 + randomness.below(most_pods) as usize;
    let instance = Instance::draw_sized(&mut randomness, pods, 12);
    let (mut objects, market) = (objects(&instance), market(&instance));
    objects.node_pools = objects.node_pools.iter().map(|pool| adorned_pool(pool, &mut randomness)).collect();
    // Pods of one class share their adornments, as replicas do.
    let streams: Vec<u64> = (0..4).map(|_| randomness.u64()).collect();
    let pods = objects.pods.iter().zip(&instance.pods);
    let adorned = pods.map(|(pod, toy)| {
        let mut own = Randomness::from_seed(streams[toy.spread % streams.len()]);
        adorned_pod(pod, &mut own)
    });
    objects.pods = adorned.collect();
    let nodes = randomness.below(4) as usize;
    for index in 0..nodes {
        let node = node(index, &market, &mut randomness);
        for number in 0..randomness.below(3) {
            let Some(sample) = randomness.choose(&objects.pods).cloned() else { break };
            objects.pods.push(running(sample, index, number));
        }
        objects.nodes.push(node);
    }
    (objects, market)
}

fn adorned_pool(pool: &NodePool, randomness: &mut Randomness) -> NodePool {
    let mut manifest = serde_json::to_value(pool).unwrap();
    let spec = &mut manifest["spec"];
    if randomness.chance(0.3) {
        spec["limits"] = json!({ "cpu": (1 + randomness.below(40)).to_string() });
    }
    if randomness.chance(0.15) {
        spec["limits"]["nodes"] = json!((1 + randomness.below(6)).to_string());
    }
    if randomness.chance(0.25) {
        let least = 1 + randomness.below(3);
        let key = *randomness.choose(&[keys::INSTANCE_TYPE, keys::ZONE]).unwrap();
        let requirement = json!({ "key": key, "operator": "Exists", "minValues": least });
        spec["template"]["spec"]["requirements"].as_array_mut().unwrap().push(requirement);
    }
    if randomness.chance(0.15) {
        let taint = json!({ "key": "spare", "effect": "PreferNoSchedule" });
        let taints = &mut spec["template"]["spec"]["taints"];
        match taints.as_array_mut() {
            Some(taints) => taints.push(taint),
            None => *taints = json!([taint]),
        }
    }
    serde_json::from_value(manifest).unwrap()
}

fn term(randomness: &mut Randomness) -> Value {
    let app = randomness.below(3);
    let key = if randomness.chance(0.5) { keys::ZONE } else { keys::HOSTNAME };
    json!({ "topologyKey": key, "labelSelector": { "matchLabels": { "app": format!("app-{app}") } } })
}

fn zone_term(randomness: &mut Randomness) -> Value {
    let zone = *randomness.choose(&ZONES).unwrap();
    json!({ "matchExpressions": [{ "key": keys::ZONE, "operator": "In", "values": [zone] }] })
}

fn adorned_pod(pod: &Pod, randomness: &mut Randomness) -> Pod {
    let mut manifest = serde_json::to_value(pod).unwrap();
    let spec = &mut manifest["spec"];
    if randomness.chance(0.15) {
        spec["containers"][0]["ports"] =
            json!([{ "containerPort": 80, "hostPort": 8_000 + randomness.below(2), "protocol": "TCP" }]);
    }
    const REQUIRED: &str = "requiredDuringSchedulingIgnoredDuringExecution";
    const PREFERRED: &str = "preferredDuringSchedulingIgnoredDuringExecution";
    for kind in ["podAffinity", "podAntiAffinity"] {
        if randomness.chance(0.12) {
            let mut terms = spec["affinity"][kind][REQUIRED].as_array().cloned().unwrap_or_default();
            terms.push(term(randomness));
            spec["affinity"][kind][REQUIRED] = json!(terms);
        }
        if randomness.chance(0.12) {
            let weight = 1 + randomness.below(100);
            spec["affinity"][kind][PREFERRED] =
                json!([{ "weight": weight, "podAffinityTerm": term(randomness) }]);
        }
    }
    if randomness.chance(0.12) {
        let terms = [zone_term(randomness), zone_term(randomness)];
        spec["affinity"]["nodeAffinity"][REQUIRED] = json!({ "nodeSelectorTerms": terms });
    }
    if randomness.chance(0.12) {
        spec["affinity"]["nodeAffinity"][PREFERRED] =
            json!([{ "weight": 10, "preference": zone_term(randomness) }]);
    }
    if randomness.chance(0.12) {
        let key = if randomness.chance(0.5) { keys::ZONE } else { keys::HOSTNAME };
        let mut spreads = spec["topologySpreadConstraints"].as_array().cloned().unwrap_or_default();
        let selector = json!({ "matchLabels": { "app": format!("app-{}", randomness.below(3)) } });
        let hard = randomness.chance(0.5);
        spreads.push(json!({
            "maxSkew": 1 + randomness.below(2),
            "topologyKey": key,
            "whenUnsatisfiable": if hard { "DoNotSchedule" } else { "ScheduleAnyway" },
            "labelSelector": selector,
        }));
        spec["topologySpreadConstraints"] = json!(spreads);
    }
    if randomness.chance(0.2) {
        spec["priority"] = json!(randomness.below(3));
    }
    serde_json::from_value(manifest).unwrap()
}

fn node(index: usize, market: &Market, randomness: &mut Randomness) -> Node {
    let types = &market.table("default").unwrap().types;
    let chosen = randomness.choose(types).unwrap();
    let name = format!("node-{index}");
    let mut labels = chosen.labels.clone();
    labels.insert(keys::ZONE.to_owned(), (*randomness.choose(&ZONES).unwrap()).to_owned());
    labels.insert(keys::HOSTNAME.to_owned(), name.clone());
    let capacity_type = *randomness.choose(&["spot", "on-demand"]).unwrap();
    labels.insert(keys::CAPACITY_TYPE.to_owned(), capacity_type.to_owned());
    if randomness.chance(0.7) {
        labels.insert(keys::NODEPOOL.to_owned(), "pool-0".to_owned());
        labels.insert(keys::REGISTERED.to_owned(), "true".to_owned());
        labels.insert(keys::INITIALIZED.to_owned(), "true".to_owned());
    }
    let mut spec = json!({});
    if randomness.chance(0.2) {
        spec["unschedulable"] = json!(true);
    }
    if randomness.chance(0.2) {
        spec["taints"] = json!([{ "key": "dedicated", "value": "x", "effect": "NoSchedule" }]);
    }
    serde_json::from_value(json!({
        "metadata": { "name": name, "labels": labels },
        "spec": spec,
        "status": {
            "capacity": chosen.capacity.to_quantities(),
            "allocatable": chosen.allocatable.to_quantities(),
        },
    }))
    .unwrap()
}

/// A copy of a pending pod that runs on a node already, whether or not it should.
fn running(mut pod: Pod, node: usize, number: u64) -> Pod {
    pod.metadata.name = Some(format!("running-{node}-{number}"));
    pod.set_node_name(Some(&format!("node-{node}")));
    pod
}
