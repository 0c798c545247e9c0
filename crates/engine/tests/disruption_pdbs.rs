//! PodDisruptionBudgets: whom they select, how many evictions they allow, and how many at the same time (section 4.2).

#![allow(clippy::unwrap_used, reason = "a test program")]

mod dump;

use std::collections::BTreeMap;

use proptest::prelude::*;
use rstest::rstest;
use serde_json::{Value, json};
use supercargo_api::labels::keys;
use supercargo_engine::disruption::PdbShort;

use dump::{Dump, over, pdb, pdb_status, pod};

fn replica_set(name: &str, replicas: i32, deployment: Option<&str>) -> Value {
    let owners: Vec<Value> = deployment
        .map(|name| json!({ "apiVersion": "apps/v1", "kind": "Deployment", "name": name, "uid": "9", "controller": true }))
        .into_iter()
        .collect();
    json!({
        "metadata": { "name": name, "namespace": "shop", "ownerReferences": owners },
        "spec": { "replicas": replicas, "selector": { "matchLabels": { "app": "web" } } },
    })
}

fn deployment(name: &str, replicas: i32) -> Value {
    json!({
        "metadata": { "name": name, "namespace": "shop" },
        "spec": {
            "replicas": replicas,
            "selector": { "matchLabels": { "app": "web" } },
            "template": { "metadata": { "labels": { "app": "web" } } },
        },
    })
}

fn owned_by(kind: &str, name: &str) -> Value {
    json!({ "metadata": { "ownerReferences": [
        { "apiVersion": "apps/v1", "kind": kind, "name": name, "uid": "1", "controller": true },
    ] } })
}

fn not_ready() -> Value {
    json!({ "status": { "conditions": [{ "type": "Ready", "status": "False" }] } })
}

/// Four pods of ReplicaSet `web` of Deployment `shop`, which asks for five; one is not ready.
fn web(spec: Value) -> Dump {
    let mut dump = Dump::of_pods(vec![
        pod("a", "n1", json!({})),
        pod("b", "n1", json!({})),
        pod("c", "n1", json!({})),
        pod("d", "n1", not_ready()),
    ]);
    dump.replica_sets = vec![replica_set("web", 5, Some("shop"))];
    dump.deployments = vec![deployment("shop", 5)];
    dump.pdbs = vec![pdb("web", json!({ "spec": spec }))];
    dump
}

/// What the cluster would say, for budgets without a status.
#[rstest]
#[case::a_number_that_must_stay(json!({ "minAvailable": 2 }), 1, "minAvailable 2, 3 of 4 healthy")]
#[case::all_that_are_healthy_must_stay(json!({ "minAvailable": 3 }), 0, "minAvailable 3, 3 of 4 healthy")]
#[case::more_than_there_are(json!({ "minAvailable": 9 }), 0, "minAvailable 9, 3 of 4 healthy")]
#[case::nobody_must_stay(json!({ "minAvailable": 0 }), 3, "minAvailable 0, 3 of 4 healthy")]
#[case::half_of_five_rounds_up(json!({ "minAvailable": "50%" }), 0, "minAvailable 50%, 3 of 5 healthy")]
#[case::a_fifth_of_five(json!({ "minAvailable": "20%" }), 2, "minAvailable 20%, 3 of 5 healthy")]
#[case::all_of_them(json!({ "minAvailable": "100%" }), 0, "minAvailable 100%, 3 of 5 healthy")]
#[case::a_number_that_may_go(json!({ "maxUnavailable": 3 }), 1, "maxUnavailable 3, 3 of 5 healthy")]
#[case::a_share_that_may_go_rounds_up(json!({ "maxUnavailable": "50%" }), 1, "maxUnavailable 50%, 3 of 5 healthy")]
#[case::nobody_may_go(json!({ "maxUnavailable": 0 }), 0, "maxUnavailable 0, 3 of 5 healthy")]
#[case::more_may_go_than_there_are(json!({ "maxUnavailable": 9 }), 3, "maxUnavailable 9, 3 of 5 healthy")]
#[case::neither(json!({}), 0, "neither minAvailable nor maxUnavailable, 3 of 0 healthy")]
fn without_a_status_the_number_is_worked_out(#[case] spec: Value, #[case] allowed: u32, #[case] why: &str) {
    let judged = web(spec).judge();
    let found = &judged.disruption.pdbs[0];
    assert_eq!((found.allowed, found.why.as_str(), found.computed), (allowed, why, true));
    assert_eq!(judged.room("n1").candidate.is_ok(), allowed > 0);
}

