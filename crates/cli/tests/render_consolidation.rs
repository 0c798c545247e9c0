//! Every form a consolidation is printed in, from one built by hand: what the renderer promises, whatever the engine
//! decides.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

use supercargo_catalog::Usd;
use supercargo_cli::console::Paint;
use supercargo_cli::consolidate::{Format, Sort, render};
use supercargo_engine::consolidate::{
    Consolidation, Move, MoveKind, NewNode, OldNode, PodMove, Rotation, StayingNode, Summary,
};
use supercargo_engine::problems::ObjectProblem;

fn usd(text: &str) -> Usd {
    text.parse().unwrap()
}

fn old(name: &str, instance_type: &str, capacity_type: &str, price: &str, pods: usize) -> OldNode {
    OldNode {
        name: name.to_owned(),
        node_claim: Some(format!("{capacity_type}-{name}")),
        node_pool: if capacity_type == "spot" { "batch".to_owned() } else { "general".to_owned() },
        instance_type: instance_type.to_owned(),
        zone: "us-east-1a".to_owned(),
        capacity_type: capacity_type.to_owned(),
        price_per_hour: usd(price),
        pods,
    }
}

fn new(name: &str, instance_type: &str, capacity_type: &str, price: &str, others: &[&str]) -> NewNode {
    NewNode {
        name: name.to_owned(),
        node_pool: "general".to_owned(),
        instance_type: instance_type.to_owned(),
        zone: "us-east-1b".to_owned(),
        capacity_type: capacity_type.to_owned(),
        price_per_hour: usd(price),
        instance_types: std::iter::once(&instance_type)
            .chain(others)
            .map(|name| (*name).to_owned())
            .collect(),
        pods: 3,
    }
}

fn placements(from: &str, to: &str, count: usize) -> Vec<PodMove> {
    (0..count)
        .map(|index| PodMove { pod: format!("shop/web-{index}"), from: from.to_owned(), to: to.to_owned() })
        .collect()
}

fn one_move(order: u32, kind: MoveKind, nodes: Vec<OldNode>, new_nodes: Vec<NewNode>, saved: &str) -> Move {
    let pods_moved = nodes.iter().map(|node| node.pods).sum();
    let saved = usd(saved);
    Move {
        wave: order.div_ceil(2),
        order,
        kind,
        reason: if kind == MoveKind::DeleteEmpty { "Empty" } else { "Underutilized" }.to_owned(),
        placements: placements(&nodes[0].name, "ip-10-0-9-9", pods_moved),
        nodes,
        new_nodes,
        saved_per_hour: saved,
        saved_per_month: (saved.as_f64() * 73_000.0).round() / 100.0,
        pods_moved,
        disruption_cost: 1.0 + pods_moved as f64,
        score: (kind != MoveKind::DeleteEmpty).then_some(2.5 - f64::from(order) / 4.0),
        why: "its pods fit on nodes that are there".to_owned(),
    }
}

fn staying(
    name: &str,
    instance_type: &str,
    price: Option<&str>,
    reason: &str,
    said: (&str, &str),
) -> StayingNode {
    StayingNode {
        name: name.to_owned(),
        node_pool: if reason == "not-managed" { String::new() } else { "general".to_owned() },
        instance_type: instance_type.to_owned(),
        zone: "us-east-1a".to_owned(),
        capacity_type: "on-demand".to_owned(),
        price_per_hour: price.map(usd),
        cpu_percent: 40.2,
        memory_percent: 71.8,
        reason: reason.to_owned(),
        detail: said.0.to_owned(),
        unlock: said.1.to_owned(),
    }
}

