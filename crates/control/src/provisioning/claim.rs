//! The NodeClaim of a shape (reference section 2.12).

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use supercargo_api::labels::keys;
use supercargo_api::{NodeClaim, NodeClaimSpec, NodePool, ResourceList, ResourceRequirements};

use super::ClaimShape;
use crate::digest::VERSION;
use crate::node_pool;

/// The NodeClaim of a shape, under this name. It has the NodePool's labels, annotations and hash, is owned by the NodePool so
/// that it goes with it, and has its finalizer from the beginning (row L1), so that it can be launched at once.
pub fn node_claim(shape: &ClaimShape, pool: &NodePool, name: String) -> NodeClaim {
    let template = &pool.spec.template.spec;
    let mut annotations = pool.spec.template.annotations().into_owned();
    annotations.insert(keys::NODEPOOL_HASH.to_owned(), node_pool::hash(pool));
    annotations.insert(keys::NODEPOOL_HASH_VERSION.to_owned(), VERSION.to_owned());
    let flag = |set: bool| if set { "true" } else { "false" };
    annotations.insert(keys::MIN_VALUES_RELAXED.to_owned(), flag(shape.min_values_relaxed).to_owned());
    let applied = [
        (keys::PRICE_OVERLAY_APPLIED, shape.price_overlay),
        (keys::CAPACITY_OVERLAY_APPLIED, shape.capacity_overlay),
    ];
    for (key, _) in applied.into_iter().filter(|(_, applied)| *applied) {
        annotations.insert(key.to_owned(), "true".to_owned());
    }
    let requests = ResourceList::from(shape.requests.to_quantities());
    let owner = OwnerReference {
        api_version: format!("{}/v1", keys::KARPENTER_GROUP),
        kind: "NodePool".to_owned(),
        name: pool.metadata.name.clone().unwrap_or_default(),
        uid: pool.metadata.uid.clone().unwrap_or_default(),
        block_owner_deletion: Some(true),
        controller: None,
    };
    NodeClaim {
        metadata: ObjectMeta {
            name: Some(name),
            labels: Some(shape.labels.clone()),
            annotations: Some(annotations),
            finalizers: Some(vec![keys::TERMINATION_FINALIZER.to_owned()]),
            owner_references: Some(vec![owner]),
            ..ObjectMeta::default()
        },
        spec: NodeClaimSpec {
            expire_after: Some(template.expire_after()),
            node_class_ref: template.node_class_ref.clone(),
            requirements: shape.requirements.clone(),
            resources: Some(ResourceRequirements { requests: Some(requests) }),
            startup_taints: template.startup_taints.clone(),
            taints: template.taints.clone(),
            termination_grace_period: template.termination_grace_period.clone(),
        },
        status: None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use supercargo_engine::snapshot::SnapshotOptions;
    use supercargo_engine::solve::{SolveOptions, solve};
    use supercargo_reconcile::toy::Toy;
    use supercargo_reconcile::{Key, Kind};

    use super::*;
    use crate::cluster::snapshot;
    use crate::test_world;

    /// The claim for one pod of a NodePool.
    fn planned(pool: Value, pod: Value) -> NodeClaim {
        let mut toy = Toy::new(Vec::new());
        toy.create(Kind::EC2NodeClass, test_world::node_class());
        toy.create(Kind::NodePool, pool);
        toy.create(Kind::Pod, pod);
        let knowledge = test_world::knowledge();
        let (_, snapshot) = snapshot(&toy.state, &knowledge, toy.now, &SnapshotOptions::default());
        let outcome = solve(&snapshot, SolveOptions::default());
        let shape = ClaimShape::of_planned(&snapshot, &outcome.variants, &outcome.nodes[0]).unwrap();
        let pool = toy.state.node_pools.get(&Key::cluster("general")).unwrap();
        node_claim(&shape, pool, "general-x".to_owned())
    }

    fn values<'c>(claim: &'c NodeClaim, key: &str) -> Option<&'c [String]> {
        claim.spec.requirements.iter().find(|term| term.key == key).map(|term| term.values())
    }

    #[test]
    fn section_2_12_a_claim_says_all_that_its_node_pool_says() {
        let claim = planned(test_world::node_pool("general"), test_world::waiting_pod("web", "1"));
        let mut claim = serde_json::to_value(claim).unwrap();
        for term in claim["spec"]["requirements"].as_array_mut().unwrap() {
            if let Some(values) = term["values"].as_array().filter(|values| values.len() > 4) {
                term["values"] = json!(format!("{} values", values.len()));
            }
        }
        insta::assert_snapshot!(serde_json::to_string_pretty(&claim).unwrap());
    }

    #[test]
    fn section_5_4_there_are_60_types_at_most_and_the_cheapest_is_among_them() {
        let claim = planned(test_world::node_pool("general"), test_world::waiting_pod("web", "1"));
        assert_eq!(values(&claim, keys::INSTANCE_TYPE).unwrap().len(), 60);
    }

    #[test]
    fn a_zone_that_the_pod_asks_for_is_asked_for_of_the_node() {
        let mut pod = test_world::waiting_pod("web", "1");
        pod["spec"]["nodeSelector"] = json!({"topology.kubernetes.io/zone": "us-east-1b"});
        let claim = planned(test_world::node_pool("general"), pod);
        assert_eq!(values(&claim, keys::ZONE).unwrap(), ["us-east-1b"]);
    }

    #[test]
    fn a_custom_label_that_the_pool_leaves_open_is_settled_by_the_pod() {
        let mut pool = test_world::node_pool("general");
        let terms = pool["spec"]["template"]["spec"]["requirements"].as_array_mut().unwrap();
        terms.push(json!({"key": "team", "operator": "In", "values": ["red", "blue"]}));
        let mut pod = test_world::waiting_pod("web", "1");
        pod["spec"]["nodeSelector"] = json!({"team": "blue"});
        let claim = planned(pool, pod);
        assert_eq!(values(&claim, "team").unwrap(), ["blue"]);
        assert_eq!(claim.metadata.labels.unwrap()["team"], "blue");
    }

    #[test]
    fn section_2_12_min_values_hold_among_the_types_that_are_listed() {
        let mut pool = test_world::node_pool("general");
        let terms = pool["spec"]["template"]["spec"]["requirements"].as_array_mut().unwrap();
        terms.push(json!({
            "key": "karpenter.k8s.aws/instance-family", "operator": "Exists", "minValues": 30,
        }));
        let claim = planned(pool, test_world::waiting_pod("web", "1"));
        let families: std::collections::BTreeSet<&str> = values(&claim, keys::INSTANCE_TYPE)
            .unwrap()
            .iter()
            .filter_map(|name| name.split('.').next())
            .collect();
        assert!(families.len() >= 30, "{families:?}");
        let term = claim.spec.requirements.iter().find(|term| term.key == keys::INSTANCE_FAMILY);
        assert_eq!(term.unwrap().min_values, Some(30));
    }
}
