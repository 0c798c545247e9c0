//! What a move costs and what a node costs (reference sections 3.4, 4.3, 4.13, 5.3).

#![allow(clippy::unwrap_used, reason = "a test program")]

mod dump;

use rstest::rstest;
use serde_json::{Value, json};
use supercargo_api::labels::keys;
use supercargo_catalog::{CapacityType, Usd};
use supercargo_engine::disruption::{Expiry, PodMove};

use dump::{Dump, at, node_pool, pod};

fn of_cost(name: &str, deletion_cost: &str, priority: i32) -> Value {
    pod(
        name,
        "n1",
        json!({
            "metadata": { "annotations": { keys::POD_DELETION_COST: deletion_cost } },
            "spec": { "priority": priority },
        }),
    )
}

/// Section 4.3: 1 + deletion cost / 2^27 + priority / 2^25, from -10 to 10.
#[rstest]
#[case::of_nothing_special("0", 0, 1.0)]
#[case::dear_to_delete("134217728", 0, 2.0)]
#[case::cheap_to_delete("-67108864", 0, 0.5)]
#[case::important("0", 33_554_432, 2.0)]
#[case::both("134217728", 67_108_864, 4.0)]
#[case::the_dearest("2147483647", 0, 16.999_999_992_549_42)]
#[case::a_system_pod("0", 2_000_001_000, 10.0)]
#[case::the_least_important("0", i32::MIN, -10.0)]
#[case::no_number("a lot", 0, 1.0)]
#[case::more_than_a_number("9999999999", 0, 1.0)]
fn what_an_eviction_costs(#[case] deletion_cost: &str, #[case] priority: i32, #[case] expected: f64) {
    let judged = Dump::of_pods(vec![of_cost("a", deletion_cost, priority)]).judge();
    assert_eq!(judged.disruption.pods[0].eviction_cost, expected.clamp(-10.0, 10.0));
}

fn owned_by(kind: &str) -> Value {
    json!({ "metadata": { "ownerReferences": [
        { "apiVersion": "apps/v1", "kind": kind, "name": "one", "uid": "1", "controller": true },
    ] } })
}

#[rstest]
#[case::of_a_deployment(json!({}), PodMove::Reschedulable)]
#[case::of_nobody(json!({ "metadata": { "ownerReferences": null } }), PodMove::Reschedulable)]
#[case::of_a_daemon_set(owned_by("DaemonSet"), PodMove::LeavesWithNode)]
#[case::of_the_node(json!({ "metadata": { "annotations": { "kubernetes.io/config.mirror": "x" } } }), PodMove::LeavesWithNode)]
#[case::on_its_way_out(json!({ "metadata": { "deletionTimestamp": "2026-11-23T12:00:30Z" } }), PodMove::Terminating)]
#[case::on_its_way_out_and_coming_back(
    dump::over(owned_by("StatefulSet"), json!({ "metadata": { "deletionTimestamp": "2026-11-23T12:00:30Z" } })),
    PodMove::Reschedulable
)]
#[case::protected_pods_move_when_they_go_at_all(
    json!({ "metadata": { "annotations": { keys::DO_NOT_DISRUPT: "true" } } }),
    PodMove::Reschedulable
)]
fn what_becomes_of_a_pod(#[case] patch: Value, #[case] expected: PodMove) {
    let judged = Dump::of_pods(vec![pod("a", "n1", patch)]).judge();
    assert_eq!(judged.disruption.pods[0].moves, expected);
    assert_eq!(judged.room("n1").is_empty, expected != PodMove::Reschedulable);
}

