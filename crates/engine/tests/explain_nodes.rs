//! Why a node has its type, who bears its price, whether it could go; and what a NodePool allows and lacks.

#![allow(clippy::unwrap_used, reason = "these are tests")]

mod by_hand;

use by_hand::{Cluster, InstanceTypeBuilder, Manifest, claim, instance_type, node, pod, pool};
use jiff::Timestamp;
use rstest::rstest;
use serde_json::{Value, json};
use supercargo_catalog::Usd;
use supercargo_engine::disruption::{Disruption, DisruptionOptions};
use supercargo_engine::explain::{
    NodeExplanation, NodePoolExplanation, NodeState, Severity, explain_node, explain_node_pool,
};

fn usd(text: &str) -> Usd {
    text.parse().unwrap()
}

fn types() -> Vec<InstanceTypeBuilder> {
    vec![
        instance_type("c.small", 2, 4, 0.06).zones("a b"),
        instance_type("m.small", 2, 8, 0.1).zones("a b").spot(0.03),
        instance_type("m.large", 8, 32, 0.4).zones("a b"),
        instance_type("t.small", 2, 8, 0.08).arm().zones("a"),
    ]
}

/// A node of NodePool `general` with its NodeClaim.
fn bought(name: &str, instance_type: &str, cpu: &str, memory: &str) -> (Manifest, Manifest) {
    let node = node(name, cpu, memory)
        .label("node.kubernetes.io/instance-type", instance_type)
        .label("karpenter.sh/capacity-type", "on-demand")
        .label("karpenter.sh/nodepool", "general")
        .label("karpenter.sh/registered", "true")
        .label("karpenter.sh/initialized", "true")
        .with(json!({"status": {"conditions": [{"type": "Ready", "status": "True"}]}}));
    let claim = claim(&format!("general-{name}"), "general")
        .requires(&["node.kubernetes.io/instance-type In m.small m.large"])
        .created(0)
        .with(json!({"status": {"nodeName": name, "providerID": format!("aws:///a/{name}")}}));
    (node, claim)
}

/// Two nodes, large and small, with a pod each.
fn cluster() -> Cluster {
    let (large, large_claim) = bought("large", "m.large", "8", "32Gi");
    let (small, small_claim) = bought("small", "m.small", "2", "8Gi");
    Cluster::new(&types())
        .pool(
            pool("general")
                .requires(&["kubernetes.io/arch In amd64", "karpenter.sh/capacity-type In on-demand"]),
        )
        .node(large)
        .claim(large_claim)
        .node(small)
        .claim(small_claim)
        .pod(pod("web", "1", "6Gi").label("app", "web").on("large").owned_by("ReplicaSet", "web-1"))
        .pod(pod("agent", "200m", "256Mi").on("large").owned_by("DaemonSet", "agent"))
}

fn disruption_of(cluster: &Cluster) -> (supercargo_engine::snapshot::Snapshot, Disruption) {
    let now: Timestamp = "2026-07-20T12:30:00Z".parse().unwrap();
    let snapshot = cluster.snapshot();
    let disruption = Disruption::build(cluster.objects(), &snapshot, &DisruptionOptions::at(now));
    (snapshot, disruption)
}

fn explained(cluster: &Cluster, name: &str) -> NodeExplanation {
    let (snapshot, disruption) = disruption_of(cluster);
    explain_node(cluster.objects(), &snapshot, &disruption, name).unwrap()
}

fn pool_explained(cluster: &Cluster) -> NodePoolExplanation {
    let (snapshot, disruption) = disruption_of(cluster);
    explain_node_pool(cluster.objects(), &snapshot, &disruption, "general").unwrap()
}

#[test]
fn a_node_says_what_it_is_and_what_would_do_today() {
    let node = explained(&cluster(), "large");
    assert_eq!(
        (node.instance_type.as_str(), node.zone.as_str(), node.capacity_type.as_str(), node.state),
        ("m.large", "a", "on-demand", NodeState::Ready)
    );
    assert_eq!(
        (node.node_pool.as_deref(), node.node_claim.as_deref()),
        (Some("general"), Some("general-large"))
    );
    assert_eq!((node.price_per_hour, node.price_per_month), (Some(usd("0.4")), Some(292.0)));
    assert_eq!((node.cpu_percent, node.memory_percent), (15.0, 19.5));
    let sizing = node.sizing.unwrap();
    assert_eq!(
        sizing.text,
        "1 of 2 types that hold its pods is cheaper: on-demand m.small would cost $0.3 less an hour"
    );
    assert_eq!((sizing.holding, sizing.cheaper, sizing.launched_from), (2, 1, Some(2)));
    assert_eq!((sizing.fullest.as_str(), sizing.fullest_percent), ("memory", 19.5));
}

