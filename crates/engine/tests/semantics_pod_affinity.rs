//! Pod affinity and anti-affinity (reference section 2.7, rows T4, T6, T7, T9).

mod by_hand;

use by_hand::{
    Cluster, InstanceTypeBuilder, Manifest, and, bought, bought_where, instance_type, node, placed, pod,
    pods, pool, unplaced,
};
use rstest::rstest;
use serde_json::{Value, json};

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

/// A term that selects `app: <app>`.
fn term(key: &str, app: &str) -> Value {
    json!({"topologyKey": key, "labelSelector": {"matchLabels": {"app": app}}})
}

fn near(terms: &[Value]) -> Value {
    json!({"affinity": {"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": terms}}})
}

fn apart(terms: &[Value]) -> Value {
    json!({"affinity": {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": terms}}})
}

fn replicas(app: &str, count: usize, spec: &Value) -> Vec<Manifest> {
    pods(app, count, "1", "1Gi").into_iter().map(|pod| pod.spec(spec.clone())).collect()
}

fn web() -> Manifest {
    pod("web", "1", "1Gi")
}

fn running(app: &str, node: &str) -> Manifest {
    pod(&format!("{app}-on-{node}"), "100m", "1Gi").label("app", app).on(node)
}

/// A node without room, in a zone.
fn full(name: &str, zone: &str) -> Manifest {
    node(name, "0", "8Gi").label(ZONE, zone)
}

fn room(name: &str, zone: &str) -> Manifest {
    node(name, "4", "32Gi").label(ZONE, zone)
}

#[test]
fn a_pod_goes_to_the_zone_of_those_it_wants_to_be_near() {
    let plan = cluster()
        .node(full("n1", "b"))
        .pod(running("db", "n1"))
        .pod(web().spec(near(&[term(ZONE, "db")])))
        .plan();
    assert_eq!(bought_where(&plan), ["general m.small b on-demand: web"]);
}

#[test]
fn a_pod_goes_to_the_host_of_those_it_wants_to_be_near() {
    let cluster = cluster().node(room("n1", "a")).node(room("n2", "a")).pod(running("db", "n2"));
    let plan = cluster.pod(web().spec(near(&[term(HOST, "db")]))).plan();
    assert_eq!(placed(&plan), ["n2: web"]);
}

#[test]
fn where_nobody_is_to_be_near_to_there_is_no_place() {
    let plan = cluster().node(room("n1", "a")).pod(web().spec(near(&[term(ZONE, "db")]))).plan();
    assert_eq!(plan.summary.unschedulable_pods, 1);
    let plan = cluster()
        .node(full("n1", "a"))
        .pod(running("db", "n1"))
        .pod(web().spec(near(&[term(HOST, "db")])))
        .plan();
    assert_eq!(plan.summary.unschedulable_pods, 1, "the host has no room, and no other will do");
}

#[test]
fn every_term_must_hold() {
    let both = near(&[term(ZONE, "db"), term(ZONE, "cache")]);
    let cluster = cluster()
        .node(full("n1", "a"))
        .node(full("n2", "b"))
        .pod(running("db", "n1"))
        .pod(running("db", "n2"))
        .pod(running("cache", "n2"))
        .pod(web().spec(both));
    assert_eq!(bought_where(&cluster.plan()), ["general m.small b on-demand: web"]);
}

/// T6: a pod that selects itself starts somewhere if nobody is anywhere.
#[test]
fn those_who_want_to_be_near_each_other_start_in_one_zone() {
    let plan = cluster().pods(replicas("web", 12, &near(&[term(ZONE, "web")]))).plan();
    assert_eq!(plan.summary.pods_on_new_nodes, 12);
    assert!(plan.nodes.iter().all(|node| node.zone == plan.nodes[0].zone));
    assert!(plan.nodes.iter().all(|node| node.zones.len() == 1), "no other zone is listed");
}

#[test]
fn those_who_want_to_be_near_each_other_share_a_host() {
    let plan = cluster().pods(replicas("web", 5, &near(&[term(HOST, "web")]))).plan();
    assert_eq!(bought(&plan), ["m.large: web-0 web-1 web-2 web-3 web-4"]);
    let plan = cluster().pods(replicas("web", 9, &near(&[term(HOST, "web")]))).plan();
    assert_eq!(plan.nodes.len(), 1, "a second host would have nobody");
    assert_eq!(plan.summary.unschedulable_pods, 1);
}

#[test]
fn those_who_want_to_share_a_host_take_one_that_holds_them_all() {
    let cluster = cluster().node(node("n1", "1", "8Gi")).node(node("n2", "3", "8Gi"));
    let plan = cluster.clone().pods(replicas("web", 3, &near(&[term(HOST, "web")]))).plan();
    assert_eq!(placed(&plan), ["n2: web-0 web-1 web-2"]);
    let plan = cluster.pods(replicas("web", 5, &near(&[term(HOST, "web")]))).plan();
    assert_eq!(plan.summary.unschedulable_pods, 0, "{:?} {:?}", placed(&plan), bought(&plan));
}

#[test]
fn once_somebody_is_somewhere_nobody_starts_elsewhere() {
    let cluster = cluster().node(full("n1", "c")).pod(running("web", "n1"));
    let plan = cluster.clone().pods(replicas("web", 2, &near(&[term(ZONE, "web")]))).plan();
    assert_eq!(bought_where(&plan), ["general m.small c on-demand: web-0 web-1"]);
    let plan = cluster.pods(replicas("web", 2, &near(&[term(HOST, "web")]))).plan();
    assert_eq!(plan.summary.unschedulable_pods, 2);
}

#[rstest]
#[case::in_the_same_zone(ZONE)]
#[case::on_the_same_host(HOST)]
fn followers_find_those_who_are_placed_with_them(#[case] key: &str) {
    // The follower is larger and would be served first.
    let follower = pod("web", "1500m", "1Gi").spec(near(&[term(key, "db")]));
    let plan = cluster().pod(follower).pod(pod("db", "500m", "1Gi").label("app", "db")).plan();
    assert_eq!(plan.summary.unschedulable_pods, 0, "{:?}", unplaced(&plan));
    assert!(plan.nodes.iter().all(|node| node.zone == plan.nodes[0].zone));
    if key == HOST {
        assert_eq!(plan.nodes.len(), 1);
    }
}

#[test]
fn followers_of_followers_find_their_way() {
    let plan = cluster()
        .pod(pod("c", "3", "1Gi").label("app", "c").spec(near(&[term(ZONE, "b")])))
        .pod(pod("b", "2", "1Gi").label("app", "b").spec(near(&[term(ZONE, "a")])))
        .pod(pod("a", "1", "1Gi").label("app", "a"))
        .plan();
    assert_eq!(plan.summary.unschedulable_pods, 0, "{:?}", unplaced(&plan));
}

#[test]
fn a_leader_takes_a_node_that_its_follower_fits_as_well() {
    let follower = pod("web", "3", "1Gi").spec(near(&[term(HOST, "db")]));
    let plan = cluster().pod(follower).pod(pod("db", "1", "1Gi").label("app", "db")).plan();
    assert_eq!(bought(&plan), ["m.large: db web"]);
}

#[test]
fn as_many_followers_of_one_leader_come_along_as_a_host_holds() {
    let plan = cluster()
        .pod(pod("db", "1", "1Gi").label("app", "db"))
        .pods(replicas("web", 9, &near(&[term(HOST, "db")])))
        .plan();
    assert_eq!(plan.summary.pods_on_new_nodes, 8, "{:?}", bought(&plan));
    assert_eq!(plan.summary.unschedulable_pods, 2);
}

#[test]
fn those_who_want_to_be_apart_take_a_host_each() {
    let plan = cluster().pods(replicas("web", 3, &apart(&[term(HOST, "web")]))).plan();
    assert_eq!(bought(&plan), ["m.small: web-0", "m.small: web-1", "m.small: web-2"]);
}

#[test]
fn those_who_want_to_be_apart_take_a_zone_each_and_no_more() {
    let plan = cluster().pods(replicas("web", 4, &apart(&[term(ZONE, "web")]))).plan();
    let mut zones: Vec<&str> = plan.nodes.iter().map(|node| node.zone.as_str()).collect();
    zones.sort_unstable();
    assert_eq!(zones, ["a", "b", "c"]);
    assert_eq!(plan.summary.unschedulable_pods, 1);
}

#[test]
fn others_fill_the_nodes_of_those_who_want_to_be_apart() {
    let plan = cluster()
        .pods(replicas("web", 3, &apart(&[term(HOST, "web")])))
        .pods(replicas("job", 3, &json!({})))
        .plan();
    assert_eq!(plan.nodes.len(), 3, "{:?}", bought(&plan));
}

#[test]
fn running_pods_keep_those_away_who_shun_them() {
    let cluster = cluster().node(room("n1", "a")).node(room("n2", "b")).pod(running("db", "n1"));
    let plan = cluster.clone().pod(web().spec(apart(&[term(HOST, "db")]))).plan();
    assert_eq!(placed(&plan), ["n2: web"]);
    let plan = cluster.pod(running("db", "n2")).pod(web().spec(apart(&[term(ZONE, "db")]))).plan();
    assert_eq!(bought_where(&plan), ["general m.small c on-demand: web"]);
}

/// Inverse anti-affinity: running pods that shun the new one (T7).
#[rstest]
#[case::their_host(HOST)]
#[case::their_zone(ZONE)]
fn running_pods_keep_away_whom_they_shun(#[case] key: &str) {
    let shy = running("db", "n1").spec(apart(&[term(key, "web")]));
    let plan =
        cluster().node(room("n1", "a")).node(room("n2", "b")).pod(shy).pod(web().label("app", "web")).plan();
    assert_eq!(placed(&plan), ["n2: web"]);
}

#[rstest]
#[case::their_host(HOST)]
#[case::their_zone(ZONE)]
fn pods_of_the_batch_keep_away_whom_they_shun(#[case] key: &str) {
    let shy = pod("db", "1", "1Gi").spec(apart(&[term(key, "web")]));
    let plan = cluster().pod(shy).pod(web().label("app", "web")).plan();
    assert_eq!(plan.nodes.len(), 2, "{:?}", bought(&plan));
    if key == ZONE {
        assert_ne!(plan.nodes[0].zone, plan.nodes[1].zone);
        assert!(plan.nodes.iter().all(|node| node.zones.len() == 1), "{:?}", plan.nodes);
    }
}

#[test]
fn preferred_anti_affinity_of_running_pods_keeps_nobody_away() {
    let shy = json!({"affinity": {"podAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [
        {"weight": 100, "podAffinityTerm": term(HOST, "web")},
    ]}}});
    let plan = cluster()
        .node(room("n1", "a"))
        .pod(running("db", "n1").spec(shy))
        .pod(web().label("app", "web"))
        .plan();
    assert_eq!(placed(&plan), ["n1: web"]);
}

/// Who counts (T4).
#[rstest]
#[case::a_running_pod(running("db", "n1"), true)]
#[case::a_daemon_pod(running("db", "n1").owned_by("DaemonSet", "db"), true)]
#[case::a_pod_on_its_way_out(running("db", "n1").terminating(), false)]
#[case::a_finished_pod(running("db", "n1").with(json!({"status": {"phase": "Failed"}})), false)]
#[case::a_pod_of_another_namespace(running("db", "n1").namespace("other"), false)]
#[case::a_pod_with_another_label(running("cache", "n1"), false)]
fn a_host_is_shunned_for(#[case] other: Manifest, #[case] counts: bool) {
    let plan = cluster().node(room("n1", "a")).pod(other).pod(web().spec(apart(&[term(HOST, "db")]))).plan();
    assert_eq!(placed(&plan).is_empty(), counts);
}

#[test]
fn a_pod_that_is_placed_anew_does_not_count_where_it_was() {
    let plan = cluster()
        .node(full("n1", "a").terminating())
        .pod(running("db", "n1").spec(json!({"nodeSelector": {ZONE: "b"}})))
        .pod(web().spec(near(&[term(ZONE, "db")])))
        .plan();
    assert!(plan.nodes.iter().all(|node| node.zone == "b"), "{:?}", bought_where(&plan));
    assert_eq!(plan.summary.unschedulable_pods, 0);
}

fn namespace(name: &str, team: &str) -> Value {
    json!({"metadata": {"name": name, "labels": {"team": team}}})
}

/// T9: explicit namespaces and those selected by label add up; neither means the pod's own.
#[rstest]
#[case::its_own_by_default(json!({}), "default", true)]
#[case::not_another_by_default(json!({}), "blue", false)]
#[case::a_named_one(json!({"namespaces": ["blue"]}), "blue", true)]
#[case::not_its_own_if_another_is_named(json!({"namespaces": ["blue"]}), "default", false)]
#[case::one_of_several(json!({"namespaces": ["red", "blue"]}), "red", true)]
#[case::a_selected_one(json!({"namespaceSelector": {"matchLabels": {"team": "sea"}}}), "blue", true)]
#[case::not_one_that_is_not_selected(json!({"namespaceSelector": {"matchLabels": {"team": "sea"}}}), "red", false)]
#[case::not_its_own_if_it_is_not_selected(json!({"namespaceSelector": {"matchLabels": {"team": "sea"}}}), "default", false)]
#[case::a_named_one_beside_a_selected_one(
    json!({"namespaces": ["red"], "namespaceSelector": {"matchLabels": {"team": "sea"}}}), "red", true
)]
#[case::every_one(json!({"namespaceSelector": {}}), "red", true)]
#[case::every_one_even_if_it_is_not_listed(json!({"namespaceSelector": {}}), "unheard-of", true)]
#[case::one_by_its_name_as_a_label(
    json!({"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "red"}}}), "red", true
)]
fn a_term_looks_into_namespaces(#[case] fields: Value, #[case] other: &str, #[case] counts: bool) {
    let cluster = cluster()
        .json("Namespace", namespace("blue", "sea"))
        .json("Namespace", namespace("red", "land"))
        .node(room("n1", "a"))
        .pod(running("db", "n1").namespace(other));
    let shy = web().spec(apart(&[and(term(HOST, "db"), fields)]));
    assert_eq!(placed(&cluster.pod(shy).plan()).is_empty(), counts);
}

