//! Preferences: as required, until they cannot be met (reference section 2.6); and who is served first.

mod by_hand;

use by_hand::{
    Cluster, InstanceTypeBuilder, Manifest, bought, bought_where, instance_type, node, placed, pod, pods,
    pool,
};
use rstest::rstest;
use serde_json::{Value, json};

fn types() -> Vec<InstanceTypeBuilder> {
    vec![
        instance_type("m.small", 2, 8, 0.1).zones("a b"),
        instance_type("m.large", 8, 32, 0.4).zones("a b"),
        instance_type("r.large", 8, 64, 0.6).zones("a b"),
    ]
}

fn cluster() -> Cluster {
    Cluster::new(&types()).pool(pool("general"))
}

fn web() -> Manifest {
    pod("web", "1", "1Gi")
}

const LARGE: &str = "node.kubernetes.io/instance-type In m.large";
const HUGE: &str = "node.kubernetes.io/instance-type In r.large";
const UNKNOWN: &str = "node.kubernetes.io/instance-type In x.large";

#[rstest]
#[case::one(&[(1, &[LARGE] as &[&str])], "m.large")]
#[case::the_heaviest_alone(&[(1, &[LARGE] as &[&str]), (2, &[HUGE])], "r.large")]
#[case::the_next_where_the_heaviest_cannot_be_met(&[(9, &[UNKNOWN] as &[&str]), (2, &[LARGE]), (1, &[HUGE])], "m.large")]
#[case::none_that_can_be_met(&[(9, &[UNKNOWN] as &[&str]), (2, &["team In a"])], "m.small")]
#[case::all_expressions_of_one(&[(1, &["karpenter.k8s.aws/instance-cpu Gt 2", "karpenter.k8s.aws/instance-memory Gt 40000"] as &[&str])], "r.large")]
#[case::equals_in_the_order_they_are_written(&[(1, &[HUGE] as &[&str]), (1, &[LARGE])], "r.large")]
fn a_preferred_node_is_bought_though_it_is_dearer(#[case] terms: &[(i32, &[&str])], #[case] expected: &str) {
    let cluster = cluster().pod(web().preferring(terms));
    assert_eq!(bought(&cluster.plan()), [format!("{expected}: web")]);
    assert_eq!(
        bought(&cluster.ignoring_preferences().plan()),
        ["m.small: web"],
        "the policy Ignore drops them"
    );
}

#[test]
fn a_preference_that_contradicts_what_is_required_is_dropped() {
    let web = web().requiring(&[&["karpenter.k8s.aws/instance-cpu Lt 8"]]);
    assert_eq!(bought(&cluster().pod(web.preferring(&[(1, &[LARGE])])).plan()), ["m.small: web"]);
}

#[test]
fn a_preference_decides_between_nodes_that_exist() {
    let cluster = cluster()
        .node(node("n1", "4", "8Gi").label("disk", "hdd"))
        .node(node("n2", "4", "8Gi").label("disk", "ssd"))
        .pod(web().preferring(&[(1, &["disk In ssd"])]));
    assert_eq!(placed(&cluster.plan()), ["n2: web"]);
    assert_eq!(placed(&cluster.ignoring_preferences().plan()), ["n1: web"]);
}

#[test]
fn a_preference_is_dropped_before_a_node_is_bought_in_vain() {
    let cluster = cluster().node(node("n1", "4", "8Gi")).pod(web().preferring(&[(1, &["disk In ssd"])]));
    assert_eq!(placed(&cluster.plan()), ["n1: web"], "no new node could have the label either");
}

fn soft_spread(key: &str) -> Value {
    json!({"topologySpreadConstraints": [{
        "maxSkew": 1, "topologyKey": key, "whenUnsatisfiable": "ScheduleAnyway",
        "labelSelector": {"matchLabels": {"app": "web"}},
    }]})
}