#[test]
fn a_node_is_found_by_its_claim_too() {
    assert_eq!(explained(&cluster(), "general-large"), explained(&cluster(), "large"));
    let (snapshot, disruption) = disruption_of(&cluster());
    assert_eq!(explain_node(cluster().objects(), &snapshot, &disruption, "nobody"), None);
}

#[rstest]
#[case::the_right_size(pod("web", "1500m", "7Gi"), "small", "the cheapest of 2 types that hold its pods")]
#[case::nothing_to_hold(pod("web", "1", "1Gi").owned_by("DaemonSet", "x"), "small", "nothing runs on it that would need a node")]
#[case::too_much_for_any_type(
    pod("web", "9", "1Gi"),
    "large",
    "no type of its NodePool would hold its pods today"
)]
#[case::spread_by_its_zone(
    pod("web", "1500m", "7Gi").selecting("topology.kubernetes.io/zone", "b"), "small",
    "the cheapest of 2 types that hold its pods"
)]
fn a_type_has_its_reason(#[case] pod: Manifest, #[case] on: &str, #[case] expected: &str) {
    let (node, claim) = match on {
        "small" => bought("n", "m.small", "2", "8Gi"),
        _ => bought("n", "m.large", "8", "32Gi"),
    };
    let cluster = Cluster::new(&types())
        .pool(
            pool("general")
                .requires(&["kubernetes.io/arch In amd64", "karpenter.sh/capacity-type In on-demand"]),
        )
        .node(node)
        .claim(claim)
        .pod(pod.on("n"));
    assert_eq!(explained(&cluster, "n").sizing.unwrap().text, expected);
}

#[test]
fn a_type_that_the_node_pool_no_longer_allows_is_compared_with_those_it_does() {
    let (node, claim) = bought("n", "t.small", "2", "8Gi");
    let cluster = Cluster::new(&types())
        .pool(
            pool("general")
                .requires(&["kubernetes.io/arch In amd64", "karpenter.sh/capacity-type In on-demand"]),
        )
        .node(node)
        .claim(claim)
        .pod(pod("web", "1", "6Gi").on("n"));
    assert_eq!(
        explained(&cluster, "n").sizing.unwrap().text,
        "none of 2 types that hold its pods is cheaper"
    );
}

#[test]
fn the_price_is_borne_by_requests_and_what_is_left_by_nobody() {
    let node = explained(&cluster(), "large");
    let split = node.split.unwrap();
    let whole = split.pods_per_hour + split.daemon_sets_per_hour + split.idle_per_hour;
    assert_eq!(whole, usd("0.4"));
    assert_eq!(node.pods[0].pod, "default/web");
    assert_eq!(node.pods[0].price_per_hour, Some(split.pods_per_hour));
    assert!(node.pods[1].stays && !node.pods[0].stays);
    // 8 cores and 32 GiB at what they are worth are all of the price
    let shares: f64 = split.shares.iter().map(|share| share.per_hour.as_f64()).sum();
    assert!((shares - 0.4).abs() < 1e-6, "{:?}", split.shares);
    let per = |name: &str| split.shares.iter().find(|share| share.resource == name).unwrap().per_unit_hour;
    assert!((per("cpu") * 8.0 + per("memory") * 32.0 - 0.4).abs() < 1e-6);
    assert!((split.pods_per_hour.as_f64() - per("cpu") - per("memory") * 6.0).abs() < 1e-6);
}

/// With types of one shape only, the market does not say what a core is worth beside a GiB.
#[test]
fn where_the_market_cannot_tell_cpu_and_memory_bear_half_each() {
    let (node, claim) = bought("n", "m.small", "2", "8Gi");
    let cluster = Cluster::new(&[instance_type("m.small", 2, 8, 0.1)])
        .pool(pool("general"))
        .node(node)
        .claim(claim)
        .pod(pod("web", "1", "2Gi").on("n"));
    let split = explained(&cluster, "n").split.unwrap();
    let per_hour: Vec<Usd> = split.shares.iter().map(|share| share.per_hour).collect();
    assert_eq!(per_hour, [usd("0.05"), usd("0.05")]);
    assert_eq!(split.pods_per_hour, usd("0.0375"), "half of the cores, a quarter of the memory");
}

