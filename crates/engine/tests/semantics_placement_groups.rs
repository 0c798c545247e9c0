//! Placement groups: what pods can ask of the partition their node is in (reference row E4, section 5.3).

mod by_hand;

use by_hand::{Cluster, Manifest, bought, instance_type, pod, pods, pool, unplaced};
use rstest::rstest;
use serde_json::json;
use supercargo_catalog::{Placement, PlacementStrategy};
use supercargo_engine::plan::Plan;

const GROUP: &str = "karpenter.k8s.aws/placement-group-id";
const PARTITION: &str = "karpenter.k8s.aws/placement-group-partition";

fn cluster(strategy: PlacementStrategy, partitions: u32) -> Cluster {
    let types = [instance_type("m.small", 2, 8, 0.1), instance_type("m.large", 8, 32, 0.4)];
    Cluster::new(&types).placed(Placement { group_id: "pg-1".to_owned(), strategy, partitions })
}

fn partitioned() -> Cluster {
    cluster(PlacementStrategy::Partition, 3)
}

/// The partition of each node in order, and what runs there.
fn partitions(plan: &Plan) -> Vec<String> {
    let numbers = plan.nodes.iter().map(|node| node.labels.get(PARTITION).cloned());
    let mut told: Vec<String> = numbers
        .zip(bought(plan))
        .map(|(number, node)| format!("{} {node}", number.unwrap_or_else(|| "-".to_owned())))
        .collect();
    told.sort();
    told
}

#[test]
fn who_asks_for_no_partition_leaves_it_to_ec2() {
    let plan = partitioned().pool(pool("general")).pod(pod("web", "1", "1Gi")).plan();
    assert_eq!(partitions(&plan), ["- m.small: web"]);
    assert_eq!(plan.nodes[0].labels.get(GROUP).map(String::as_str), Some("pg-1"));
}

#[rstest]
#[case::one(&["karpenter.k8s.aws/placement-group-partition In 2"], "2")]
#[case::all_but_one(&["karpenter.k8s.aws/placement-group-partition NotIn 1"], "2")]
#[case::whichever(&["karpenter.k8s.aws/placement-group-partition Exists"], "-")]
#[case::the_last(&["karpenter.k8s.aws/placement-group-partition Gt 2"], "3")]
fn a_pod_gets_the_partition_it_asks_for(#[case] asked: &[&str], #[case] expected: &str) {
    let web = pod("web", "1", "1Gi").requiring(&[asked]);
    let plan = partitioned().pool(pool("general")).pod(web).plan();
    assert_eq!(partitions(&plan), [format!("{expected} m.small: web")]);
}

#[rstest]
#[case::not_there(partitioned(), pool("general"), "7")]
#[case::no_partitions(cluster(PlacementStrategy::Spread, 0), pool("general"), "1")]
#[case::kept_out_by_the_pool(
    partitioned(), pool("general").requires(&["karpenter.k8s.aws/placement-group-partition In 2 3"]), "1")]
fn a_partition_that_is_not_to_be_had_is_not_bought(
    #[case] cluster: Cluster,
    #[case] pool: Manifest,
    #[case] partition: &str,
) {
    let web = pod("web", "1", "1Gi").selecting(PARTITION, partition);
    let plan = cluster.pool(pool).pod(web).plan();
    assert!(plan.nodes.is_empty(), "{:?}", partitions(&plan));
    assert_eq!(unplaced(&plan).len(), 1);
}

#[test]
fn replicas_are_spread_over_partitions() {
    let spread = json!({"topologySpreadConstraints": [{
        "maxSkew": 1, "topologyKey": PARTITION, "whenUnsatisfiable": "DoNotSchedule",
        "labelSelector": {"matchLabels": {"app": "broker"}},
    }]});
    let brokers = pods("broker", 3, "1", "1Gi").into_iter().map(|pod| pod.spec(spread.clone()));
    let plan = partitioned().pool(pool("general")).pods(brokers).plan();
    let numbers: Vec<char> = partitions(&plan).iter().filter_map(|told| told.chars().next()).collect();
    assert_eq!(numbers, ['1', '2', '3']);
}

#[test]
fn who_does_not_care_shares_a_node_with_who_does() {
    let plan = partitioned()
        .pool(pool("general"))
        .pod(pod("db", "1", "1Gi").selecting(PARTITION, "3"))
        .pod(pod("web", "500m", "1Gi"))
        .plan();
    assert_eq!(partitions(&plan), ["3 m.small: db web"]);
}
