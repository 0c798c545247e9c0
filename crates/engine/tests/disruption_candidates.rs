//! Which nodes may go, and what keeps the others (reference sections 1.6, 4.2, 4.5, 4.6, 4.9).

#![allow(clippy::unwrap_used, reason = "a test program")]

mod dump;

use rstest::rstest;
use serde_json::{Value, json};
use supercargo_api::labels::keys;
use supercargo_engine::disruption::{BlockReason, DisruptionOptions, Policy};

use dump::{Dump, at, node_pool, now, pdb, pdb_status, pod};

fn annotated(key: &str, value: &str) -> Value {
    json!({ "metadata": { "annotations": { key: value } } })
}

#[test]
fn a_quiet_node_with_pods_that_may_move_may_go() {
    let judged = Dump::of_pods(vec![pod("a", "n1", json!({}))]).judge();
    let room = judged.room("n1");
    assert_eq!(room.candidate, Ok(()));
    assert_eq!(room.drift_candidate, Ok(()));
    assert!(!room.is_empty);
    let against = room.empty_candidate.as_ref().unwrap_err();
    assert_eq!(against.to_string(), "one pod would have to move");
}

#[rstest]
#[case::no_claim_no_label(json!({ keys::NODEPOOL: null }), false, "not managed by a NodePool")]
#[case::a_node_pool_that_is_not_there(
    json!({ keys::NODEPOOL: "gone" }), true, "NodePool gone not found"
)]
#[case::not_initialized_3_3(json!({ keys::INITIALIZED: null }), true, "not initialized")]
#[case::no_zone_4_9(json!({ keys::ZONE: null }), true, "no label topology.kubernetes.io/zone")]
#[case::no_capacity_type_4_9(json!({ keys::CAPACITY_TYPE: null }), true, "no label karpenter.sh/capacity-type")]
#[case::a_type_nobody_knows_4_9(
    json!({ keys::INSTANCE_TYPE: "x9.huge" }), true, "instance type x9.huge is not in the catalogue"
)]
fn labels_of_the_node_keep_it(#[case] labels: Value, #[case] with_claim: bool, #[case] expected: &str) {
    let patch = json!({ "metadata": { "labels": labels } });
    let mut dump = Dump::of_pods(vec![pod("a", "n1", json!({}))]);
    dump.nodes[0] = without_nulls(dump::over(dump.nodes[0].clone(), patch));
    if !with_claim {
        dump.claims.clear();
    }
    assert_eq!(dump.judge().against("n1"), [expected]);
}

fn without_nulls(mut value: Value) -> Value {
    if let Some(labels) = value.pointer_mut("/metadata/labels").and_then(Value::as_object_mut) {
        labels.retain(|_, value| !value.is_null());
    }
    value
}

#[test]
fn a_type_nobody_knows_does_not_keep_an_empty_node() {
    let mut dump = Dump::of_pods(Vec::new());
    dump.nodes[0]["metadata"]["labels"][keys::INSTANCE_TYPE] = json!("x9.huge");
    let judged = dump.judge();
    assert_eq!(judged.room("n1").empty_candidate, Ok(()));
    assert!(judged.room("n1").candidate.is_err());
}

#[test]
fn a_node_without_node_claim_counts_by_its_label() {
    let mut dump = Dump::of_pods(vec![pod("a", "n1", json!({}))]);
    dump.claims.clear();
    assert_eq!(dump.judge().against("n1"), [""; 0]);
}

#[test]
fn a_claim_without_node_is_waited_for() {
    let mut dump = Dump::new().with_node("n1", json!({}), json!({}));
    dump.nodes.clear();
    let judged = dump.judge();
    assert_eq!(judged.against("claim-n1"), ["the NodeClaim has no node yet"]);
    assert!(!judged.room("claim-n1").counts_for_budget);
}

