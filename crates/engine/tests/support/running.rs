//! A cluster in which the plan has come true: its nodes are there, and its pods run on them.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Node;
use serde_json::json;
use supercargo_api::Objects;
use supercargo_api::labels::keys;
use supercargo_engine::snapshot::Snapshot;
use supercargo_engine::solve::Outcome;

/// The objects after the plan: every placed pod is bound, every planned node has joined.
pub fn come_true(objects: &Objects, snapshot: &Snapshot, outcome: &Outcome) -> Objects {
    let mut after = objects.clone();
    let mut home: BTreeMap<String, String> = BTreeMap::new();
    for (room, pod) in &outcome.on_rooms {
        home.insert(snapshot.pod_name(*pod), snapshot.rooms[*room as usize].name.clone());
    }
    for (index, planned) in outcome.nodes.iter().enumerate() {
        let variant = &outcome.variants[planned.variant as usize];
        let pool = &snapshot.pools[variant.pool as usize];
        let chosen = &pool.table.as_ref().unwrap().types[planned.chosen as usize];
        let name = format!("bought-{index}");
        let mut labels = chosen.labels.clone();
        labels.extend(variant.labels.clone());
        let offer = &snapshot.market.keys[planned.offer as usize];
        for key in [keys::ZONE, keys::CAPACITY_TYPE] {
            labels.extend(offer.label(key).map(|value| (key.to_owned(), value.to_owned())));
        }
        labels.insert(keys::HOSTNAME.to_owned(), name.clone());
        let node: Node = serde_json::from_value(json!({
            "metadata": { "name": name, "labels": labels },
            "spec": { "taints": pool.taints },
            "status": {
                "capacity": chosen.capacity.to_quantities(),
                "allocatable": chosen.allocatable.to_quantities(),
            },
        }))
        .unwrap();
        after.nodes.push(node);
        home.extend(planned.pods.iter().map(|pod| (snapshot.pod_name(*pod), name.clone())));
    }
    for pod in &mut after.pods {
        let namespace = pod.metadata.namespace.as_deref().unwrap_or("default");
        let name = format!("{namespace}/{}", pod.metadata.name.as_deref().unwrap_or_default());
        if let Some(node) = home.get(&name) {
            pod.set_node_name(Some(node));
        }
    }
    after
}
