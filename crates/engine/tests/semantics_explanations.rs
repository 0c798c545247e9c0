//! Why a pod has no place, and why a node is what it is.

mod by_hand;

use by_hand::{
    Cluster, InstanceTypeBuilder, Manifest, instance_type, manifest, node, pod, pods, pool, step_texts,
    unplaced,
};
use rstest::rstest;
use serde_json::{Value, json};

fn types() -> Vec<InstanceTypeBuilder> {
    vec![
        instance_type("m.small", 2, 8, 0.1).zones("a b").spot(0.04),
        instance_type("m.medium", 4, 16, 0.2).zones("a b"),
        instance_type("m.large", 8, 32, 0.4).zones("b"),
        instance_type("t.small", 2, 8, 0.08).arm().zones("a"),
    ]
}

fn cluster() -> Cluster {
    Cluster::new(&types()).pool(pool("general"))
}

fn web() -> Manifest {
    pod("web", "1", "1Gi")
}

/// What a DaemonSet of so much cpu looks like, perhaps with a host port.
fn daemon_set(cpu: &str, port: Option<i32>) -> Value {
    let ports = port.map_or(json!([]), |port| json!([{"containerPort": port, "hostPort": port}]));
    json!({"metadata": {"name": "agent", "namespace": "kube-system"}, "spec": {
        "selector": {"matchLabels": {"app": "agent"}},
        "template": {"metadata": {"labels": {"app": "agent"}}, "spec": {"containers": [
            {"name": "agent", "resources": {"requests": {"cpu": cpu}}, "ports": ports},
        ]}},
    }})
}

#[test]
fn each_constraint_tells_how_many_types_it_removed_in_order() {
    let narrow =
        pool("general").requires(&["kubernetes.io/arch In amd64", "karpenter.sh/capacity-type In on-demand"]);
    let large = pod("web", "6", "1Gi").requiring(&[&["topology.kubernetes.io/zone In a"]]);
    let plan = Cluster::new(&types()).pool(narrow).pod(large).plan();
    assert_eq!(
        step_texts(&plan, "general"),
        [
            "NodePool: kubernetes.io/arch In [amd64]: removed 1, left 3",
            "pod: topology.kubernetes.io/zone In [a]: removed 1, left 2",
            "pod: 6 cpu: removed 2, left 0",
        ]
    );
    let explained = &plan.unschedulable[0].node_pools[0];
    assert_eq!((explained.types, explained.left), (4, 0));
    assert_eq!(
        explained.nearest_miss.as_deref(),
        Some("needs 6 cpu; the nearest allowed type, m.medium, has 4 for pods")
    );
    assert_eq!(
        unplaced(&plan),
        ["web: NodePool general: needs 6 cpu; the nearest allowed type, m.medium, has 4 for pods"]
    );
}

#[rstest]
#[case::cpu(pod("web", "9", "1Gi"), "needs 9 cpu; the nearest allowed type, m.large, has 8 for pods")]
#[case::millicores(
    pod("web", "8001m", "1Gi"),
    "needs 8.001 cpu; the nearest allowed type, m.large, has 8 for pods"
)]
#[case::memory(
    pod("web", "1", "40Gi"),
    "needs 40Gi memory; the nearest allowed type, m.large, has 32Gi for pods"
)]
#[case::part_of_a_gibibyte(
    pod("web", "1", "32800Mi"),
    "needs 32.03Gi memory; the nearest allowed type, m.large, has 32Gi for pods"
)]
#[case::the_scarcer_of_two(
    pod("web", "10", "64Gi"),
    "needs 64Gi memory; the nearest allowed type, m.large, has 32Gi for pods"
)]
#[case::cores_meant_as_millicores(
    pod("web", "1M", "1Gi"),
    "needs 1000000 cpu; the nearest allowed type, m.large, has 8 for pods (was m, for millicores, meant instead of M?)"
)]
fn the_nearest_miss_is_named(#[case] pod: Manifest, #[case] expected: &str) {
    assert_eq!(unplaced(&cluster().pod(pod).plan()), [format!("web: NodePool general: {expected}")]);
}

#[test]
fn an_extended_resource_that_no_type_has_is_named() {
    let mut fpga = web();
    fpga.0["spec"]["containers"][0]["resources"]["requests"]["example.com/fpga"] = json!("2");
    let plan = cluster().pod(fpga).plan();
    let said =
        "web: NodePool general: needs 2 example.com/fpga; the nearest allowed type, m.large, has 0 for pods";
    assert_eq!(unplaced(&plan), [said]);
    assert_eq!(step_texts(&plan, "general"), ["pod: 2 example.com/fpga: removed 4, left 0"]);
}

#[test]
fn the_share_of_daemon_sets_is_named() {
    let plan = cluster().json("DaemonSet", daemon_set("500m", None)).pod(pod("web", "8", "1Gi")).plan();
    let said = "web: NodePool general: needs 8 cpu; the nearest allowed type, m.large, has 7.5 for pods beside 0.5 for DaemonSets";
    assert_eq!(unplaced(&plan), [said]);
}

