//! Every move of every plan for made-up clusters, replayed one by one by a checker that shares no code with the engine:
//! no PodDisruptionBudget, no budget of a NodePool, no rule of a pod and no price is broken.

#![allow(clippy::unwrap_used, reason = "what cannot go on fails the test")]

use std::collections::BTreeMap;

use rstest::rstest;
use supercargo_api::Objects;
use supercargo_bench::replay::{Rule, Rules, Violation, replay};
use supercargo_catalog::{CapacitySettings, Catalog, InstanceType, NodeClassModel, Usd};
use supercargo_engine::consolidate::{ConsolidateOptions, Consolidation, Floor, consolidate};
use supercargo_engine::disruption::{BudgetOverride, Disruption, DisruptionOptions, Policy};
use supercargo_engine::snapshot::{Snapshot, SnapshotOptions};
use supercargo_generate::{ClusterOptions, cluster, market};

fn types(objects: &Objects, region: &str) -> BTreeMap<String, Vec<InstanceType>> {
    let classes = objects.node_classes.iter().map(|class| {
        let model = NodeClassModel::from_ec2nodeclass(class, CapacitySettings::default()).unwrap();
        (class.metadata.name.clone().unwrap(), Catalog::embedded().instance_types(region, None, &model))
    });
    classes.collect()
}

fn plan(
    objects: &Objects,
    region: &str,
    disruption: &DisruptionOptions,
    options: &ConsolidateOptions,
) -> Consolidation {
    let market = market(objects, region).unwrap();
    let snapshot = Snapshot::build(objects, &market, &SnapshotOptions::default());
    let table = Disruption::build(objects, &snapshot, disruption);
    let outcome = consolidate(&snapshot, &table, options, &mut |_| ());
    let claims: Vec<String> =
        objects.node_claims.iter().map(|claim| claim.metadata.name.clone().unwrap_or_default()).collect();
    Consolidation::new(&snapshot, &table, &outcome, options, &claims, disruption.now)
}

fn told(violations: &[Violation]) -> Vec<String> {
    violations.iter().take(20).map(ToString::to_string).collect()
}

const ANY_SAVING: Floor = Floor::PerMonth(Usd::ZERO);

#[rstest]
#[case::small(10, 5, 8)]
#[case::medium(30, 5, 3)]
#[case::with_many_pools(60, 12, 2)]
fn plans_under_all_the_rules_of_the_cluster_break_none(
    #[case] nodes: u32,
    #[case] pools: u32,
    #[case] seeds: u64,
    #[values(0.3, 0.7)] churn: f64,
    #[values(ANY_SAVING, Floor::Balanced { k: 2.0 })] floor: Floor,
) {
    let mut moves = 0;
    for seed in 0..seeds {
        let made =
            ClusterOptions { nodes, pools, seed, churn, pods_per_node: 20, ..ClusterOptions::default() };
        let objects = cluster(&made).unwrap();
        let disruption = DisruptionOptions::at(made.at);
        let options = ConsolidateOptions { floor, ..ConsolidateOptions::default() };
        let plan = plan(&objects, &made.region, &disruption, &options);
        let balanced = match floor {
            Floor::Balanced { k } => Some(k),
            Floor::PerMonth(_) => None,
        };
        let rules = Rules { now: made.at, node_pools_decide: true, least: Usd::ZERO, balanced };
        let violations = replay(&objects, &types(&objects, &made.region), &plan, rules);
        assert_eq!(told(&violations), Vec::<String>::new(), "seed {seed}");
        moves += plan.moves.len();
    }
    assert!(moves > 0, "there was nothing to check");
}

