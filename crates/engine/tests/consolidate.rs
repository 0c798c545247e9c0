//! Which moves are found, in which order, and what is said of the nodes that stay (reference sections 4.5 to 4.13).

#![allow(clippy::unwrap_used, reason = "these are tests")]

mod by_hand;

use by_hand::{Cluster, InstanceTypeBuilder, Manifest, instance_type, node, pod, pool};
use rstest::rstest;
use serde_json::json;
use supercargo_catalog::Usd;
use supercargo_engine::consolidate::{ConsolidateOptions, Consolidation, Floor, Move, MoveKind, consolidate};
use supercargo_engine::disruption::{BudgetOverride, Disruption, DisruptionOptions};

const ANY_SAVING: Floor = Floor::PerMonth(Usd::ZERO);

fn now() -> jiff::Timestamp {
    "2026-07-20T13:00:00Z".parse().unwrap()
}

/// Sizes whose price per core is the same, each sold as spot for a third.
fn sizes() -> Vec<InstanceTypeBuilder> {
    vec![
        instance_type("m.small", 2, 8, 0.1).spot(0.03),
        instance_type("m.medium", 4, 16, 0.2).spot(0.06),
        instance_type("m.large", 8, 32, 0.4).spot(0.12),
    ]
}

/// A NodePool of on-demand nodes without a waiting time.
fn on_demand(name: &str) -> Manifest {
    pool(name)
        .requires(&["karpenter.sh/capacity-type In on-demand"])
        .spec(json!({"disruption": {"consolidateAfter": "0s"}}))
}

/// A ready node of a NodePool.
fn bought(name: &str, pool: &str, instance_type: &str, capacity_type: &str) -> Manifest {
    let (cpu, memory) = match instance_type {
        "m.small" => ("2", "8Gi"),
        "m.medium" => ("4", "16Gi"),
        _ => ("8", "32Gi"),
    };
    node(name, cpu, memory)
        .label("karpenter.sh/nodepool", pool)
        .label("karpenter.sh/registered", "true")
        .label("karpenter.sh/initialized", "true")
        .label("karpenter.sh/capacity-type", capacity_type)
        .label("node.kubernetes.io/instance-type", instance_type)
        .with(json!({"status": {"conditions": [{"type": "Ready", "status": "True"}]}}))
}

fn web(name: &str, cpu: &str, on: &str) -> Manifest {
    pod(name, cpu, "1Gi").label("app", "web").owned_by("ReplicaSet", "web").on(on)
}

struct Question {
    options: ConsolidateOptions,
    disruption: DisruptionOptions,
}

impl Default for Question {
    fn default() -> Question {
        Question {
            options: ConsolidateOptions { floor: ANY_SAVING, ..ConsolidateOptions::default() },
            disruption: DisruptionOptions {
                budget_override: Some(BudgetOverride::Percent(100)),
                ..DisruptionOptions::at(now())
            },
        }
    }
}

impl Question {
    fn ask(&self, cluster: &Cluster) -> Consolidation {
        let snapshot = cluster.snapshot();
        let disruption = Disruption::build(cluster.objects(), &snapshot, &self.disruption);
        let outcome = consolidate(&snapshot, &disruption, &self.options, &mut |_| {});
        Consolidation::new(&snapshot, &disruption, &outcome, &self.options, &[], now())
    }
}

fn ask(cluster: &Cluster) -> Consolidation {
    Question::default().ask(cluster)
}

/// `kind: nodes -> new types`, one a move.
fn told(consolidation: &Consolidation) -> Vec<String> {
    let tell = |one: &Move| {
        let nodes: Vec<&str> = one.nodes.iter().map(|node| node.name.as_str()).collect();
        let new: Vec<&str> = one.new_nodes.iter().map(|node| node.instance_type.as_str()).collect();
        let arrow = if new.is_empty() { String::new() } else { format!(" -> {}", new.join(" ")) };
        format!("{}: {}{arrow}", one.kind.as_str(), nodes.join(" "))
    };
    consolidation.moves.iter().map(tell).collect()
}

/// Why a node stays.
fn stays<'c>(consolidation: &'c Consolidation, node: &str) -> (&'c str, &'c str) {
    let staying = consolidation.staying.iter().find(|staying| staying.name == node).unwrap();
    (&staying.reason, &staying.detail)
}

