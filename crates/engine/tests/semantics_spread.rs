//! Topology spread (reference section 2.7, rows T1 to T5, T8, T10; 9.1 topologyKey; 9.2-2).

mod by_hand;

use std::collections::BTreeMap;

use by_hand::{
    Cluster, InstanceTypeBuilder, Manifest, and, bought, instance_type, manifest, node, placed, pod, pods,
    pool,
};
use rstest::rstest;
use serde_json::{Value, json};
use supercargo_engine::plan::Plan;

const ZONE: &str = "topology.kubernetes.io/zone";
const HOST: &str = "kubernetes.io/hostname";

fn types() -> Vec<InstanceTypeBuilder> {
    vec![
        instance_type("m.small", 2, 8, 0.1).zones("a b c"),
        instance_type("m.large", 8, 32, 0.4).zones("a b c"),
    ]
}

fn cluster() -> Cluster {
    Cluster::new(&types()).pool(pool("general"))
}

fn constraint(key: &str) -> Value {
    json!({
        "maxSkew": 1, "topologyKey": key, "whenUnsatisfiable": "DoNotSchedule",
        "labelSelector": {"matchLabels": {"app": "web"}},
    })
}

fn spread(constraints: &[Value]) -> Value {
    json!({"topologySpreadConstraints": constraints})
}

/// Pods `web-n` with the label `app: web`, spread as told.
fn web(count: usize, constraints: &[Value]) -> Vec<Manifest> {
    pods("web", count, "1", "1Gi").into_iter().map(|pod| pod.spec(spread(constraints))).collect()
}

/// A running pod that the constraints select.
fn running(name: &str, node: &str) -> Manifest {
    pod(name, "100m", "1Gi").label("app", "web").on(node)
}

/// A node without room, in a zone.
fn full(name: &str, zone: &str) -> Manifest {
    node(name, "0", "8Gi").label(ZONE, zone)
}

/// How many of the plan's pods are in each zone, as `a2 b1`.
fn by_zone(plan: &Plan) -> String {
    let mut zones: BTreeMap<&str, usize> = BTreeMap::new();
    for node in &plan.nodes {
        *zones.entry(&node.zone).or_default() += node.pods.len();
    }
    let counts: Vec<String> = zones.iter().map(|(zone, count)| format!("{zone}{count}")).collect();
    counts.join(" ")
}

#[rstest]
#[case(1, 3, "a1 b1 c1")]
#[case(1, 7, "a3 b2 c2")]
#[case(1, 1, "a1")]
fn pods_go_to_the_least_loaded_zone(#[case] skew: i64, #[case] count: usize, #[case] expected: &str) {
    let plan = cluster().pods(web(count, &[and(constraint(ZONE), json!({"maxSkew": skew}))])).plan();
    assert_eq!(by_zone(&plan), expected);
}

#[test]
fn a_node_is_shared_by_the_pods_of_its_zone() {
    let plan = cluster().pods(web(6, &[constraint(ZONE)])).plan();
    assert_eq!(bought(&plan).len(), 3, "{:?}", bought(&plan));
}

#[rstest]
#[case::one(1, "b2")]
#[case::two(2, "b3")]
#[case::three(3, "b4")]
fn running_pods_count_and_the_skew_is_kept(#[case] skew: i64, #[case] expected: &str) {
    // Zone a has one pod; only zone b can get new nodes.
    let plan = Cluster::new(&types())
        .pool(pool("general").requires(&["topology.kubernetes.io/zone In b"]))
        .node(full("n1", "a"))
        .pod(running("old", "n1"))
        .pods(web(4, &[and(constraint(ZONE), json!({"maxSkew": skew}))]))
        .plan();
    assert_eq!(by_zone(&plan), expected);
}

/// T4: who counts.
#[rstest]
#[case::a_running_pod(running("old", "n1"), true)]
#[case::a_daemon_pod(running("old", "n1").owned_by("DaemonSet", "x"), true)]
#[case::a_pod_on_its_way_out(running("old", "n1").terminating(), false)]
#[case::a_finished_pod(running("old", "n1").with(json!({"status": {"phase": "Succeeded"}})), false)]
#[case::a_pod_of_another_namespace(running("old", "n1").namespace("other"), false)]
#[case::a_pod_that_is_not_selected(running("old", "n1").label("app", "db"), false)]
#[case::a_pod_on_a_node_that_is_not_there(running("old", "gone"), false)]
fn a_domain_is_loaded_by(#[case] other: Manifest, #[case] counts: bool) {
    let plan = cluster().node(full("n1", "a")).pod(other).pods(web(1, &[constraint(ZONE)])).plan();
    assert_eq!(by_zone(&plan), if counts { "b1" } else { "a1" });
}