#[rstest]
#[case::by_taint(json!({ "spec": { "taints": [{ "key": keys::DISRUPTED_TAINT, "effect": "NoSchedule" }] } }), json!({}))]
#[case::by_its_own_deletion(json!({ "metadata": { "deletionTimestamp": "2026-11-23T11:59:00Z" } }), json!({}))]
#[case::by_its_claims_deletion(json!({}), json!({ "metadata": { "deletionTimestamp": "2026-11-23T11:59:00Z" } }))]
#[case::by_what_its_claim_says(json!({}), json!({ "status": { "conditions": [
    { "type": "DisruptionReason", "status": "True", "reason": "Drifted" },
] } }))]
fn a_node_on_its_way_out_is_no_candidate(#[case] node: Value, #[case] claim: Value) {
    let judged = Dump::new().with_node("n1", node, claim).judge();
    let room = judged.room("n1");
    assert!(room.disrupting);
    assert_eq!(room.candidate.as_ref().unwrap_err().reasons, [BlockReason::Leaving]);
    assert_eq!(room.empty_candidate.as_ref().unwrap_err().reasons, [BlockReason::Leaving]);
}

#[rstest]
#[case::on_the_node(annotated(keys::DO_NOT_DISRUPT, "true"), json!({}), &["node annotation karpenter.sh/do-not-disrupt"])]
#[case::on_the_claim(json!({}), annotated(keys::DO_NOT_DISRUPT, "true"), &["NodeClaim annotation karpenter.sh/do-not-disrupt"])]
#[case::only_true_counts(annotated(keys::DO_NOT_DISRUPT, "1h"), annotated(keys::DO_NOT_DISRUPT, "yes"), &[])]
fn do_not_disrupt_on_a_node_1_6(#[case] node: Value, #[case] claim: Value, #[case] expected: &[&str]) {
    let judged = Dump::new().with_node("n1", node, claim).judge();
    assert_eq!(judged.against("n1"), expected);
    assert_eq!(judged.room("n1").drift_candidate.is_ok(), expected.is_empty());
}

/// Row 1.6: `true`, or a Go duration from the pod's start; anything else is ignored.
#[rstest]
#[case::for_ever("true", "pod shop/a is do-not-disrupt")]
#[case::a_time_that_runs("240h", "pod shop/a is do-not-disrupt until 2026-11-24 12:00 UTC")]
#[case::a_time_with_minutes("216h30m", "pod shop/a is do-not-disrupt until 2026-11-23 12:30 UTC")]
#[case::a_time_that_is_over("216h", "")]
#[case::no_time("0s", "")]
#[case::a_time_backwards("-1h", "")]
#[case::switched_off("false", "")]
#[case::nonsense("forever", "")]
#[case::longer_than_time("2562047h", "pod shop/a is do-not-disrupt until 2319-02-24 11:00 UTC")]
fn do_not_disrupt_on_a_pod_1_6(#[case] value: &str, #[case] expected: &str) {
    let judged = Dump::of_pods(vec![pod("a", "n1", annotated(keys::DO_NOT_DISRUPT, value))]).judge();
    let expected: Vec<&str> = Some(expected).into_iter().filter(|text| !text.is_empty()).collect();
    assert_eq!(judged.against("n1"), expected);
}

#[rstest]
#[case("forever", true)]
#[case("-1h", true)]
#[case("false", false)]
#[case("30m", false)]
fn an_annotation_that_cannot_be_read_is_a_problem(#[case] value: &str, #[case] expected: bool) {
    let judged = Dump::of_pods(vec![pod("a", "n1", annotated(keys::DO_NOT_DISRUPT, value))]).judge();
    let problems = &judged.disruption.problems;
    assert_eq!(problems.len(), usize::from(expected));
    if expected {
        assert_eq!((problems[0].kind.as_str(), problems[0].name.as_str()), ("Pod", "shop/a"));
        assert!(problems[0].problem.contains("write \"true\", or a duration such as 30m"));
    }
}

#[test]
fn a_pod_that_has_not_started_has_all_its_time_before_it() {
    let mut waiting = pod("a", "n1", annotated(keys::DO_NOT_DISRUPT, "30m"));
    waiting["status"].as_object_mut().unwrap().remove("startTime");
    assert_eq!(
        Dump::of_pods(vec![waiting]).judge().against("n1"),
        ["pod shop/a is do-not-disrupt until 2026-11-23 12:30 UTC"]
    );
}

