//! Whatever stands in a dump, it is judged without a panic, and the table fits the snapshot.

#![allow(clippy::unwrap_used, reason = "a test program")]

mod dump;

use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::{Value, json};
use supercargo_api::labels::keys;
use supercargo_engine::disruption::{Disruption, DisruptionOptions, DisruptionReason, moment};
use supercargo_engine::lints::lint_node_pools;
use supercargo_engine::snapshot::{Snapshot, SnapshotOptions};

use dump::{Dump, at, claim, node, node_pool, over, pdb, pod};

fn one_of(values: &[Value]) -> impl Strategy<Value = Value> + Clone + use<> {
    proptest::sample::select(values.to_vec())
}

fn times() -> impl Strategy<Value = Value> {
    one_of(&[
        json!(null),
        json!("2026-11-23T11:59:00Z"),
        json!("2030-01-01T00:00:00Z"),
        json!("-009999-01-02T01:59:59Z"),
        json!("9999-12-30T22:00:00.999999999Z"),
    ])
}

fn durations() -> impl Strategy<Value = Value> {
    one_of(&[json!("0s"), json!("10m"), json!("Never"), json!("2562047h"), json!("1ns"), json!("-5h")])
}

fn budgets() -> impl Strategy<Value = Value> {
    let one = (
        one_of(&[json!(null), json!("0"), json!("10%"), json!("4294967295"), json!("99999999999999999999"), json!("-1"), json!("x%")]),
        one_of(&[json!(null), json!("* * * * *"), json!("0 0 30 2 *"), json!("@every 1s"), json!("CRON_TZ=Asia/Tokyo @daily"), json!("")]),
        one_of(&[json!(null), json!("0s"), json!("1m"), json!("2562047h"), json!("-1h")]),
        one_of(&[json!(null), json!("Europe/Berlin"), json!("nowhere"), json!("")]),
    )
        .prop_map(|(nodes, schedule, duration, zone)| {
            json!({ "nodes": nodes, "schedule": schedule, "duration": duration, "timeZone": zone })
        });
    proptest::collection::vec(one, 0..4).prop_map(Value::Array)
}

fn pools() -> impl Strategy<Value = Value> {
    (
        one_of(&[json!("general"), json!(""), json!(null)]),
        budgets(),
        durations(),
        durations(),
        one_of(&[json!(null), json!(0), json!(-3)]),
    )
        .prop_map(|(name, budgets, after, expire, replicas)| {
            node_pool(json!({
                "metadata": { "name": name },
                "spec": {
                    "replicas": replicas,
                    "disruption": { "budgets": budgets, "consolidateAfter": after },
                    "template": { "spec": { "expireAfter": expire } },
                },
            }))
        })
}

fn names() -> impl Strategy<Value = Value> {
    one_of(&[json!("n0"), json!("n1"), json!("n2"), json!(""), json!(null)])
}

fn label_values() -> impl Strategy<Value = Value> {
    one_of(&[json!("general"), json!("gone"), json!("spot"), json!("reserved"), json!(""), json!("m7.large")])
}

fn patches() -> impl Strategy<Value = Value> {
    let key = proptest::sample::select(vec![
        keys::NODEPOOL,
        keys::INSTANCE_TYPE,
        keys::CAPACITY_TYPE,
        keys::ZONE,
        keys::INITIALIZED,
        keys::CAPACITY_RESERVATION_ID,
        "app",
    ]);
    let annotation =
        one_of(&[json!("true"), json!("1h"), json!("2562047h"), json!("-1h"), json!("\u{0}"), json!("")]);
    let conditions = proptest::collection::vec(
        (
            one_of(&[json!("Ready"), json!("Drifted"), json!("Initialized"), json!("DisruptionReason")]),
            one_of(&[json!("True"), json!("False")]),
            times(),
        ),
        0..4,
    );
    (key, label_values(), annotation, times(), times(), conditions).prop_map(
        |(key, label, annotation, created, deleted, conditions)| {
            let conditions: Vec<Value> = conditions
                .into_iter()
                .map(|(type_, status, time)| json!({ "type": type_, "status": status, "lastTransitionTime": time }))
                .collect();
            json!({
                "metadata": {
                    "labels": { key: label },
                    "annotations": { keys::DO_NOT_DISRUPT: annotation, keys::POD_DELETION_COST: annotation },
                    "creationTimestamp": created,
                    "deletionTimestamp": deleted,
                    "deletionGracePeriodSeconds": 9_223_372_036_854_775_807_i64,
                },
                "status": { "conditions": conditions },
            })
        },
    )
}

