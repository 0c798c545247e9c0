//! Why a pod waits, or where it could go: each reason by name.

mod by_hand;

use by_hand::{Cluster, Manifest, instance_type, node, pod, pool};
use jiff::Timestamp;
use rstest::rstest;
use serde_json::json;
use supercargo_engine::disruption::{Disruption, DisruptionOptions};
use supercargo_engine::explain::{Place, PodExplanation, PodState, explain_pod};
use supercargo_engine::solve::SolveOptions;

fn now() -> Timestamp {
    "2026-07-20T12:30:00Z".parse().expect("a moment")
}

/// The explanation of the pod `web`.
fn explained(cluster: &Cluster) -> PodExplanation {
    let snapshot = cluster.snapshot();
    let objects = cluster.objects();
    let disruption = Disruption::build(objects, &snapshot, &DisruptionOptions::at(now()));
    let web = objects.pods.iter().position(|pod| pod.metadata.name.as_deref() == Some("web"));
    let web = web.expect("the pod is there");
    explain_pod(objects, &snapshot, &disruption, web, SolveOptions::default()).expect("it is explained")
}

fn cluster() -> Cluster {
    let types = [instance_type("m.small", 2, 8, 0.1).zones("a b"), instance_type("m.large", 8, 32, 0.4)];
    Cluster::new(&types).pool(pool("general"))
}

fn web() -> Manifest {
    pod("web", "1", "1Gi").label("app", "web")
}

/// `code: reason` of each refusal.
fn refusals(explained: &PodExplanation) -> Vec<String> {
    let nodes = explained.existing_nodes.as_ref().expect("nodes were asked");
    nodes.refusing.iter().map(|one| format!("{} {}: {}", one.nodes, one.code, one.reason)).collect()
}

fn apart(key: &str) -> serde_json::Value {
    json!({"affinity": {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [
        {"topologyKey": key, "labelSelector": {"matchLabels": {"app": "web"}}},
    ]}}})
}

fn together() -> serde_json::Value {
    json!({"affinity": {"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [
        {"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": {"app": "cache"}}},
    ]}}})
}

fn spread() -> serde_json::Value {
    json!({"topologySpreadConstraints": [{
        "maxSkew": 1, "topologyKey": "topology.kubernetes.io/zone", "whenUnsatisfiable": "DoNotSchedule",
        "labelSelector": {"matchLabels": {"app": "web"}},
    }]})
}

fn with_port() -> serde_json::Value {
    json!({"containers": [{"name": "main", "ports": [{"containerPort": 80, "hostPort": 80}]}]})
}

/// Another web pod on node `n`.
fn other() -> Manifest {
    pod("other", "1", "1Gi").label("app", "web").on("n")
}

#[rstest]
#[case::a_taint(
    node("n", "4", "8Gi").spec(json!({"taints": [{"key": "gpu", "value": "t4", "effect": "NoSchedule"}]})), web(), None,
    "1 taint: taint gpu=t4:NoSchedule is not tolerated"
)]
#[case::a_cordon(node("n", "4", "8Gi").spec(json!({"unschedulable": true})), web(), None, "1 cordoned: cordoned")]
#[case::the_taint_of_a_cordon(
    node("n", "4", "8Gi").spec(json!({"taints": [{"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}]})),
    web(), None, "1 cordoned: cordoned"
)]
#[case::leaving(node("n", "4", "8Gi").terminating(), web(), None, "1 going-away: going away")]
#[case::a_label(
    node("n", "4", "8Gi"), web().selecting("topology.kubernetes.io/zone", "b"), None,
    "1 labels: not topology.kubernetes.io/zone In [b]"
)]
#[case::the_nearest_of_two_terms(
    node("n", "4", "8Gi"),
    web().requiring(&[&["topology.kubernetes.io/zone In b", "kubernetes.io/arch In arm64"], &["kubernetes.io/arch In arm64"]]),
    None, "1 labels: not kubernetes.io/arch In [arm64]"
)]
#[case::cpu(node("n", "500m", "8Gi"), web(), None, "1 resources: needs 1 cpu, there are 0.5 free")]
#[case::what_is_scarcest(
    node("n", "500m", "1Mi"),
    web(),
    None,
    "1 resources: needs 1Gi memory, there are 0Gi free"
)]
#[case::a_host_port(
    node("n", "4", "8Gi"), web().spec(with_port()), Some(pod("other", "1", "1Gi").spec(with_port()).on("n")),
    "1 host-port: host port 80/TCP is in use"
)]
#[case::pods_it_refuses(
    node("n", "4", "8Gi"), web().spec(apart("kubernetes.io/hostname")), Some(other()),
    "1 other-pods: there are pods with app=web in the same kubernetes.io/hostname, which it refuses"
)]
#[case::pods_that_refuse_it(
    node("n", "4", "8Gi"), web(), Some(other().spec(apart("topology.kubernetes.io/zone"))),
    "1 other-pods: pods there refuse pods with app=web in the same topology.kubernetes.io/zone"
)]
#[case::pods_it_wants(
    node("n", "4", "8Gi"), web().spec(together()), Some(other()),
    "1 other-pods: there are no pods with app=cache in the same kubernetes.io/hostname, which it wants"
)]
#[case::a_spread(
    node("n", "4", "8Gi"), web().spec(spread()), Some(other()),
    "1 other-pods: pods with app=web would not be spread over topology.kubernetes.io/zone (maxSkew 1)"
)]
fn a_node_that_would_not_take_it_says_why(
    #[case] node: Manifest,
    #[case] web: Manifest,
    #[case] other: Option<Manifest>,
    #[case] expected: &str,
) {
    let explained = explained(&cluster().node(node).pod(web).pods(other));
    assert_eq!(refusals(&explained), [expected]);
}