#[rstest]
#[case::a_daemon_blocks_too(json!({ "metadata": { "ownerReferences": [
    { "apiVersion": "apps/v1", "kind": "DaemonSet", "name": "agent", "uid": "2", "controller": true },
] } }), true)]
#[case::a_mirror_pod_blocks_too(json!({ "metadata": { "annotations": { "kubernetes.io/config.mirror": "x" } } }), true)]
#[case::a_pod_on_its_way_out_does_not(json!({ "metadata": { "deletionTimestamp": "2026-11-23T12:00:30Z" } }), false)]
#[case::a_finished_pod_does_not(json!({ "status": { "phase": "Succeeded" } }), false)]
fn do_not_disrupt_counts_on_every_active_pod(#[case] patch: Value, #[case] blocks: bool) {
    let protected = pod("a", "n1", annotated(keys::DO_NOT_DISRUPT, "true"));
    let judged = Dump::of_pods(vec![dump::over(protected, patch)]).judge();
    assert_eq!(judged.room("n1").empty_candidate.is_err(), blocks);
}

/// Section 4.2: PodDisruptionBudgets of pods that would be evicted.
#[rstest]
#[case::one_that_allows_nothing(&[("web", 0)], &["PDB shop/web allows 0 evictions (minAvailable 2, 2 of 2 healthy)"])]
#[case::one_that_allows_some(&[("web", 1)], &[])]
#[case::two_whatever_they_allow(&[("one", 5), ("two", 5)], &["pod shop/a is selected by several PDBs (shop/one, shop/two)"])]
fn pod_disruption_budgets_4_2(#[case] budgets: &[(&str, i32)], #[case] expected: &[&str]) {
    let mut dump = Dump::of_pods(vec![pod("a", "n1", json!({}))]);
    for (name, allowed) in budgets {
        let spec = json!({ "spec": { "minAvailable": 2 } });
        dump.pdbs.push(pdb(name, dump::over(spec, pdb_status(*allowed, 2, 2))));
    }
    assert_eq!(dump.judge().against("n1"), expected);
}

#[rstest]
#[case::a_daemon_that_is_drained(json!({ "metadata": { "ownerReferences": [
    { "apiVersion": "apps/v1", "kind": "DaemonSet", "name": "agent", "uid": "2", "controller": true },
] } }), true)]
#[case::one_that_tolerates_the_end(json!({ "spec": { "tolerations": [{ "operator": "Exists" }] } }), false)]
#[case::one_that_tolerates_just_the_end(
    json!({ "spec": { "tolerations": [{ "key": keys::DISRUPTED_TAINT, "operator": "Exists", "effect": "NoSchedule" }] } }),
    false
)]
#[case::a_mirror_pod(json!({ "metadata": { "annotations": { "kubernetes.io/config.mirror": "x" } } }), false)]
#[case::one_on_its_way_out(json!({ "metadata": { "deletionTimestamp": "2026-11-23T12:00:30Z" } }), false)]
fn only_pods_that_are_evicted_ask_their_budget(#[case] patch: Value, #[case] blocks: bool) {
    let mut dump = Dump::of_pods(vec![pod("a", "n1", patch)]);
    dump.pdbs.push(pdb("web", pdb_status(0, 1, 1)));
    let judged = dump.judge();
    let against = judged.against("n1");
    assert_eq!(against.iter().any(|reason| reason.starts_with("PDB shop/web")), blocks, "{against:?}");
    assert_eq!(judged.disruption.pods[0].evicted, blocks);
}

#[rstest]
#[case::always_allow_and_not_ready("AlwaysAllow", "False", true)]
#[case::always_allow_and_unknown("AlwaysAllow", "Unknown", true)]
#[case::always_allow_and_ready("AlwaysAllow", "True", false)]
#[case::the_default_and_not_ready("IfHealthyBudget", "False", false)]
fn pods_that_are_not_ready_may_be_exempt_4_2(
    #[case] policy: &str,
    #[case] ready: &str,
    #[case] exempt: bool,
) {
    let mut dump = Dump::of_pods(vec![pod(
        "a",
        "n1",
        json!({ "status": { "conditions": [{ "type": "Ready", "status": ready }] } }),
    )]);
    let spec = json!({ "spec": { "unhealthyPodEvictionPolicy": policy } });
    dump.pdbs.push(pdb("web", dump::over(spec, pdb_status(0, 1, 1))));
    let judged = dump.judge();
    assert_eq!(judged.disruption.pods[0].exempt_from_pdb, exempt);
    assert_eq!(judged.room("n1").candidate.is_ok(), exempt);
}