#[test]
fn an_empty_node_is_deleted_4_5() {
    let cluster = Cluster::new(&sizes())
        .pool(on_demand("general"))
        .node(bought("n1", "general", "m.small", "on-demand"))
        .node(bought("n2", "general", "m.small", "on-demand"))
        .pod(web("a", "1500m", "n1"));
    let answer = ask(&cluster);
    assert_eq!(told(&answer), ["delete-empty: n2"]);
    assert_eq!(answer.moves[0].reason, "Empty");
    assert_eq!(answer.summary.price_per_hour_now, Usd::from_f64(0.2));
    assert_eq!(answer.summary.price_per_hour_after, Usd::from_f64(0.1));
    assert_eq!(answer.summary.ideal_per_hour, Usd::from_f64(0.1));
    assert_eq!((answer.summary.nodes_now, answer.summary.nodes_after), (2, 1));
    assert_eq!(stays(&answer, "n1"), ("cheapest", "nothing cheaper holds its pod"));
}

#[test]
fn pods_spread_over_nodes_that_stay() {
    let cluster = Cluster::new(&sizes())
        .pool(on_demand("general"))
        .node(bought("n1", "general", "m.medium", "on-demand"))
        .node(bought("n2", "general", "m.medium", "on-demand"))
        .node(bought("n3", "general", "m.medium", "on-demand"))
        .pods([web("a", "3", "n1"), web("b", "3", "n2"), web("c", "500m", "n3"), web("d", "1", "n3")]);
    let answer = ask(&cluster);
    assert_eq!(told(&answer), ["delete: n3"]);
    let places: Vec<(&str, &str, &str)> =
        answer.moves[0].placements.iter().map(|one| (&*one.pod, &*one.from, &*one.to)).collect();
    assert_eq!(places.len(), 2);
    assert!(places.iter().all(|(_, from, to)| *from == "n3" && *to != "n3"));
    assert_eq!(answer.moves[0].saved_per_hour, Usd::from_f64(0.2));
    assert_eq!(answer.moves[0].disruption_cost, 3.0, "one for the node, one for each pod (section 4.3)");
}

#[test]
fn a_node_that_is_too_large_is_replaced_4_9() {
    let cluster = Cluster::new(&sizes())
        .pool(on_demand("general"))
        .node(bought("n1", "general", "m.large", "on-demand"))
        .pods([web("a", "1", "n1"), web("b", "500m", "n1")]);
    let answer = ask(&cluster);
    assert_eq!(told(&answer), ["replace: n1 -> m.small"]);
    assert_eq!(answer.moves[0].new_nodes[0].instance_types, ["m.small", "m.medium"], "cheaper ones only");
    assert_eq!(answer.moves[0].placements[0].to, "new-1-1");
}

#[test]
fn one_node_may_become_two() {
    // A core costs more on the large size, as it does where a family is short.
    let types = [instance_type("m.small", 2, 8, 0.1), instance_type("m.large", 8, 32, 0.6)];
    let cluster = Cluster::new(&types)
        .pool(on_demand("general"))
        .node(bought("n1", "general", "m.large", "on-demand"))
        .pods([web("a", "2", "n1"), web("b", "2", "n1")]);
    assert_eq!(told(&ask(&cluster)), ["split: n1 -> m.small m.small"]);
    let one_for_one = Question {
        options: ConsolidateOptions { max_new_nodes: 1, ..Question::default().options },
        ..Question::default()
    };
    let answer = one_for_one.ask(&cluster);
    assert_eq!(told(&answer), [""; 0]);
}

#[test]
fn any_two_nodes_may_become_one_and_not_only_a_prefix_of_an_order_4_10() {
    // In the order of price per disruption n2 comes between n1 and n3, and fits with neither.
    let types = [instance_type("m.medium", 4, 16, 0.2), instance_type("m.large", 8, 32, 0.36)];
    let cluster = Cluster::new(&types)
        .pool(on_demand("general"))
        .node(bought("n1", "general", "m.medium", "on-demand"))
        .node(bought("n2", "general", "m.medium", "on-demand"))
        .node(bought("n3", "general", "m.medium", "on-demand"))
        .pods([
            web("a", "4", "n1"),
            web("b", "3900m", "n2").annotation("karpenter.sh/do-not-disrupt", "true"),
        ])
        .pod(web("c", "4", "n3"));
    assert_eq!(told(&ask(&cluster)), ["merge: n1 n3 -> m.large"]);
}

