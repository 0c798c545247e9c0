//! What DaemonSets and host ports take from a node (reference sections 2.9, 2.10; 9.1 DaemonSet overhead).

mod by_hand;

use by_hand::{
    Cluster, InstanceTypeBuilder, Manifest, and, bought, bought_where, claim, instance_type, manifest, node,
    placed, pod, pods, pool,
};
use rstest::rstest;
use serde_json::{Value, json};

fn types() -> Vec<InstanceTypeBuilder> {
    vec![
        instance_type("m.small", 2, 8, 0.1).zones("a b"),
        instance_type("m.medium", 4, 16, 0.2).zones("a b"),
        instance_type("t.small", 2, 8, 0.15).arm().zones("a b"),
    ]
}

fn cluster() -> Cluster {
    Cluster::new(&types()).pool(pool("general"))
}

/// A DaemonSet whose pods take so much cpu, with more in the pod's spec.
fn daemon_set(name: &str, cpu: &str, spec: Value) -> Manifest {
    let pod = pod(name, cpu, "0").spec(spec);
    manifest(json!({
        "metadata": {"name": name, "namespace": "kube-system"},
        "spec": {
            "selector": {"matchLabels": {"app": name}},
            "template": {"metadata": {"labels": {"app": name}}, "spec": pod.0["spec"]},
        },
    }))
}

fn with_agent(cpu: &str, spec: Value) -> Cluster {
    cluster().object("DaemonSet", &daemon_set("agent", cpu, spec))
}

/// A live pod of the DaemonSet `agent`.
fn agent(name: &str, cpu: &str, node: &str) -> Manifest {
    pod(name, cpu, "0").namespace("kube-system").owned_by("DaemonSet", "agent").on(node)
}

fn required(key: &str, values: &[&str]) -> Value {
    json!({"affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [
        {"matchExpressions": [{"key": key, "operator": "In", "values": values}]},
    ]}}}})
}

#[test]
fn a_daemon_set_takes_its_share_of_every_node() {
    let plan = with_agent("500m", json!({})).pod(pod("web", "1600m", "1Gi")).plan();
    assert_eq!(bought(&plan), ["m.medium: web"]);
    assert_eq!(plan.nodes[0].daemon_sets["cpu"], "500m");
    assert_eq!(plan.nodes[0].requests["cpu"], "2100m");
    assert_eq!(
        bought(&with_agent("400m", json!({})).pod(pod("web", "1600m", "1Gi")).plan()),
        ["m.small: web"]
    );
}

#[test]
fn daemon_sets_add_up_and_their_pods_count_too() {
    let few = instance_type("m.small", 2, 8, 0.1).has("pods", 3);
    let cluster = Cluster::new(&[few])
        .pool(pool("general"))
        .object("DaemonSet", &daemon_set("one", "100m", json!({})))
        .object("DaemonSet", &daemon_set("two", "200m", json!({})));
    let plan = cluster.pods(pods("web", 2, "100m", "1Gi")).plan();
    assert_eq!(plan.nodes.len(), 2, "of three pods two are daemons");
    assert_eq!(plan.nodes[0].daemon_sets["cpu"], "300m");
    assert_eq!(plan.nodes[0].daemon_sets["pods"], "2");
}