#[rstest]
#[case::mission_section_4(10, "50%", 5)]
#[case::of_an_odd_number(7, "50%", 3)]
#[case::of_one(1, "50%", 0)]
fn five_of_ten_may_go_at_once(#[case] replicas: usize, #[case] least: &str, #[case] allowed: u32) {
    let pods = (0..replicas).map(|index| pod(&format!("p{index}"), "n1", json!({}))).collect();
    let mut dump = Dump::of_pods(pods);
    dump.replica_sets = vec![replica_set("web", replicas as i32, None)];
    dump.pdbs = vec![pdb("web", json!({ "spec": { "minAvailable": least } }))];
    let judged = dump.judge();
    assert_eq!(judged.disruption.pdbs[0].allowed, allowed);
    assert_eq!(judged.disruption.simultaneous(0..allowed), Ok(()));
    let one_more = judged.disruption.simultaneous(0..=allowed).unwrap_err();
    assert_eq!((one_more.pdb, one_more.wanted, one_more.allowed), (0, allowed + 1, allowed));
}

#[rstest]
#[case::the_deployment_counts(Some("shop"), true, 4)]
#[case::its_replica_set_where_it_is_not_there(Some("shop"), false, 3)]
#[case::a_replica_set_of_its_own(None, true, 3)]
fn the_scale_is_that_of_the_topmost_owner(
    #[case] of: Option<&str>,
    #[case] is_there: bool,
    #[case] expected: u32,
) {
    let mut dump = web(json!({ "minAvailable": "100%" }));
    dump.replica_sets = vec![replica_set("web", 3, of)];
    dump.deployments = if is_there { vec![deployment("shop", 4)] } else { Vec::new() };
    let why = dump.judge().disruption.pdbs[0].why.clone();
    assert_eq!(why, format!("minAvailable 100%, 3 of {expected} healthy"));
}

#[test]
fn two_controllers_add_up_and_pods_without_one_do_not_count() {
    let mut dump = web(json!({ "maxUnavailable": 2 }));
    dump.pods[2] = pod("c", "n1", owned_by("StatefulSet", "db"));
    let mut alone = pod("e", "n1", json!({}));
    alone["metadata"].as_object_mut().unwrap().remove("ownerReferences");
    dump.pods.push(alone);
    dump.stateful_sets = vec![json!({
        "metadata": { "name": "db", "namespace": "shop" },
        "spec": { "replicas": 2, "serviceName": "db", "selector": {}, "template": {} },
    })];
    let found = dump.judge().disruption.pdbs[0].clone();
    assert_eq!((found.allowed, found.why.as_str()), (0, "maxUnavailable 2, 4 of 7 healthy"));
}

#[test]
fn a_controller_that_is_not_there_asks_for_the_pods_that_are() {
    let mut dump = web(json!({ "maxUnavailable": 2 }));
    dump.replica_sets.clear();
    let found = dump.judge().disruption.pdbs[0].clone();
    assert_eq!((found.allowed, found.why.as_str()), (1, "maxUnavailable 2, 3 of 4 healthy"));
}

#[rstest]
#[case::a_job_has_no_scale(json!({ "maxUnavailable": 1 }), "Job", "it selects pods of Job web, which has no number of replicas; use minAvailable with a number")]
#[case::no_percentage(json!({ "maxUnavailable": "half" }), "ReplicaSet", "\"half\" is no percentage such as 50%")]
#[case::too_much(json!({ "minAvailable": "200%" }), "ReplicaSet", "\"200%\" is no percentage such as 50%")]
fn what_cannot_be_worked_out_allows_nothing(#[case] spec: Value, #[case] kind: &str, #[case] why: &str) {
    let mut dump = web(spec);
    dump.pods[0] = pod("a", "n1", owned_by(kind, "web"));
    let judged = dump.judge();
    let found = &judged.disruption.pdbs[0];
    assert_eq!((found.allowed, found.why.as_str()), (0, why));
    assert_eq!(judged.disruption.problems[0].name, "shop/web");
}

