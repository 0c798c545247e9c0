//! Capacity that is paid for comes first: nodes, and NodeClaims in flight (reference sections 2.4, 2.14; 9.2-1).

mod by_hand;

use by_hand::{Cluster, Manifest, bought, claim, instance_type, node, placed, pod, pods, pool};
use rstest::rstest;
use serde_json::{Value, json};

fn cluster() -> Cluster {
    Cluster::new(&[instance_type("m.small", 2, 8, 0.1), instance_type("m.large", 8, 32, 0.4)])
        .pool(pool("general"))
}

/// A node that a NodePool made.
fn managed(name: &str, cpu: &str, memory: &str) -> Manifest {
    node(name, cpu, memory)
        .label("karpenter.sh/nodepool", "general")
        .label("karpenter.sh/registered", "true")
        .label("karpenter.sh/initialized", "true")
        .label("node.kubernetes.io/instance-type", "m.large")
}

/// The claim of such a node while it starts.
fn starting(node: &str) -> Manifest {
    claim("general-1", "general").with(json!({"status": {"nodeName": node}}))
}

/// A claim that is launched but has no node yet.
fn launched(cpu: &str, memory: &str) -> Manifest {
    let amounts = json!({"cpu": cpu, "memory": memory, "pods": "110"});
    claim("general-1", "general")
        .label("topology.kubernetes.io/zone", "a")
        .label("node.kubernetes.io/instance-type", "m.large")
        .with(json!({"status": {"capacity": amounts, "allocatable": amounts, "providerID": "aws:///a/i-1"}}))
}

#[test]
fn existing_nodes_are_filled_before_anything_is_bought() {
    let plan = cluster().node(node("n1", "2", "8Gi")).pods(pods("web", 3, "1", "1Gi")).plan();
    assert_eq!(placed(&plan), ["n1: web-0 web-1"]);
    assert_eq!(bought(&plan), ["m.small: web-2"]);
    assert_eq!(plan.summary.pods_on_existing_nodes, 2);
    assert_eq!(plan.summary.pods_on_new_nodes, 1);
}

#[test]
fn what_runs_on_a_node_is_taken_off_first() {
    let cluster = cluster()
        .node(node("n1", "4", "8Gi"))
        .pod(pod("running", "1", "1Gi").on("n1"))
        .pod(pod("static", "500m", "1Gi").owned_by("Node", "n1").on("n1"))
        .pod(pod("agent", "500m", "1Gi").owned_by("DaemonSet", "agent").on("n1"))
        .pod(pod("going", "1", "1Gi").on("n1").terminating())
        .pod(pod("done", "4", "1Gi").on("n1").with(json!({"status": {"phase": "Succeeded"}})));
    let plan = cluster.pods(pods("web", 2, "1", "1Gi")).plan();
    assert_eq!(placed(&plan), ["n1: web-0"], "one core of four is left");
}

#[test]
fn initialised_nodes_come_first_and_equals_by_name() {
    let young = managed("a-young", "1", "8Gi").label("karpenter.sh/initialized", "false");
    let cluster = cluster().node(young).node(node("n2", "1", "8Gi")).node(node("n1", "1", "8Gi"));
    let plan = cluster.clone().pods(pods("web", 1, "1", "1Gi")).plan();
    assert_eq!(placed(&plan), ["n1: web-0"]);
    let plan = cluster.pods(pods("web", 3, "1", "1Gi")).plan();
    assert_eq!(placed(&plan), ["a-young: web-2", "n1: web-0", "n2: web-1"]);
}

#[test]
fn an_overdrawn_node_takes_only_what_needs_nothing_of_what_is_short() {
    let cluster = cluster()
        .node(node("n1", "1", "8Gi"))
        .pod(pod("greedy", "3", "1Gi").on("n1"))
        .pod(pod("thrifty", "0", "1Gi"))
        .pod(pod("web", "1m", "1Gi"));
    let plan = cluster.plan();
    assert_eq!(placed(&plan), ["n1: thrifty"]);
    assert_eq!(bought(&plan), ["m.small: web"]);
}

#[test]
fn a_node_takes_no_more_pods_than_it_may_hold() {
    let small = node("n1", "64", "64Gi").with(json!({"status": {"allocatable": {"pods": "2"}}}));
    let plan = cluster().node(small).pods(pods("web", 3, "100m", "1Mi")).plan();
    assert_eq!(placed(&plan), ["n1: web-0 web-1"]);
}