#[test]
fn pods_that_are_placed_anew_do_not_count_where_they_are() {
    let leaving =
        full("n1", "a").spec(json!({"taints": [{"key": "karpenter.sh/disrupted", "effect": "NoSchedule"}]}));
    let moved = running("old", "n1").spec(spread(&[constraint(ZONE)]));
    assert_eq!(by_zone(&cluster().node(leaving).pod(moved).plan()), "a1");
}

#[test]
fn a_leaving_node_is_no_domain() {
    let leaving = full("n1", "z").terminating();
    let plan = cluster().node(leaving).pods(web(3, &[constraint(ZONE)])).plan();
    assert_eq!(by_zone(&plan), "a1 b1 c1");
}

#[test]
fn a_domain_that_no_new_node_can_have_still_counts() {
    let plan = Cluster::new(&types())
        .pool(pool("general").requires(&["topology.kubernetes.io/zone In a"]))
        .node(full("n1", "z"))
        .pods(web(3, &[constraint(ZONE)]))
        .plan();
    assert_eq!(by_zone(&plan), "a1", "zone z has none, so zone a may have one");
    assert_eq!(plan.summary.unschedulable_pods, 2);
}

#[rstest]
#[case::as_many_domains_as_wanted(3, "a3 b3 c3")]
#[case::fewer_domains_than_wanted(4, "a1 b1 c1")]
fn with_too_few_domains_the_minimum_is_zero(#[case] least: i64, #[case] expected: &str) {
    let plan = cluster().pods(web(9, &[and(constraint(ZONE), json!({"minDomains": least}))])).plan();
    assert_eq!(by_zone(&plan), expected);
}

/// 9.2-2: Karpenter lets constraints that differ in minDomains alone share their counts and rules.
#[test]
fn constraints_that_differ_in_min_domains_are_two() {
    let strict: Vec<Manifest> = pods("strict", 6, "1", "1Gi")
        .into_iter()
        .map(|pod| pod.label("app", "web").spec(spread(&[and(constraint(ZONE), json!({"minDomains": 4}))])))
        .collect();
    let plan = cluster().pods(strict).pods(web(3, &[constraint(ZONE)])).plan();
    assert_eq!(by_zone(&plan), "a2 b2 c2", "one each for the strict, who take their zones for too few");
    assert_eq!(plan.summary.unschedulable_pods, 3);
}

#[test]
fn pods_that_do_not_select_themselves_do_not_count() {
    let strangers =
        pods("strangers", 4, "1", "1Gi").into_iter().map(|pod| pod.spec(spread(&[constraint(ZONE)])));
    let plan = cluster().pods(strangers).plan();
    assert_eq!(plan.summary.unschedulable_pods, 0);
    let crowded = cluster().node(full("n1", "a")).pod(running("x", "n1")).pod(running("y", "n1"));
    let plan = crowded
        .pods(pods("strangers", 4, "1", "1Gi").into_iter().map(|pod| pod.spec(spread(&[constraint(ZONE)]))))
        .plan();
    assert!(!by_zone(&plan).contains('a'), "zone a is two ahead already");
}

#[test]
fn without_a_selector_nothing_is_selected() {
    let mut open = constraint(ZONE);
    open.as_object_mut().unwrap().remove("labelSelector");
    let plan = cluster().pods(web(4, &[open])).plan();
    assert_eq!(plan.summary.unschedulable_pods, 0);
    assert_eq!(plan.nodes.len(), 2, "nothing holds them apart");
}

#[rstest]
#[case::the_host(HOST, 1, 3)]
#[case::the_host_by_twos(HOST, 2, 2)]
fn a_spread_over_hosts_takes_a_node_each(#[case] key: &str, #[case] skew: i64, #[case] nodes: usize) {
    let small = |name: &str| pods(name, 3, "100m", "1Gi").into_iter().map(|pod| pod.label("app", "web"));
    let plan = cluster()
        .pods(small("web").map(|pod| pod.spec(spread(&[and(constraint(key), json!({"maxSkew": skew}))]))))
        .plan();
    assert_eq!(plan.nodes.len(), nodes);
}

/// T5: of hosts the minimum is always zero, for there can always be one more.
#[test]
fn a_spread_over_hosts_counts_what_runs_there() {
    let plan = cluster()
        .node(node("n1", "4", "8Gi"))
        .node(node("n2", "4", "8Gi"))
        .pod(running("old", "n1"))
        .pods(web(2, &[constraint(HOST)]))
        .plan();
    assert_eq!(placed(&plan), ["n2: web-0"]);
    assert_eq!(bought(&plan), ["m.small: web-1"]);
}

