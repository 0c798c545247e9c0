//! Small clusters in which one thing at a time used to go wrong, or easily could.

#![allow(clippy::unwrap_used, reason = "these are tests")]

mod support;

use serde_json::{Value, json};
use supercargo_api::labels::keys;
use supercargo_api::{NodePool, Objects};
use supercargo_catalog::Usd;
use supercargo_engine::invariants::check;
use supercargo_engine::snapshot::{Snapshot, SnapshotOptions};
use supercargo_engine::solve::{Outcome, SolveOptions, solve};

use support::instance::{Instance, Pod, Pool, Type};
use support::objects::{market, objects};

/// A type of so many cores with 4 GiB each, in zones `a` and `b`, at these nano-dollars on demand.
fn on_demand(cores: i64, arch: usize, prices: [Option<i64>; 2]) -> Type {
    let prices = [[prices[0], None], [prices[1], None], [None, None]];
    Type { cpu: cores * 1_000, memory: cores * 4_096, pods: 20, arch, prices }
}

fn pods(count: usize, pod: &Pod) -> Vec<Pod> {
    vec![pod.clone(); count]
}

fn instance(types: Vec<Type>, pools: Vec<Pool>, pods: Vec<Pod>) -> Instance {
    Instance { types, pools, daemons: Vec::new(), pods }
}

fn solved(instance: &Instance, adorn: impl FnOnce(&mut Objects)) -> (Snapshot, Outcome) {
    let mut objects = objects(instance);
    adorn(&mut objects);
    let snapshot = Snapshot::build(&objects, &market(instance), &SnapshotOptions::default());
    let outcome = solve(&snapshot, SolveOptions::default());
    assert_eq!(check(&snapshot, &outcome), []);
    (snapshot, outcome)
}

fn unplaced(outcome: &Outcome) -> usize {
    outcome.unplaced.iter().map(|unplaced| unplaced.pods.len()).sum()
}

fn edited_pool(pool: &NodePool, edit: impl FnOnce(&mut Value)) -> NodePool {
    let mut manifest = serde_json::to_value(pool).unwrap();
    edit(&mut manifest);
    serde_json::from_value(manifest).unwrap()
}

fn edited_pod(pod: &supercargo_api::Pod, edit: impl FnOnce(&mut Value)) -> supercargo_api::Pod {
    let mut manifest = serde_json::to_value(pod).unwrap();
    edit(&mut manifest);
    serde_json::from_value(manifest).unwrap()
}

fn near(key: &str, app: usize) -> Value {
    json!({ "podAffinity": { "requiredDuringSchedulingIgnoredDuringExecution": [{
        "topologyKey": key,
        "labelSelector": { "matchLabels": { "app": format!("app-{app}") } },
    }] } })
}

#[test]
fn the_bound_knows_that_a_heavier_pool_has_only_types_that_are_too_small() {
    let types = vec![on_demand(8, 0, [Some(400), Some(400)]), on_demand(1, 1, [Some(90), Some(90)])];
    let pools = vec![Pool { weight: Some(10), arch: Some(1), ..Pool::default() }, Pool::default()];
    let large = Pod { cpu: 3_600, memory: 6_000, ..Pod::default() };
    let (_, outcome) = solved(&instance(types, pools, pods(2, &large)), |_| ());
    assert_eq!(outcome.price(), Usd::from_nanos(400));
}

#[test]
fn a_single_pod_with_a_zone_spread_goes_to_the_zone_of_the_cheapest_node() {
    // A large node in zone `b` is cheap for its size, which is no help to one small pod.
    let types = vec![on_demand(4, 0, [Some(88), None]), on_demand(64, 0, [None, Some(320)])];
    let spread = Pod { cpu: 2_500, memory: 1_900, zone_skew: Some(1), ..Pod::default() };
    let (_, outcome) = solved(&instance(types, vec![Pool::default()], pods(1, &spread)), |_| ());
    assert_eq!(outcome.price(), Usd::from_nanos(88));
}

#[test]
fn pods_stay_in_the_cheaper_zone_as_long_as_the_skew_allows() {
    let types = vec![on_demand(8, 0, [Some(100), Some(300)])];
    let spread = Pod { cpu: 1_000, memory: 1_000, zone_skew: Some(2), ..Pod::default() };
    let (_, outcome) = solved(&instance(types, vec![Pool::default()], pods(2, &spread)), |_| ());
    assert_eq!(outcome.price(), Usd::from_nanos(100));
}

#[test]
fn a_spread_holds_among_those_who_found_a_place_when_others_did_not() {
    // All six want one node, which holds three; and no more than two may be in a zone before the other has some.
    let mut only_type = on_demand(16, 0, [Some(100), Some(100)]);
    only_type.pods = 3;
    let spread = Pod { cpu: 1_000, memory: 1_000, zone_skew: Some(2), app: 1, ..Pod::default() };
    let (_, outcome) =
        solved(&instance(vec![only_type], vec![Pool::default()], pods(6, &spread)), |objects| {
            for pod in &mut objects.pods {
                *pod = edited_pod(pod, |pod| pod["spec"]["affinity"] = near(keys::HOSTNAME, 1));
            }
        });
    assert!(unplaced(&outcome) >= 3);
}