/// One of everything.
fn full() -> Consolidation {
    let moves = vec![
        one_move(
            1,
            MoveKind::DeleteEmpty,
            vec![old("ip-10-0-1-1", "m6a.large", "on-demand", "0.0864", 0)],
            vec![],
            "0.0864",
        ),
        one_move(
            2,
            MoveKind::Delete,
            vec![old("ip-10-0-1-2", "m6a.xlarge", "on-demand", "0.1728", 4)],
            vec![],
            "0.1728",
        ),
        one_move(
            3,
            MoveKind::Replace,
            vec![old("ip-10-0-1-3", "m6a.2xlarge", "on-demand", "0.3456", 6)],
            vec![new(
                "new-3-1",
                "c6a.xlarge",
                "spot",
                "0.0666",
                &["c7a.xlarge", "m6a.xlarge", "c5.xlarge", "m5.xlarge"],
            )],
            "0.2790",
        ),
        one_move(
            4,
            MoveKind::Split,
            vec![old("ip-10-0-1-4", "r6a.4xlarge", "on-demand", "0.9072", 12)],
            vec![
                new("new-4-1", "r6a.large", "on-demand", "0.1134", &[]),
                new("new-4-2", "r6a.large", "on-demand", "0.1134", &["r5a.large"]),
                new("new-4-3", "c6a.xlarge", "on-demand", "0.1530", &[]),
            ],
            "0.5274",
        ),
        one_move(
            5,
            MoveKind::Merge,
            vec![
                old("ip-10-0-1-5", "c6a.xlarge", "on-demand", "0.1530", 3),
                old("ip-10-0-1-6", "c6a.xlarge", "on-demand", "0.1530", 2),
                old("ip-10-0-1-7", "m6a.large", "on-demand", "0.0864", 1),
            ],
            vec![new("new-5-1", "m6a.xlarge", "on-demand", "0.1728", &[])],
            "0.2196",
        ),
    ];
    let pdb = (
        "PDB shop/api allows 0 evictions (3 of 3 healthy, minAvailable 3)",
        "let PDB shop/api allow an eviction",
    );
    let full_node = ("replacing saves $1.90/month, under the floor", "--min-savings 1.90");
    Consolidation {
        api_version: "supercargo.dev/v1".to_owned(),
        kind: "Consolidation".to_owned(),
        at: "2026-11-23T12:00:00Z".to_owned(),
        summary: Summary {
            region: Some("us-east-1".to_owned()),
            nodes_now: 1_204,
            nodes_after: 1_200,
            pods: 31_220,
            price_per_hour_now: usd("214.5000"),
            price_per_hour_after: usd("213.2148"),
            saved_per_hour: usd("1.2852"),
            ideal_per_hour: usd("180.1"),
            lower_bound_per_hour: usd("176.25"),
            price_per_month_now: 156_585.0,
            price_per_month_after: 155_646.8,
            saved_per_month: 938.2,
            saved_percent: 0.6,
            moves: 5,
            waves: 3,
            pods_moved: 28,
            unpriced_nodes: 1,
            pending_pods: 2,
            floor: "save more than half its share of the NodePool's disruption (Balanced, k=2)".to_owned(),
        },
        moves,
        staying: vec![
            staying("ip-10-0-2-1", "m6a.xlarge", Some("0.1728"), "pod-disruption-budget", pdb),
            staying("ip-10-0-2-2", "m6a.xlarge", Some("0.1728"), "pod-disruption-budget", pdb),
            staying("ip-10-0-2-3", "r6a.large", Some("0.1134"), "pod-disruption-budget", pdb),
            staying("ip-10-0-3-1", "c6a.8xlarge", Some("1.2240"), "under-the-floor", full_node),
            staying(
                "ip-10-0-4-1",
                "",
                None,
                "not-managed",
                ("no NodePool manages it", "nothing: it is not Karpenter's to remove"),
            ),
        ],
        rotations: vec![
            Rotation {
                node: old("ip-10-0-5-1", "m5.xlarge", "on-demand", "0.1920", 4),
                cause: "drifted".to_owned(),
                detail: "its NodePool's template has changed".to_owned(),
                at: Some("2026-11-23T09:15:00Z".to_owned()),
                new_nodes: vec![new("new-1", "m6a.xlarge", "on-demand", "0.1728", &[])],
                placements: placements("ip-10-0-5-1", "new-1", 4),
                price_change_per_hour: usd("-0.0192"),
                blocked: None,
            },
            Rotation {
                node: old("ip-10-0-5-2", "m6a.xlarge", "spot", "0.0583", 0),
                cause: "expired".to_owned(),
                detail: "expireAfter 720h".to_owned(),
                at: None,
                new_nodes: Vec::new(),
                placements: Vec::new(),
                price_change_per_hour: usd("0.0100"),
                blocked: Some("pod shop/long is do-not-disrupt".to_owned()),
            },
        ],
        object_problems: vec![ObjectProblem {
            kind: "NodePool".to_owned(),
            name: "general".to_owned(),
            problem: "budget 2: schedule \"* * *\" has 3 fields of 5, so that no node may be disrupted"
                .to_owned(),
        }],
    }
}