#[test]
fn a_spread_over_capacity_types_mixes_them() {
    let types = [instance_type("m.small", 2, 8, 0.1).spot(0.03)];
    let plan = Cluster::new(&types)
        .pool(pool("general"))
        .pods(web(4, &[constraint("karpenter.sh/capacity-type")]))
        .plan();
    let spot = plan.nodes.iter().filter(|node| node.capacity_type == "spot");
    assert_eq!(spot.map(|node| node.pods.len()).sum::<usize>(), 2);
}

#[rstest]
#[case::of_instance_types("kubernetes.io/arch", 2)]
#[case::of_pools("karpenter.sh/nodepool", 2)]
#[case::of_offerings_by_id("topology.k8s.aws/zone-id", 3)]
fn any_key_with_known_domains_will_do(#[case] key: &str, #[case] domains: usize) {
    let mut types = types();
    types.push(instance_type("t.small", 2, 8, 0.1).arm().zones("a b c"));
    let cluster = Cluster::new(&types).pool(pool("one")).pool(pool("two"));
    let plan = cluster.pods(web(2 * domains, &[constraint(key)])).plan();
    assert_eq!(plan.nodes.len(), domains, "{:?}", bought(&plan));
    assert!(plan.nodes.iter().all(|node| node.pods.len() == 2));
}

#[test]
fn an_unknown_key_has_no_domains() {
    let plan = cluster().pods(web(1, &[constraint("example.com/rack")])).plan();
    assert_eq!(plan.summary.unschedulable_pods, 1);
}

#[test]
fn a_node_without_the_key_takes_nobody() {
    let rack = constraint("example.com/rack");
    let plan = cluster()
        .node(node("n1", "4", "8Gi"))
        .node(node("n2", "4", "8Gi").label("example.com/rack", "r1"))
        .pods(web(1, &[rack]))
        .plan();
    assert_eq!(placed(&plan), ["n2: web-0"]);
}

#[test]
fn an_old_name_of_the_zone_is_the_zone() {
    let plan = cluster().pods(web(3, &[constraint("failure-domain.beta.kubernetes.io/zone")])).plan();
    assert_eq!(by_zone(&plan), "a1 b1 c1");
}

#[test]
fn several_constraints_hold_together() {
    let plan = cluster().pods(web(6, &[constraint(ZONE), constraint(HOST)])).plan();
    assert_eq!(by_zone(&plan), "a2 b2 c2");
    assert!(plan.nodes.iter().all(|node| node.pods.len() == 1));
}

/// T2: domains are those that the pod's own node rules admit, unless it says otherwise.
#[rstest]
#[case::by_default(json!({}), "a2 b1")]
#[case::honoured(json!({"nodeAffinityPolicy": "Honor"}), "a2 b1")]
#[case::ignored(json!({"nodeAffinityPolicy": "Ignore"}), "a1 b1")]
fn domains_that_node_affinity_forbids(#[case] fields: Value, #[case] expected: &str) {
    let tied = |pod: Manifest| pod.requiring(&[&["topology.kubernetes.io/zone In a b"]]);
    let plan = cluster().pods(web(3, &[and(constraint(ZONE), fields)]).into_iter().map(tied)).plan();
    assert_eq!(by_zone(&plan), expected);
}

#[test]
fn a_node_selector_and_each_term_decide_on_domains() {
    let tied = |pod: Manifest| {
        pod.requiring(&[&["topology.kubernetes.io/zone In a"], &["topology.kubernetes.io/zone In c"]])
    };
    let plan = cluster().pods(web(4, &[constraint(ZONE)]).into_iter().map(tied)).plan();
    assert_eq!(by_zone(&plan), "a2 c2");
}

/// T2: pods on nodes that the rules do not admit do not count either.
#[rstest]
#[case::by_default(json!({}), "a1")]
#[case::ignored(json!({"nodeAffinityPolicy": "Ignore"}), "b1")]
fn pods_on_nodes_that_node_affinity_forbids(#[case] fields: Value, #[case] expected: &str) {
    let labelled =
        pool("general").with(json!({"spec": {"template": {"metadata": {"labels": {"team": "a"}}}}}));
    let plan = Cluster::new(&types())
        .pool(labelled)
        .node(full("n1", "a").label("team", "b"))
        .pod(running("old", "n1"))
        .pods(web(1, &[and(constraint(ZONE), fields)]).into_iter().map(|pod| pod.selecting("team", "a")))
        .plan();
    assert_eq!(by_zone(&plan), expected);
}