/// Where a DaemonSet runs. The pod just fits m.small if it does not.
#[rstest]
#[case::everywhere(json!({}), true)]
#[case::on_this_arch(required("kubernetes.io/arch", &["amd64"]), true)]
#[case::on_the_other_arch(required("kubernetes.io/arch", &["arm64"]), false)]
#[case::by_selector_on_this_arch(json!({"nodeSelector": {"kubernetes.io/arch": "amd64"}}), true)]
#[case::by_selector_on_the_other_arch(json!({"nodeSelector": {"kubernetes.io/arch": "arm64"}}), false)]
#[case::by_an_old_name(json!({"nodeSelector": {"beta.kubernetes.io/arch": "arm64"}}), false)]
#[case::on_windows(json!({"nodeSelector": {"kubernetes.io/os": "windows"}}), false)]
#[case::in_this_pool(json!({"nodeSelector": {"karpenter.sh/nodepool": "general"}}), true)]
#[case::in_another_pool(json!({"nodeSelector": {"karpenter.sh/nodepool": "other"}}), false)]
#[case::on_registered_nodes(json!({"nodeSelector": {"karpenter.sh/registered": "true"}}), true)]
#[case::on_initialised_nodes(json!({"nodeSelector": {"karpenter.sh/initialized": "true"}}), true)]
#[case::on_nodes_with_a_label_nobody_has(json!({"nodeSelector": {"gpu": "true"}}), false)]
#[case::where_it_would_rather_be(
    json!({"affinity": {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [
        {"weight": 1, "preference": {"matchExpressions": [{"key": "gpu", "operator": "Exists"}]}},
    ]}}}),
    true
)]
#[case::on_either_of_two_terms(
    json!({"affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [
        {"matchExpressions": [{"key": "gpu", "operator": "Exists"}]},
        {"matchExpressions": [{"key": "kubernetes.io/arch", "operator": "In", "values": ["amd64"]}]},
    ]}}}}),
    true
)]
fn a_daemon_set_takes_its_share_where_it_runs(#[case] spec: Value, #[case] runs: bool) {
    let plan =
        with_agent("500m", spec).pod(pod("web", "2", "1Gi").selecting("kubernetes.io/arch", "amd64")).plan();
    assert_eq!(bought(&plan), [if runs { "m.medium: web" } else { "m.small: web" }]);
}

/// Overhead by group of types, not by NodePool (9.1).
#[test]
fn each_group_of_types_bears_its_own_daemon_sets() {
    let plan =
        with_agent("500m", required("kubernetes.io/arch", &["amd64"])).pod(pod("web", "2", "1Gi")).plan();
    assert_eq!(
        bought(&plan),
        ["t.small: web"],
        "the arm type has no agent, and is cheaper than the next size"
    );
    let listed: Vec<&str> =
        plan.nodes[0].instance_types.iter().map(|choice| choice.instance_type.as_str()).collect();
    assert_eq!(listed, ["t.small", "m.medium"]);
}

#[rstest]
#[case::that_it_does_not_tolerate(json!({}), false)]
#[case::that_it_tolerates(json!({"tolerations": [{"key": "gpu", "operator": "Exists"}]}), true)]
#[case::as_any(json!({"tolerations": [{"operator": "Exists"}]}), true)]
fn a_daemon_set_stays_off_pools_with_a_taint(#[case] spec: Value, #[case] runs: bool) {
    let tainted = pool("gpus")
        .spec(json!({"template": {"spec": {"taints": [{"key": "gpu", "effect": "NoSchedule"}]}}}));
    let web = pod("web", "2", "1Gi").spec(json!({"tolerations": [{"key": "gpu", "operator": "Exists"}]}));
    let cluster =
        Cluster::new(&types()).pool(tainted).object("DaemonSet", &daemon_set("agent", "500m", spec));
    assert_eq!(bought(&cluster.pod(web).plan()), [if runs { "m.medium: web" } else { "m.small: web" }]);
}

#[rstest]
#[case::prefer_no_schedule("taints", "PreferNoSchedule")]
#[case::startup("startupTaints", "NoSchedule")]
fn such_taints_keep_no_daemon_out(#[case] list: &str, #[case] effect: &str) {
    let soft = pool("soft").spec(json!({"template": {"spec": {list: [{"key": "x", "effect": effect}]}}}));
    let cluster =
        Cluster::new(&types()).pool(soft).object("DaemonSet", &daemon_set("agent", "500m", json!({})));
    assert_eq!(
        bought(&cluster.pod(pod("web", "2", "1Gi").selecting("kubernetes.io/arch", "amd64")).plan()),
        ["m.medium: web"]
    );
}