#[test]
fn a_job_with_a_number_that_must_stay_is_fine() {
    let mut dump = web(json!({ "minAvailable": 1 }));
    dump.pods[0] = pod("a", "n1", owned_by("Job", "web"));
    assert_eq!(dump.judge().disruption.pdbs[0].allowed, 2);
}

#[rstest]
#[case::what_the_cluster_says_counts(pdb_status(2, 3, 4), 2, false)]
#[case::nothing_below_zero(pdb_status(-1, 3, 4), 0, false)]
#[case::zeros_that_somebody_observed(json!({ "status": { "disruptionsAllowed": 0, "observedGeneration": 1 } }), 0, false)]
#[case::zeros_that_nobody_observed(
    json!({ "status": { "disruptionsAllowed": 0, "currentHealthy": 0, "desiredHealthy": 0, "expectedPods": 0 } }),
    1,
    true
)]
#[case::an_empty_status(json!({ "status": {} }), 1, true)]
fn a_status_counts_once_the_cluster_has_looked(
    #[case] status: Value,
    #[case] allowed: u32,
    #[case] computed: bool,
) {
    let mut dump = web(json!({ "minAvailable": 2 }));
    dump.pdbs[0] = over(dump.pdbs[0].clone(), status);
    let found = dump.judge().disruption.pdbs[0].clone();
    assert_eq!((found.allowed, found.computed), (allowed, computed));
}

#[rstest]
#[case::labels(json!({ "matchLabels": { "app": "web" } }), &["a", "b"])]
#[case::two_labels(json!({ "matchLabels": { "app": "web", "tier": "front" } }), &["a"])]
#[case::one_of_several(json!({ "matchExpressions": [{ "key": "app", "operator": "In", "values": ["web", "db"] }] }), &["a", "b", "c"])]
#[case::anything_there(json!({ "matchExpressions": [{ "key": "tier", "operator": "Exists" }] }), &["a", "c"])]
#[case::nothing_there(json!({ "matchExpressions": [{ "key": "tier", "operator": "DoesNotExist" }] }), &["b", "e"])]
#[case::anything_but(json!({ "matchExpressions": [{ "key": "app", "operator": "NotIn", "values": ["web"] }] }), &["c", "e"])]
#[case::an_empty_selector_selects_all(json!({}), &["a", "b", "c", "e"])]
#[case::no_selector_selects_none(json!(null), &[])]
#[case::nonsense_selects_none(json!({ "matchLabels": { "no label!": "x" } }), &[])]
fn whom_a_budget_selects(#[case] selector: Value, #[case] expected: &[&str]) {
    let labelled = |name: &str, namespace: &str, labels: Value| {
        let mut pod = pod(name, "n1", json!({ "metadata": { "namespace": namespace } }));
        pod["metadata"]["labels"] = labels;
        pod
    };
    let mut dump = Dump::of_pods(vec![
        labelled("a", "shop", json!({ "app": "web", "tier": "front" })),
        labelled("b", "shop", json!({ "app": "web" })),
        labelled("c", "shop", json!({ "app": "db", "tier": "back" })),
        labelled("d", "other", json!({ "app": "web", "tier": "front" })),
        labelled("e", "shop", json!(null)),
    ]);
    let mut budget = pdb("one", pdb_status(1, 1, 1));
    budget["spec"]["selector"] = selector;
    dump.pdbs = vec![budget];
    let judged = dump.judge();
    let pods = judged.snapshot.pods.iter().zip(&judged.disruption.pods);
    let selected: Vec<&str> =
        pods.filter(|(_, standing)| standing.pdbs == [0]).map(|(pod, _)| &*pod.name).collect();
    assert_eq!(selected, expected);
}

