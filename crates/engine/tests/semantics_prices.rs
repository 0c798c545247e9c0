//! What is bought among what would do: capacity types, reservations, minValues (reference sections 2.5, 2.8, 2.12; row N4).

mod by_hand;

use by_hand::{
    Cluster, InstanceTypeBuilder, Manifest, bought, bought_where, instance_type, pod, pods, pool, unplaced,
};
use rstest::rstest;
use serde_json::json;
use supercargo_engine::plan::{Node, Plan};

fn types() -> Vec<InstanceTypeBuilder> {
    vec![
        instance_type("m.small", 2, 8, 0.1).spot(0.04),
        instance_type("m.medium", 4, 16, 0.2).spot(0.09),
        instance_type("m.large", 8, 32, 0.4),
    ]
}

fn web() -> Manifest {
    pod("web", "1", "1Gi")
}

fn listed(node: &Node) -> Vec<String> {
    let choices = node.instance_types.iter();
    choices
        .map(|choice| {
            format!(
                "{} {} {} {}",
                choice.instance_type, choice.zone, choice.capacity_type, choice.price_per_hour
            )
        })
        .collect()
}

fn reserved_nodes(plan: &Plan) -> usize {
    plan.nodes.iter().filter(|node| node.capacity_type == "reserved").count()
}

#[test]
fn the_cheapest_offering_of_the_cheapest_type_is_bought() {
    let plan = Cluster::new(&types()).pool(pool("general")).pod(web()).plan();
    assert_eq!(bought_where(&plan), ["general m.small a spot: web"]);
    assert_eq!(plan.nodes[0].price_per_hour.to_string(), "$0.04");
}

#[test]
fn a_larger_type_is_bought_if_it_costs_less() {
    let odd = [instance_type("m.small", 2, 8, 0.1), instance_type("m.large", 8, 32, 0.07)];
    let plan = Cluster::new(&odd).pool(pool("general")).pod(web()).plan();
    assert_eq!(bought(&plan), ["m.large: web"]);
}

/// 2.12: every type that would do, cheapest first, at its cheapest offering.
#[test]
fn every_type_that_would_do_is_listed() {
    let plan = Cluster::new(&types()).pool(pool("general")).pod(pod("web", "3", "1Gi")).plan();
    assert_eq!(listed(&plan.nodes[0]), ["m.medium a spot $0.09", "m.large a on-demand $0.4"]);
    let cluster =
        Cluster::new(&types()).pool(pool("general").requires(&["karpenter.sh/capacity-type In on-demand"]));
    let plan = cluster.pod(web()).plan();
    let expected = ["m.small a on-demand $0.1", "m.medium a on-demand $0.2", "m.large a on-demand $0.4"];
    assert_eq!(listed(&plan.nodes[0]), expected);
}

#[test]
fn every_zone_that_would_do_is_listed() {
    let types = [
        instance_type("m.small", 2, 8, 0.1).zones("b c").also_in("a", 0.2),
        instance_type("m.large", 8, 32, 0.4).zones("d"),
    ];
    let cluster = Cluster::new(&types).pool(pool("general"));
    let plan = cluster.clone().pod(web()).plan();
    assert_eq!((plan.nodes[0].zone.as_str(), plan.nodes[0].zones.join(" ")), ("b", "a b c d".to_owned()));
    let plan = cluster.pod(web().requiring(&[&["topology.kubernetes.io/zone In a d"]])).plan();
    assert_eq!((plan.nodes[0].zone.as_str(), plan.nodes[0].zones.join(" ")), ("a", "a d".to_owned()));
}

#[test]
fn reserved_capacity_is_used_first_and_not_overshot() {
    let types = [instance_type("m.small", 2, 8, 0.1).spot(0.04).reserved("cr-1", 2)];
    let plan = Cluster::new(&types).pool(pool("general")).pods(pods("web", 10, "1", "1Gi")).plan();
    assert_eq!(plan.nodes.len(), 5);
    assert_eq!(reserved_nodes(&plan), 2);
    assert_eq!(
        plan.nodes.iter().filter(|node| node.capacity_type == "spot").count(),
        3,
        "the rest goes to the next cheapest"
    );
    let reserved = plan.nodes.iter().find(|node| node.capacity_type == "reserved").unwrap();
    assert_eq!(listed(reserved), ["m.small a reserved $0"], "no other type is promised with it");
    let spot = plan.nodes.iter().find(|node| node.capacity_type == "spot").unwrap();
    assert_eq!(listed(spot), ["m.small a spot $0.04"]);
}

#[test]
fn a_used_up_reservation_is_not_offered() {
    let types = [instance_type("m.small", 2, 8, 0.1).reserved("cr-1", 0)];
    let plan = Cluster::new(&types).pool(pool("general")).pod(web()).plan();
    assert_eq!(bought_where(&plan), ["general m.small a on-demand: web"]);
}