#[test]
fn a_host_port_of_a_daemon_set_is_named() {
    let ports = json!({"containers": [{"name": "x", "ports": [{"containerPort": 80, "hostPort": 80}]}]});
    let plan = cluster().json("DaemonSet", daemon_set("0", Some(80))).pod(web().spec(ports)).plan();
    assert_eq!(unplaced(&plan), ["web: NodePool general: pod: host port 80/TCP, which a DaemonSet holds"]);
}

#[test]
fn a_taint_is_named() {
    let tainted =
        json!({"template": {"spec": {"taints": [{"key": "gpu", "value": "t4", "effect": "NoSchedule"}]}}});
    let plan = Cluster::new(&types()).pool(pool("gpus").spec(tainted)).pod(web()).plan();
    assert_eq!(unplaced(&plan), ["web: NodePool gpus: taint gpu=t4:NoSchedule is not tolerated"]);
    assert_eq!(step_texts(&plan, "gpus"), ["taint gpu=t4:NoSchedule is not tolerated: removed 4, left 0"]);
}

#[rstest]
#[case::cores(json!({"cpu": "3"}), "limit cpu 3 leaves 1; the smallest type that would do, m.small, has 2")]
#[case::memory(json!({"memory": "9Gi"}), "limit memory 9Gi leaves 1Gi; the smallest type that would do, m.small, has 8Gi")]
#[case::nodes(json!({"nodes": "1"}), "limit nodes 1 is reached")]
#[case::the_scarcest(json!({"nodes": "7", "cpu": "2"}), "limit cpu 2 leaves 0; the smallest type that would do, m.small, has 2")]
fn a_limit_is_named(#[case] limits: Value, #[case] expected: &str) {
    let small = pool("general")
        .requires(&["node.kubernetes.io/instance-type In m.small"])
        .spec(json!({"limits": limits}));
    let plan = Cluster::new(&types()).pool(small).pods(pods("web", 2, "2", "1Gi")).plan();
    assert_eq!(unplaced(&plan), [format!("web-1: NodePool general: {expected}")]);
    assert_eq!(
        step_texts(&plan, "general").last().map(String::as_str),
        Some("limits of the NodePool: removed 1, left 0")
    );
}

#[test]
fn a_used_up_reservation_is_named() {
    let types = [instance_type("m.small", 2, 8, 0.1).reserved("cr-1", 1)];
    let pinned = |pod: Manifest| pod.selecting("karpenter.sh/capacity-type", "reserved");
    let plan = Cluster::new(&types)
        .pool(pool("general"))
        .pods(pods("web", 2, "2", "1Gi").into_iter().map(pinned))
        .plan();
    let said = "web-1: NodePool general: 1 types would do, but the capacity reservation is used up";
    assert_eq!(unplaced(&plan), [said]);
}

#[test]
fn rules_about_other_pods_are_told_apart_from_types() {
    let apart = json!({"affinity": {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [
        {"topologyKey": "topology.kubernetes.io/zone", "labelSelector": {"matchLabels": {"app": "web"}}},
    ]}}});
    let plan =
        cluster().pods(pods("web", 3, "1", "1Gi").into_iter().map(|pod| pod.spec(apart.clone()))).plan();
    let said = "web-2: NodePool general: 4 types would do, but spread or (anti-)affinity rules leave no domain or node \
                for more of these pods";
    assert_eq!(unplaced(&plan), [said]);
}

/// The NodePool where the pod got furthest has the most telling reason.
#[test]
fn the_pool_that_came_closest_speaks() {
    let tainted = json!({"template": {"spec": {"taints": [{"key": "gpu", "effect": "NoSchedule"}]}}});
    let plan = Cluster::new(&types())
        .pool(pool("a-tainted").spec(tainted))
        .pool(pool("b-arm").requires(&["kubernetes.io/arch In arm64"]))
        .pool(pool("c-amd").requires(&["kubernetes.io/arch In amd64"]))
        .pool(pool("d-static").spec(json!({"replicas": 0})))
        .pool(
            pool("e-broken")
                .with(json!({"spec": {"template": {"spec": {"nodeClassRef": {"name": "gone"}}}}})),
        )
        .pod(pod("web", "9", "1Gi").selecting("kubernetes.io/arch", "amd64"))
        .plan();
    assert_eq!(
        unplaced(&plan),
        ["web: NodePool c-amd: needs 9 cpu; the nearest allowed type, m.large, has 8 for pods"]
    );
    let by_pool: Vec<String> = plan.unschedulable[0]
        .node_pools
        .iter()
        .map(|one| {
            let last = one.steps.last().map(|step| step.constraint.clone());
            format!("{}: {}", one.node_pool, one.nearest_miss.clone().or(last).unwrap_or_default())
        })
        .collect();
    assert_eq!(
        by_pool,
        [
            "a-tainted: taint gpu:NoSchedule is not tolerated",
            "b-arm: pod: kubernetes.io/arch In [amd64]",
            "c-amd: needs 9 cpu; the nearest allowed type, m.large, has 8 for pods",
            "d-static: the pool is static: its nodes do not depend on pods",
            r#"e-broken: NodeClass "gone" not found"#,
        ]
    );
}