#[rstest]
#[case::small(12, 3, 5)]
#[case::medium(40, 5, 2)]
fn plans_without_anything_in_the_way_break_no_rule_of_pods(
    #[case] nodes: u32,
    #[case] pools: u32,
    #[case] seeds: u64,
    #[values(0.3, 0.5, 0.7)] churn: f64,
    #[values(false, true)] spot_to_spot: bool,
) {
    let mut moves = 0;
    for seed in 100..100 + seeds {
        let made = ClusterOptions {
            nodes,
            pools,
            seed,
            churn,
            pdbs: false,
            obstacles: false,
            gpu: seed % 2 == 0,
            ..ClusterOptions::default()
        };
        let objects = cluster(&made).unwrap();
        let disruption = DisruptionOptions {
            budget_override: Some(BudgetOverride::Percent(100)),
            policy_override: Some(Policy::WhenEmptyOrUnderutilized),
            spot_to_spot,
            ..DisruptionOptions::at(made.at)
        };
        let options = ConsolidateOptions { floor: ANY_SAVING, spot_to_spot, ..ConsolidateOptions::default() };
        let plan = plan(&objects, &made.region, &disruption, &options);
        let rules = Rules { now: made.at, node_pools_decide: true, least: Usd::ZERO, balanced: None };
        let violations = replay(&objects, &types(&objects, &made.region), &plan, rules);
        assert_eq!(told(&violations), Vec::<String>::new(), "seed {seed}");
        moves += plan.moves.len();
    }
    assert!(moves > 0, "there was nothing to check");
}

/// A plan that is tampered with is caught: the checker can fail.
#[rstest]
#[case::a_pod_is_forgotten(Rule::Bookkeeping, |plan: &mut Consolidation| {
    let one = plan.moves.iter_mut().find(|one| !one.placements.is_empty()).unwrap();
    one.placements.pop();
})]
#[case::everybody_goes_to_one_node(Rule::Constraint, |plan: &mut Consolidation| {
    let gone: Vec<String> =
        plan.moves.iter().flat_map(|one| one.nodes.iter().map(|node| node.name.clone())).collect();
    let placements = plan.moves.iter().flat_map(|one| &one.placements);
    let to = placements.map(|one| one.to.clone()).find(|to| !gone.contains(to) && !to.starts_with("new-")).unwrap();
    for placement in plan.moves.iter_mut().flat_map(|one| &mut one.placements) {
        placement.to.clone_from(&to);
    }
})]
#[case::all_in_one_wave(Rule::PodDisruptionBudget, |plan: &mut Consolidation| {
    plan.moves.iter_mut().for_each(|one| one.wave = 1);
})]
#[case::all_nodes_in_one_wave(Rule::NodePoolBudget, |plan: &mut Consolidation| {
    plan.moves.iter_mut().for_each(|one| one.wave = 1);
})]
#[case::a_price_is_wrong(Rule::Price, |plan: &mut Consolidation| {
    plan.moves[0].saved_per_hour += Usd::from_nanos(1);
})]
#[case::a_node_goes_twice(Rule::Bookkeeping, |plan: &mut Consolidation| {
    let again = plan.moves[0].clone();
    plan.moves.push(again);
})]
#[case::a_node_is_another(Rule::NodePool, |plan: &mut Consolidation| {
    let node = plan.moves.iter_mut().flat_map(|one| &mut one.new_nodes).next().unwrap();
    node.instance_type = "t3.nano".to_owned();
})]
fn a_plan_that_is_tampered_with_is_caught(#[case] rule: Rule, #[case] tamper: fn(&mut Consolidation)) {
    let options = ConsolidateOptions { floor: ANY_SAVING, ..ConsolidateOptions::default() };
    let planned = (0..).map(|seed| {
        let made = ClusterOptions { nodes: 30, seed, churn: 0.6, ..ClusterOptions::default() };
        let objects = cluster(&made).unwrap();
        let plan = plan(&objects, &made.region, &DisruptionOptions::at(made.at), &options);
        (made, objects, plan)
    });
    let rich = |plan: &Consolidation| {
        plan.summary.waves > 2 && plan.moves.iter().any(|one| !one.new_nodes.is_empty())
    };
    let (made, objects, mut plan) = planned.take(50).find(|(_, _, plan)| rich(plan)).unwrap();
    tamper(&mut plan);
    let rules = Rules { now: made.at, node_pools_decide: true, least: Usd::ZERO, balanced: None };
    let violations = replay(&objects, &types(&objects, &made.region), &plan, rules);
    assert!(violations.iter().any(|violation| violation.rule == rule), "{:?}", told(&violations));
}