/// The newest live pod shows what a webhook or an autoscaler made of the template.
#[test]
fn the_newest_live_pod_tells_what_a_daemon_takes() {
    let cluster = with_agent("100m", json!({}))
        .node(node("n1", "1", "8Gi"))
        .node(node("n2", "1", "8Gi"))
        .pod(agent("agent-old", "900m", "n1").created(10))
        .pod(agent("agent-new", "500m", "n2").created(20))
        .pod(pod("web", "1600m", "1Gi"));
    let plan = cluster.plan();
    assert_eq!(plan.nodes[0].daemon_sets["cpu"], "500m");
    assert_eq!(bought(&plan), ["m.medium: web"]);
}

#[test]
fn a_live_daemon_pod_that_waits_for_its_node_tells_as_well() {
    let mut waiting = agent("agent-new", "500m", "x").created(20);
    waiting.0["spec"].as_object_mut().unwrap().remove("nodeName");
    let waiting = waiting.with(json!({"status": {"phase": "Pending"}}));
    let plan = with_agent("100m", json!({})).pod(waiting).pod(pod("web", "1600m", "1Gi")).plan();
    assert_eq!(plan.nodes[0].daemon_sets["cpu"], "500m");
}

#[test]
fn live_daemon_pods_tell_even_if_all_is_planned_from_scratch() {
    let cluster =
        with_agent("100m", json!({})).node(node("n1", "1", "8Gi")).pod(agent("agent-1", "500m", "n1"));
    let plan = cluster.pod(pod("web", "1600m", "1Gi")).planned_from_scratch().plan();
    assert_eq!(plan.nodes[0].daemon_sets["cpu"], "500m");
}

/// The controller ties each daemon pod to its node; the template says where the next one goes (2.9).
#[test]
fn a_live_daemon_pod_does_not_tell_where_daemons_run() {
    let tied = json!({"affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {
        "nodeSelectorTerms": [{"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["n1"]}]}],
    }}}});
    let cluster = with_agent("100m", json!({}))
        .node(node("n1", "1", "8Gi"))
        .pod(agent("agent-1", "500m", "n1").spec(tied));
    assert_eq!(cluster.pod(pod("web", "1", "1Gi")).plan().nodes[0].daemon_sets["cpu"], "500m");
}

/// Or else a cluster of thousands of nodes would have as many classes for each DaemonSet.
#[test]
fn daemon_pods_tied_to_their_nodes_are_one_class() {
    let tied = |node: &str| {
        json!({"affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {
            "nodeSelectorTerms": [{"matchFields": [{"key": "metadata.name", "operator": "In", "values": [node]}]}],
        }}}})
    };
    let cluster = ["n1", "n2", "n3"].iter().fold(with_agent("100m", json!({})), |cluster, name| {
        cluster
            .node(node(name, "1", "8Gi"))
            .pod(agent(&format!("agent-{name}"), "500m", name).spec(tied(name)))
    });
    assert_eq!(cluster.snapshot().classes.len(), 1);
    let untied = pod("web", "500m", "0").namespace("kube-system").on("n1");
    assert_eq!(cluster.pod(untied).snapshot().classes.len(), 2, "a pod of somebody else may have to move");
}

#[rstest]
#[case::without_its_daemon(None, "1500m", true)]
#[case::without_its_daemon_and_too_much(None, "1600m", false)]
#[case::with_its_daemon(Some("500m"), "1500m", true)]
#[case::with_a_smaller_daemon_than_expected(Some("100m"), "1900m", true)]
fn an_existing_node_keeps_room_for_daemons_to_come(
    #[case] running: Option<&str>,
    #[case] cpu: &str,
    #[case] fits: bool,
) {
    let mut cluster = with_agent("500m", json!({})).node(node("n1", "2", "8Gi"));
    if let Some(cpu) = running {
        cluster = cluster.pod(agent("agent-1", cpu, "n1"));
    }
    assert_eq!(placed(&cluster.pod(pod("web", cpu, "1Gi")).plan()).len(), usize::from(fits));
}

