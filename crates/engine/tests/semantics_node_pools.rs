//! Which NodePool makes the nodes, and how many it may make (reference sections 2.4, 2.11, 2.15; rows N12 to N14).

mod by_hand;

use by_hand::{
    Cluster, InstanceTypeBuilder, Manifest, bought, bought_where, claim, instance_type, node, placed, pod,
    pods, pool, problems, unplaced,
};
use rstest::rstest;
use serde_json::json;

fn types() -> [InstanceTypeBuilder; 3] {
    [
        instance_type("m.small", 2, 8, 0.1),
        instance_type("m.medium", 4, 16, 0.2),
        instance_type("m.large", 8, 32, 0.4),
    ]
}

fn cluster() -> Cluster {
    Cluster::new(&types())
}

fn weighted(name: &str, weight: i32) -> Manifest {
    pool(name).spec(json!({"weight": weight}))
}

fn limited(name: &str, limits: serde_json::Value) -> Manifest {
    pool(name).spec(json!({"limits": limits}))
}

#[test]
fn the_heaviest_pool_is_used_even_if_it_is_dearer() {
    let heavy = weighted("heavy", 10).requires(&["node.kubernetes.io/instance-type In m.large"]);
    let plan = cluster().pool(pool("light")).pool(heavy).pod(pod("web", "1", "1Gi")).plan();
    assert_eq!(bought_where(&plan), ["heavy m.large a on-demand: web"]);
}

#[test]
fn a_pool_without_weight_weighs_nothing() {
    let unweighted = pool("a").requires(&["node.kubernetes.io/instance-type In m.small"]);
    let weighted = weighted("b", 1).requires(&["node.kubernetes.io/instance-type In m.large"]);
    let plan = cluster().pool(unweighted).pool(weighted).pod(pod("web", "1", "1Gi")).plan();
    assert_eq!(bought_where(&plan), ["b m.large a on-demand: web"]);
}

/// Karpenter takes equal weights by name; we take the cheaper one.
#[test]
fn of_pools_of_equal_weight_the_cheaper_one_is_used() {
    let dear = weighted("z", 5).requires(&["node.kubernetes.io/instance-type In m.large"]);
    let cheap = weighted("a", 5).requires(&["node.kubernetes.io/instance-type In m.medium"]);
    let plan = cluster().pool(dear).pool(cheap).pod(pod("web", "1", "1Gi")).plan();
    assert_eq!(bought_where(&plan), ["a m.medium a on-demand: web"]);
}

#[test]
fn a_lighter_pool_takes_what_the_heavier_one_cannot() {
    let heavy = weighted("heavy", 10).requires(&["node.kubernetes.io/instance-type In m.small"]);
    let cluster =
        cluster().pool(heavy).pool(pool("light")).pod(pod("web", "1", "1Gi")).pod(pod("db", "4", "1Gi"));
    assert_eq!(
        bought_where(&cluster.plan()),
        ["heavy m.small a on-demand: web", "light m.medium a on-demand: db"]
    );
}

#[test]
fn existing_capacity_comes_before_any_weight() {
    let cluster = cluster().pool(weighted("heavy", 100)).node(node("n1", "2", "8Gi"));
    assert_eq!(placed(&cluster.pod(pod("web", "1", "1Gi")).plan()), ["n1: web"]);
}