#[test]
fn on_demand_becomes_spot_where_the_node_pool_allows_it() {
    let either = on_demand("general").requires(&["karpenter.sh/capacity-type In on-demand spot"]);
    let cluster = Cluster::new(&sizes())
        .pool(either)
        .node(bought("n1", "general", "m.small", "on-demand"))
        .pod(web("a", "1500m", "n1"));
    let answer = ask(&cluster);
    assert_eq!(told(&answer), ["replace: n1 -> m.small"]);
    assert_eq!(answer.moves[0].new_nodes[0].capacity_type, "spot");
}

fn spot_cluster(types: &[InstanceTypeBuilder]) -> Cluster {
    Cluster::new(types)
        .pool(on_demand("general").requires(&["karpenter.sh/capacity-type In spot"]))
        .node(bought("n1", "general", "m.large", "spot"))
        .pod(web("a", "1500m", "n1"))
}

#[test]
fn spot_does_not_replace_spot_unless_asked_4_12() {
    let answer = ask(&spot_cluster(&sizes()));
    assert_eq!(told(&answer), [""; 0]);
    assert_eq!(stays(&answer, "n1").0, "spot-to-spot");
}

fn spot_to_spot() -> Question {
    let usual = Question::default();
    Question {
        options: ConsolidateOptions { spot_to_spot: true, ..usual.options },
        disruption: DisruptionOptions { spot_to_spot: true, ..usual.disruption },
    }
}

#[rstest]
#[case::fewer_than_fifteen_cheaper_types(12, false)]
#[case::fifteen_and_the_two_sizes(13, true)]
fn a_spot_node_is_replaced_by_spot_if_there_is_choice_4_12(#[case] more: usize, #[case] replaced: bool) {
    let mut types = sizes();
    let price = |index: usize| 0.04 + index as f64 / 1000.0;
    types.extend(
        (0..more).map(|index| instance_type(&format!("t{index}.small"), 2, 8, 0.2).spot(price(index))),
    );
    let answer = spot_to_spot().ask(&spot_cluster(&types));
    if replaced {
        assert_eq!(told(&answer), ["replace: n1 -> m.small"]);
        assert_eq!(answer.moves[0].new_nodes[0].instance_types.len(), 15, "no more than fifteen are listed");
    } else {
        assert_eq!(stays(&answer, "n1").0, "spot-to-spot");
    }
}

#[test]
fn a_pod_that_must_not_be_disrupted_keeps_its_node() {
    let cluster = Cluster::new(&sizes())
        .pool(on_demand("general"))
        .node(bought("n1", "general", "m.large", "on-demand"))
        .pod(web("a", "1", "n1").annotation("karpenter.sh/do-not-disrupt", "true"));
    let answer = ask(&cluster);
    assert_eq!(told(&answer), [""; 0]);
    assert_eq!(stays(&answer, "n1"), ("pod-do-not-disrupt", "pod default/a is do-not-disrupt"));
}

fn budget(allowed: i32) -> serde_json::Value {
    json!({
        "metadata": {"name": "web", "namespace": "default", "generation": 1},
        "spec": {"maxUnavailable": allowed, "selector": {"matchLabels": {"app": "web"}}},
        "status": {
            "disruptionsAllowed": allowed, "currentHealthy": 4, "desiredHealthy": 4 - allowed,
            "expectedPods": 4, "observedGeneration": 1,
        },
    })
}

fn two_pods_on_a_node_too_many() -> Cluster {
    Cluster::new(&sizes())
        .pool(on_demand("general"))
        .node(bought("n1", "general", "m.medium", "on-demand"))
        .node(bought("n2", "general", "m.medium", "on-demand"))
        .pods([web("a", "1100m", "n1"), web("b", "900m", "n1"), web("c", "1", "n2"), web("d", "1", "n2")])
}