#[test]
fn evictions_at_the_same_time_add_up_over_nodes() {
    let names = ["a", "b", "c"];
    let mut dump = Dump::of_pods(vec![
        pod("a", "n1", json!({})),
        pod("b", "n2", json!({})),
        pod("c", "n2", not_ready()),
        pod("x", "n1", json!({ "metadata": { "labels": { "app": "db" } } })),
    ])
    .with_node("n2", json!({}), json!({}));
    dump.pdbs = vec![pdb("web", pdb_status(1, 2, 3))];
    let judged = dump.judge();
    let disruption = &judged.disruption;
    for one in names {
        assert_eq!(disruption.simultaneous(judged.pods(&[one, "x"]).into_iter()), Ok(()));
    }
    let short = disruption.simultaneous(judged.pods(&names).into_iter()).unwrap_err();
    assert_eq!(short, PdbShort { pdb: 0, name: "shop/web".to_owned(), wanted: 3, allowed: 1 });
    assert_eq!(short.to_string(), "PDB shop/web allows 1 evictions at once, 3 are wanted");

    dump.pdbs[0]["spec"]["unhealthyPodEvictionPolicy"] = json!("AlwaysAllow");
    let short = dump.judge().disruption.simultaneous(judged.pods(&names).into_iter()).unwrap_err();
    assert_eq!(short.wanted, 2, "the pod that is not ready may always go");
}

#[test]
fn pods_that_nobody_evicts_do_not_count() {
    let tolerant = json!({ "spec": { "tolerations": [{ "operator": "Exists" }] } });
    let mut dump = Dump::of_pods(vec![pod("a", "n1", tolerant), pod("b", "n1", json!({}))]);
    dump.pdbs = vec![pdb("web", pdb_status(1, 2, 2))];
    assert_eq!(dump.judge().disruption.simultaneous(0..2), Ok(()));
}

/// A pod: its app, whether it is ready, terminating, its ReplicaSet.
type MadePod = (u8, bool, bool, u8);

fn made_pod(index: usize, (app, ready, terminating, owner): MadePod) -> Value {
    let mut patch = json!({
        "metadata": { "labels": { "app": format!("app-{app}"), "tier": format!("tier-{}", app % 2) } },
        "status": { "conditions": [{ "type": "Ready", "status": if ready { "True" } else { "False" } }] },
    });
    if terminating {
        patch["metadata"]["deletionTimestamp"] = json!("2026-11-23T12:00:30Z");
    }
    over(pod(&format!("p{index}"), "n1", patch), owned_by("ReplicaSet", &format!("rs-{owner}")))
}

/// A budget: what its pods must have, how it counts, its figure.
type MadePdb = (u8, u8, u8);

fn made_selector(kind: u8) -> (Value, fn(u8) -> bool) {
    match kind {
        0 => (json!({ "matchLabels": { "app": "app-0" } }), |app| app == 0),
        1 => (json!({ "matchLabels": { "app": "app-1", "tier": "tier-1" } }), |app| app == 1),
        2 => (json!({ "matchLabels": { "tier": "tier-0" } }), |app| app % 2 == 0),
        3 => (
            json!({ "matchExpressions": [{ "key": "app", "operator": "In", "values": ["app-2", "app-3"] }] }),
            |app| app == 2 || app == 3,
        ),
        4 => (
            json!({ "matchExpressions": [{ "key": "app", "operator": "NotIn", "values": ["app-0"] }] }),
            |app| app != 0,
        ),
        _ => (json!({ "matchExpressions": [{ "key": "app", "operator": "Exists" }] }), |_| true),
    }
}