#[test]
fn a_node_keeps_no_room_for_daemons_that_will_not_run_there() {
    let cluster = with_agent("500m", json!({"nodeSelector": {"gpu": "true"}})).node(node("n1", "2", "8Gi"));
    assert_eq!(placed(&cluster.pod(pod("web", "2", "1Gi")).plan()), ["n1: web"]);
    let tainted = node("n1", "2", "8Gi").spec(json!({"taints": [{"key": "gpu", "effect": "NoSchedule"}]}));
    let tolerant = pod("web", "2", "1Gi").spec(json!({"tolerations": [{"operator": "Exists"}]}));
    assert_eq!(placed(&with_agent("500m", json!({})).node(tainted).pod(tolerant).plan()), ["n1: web"]);
}

#[test]
fn a_cordoned_or_troubled_node_gets_its_daemons_all_the_same() {
    let tolerant = pod("web", "2", "1Gi").spec(json!({"tolerations": [{"operator": "Exists"}]}));
    let cordoned = node("n1", "2", "8Gi").spec(json!({
        "unschedulable": true, "taints": [{"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}],
    }));
    assert!(placed(&with_agent("500m", json!({})).node(cordoned).pod(tolerant).plan()).is_empty());
}

#[test]
fn a_claim_in_flight_keeps_room_for_its_daemons() {
    let amounts = json!({"cpu": "2", "memory": "8Gi", "pods": "110"});
    let launched =
        claim("general-1", "general").with(json!({"status": {"capacity": amounts, "allocatable": amounts}}));
    let cluster = with_agent("500m", json!({})).claim(launched);
    assert_eq!(placed(&cluster.clone().pod(pod("web", "1500m", "1Gi")).plan()), ["general-1: web"]);
    assert!(placed(&cluster.pod(pod("web", "1600m", "1Gi")).plan()).is_empty());
}

#[test]
fn daemons_alone_buy_nothing() {
    let plan = with_agent("500m", json!({})).plan();
    assert!(plan.nodes.is_empty() && plan.unschedulable.is_empty());
}

fn port(number: i32, fields: Value) -> Value {
    let port = and(json!({"containerPort": number, "hostPort": number}), fields);
    json!({"containers": [{
        "name": "main", "resources": {"requests": {"cpu": "100m", "memory": "100Mi"}}, "ports": [port],
    }]})
}

/// 2.10: same protocol and port, and equal addresses or one of them unspecified.
#[rstest]
#[case::the_same_port(json!({}), 80, json!({}), true)]
#[case::another_port(json!({}), 81, json!({}), false)]
#[case::another_protocol(json!({}), 80, json!({"protocol": "UDP"}), false)]
#[case::the_same_protocol_spelt_out(json!({}), 80, json!({"protocol": "TCP"}), true)]
#[case::another_address(json!({"hostIP": "10.0.0.1"}), 80, json!({"hostIP": "10.0.0.2"}), false)]
#[case::the_same_address(json!({"hostIP": "10.0.0.1"}), 80, json!({"hostIP": "10.0.0.1"}), true)]
#[case::every_address(json!({"hostIP": "0.0.0.0"}), 80, json!({"hostIP": "10.0.0.1"}), true)]
#[case::every_address_of_version_six(json!({"hostIP": "10.0.0.1"}), 80, json!({"hostIP": "::"}), true)]
#[case::an_address_and_none(json!({"hostIP": "10.0.0.1"}), 80, json!({}), true)]
fn two_pods_cannot_share_a_host_port(
    #[case] one: Value,
    #[case] number: i32,
    #[case] other: Value,
    #[case] apart: bool,
) {
    let first = pod("one", "100m", "1Gi").spec(port(80, one));
    let second = pod("two", "100m", "1Gi").spec(port(number, other));
    let plan = cluster().pod(first.clone()).pod(second.clone()).plan();
    assert_eq!(plan.nodes.len(), if apart { 2 } else { 1 }, "{:?}", bought(&plan));
    let plan = Cluster::new(&types()).node(node("n1", "4", "8Gi")).pod(first.on("n1")).pod(second).plan();
    assert_eq!(placed(&plan).is_empty(), apart);
}

#[test]
fn a_container_port_alone_is_no_host_port() {
    let spec = json!({"containers": [{
        "name": "main", "resources": {"requests": {"cpu": "100m"}}, "ports": [{"containerPort": 80}, {"containerPort": 81, "hostPort": 0}],
    }]});
    let plan =
        cluster().pods(pods("web", 3, "100m", "1Gi").into_iter().map(|pod| pod.spec(spec.clone()))).plan();
    assert_eq!(plan.nodes.len(), 1);
}

#[test]
fn replicas_with_a_host_port_take_a_node_each() {
    let replicas = pods("web", 3, "100m", "1Gi").into_iter().map(|pod| pod.spec(port(80, json!({}))));
    let plan = cluster().node(node("n1", "4", "8Gi")).pods(replicas).plan();
    assert_eq!(placed(&plan), ["n1: web-0"]);
    assert_eq!(bought(&plan), ["m.small: web-1", "m.small: web-2"]);
}

#[test]
fn a_sidecar_holds_its_host_port_and_an_init_container_does_not() {
    let with = |restart: Value| json!({"initContainers": [{"name": "x", "restartPolicy": restart, "ports": [{"containerPort": 80, "hostPort": 80}]}]});
    let two = |restart: Value| {
        pods("web", 2, "100m", "1Gi").into_iter().map(move |pod| pod.spec(with(restart.clone())))
    };
    assert_eq!(cluster().pods(two(json!("Always"))).plan().nodes.len(), 2);
    assert_eq!(cluster().pods(two(Value::Null)).plan().nodes.len(), 1);
}

#[test]
fn the_host_port_of_a_daemon_is_taken_on_every_new_node() {
    let cluster =
        with_agent("0", port(80, json!({}))).pod(pod("web", "100m", "1Gi").spec(port(80, json!({}))));
    assert_eq!(cluster.plan().summary.unschedulable_pods, 1);
}

/// Each group of types has its own host ports (2.9).
#[test]
fn the_host_port_of_a_daemon_is_free_where_it_does_not_run() {
    let mut spec = port(80, json!({}));
    spec["nodeSelector"] = json!({"kubernetes.io/arch": "amd64"});
    let cluster = with_agent("0", spec).pod(pod("web", "100m", "1Gi").spec(port(80, json!({}))));
    let plan = cluster.plan();
    assert_eq!(bought(&plan), ["t.small: web"]);
    assert_eq!(plan.nodes[0].instance_types.len(), 1, "no type with the daemon is listed");
    let plan = cluster.pod(pod("other", "1500m", "1Gi").selecting("kubernetes.io/arch", "amd64")).plan();
    assert_eq!(
        bought_where(&plan),
        ["general m.small a on-demand: other", "general t.small a on-demand: web"]
    );
}

#[test]
fn the_host_port_of_a_daemon_to_come_is_taken_on_an_existing_node() {
    let cluster = with_agent("0", port(80, json!({}))).node(node("n1", "2", "8Gi"));
    let plan = cluster.clone().pod(pod("web", "100m", "1Gi").spec(port(80, json!({})))).plan();
    assert!(placed(&plan).is_empty());
    let plan = cluster.pod(pod("web", "100m", "1Gi").spec(port(81, json!({})))).plan();
    assert_eq!(placed(&plan), ["n1: web"]);
}

#[test]
fn a_daemon_set_that_cannot_be_read_does_not_stop_the_rest() {
    let broken = daemon_set("broken", "100m", json!({"nodeSelector": {"no such key": "x"}}));
    let plan = cluster().object("DaemonSet", &broken).pod(pod("web", "1", "1Gi")).plan();
    assert_eq!(bought(&plan), ["m.small: web"]);
}