#[test]
fn a_follower_waits_in_vain_for_a_pod_that_finds_no_place() {
    let types = vec![on_demand(2, 0, [Some(100), Some(100)])];
    let leader = Pod { cpu: 1_700, memory: 1_000, app: 1, ..Pod::default() };
    let follower = Pod { cpu: 900, memory: 500, app: 0, spread: 1, ..Pod::default() };
    let pools = vec![Pool { weight: Some(10), team: Some(0), ..Pool::default() }, Pool::default()];
    let leader = Pod { team: Some(0), ..leader };
    let (_, outcome) = solved(&instance(types, pools, vec![leader, follower]), |objects| {
        // The only NodePool of the leader's team asks for more zones than there are.
        objects.node_pools[0] = edited_pool(&objects.node_pools[0], |pool| {
            pool["spec"]["template"]["spec"]["requirements"] =
                json!([{ "key": keys::ZONE, "operator": "Exists", "minValues": 3 }]);
        });
        objects.pods[1] = edited_pod(&objects.pods[1], |pod| pod["spec"]["affinity"] = near(keys::ZONE, 1));
    });
    assert_eq!(unplaced(&outcome), 2);
}

#[test]
fn a_pool_that_is_not_flexible_enough_leaves_pods_to_the_next_of_equal_weight() {
    // Row N4: strict minValues. Two zones exist, three are asked for.
    let types = vec![on_demand(4, 0, [Some(100), Some(100)])];
    let lonely = Pod { cpu: 900, memory: 3_500, app: 1, shuns: Some(1), ..Pod::default() };
    let pools = vec![Pool::default(), Pool { team: Some(1), ..Pool::default() }];
    let (_, outcome) = solved(&instance(types, pools, pods(2, &lonely)), |objects| {
        objects.node_pools[0] = edited_pool(&objects.node_pools[0], |pool| {
            pool["spec"]["limits"] = json!({ "cpu": "22" });
            pool["spec"]["template"]["spec"]["requirements"] =
                json!([{ "key": keys::ZONE, "operator": "Exists", "minValues": 3 }]);
        });
    });
    assert_eq!(unplaced(&outcome), 0);
}

#[test]
fn few_nodes_allowed_means_larger_nodes_not_fewer_pods() {
    let types = vec![on_demand(2, 0, [Some(100), Some(100)]), on_demand(16, 0, [Some(900), Some(900)])];
    let pod = Pod { cpu: 1_500, memory: 1_000, ..Pod::default() };
    let (_, outcome) = solved(&instance(types, vec![Pool::default()], pods(3, &pod)), |objects| {
        objects.node_pools[0] =
            edited_pool(&objects.node_pools[0], |pool| pool["spec"]["limits"] = json!({ "nodes": "2" }));
    });
    assert_eq!(unplaced(&outcome), 0);
}

#[test]
fn the_order_of_the_input_does_not_choose_between_equal_classes() {
    let types = vec![
        on_demand(4, 0, [Some(381), Some(301)]),
        Type { memory: 32_368, ..on_demand(16, 0, [Some(787), Some(267)]) },
    ];
    let small = Pod { cpu: 500, memory: 6_000, zone: Some(0), ..Pod::default() };
    let medium = Pod { cpu: 1_700, memory: 6_000, app: 1, shuns: Some(1), spread: 1, ..Pod::default() };
    let other = Pod { cpu: 1_700, memory: 6_000, app: 2, spread: 2, ..Pod::default() };
    let large = Pod { cpu: 3_600, memory: 1_000, app: 1, zone: Some(0), spread: 3, ..Pod::default() };
    let mut all = [pods(6, &small), pods(6, &medium), pods(6, &other), pods(4, &large)].concat();
    let (_, forwards) = solved(&instance(types.clone(), vec![Pool::default()], all.clone()), |_| ());
    all.reverse();
    let (_, backwards) = solved(&instance(types, vec![Pool::default()], all), |_| ());
    assert_eq!(forwards.price(), backwards.price());
}

#[test]
fn pods_that_must_share_one_node_and_be_spread_over_zones_come_to_an_end() {
    // Each zone wants its share, but there can be only one node: whatever is placed, the rest must be refused.
    let types = vec![Type { memory: 65_000, pods: 8, ..on_demand(8, 0, [Some(100), Some(100)]) }];
    let near_each_other = Pod { cpu: 1_500, memory: 12_000, zone_skew: Some(2), app: 2, ..Pod::default() };
    let smaller = Pod { cpu: 200, ..near_each_other };
    let larger = Pod { cpu: 2_500, ..near_each_other };
    let all = [pods(9, &near_each_other), pods(4, &smaller), pods(4, &larger)].concat();
    let pools = vec![Pool { weight: Some(10), zone_excluded: Some(0), ..Pool::default() }, Pool::default()];
    let (_, outcome) = solved(&instance(types, pools, all), |objects| {
        objects.node_pools[0] = edited_pool(&objects.node_pools[0], |pool| {
            pool["spec"]["template"]["spec"]["taints"] =
                json!([{ "key": "spare", "effect": "PreferNoSchedule" }]);
        });
        for pod in &mut objects.pods {
            *pod = edited_pod(pod, |pod| pod["spec"]["affinity"] = near(keys::HOSTNAME, 2));
        }
    });
    assert!(outcome.nodes.len() <= 1);
    assert!(unplaced(&outcome) >= 15);
}