/// Section 4.2: with a termination grace period drift goes on whatever pods say.
#[rstest]
#[case::without(json!({}), false)]
#[case::with(json!({ "spec": { "terminationGracePeriod": "1h" } }), true)]
fn a_termination_grace_period_lets_drift_pass_pods(#[case] claim: Value, #[case] may_drift: bool) {
    let mut dump = Dump::new().with_node("n1", json!({}), claim);
    dump.pods = vec![
        pod("a", "n1", annotated(keys::DO_NOT_DISRUPT, "true")),
        pod("b", "n1", json!({ "metadata": { "labels": { "app": "db" } } })),
    ];
    let selector = json!({ "spec": { "selector": { "matchLabels": { "app": "db" } } } });
    dump.pdbs.push(pdb("db", dump::over(selector, pdb_status(0, 1, 1))));
    let judged = dump.judge();
    let room = judged.room("n1");
    assert_eq!(room.drift_candidate.is_ok(), may_drift);
    assert_eq!(room.candidate.as_ref().unwrap_err().reasons.len(), 2);
}

#[test]
fn a_node_that_is_kept_by_its_annotation_does_not_drift_either() {
    let claim = json!({ "spec": { "terminationGracePeriod": "1h" } });
    let judged = Dump::new().with_node("n1", annotated(keys::DO_NOT_DISRUPT, "true"), claim).judge();
    assert!(judged.room("n1").drift_candidate.is_err());
}

/// Rows N9, N10, N14; sections 4.5, 4.6, 4.9. The node has one pod in the first column, none in the second.
#[rstest]
#[case::the_default(json!({}), &[], &[])]
#[case::balanced(json!({ "spec": { "disruption": { "consolidationPolicy": "Balanced" } } }), &[], &[])]
#[case::when_empty(
    json!({ "spec": { "disruption": { "consolidationPolicy": "WhenEmpty" } } }),
    &["NodePool general: consolidationPolicy WhenEmpty"],
    &[]
)]
#[case::never(
    json!({ "spec": { "disruption": { "consolidateAfter": "Never" } } }),
    &["NodePool general: consolidateAfter Never"],
    &["NodePool general: consolidateAfter Never"]
)]
#[case::a_time_that_is_over(json!({ "spec": { "disruption": { "consolidateAfter": "216h" } } }), &[], &[])]
#[case::a_time_that_runs(
    json!({ "spec": { "disruption": { "consolidateAfter": "217h" } } }),
    &["consolidateAfter 217h ends 2026-11-23 13:00 UTC"],
    &["consolidateAfter 217h ends 2026-11-23 13:00 UTC"]
)]
#[case::a_static_node_pool(
    json!({ "spec": { "replicas": 1, "disruption": { "consolidateAfter": "Never" } } }),
    &["static NodePool general"],
    &["static NodePool general"]
)]
#[case::a_node_class_that_is_not_there(
    json!({ "spec": { "template": { "spec": { "nodeClassRef": { "name": "gone" } } } } }),
    &["the instance types of NodePool general are not known: no EC2NodeClass gone"],
    &["the instance types of NodePool general are not known: no EC2NodeClass gone"]
)]
fn what_the_node_pool_says(#[case] patch: Value, #[case] full: &[&str], #[case] empty: &[&str]) {
    let mut dump = Dump::of_pods(vec![pod("a", "n1", json!({}))]).with_node("n2", json!({}), json!({}));
    dump.pools = vec![node_pool(patch)];
    let judged = dump.judge();
    assert_eq!(judged.against("n1"), full);
    assert!(judged.room("n2").is_empty);
    let shown = judged.room("n2").empty_candidate.as_ref().err().map(ToString::to_string);
    assert_eq!(shown.as_slice(), empty);
}

/// Section 4.6: since the last pod event, else since the node was initialised.
#[rstest]
#[case::the_last_pod_event(json!({ "status": { "lastPodEventTime": "2026-11-23T11:55:00Z" } }), Some("2026-11-23T12:05:00Z"))]
#[case::its_initialization(
    json!({ "status": { "lastPodEventTime": null, "conditions": [
        { "type": "Initialized", "status": "True", "lastTransitionTime": "2026-11-23T11:51:00Z" },
    ] } }),
    Some("2026-11-23T12:01:00Z")
)]
#[case::long_ago(json!({}), None)]
#[case::just_over(json!({ "status": { "lastPodEventTime": "2026-11-23T11:50:00Z" } }), None)]
fn quiet_since(#[case] claim: Value, #[case] ends: Option<&str>) {
    let mut dump = Dump::new().with_node("n1", json!({}), claim);
    dump.pools = vec![node_pool(json!({ "spec": { "disruption": { "consolidateAfter": "10m" } } }))];
    let judged = dump.judge();
    let expected = ends.map(|ends| BlockReason::ConsolidateAfter {
        pool: "general".to_owned(),
        after: "10m".to_owned(),
        ends: at(ends),
    });
    let found = judged.room("n1").candidate.clone().err().map(|blocked| blocked.reasons);
    assert_eq!(found, expected.map(|reason| vec![reason]));
}