#[test]
fn a_term_without_a_selector_selects_nobody() {
    let open = json!({"topologyKey": HOST});
    let cluster = cluster().node(room("n1", "a")).pod(running("db", "n1"));
    assert_eq!(
        placed(&cluster.clone().pod(web().spec(apart(std::slice::from_ref(&open)))).plan()),
        ["n1: web"]
    );
    assert_eq!(cluster.pod(web().spec(near(&[open]))).plan().summary.unschedulable_pods, 1);
}

#[test]
fn a_term_with_an_empty_selector_selects_everybody() {
    let open = json!({"topologyKey": HOST, "labelSelector": {}});
    let cluster = cluster().node(room("n1", "a")).node(room("n2", "a")).pod(running("db", "n1"));
    assert_eq!(placed(&cluster.pod(web().spec(apart(&[open]))).plan()), ["n2: web"]);
}

/// Kubernetes 1.29 and later.
#[test]
fn match_and_mismatch_label_keys_narrow_a_term() {
    let rollout = |pod: Manifest, hash: &str| pod.label("hash", hash);
    let cluster = cluster().node(room("n1", "a")).pod(rollout(running("web", "n1"), "old"));
    let same = apart(&[and(term(HOST, "web"), json!({"matchLabelKeys": ["hash"]}))]);
    let plan = cluster.clone().pod(rollout(web().label("app", "web").spec(same), "new")).plan();
    assert_eq!(placed(&plan), ["n1: web"], "only its own rollout is shunned");
    let other = apart(&[and(term(HOST, "web"), json!({"mismatchLabelKeys": ["hash"]}))]);
    let plan = cluster.pod(rollout(web().label("app", "web").spec(other), "new")).plan();
    assert!(placed(&plan).is_empty(), "every other rollout is shunned");
}

