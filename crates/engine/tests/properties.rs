//! What must not change a plan, and which way a change must turn it: laws that need no known answer.

#![allow(clippy::unwrap_used, reason = "these are tests")]

mod support;

use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use supercargo_api::Objects;
use supercargo_api::labels::keys;
use supercargo_catalog::Usd;
use supercargo_clock::Randomness;
use supercargo_engine::first_fit::first_fit_decreasing;
use supercargo_engine::invariants::check;
use supercargo_engine::market::Market;
use supercargo_engine::plan::Plan;
use supercargo_engine::snapshot::{Snapshot, SnapshotOptions};
use supercargo_engine::solve::{Outcome, SolveOptions, solve};

use support::crowd::crowd;
use support::instance::Instance;
use support::objects::{market, objects};

fn built(objects: &Objects, market: &Market) -> Snapshot {
    Snapshot::build(objects, market, &SnapshotOptions::default())
}

fn outcome_of(objects: &Objects, market: &Market) -> Outcome {
    solve(&built(objects, market), SolveOptions::default())
}

fn unplaced(outcome: &Outcome) -> usize {
    outcome.unplaced.iter().map(|unplaced| unplaced.pods.len()).sum()
}

/// Everything an outcome decides. Its `Debug` form will not do: it shows the addresses of sets.
fn written_out(outcome: &Outcome) -> String {
    let nodes = outcome.nodes.iter().map(|node| {
        let types: Vec<usize> = node.types.ones().collect();
        let bought = (node.variant, node.chosen, node.offer, node.price, node.offers);
        format!("{bought:?} {types:?} {:?} {:?} {:?}", node.used, node.contents, node.pods)
    });
    let nodes: Vec<String> = nodes.collect();
    format!("{nodes:#?} {:?} {:?} {}", outcome.on_rooms, outcome.unplaced, outcome.lower_bound)
}

/// An instance of up to so many pods.
fn instance(most_pods: u64) -> impl Strategy<Value = Instance> {
    any::<u64>().prop_map(move |seed| {
        let mut randomness = Randomness::from_seed(seed).fork("properties");
        let pods = 1 + randomness.below(most_pods) as usize;
        Instance::draw_sized(&mut randomness, pods, 12)
    })
}