#[test]
fn a_budget_counts_all_evictions_of_a_move() {
    // Each pod alone might go (section 4.2), both at once may not.
    let answer = ask(&two_pods_on_a_node_too_many().json("PodDisruptionBudget", budget(1)));
    assert_eq!(told(&answer), [""; 0]);
    assert_eq!(stays(&answer, "n1"), ("pdb-at-once", "PDB default/web allows 1 of the 2 evictions it takes"));
    let answer = ask(&two_pods_on_a_node_too_many().json("PodDisruptionBudget", budget(2)));
    assert_eq!(answer.moves.len(), 1);
}

#[test]
fn waves_keep_to_the_budgets_of_pods() {
    let mut cluster = Cluster::new(&sizes())
        .pool(on_demand("general"))
        .node(bought("n0", "general", "m.large", "on-demand"))
        .json("PodDisruptionBudget", budget(1));
    for index in 1..=3 {
        let name = format!("n{index}");
        cluster = cluster.node(bought(&name, "general", "m.medium", "on-demand")).pod(web(
            &format!("w{index}"),
            "2",
            &name,
        ));
    }
    let cluster = cluster.pod(web("w0", "2", "n0"));
    let answer = ask(&cluster);
    assert_eq!(told(&answer), ["delete: n0", "delete: n2"]);
    let waves: Vec<u32> = answer.moves.iter().map(|one| one.wave).collect();
    assert_eq!(waves, [1, 2], "one eviction at a time");
}

#[test]
fn waves_keep_to_the_budgets_of_node_pools_4_4() {
    let mut cluster = Cluster::new(&sizes()).pool(on_demand("general"));
    for index in 0..5 {
        cluster = cluster.node(bought(&format!("n{index}"), "general", "m.small", "on-demand"));
    }
    let question = Question {
        disruption: DisruptionOptions {
            budget_override: Some(BudgetOverride::Nodes(2)),
            ..Question::default().disruption
        },
        ..Question::default()
    };
    let answer = question.ask(&cluster);
    assert_eq!(told(&answer), ["delete-empty: n0 n1", "delete-empty: n2 n3", "delete-empty: n4"]);
    let waves: Vec<u32> = answer.moves.iter().map(|one| one.wave).collect();
    assert_eq!(waves, [1, 2, 3]);
}

#[test]
fn a_budget_of_zero_keeps_everything() {
    let question = Question {
        disruption: DisruptionOptions {
            budget_override: Some(BudgetOverride::Nodes(0)),
            ..Question::default().disruption
        },
        ..Question::default()
    };
    let answer = question.ask(&two_pods_on_a_node_too_many());
    assert_eq!(told(&answer), [""; 0]);
    assert_eq!(stays(&answer, "n1").0, "budget");
}

#[test]
fn no_move_is_made_for_next_to_nothing() {
    // $0.20 a month on a node of $73.
    let types = [instance_type("m.medium", 4, 16, 0.2), instance_type("t.medium", 4, 16, 0.1997)];
    let cluster = Cluster::new(&types)
        .pool(on_demand("general"))
        .node(bought("n1", "general", "m.medium", "on-demand"))
        .pod(web("a", "3", "n1"));
    assert_eq!(told(&ask(&cluster)), ["replace: n1 -> t.medium"]);
    let balanced = Question { options: ConsolidateOptions::default(), ..Question::default() };
    let answer = balanced.ask(&cluster);
    assert_eq!(told(&answer), [""; 0]);
    let (reason, detail) = stays(&answer, "n1");
    assert_eq!(reason, "under-floor");
    assert_eq!(detail, "replacing saves $0.22/month, under the $73.00 that the Balanced rule asks for");
    let floor = Floor::PerMonth(Usd::from_f64(0.25));
    let dollars = Question {
        options: ConsolidateOptions { floor, ..Question::default().options },
        ..Question::default()
    };
    assert_eq!(stays(&dollars.ask(&cluster), "n1").0, "under-floor");
}