#[test]
fn other_keys_will_do() {
    let types = [instance_type("m.small", 2, 8, 0.1).spot(0.03), instance_type("t.small", 2, 8, 0.09).arm()];
    let cluster = Cluster::new(&types).pool(pool("general"));
    let plan = cluster.clone().pods(replicas("web", 2, &apart(&[term("kubernetes.io/arch", "web")]))).plan();
    assert_eq!(bought(&plan).len(), 2);
    let plan = cluster.pods(replicas("web", 2, &apart(&[term("karpenter.sh/capacity-type", "web")]))).plan();
    let mut kinds: Vec<&str> = plan.nodes.iter().map(|node| node.capacity_type.as_str()).collect();
    kinds.sort_unstable();
    assert_eq!(kinds, ["on-demand", "spot"]);
}

/// Without the label a node is in no domain: there is nothing to be near to, and nobody to be apart from.
#[test]
fn on_a_node_without_the_key_anti_affinity_holds_and_affinity_does_not() {
    let cluster = Cluster::new(&types()).node(node("n1", "4", "8Gi"));
    let plan = cluster.clone().pod(web().label("app", "web").spec(apart(&[term("rack", "web")]))).plan();
    assert_eq!(placed(&plan), ["n1: web"]);
    let plan = cluster.pod(web().label("app", "web").spec(near(&[term("rack", "web")]))).plan();
    assert_eq!(plan.summary.unschedulable_pods, 1);
}