#[rstest]
#[case::without_its_node_class(
    pool("odd").with(json!({"spec": {"template": {"spec": {"nodeClassRef": {"name": "gone"}}}}})),
    r#"odd: NodeClass "gone" not found"#
)]
#[case::being_deleted(pool("odd").terminating(), "odd: the NodePool is being deleted")]
#[case::that_is_not_ready(
    pool("odd").with(json!({"status": {"conditions": [
        {"type": "Ready", "status": "False", "reason": "NodeClassNotReady", "message": "no subnets found",
         "lastTransitionTime": "2026-07-20T12:00:00Z"},
    ]}})),
    "odd: the NodePool is not ready: no subnets found"
)]
#[case::with_a_requirement_that_cannot_be_read(
    pool("odd").requires(&["karpenter.k8s.aws/instance-cpu Gt many"]),
    r#"odd: requirement on "karpenter.k8s.aws/instance-cpu": Gt needs a whole number of at least 0, found "many""#
)]
#[case::that_no_type_suits(
    pool("odd").requires(&["kubernetes.io/arch In arm64"]),
    "odd: no instance type satisfies its requirements"
)]
#[case::whose_labels_contradict_its_requirements(
    pool("odd").requires(&["team In b"]).with(json!({"spec": {"template": {"metadata": {"labels": {"team": "a"}}}}})),
    "odd: its requirements and labels leave no value for team"
)]
#[case::that_wants_more_nodes_than_there_are(
    pool("odd").spec(json!({"replicas": 9_000_000_000_000_i64})),
    "odd: replicas 9000000000000 is more than 100000, the most that can be planned"
)]
#[case::with_a_limit_that_is_no_quantity(
    limited("odd", json!({"cpu": "plenty"})),
    r#"odd: limit on cpu: quantity "plenty" does not start with a number; write a number such as 500m, 2 or 1.5Gi"#
)]
fn a_pool_cannot_make_nodes(#[case] odd: Manifest, #[case] expected: &str) {
    let plan = cluster().pool(odd).pool(pool("other")).pod(pod("web", "1", "1Gi")).plan();
    assert_eq!(problems(&plan), [expected]);
    assert_eq!(bought_where(&plan), ["other m.small a on-demand: web"], "other pools are not held up");
}