#[rstest]
// Half of the cost for half of the disruption: 0.5 / 0.5 = 1.
#[case::both_nodes_alike(1, true)]
// A tenth of the pods on the other node: 0.5 / (11 / 13) is 0.59, and a k of two asks for 0.5.
#[case::just_worth_it(10, true)]
fn the_balanced_rule_weighs_cost_against_disruption_4_13(#[case] pods: usize, #[case] moved: bool) {
    let mut cluster = Cluster::new(&sizes())
        .pool(on_demand("general"))
        .node(bought("n1", "general", "m.medium", "on-demand"))
        .node(bought("n2", "general", "m.medium", "on-demand"))
        .pod(web("only", "3", "n1").annotation("karpenter.sh/do-not-disrupt", "true"));
    for index in 0..pods {
        cluster = cluster.pod(pod(&format!("p{index}"), "50m", "16Mi").owned_by("ReplicaSet", "p").on("n2"));
    }
    let balanced = Question { options: ConsolidateOptions::default(), ..Question::default() };
    let answer = balanced.ask(&cluster);
    assert_eq!(!answer.moves.is_empty(), moved);
    let disruption = (1 + pods) as f64 / (3 + pods) as f64;
    let score = answer.moves[0].score.unwrap();
    assert!((score - 0.5 / disruption).abs() < 0.01, "{score}");
}

#[test]
fn a_pod_without_another_place_keeps_its_node() {
    let cluster = Cluster::new(&sizes())
        .pool(on_demand("general"))
        .node(bought("n1", "general", "m.large", "on-demand").label("disk", "fast"))
        .pod(web("a", "1", "n1").selecting("disk", "fast"));
    let answer = ask(&cluster);
    assert_eq!(told(&answer), [""; 0]);
    let (reason, detail) = stays(&answer, "n1");
    assert_eq!(reason, "no-place");
    assert!(detail.contains("pod default/a"), "{detail}");
}

#[test]
fn a_limit_counts_the_old_node_and_the_new_one() {
    let limited = on_demand("general").spec(json!({"limits": {"cpu": "9"}}));
    let cluster = Cluster::new(&sizes())
        .pool(limited)
        .node(bought("n1", "general", "m.large", "on-demand"))
        .pod(web("a", "1", "n1"));
    // The replacement is up before the old node goes: ten cores for a while.
    assert_eq!(told(&ask(&cluster)), [""; 0]);
}

#[test]
fn waves_keep_to_limits_while_old_and_new_nodes_are_there() {
    let limited = on_demand("general").spec(json!({"limits": {"cpu": "21"}}));
    let apart = json!({"spec": {"affinity": {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [{
        "topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": {"app": "web"}},
    }]}}}});
    let cluster = Cluster::new(&sizes())
        .pool(limited)
        .node(bought("n1", "general", "m.large", "on-demand"))
        .node(bought("n2", "general", "m.large", "on-demand"))
        .pods([web("a", "3", "n1").with(apart.clone()), web("b", "3", "n2").with(apart)]);
    let answer = ask(&cluster);
    assert_eq!(told(&answer), ["replace: n1 -> m.medium", "replace: n2 -> m.medium"]);
    let waves: Vec<u32> = answer.moves.iter().map(|one| one.wave).collect();
    assert_eq!(waves, [1, 2], "16 cores are there, 4 may come, not 8");
}

#[test]
fn no_type_is_listed_that_might_be_launched_for_more_than_what_goes_4_9() {
    let types = [
        instance_type("m.medium", 4, 16, 0.2),
        instance_type("cheap.small", 2, 8, 0.08).also_in("b", 0.5).also_in("c", 0.15),
        instance_type("dear.small", 2, 8, 0.09).also_in("c", 0.3),
        instance_type("fair.small", 2, 8, 0.1).also_in("b", 0.4).also_in("c", 0.19),
    ];
    let cluster = Cluster::new(&types)
        .pool(on_demand("general"))
        .node(bought("n1", "general", "m.medium", "on-demand"))
        .pod(web("a", "1500m", "n1"));
    let snapshot = cluster.snapshot();
    let question = Question::default();
    let disruption = Disruption::build(cluster.objects(), &snapshot, &question.disruption);
    let outcome = consolidate(&snapshot, &disruption, &question.options, &mut |_| {});
    let node = &outcome.moves[0].relocation.new_nodes[0];
    let table = snapshot.pools[0].table.as_ref().unwrap();
    let listed: Vec<&str> = node.types.ones().map(|index| table.types[index].name.as_str()).collect();
    assert_eq!(listed, ["cheap.small", "fair.small"], "dear.small costs too much in zone c");
    let offers = node.types.ones().flat_map(|index| &table.offers[index]);
    let prices: Vec<Usd> =
        offers.filter(|offer| node.offers >> offer.key & 1 == 1).map(|offer| offer.price).collect();
    assert_eq!(prices.len(), 4, "zones a and c");
    assert!(prices.iter().all(|price| *price < Usd::from_f64(0.2)), "{prices:?}");
}