/// T2: neither do the pods of the same batch that go to other nodes.
#[test]
fn pods_that_are_placed_elsewhere_do_not_count() {
    let mut types = types();
    types.push(instance_type("t.small", 2, 8, 0.1).arm().zones("a b c"));
    let in_a = |pod: Manifest| {
        pod.requiring(&[&["kubernetes.io/arch In amd64", "topology.kubernetes.io/zone In a"]])
    };
    let spread_alone = json!({"nodeAffinityPolicy": "Honor", "maxSkew": 9});
    let amd = pods("amd", 6, "1", "1Gi").into_iter();
    let amd = amd.map(|pod| {
        in_a(pod.label("app", "web").spec(spread(&[and(constraint(ZONE), spread_alone.clone())])))
    });
    let arm = web(4, &[constraint(ZONE)]).into_iter().map(|pod| pod.selecting("kubernetes.io/arch", "arm64"));
    let plan = Cluster::new(&types).pool(pool("general")).pods(amd).pods(arm).plan();
    let mut zones: BTreeMap<&str, usize> = BTreeMap::new();
    for node in plan.nodes.iter().filter(|node| node.instance_type == "t.small") {
        *zones.entry(&node.zone).or_default() += node.pods.len();
    }
    assert_eq!(zones.values().sum::<usize>(), 4, "{:?}", bought(&plan));
    assert_eq!(zones.len(), 3, "zone a is not full of others: {zones:?}");
}

fn two_pools() -> Cluster {
    let tainted = pool("tainted").requires(&["topology.kubernetes.io/zone In c"]).spec(json!({
        "template": {"spec": {"taints": [{"key": "gpu", "effect": "NoSchedule"}]}},
    }));
    Cluster::new(&types())
        .pool(pool("general").requires(&["topology.kubernetes.io/zone In a b"]))
        .pool(tainted)
}

/// T2: by default a zone counts though its only NodePool has a taint that the pod does not tolerate.
#[rstest]
#[case::by_default(json!({}), false, "a1 b1")]
#[case::ignored(json!({"nodeTaintsPolicy": "Ignore"}), false, "a1 b1")]
#[case::honoured(json!({"nodeTaintsPolicy": "Honor"}), false, "a2 b2")]
#[case::honoured_and_tolerated(json!({"nodeTaintsPolicy": "Honor"}), true, "a2 b1 c1")]
fn domains_that_taints_close(#[case] fields: Value, #[case] tolerated: bool, #[case] expected: &str) {
    let tolerations = if tolerated { json!([{"key": "gpu", "operator": "Exists"}]) } else { json!([]) };
    let pods = web(4, &[and(constraint(ZONE), fields)]);
    let pods = pods.into_iter().map(|pod| pod.spec(json!({"tolerations": tolerations})));
    assert_eq!(by_zone(&two_pools().pods(pods).plan()), expected);
}

#[rstest]
#[case::by_default(json!({}), "b1")]
#[case::honoured(json!({"nodeTaintsPolicy": "Honor"}), "a1")]
fn pods_on_nodes_that_taints_close(#[case] fields: Value, #[case] expected: &str) {
    let closed = full("n1", "a").spec(json!({"taints": [{"key": "gpu", "effect": "NoSchedule"}]}));
    let plan = cluster()
        .node(closed)
        .pod(running("old", "n1"))
        .pods(web(1, &[and(constraint(ZONE), fields)]))
        .plan();
    assert_eq!(by_zone(&plan), expected);
}

/// T3: the pods of each rollout spread for themselves.
#[test]
fn match_label_keys_narrow_the_selector() {
    let by_rollout = and(constraint(ZONE), json!({"matchLabelKeys": ["pod-template-hash", "absent"]}));
    let new = |pod: Manifest| pod.label("pod-template-hash", "new");
    let cluster = cluster()
        .node(full("n1", "a"))
        .pod(running("old", "n1").label("pod-template-hash", "old"))
        .pods(web(1, &[by_rollout]).into_iter().map(new));
    assert_eq!(by_zone(&cluster.plan()), "a1");
}

#[test]
fn match_label_keys_tell_classes_apart() {
    let by_rollout = and(constraint(HOST), json!({"matchLabelKeys": ["pod-template-hash"]}));
    let rollout = |name: &str| {
        let name = name.to_owned();
        pods(&name, 2, "500m", "1Gi")
            .into_iter()
            .map(|pod| {
                pod.label("app", "web")
                    .label("pod-template-hash", &name)
                    .spec(spread(std::slice::from_ref(&by_rollout)))
            })
            .collect::<Vec<_>>()
    };
    let plan = cluster().pods(rollout("one")).pods(rollout("two")).plan();
    assert_eq!(bought(&plan), ["m.small: one-0 two-0", "m.small: one-1 two-1"]);
}

