//! What is unwise about a NodePool (the common mistakes; reference rows N4, N7, N9 to N12, sections 4.4, 4.12).

#![allow(clippy::unwrap_used, reason = "a test program")]

mod dump;

use rstest::rstest;
use serde_json::{Value, json};
use supercargo_api::labels::keys;
use supercargo_engine::disruption::{Disruption, DisruptionOptions};
use supercargo_engine::lints::{Lint, Severity, lint_node_pool, lint_node_pools};
use supercargo_engine::market::Market;
use supercargo_engine::snapshot::{Snapshot, SnapshotOptions};

use dump::{Dump, ZONES, instance_type, node_pool, now, over, pod};

/// A NodePool with nothing wrong about it: limits, an expiry, three zones, on-demand, sixteen types of four families.
fn sound() -> Value {
    node_pool(json!({ "spec": {
        "limits": { "cpu": "1000" },
        "template": { "spec": { "requirements": [on_demand()] } },
    } }))
}

fn on_demand() -> Value {
    json!({ "key": keys::CAPACITY_TYPE, "operator": "In", "values": ["on-demand"] })
}

fn requiring(more: &[Value]) -> Value {
    let mut requirements = vec![on_demand()];
    requirements.extend_from_slice(more);
    over(sound(), json!({ "spec": { "template": { "spec": { "requirements": requirements } } } }))
}

fn is_in(key: &str, values: &[&str]) -> Value {
    json!({ "key": key, "operator": "In", "values": values })
}

fn is(key: &str, operator: &str, value: &str) -> Value {
    json!({ "key": key, "operator": operator, "values": [value] })
}

fn lints_in(dump: &Dump, market: &Market) -> Vec<Lint> {
    let objects = dump.objects();
    let snapshot = Snapshot::build(&objects, market, &SnapshotOptions::default());
    let disruption = Disruption::build(&objects, &snapshot, &DisruptionOptions::at(now()));
    let all = lint_node_pools(&objects, &snapshot, &disruption);
    assert_eq!(all.len(), snapshot.pools.len());
    assert_eq!(all[0], lint_node_pool(&objects, &snapshot, &disruption, 0));
    all.into_iter().next().unwrap()
}

fn lints(pool: Value) -> Vec<Lint> {
    lints_in(&Dump { pools: vec![pool], ..Dump::default() }, &dump::market())
}

/// Severity, code, field and text of each.
fn shown(lints: &[Lint]) -> Vec<String> {
    let line = |lint: &Lint| format!("{:?} {} {}: {}", lint.severity, lint.code, lint.field, lint.what);
    lints.iter().map(line).collect()
}

#[test]
fn a_sound_node_pool_has_none() {
    assert_eq!(shown(&lints(sound())), [""; 0]);
}

const REQUIREMENTS: &str = "spec.template.spec.requirements";

#[rstest]
#[case::one_type(
    requiring(&[is_in(keys::INSTANCE_TYPE, &["m6.large"])]),
    &["Warning one-type : one instance type only, m6.large: when it is sold out, nothing is launched"]
)]
#[case::a_few_of_one_family(
    requiring(&[is_in(keys::INSTANCE_FAMILY, &["m6"])]),
    &[
        "Warning few-types : 4 instance types; 15 or more keep launches possible and prices low",
        "Warning one-family : one instance family only, m6: shortages come by family",
    ]
)]
#[case::a_few_of_one_generation(
    requiring(&[is_in(keys::INSTANCE_GENERATION, &["7"])]),
    &[
        "Warning few-types : 8 instance types; 15 or more keep launches possible and prices low",
        "Note one-generation : one generation only, 7: shortages come by generation, and so do price cuts",
    ]
)]
#[case::nearly_enough(
    requiring(&[json!({ "key": keys::INSTANCE_FAMILY, "operator": "NotIn", "values": ["c6"] })]),
    &["Note few-types : 12 instance types; 15 or more keep launches possible and prices low"]
)]
#[case::one_zone(
    requiring(&[is_in(keys::ZONE, &ZONES[..1])]),
    &["Warning few-zones : one zone only, us-east-1a, of 3"]
)]
#[case::two_zones(
    requiring(&[is_in(keys::ZONE, &ZONES[..2])]),
    &["Warning few-zones : 2 zones only (us-east-1a, us-east-1b) of 3"]
)]
fn too_little_to_choose_from(#[case] pool: Value, #[case] expected: &[&str]) {
    let found = shown(&lints(pool));
    let expected: Vec<String> =
        expected.iter().map(|line| line.replacen(" :", &format!(" {REQUIREMENTS}:"), 1)).collect();
    assert_eq!(found, expected);
}