#[test]
fn a_node_that_could_go_says_where_its_pods_would_be() {
    let node = explained(&cluster(), "large");
    assert!(node.going.may_go && node.going.obstacles.is_empty());
    let what_if = node.going.what_if.unwrap();
    assert_eq!((what_if.feasible, what_if.saved_per_hour), (true, Some(usd("0.4"))));
    let places: Vec<(&str, &str)> =
        what_if.placements.iter().map(|one| (one.pod.as_str(), one.to.as_str())).collect();
    assert_eq!(places, [("default/web", "small")]);
    assert_eq!(
        node.message,
        "it has 1 pod; it could go: its pods fit on nodes that are there, which saves $0.4 an hour"
    );
    assert_eq!(
        explained(&cluster(), "small").message,
        "it has no pods but its own; it could go: no pod needs it, which saves $0.1 an hour"
    );
}

#[rstest]
#[case::to_a_new_node(
    pod("more", "1500m", "1Gi"),
    "it has 2 pods; it could go: its pods would go to a new on-demand c.small and nodes that are there, which saves $0.34 an hour"
)]
#[case::nowhere(
    pod("more", "1", "1Gi").selecting("kubernetes.io/hostname", "large"),
    "it has 2 pods; it stays: pod default/more would have no other place"
)]
#[case::for_nothing(
    pod("more", "7", "1Gi"),
    "it has 2 pods; nothing cheaper would do: its pods would go to a new on-demand m.large and nodes that are there, \
     which saves nothing"
)]
fn what_else_could_become_of_it(#[case] more: Manifest, #[case] expected: &str) {
    let beside = pod("beside", "900m", "1Gi").on("small");
    let cluster = cluster().pod(more.on("large")).pod(beside);
    let message = explained(&cluster, "large").message;
    assert_eq!(message, expected);
}

fn pdb(allowed: u32) -> Value {
    json!({
        "metadata": {"name": "web", "namespace": "default"},
        "spec": {"minAvailable": 1, "selector": {"matchLabels": {"app": "web"}}},
        "status": {"disruptionsAllowed": allowed, "currentHealthy": 2, "desiredHealthy": 1, "expectedPods": 2},
    })
}

fn with_budget(nodes: &str) -> Manifest {
    pool("general")
        .requires(&["kubernetes.io/arch In amd64", "karpenter.sh/capacity-type In on-demand"])
        .spec(json!({"disruption": {"consolidateAfter": "0s", "budgets": [{"nodes": nodes}]}}))
}

#[test]
fn what_keeps_a_node_is_said_with_what_would_unlock_it() {
    let kept = explained(&cluster().json("PodDisruptionBudget", pdb(0)), "large");
    let obstacle = &kept.going.obstacles[0];
    assert_eq!(obstacle.code, "pdb");
    assert!(obstacle.text.starts_with("PDB default/web allows 0 evictions"), "{}", obstacle.text);
    assert!(!kept.going.may_go && !obstacle.unlock.is_empty());
    assert!(kept.message.ends_with(&format!("it stays: {}", obstacle.text)));
    assert!(kept.going.what_if.unwrap().feasible, "where its pods would be is said all the same");
    assert!(kept.pods[0].blocked.as_ref().unwrap().starts_with("PDB default/web"));
}

#[test]
fn more_evictions_at_once_than_a_pdb_allows_keep_a_node() {
    let second = pod("web-2", "1", "1Gi").label("app", "web").on("large");
    let kept = explained(&cluster().pod(second).json("PodDisruptionBudget", pdb(1)), "large");
    let obstacle = &kept.going.obstacles[0];
    assert_eq!(
        (obstacle.code.as_str(), obstacle.text.as_str()),
        ("pdb-at-once", "PDB default/web allows 1 of the 2 evictions it takes")
    );
}

#[test]
fn a_budget_without_a_place_left_keeps_a_node() {
    let (large, claim) = bought("large", "m.large", "8", "32Gi");
    let cluster = Cluster::new(&types())
        .pool(with_budget("0"))
        .node(large)
        .claim(claim)
        .pod(pod("web", "1", "1Gi").on("large"));
    let kept = explained(&cluster, "large");
    assert_eq!(kept.going.obstacles[0].code, "budget");
    assert_eq!(kept.going.obstacles[0].text, "NodePool general: budget 0 allows 0");
}