fn rendered(consolidation: &Consolidation, format: Format, sort: Sort) -> String {
    render(consolidation, format, sort, Paint::default()).unwrap()
}

#[test]
fn the_table_has_a_line_for_each_move_and_groups_what_stays_by_reason() {
    insta::assert_snapshot!(rendered(&full(), Format::Table, Sort::Order));
}

#[test]
fn wide_has_a_line_for_each_node_that_stays_and_all_names() {
    insta::assert_snapshot!(rendered(&full(), Format::Wide, Sort::Order));
}

#[test]
fn json_is_the_document() {
    let text = rendered(&full(), Format::Json, Sort::Savings);
    assert_eq!(serde_json::from_str::<Consolidation>(&text).unwrap(), full());
    insta::assert_snapshot!(text);
}

#[test]
fn yaml_is_the_same_document() {
    let text = rendered(&full(), Format::Yaml, Sort::Order);
    assert_eq!(serde_saphyr::from_str::<Consolidation>(&text).unwrap(), full());
}

#[test]
fn nothing_to_save_is_said_in_one_line() {
    let mut none = full();
    none.moves.clear();
    none.rotations.clear();
    none.staying.clear();
    none.object_problems.clear();
    none.summary.moves = 0;
    none.summary.unpriced_nodes = 0;
    none.summary.pending_pods = 0;
    none.summary.region = None;
    insta::assert_snapshot!(rendered(&none, Format::Table, Sort::Order));
}

/// The positions of the moves in the table, in its order.
fn orders(sort: Sort) -> Vec<u32> {
    let text = rendered(&full(), Format::Table, sort);
    let (_, moves) = text.split_once("Moves: 5\n").unwrap();
    moves
        .lines()
        .skip(1)
        .take_while(|line| !line.is_empty())
        .map(|line| line.split_whitespace().nth(1).unwrap().parse().unwrap())
        .collect()
}

#[test]
fn moves_can_be_sorted() {
    assert_eq!(orders(Sort::Order), [1, 2, 3, 4, 5]);
    assert_eq!(orders(Sort::Savings), [4, 3, 5, 2, 1]);
    assert_eq!(orders(Sort::Pods), [1, 2, 3, 5, 4]);
    assert_eq!(orders(Sort::Score), [1, 2, 3, 4, 5], "without pods to move, nothing is disturbed");
}

#[test]
fn long_tables_count_what_they_leave_out() {
    let mut long = full();
    let first = long.moves[1].clone();
    long.moves = (1..=60).map(|order| Move { order, ..first.clone() }).collect();
    long.staying = (0..40)
        .map(|index| {
            let node = format!("ip-10-0-7-{index}");
            let detail = format!("replacing saves ${index}/month, under the floor");
            staying(&node, "m6a.large", Some("0.0864"), "under-the-floor", (&detail, "a lower --min-savings"))
        })
        .collect();
    let text = rendered(&long, Format::Table, Sort::Order);
    assert!(text.contains("and 10 more moves (-o wide lists all)"), "{text}");
    assert!(text.contains("    and 32 more nodes (-o wide lists all)"), "{text}");
    let wide = rendered(&long, Format::Wide, Sort::Order);
    assert!(!wide.contains("lists all"));
    assert!(wide.lines().count() > 100);
}