#[rstest]
#[case::cordoned(node("n1", "4", "8Gi").spec(json!({"unschedulable": true})))]
#[case::tainted(node("n1", "4", "8Gi").spec(json!({"taints": [{"key": "gpu", "effect": "NoSchedule"}]})))]
#[case::evicting(node("n1", "4", "8Gi").spec(json!({"taints": [{"key": "gpu", "effect": "NoExecute"}]})))]
#[case::not_ready_and_not_ours(
    node("n1", "4", "8Gi").spec(json!({"taints": [{"key": "node.kubernetes.io/not-ready", "effect": "NoSchedule"}]}))
)]
#[case::ours_and_initialised_but_not_ready_any_more(
    managed("n1", "4", "8Gi").spec(json!({"taints": [{"key": "node.kubernetes.io/not-ready", "effect": "NoExecute"}]}))
)]
#[case::of_another_zone(node("n1", "4", "8Gi").label("topology.kubernetes.io/zone", "b"))]
#[case::too_small(node("n1", "500m", "8Gi"))]
#[case::without_any_status(node("n1", "4", "8Gi").with(json!({"status": null})))]
fn a_node_is_passed_over_when_it_is(#[case] node: Manifest) {
    let plan =
        cluster().node(node).pod(pod("web", "1", "1Gi").selecting("topology.kubernetes.io/zone", "a")).plan();
    assert_eq!(bought(&plan), ["m.small: web"]);
}

#[rstest]
#[case::cordon("unschedulable", json!({"key": "node.kubernetes.io/unschedulable", "operator": "Exists"}))]
#[case::taint("taint", json!({"key": "gpu", "operator": "Exists"}))]
fn a_toleration_opens_a_node(#[case] what: &str, #[case] toleration: Value) {
    let spec = match what {
        "unschedulable" => json!({"unschedulable": true}),
        _ => json!({"taints": [{"key": "gpu", "effect": "NoSchedule"}]}),
    };
    let cluster = cluster().node(node("n1", "4", "8Gi").spec(spec));
    let plan = cluster.pod(pod("web", "1", "1Gi").spec(json!({"tolerations": [toleration]}))).plan();
    assert_eq!(placed(&plan), ["n1: web"]);
}

#[rstest]
#[case::not_ready("node.kubernetes.io/not-ready", "NoSchedule", None)]
#[case::not_ready_evicting("node.kubernetes.io/not-ready", "NoExecute", None)]
#[case::unreachable("node.kubernetes.io/unreachable", "NoSchedule", None)]
#[case::without_its_cloud("node.cloudprovider.kubernetes.io/uninitialized", "NoSchedule", Some("true"))]
#[case::unregistered("karpenter.sh/unregistered", "NoExecute", None)]
#[case::behind_a_readiness_gate("readiness.k8s.io/network", "NoSchedule", None)]
#[case::with_a_startup_taint_of_its_own("example.com/agent-missing", "NoSchedule", None)]
fn a_node_of_ours_that_starts_is_room_in_spite_of_the_taint_of_one(
    #[case] key: &str,
    #[case] effect: &str,
    #[case] value: Option<&str>,
) {
    let taints = json!({"taints": [{"key": key, "effect": effect, "value": value}]});
    let young = managed("n1", "4", "8Gi").label("karpenter.sh/initialized", "false").spec(taints);
    let startup = json!({"startupTaints": [{"key": "example.com/agent-missing", "effect": "NoSchedule"}]});
    let cluster = cluster().node(young).pod(pod("web", "1", "1Gi"));
    let plan = cluster.clone().claim(starting("n1").spec(startup)).plan();
    assert_eq!(placed(&plan), ["n1: web"]);
    if key != "example.com/agent-missing" {
        assert_eq!(placed(&cluster.plan()), ["n1: web"], "known taints go away without a claim to say so");
    }
}

#[test]
fn a_startup_taint_that_comes_back_counts_once_the_node_is_initialised() {
    let taints = json!({"taints": [{"key": "example.com/agent-missing", "effect": "NoSchedule"}]});
    let startup = json!({"startupTaints": [{"key": "example.com/agent-missing", "effect": "NoSchedule"}]});
    let cluster = cluster().node(managed("n1", "4", "8Gi").spec(taints)).claim(starting("n1").spec(startup));
    assert_eq!(bought(&cluster.pod(pod("web", "1", "1Gi")).plan()), ["m.small: web"]);
}

