//! The baseline does what Karpenter does, wise or not.

#![allow(clippy::unwrap_used, reason = "these are tests")]

mod support;

use serde_json::json;
use supercargo_catalog::Usd;
use supercargo_engine::first_fit::first_fit_decreasing;
use supercargo_engine::invariants::check;
use supercargo_engine::snapshot::{Snapshot, SnapshotOptions};
use supercargo_engine::solve::{Outcome, SolveOptions};

use support::instance::{Instance, Pod, Pool, Type};
use support::objects::{market, objects};

fn on_demand(cores: i64, price: i64) -> Type {
    let prices = [[Some(price), None], [Some(price), None], [None, None]];
    Type { cpu: cores * 1_000, memory: cores * 4_096, pods: 20, arch: 0, prices }
}

fn placed(
    types: Vec<Type>,
    pools: Vec<Pool>,
    pods: Vec<Pod>,
    cpu_limit: Option<&str>,
) -> (Snapshot, Outcome) {
    let instance = Instance { types, pools, daemons: Vec::new(), pods };
    let mut objects = objects(&instance);
    if let Some(limit) = cpu_limit {
        let mut manifest = serde_json::to_value(&objects.node_pools[0]).unwrap();
        manifest["spec"]["limits"] = json!({ "cpu": limit });
        objects.node_pools[0] = serde_json::from_value(manifest).unwrap();
    }
    let snapshot = Snapshot::build(&objects, &market(&instance), &SnapshotOptions::default());
    let outcome = first_fit_decreasing(&snapshot, SolveOptions::default());
    assert_eq!(check(&snapshot, &outcome), []);
    (snapshot, outcome)
}

fn pod(cpu: i64) -> Pod {
    Pod { cpu, memory: 500, ..Pod::default() }
}

fn pools_of(snapshot: &Snapshot, outcome: &Outcome) -> Vec<String> {
    let pool = |variant: u32| snapshot.pools[outcome.variants[variant as usize].pool as usize].name.clone();
    outcome.nodes.iter().map(|node| pool(node.variant)).collect()
}

#[test]
fn a_claim_grows_to_the_largest_type_before_a_second_one_is_opened() {
    // Section 2.8: all types that still hold everything are kept, whatever they cost.
    let types = vec![on_demand(2, 10), on_demand(16, 1_000)];
    let (_, outcome) = placed(types, vec![Pool::default()], vec![pod(1_500); 3], None);
    assert_eq!((outcome.nodes.len(), outcome.price()), (1, Usd::from_nanos(1_000)));
}

#[test]
fn the_largest_pod_is_placed_first() {
    // Section 2.3: the small pods find the room that the large one leaves, not the other way round.
    let types = vec![on_demand(4, 10)];
    let (snapshot, outcome) =
        placed(types, vec![Pool::default()], vec![pod(900), pod(900), pod(3_000)], None);
    let sizes: Vec<Vec<i64>> = outcome
        .nodes
        .iter()
        .map(|node| {
            let class = |pod: &u32| snapshot.pods[*pod as usize].class as usize;
            node.pods.iter().map(|pod| snapshot.classes[class(pod)].requests[0]).collect()
        })
        .collect();
    assert_eq!(sizes, [vec![3_000, 900], vec![900]]);
}

#[test]
fn of_two_open_claims_the_one_with_fewer_pods_is_tried_first() {
    // Section 2.4: after two pods that shun each other, and one small pod, the last goes where there is one pod.
    let types = vec![on_demand(8, 10)];
    let shy = Pod { app: 1, shuns: Some(1), ..pod(3_000) };
    let (_, outcome) = placed(types, vec![Pool::default()], vec![shy.clone(), shy, pod(500), pod(400)], None);
    let sizes: Vec<usize> = outcome.nodes.iter().map(|node| node.pods.len()).collect();
    assert_eq!(sizes, [2, 2]);
}

#[test]
fn heavier_pools_are_tried_first_and_equal_ones_from_the_end_of_the_alphabet() {
    let types = || vec![on_demand(4, 10)];
    let (snapshot, outcome) = placed(types(), vec![Pool::default(), Pool::default()], vec![pod(500)], None);
    assert_eq!(pools_of(&snapshot, &outcome), ["pool-1"]);
    let heavy = Pool { weight: Some(10), ..Pool::default() };
    let (snapshot, outcome) = placed(types(), vec![heavy, Pool::default()], vec![pod(500)], None);
    assert_eq!(pools_of(&snapshot, &outcome), ["pool-0"]);
}

#[test]
fn a_limit_is_charged_with_the_largest_type_a_claim_may_be() {
    // Section 2.11: the first claim might become the type with 8 cores, so the second may only have 2.
    let types = vec![on_demand(2, 10), on_demand(8, 100)];
    let alone = Pod { app: 1, shuns: Some(1), ..pod(1_500) };
    let (_, outcome) =
        placed(types, vec![Pool::default()], vec![alone.clone(), alone.clone(), alone], Some("10"));
    let choice: Vec<usize> = outcome.nodes.iter().map(|node| node.types.count_ones(..)).collect();
    assert_eq!(choice, [2, 1]);
    assert_eq!(outcome.unplaced.iter().map(|unplaced| unplaced.pods.len()).sum::<usize>(), 1);
}

#[test]
fn pods_without_hope_do_not_keep_others_from_being_placed() {
    let types = vec![on_demand(4, 10)];
    let mut pods = vec![pod(90_000); 5];
    pods.extend(vec![pod(500); 3]);
    let (_, outcome) = placed(types, vec![Pool::default()], pods, None);
    assert_eq!(outcome.unplaced.iter().map(|unplaced| unplaced.pods.len()).sum::<usize>(), 5);
    assert_eq!(outcome.nodes.iter().map(|node| node.pods.len()).sum::<usize>(), 3);
}