fn pod_preference(kind: &str, terms: &[(i32, &str, &str)]) -> Value {
    let terms: Vec<Value> = terms
        .iter()
        .map(|(weight, key, app)| {
            json!({"weight": weight, "podAffinityTerm": {
                "topologyKey": key, "labelSelector": {"matchLabels": {"app": app}},
            }})
        })
        .collect();
    json!({"affinity": {kind: {"preferredDuringSchedulingIgnoredDuringExecution": terms}}})
}

const ZONE: &str = "topology.kubernetes.io/zone";
const HOST: &str = "kubernetes.io/hostname";

#[test]
fn a_soft_spread_is_kept_while_it_can_be() {
    let cluster =
        cluster().pods(pods("web", 4, "1", "1Gi").into_iter().map(|pod| pod.spec(soft_spread(ZONE))));
    let zones = |cluster: Cluster| {
        let mut zones: Vec<String> = cluster
            .plan()
            .nodes
            .iter()
            .flat_map(|node| std::iter::repeat_n(node.zone.clone(), node.pods.len()))
            .collect();
        zones.sort();
        zones
    };
    assert_eq!(zones(cluster.clone()), ["a", "a", "b", "b"]);
    assert_eq!(zones(cluster.ignoring_preferences()), ["a", "a", "a", "a"]);
}

#[test]
fn a_soft_spread_gives_way_when_a_domain_cannot_be_had() {
    // Zone b is known from a node that takes nothing.
    let full = node("n1", "4", "8Gi")
        .label(ZONE, "b")
        .spec(json!({"taints": [{"key": "x", "effect": "NoSchedule"}]}));
    let only_a = pool("general").requires(&["topology.kubernetes.io/zone In a"]);
    let cluster = Cluster::new(&types()).pool(only_a).node(full);
    let plan =
        cluster.pods(pods("web", 3, "1", "1Gi").into_iter().map(|pod| pod.spec(soft_spread(ZONE)))).plan();
    assert_eq!(plan.summary.pods_on_new_nodes, 3);
}

#[test]
fn preferred_anti_affinity_buys_a_node_each_and_gives_way_to_a_limit() {
    let apart = pod_preference("podAntiAffinity", &[(1, HOST, "web")]);
    let three = || pods("web", 3, "500m", "1Gi").into_iter().map(|pod| pod.spec(apart.clone()));
    assert_eq!(bought(&cluster().pods(three()).plan()).len(), 3);
    assert_eq!(
        bought(&cluster().pods(three()).ignoring_preferences().plan()),
        ["m.small: web-0 web-1 web-2"]
    );
    let limited = pool("general").spec(json!({"limits": {"cpu": "2"}}));
    let plan = Cluster::new(&types()).pool(limited).pods(three()).plan();
    assert_eq!(bought(&plan), ["m.small: web-0 web-1 web-2"]);
}

#[test]
fn preferred_affinity_follows_and_gives_way_when_there_is_nobody_to_follow() {
    let near = pod_preference("podAffinity", &[(1, ZONE, "db")]);
    let cluster = cluster().pod(web().spec(near));
    let database = node("n1", "1", "8Gi").label(ZONE, "b");
    let plan = cluster.clone().node(database).pod(pod("db", "1", "1Gi").label("app", "db").on("n1")).plan();
    assert_eq!(bought_where(&plan), ["general m.small b on-demand: web"]);
    assert_eq!(bought_where(&cluster.plan()), ["general m.small a on-demand: web"]);
}

/// Required terms first, then preferred affinity, anti-affinity, node affinity, soft spread (2.6): of two that
/// contradict each other, the one relaxed later wins.
#[test]
fn preferred_affinity_gives_way_before_preferred_anti_affinity() {
    let near = pod_preference("podAffinity", &[(100, ZONE, "db")]);
    let apart = pod_preference("podAntiAffinity", &[(1, ZONE, "db")]);
    let plan = cluster()
        .node(node("n1", "1", "8Gi"))
        .pod(pod("db", "1", "1Gi").label("app", "db").on("n1"))
        .pod(web().spec(near).spec(apart))
        .plan();
    assert_eq!(bought_where(&plan), ["general m.small b on-demand: web"]);
}