#[test]
fn without_a_node_claim_the_last_pod_to_arrive_tells() {
    let arrived = json!({ "status": { "conditions": [
        { "type": "PodScheduled", "status": "True", "lastTransitionTime": "2026-11-23T11:56:00Z" },
    ] } });
    let mut dump = Dump::of_pods(vec![pod("a", "n1", arrived), pod("b", "n1", json!({}))]);
    dump.claims.clear();
    dump.pools = vec![node_pool(json!({ "spec": { "disruption": { "consolidateAfter": "10m" } } }))];
    assert_eq!(dump.judge().against("n1"), ["consolidateAfter 10m ends 2026-11-23 12:06 UTC"]);
}

#[test]
fn a_policy_for_all_takes_the_place_of_theirs() {
    let mut dump = Dump::of_pods(vec![pod("a", "n1", json!({}))]);
    let options =
        DisruptionOptions { policy_override: Some(Policy::WhenEmpty), ..DisruptionOptions::at(now()) };
    assert_eq!(dump.judge_with(&options).against("n1"), ["NodePool general: consolidationPolicy WhenEmpty"]);
    dump.pools = vec![node_pool(json!({ "spec": { "disruption": { "consolidationPolicy": "WhenEmpty" } } }))];
    let options =
        DisruptionOptions { policy_override: Some(Policy::Balanced), ..DisruptionOptions::at(now()) };
    let judged = dump.judge_with(&options);
    assert_eq!(judged.against("n1"), [""; 0]);
    assert_eq!(judged.disruption.budgets[0].policy, Policy::Balanced);
}

#[test]
fn the_reason_that_must_be_seen_to_first_comes_first() {
    let mut dump = Dump::new().with_node(
        "n1",
        annotated(keys::DO_NOT_DISRUPT, "true"),
        json!({ "status": { "lastPodEventTime": "2026-11-23T11:59:00Z" } }),
    );
    dump.pools = vec![node_pool(json!({ "spec": { "disruption": {
        "consolidateAfter": "10m", "consolidationPolicy": "WhenEmpty",
    } } }))];
    dump.pods = vec![
        pod("a", "n1", json!({})),
        pod("b", "n1", json!({})),
        pod("c", "n1", annotated(keys::DO_NOT_DISRUPT, "true")),
    ];
    dump.pdbs.push(pdb("web", dump::over(json!({ "spec": { "maxUnavailable": 1 } }), pdb_status(0, 2, 3))));
    let judged = dump.judge();
    let blocked = judged.room("n1").candidate.as_ref().unwrap_err();
    let codes: Vec<&str> = blocked.reasons.iter().map(BlockReason::code).collect();
    assert_eq!(
        codes,
        ["node-do-not-disrupt", "policy-when-empty", "pod-do-not-disrupt", "pdb", "consolidate-after"]
    );
    assert_eq!(blocked.code(), "node-do-not-disrupt");
    assert_eq!(blocked.unlock(), "remove the annotation karpenter.sh/do-not-disrupt from the node");
    let unlocks: Vec<String> = blocked.reasons.iter().skip(1).map(BlockReason::unlock).collect();
    assert_eq!(
        unlocks,
        [
            "set spec.disruption.consolidationPolicy of NodePool general to WhenEmptyOrUnderutilized or Balanced",
            "remove the annotation karpenter.sh/do-not-disrupt from pod shop/c, or wait until it ends",
            "let PDB shop/web allow an eviction: more healthy pods, or a lower minAvailable",
            "wait until 2026-11-23 12:09 UTC",
        ]
    );
    let BlockReason::Pdb { pods, pod, why, .. } = &blocked.reasons[3] else { panic!("{blocked}") };
    assert_eq!((*pods, pod.as_str(), why.as_str()), (2, "shop/a", "maxUnavailable 1, 2 of 3 healthy"));
}