#[test]
fn only_pods_that_move_cost_moving_and_no_pod_is_a_gain() {
    let daemon = dump::over(of_cost("d", "134217728", 0), owned_by("DaemonSet"));
    let judged = Dump::of_pods(vec![
        of_cost("a", "134217728", 0),
        of_cost("b", "-2147483648", 0),
        of_cost("c", "0", 0),
        daemon,
    ])
    .judge();
    let room = judged.room("n1");
    assert_eq!(room.reschedule_cost, 1.0 + 2.0 + 0.0 + 1.0);
    // 10 of 30 days are over; 2 - 10 + 1 + 2 remain, by two thirds.
    assert!((room.disruption_cost - (2.0 - 10.0 + 1.0 + 2.0) * 2.0 / 3.0).abs() < 1e-9);
}

/// Row 9.2-12: Karpenter takes a node whose pods cost nothing for an empty one. Here it is not.
#[test]
fn pods_that_cost_nothing_are_pods_nevertheless() {
    let mut dump = Dump::of_pods(vec![of_cost("a", "-2147483648", 0)]);
    dump.pools = vec![node_pool(json!({ "spec": { "disruption": { "consolidationPolicy": "WhenEmpty" } } }))];
    let judged = dump.judge();
    let room = judged.room("n1");
    assert_eq!(room.reschedule_cost, 1.0);
    assert!(!room.is_empty && room.empty_candidate.is_err());
    assert_eq!(judged.against("n1"), ["NodePool general: consolidationPolicy WhenEmpty"]);
}

#[rstest]
#[case::two_thirds_of_its_life(json!({}), 2.0 / 3.0)]
#[case::all_of_it(json!({ "metadata": { "creationTimestamp": "2026-11-23T12:00:00Z" } }), 1.0)]
#[case::nothing(json!({ "metadata": { "creationTimestamp": "2026-01-01T00:00:00Z" } }), 0.0)]
#[case::it_never_ends(json!({ "spec": { "expireAfter": "Never" } }), 1.0)]
#[case::it_ends_at_once(json!({ "spec": { "expireAfter": "0s" } }), 0.0)]
fn life_that_is_left(#[case] claim: Value, #[case] expected: f64) {
    let mut dump = Dump::new().with_node("n1", json!({}), claim);
    dump.pods = vec![of_cost("a", "0", 0)];
    assert!((dump.judge().room("n1").disruption_cost - expected).abs() < 1e-9);
}

#[rstest]
#[case::by_default_after_30_days(json!({}), Some(("2026-12-13T12:00:00Z", false)))]
#[case::before_long(json!({ "spec": { "expireAfter": "240h30m" } }), Some(("2026-11-23T12:30:00Z", false)))]
#[case::now(json!({ "spec": { "expireAfter": "240h" } }), Some(("2026-11-23T12:00:00Z", true)))]
#[case::long_ago(json!({ "spec": { "expireAfter": "1h" } }), Some(("2026-11-13T13:00:00Z", true)))]
#[case::never(json!({ "spec": { "expireAfter": "Never" } }), None)]
#[case::nobody_knows(json!({ "metadata": { "creationTimestamp": null } }), None)]
fn when_a_node_expires_3_4(#[case] claim: Value, #[case] expected: Option<(&str, bool)>) {
    let judged = Dump::new().with_node("n1", json!({}), claim).judge();
    let expected = expected.map(|(moment, overdue)| Expiry { at: at(moment), overdue });
    assert_eq!(judged.room("n1").expires, expected);
}

fn labelled(labels: Value) -> Value {
    json!({ "metadata": { "labels": labels } })
}