#[test]
fn preferred_anti_affinity_gives_way_before_preferred_node_affinity() {
    let apart = pod_preference("podAntiAffinity", &[(100, ZONE, "db")]);
    let plan = cluster()
        .node(node("n1", "1", "8Gi"))
        .pod(pod("db", "1", "1Gi").label("app", "db").on("n1"))
        .pod(web().spec(apart).preferring(&[(1, &["topology.kubernetes.io/zone In a"])]))
        .plan();
    assert_eq!(bought_where(&plan), ["general m.small a on-demand: web"]);
}

#[test]
fn preferred_node_affinity_gives_way_before_a_soft_spread() {
    let plan = cluster()
        .node(node("n1", "1", "8Gi"))
        .pod(pod("web-0", "1", "1Gi").label("app", "web").on("n1"))
        .pod(
            pod("web-1", "1", "1Gi")
                .label("app", "web")
                .spec(soft_spread(ZONE))
                .preferring(&[(100, &["topology.kubernetes.io/zone In a"])]),
        )
        .plan();
    assert_eq!(bought_where(&plan), ["general m.small b on-demand: web-1"]);
}

#[test]
fn the_heaviest_preferred_term_gives_way_first() {
    let near = pod_preference("podAffinity", &[(1, ZONE, "db"), (100, ZONE, "cache")]);
    let plan = cluster()
        .node(node("n1", "1", "8Gi"))
        .node(node("n2", "1", "8Gi").label(ZONE, "b"))
        .pod(pod("db", "1", "1Gi").label("app", "db").on("n1"))
        .pod(pod("cache", "1", "1Gi").label("app", "cache").on("n2"))
        .pod(web().spec(near))
        .plan();
    assert_eq!(bought_where(&plan), ["general m.small a on-demand: web"]);
}

fn avoided(name: &str, weight: i32) -> Manifest {
    pool(name).spec(json!({"weight": weight, "template": {"spec": {"taints": [
        {"key": "old", "effect": "PreferNoSchedule"},
    ]}}}))
}

#[test]
fn a_pool_with_a_prefer_no_schedule_taint_is_the_last_resort() {
    let cluster = Cluster::new(&types()).pool(avoided("old", 50)).pod(web());
    assert_eq!(bought_where(&cluster.plan()), ["old m.small a on-demand: web"]);
    let plan = cluster.pool(pool("new")).plan();
    assert_eq!(bought_where(&plan), ["new m.small a on-demand: web"], "in spite of the weight");
    let tolerant =
        pod("web", "1", "1Gi").spec(json!({"tolerations": [{"key": "old", "operator": "Exists"}]}));
    let plan = Cluster::new(&types()).pool(avoided("old", 50)).pool(pool("new")).pod(tolerant).plan();
    assert_eq!(bought_where(&plan), ["old m.small a on-demand: web"]);
}

#[test]
fn every_other_preference_gives_way_before_a_prefer_no_schedule_taint() {
    let plan = Cluster::new(&types())
        .pool(avoided("old", 1))
        .pool(pool("new").requires(&["node.kubernetes.io/instance-type In m.small"]))
        .pod(web().preferring(&[(1, &[LARGE])]))
        .plan();
    assert_eq!(bought_where(&plan), ["new m.small a on-demand: web"]);
}

#[test]
fn an_existing_node_with_a_prefer_no_schedule_taint_is_used_before_nothing_at_all() {
    let avoided =
        node("n1", "4", "8Gi").spec(json!({"taints": [{"key": "old", "effect": "PreferNoSchedule"}]}));
    let plan = cluster().node(avoided.clone()).node(node("n2", "4", "8Gi")).pod(web()).plan();
    assert_eq!(placed(&plan), ["n2: web"]);
    let plan = cluster().node(avoided.clone()).pod(web()).plan();
    assert_eq!(bought(&plan), ["m.small: web"]);
    let plan = Cluster::new(&types()).node(avoided).pod(web()).plan();
    assert_eq!(placed(&plan), ["n1: web"]);
}

