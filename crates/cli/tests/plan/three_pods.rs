//! The three pods of the worked example: the answer is checked against every other way to buy nodes for them.

use supercargo_api::labels::keys;
use supercargo_catalog::{CapacityType, Catalog, InstanceType, NodeClassModel, Usd};
use supercargo_engine::plan::Plan;

use crate::program::plan_at_root;

/// Millicores and bytes of the pods A, B and C.
const PODS: [(i64, i64); 3] = [(2000, 4 << 30), (1000, 8 << 30), (4000, 4 << 30)];

/// Every way to divide three pods among at most three nodes.
const DIVISIONS: [&[&[usize]]; 5] =
    [&[&[0, 1, 2]], &[&[0, 1], &[2]], &[&[0, 2], &[1]], &[&[1, 2], &[0]], &[&[0], &[1], &[2]]];

fn plan() -> Plan {
    plan_at_root(&["-f", "examples/three-pods", "-o", "json"]).plan()
}

/// The types that the NodePool of the example admits, asked one by one.
fn admitted() -> Vec<InstanceType> {
    let mut types = Catalog::embedded().instance_types("us-east-1", None, &NodeClassModel::default());
    types.retain(|instance_type| {
        let label = |key: &str| instance_type.labels.get(key).map(String::as_str).unwrap_or_default();
        let generation: u32 = label(keys::INSTANCE_GENERATION).parse().unwrap_or(0);
        label(keys::ARCH) == "amd64"
            && ["m", "c", "r"].contains(&label(keys::INSTANCE_CATEGORY))
            && generation > 5
            && ["large", "xlarge", "2xlarge"].contains(&label(keys::INSTANCE_SIZE))
    });
    assert!(types.len() > 50, "{}", types.len());
    types
}

/// The cheapest on-demand price of a node for these pods.
fn cheapest(types: &[InstanceType], pods: &[usize]) -> Option<Usd> {
    let cpu: i64 = pods.iter().map(|pod| PODS[*pod].0).sum();
    let memory: i64 = pods.iter().map(|pod| PODS[*pod].1).sum();
    let holding = types.iter().filter(|instance_type| {
        let room = &instance_type.allocatable;
        room.get("cpu") >= cpu && room.get("memory") >= memory && room.get("pods") >= pods.len() as i64
    });
    let on_demand = holding.flat_map(|instance_type| &instance_type.offerings).filter(|offering| {
        offering.capacity_type == CapacityType::OnDemand
            && ["us-east-1a", "us-east-1b", "us-east-1c"].contains(&offering.zone.as_str())
    });
    on_demand.map(|offering| offering.price).min()
}

#[test]
fn no_other_nodes_are_cheaper() {
    let types = admitted();
    let prices = DIVISIONS.iter().filter_map(|division| {
        division
            .iter()
            .map(|pods| cheapest(&types, pods))
            .collect::<Option<Vec<Usd>>>()
            .map(|prices| prices.iter().sum())
    });
    let best: Usd = prices.min().unwrap();
    assert_eq!(plan().summary.price_per_hour, best);
}

#[test]
fn a_2xlarge_of_16_gib_is_not_enough() {
    let types = admitted();
    let c6i = types.iter().find(|instance_type| instance_type.name == "c6i.2xlarge").unwrap();
    assert_eq!(c6i.labels[keys::INSTANCE_MEMORY], "16384", "as sold, it has what the pods ask for");
    assert!(c6i.allocatable.get("memory") < 16 << 30, "but the kubelet keeps some of it");
    for node in &plan().nodes {
        assert!(node.instance_types.iter().all(|choice| choice.instance_type != "c6i.2xlarge"));
    }
}