#[test]
fn affinity_and_anti_affinity_hold_together() {
    // Near the database, but not on the host of another replica.
    let rules = json!({"affinity": {
        "podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term(ZONE, "db")]},
        "podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term(HOST, "web")]},
    }});
    let plan =
        cluster().node(full("n1", "b")).pod(running("db", "n1")).pods(replicas("web", 3, &rules)).plan();
    assert_eq!(plan.nodes.len(), 3);
    assert!(plan.nodes.iter().all(|node| node.zone == "b"));
}

#[test]
fn an_unschedulable_leader_leaves_its_followers_behind() {
    let plan = cluster()
        .pod(pod("db", "64", "1Gi").label("app", "db"))
        .pods(replicas("web", 2, &near(&[term(ZONE, "db")])))
        .plan();
    assert_eq!(plan.summary.unschedulable_pods, 3);
    assert!(plan.nodes.is_empty());
}

#[test]
fn a_leader_that_a_limit_leaves_behind_takes_its_followers_along() {
    let leaders = pool("leaders").spec(json!({"weight": 5, "limits": {"cpu": "2"}}));
    let plan = Cluster::new(&types())
        .pool(leaders)
        .pool(pool("followers").with(json!({"spec": {"template": {"metadata": {"labels": {"for": "web"}}}}})))
        .pod(
            pod("big", "2", "1Gi").spec(json!({"priority": 9})).selecting("karpenter.sh/nodepool", "leaders"),
        )
        .pod(pod("db", "1", "1Gi").label("app", "db").selecting("karpenter.sh/nodepool", "leaders"))
        .pods(
            replicas("web", 2, &near(&[term(ZONE, "db")])).into_iter().map(|pod| pod.selecting("for", "web")),
        )
        .plan();
    assert_eq!(bought(&plan), ["m.small: big"]);
    assert_eq!(plan.summary.unschedulable_pods, 3);
}