/// The cluster after the plan was carried out: planned nodes run with all their pods, except one that is pending.
fn carried_out(objects: &Objects, snapshot: &Snapshot, outcome: &Outcome, pending: u32) -> Objects {
    let mut after = Objects { nodes: objects.nodes.clone(), ..objects.clone() };
    after.pods.retain(|pod| pod.metadata.name.as_deref() == Some(&*snapshot.pods[pending as usize].name));
    for (index, planned) in outcome.nodes.iter().enumerate() {
        let variant = &outcome.variants[planned.variant as usize];
        let table = snapshot.pools[variant.pool as usize].table.as_ref().unwrap();
        let chosen = &table.types[planned.chosen as usize];
        let offer = &snapshot.market.keys[planned.offer as usize];
        let name = format!("bought-{index}");
        let mut labels = variant.labels.clone();
        labels.extend(chosen.labels.clone());
        labels.insert(keys::ZONE.to_owned(), offer.zone.clone());
        labels.insert(keys::CAPACITY_TYPE.to_owned(), offer.capacity_type.as_str().to_owned());
        labels.insert(keys::HOSTNAME.to_owned(), name.clone());
        let mut node = k8s_openapi::api::core::v1::Node::default();
        node.metadata.name = Some(name.clone());
        node.metadata.labels = Some(labels);
        let taints = snapshot.pools[variant.pool as usize].taints.clone();
        node.spec.get_or_insert_default().taints = Some(taints);
        let status = node.status.get_or_insert_default();
        status.capacity = Some(chosen.capacity.to_quantities());
        status.allocatable = Some(chosen.allocatable.to_quantities());
        after.nodes.push(node);
        for pod in planned.pods.iter().filter(|pod| **pod != pending) {
            let own = &snapshot.pods[*pod as usize].name;
            let found = objects.pods.iter().find(|pod| pod.metadata.name.as_deref() == Some(&**own));
            let mut pod = found.unwrap().clone();
            pod.set_node_name(Some(&name));
            after.pods.push(pod);
        }
    }
    after
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, rng_seed: RngSeed::Fixed(20_260_731), ..ProptestConfig::default() })]

    #[test]
    fn no_plan_breaks_an_invariant(instance in instance(40)) {
        let (objects, market) = (objects(&instance), market(&instance));
        let snapshot = built(&objects, &market);
        let outcome = solve(&snapshot, SolveOptions::default());
        prop_assert_eq!(check(&snapshot, &outcome), [], "{:?}", outcome.price());
    }

    #[test]
    fn no_plan_of_the_baseline_breaks_an_invariant(instance in instance(40)) {
        let (objects, market) = (objects(&instance), market(&instance));
        let snapshot = built(&objects, &market);
        let outcome = first_fit_decreasing(&snapshot, SolveOptions::default());
        prop_assert_eq!(check(&snapshot, &outcome), [], "{:?}", outcome.price());
    }

    #[test]
    fn no_plan_of_a_crowded_cluster_breaks_an_invariant(seed in any::<u64>()) {
        let (objects, market) = crowd(seed, 30);
        let snapshot = built(&objects, &market);
        let outcome = solve(&snapshot, SolveOptions::default());
        prop_assert_eq!(check(&snapshot, &outcome), [], "seed {}", seed);
    }

    #[test]
    fn no_plan_of_the_baseline_for_a_crowded_cluster_breaks_an_invariant(seed in any::<u64>()) {
        let (objects, market) = crowd(seed, 30);
        let snapshot = built(&objects, &market);
        let outcome = first_fit_decreasing(&snapshot, SolveOptions::default());
        prop_assert_eq!(check(&snapshot, &outcome), [], "seed {}", seed);
    }

    #[test]
    fn the_order_of_a_crowded_cluster_never_changes_the_price(seed in any::<u64>()) {
        let (mut objects, market) = crowd(seed, 20);
        let before = outcome_of(&objects, &market);
        let mut randomness = Randomness::from_seed(seed);
        randomness.shuffle(&mut objects.pods);
        randomness.shuffle(&mut objects.nodes);
        randomness.shuffle(&mut objects.node_pools);
        let after = outcome_of(&objects, &market);
        prop_assert_eq!(after.price(), before.price());
        prop_assert_eq!(unplaced(&after), unplaced(&before));
    }

    #[test]
    fn plans_place_no_fewer_pods_than_the_baseline_and_cost_no_more(instance in instance(40)) {
        let (objects, market) = (objects(&instance), market(&instance));
        let snapshot = built(&objects, &market);
        let ours = solve(&snapshot, SolveOptions::default());
        let baseline = first_fit_decreasing(&snapshot, SolveOptions::default());
        prop_assert!(unplaced(&ours) <= unplaced(&baseline));
        if unplaced(&ours) == unplaced(&baseline) && !instance.has_weights() {
            prop_assert!(ours.price() <= baseline.price(), "{} > {}", ours.price(), baseline.price());
            prop_assert!(ours.lower_bound <= baseline.price());
        }
    }

    #[test]
    fn the_order_of_the_input_never_changes_the_price(instance in instance(25), seed in any::<u64>()) {
        let (mut objects, market) = (objects(&instance), market(&instance));
        let before = outcome_of(&objects, &market);
        let mut randomness = Randomness::from_seed(seed);
        randomness.shuffle(&mut objects.pods);
        randomness.shuffle(&mut objects.node_pools);
        randomness.shuffle(&mut objects.daemon_sets);
        let after = outcome_of(&objects, &market);
        prop_assert_eq!(after.price(), before.price());
        prop_assert_eq!(after.lower_bound, before.lower_bound);
        prop_assert_eq!(unplaced(&after), unplaced(&before));
    }

    #[test]
    fn the_order_of_the_types_never_changes_the_plan(instance in instance(25), seed in any::<u64>()) {
        let objects = objects(&instance);
        let table = |market: &Market| market.table("default").unwrap().types.clone();
        let market = market(&instance);
        let mut types = table(&market);
        Randomness::from_seed(seed).shuffle(&mut types);
        let shuffled = Market::compile([("default".to_owned(), types)]).unwrap();
        prop_assert_eq!(outcome_of(&objects, &shuffled).price(), outcome_of(&objects, &market).price());
    }

    #[test]
    fn the_names_of_pods_never_change_the_price(instance in instance(25)) {
        let (mut objects, market) = (objects(&instance), market(&instance));
        let before = outcome_of(&objects, &market).price();
        let count = objects.pods.len();
        for (index, pod) in objects.pods.iter_mut().enumerate() {
            pod.metadata.name = Some(format!("z-{}", count - index));
        }
        prop_assert_eq!(outcome_of(&objects, &market).price(), before);
    }

    #[test]
    fn the_same_input_gives_the_same_bytes(instance in instance(25)) {
        let (objects, market) = (objects(&instance), market(&instance));
        let texts = || {
            let snapshot = built(&objects, &market);
            let outcome = solve(&snapshot, SolveOptions::default());
            let plan = Plan::new(&snapshot, &outcome, SolveOptions::default());
            (serde_json::to_string_pretty(&plan).unwrap(), written_out(&outcome))
        };
        prop_assert_eq!(texts(), texts());
    }

    #[test]
    fn one_more_pod_never_lowers_the_bound(instance in instance(12)) {
        let mut fewer = instance.clone();
        fewer.pods.pop();
        let fewer_pods = fewer.pods.len();
        let market = market(&instance);
        let (more, fewer) = (outcome_of(&objects(&instance), &market), outcome_of(&objects(&fewer), &market));
        // A bound speaks of the pods that are placed, and for a handful of pods it is the price itself.
        if unplaced(&more) > 0 || fewer_pods <= supercargo_engine::exact::MOST_PODS {
            return Ok(());
        }
        let slack = Usd::from_f64(fewer.lower_bound.as_f64() * 1e-6);
        prop_assert!(more.lower_bound + slack >= fewer.lower_bound, "{} < {}", more.lower_bound, fewer.lower_bound);
    }

    #[test]
    fn one_more_type_never_lifts_the_bound(instance in instance(12)) {
        let mut fewer = instance.clone();
        fewer.types.pop();
        // A new type may open a zone, and a spread must then count it, even if its pods are too large for it.
        if fewer.types.is_empty() || instance.has_weights() || instance.has_zone_spread() {
            return Ok(());
        }
        let objects = objects(&instance);
        let more = outcome_of(&objects, &market(&instance));
        let fewer = outcome_of(&objects, &market(&fewer));
        if unplaced(&fewer) > 0 {
            return Ok(());
        }
        let slack = Usd::from_f64(fewer.lower_bound.as_f64() * 1e-6);
        prop_assert!(more.lower_bound <= fewer.lower_bound + slack, "{} > {}", more.lower_bound, fewer.lower_bound);
        prop_assert_eq!(unplaced(&more), 0);
    }

    #[test]
    fn prices_twice_as_high_make_the_plan_twice_as_dear(instance in instance(25)) {
        let mut dearer = instance.clone();
        for price in dearer.types.iter_mut().flat_map(|one| one.prices.iter_mut().flatten()).flatten() {
            *price *= 2;
        }
        let objects = objects(&instance);
        let (once, twice) = (outcome_of(&objects, &market(&instance)), outcome_of(&objects, &market(&dearer)));
        prop_assert_eq!(twice.price().nanos(), once.price().nanos() * 2);
    }

    #[test]
    fn a_pod_taken_off_its_node_finds_the_way_back(instance in instance(25), pick in any::<prop::sample::Index>()) {
        let (objects, market) = (objects(&instance), market(&instance));
        let snapshot = built(&objects, &market);
        let outcome = solve(&snapshot, SolveOptions::default());
        let placed: Vec<u32> = outcome.nodes.iter().flat_map(|node| &node.pods).copied().collect();
        if placed.is_empty() {
            return Ok(());
        }
        let after = carried_out(&objects, &snapshot, &outcome, *pick.get(&placed));
        let snapshot = built(&after, &market);
        let again = solve(&snapshot, SolveOptions::default());
        prop_assert_eq!(snapshot.pending.len(), 1);
        prop_assert_eq!(again.on_rooms.len(), 1, "it should need no new node");
        prop_assert_eq!(check(&snapshot, &again), []);
    }
}