#[rstest]
#[case::spot_alone(&["spot"], true)]
#[case::spot_beside_on_demand(&["spot", "on-demand"], true)]
#[case::no_spot(&["on-demand"], false)]
fn spot_needs_fifteen_types_4_12(#[case] capacity_types: &[&str], #[case] expected: bool) {
    let mut pool =
        requiring(&[json!({ "key": keys::INSTANCE_FAMILY, "operator": "NotIn", "values": ["c6"] })]);
    pool["spec"]["template"]["spec"]["requirements"][0]["values"] = json!(capacity_types);
    let found = lints(pool);
    let of_spot = found.iter().find(|lint| lint.code == "few-spot-types");
    assert_eq!(of_spot.is_some(), expected);
    if let Some(lint) = of_spot {
        assert!(lint.what.starts_with("12 types to have as spot"), "{}", lint.what);
        assert_eq!(lint.severity, Severity::Warning);
    }
}

#[test]
fn where_there_are_two_zones_two_are_enough() {
    let mut types = dump::types();
    for one in &mut types {
        one.offerings.retain(|offering| offering.zone != ZONES[2]);
    }
    let market = Market::compile([("default".to_owned(), types)]).unwrap();
    let dump = Dump { pools: vec![sound()], ..Dump::default() };
    assert_eq!(shown(&lints_in(&dump, &market)), [""; 0]);
}

#[test]
fn few_kinds_of_machines_with_gpus_are_a_note() {
    let mut gpu = instance_type("g6.xlarge", 4, 80);
    gpu.labels.insert(keys::INSTANCE_GPU_COUNT.to_owned(), "1".to_owned());
    let market = Market::compile([("default".to_owned(), vec![gpu])]).unwrap();
    let dump = Dump { pools: vec![sound()], ..Dump::default() };
    let found = lints_in(&dump, &market);
    assert_eq!(
        found.iter().map(|lint| (lint.code, lint.severity)).collect::<Vec<_>>(),
        [("one-type", Severity::Note)]
    );
}

#[rstest]
#[case::two_that_exclude_each_other(
    requiring(&[is(keys::INSTANCE_GENERATION, "Gt", "6"), is(keys::INSTANCE_GENERATION, "Lt", "7")]),
    "contradiction", "[2]",
    "karpenter.k8s.aws/instance-generation Lt 7 contradicts karpenter.k8s.aws/instance-generation Gt 6: no value satisfies both",
    "keep one of them, or let them overlap"
)]
#[case::a_label_that_is_excluded(
    over(requiring(&[is_in("team", &["b", "c"])]), json!({ "spec": { "template": { "metadata": { "labels": { "team": "a" } } } } })),
    "contradiction", "[1]",
    "team In [b, c] contradicts the label team=a: no value satisfies both",
    "keep one of them, or let them overlap"
)]
#[case::an_instance_type_nobody_sells(
    requiring(&[is_in(keys::INSTANCE_CATEGORY, &["m"]), is_in(keys::INSTANCE_TYPE, &["x9.huge"])]),
    "no-types", "[2]",
    "no instance type satisfies its requirements; without node.kubernetes.io/instance-type In [x9.huge] 8 would",
    "widen node.kubernetes.io/instance-type"
)]
#[case::two_keys_that_exclude_each_other(
    requiring(&[is_in(keys::INSTANCE_FAMILY, &["m6"]), is(keys::INSTANCE_GENERATION, "Gt", "6")]),
    "no-types", "[1]",
    "no instance type satisfies its requirements; without karpenter.k8s.aws/instance-family In [m6] 8 would",
    "widen karpenter.k8s.aws/instance-family"
)]
#[case::nothing_helps_alone(
    requiring(&[is_in(keys::INSTANCE_TYPE, &["x9.huge"]), is_in(keys::INSTANCE_FAMILY, &["x9"])]),
    "no-types", "",
    "no instance type satisfies its requirements, whichever of them is left out",
    "start from few requirements and add the others one by one"
)]
fn requirements_that_leave_nothing(
    #[case] pool: Value,
    #[case] code: &str,
    #[case] place: &str,
    #[case] what: &str,
    #[case] right: &str,
) {
    let found = lints(pool);
    assert_eq!(found.len(), 1, "{:?}", shown(&found));
    let Lint { severity, code: found_code, field, what: said, right: advice } = &found[0];
    assert_eq!((*severity, *found_code), (Severity::Error, code));
    assert_eq!(
        (field.as_str(), said.as_str(), advice.as_str()),
        (format!("{REQUIREMENTS}{place}").as_str(), what, right)
    );
}