#[rstest]
#[case::cordoned(json!({"spec": {"unschedulable": true}}), NodeState::Cordoned)]
#[case::going(json!({"metadata": {"deletionTimestamp": "2026-07-20T12:00:00Z"}}), NodeState::GoingAway)]
#[case::not_ready(json!({"status": {"conditions": [{"type": "Ready", "status": "False"}]}}), NodeState::NotReady)]
#[case::starting(json!({"metadata": {"labels": {"karpenter.sh/initialized": "false"}}}), NodeState::Starting)]
fn a_node_says_where_it_stands(#[case] fields: Value, #[case] expected: NodeState) {
    let (node, claim) = bought("n", "m.small", "2", "8Gi");
    let cluster = Cluster::new(&types()).pool(pool("general")).node(node.with(fields)).claim(claim);
    assert_eq!(explained(&cluster, "n").state, expected);
}

#[test]
fn a_claim_without_a_node_and_a_node_of_nobody_are_explained_as_far_as_can_be() {
    let cluster = Cluster::new(&types())
        .pool(pool("general"))
        .claim(claim("general-x", "general"))
        .node(node("n", "2", "8Gi"));
    let on_its_way = explained(&cluster, "general-x");
    assert_eq!((on_its_way.state, on_its_way.going.what_if), (NodeState::InFlight, None));
    let foreign = explained(&cluster, "n");
    assert_eq!((foreign.price_per_hour, foreign.sizing, foreign.split), (None, None, None));
    assert_eq!(foreign.going.obstacles[0].code, "not-managed");
}

#[test]
fn requirements_are_told_in_order_and_alone() {
    let narrow = pool("general").requires(&[
        "kubernetes.io/arch In amd64",
        "karpenter.k8s.aws/instance-family In m t",
        "karpenter.sh/capacity-type In spot",
        "example.com/team In blue",
    ]);
    let pool = pool_explained(&Cluster::new(&types()).pool(narrow));
    let steps: Vec<(&str, usize, usize, usize)> = pool
        .steps
        .iter()
        .map(|step| (step.requirement.as_str(), step.removed, step.left, step.alone))
        .collect();
    assert_eq!(
        steps,
        [
            ("kubernetes.io/arch In [amd64]", 1, 3, 0),
            ("karpenter.k8s.aws/instance-family In [m t]", 1, 2, 0),
            ("karpenter.sh/capacity-type In [spot]", 1, 1, 1),
        ]
    );
    assert_eq!((pool.types, pool.left), (4, 1));
    assert_eq!(pool.narrowest.as_deref(), Some("karpenter.sh/capacity-type In [spot]"));
    let choice = pool.flexibility.unwrap();
    assert_eq!((choice.types, choice.offerings, choice.zones.len()), (1, 2, 2));
    assert_eq!(choice.cheapest.price_per_hour, usd("0.03"));
    assert_eq!(pool.message, "it allows 1 instance type of 1 family in 2 zones");
}

#[test]
fn what_is_unwise_about_a_node_pool_is_said_with_its_place() {
    let (node, claim) = bought("n", "m.large", "8", "32Gi");
    let limited = pool("general").spec(json!({"limits": {"cpu": "10"}}));
    let explained = pool_explained(&Cluster::new(&types()).pool(limited).node(node).claim(claim));
    let limit = &explained.limits[0];
    assert_eq!(
        (limit.limit.as_str(), limit.used.as_str(), limit.left.as_str(), limit.percent),
        ("10", "8", "2", 80.0)
    );
    let findings: Vec<(&str, Severity, &str)> = explained
        .findings
        .iter()
        .map(|finding| (finding.code.as_str(), finding.severity, finding.field.as_str()))
        .collect();
    let requirements = "spec.template.spec.requirements";
    assert_eq!(findings[0], ("few-types", Severity::Warning, requirements));
    assert!(explained.findings.iter().all(|finding| !finding.text.is_empty() && !finding.advice.is_empty()));
}

#[test]
fn a_node_pool_adds_up_its_nodes() {
    let explained = pool_explained(&cluster());
    let nodes = &explained.nodes;
    assert_eq!((nodes.nodes, nodes.in_flight, nodes.pods), (2, 0, 2));
    assert_eq!((nodes.price_per_hour, nodes.price_per_month), (usd("0.5"), 365.0));
    assert_eq!((nodes.cpu_percent, nodes.memory_percent), (12.0, 15.6));
    let by_type: Vec<(&str, usize)> =
        nodes.by_type.iter().map(|one| (one.instance_type.as_str(), one.nodes)).collect();
    assert_eq!(by_type, [("m.large", 1), ("m.small", 1)]);
    assert_eq!(explained.disruption.allowed_now["Underutilized"], 1, "10 % of two nodes, rounded up");
    assert_eq!(explained.disruption.expire_after, "720h");
}
