//! Every form a plan is printed in, from plans built by hand: what the renderer promises, whatever the engine decides.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

use std::collections::BTreeMap;

use supercargo_catalog::{PriceKind, PriceStamp, Usd};
use supercargo_cli::console::Paint;
use supercargo_cli::plan::{Format, render};
use supercargo_engine::plan::{
    Ignored, InstanceChoice, Node, NodePoolProblem, Placement, Plan, Summary, Unschedulable, Why,
};
use supercargo_engine::problems::ObjectProblem;
use supercargo_engine::reasons::{Explanation, Step};

fn usd(text: &str) -> Usd {
    text.parse().unwrap()
}

fn texts(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn choice(instance_type: &str, capacity_type: &str, price: &str) -> InstanceChoice {
    InstanceChoice {
        instance_type: instance_type.to_owned(),
        zone: "us-east-1a".to_owned(),
        capacity_type: capacity_type.to_owned(),
        price_per_hour: usd(price),
    }
}

fn stamp(kind: PriceKind) -> PriceStamp {
    PriceStamp::new(kind, "2026-07-20".parse().unwrap())
}

fn pods(workload: &str, count: usize) -> Vec<String> {
    (0..count).map(|index| format!("shop/{workload}-{index}")).collect()
}

fn node(
    name: &str,
    pool: &str,
    instance_type: &str,
    capacity_type: &str,
    price: &str,
    pods: Vec<String>,
) -> Node {
    let kind = if capacity_type == "spot" { PriceKind::Estimate } else { PriceKind::List };
    Node {
        name: name.to_owned(),
        node_pool: pool.to_owned(),
        node_class: "default".to_owned(),
        instance_type: instance_type.to_owned(),
        zone: "us-east-1a".to_owned(),
        zones: ["us-east-1a", "us-east-1b", "us-east-1d"].map(str::to_owned).to_vec(),
        capacity_type: capacity_type.to_owned(),
        price_per_hour: usd(price),
        price: stamp(kind),
        requests: texts(&[("cpu", "7100m"), ("memory", "16512Mi"), ("pods", "4")]),
        daemon_sets: texts(&[("cpu", "100m"), ("memory", "128Mi"), ("pods", "1")]),
        allocatable: texts(&[("cpu", "7910m"), ("memory", "29Gi"), ("pods", "58")]),
        cpu_percent: 89.8,
        memory_percent: 55.6,
        pods,
        labels: texts(&[("workload-type", "general")]),
        instance_types: vec![
            choice(instance_type, capacity_type, price),
            choice("m7i.2xlarge", capacity_type, "0.4032"),
            choice("r6a.2xlarge", capacity_type, "0.4536"),
        ],
        why: Why {
            text: "cheapest of 3 types that hold its pods; m7i.2xlarge would cost $0.0576/h more".to_owned(),
            runner_up: Some(choice("m7i.2xlarge", capacity_type, "0.4032")),
            difference_per_hour: Some(usd("0.0576")),
            considered: 143,
        },
        is_static: false,
        min_values_relaxed: false,
    }
}

/// One of everything.
fn full_plan() -> Plan {
    let mut relaxed = node("batch-1", "batch", "c6a.4xlarge", "spot", "0.2311", pods("encode", 6));
    relaxed.min_values_relaxed = true;
    let mut standing = node("base-1", "base", "m6a.large", "on-demand", "0.0864", Vec::new());
    standing.is_static = true;
    standing.zones = vec!["us-east-1a".to_owned()];
    standing.instance_types.truncate(1);
    standing.why = Why {
        text: "the only type that holds its pods".to_owned(),
        runner_up: None,
        difference_per_hour: None,
        considered: 1,
    };
    Plan {
        api_version: "supercargo.dev/v1".to_owned(),
        kind: "Plan".to_owned(),
        summary: Summary {
            region: Some("us-east-1".to_owned()),
            pending_pods: 28,
            pods_on_existing_nodes: 5,
            pods_on_new_nodes: 18,
            unschedulable_pods: 5,
            ignored_pods: 3,
            existing_nodes: 2,
            new_nodes: 5,
            price_per_hour: usd("1.3543"),
            price_per_month: 988.64,
            lower_bound_per_hour: usd("1.2987"),
            gap_percent: 4.28,
            prices: vec![stamp(PriceKind::List), stamp(PriceKind::Estimate)],
            cpu_percent: 89.8,
            memory_percent: 55.6,
        },
        nodes: vec![
            relaxed,
            node("general-1", "general", "m6a.2xlarge", "on-demand", "0.3456", pods("api", 4)),
            node("general-2", "general", "m6a.2xlarge", "on-demand", "0.3456", pods("web", 5)),
            node("general-3", "general", "m6a.2xlarge", "on-demand", "0.3456", pods("cart", 3)),
            standing,
        ],
        placements: vec![
            Placement { node: "ip-10-0-1-17.ec2.internal".to_owned(), in_flight: false, pods: pods("search", 4) },
            Placement { node: "general-x7k2p".to_owned(), in_flight: true, pods: pods("mail", 1) },
        ],
        unschedulable: vec![
            Unschedulable {
                pods: pods("huge", 4),
                requests: texts(&[("cpu", "200"), ("memory", "1Gi"), ("pods", "1")]),
                message: "NodePool general: needs 200 cpu; the nearest allowed type, m7a.48xlarge, has 191.68 for pods"
                    .to_owned(),
                node_pools: vec![
                    Explanation {
                        node_pool: "general".to_owned(),
                        types: 1182,
                        steps: vec![
                            Step {
                                constraint: "NodePool: karpenter.k8s.aws/instance-category In [c m r]".to_owned(),
                                removed: 469,
                                left: 713,
                            },
                            Step { constraint: "pod: 200 cpu".to_owned(), removed: 713, left: 0 },
                        ],
                        left: 0,
                        nearest_miss: Some(
                            "needs 200 cpu; the nearest allowed type, m7a.48xlarge, has 191.68 for pods".to_owned(),
                        ),
                    },
                    Explanation {
                        node_pool: "batch".to_owned(),
                        types: 1182,
                        steps: vec![Step {
                            constraint: "taint spot=true:NoSchedule is not tolerated".to_owned(),
                            removed: 1182,
                            left: 0,
                        }],
                        left: 0,
                        nearest_miss: None,
                    },
                ],
            },
            Unschedulable {
                pods: vec!["shop/lonely".to_owned()],
                requests: texts(&[("pods", "1")]),
                message: "NodePool general: 120 types would do, but spread or (anti-)affinity rules leave no domain or \
                          node for more of these pods"
                    .to_owned(),
                node_pools: vec![Explanation {
                    node_pool: "general".to_owned(),
                    types: 1182,
                    steps: Vec::new(),
                    left: 120,
                    nearest_miss: None,
                }],
            },
        ],
        ignored: vec![
            Ignored { pod: "shop/gated-0".to_owned(), reason: "has scheduling gates".to_owned() },
            Ignored { pod: "shop/gated-1".to_owned(), reason: "has scheduling gates".to_owned() },
            Ignored { pod: "shop/db-0".to_owned(), reason: "its claim data-db-0 does not exist".to_owned() },
        ],
        node_pool_problems: vec![NodePoolProblem {
            node_pool: "old".to_owned(),
            problem: "the NodePool is being deleted".to_owned(),
        }],
        object_problems: vec![ObjectProblem {
            kind: "NodeOverlay".to_owned(),
            name: "rebate".to_owned(),
            problem: "overlay discount of the same weight settles the same prices".to_owned(),
        }],
    }
}

/// A plan with nothing to tell but these nodes.
fn plain_plan(nodes: Vec<Node>) -> Plan {
    let full = full_plan();
    let price = nodes.iter().map(|node| node.price_per_hour).sum();
    let on_new = nodes.iter().map(|node| node.pods.len()).sum();
    Plan {
        summary: Summary {
            pending_pods: on_new,
            pods_on_existing_nodes: 0,
            pods_on_new_nodes: on_new,
            unschedulable_pods: 0,
            ignored_pods: 0,
            existing_nodes: 0,
            new_nodes: nodes.len(),
            price_per_hour: price,
            lower_bound_per_hour: price,
            gap_percent: 0.0,
            ..full.summary
        },
        nodes,
        placements: Vec::new(),
        unschedulable: Vec::new(),
        ignored: Vec::new(),
        node_pool_problems: Vec::new(),
        object_problems: Vec::new(),
        ..full
    }
}

/// One of everything, but only one of each.
fn short_plan() -> Plan {
    let mut plan = full_plan();
    plan.nodes.truncate(1);
    plan.placements.truncate(1);
    plan.unschedulable.truncate(1);
    plan.ignored.truncate(1);
    plan
}

fn rendered(plan: &Plan, format: Format, explain: bool) -> String {
    render(plan, format, explain, Paint::new(false)).unwrap()
}

#[test]
fn the_table_folds_nodes_that_are_bought_alike() {
    insta::assert_snapshot!(rendered(&full_plan(), Format::Table, false));
}

#[test]
fn wide_has_a_line_for_each_node() {
    insta::assert_snapshot!(rendered(&full_plan(), Format::Wide, false));
}

#[test]
fn explain_says_why_each_node_and_why_not() {
    insta::assert_snapshot!(rendered(&full_plan(), Format::Table, true));
}

#[test]
fn json_is_the_document() {
    insta::assert_snapshot!(rendered(&short_plan(), Format::Json, false));
    let text = rendered(&full_plan(), Format::Json, false);
    assert_eq!(serde_json::from_str::<Plan>(&text).unwrap(), full_plan(), "JSON reads back as the same plan");
}

#[test]
fn yaml_is_the_same_document() {
    insta::assert_snapshot!(rendered(&short_plan(), Format::Yaml, false));
    let text = rendered(&full_plan(), Format::Yaml, false);
    assert_eq!(
        serde_saphyr::from_str::<Plan>(&text).unwrap(),
        full_plan(),
        "YAML reads back as the same plan"
    );
}

#[test]
fn a_plan_at_its_lower_bound_says_that_nothing_is_cheaper() {
    let plan =
        plain_plan(vec![node("general-1", "general", "m6a.2xlarge", "on-demand", "0.3456", pods("api", 4))]);
    insta::assert_snapshot!(rendered(&plan, Format::Table, false));
}

#[test]
fn large_figures_have_commas() {
    let one = node("general-1", "general", "u7in-32tb.224xlarge", "on-demand", "407.68", pods("api", 4));
    let plan = plain_plan(vec![one; 1200]);
    let plan = Plan {
        summary: Summary {
            price_per_month: 357_127_680.0,
            lower_bound_per_hour: usd("489000.123"),
            gap_percent: 0.044,
            ..plan.summary
        },
        ..plan
    };
    insta::assert_snapshot!(rendered(&plan, Format::Table, false));
}

#[test]
fn when_existing_nodes_take_all_pods_there_is_nothing_to_buy() {
    let full = full_plan();
    let placements: Vec<Placement> = (0..12)
        .map(|index| Placement { node: format!("ip-10-0-0-{index}"), in_flight: false, pods: pods("api", 3) })
        .collect();
    let empty = plain_plan(Vec::new());
    let plan = Plan {
        summary: Summary {
            pending_pods: 36,
            pods_on_existing_nodes: 36,
            existing_nodes: 12,
            price_per_month: 0.0,
            ..empty.summary
        },
        placements,
        ..full_plan()
    };
    let plan = Plan {
        nodes: Vec::new(),
        unschedulable: Vec::new(),
        ignored: Vec::new(),
        node_pool_problems: Vec::new(),
        object_problems: Vec::new(),
        ..plan
    };
    assert_eq!(full.placements.len(), 2);
    insta::assert_snapshot!(rendered(&plan, Format::Table, false));
}

#[test]
fn without_pods_there_is_nothing_to_place() {
    let plan = plain_plan(Vec::new());
    insta::assert_snapshot!(rendered(&plan, Format::Table, true), @"No pods to place.");
}

#[test]
fn names_cannot_drive_the_terminal() {
    let evil =
        node("general-1", "a\u{1b}[2Jb", "m6a.2xlarge", "on-demand", "0.3456", vec!["shop/\u{7}".to_owned()]);
    let plan = plain_plan(vec![evil]);
    for format in [Format::Table, Format::Wide] {
        assert!(!rendered(&plan, format, true).contains(['\u{1b}', '\u{7}']));
    }
}

#[test]
fn colours_change_no_words() {
    let plain = rendered(&full_plan(), Format::Table, true);
    let coloured = render(&full_plan(), Format::Table, true, Paint::new(true)).unwrap();
    assert_ne!(plain, coloured);
    let mut words = String::new();
    let mut parts = coloured.split('\u{1b}');
    words.push_str(parts.next().unwrap());
    for part in parts {
        words.push_str(part.split_once('m').unwrap().1);
    }
    assert_eq!(words, plain);
}