#[test]
fn three_requirements_on_one_key_are_weighed_together() {
    let pool = requiring(&[
        is(keys::INSTANCE_CPU, "Gt", "2"),
        is(keys::INSTANCE_CPU, "Lt", "9"),
        is_in(keys::INSTANCE_CPU, &["2", "16"]),
    ]);
    let found = lints(pool);
    assert_eq!(found.len(), 1);
    let cpu = keys::INSTANCE_CPU;
    assert_eq!(
        found[0].what,
        format!("{cpu} In [2, 16] contradicts {cpu} Gt 2 and {cpu} Lt 9: no value satisfies both")
    );
}

#[test]
fn more_values_asked_for_than_there_are() {
    let mut families = is_in(keys::INSTANCE_FAMILY, &["c6", "m6", "m7", "r7", "r8"]);
    families["minValues"] = json!(5);
    assert_eq!(
        shown(&lints(requiring(&[families]))),
        ["Error min-values spec.template.spec.requirements[1].minValues: minValues asks for 5 values of \
          karpenter.k8s.aws/instance-family, and its types have 4"]
    );
}

#[rstest]
#[case::no_node_class(
    json!({ "spec": { "template": { "spec": { "nodeClassRef": { "name": "gone" } } } } }),
    "Error not-ready spec.template.spec.nodeClassRef: NodeClass \"gone\" not found"
)]
#[case::not_ready(
    json!({ "status": { "conditions": [{ "type": "Ready", "status": "False", "message": "no subnets" }] } }),
    "Error not-ready spec: the NodePool is not ready: no subnets"
)]
fn what_keeps_it_from_making_nodes(#[case] patch: Value, #[case] expected: &str) {
    assert_eq!(shown(&lints(over(sound(), patch))), [expected]);
}

#[rstest]
#[case::expire_after_never(
    json!({ "spec": { "template": { "spec": { "expireAfter": "Never" } } } }),
    "Warning never-expires spec.template.spec.expireAfter: expireAfter Never: its nodes keep their machine image and their kubelet for ever"
)]
#[case::consolidate_after_never(
    json!({ "spec": { "disruption": { "consolidateAfter": "Never" } } }),
    "Warning never-consolidates spec.disruption.consolidateAfter: consolidateAfter Never: not even empty nodes are removed"
)]
#[case::when_empty(
    json!({ "spec": { "disruption": { "consolidationPolicy": "WhenEmpty" } } }),
    "Note only-when-empty spec.disruption.consolidationPolicy: consolidationPolicy WhenEmpty: nodes that are hardly used stay"
)]
#[case::no_limits(json!({ "spec": { "limits": null } }), "Note no-limits spec.limits: no limits: it may grow without end")]
fn nodes_that_never_go(#[case] patch: Value, #[case] expected: &str) {
    assert_eq!(shown(&lints(over(sound(), patch))), [expected]);
}

#[test]
fn a_static_node_pool_is_not_consolidated_and_knows_it() {
    let pool = over(
        sound(),
        json!({ "spec": { "replicas": 2, "limits": null, "disruption": {
        "consolidateAfter": "Never", "consolidationPolicy": "WhenEmpty",
    } } }),
    );
    assert_eq!(shown(&lints(pool)), [""; 0]);
}

#[test]
fn an_absent_expiry_is_fine() {
    let mut pool = sound();
    pool["spec"]["template"]["spec"].as_object_mut().unwrap().remove("expireAfter");
    assert_eq!(shown(&lints(pool)), [""; 0]);
}

