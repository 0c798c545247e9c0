//! What plans look like for manifests a person would write.

use k8s_openapi::api::core::v1::Pod;
use serde_json::json;
use supercargo_api::NodePool;
use supercargo_api::objects::Objects;
use supercargo_catalog::{Catalog, NodeClassModel};
use supercargo_engine::market::Market;
use supercargo_engine::plan::Plan;
use supercargo_engine::snapshot::{Snapshot, SnapshotOptions};
use supercargo_engine::solve::{SolveOptions, solve};

fn pool(name: &str, requirements: serde_json::Value) -> NodePool {
    serde_json::from_value(json!({
        "apiVersion": "karpenter.sh/v1", "kind": "NodePool", "metadata": {"name": name},
        "spec": {"template": {"spec": {
            "nodeClassRef": {"group": "karpenter.k8s.aws", "kind": "EC2NodeClass", "name": "default"},
            "requirements": requirements,
        }}},
    }))
    .unwrap()
}

fn pod(name: &str, cpu: &str, memory: &str) -> Pod {
    serde_json::from_value(json!({
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"containers": [{"name": "main", "resources": {"requests": {"cpu": cpu, "memory": memory}}}]},
    }))
    .unwrap()
}

fn market() -> Market {
    let model = NodeClassModel::default();
    let types = Catalog::embedded().instance_types("us-east-1", None, &model);
    Market::compile([("default".to_owned(), types)]).unwrap()
}

fn plan(objects: &Objects) -> Plan {
    let snapshot = Snapshot::build(objects, &market(), &SnapshotOptions::default());
    let options = SolveOptions::default();
    let outcome = solve(&snapshot, options);
    Plan::new(&snapshot, &outcome, options)
}

#[test]
fn three_pods_get_the_cheapest_node_that_really_holds_them() {
    let objects = Objects {
        node_pools: vec![pool(
            "general",
            json!([
                {"key": "karpenter.sh/capacity-type", "operator": "In", "values": ["on-demand"]},
                {"key": "karpenter.k8s.aws/instance-category", "operator": "In", "values": ["m", "c", "r"]},
                {"key": "karpenter.k8s.aws/instance-generation", "operator": "Gt", "values": ["5"]},
            ]),
        )],
        pods: vec![pod("a", "2", "4Gi"), pod("b", "1", "8Gi"), pod("c", "4", "4Gi")],
        ..Objects::default()
    };
    let plan = plan(&objects);
    println!("{}", serde_json::to_string_pretty(&plan.summary).unwrap());
    for node in &plan.nodes {
        println!(
            "{} {} {} {} {:?} {}",
            node.name, node.instance_type, node.zone, node.price_per_hour, node.pods, node.why.text
        );
    }
    assert!(plan.unschedulable.is_empty());
}