#[rstest]
#[case::by_capacity_type("karpenter.sh/capacity-type In reserved")]
#[case::by_its_id("karpenter.k8s.aws/capacity-reservation-id In cr-1")]
#[case::by_its_kind("karpenter.k8s.aws/capacity-reservation-type In default")]
#[case::as_not_interruptible("karpenter.k8s.aws/capacity-reservation-interruptible In false")]
#[case::by_having_one("karpenter.k8s.aws/capacity-reservation-id Exists")]
fn a_reservation_can_be_asked_for(#[case] rule: &str) {
    let types =
        [instance_type("m.small", 2, 8, 0.1).reserved("cr-1", 1), instance_type("m.large", 8, 32, 0.01)];
    let cluster = Cluster::new(&types).pool(pool("general"));
    let pinned = |name: &str| pod(name, "1500m", "1Gi").requiring(&[&[rule]]);
    let plan = cluster.pod(pinned("web-0")).pod(pinned("web-1")).plan();
    assert_eq!(bought_where(&plan), ["general m.small a reserved: web-0"]);
    assert_eq!(plan.summary.unschedulable_pods, 1, "there is one instance only");
}

#[test]
fn a_reservation_can_be_shunned() {
    let types = [instance_type("m.small", 2, 8, 0.1).reserved("cr-1", 9)];
    let shy = web().requiring(&[&["karpenter.k8s.aws/capacity-reservation-id DoesNotExist"]]);
    let plan = Cluster::new(&types).pool(pool("general")).pod(shy).plan();
    assert_eq!(bought_where(&plan), ["general m.small a on-demand: web"]);
}

#[test]
fn a_static_pool_does_not_overshoot_a_reservation_either() {
    let types = [instance_type("m.small", 2, 8, 0.1).reserved("cr-1", 2)];
    let plan = Cluster::new(&types).pool(pool("fixed").spec(json!({"replicas": 3}))).plan();
    assert_eq!(reserved_nodes(&plan), 2);
    assert_eq!(plan.nodes.len(), 3);
    let reserved = plan.nodes.iter().find(|node| node.capacity_type == "reserved").unwrap();
    assert_eq!(listed(reserved), ["m.small a reserved $0"]);
}

const THREE_TYPES: &str = "node.kubernetes.io/instance-type Exists minValues=3";

#[test]
fn with_min_values_a_node_is_no_fuller_than_its_choice_allows() {
    let cluster = Cluster::new(&types()).pods(pods("web", 4, "1", "1Gi"));
    // Only m.small, m.medium and m.large together are three types, so no node may hold more than m.small does.
    let plan = cluster.clone().pool(pool("general").requires(&[THREE_TYPES])).plan();
    assert_eq!(plan.summary.pods_on_new_nodes, 4);
    assert!(
        plan.nodes.iter().all(|node| node.instance_types.len() == 3 && node.pods.len() <= 2),
        "{:?}",
        bought(&plan)
    );
    let two = "node.kubernetes.io/instance-type Exists minValues=2";
    let plan = cluster.pool(pool("general").requires(&[two])).plan();
    assert!(plan.nodes.iter().all(|node| node.instance_types.len() >= 2));
}

#[test]
fn with_min_values_what_needs_too_large_a_type_has_no_place() {
    let large = pod("web", "3", "1Gi");
    let cluster = Cluster::new(&types()).pool(pool("general").requires(&[THREE_TYPES])).pod(large);
    let plan = cluster.plan();
    assert_eq!(
        unplaced(&plan),
        [
            "web: NodePool general: minValues asks for 3 values of node.kubernetes.io/instance-type; the types that would do have 2"
        ]
    );
    let plan = cluster.best_effort().plan();
    assert_eq!(bought(&plan), ["m.medium: web"]);
    assert!(plan.nodes[0].min_values_relaxed);
}

#[test]
fn best_effort_keeps_min_values_where_it_can() {
    let plan =
        Cluster::new(&types()).pool(pool("general").requires(&[THREE_TYPES])).pod(web()).best_effort().plan();
    assert!(!plan.nodes[0].min_values_relaxed);
    assert_eq!(plan.nodes[0].instance_types.len(), 3);
}