/// Two nodes of 2 cores each, 4 in use.
#[rstest]
#[case::room_enough(json!({ "cpu": "100", "memory": "400Gi" }), &[])]
#[case::nearly_reached(json!({ "memory": "17Gi" }), &["Error limit-reached spec.limits.memory: 16Gi of 17Gi memory in use: its smallest type has 8Gi, and 1Gi is left"])]
#[case::reached(json!({ "cpu": "4" }), &["Error limit-reached spec.limits.cpu: 4 of 4 cpu in use"])]
#[case::overdrawn(json!({ "cpu": "3" }), &["Error limit-reached spec.limits.cpu: 4 of 3 cpu in use"])]
#[case::by_number(json!({ "nodes": "2" }), &["Error limit-reached spec.limits.nodes: 2 of 2 nodes in use"])]
fn limits_that_are_reached(#[case] limits: Value, #[case] expected: &[&str]) {
    let mut dump = Dump::new().with_node("n1", json!({}), json!({})).with_node("n2", json!({}), json!({}));
    dump.pools = vec![sound()];
    dump.pools[0]["spec"]["limits"] = limits;
    assert_eq!(shown(&lints_in(&dump, &dump::market())), expected);
}

#[rstest]
#[case::at_nine_tenths(20, true)]
#[case::below(21, false)]
fn limits_that_are_nearly_reached(#[case] most: i32, #[case] expected: bool) {
    let mut dump = Dump::new();
    for index in 0..18 {
        dump = dump.with_node(&format!("n{index}"), json!({}), json!({}));
    }
    dump.pools = vec![sound()];
    dump.pools[0]["spec"]["limits"] = json!({ "nodes": most });
    let found = shown(&lints_in(&dump, &dump::market()));
    let wanted = "Warning limit-nearly-reached spec.limits.nodes: 18 of 20 nodes in use";
    assert_eq!(found, if expected { vec![wanted] } else { Vec::new() });
}

#[rstest]
#[case::always_zero(
    json!([{ "nodes": "0" }]),
    &["budget-zero spec.disruption.budgets: its budgets let no node go at any time, for any reason"]
)]
#[case::zero_for_one_reason(
    json!([{ "nodes": "0%", "reasons": ["Underutilized"] }]),
    &["budget-zero spec.disruption.budgets: its budgets let no node go at any time for the reason Underutilized"]
)]
#[case::zero_at_times(json!([{ "nodes": "0", "schedule": "0 9 * * *", "duration": "8h" }]), &[])]
#[case::two_windows_that_leave_no_time(
    json!([
        { "nodes": "0", "schedule": "0 9 * * *", "duration": "12h" },
        { "nodes": "0", "schedule": "0 20 * * *", "duration": "14h" },
    ]),
    &["budget-zero spec.disruption.budgets: its budgets let no node go at any time, for any reason"]
)]
#[case::two_windows_that_leave_an_hour(
    json!([
        { "nodes": "0", "schedule": "0 9 * * *", "duration": "12h" },
        { "nodes": "0", "schedule": "0 22 * * *", "duration": "11h" },
    ]),
    &[]
)]
#[case::a_window_that_never_ends(
    json!([{ "nodes": "5", "schedule": "@hourly", "duration": "1h" }]),
    &["budget-always spec.disruption.budgets[0].duration: its window never ends: the next one begins before"]
)]
#[case::a_day_that_never_comes(
    json!([{ "nodes": "5", "schedule": "0 0 31 2 *", "duration": "1h" }]),
    &["budget-problem spec.disruption.budgets[0].schedule: its schedule never fires; it counts at all times"]
)]
#[case::a_schedule_without_duration(
    json!([{ "nodes": "5" }, { "nodes": "0", "schedule": "@daily" }]),
    &["budget-problem spec.disruption.budgets[1].duration: it never counts: its schedule has no duration"]
)]
#[case::no_schedule_at_all(
    json!([{ "nodes": "5", "schedule": "daily", "duration": "1h" }]),
    &[
        "budget-problem spec.disruption.budgets[0].schedule: a schedule has 5 fields, found 1: it counts as 0, at all times",
        "budget-zero spec.disruption.budgets: its budgets let no node go at any time, for any reason",
    ]
)]
#[case::no_number(
    json!([{ "nodes": "some", "reasons": ["Empty", "Drifted"] }]),
    &[
        "budget-problem spec.disruption.budgets[0].nodes: \"some\" is no budget: write a number of nodes such as 5, or a \
         percentage up to 100 such as 20%; it counts as 0",
        "budget-zero spec.disruption.budgets: its budgets let no node go at any time for the reason Empty or Drifted",
    ]
)]
fn budgets_that_are_not_what_they_seem(#[case] budgets: Value, #[case] expected: &[&str]) {
    let pool = over(sound(), json!({ "spec": { "disruption": { "budgets": budgets } } }));
    let found: Vec<String> =
        lints(pool).iter().map(|lint| format!("{} {}: {}", lint.code, lint.field, lint.what)).collect();
    assert_eq!(found, expected);
}