/// The greatest number of evictions after which the budget still holds: counted down one by one.
fn brute_force(pods: &[MadePod], replicas: &[i32], (kind, rule, figure): MadePdb) -> u32 {
    let (_, selects) = made_selector(kind);
    let selected: Vec<&MadePod> = pods.iter().filter(|(app, ..)| selects(*app)).collect();
    let healthy = selected.iter().filter(|(_, ready, terminating, _)| *ready && !terminating).count() as i64;
    let mut owners = BTreeMap::new();
    for (_, _, _, owner) in &selected {
        owners.insert(*owner, i64::from(replicas[*owner as usize]));
    }
    let scale: i64 = owners.values().sum();
    let share = |percent: i64| (0..=scale).find(|part| part * 100 >= percent * scale).unwrap();
    let figure = i64::from(figure);
    let (expected, holds): (i64, Box<dyn Fn(i64) -> bool>) = match rule {
        0 => (selected.len() as i64, Box::new(move |left| left >= figure)),
        1 => (scale, Box::new(move |left| left >= share(figure * 10))),
        2 => (scale, Box::new(move |left| left >= scale - figure)),
        _ => (scale, Box::new(move |left| left >= scale - share(figure * 10))),
    };
    if expected == 0 {
        return 0;
    }
    (0..=healthy).rev().find(|gone| holds(healthy - gone)).unwrap_or(0) as u32
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn allowed_evictions_are_those_of_brute_force(
        pods in proptest::collection::vec((0..4_u8, proptest::bool::weighted(0.8), proptest::bool::weighted(0.1), 0..3_u8), 0..14),
        replicas in proptest::array::uniform3(0..7_i32),
        budgets in proptest::collection::vec((0..6_u8, 0..4_u8, 0..=10_u8), 1..4),
        together in proptest::collection::vec(any::<bool>(), 14),
    ) {
        let mut dump = Dump::of_pods(
            pods.iter().enumerate().map(|(index, pod)| made_pod(index, *pod)).collect(),
        );
        dump.replica_sets = (0..3)
            .map(|index| replica_set(&format!("rs-{index}"), replicas[index as usize], None))
            .collect();
        dump.pdbs = budgets
            .iter()
            .enumerate()
            .map(|(index, (kind, rule, figure))| {
                let figure = match rule {
                    0 => json!({ "minAvailable": figure }),
                    1 => json!({ "minAvailable": format!("{}%", figure * 10) }),
                    2 => json!({ "maxUnavailable": figure }),
                    _ => json!({ "maxUnavailable": format!("{}%", figure * 10) }),
                };
                let mut budget = pdb(&format!("b{index}"), json!({ "spec": figure }));
                budget["spec"]["selector"] = made_selector(*kind).0;
                budget
            })
            .collect();
        let judged = dump.judge();
        let expected: Vec<u32> =
            budgets.iter().map(|budget| brute_force(&pods, &replicas, *budget)).collect();
        let found: Vec<u32> = judged.disruption.pdbs.iter().map(|pdb| pdb.allowed).collect();
        prop_assert_eq!(&found, &expected);

        // Terminating pods are in no room's way, but they are pods of the snapshot.
        let index = |name: &str| name[1..].parse::<usize>().unwrap();
        for (row, standing) in judged.snapshot.pods.iter().zip(&judged.disruption.pods) {
            let (app, ..) = pods[index(&row.name)];
            let selecting: Vec<u32> = (0..budgets.len() as u32)
                .filter(|budget| (made_selector(budgets[*budget as usize].0).1)(app))
                .collect();
            prop_assert_eq!(&standing.pdbs, &selecting);
        }
        let chosen: Vec<u32> = judged
            .snapshot
            .pods
            .iter()
            .enumerate()
            .filter(|(_, row)| together[index(&row.name)])
            .map(|(index, _)| index as u32)
            .collect();
        let fits = (0..budgets.len()).all(|budget| {
            let (_, selects) = made_selector(budgets[budget].0);
            let wanted = pods.iter().enumerate().filter(|(index, (app, _, terminating, _))| {
                together[*index] && !terminating && selects(*app)
            });
            wanted.count() as u32 <= expected[budget]
        });
        prop_assert_eq!(judged.disruption.simultaneous(chosen.into_iter()).is_ok(), fits);
    }
}

#[test]
fn a_pod_that_very_many_budgets_select_is_blocked_all_the_same() {
    let mut dump = Dump::of_pods(vec![pod("a", "n1", json!({}))]);
    dump.pdbs = (0..300).map(|index| pdb(&format!("b{index}"), pdb_status(5, 5, 5))).collect();
    let judged = dump.judge();
    let against = judged.against("n1");
    assert!(
        against[0].starts_with("pod shop/a is selected by several PDBs (shop/b0, shop/b1, "),
        "{against:?}"
    );
    assert!(against[0].len() < 300);
}

#[test]
fn a_daemon_set_has_no_scale_either() {
    let mut dump = web(json!({ "maxUnavailable": 1 }));
    dump.pods[0] = pod("a", "n1", owned_by("DaemonSet", "agent"));
    dump.pods[0]["spec"]["tolerations"] = json!([{ "key": keys::DISRUPTED_TAINT, "operator": "Exists" }]);
    assert!(dump.judge().disruption.pdbs[0].why.contains("DaemonSet agent"));
}