fn pdbs() -> impl Strategy<Value = Value> {
    let figure = one_of(&[
        json!(null),
        json!(0),
        json!(-5),
        json!(2_147_483_647),
        json!("50%"),
        json!("999999999999%"),
        json!("%"),
        json!(""),
    ]);
    let selector = one_of(&[
        json!(null),
        json!({}),
        json!({ "matchLabels": { "app": "web" } }),
        json!({ "matchExpressions": [{ "key": "app", "operator": "In", "values": [] }] }),
        json!({ "matchExpressions": [{ "key": "app", "operator": "NotIn", "values": ["web", "web"] }] }),
        json!({ "matchExpressions": [{ "key": "app", "operator": "Near", "values": ["web"] }] }),
    ]);
    let status = one_of(&[
        json!(null),
        json!({}),
        json!({ "disruptionsAllowed": -1, "currentHealthy": -2_147_483_648_i64 }),
    ]);
    (names(), figure.clone(), figure, selector, status).prop_map(|(name, least, most, selector, status)| {
        let mut budget = pdb("", json!({ "metadata": { "name": name } }));
        budget["spec"] = json!({ "minAvailable": least, "maxUnavailable": most, "selector": selector });
        budget["status"] = status;
        budget
    })
}

fn dumps() -> impl Strategy<Value = Dump> {
    let some = || proptest::collection::vec((names(), patches()), 0..5);
    let owner = one_of(&[json!("ReplicaSet"), json!("Job"), json!("StatefulSet"), json!("DaemonSet")]);
    let pods = proptest::collection::vec((names(), owner, patches()), 0..8);
    (proptest::collection::vec(pools(), 0..3), some(), some(), pods, proptest::collection::vec(pdbs(), 0..4)).prop_map(
        |(pools, nodes, claims, pods, pdbs)| Dump {
            pools,
            nodes: nodes.into_iter().map(|(name, patch)| over(node("", patch), json!({ "metadata": { "name": name } }))).collect(),
            claims: claims
                .into_iter()
                .map(|(name, patch)| over(claim("", patch), json!({ "metadata": { "name": name }, "status": { "nodeName": name } })))
                .collect(),
            pods: pods
                .into_iter()
                .map(|(name, owner, patch)| {
                    let owners = json!([{ "apiVersion": "apps/v1", "kind": owner, "name": "", "uid": "", "controller": true }]);
                    let own = json!({ "metadata": { "ownerReferences": owners }, "spec": { "nodeName": name, "priority": -2_147_483_648_i64 } });
                    over(pod("", "", patch), own)
                })
                .collect(),
            pdbs,
            ..Dump::default()
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn anything_is_judged(dump in dumps(), when in 0..4_u8) {
        let objects = dump.objects();
        let now = match when {
            0 => Timestamp::MIN,
            1 => Timestamp::MAX,
            2 => moment(&objects).unwrap_or(Timestamp::UNIX_EPOCH),
            _ => at(dump::NOW),
        };
        let snapshot = Snapshot::build(&objects, &dump::market(), &SnapshotOptions::default());
        let judged = Disruption::build(&objects, &snapshot, &DisruptionOptions::at(now));
        prop_assert_eq!(judged.rooms.len(), snapshot.rooms.len());
        prop_assert_eq!(judged.pods.len(), snapshot.pods.len());
        prop_assert_eq!(judged.budgets.len(), snapshot.pools.len());
        prop_assert_eq!(judged.pdbs.len(), objects.pod_disruption_budgets.len());
        for room in &judged.rooms {
            prop_assert!(room.reschedule_cost >= 1.0 && room.disruption_cost.is_finite());
            for blocked in [&room.candidate, &room.empty_candidate, &room.drift_candidate].into_iter().filter_map(|one| one.as_ref().err()) {
                prop_assert!(!blocked.reasons.is_empty() && !blocked.to_string().is_empty());
            }
            // Whatever keeps a node from drifting keeps it from being consolidated, too.
            prop_assert!(room.drift_candidate.is_ok() || room.candidate.is_err() && room.empty_candidate.is_err());
            prop_assert!(room.empty_candidate.is_err() || room.is_empty);
        }
        for budget in &judged.budgets {
            prop_assert!(budget.unavailable <= budget.nodes);
            let _ = budget.allowed(DisruptionReason::Empty);
        }
        let _ = judged.simultaneous(0..snapshot.pods.len() as u32);
        prop_assert_eq!(lint_node_pools(&objects, &snapshot, &judged).len(), snapshot.pools.len());
    }
}