/// An extended resource appears on the node only when its device plugin runs (2.14).
#[test]
fn an_uninitialised_node_has_what_its_claim_promises() {
    let young = managed("n1", "4", "8Gi").label("karpenter.sh/initialized", "false");
    let promised = json!({"status": {"allocatable": {"cpu": "100", "nvidia.com/gpu": "1"}}});
    let gpu = json!({"containers": [{"name": "main", "resources": {"requests": {"nvidia.com/gpu": "1"}, "limits": {"nvidia.com/gpu": "1"}}}]});
    let job = pod("job", "1", "1Gi").spec(gpu);
    let cluster = cluster().claim(starting("n1").with(promised)).pod(job);
    assert_eq!(placed(&cluster.clone().node(young.clone()).plan()), ["n1: job"]);
    let ready = young.label("karpenter.sh/initialized", "true");
    assert_eq!(cluster.node(ready).plan().unschedulable.len(), 1, "an initialised node has what it says");
}

#[test]
fn what_an_uninitialised_node_reports_is_not_overruled() {
    let young = managed("n1", "1", "8Gi").label("karpenter.sh/initialized", "false");
    let promised = json!({"status": {"allocatable": {"cpu": "100"}}});
    let plan = cluster().claim(starting("n1").with(promised)).node(young).pod(pod("web", "2", "1Gi")).plan();
    assert_eq!(bought(&plan), ["m.small: web"]);
}

/// Before registration the node lacks its labels and taints; the claim has them (2.14).
#[test]
fn a_node_that_is_not_registered_is_what_its_claim_says() {
    let bare = node("n1", "4", "8Gi")
        .spec(json!({"taints": [{"key": "karpenter.sh/unregistered", "effect": "NoExecute"}]}));
    let claim =
        starting("n1").label("team", "a").spec(json!({"taints": [{"key": "gpu", "effect": "NoSchedule"}]}));
    let cluster = cluster().node(bare).claim(claim);
    let tolerant = json!({"tolerations": [{"key": "gpu", "operator": "Exists"}]});
    let plan = cluster.clone().pod(pod("web", "1", "1Gi").selecting("team", "a").spec(tolerant)).plan();
    assert_eq!(placed(&plan), ["n1: web"]);
    let plan = cluster.pod(pod("web", "1", "1Gi")).plan();
    assert_eq!(bought(&plan), ["m.small: web"], "the claim's taint will be there");
}

#[test]
fn a_launched_claim_is_room_before_its_node_appears() {
    let plan = cluster().claim(launched("2", "8Gi")).pods(pods("web", 3, "1", "1Gi")).plan();
    assert_eq!(placed(&plan), ["general-1: web-0 web-1"]);
    assert!(plan.placements[0].in_flight);
    assert_eq!(bought(&plan), ["m.small: web-2"]);
}

#[test]
fn a_claim_whose_node_is_there_counts_once() {
    let claim = launched("2", "8Gi").with(json!({"status": {"providerID": "aws:///a/n1"}}));
    let cluster = cluster().claim(claim).node(managed("n1", "2", "8Gi"));
    let plan = cluster.pods(pods("web", 3, "1", "1Gi")).plan();
    assert_eq!(placed(&plan), ["n1: web-0 web-1"]);
    assert_eq!(plan.summary.existing_nodes, 1);
}

/// Karpenter stops all scheduling while a claim is not launched (9.2-1); we count on what every type of it has.
#[rstest]
#[case::of_one_type(&["node.kubernetes.io/instance-type In m.large"], 8)]
#[case::of_either_type(&["node.kubernetes.io/instance-type In m.large m.small"], 2)]
#[case::of_any_type(&[], 2)]
#[case::of_a_type_told_by_another_label(&["karpenter.k8s.aws/instance-cpu Gt 4"], 8)]
fn a_claim_not_launched_yet_is_as_large_as_the_least_it_may_become(
    #[case] requirements: &[&str],
    #[case] cores: usize,
) {
    let claim = claim("general-1", "general").requires(requirements);
    let plan = cluster().claim(claim).pods(pods("web", 8, "1", "1Gi")).plan();
    assert_eq!(plan.summary.pods_on_existing_nodes, cores);
}