#[test]
fn a_node_class_being_deleted_counts_as_not_found() {
    let class = by_hand::manifest(json!({
        "apiVersion": "karpenter.k8s.aws/v1", "kind": "EC2NodeClass", "metadata": {"name": "default"},
        "spec": {"amiSelectorTerms": [{"alias": "al2023@latest"}], "role": "r",
                 "subnetSelectorTerms": [{"id": "subnet-1"}], "securityGroupSelectorTerms": [{"id": "sg-1"}]},
    }));
    let cluster = cluster().pool(pool("general")).pod(pod("web", "1", "1Gi"));
    assert_eq!(bought(&cluster.clone().object("EC2NodeClass", &class).plan()), ["m.small: web"]);
    let plan = cluster.object("EC2NodeClass", &class.terminating()).plan();
    assert_eq!(problems(&plan), [r#"general: NodeClass "default" is being deleted"#]);
    assert!(plan.nodes.is_empty());
}

#[rstest]
#[case::cores(json!({"cpu": "4"}), 4)]
#[case::cores_not_quite_used_up(json!({"cpu": "5"}), 4)]
#[case::memory(json!({"memory": "16Gi"}), 4)]
#[case::no_nodes(json!({"nodes": "0"}), 0)]
#[case::the_scarcest_of_several(json!({"cpu": "100", "memory": "8Gi"}), 2)]
#[case::something_no_node_has(json!({"nvidia.com/gpu": "0"}), 24)]
#[case::nothing(json!({}), 24)]
fn a_limit_holds_after_the_last_node_too(#[case] limits: serde_json::Value, #[case] most_cores: i64) {
    let plan = cluster().pool(limited("general", limits)).pods(pods("web", 24, "1", "1Gi")).plan();
    let placed: usize = plan.nodes.iter().map(|node| node.pods.len()).sum();
    assert_eq!(placed as i64, most_cores, "{:?}", bought(&plan));
    assert_eq!(plan.unschedulable.iter().map(|one| one.pods.len()).sum::<usize>(), 24 - placed);
}

#[rstest]
#[case::nodes(json!({"nodes": "2"}))]
#[case::pods_that_nodes_may_hold(json!({"pods": "329"}))]
fn a_limit_counts_nodes(#[case] limits: serde_json::Value) {
    let large = limited("general", limits).requires(&["node.kubernetes.io/instance-type In m.large"]);
    let plan = cluster().pool(large).pods(pods("web", 24, "1", "1Gi")).plan();
    assert_eq!((plan.nodes.len(), plan.summary.pods_on_new_nodes), (2, 16));
}

/// Where nodes are scarce they are bought large, though small ones cost no more.
#[rstest]
#[case::while_it_is_only_marked(false, 0)]
#[case::not_once_it_is_deleted(true, 1)]
fn a_limit_counts_a_node_that_shall_go_2_11(#[case] deleted: bool, #[case] placed: usize) {
    let marked = node("old", "4", "16Gi")
        .label("karpenter.sh/nodepool", "general")
        .with(json!({"spec": {"taints": [{"key": "karpenter.sh/disrupted", "effect": "NoSchedule"}]}}));
    let old = if deleted { marked.terminating() } else { marked };
    let plan =
        cluster().pool(limited("general", json!({"cpu": "5"}))).node(old).pod(pod("web", "1", "1Gi")).plan();
    assert_eq!(bought(&plan).len(), placed, "{plan:?}");
}

#[rstest]
#[case::one_node(json!({"nodes": "1"}), 8)]
#[case::pods_of_two_nodes(json!({"pods": "220"}), 16)]
#[case::every_core(json!({"cpu": "14", "memory": "1000Gi"}), 14)]
fn a_limit_is_used_to_the_full(#[case] limits: serde_json::Value, #[case] placed: usize) {
    let plan = cluster().pool(limited("general", limits)).pods(pods("web", 24, "1", "1Gi")).plan();
    assert_eq!(plan.summary.pods_on_new_nodes, placed, "{:?}", bought(&plan));
}

#[test]
fn what_is_there_counts_against_the_limit() {
    let mine = node("n1", "6", "24Gi")
        .label("karpenter.sh/nodepool", "general")
        .label("karpenter.sh/initialized", "true");
    let cluster = cluster()
        .pool(limited("general", json!({"cpu": "8"})))
        .pod(pod("big", "6", "1Gi").on("n1"))
        .pods(pods("web", 4, "1", "1Gi"));
    let plan = cluster.clone().node(mine.clone()).plan();
    assert_eq!(plan.summary.unschedulable_pods, 2, "two of eight cores were left");
    let plan = cluster.clone().node(mine.clone().label("karpenter.sh/nodepool", "other")).plan();
    assert_eq!(plan.summary.unschedulable_pods, 0, "another pool's node does not count");
    let plan = cluster.node(mine.terminating()).plan();
    assert_eq!(
        plan.summary.unschedulable_pods,
        2 + 1 - 1,
        "a leaving node does not count, but its pod comes along"
    );
}

/// No overshoot, whatever the claim turns out to be (2.11, 9.2-19).
#[test]
fn a_claim_in_flight_counts_against_the_limit_as_the_largest_it_may_become() {
    let cluster =
        cluster().pool(limited("general", json!({"cpu": "9"}))).claim(claim("general-1", "general"));
    let plan = cluster.pods(pods("web", 6, "1", "1Gi")).plan();
    assert_eq!(placed(&plan), ["general-1: web-0 web-1"]);
    assert!(plan.nodes.is_empty(), "m.large may be on its way: {:?}", bought(&plan));
}

#[rstest]
#[case(4)]
#[case(8)]
#[case(12)]
#[case(13)]
fn no_listed_type_can_lift_the_pool_over_its_limit(#[case] cores: i64) {
    let plan = cluster()
        .pool(limited("general", json!({"cpu": cores.to_string()})))
        .pods(pods("web", 3, "1500m", "1Gi"))
        .plan();
    let cores_of = |name: &str| {
        if name == "m.small" {
            2
        } else if name == "m.medium" {
            4
        } else {
            8
        }
    };
    let largest = |node: &supercargo_engine::plan::Node| {
        node.instance_types.iter().map(|choice| cores_of(&choice.instance_type)).max().unwrap_or(0)
    };
    assert!(plan.nodes.iter().map(largest).sum::<i64>() <= cores, "{:#?}", plan.nodes);
}

#[test]
fn a_limit_makes_room_for_smaller_types() {
    let cluster = cluster().pool(limited("general", json!({"cpu": "6"}))).pods(pods("web", 6, "1", "1Gi"));
    assert_eq!(cluster.plan().summary.unschedulable_pods, 0, "m.medium and m.small make six cores");
}

#[test]
fn what_a_limit_keeps_out_goes_to_the_next_pool() {
    let cluster = cluster()
        .pool(weighted("heavy", 10).spec(json!({"limits": {"cpu": "2"}})))
        .pool(pool("light"))
        .pods(pods("web", 4, "1", "1Gi"));
    let plan = cluster.plan();
    assert_eq!(
        bought_where(&plan),
        ["heavy m.small a on-demand: web-0 web-1", "light m.small a on-demand: web-2 web-3"]
    );
}

/// OR-terms are tried in turn until one can be had (2.6).
#[test]
fn a_term_whose_pool_is_full_gives_way_to_the_next_term() {
    let cheap = limited("cheap", json!({"nodes": "0"}));
    let dear = pool("dear").requires(&["node.kubernetes.io/instance-type In m.large"]);
    let web = pod("web", "1", "1Gi")
        .requiring(&[&["karpenter.sh/nodepool In cheap"], &["karpenter.sh/nodepool In dear"]]);
    assert_eq!(
        bought_where(&cluster().pool(cheap).pool(dear).pod(web).plan()),
        ["dear m.large a on-demand: web"]
    );
}

#[test]
fn a_static_pool_keeps_its_nodes_whatever_the_pods_need() {
    let plan = cluster().pool(pool("fixed").spec(json!({"replicas": 2}))).plan();
    assert_eq!(bought(&plan), ["m.small: ", "m.small: "]);
    assert!(plan.nodes.iter().all(|node| node.is_static));
    assert_eq!(plan.summary.price_per_hour.to_string(), "$0.2");
}

#[test]
fn a_static_pool_makes_only_the_nodes_that_are_missing() {
    let mine = |name: &str| {
        node(name, "2", "8Gi")
            .label("karpenter.sh/nodepool", "fixed")
            .label("karpenter.sh/initialized", "true")
    };
    let cluster = cluster().pool(pool("fixed").spec(json!({"replicas": 3})));
    let plan = cluster.clone().node(mine("n1")).claim(claim("fixed-1", "fixed")).plan();
    assert_eq!(plan.nodes.len(), 1);
    let plan = cluster.node(mine("n1").terminating()).plan();
    assert_eq!(plan.nodes.len(), 3, "a leaving node is missing already");
}

#[test]
fn a_static_pool_stops_at_its_limit_of_nodes() {
    let fixed = pool("fixed").spec(json!({"replicas": 5, "limits": {"nodes": "2"}}));
    assert_eq!(cluster().pool(fixed).plan().nodes.len(), 2);
    let nothing = pool("fixed").spec(json!({"replicas": 0}));
    assert!(cluster().pool(nothing).plan().nodes.is_empty());
}

#[test]
fn pods_use_static_nodes_but_never_ask_for_more_of_them() {
    let cluster = cluster().pool(pool("fixed").spec(json!({"replicas": 1}))).pods(pods("web", 3, "1", "1Gi"));
    let plan = cluster.plan();
    assert_eq!(bought(&plan), ["m.small: web-0 web-1"]);
    assert_eq!(
        unplaced(&plan),
        ["web-2: NodePool fixed: the pool is static: its nodes do not depend on pods"]
    );
    let plan = cluster.pool(pool("general")).plan();
    assert_eq!(
        bought_where(&plan),
        ["fixed m.small a on-demand: web-0 web-1", "general m.small a on-demand: web-2"]
    );
}

#[test]
fn without_any_pool_there_is_nothing_to_buy() {
    assert_eq!(unplaced(&cluster().pod(pod("web", "1", "1Gi")).plan()), ["web: there is no NodePool"]);
}