#[rstest]
#[case::families("karpenter.k8s.aws/instance-family Exists minValues=2", true)]
#[case::too_many_families("karpenter.k8s.aws/instance-family Exists minValues=3", false)]
#[case::listed_families("karpenter.k8s.aws/instance-family In m c minValues=2", true)]
#[case::zones("topology.kubernetes.io/zone Exists minValues=2", true)]
#[case::too_many_zones("topology.kubernetes.io/zone Exists minValues=3", false)]
#[case::capacity_types("karpenter.sh/capacity-type Exists minValues=2", true)]
#[case::a_label_nobody_has("karpenter.k8s.aws/instance-gpu-name Exists minValues=1", false)]
fn min_values_count_values_of_any_key(#[case] requirement: &str, #[case] placed: bool) {
    let types = [
        instance_type("m.small", 2, 8, 0.1).zones("a b").spot(0.04),
        instance_type("c.small", 2, 4, 0.09).zones("a b"),
    ];
    let plan = Cluster::new(&types).pool(pool("general").requires(&[requirement])).pod(web()).plan();
    assert_eq!(plan.nodes.len(), usize::from(placed));
}

#[test]
fn a_pod_may_narrow_no_further_than_min_values_allow() {
    let two_zones = "topology.kubernetes.io/zone Exists minValues=2";
    let types = [instance_type("m.small", 2, 8, 0.1).zones("a b")];
    let cluster = Cluster::new(&types).pool(pool("general").requires(&[two_zones]));
    let plan = cluster.clone().pod(web()).plan();
    assert_eq!(plan.nodes[0].zones, ["a", "b"]);
    let plan = cluster.clone().pod(web().selecting("topology.kubernetes.io/zone", "a")).plan();
    assert_eq!(plan.summary.unschedulable_pods, 1);
    // Two pods that each leave one zone open cannot share a node that must leave two open.
    let in_a = pod("in-a", "500m", "1Gi").selecting("topology.kubernetes.io/zone", "a");
    let plan = cluster.pod(in_a).pod(web()).plan();
    assert_eq!(bought(&plan), ["m.small: web"]);
}

/// 2.11, 2.12: limits hold whichever type comes, and minValues count what is left then.
#[rstest]
#[case::not_enough_for_any(3, 4, 0)]
#[case::enough_for_some(2, 12, 6)]
#[case::enough_for_all(2, 100, 12)]
fn min_values_and_limits_hold_together(#[case] least: usize, #[case] cores: usize, #[case] placed: usize) {
    let requirement = format!("node.kubernetes.io/instance-type Exists minValues={least}");
    let flexible =
        pool("general").requires(&[&requirement]).spec(json!({"limits": {"cpu": cores.to_string()}}));
    let plan = Cluster::new(&types()).pool(flexible).pods(pods("web", 12, "1", "1Gi")).plan();
    assert_eq!(plan.summary.pods_on_new_nodes, placed);
    assert!(plan.nodes.iter().all(|node| node.instance_types.len() >= least), "{:?}", bought(&plan));
}

#[test]
fn a_reservation_leaves_too_little_choice_for_min_values() {
    let mut types = types();
    types[0] = types[0].clone().reserved("cr-1", 5);
    let cluster = Cluster::new(&types).pool(pool("general").requires(&[THREE_TYPES])).pod(web());
    let plan = cluster.plan();
    assert_eq!(bought_where(&plan), ["general m.small a spot: web"]);
    assert_eq!(plan.nodes[0].instance_types.len(), 3);
    assert_eq!(reserved_nodes(&cluster.best_effort().plan()), 1);
}

#[test]
fn min_values_hold_when_later_pods_join_a_node() {
    // web prefers a type that does not exist, and joins in the second round.
    let late = pod("web", "2", "1Gi").preferring(&[(1, &["node.kubernetes.io/instance-type In x.large"])]);
    let plan = Cluster::new(&[instance_type("m.medium", 4, 16, 0.2), instance_type("m.large", 8, 32, 0.3)])
        .pool(pool("general").requires(&["node.kubernetes.io/instance-type Exists minValues=2"]))
        .pod(pod("first", "3", "1Gi"))
        .pod(late)
        .plan();
    assert!(plan.nodes.iter().all(|node| node.instance_types.len() >= 2), "{:?}", bought(&plan));
    assert_eq!(plan.summary.unschedulable_pods, 0);
}

#[test]
fn the_bound_is_never_above_the_price() {
    let plan = Cluster::new(&types()).pool(pool("general")).pods(pods("web", 7, "1", "3Gi")).plan();
    assert!(plan.summary.lower_bound_per_hour <= plan.summary.price_per_hour);
    assert!(plan.summary.gap_percent >= 0.0);
}

#[test]
fn a_reservation_that_two_node_pools_share_is_not_sold_twice() {
    let types = [instance_type("m.small", 2, 8, 0.1).reserved("cr-1", 1)];
    let plan = Cluster::new(&types)
        .pool(pool("one"))
        .pool(pool("two"))
        .pod(pod("a", "1", "1Gi").selecting("karpenter.sh/nodepool", "one"))
        .pod(pod("b", "1", "1Gi").selecting("karpenter.sh/nodepool", "two"))
        .plan();
    assert_eq!(plan.nodes.len(), 2);
    assert_eq!(reserved_nodes(&plan), 1);
}