/// Section 4.3: the price of the offering that the node came from.
#[rstest]
#[case::on_demand(json!({}), Some(100_000_000))]
#[case::spot(json!({ keys::CAPACITY_TYPE: "spot" }), Some(33_333_333))]
#[case::another_type(json!({ keys::INSTANCE_TYPE: "r7.4xlarge" }), Some(1_040_000_000))]
#[case::hardware_of_its_own(
    json!({ keys::INSTANCE_TYPE: "m7.large", keys::INSTANCE_TENANCY: "dedicated" }), Some(200_000_000)
)]
#[case::shared_hardware(json!({ keys::INSTANCE_TYPE: "m7.large" }), Some(110_000_000))]
#[case::paid_already(
    json!({ keys::INSTANCE_TYPE: "m7.large", keys::CAPACITY_TYPE: "reserved", keys::CAPACITY_RESERVATION_ID: "cr-1" }),
    Some(11)
)]
#[case::a_reservation_nobody_knows(
    json!({ keys::INSTANCE_TYPE: "m7.large", keys::CAPACITY_TYPE: "reserved", keys::CAPACITY_RESERVATION_ID: "cr-2" }),
    None
)]
#[case::a_zone_nobody_knows(json!({ keys::ZONE: "us-east-1z" }), None)]
#[case::a_type_nobody_knows(json!({ keys::INSTANCE_TYPE: "x9.huge" }), None)]
#[case::no_capacity_type(json!({ keys::CAPACITY_TYPE: "barter" }), None)]
fn what_a_node_costs(#[case] labels: Value, #[case] nanos: Option<i64>) {
    let judged = Dump::new().with_node("n1", labelled(labels), json!({})).judge();
    assert_eq!(judged.room("n1").price, nanos.map(Usd::from_nanos));
}

#[rstest]
#[case::by_the_label_of_a_node_group(json!({ "eks.amazonaws.com/capacityType": "SPOT" }), Some(CapacityType::Spot), 33_333_333)]
#[case::on_demand_without_a_word(json!({}), None, 100_000_000)]
fn a_node_that_is_not_ours_has_a_price_too(
    #[case] labels: Value,
    #[case] paid: Option<CapacityType>,
    #[case] nanos: i64,
) {
    let mut dump = Dump::new().with_node("n1", labelled(labels), json!({}));
    dump.claims.clear();
    for key in [keys::NODEPOOL, keys::CAPACITY_TYPE] {
        dump.nodes[0]["metadata"]["labels"].as_object_mut().unwrap().remove(key);
    }
    let judged = dump.judge();
    let room = judged.room("n1");
    assert_eq!((room.price, room.capacity_type), (Some(Usd::from_nanos(nanos)), paid));
    assert_eq!(judged.disruption.budgets[0].hourly_cost, Usd::ZERO);
}

#[test]
fn what_is_known_of_a_node_stands_beside_its_price() {
    let judged = Dump::new().with_node("n1", json!({}), json!({})).judge();
    let room = judged.room("n1");
    let table = judged.snapshot.pools[0].table.as_ref().unwrap();
    assert_eq!(table.types[room.instance_type.unwrap() as usize].name, "m6.large");
    assert_eq!(room.zone.as_deref(), Some("us-east-1a"));
    assert_eq!(room.capacity_type, Some(CapacityType::OnDemand));
    assert!(room.ready);
}

/// Section 4.13: all nodes of the NodePool, whether they may go or not.
#[test]
fn the_whole_that_balanced_shares_are_of() {
    let mut dump =
        Dump::of_pods(vec![pod("a", "n1", json!({})), pod("b", "n2", json!({})), pod("c", "n2", json!({}))])
            .with_node("n2", labelled(json!({ keys::CAPACITY_TYPE: "spot" })), json!({}))
            .with_node("n3", labelled(json!({ keys::INSTANCE_TYPE: "x9.huge" })), json!({}))
            .with_node("n4", labelled(json!({ keys::INITIALIZED: "false" })), json!({}))
            .with_node(
                "n5",
                json!({ "metadata": { "annotations": { keys::DO_NOT_DISRUPT: "true" } } }),
                json!({}),
            )
            .with_node("n6", json!({}), json!({}));
    // A claim in flight is no node yet.
    dump.nodes.pop();
    let judged = dump.judge();
    let budget = &judged.disruption.budgets[0];
    assert_eq!(budget.hourly_cost, Usd::from_nanos(3 * 100_000_000 + 33_333_333));
    assert_eq!(budget.unpriced, 1);
    assert_eq!(budget.reschedule_cost, 5.0 + 3.0);
}