#[test]
fn nodes_that_are_not_ours_stay_and_take_pods() {
    let cluster = Cluster::new(&sizes())
        .pool(on_demand("general"))
        .node(node("static", "8", "32Gi"))
        .node(bought("n1", "general", "m.small", "on-demand"))
        .pod(web("a", "1", "n1"));
    let answer = ask(&cluster);
    assert_eq!(told(&answer), ["delete: n1"]);
    assert_eq!(answer.moves[0].placements[0].to, "static");
    assert_eq!(stays(&answer, "static").0, "not-managed");
}

#[test]
fn a_pod_that_waits_has_its_room_before_anything_moves() {
    let cluster = two_pods_on_a_node_too_many().pod(pod("waiting", "1500m", "1Gi"));
    let answer = ask(&cluster);
    assert_eq!(
        told(&answer),
        ["replace: n2 -> m.small"],
        "it is given two of the cores that n2 could have had"
    );
    assert_eq!(answer.summary.pending_pods, 1);
}

#[test]
fn no_more_moves_than_asked_for() {
    let mut cluster = Cluster::new(&sizes()).pool(on_demand("general"));
    for index in 0..3 {
        let name = format!("n{index}");
        cluster = cluster.node(bought(&name, "general", "m.large", "on-demand")).pod(web(
            &format!("w{index}"),
            "6",
            &name,
        ));
    }
    for index in 3..6 {
        let name = format!("n{index}");
        cluster = cluster.node(bought(&name, "general", "m.small", "on-demand")).pod(web(
            &format!("w{index}"),
            "1",
            &name,
        ));
    }
    let all = ask(&cluster);
    assert_eq!(all.moves.len(), 3);
    let options = ConsolidateOptions { max_moves: Some(1), ..Question::default().options };
    let one = Question { options, ..Question::default() }.ask(&cluster);
    assert_eq!(one.moves.len(), 1);
    assert!(one.staying.iter().any(|staying| staying.reason == "later"));
}

#[test]
fn a_drifted_node_is_a_row_of_its_own_4_7() {
    let cluster = Cluster::new(&sizes())
        .pool(on_demand("general"))
        .node(bought("n1", "general", "m.small", "on-demand"))
        .pod(web("a", "1500m", "n1"))
        .json(
            "NodeClaim",
            json!({
                "metadata": {"name": "general-1", "labels": {"karpenter.sh/nodepool": "general"}},
                "spec": {
                    "nodeClassRef": {"group": "karpenter.k8s.aws", "kind": "EC2NodeClass", "name": "default"},
                    "requirements": [],
                },
                "status": {
                    "nodeName": "n1", "providerID": "aws:///a/n1",
                    "conditions": [{
                        "type": "Drifted", "status": "True", "reason": "AMIDrift", "message": "",
                        "lastTransitionTime": "2026-07-20T12:00:00Z",
                    }],
                },
            }),
        );
    let answer = ask(&cluster);
    assert_eq!(told(&answer), [""; 0]);
    let [rotation] = &answer.rotations[..] else { panic!("{:?}", answer.rotations) };
    assert_eq!((rotation.node.name.as_str(), rotation.cause.as_str()), ("n1", "drifted"));
    assert!(rotation.detail.starts_with("AMIDrift"), "{}", rotation.detail);
    assert_eq!(rotation.new_nodes.len(), 1);
    assert_eq!(rotation.new_nodes[0].instance_type, "m.small");
    assert_eq!(rotation.price_change_per_hour, Usd::ZERO);
    assert_eq!(rotation.at.as_deref(), Some("2026-07-20T12:00:00Z"));
}

#[test]
fn the_same_question_has_the_same_answer() {
    let cluster = two_pods_on_a_node_too_many();
    assert_eq!(ask(&cluster), ask(&cluster));
    assert_eq!(ask(&cluster).moves[0].kind, MoveKind::Delete);
}