#[test]
fn nodes_that_refuse_alike_are_counted_and_the_nearest_is_named() {
    let explained = explained(
        &cluster()
            .node(node("a", "500m", "8Gi"))
            .node(node("b", "700m", "8Gi"))
            .node(node("c", "600m", "8Gi"))
            .node(node("d", "2", "8Gi").spec(json!({"unschedulable": true})))
            .node(node("e", "2", "8Gi"))
            .pod(web()),
    );
    let nodes = explained.existing_nodes.as_ref().expect("nodes were asked");
    assert_eq!((nodes.asked, nodes.taking.as_slice()), (5, &["e".to_owned()][..]));
    assert_eq!(
        refusals(&explained),
        [
            "3 resources: needs 1 cpu, at most 0.7 cpu free".replace(" cpu free", " free").as_str(),
            "1 cordoned: cordoned"
        ]
    );
    assert_eq!(nodes.refusing[0].example, "b");
    assert_eq!(explained.place, Some(Place::ExistingNode("e".to_owned())));
    assert_eq!(explained.message, "it waits, but has a place on e");
}

#[test]
fn a_pod_that_gets_a_new_node_is_told_which() {
    let explained = explained(&cluster().pod(web()).pod(pod("beside", "1", "1Gi")));
    let Some(Place::NewNode(new)) = &explained.place else { panic!("{:?}", explained.place) };
    assert_eq!((new.instance_type.as_str(), new.zone.as_str(), new.other_pods), ("m.small", "a", 1));
    assert_eq!(explained.message, "it waits for a new node: on-demand m.small in a of NodePool general");
    let pool = &explained.node_pools[0];
    assert_eq!((pool.explanation.types, pool.explanation.left), (2, 2));
    assert_eq!(pool.cheapest.as_ref().map(|choice| choice.instance_type.as_str()), Some("m.small"));
}

#[test]
fn a_pod_without_a_place_is_told_why_by_node_pool() {
    let explained = explained(&cluster().pod(pod("web", "9", "1Gi")));
    assert_eq!(explained.place, Some(Place::None));
    assert_eq!(
        explained.message,
        "it has no place: NodePool general: needs 9 cpu; the nearest allowed type, m.large, has 8 for pods"
    );
    assert_eq!(explained.node_pools[0].cheapest, None);
}

#[test]
fn the_cheapest_new_node_obeys_the_pod() {
    let in_b = web().selecting("topology.kubernetes.io/zone", "b").on("n");
    let explained = explained(&cluster().node(node("n", "4", "8Gi")).pod(in_b));
    let choice = explained.node_pools[0].cheapest.as_ref().expect("there is one");
    assert_eq!((choice.instance_type.as_str(), choice.zone.as_str()), ("m.small", "b"));
}

#[test]
fn a_running_pod_is_asked_about_as_if_it_had_to_leave() {
    // alone, it would fit twice on its own node: that one is not asked
    let cluster = cluster()
        .node(node("n", "4", "8Gi"))
        .node(node("m", "4", "8Gi"))
        .pod(web().on("n").owned_by("ReplicaSet", "web-7f").spec(apart("kubernetes.io/hostname")))
        .pod(pod("waiting", "1", "1Gi"));
    let explained = explained(&cluster);
    assert_eq!(explained.state, PodState::Bound);
    assert_eq!(
        (explained.node.as_deref(), explained.owner.as_deref()),
        (Some("n"), Some("ReplicaSet web-7f"))
    );
    let nodes = explained.existing_nodes.as_ref().expect("nodes were asked");
    assert_eq!((nodes.asked, nodes.taking.as_slice()), (1, &["m".to_owned()][..]));
    assert_eq!(
        explained.message,
        "it is on n; 1 of 1 other node would take it, and the cheapest new node would be on-demand m.small in a"
    );
}

