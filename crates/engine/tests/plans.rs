//! What plans look like on the real market.

mod by_hand;

use by_hand::{Cluster, pod, pods, pool};
use supercargo_catalog::{CapacityType, Catalog, InstanceType, NodeClassModel, Usd};

fn types() -> Vec<InstanceType> {
    Catalog::embedded().instance_types("us-east-1", None, &NodeClassModel::default())
}

fn cluster() -> Cluster {
    let general = pool("general").requires(&[
        "karpenter.sh/capacity-type In on-demand",
        "karpenter.k8s.aws/instance-category In m c r",
        "karpenter.k8s.aws/instance-generation Gt 5",
    ]);
    Cluster::of(types()).pool(general)
}

/// The cheapest type of the NodePool that holds so many millicores and bytes.
fn cheapest_alone(millicores: i64, bytes: i64) -> Usd {
    let admitted = |one: &InstanceType| {
        let label = |name: &str| one.labels.get(&format!("karpenter.k8s.aws/instance-{name}")).cloned();
        let generation = label("generation").and_then(|text| text.parse::<i64>().ok());
        matches!(label("category").as_deref(), Some("m" | "c" | "r"))
            && generation.is_some_and(|number| number > 5)
    };
    let prices = types().into_iter().filter(admitted).filter_map(|one| {
        let holds = one.allocatable.get("cpu") >= millicores && one.allocatable.get("memory") >= bytes;
        let offers = one.offerings.iter().filter(|offer| offer.available);
        let on_demand = offers.filter(|offer| offer.capacity_type == CapacityType::OnDemand);
        on_demand.map(|offer| offer.price).min().filter(|_| holds)
    });
    prices.min().expect("some type is large enough")
}

#[test]
fn three_pods_get_the_cheapest_nodes_that_really_hold_them() {
    let plan = cluster().pod(pod("a", "2", "4Gi")).pod(pod("b", "1", "8Gi")).pod(pod("c", "4", "4Gi")).plan();
    assert!(plan.is_complete());
    let gibibyte = 1 << 30;
    let (a, b, c) = ((2000, 4 * gibibyte), (1000, 8 * gibibyte), (4000, 4 * gibibyte));
    let price = |pods: &[(i64, i64)]| {
        cheapest_alone(pods.iter().map(|pod| pod.0).sum(), pods.iter().map(|pod| pod.1).sum())
    };
    let ways = [
        price(&[a, b, c]),
        price(&[a, b]) + price(&[c]),
        price(&[a, c]) + price(&[b]),
        price(&[b, c]) + price(&[a]),
        price(&[a]) + price(&[b]) + price(&[c]),
    ];
    assert_eq!(Some(plan.summary.price_per_hour), ways.into_iter().min());
    assert!(plan.summary.lower_bound_per_hour <= plan.summary.price_per_hour);
}

#[test]
fn a_hundred_pods_are_packed_close_to_the_bound() {
    let plan = cluster().pods(pods("web", 60, "900m", "1700Mi")).pods(pods("db", 40, "1", "7Gi")).plan();
    assert!(plan.is_complete());
    assert!(plan.summary.gap_percent < 8.0, "{} % above the bound", plan.summary.gap_percent);
    assert!(plan.nodes.iter().all(|node| !node.instance_types.is_empty() && !node.pods.is_empty()));
}