#[test]
fn selectors_by_expression_are_read() {
    let mut by_expression = constraint(ZONE);
    by_expression["labelSelector"] = json!({"matchExpressions": [
        {"key": "app", "operator": "In", "values": ["web", "db"]},
        {"key": "stage", "operator": "DoesNotExist"},
    ]});
    let cluster = |stage: bool| {
        let mut old = running("old", "n1").label("app", "db");
        if stage {
            old = old.label("stage", "test");
        }
        let pods = web(1, std::slice::from_ref(&by_expression));
        cluster().node(full("n1", "a")).pod(old).pods(pods)
    };
    assert_eq!(by_zone(&cluster(false).plan()), "b1");
    assert_eq!(by_zone(&cluster(true).plan()), "a1");
}

/// T10: the zone of a volume binds the node, but is no node affinity of the pod.
#[test]
fn the_zone_of_a_volume_does_not_narrow_the_domains() {
    let volume = manifest(json!({
        "metadata": {"name": "pv"},
        "spec": {"csi": {"driver": "ebs.csi.aws.com", "volumeHandle": "v"}, "nodeAffinity": {"required": {
            "nodeSelectorTerms": [{"matchExpressions": [
                {"key": "topology.ebs.csi.aws.com/zone", "operator": "In", "values": ["a"]},
            ]}],
        }}},
    }));
    let claim = manifest(json!({
        "metadata": {"name": "data", "namespace": "default"}, "spec": {"volumeName": "pv"}, "status": {"phase": "Bound"},
    }));
    let pod = pod("web-0", "1", "1Gi")
        .label("app", "web")
        .spec(spread(&[constraint(ZONE)]))
        .spec(json!({"volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}]}));
    let cluster = cluster()
        .object("PersistentVolume", &volume)
        .object("PersistentVolumeClaim", &claim)
        .node(full("n1", "a"))
        .pod(pod);
    assert_eq!(by_zone(&cluster.plan()), "a1");
    let plan = cluster.pod(running("old", "n1")).plan();
    assert_eq!(
        plan.summary.unschedulable_pods, 1,
        "zones b and c are empty, so zone a may not get a second one"
    );
}

#[test]
fn an_existing_node_takes_as_many_as_the_skew_allows() {
    let plan = cluster().node(node("n1", "8", "32Gi")).pods(web(4, &[constraint(ZONE)])).plan();
    assert_eq!(placed(&plan), ["n1: web-0 web-1"], "{:?}", bought(&plan));
    assert_eq!(by_zone(&plan), "b1 c1");
}

#[test]
fn a_zone_that_cannot_be_had_holds_the_others_back() {
    let in_a =
        pool("in-a").requires(&["topology.kubernetes.io/zone In a"]).spec(json!({"limits": {"nodes": "0"}}));
    let in_b = pool("in-b").requires(&["topology.kubernetes.io/zone In b c"]);
    let plan = Cluster::new(&types()).pool(in_a).pool(in_b).pods(web(4, &[constraint(ZONE)])).plan();
    assert_eq!(by_zone(&plan), "b1 c1");
    assert_eq!(plan.summary.unschedulable_pods, 2);
}

#[test]
fn a_zone_that_runs_out_on_the_way_holds_the_others_back() {
    let in_a =
        pool("in-a").requires(&["topology.kubernetes.io/zone In a"]).spec(json!({"limits": {"cpu": "2"}}));
    let in_b = pool("in-b").requires(&["topology.kubernetes.io/zone In b c"]);
    let plan = Cluster::new(&types()).pool(in_a).pool(in_b).pods(web(12, &[constraint(ZONE)])).plan();
    assert_eq!(by_zone(&plan), "a2 b3 c3");
    assert_eq!(plan.summary.unschedulable_pods, 4);
}

/// Where the emptiest zone cannot be bought, the next one is tried as far as the skew allows.
#[test]
fn a_zone_whose_pool_is_full_gives_way_to_another() {
    let in_a =
        pool("in-a").requires(&["topology.kubernetes.io/zone In a"]).spec(json!({"limits": {"nodes": "0"}}));
    let in_b = pool("in-b").requires(&["topology.kubernetes.io/zone In b c"]);
    let wide = and(constraint(ZONE), json!({"maxSkew": 2}));
    let plan = Cluster::new(&types()).pool(in_a).pool(in_b).pods(web(4, &[wide])).plan();
    assert_eq!(by_zone(&plan), "b2 c2");
}