#[test]
fn the_term_that_came_closest_speaks() {
    let web = pod("web", "9", "1Gi").requiring(&[&["team In a"], &["kubernetes.io/arch In amd64"]]);
    let plan = cluster().pod(web).plan();
    assert_eq!(
        unplaced(&plan),
        ["web: NodePool general: needs 9 cpu; the nearest allowed type, m.large, has 8 for pods"]
    );
}

#[test]
fn the_choice_of_labels_that_suits_the_pod_speaks() {
    let open = pool("general").requires(&["team In a b"]);
    let other = pod("other", "1", "1Gi").selecting("team", "a");
    let plan = Cluster::new(&types())
        .pool(open)
        .pod(other)
        .pod(pod("web", "9", "1Gi").selecting("team", "b"))
        .plan();
    assert_eq!(
        unplaced(&plan),
        ["web: NodePool general: needs 9 cpu; the nearest allowed type, m.large, has 8 for pods"]
    );
}

#[test]
fn a_volume_limit_is_named() {
    let few = instance_type("m.small", 2, 8, 0.1).volumes(1);
    let claims = ["one", "two"];
    let mut cluster = Cluster::new(&[few]).pool(pool("general")).json("StorageClass", json!({
        "metadata": {"name": "gp3"}, "provisioner": "ebs.csi.aws.com", "volumeBindingMode": "WaitForFirstConsumer",
    }));
    let mut volumes = Vec::new();
    for name in claims {
        let claim =
            json!({"metadata": {"name": name, "namespace": "default"}, "spec": {"storageClassName": "gp3"}});
        cluster = cluster.json("PersistentVolumeClaim", claim);
        volumes.push(json!({"name": name, "persistentVolumeClaim": {"claimName": name}}));
    }
    let plan = cluster.pod(web().spec(json!({"volumes": volumes}))).plan();
    let said = "web: NodePool general: needs 2 volumes of ebs.csi.aws.com; the nearest allowed type, m.small, has 1 for pods";
    assert_eq!(unplaced(&plan), [said]);
}

#[test]
fn a_node_tells_why_it_is_what_it_is() {
    let plan = cluster().pod(pod("web", "2", "1Gi").selecting("kubernetes.io/arch", "amd64")).plan();
    let why = &plan.nodes[0].why;
    assert_eq!(why.text, "cheapest of 3 types that hold its pods; m.medium would cost $0.16/h more");
    assert_eq!(why.runner_up.as_ref().map(|choice| choice.instance_type.as_str()), Some("m.medium"));
    assert_eq!(why.difference_per_hour.map(|difference| difference.to_string()).as_deref(), Some("$0.16"));
    assert_eq!(why.considered, 4);
    let plan = cluster().pod(pod("web", "5", "1Gi")).plan();
    let why = &plan.nodes[0].why;
    assert_eq!((why.text.as_str(), why.runner_up.is_none()), ("the only type that holds its pods", true));
    let alike = [instance_type("m.small", 2, 8, 0.1), instance_type("n.small", 2, 8, 0.1)];
    let plan = Cluster::new(&alike).pool(pool("general")).pod(web()).plan();
    assert_eq!(plan.nodes[0].why.text, "cheapest of 2 types that hold its pods; n.small costs the same");
}

/// The layout of `supercargo.dev/v1`.
#[test]
fn a_plan_is_a_document() {
    let plan = cluster()
        .json("DaemonSet", daemon_set("500m", None))
        .node(node("n1", "2", "8Gi"))
        .pods(pods("web", 2, "1", "2Gi"))
        .pod(pod("huge", "64", "1Gi"))
        .pod(pod("gated", "1", "1Gi").spec(json!({"schedulingGates": [{"name": "x"}]})))
        .pool(pool("odd").terminating())
        .object(
            "NodeOverlay",
            &manifest(json!({
                "apiVersion": "karpenter.sh/v1alpha1", "kind": "NodeOverlay", "metadata": {"name": "odd"},
                "spec": {"requirements": [], "price": "cheap"},
            })),
        )
        .plan();
    insta::assert_snapshot!(serde_json::to_string_pretty(&plan).unwrap());
    let again: supercargo_engine::plan::Plan =
        serde_json::from_value(serde_json::to_value(&plan).unwrap()).unwrap();
    assert_eq!(again, plan);
    assert!(!plan.is_complete());
}