/// No priorities at all in Karpenter (2.3, 9.2-3).
#[rstest]
#[case::by_number(json!({"priority": 100}), json!({}))]
#[case::by_class(json!({"priorityClassName": "gold"}), json!({}))]
#[case::by_a_built_in_class(json!({"priorityClassName": "system-cluster-critical"}), json!({}))]
#[case::against_one_below_zero(json!({}), json!({"priority": -1}))]
#[case::against_a_lower_class(json!({"priority": 11}), json!({"priorityClassName": "silver"}))]
fn those_of_higher_priority_come_first_where_limits_bind(#[case] high: Value, #[case] low: Value) {
    let limited = pool("general").spec(json!({"limits": {"cpu": "2"}}));
    let plan = Cluster::new(&types())
        .pool(limited)
        .json("PriorityClass", json!({"metadata": {"name": "gold"}, "value": 1000}))
        .json("PriorityClass", json!({"metadata": {"name": "silver"}, "value": 10}))
        .pods(pods("low", 2, "1", "1Gi").into_iter().map(|pod| pod.spec(low.clone()).created(0)))
        .pods(pods("high", 2, "1", "1Gi").into_iter().map(|pod| pod.spec(high.clone()).created(60)))
        .plan();
    assert_eq!(bought(&plan), ["m.small: high-0 high-1"]);
}

#[test]
fn the_default_priority_class_counts_for_those_without_one() {
    let limited = pool("general").spec(json!({"limits": {"cpu": "2"}}));
    let plan = Cluster::new(&types())
        .pool(limited)
        .json("PriorityClass", json!({"metadata": {"name": "usual"}, "value": 50, "globalDefault": true}))
        .pods(pods("low", 2, "1", "1Gi").into_iter().map(|pod| pod.spec(json!({"priority": 40}))))
        .pods(pods("usual", 2, "1", "1Gi"))
        .plan();
    assert_eq!(bought(&plan), ["m.small: usual-0 usual-1"]);
}

#[test]
fn those_of_higher_priority_come_first_on_existing_nodes() {
    let plan = cluster()
        .node(node("n1", "2", "8Gi"))
        .pods(pods("low", 2, "1", "1Gi"))
        .pods(pods("high", 2, "500m", "1Gi").into_iter().map(|pod| pod.spec(json!({"priority": 7}))))
        .plan();
    assert_eq!(placed(&plan), ["n1: high-0 high-1 low-0"]);
}

#[test]
fn of_equals_the_older_pods_come_first() {
    let plan = cluster()
        .node(node("n1", "1", "8Gi"))
        .pod(pod("young", "1", "1Gi").created(20))
        .pod(pod("old", "1", "1Gi").created(10))
        .plan();
    assert_eq!(placed(&plan), ["n1: old"]);
}

#[test]
fn without_limits_priority_splits_no_node() {
    let plan = cluster()
        .pods(pods("low", 1, "1", "1Gi"))
        .pods(pods("high", 1, "1", "1Gi").into_iter().map(|pod| pod.spec(json!({"priority": 7}))))
        .plan();
    assert_eq!(bought(&plan), ["m.small: high-0 low-0"]);
}

/// 2,170 hopeless pods ahead in the queue delay nobody (9.2-3).
#[test]
fn hopeless_pods_do_not_keep_others_from_a_place() {
    let plan = cluster().pods(pods("hopeless", 300, "64", "1Gi")).pods(pods("web", 2, "1", "1Gi")).plan();
    assert_eq!(bought(&plan), ["m.small: web-0 web-1"]);
    assert_eq!(plan.summary.unschedulable_pods, 300);
    assert_eq!(plan.unschedulable.len(), 1, "they are one question");
}