#[rstest]
#[case::what_it_asks_for("topology.kubernetes.io/zone In a", true)]
#[case::what_all_of_its_types_have("kubernetes.io/arch In amd64", true)]
#[case::what_all_of_its_types_are_not("karpenter.k8s.aws/instance-family NotIn c", true)]
#[case::what_only_one_of_its_types_has("karpenter.k8s.aws/instance-size In large", false)]
#[case::not_to_be_what_one_of_its_types_is("karpenter.k8s.aws/instance-size NotIn large", false)]
#[case::not_to_be_where_it_may_land("karpenter.sh/capacity-type NotIn spot", false)]
#[case::a_label_that_nobody_sets("team In a", false)]
#[case::not_a_label_that_nobody_sets("team NotIn a", true)]
fn a_claim_not_launched_yet_suits_a_pod_only_if_all_it_may_become_does(
    #[case] rule: &str,
    #[case] suits: bool,
) {
    let types = [
        instance_type("m.small", 2, 8, 0.1).zones("a b").spot(0.04),
        instance_type("m.large", 8, 32, 0.4).zones("a b").spot(0.1),
    ];
    let claim = claim("general-1", "general").requires(&["topology.kubernetes.io/zone In a"]);
    let cluster = Cluster::new(&types).pool(pool("general")).claim(claim);
    let plan = cluster.pod(pod("web", "1", "1Gi").requiring(&[&[rule]])).plan();
    assert_eq!(plan.summary.pods_on_existing_nodes, usize::from(suits));
}

#[test]
fn the_taints_of_a_claim_in_flight_count_and_its_startup_taints_do_not() {
    let tainted = launched("4", "8Gi").spec(json!({"taints": [{"key": "gpu", "effect": "NoSchedule"}]}));
    let plan = cluster().claim(tainted).pod(pod("web", "1", "1Gi")).plan();
    assert_eq!(bought(&plan), ["m.small: web"]);
    let starting =
        launched("4", "8Gi").spec(json!({"startupTaints": [{"key": "agent", "effect": "NoSchedule"}]}));
    let plan = cluster().claim(starting).pod(pod("web", "1", "1Gi")).plan();
    assert_eq!(placed(&plan), ["general-1: web"]);
}

#[test]
fn a_claim_being_deleted_is_no_room() {
    let plan = cluster().claim(launched("4", "8Gi").terminating()).pod(pod("web", "1", "1Gi")).plan();
    assert_eq!(bought(&plan), ["m.small: web"]);
}

fn with_databases(mut cluster: Cluster, count: usize) -> Cluster {
    cluster = cluster.json("StorageClass", json!({
        "metadata": {"name": "gp3"}, "provisioner": "ebs.csi.aws.com", "volumeBindingMode": "WaitForFirstConsumer",
    }));
    for index in 0..count {
        let name = format!("data-{index}");
        let claim =
            json!({"metadata": {"name": name, "namespace": "default"}, "spec": {"storageClassName": "gp3"}});
        let volumes = json!({"volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": name}}]});
        cluster = cluster
            .json("PersistentVolumeClaim", claim)
            .pod(pod(&format!("db-{index}"), "100m", "1Gi").spec(volumes));
    }
    cluster
}

/// Reference section 2.10.
#[rstest]
#[case::no_limit_is_told(json!([{"name": "efs.csi.aws.com", "nodeID": "n1", "topologyKeys": null}]), 3)]
#[case::two_are_allowed(
    json!([{"name": "ebs.csi.aws.com", "nodeID": "n1", "topologyKeys": null, "allocatable": {"count": 2}}]),
    2
)]
fn a_node_takes_as_many_volumes_as_its_csi_node_says(#[case] drivers: Value, #[case] taken: usize) {
    let csi_node = json!({"metadata": {"name": "n1"}, "spec": {"drivers": drivers}});
    let cluster = cluster().node(node("n1", "16", "64Gi")).json("CSINode", csi_node);
    assert_eq!(with_databases(cluster, 3).plan().summary.pods_on_existing_nodes, taken);
}

#[rstest]
#[case::launched(launched("8", "32Gi"))]
#[case::not_launched(claim("general-1", "general").requires(&["node.kubernetes.io/instance-type In m.large"]))]
fn a_claim_in_flight_takes_as_many_volumes_as_its_type(#[case] claim: Manifest) {
    let types = [instance_type("m.small", 2, 8, 0.1), instance_type("m.large", 8, 32, 0.4).volumes(2)];
    let cluster = Cluster::new(&types).pool(pool("general")).claim(claim);
    assert_eq!(with_databases(cluster, 3).plan().summary.pods_on_existing_nodes, 2);
}