#[rstest]
#[case::gated(web().spec(json!({"schedulingGates": [{"name": "quota"}]})), PodState::LeftOut, "it is left out: has scheduling gates")]
#[case::finished(web().on("n").with(json!({"status": {"phase": "Succeeded"}})), PodState::Finished, "it has finished")]
#[case::of_a_daemon_set(
    web().on("n").owned_by("DaemonSet", "agent"), PodState::Bound,
    "it belongs to a DaemonSet: it comes and goes with its node"
)]
#[case::an_unbound_daemon(
    web().owned_by("DaemonSet", "agent"), PodState::LeftOut,
    "it belongs to a DaemonSet, which waits for no other node than its own"
)]
#[case::leaving(web().terminating(), PodState::Terminating, "it is on its way out")]
#[case::on_a_node_that_is_not_there(
    web().on("gone"), PodState::Bound,
    "it is on gone, which is not in the input; 1 of 1 other node would take it, and the cheapest new node would be \
     on-demand m.small in a"
)]
#[case::impossible(
    web().requiring(&[&["karpenter.k8s.aws/instance-colour In red"]]), PodState::LeftOut,
    "it is left out: label key \"karpenter.k8s.aws/instance-colour\": label domain karpenter.k8s.aws is restricted to its \
     well-known labels, such as karpenter.k8s.aws/instance-category; use one of those or a label in a domain of your own"
)]
fn a_pod_that_waits_for_nothing_is_said_not_to(
    #[case] pod: Manifest,
    #[case] state: PodState,
    #[case] message: &str,
) {
    let explained = explained(&cluster().node(node("n", "4", "8Gi")).pod(pod));
    assert_eq!((explained.state, explained.message.as_str()), (state, message));
}

#[test]
fn the_scheduler_is_quoted() {
    let condition =
        json!({"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/3 nodes"});
    let waiting = web().with(json!({"status": {"conditions": [condition]}}));
    assert_eq!(explained(&cluster().pod(waiting)).scheduler.as_deref(), Some("0/3 nodes"));
}

#[test]
fn what_may_not_be_evicted_says_so() {
    let budget = json!({
        "metadata": {"name": "web", "namespace": "default"},
        "spec": {"minAvailable": 1, "selector": {"matchLabels": {"app": "web"}}},
        "status": {"disruptionsAllowed": 0, "currentHealthy": 1, "desiredHealthy": 1, "expectedPods": 1},
    });
    let cluster = cluster()
        .node(node("n", "4", "8Gi"))
        .pod(web().on("n").spec(json!({"priority": 1 << 25})))
        .json("PodDisruptionBudget", budget);
    let eviction = explained(&cluster).eviction.expect("it is on a node");
    assert_eq!((eviction.cost, eviction.pdbs.as_slice()), (2.0, &["default/web".to_owned()][..]));
    assert!(eviction.blocked.is_some_and(|text| text.starts_with("PDB default/web allows 0 evictions")));
}

#[test]
fn demands_are_told_in_words() {
    let demanding = web()
        .requiring(&[&["kubernetes.io/arch In amd64"], &["kubernetes.io/arch In arm64"]])
        .preferring(&[(7, &["topology.kubernetes.io/zone In b"])])
        .spec(spread())
        .spec(json!({
            "tolerations": [
                {"key": "spot", "operator": "Equal", "value": "true", "effect": "NoSchedule"},
                {"operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300},
            ],
            "affinity": {"podAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [{
                "weight": 9,
                "podAffinityTerm": {
                    "topologyKey": "kubernetes.io/hostname",
                    "labelSelector": {"matchExpressions": [
                        {"key": "app", "operator": "NotIn", "values": ["a", "b"]},
                        {"key": "tier", "operator": "Exists"},
                    ]},
                },
            }]}},
        }));
    let explained = explained(&cluster().pod(demanding));
    let said: Vec<String> =
        explained.constraints.iter().map(|one| format!("{}: {}", one.kind, one.text)).collect();
    assert_eq!(
        said,
        [
            "node: kubernetes.io/arch In [amd64] or kubernetes.io/arch In [arm64]",
            "toleration: spot=true:NoSchedule",
            "toleration: everything:NoExecute for 300s",
            "spread: pods with app=web over topology.kubernetes.io/zone, at most 1 more than where there are fewest",
            "preference: topology.kubernetes.io/zone In [b] (weight 7)",
            "preference: in another kubernetes.io/hostname as pods with app notin (a,b),tier of default (weight 9)",
        ]
    );
}