fn of(kind: &str, name: &str) -> Value {
    json!({ "metadata": { "ownerReferences": [
        { "apiVersion": "apps/v1", "kind": kind, "name": name, "uid": "1", "controller": true },
    ] } })
}

fn stateful_set(replicas: i32) -> Value {
    json!({
        "metadata": { "name": "db", "namespace": "shop" },
        "spec": { "replicas": replicas, "serviceName": "db", "selector": {}, "template": {} },
    })
}

fn with_volume() -> Value {
    json!({ "spec": { "volumes": [{ "name": "data", "persistentVolumeClaim": { "claimName": "data" } }] } })
}

#[rstest]
#[case::a_set_of_one(of("StatefulSet", "db"), Some(1), "spot", true)]
#[case::a_set_of_two(of("StatefulSet", "db"), Some(2), "spot", false)]
#[case::a_set_that_is_not_there(of("StatefulSet", "db"), None, "spot", true)]
#[case::on_demand(of("StatefulSet", "db"), Some(1), "on-demand", false)]
#[case::a_volume_and_one_replica(over(of("ReplicaSet", "one"), with_volume()), None, "spot", true)]
#[case::no_state(of("ReplicaSet", "one"), None, "spot", false)]
#[case::a_volume_and_nobody_behind_it(over(json!({ "metadata": { "ownerReferences": null } }), with_volume()), None, "spot", true)]
#[case::a_daemon(over(of("DaemonSet", "agent"), with_volume()), None, "spot", false)]
fn state_on_spot_without_a_second_replica(
    #[case] patch: Value,
    #[case] replicas: Option<i32>,
    #[case] capacity_type: &str,
    #[case] expected: bool,
) {
    let labels = json!({ "metadata": { "labels": { keys::CAPACITY_TYPE: capacity_type } } });
    let mut dump = Dump::new().with_node("n1", labels, json!({}));
    dump.pods = vec![pod("a", "n1", patch)];
    dump.stateful_sets = replicas.map(stateful_set).into_iter().collect();
    let found = lints_in(&dump, &dump::market());
    let lint = found.iter().find(|lint| lint.code == "stateful-on-spot");
    assert_eq!(lint.is_some(), expected);
    if let Some(lint) = lint {
        assert_eq!(lint.what, "a pod with state runs on spot without a second replica: shop/a");
        assert_eq!(
            lint.right,
            "run two replicas or more, or let it select karpenter.sh/capacity-type on-demand"
        );
    }
}

#[test]
fn of_many_pods_three_are_named() {
    let labels = json!({ "metadata": { "labels": { keys::CAPACITY_TYPE: "spot" } } });
    let mut dump = Dump::new().with_node("n1", labels, json!({}));
    dump.pods = (0..5)
        .map(|index| pod(&format!("p{index}"), "n1", of("StatefulSet", &format!("db-{index}"))))
        .collect();
    let found = lints_in(&dump, &dump::market());
    let lint = found.iter().find(|lint| lint.code == "stateful-on-spot").unwrap();
    assert_eq!(
        lint.what,
        "pods with state run on spot without a second replica: shop/p0, shop/p1, shop/p2 and 2 more"
    );
}

#[test]
fn the_worst_come_first() {
    let pool = over(
        requiring(&[is_in(keys::INSTANCE_TYPE, &["m6.large"])]),
        json!({ "spec": { "limits": null, "template": { "spec": { "expireAfter": "Never" } }, "disruption": {
            "consolidationPolicy": "WhenEmpty",
        } } }),
    );
    let severities: Vec<Severity> = lints(pool).iter().map(|lint| lint.severity).collect();
    assert_eq!(severities, [Severity::Warning, Severity::Warning, Severity::Note, Severity::Note]);
}
