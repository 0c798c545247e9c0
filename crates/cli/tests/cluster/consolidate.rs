//! What the example comes to, what the options do, and how the program ends.

use std::collections::BTreeSet;

use rstest::rstest;
use supercargo_engine::consolidate::{Consolidation, MoveKind};

use crate::program::{Said, at_root, root};

const EXAMPLE: &[&str] = &["consolidate", "-f", "examples/fragmented"];

fn example(arguments: &[&str]) -> Said {
    at_root(&[EXAMPLE, arguments].concat())
}

fn document(arguments: &[&str]) -> Consolidation {
    let said = example(&[arguments, &["-o", "json"]].concat());
    assert_eq!(said.code, 0, "{}", said.whole());
    serde_json::from_str(&said.stdout).unwrap()
}

#[test]
fn the_example_shows_every_kind_of_move() {
    let found: BTreeSet<MoveKind> = document(&[]).moves.iter().map(|one| one.kind).collect();
    let all = [MoveKind::DeleteEmpty, MoveKind::Delete, MoveKind::Replace, MoveKind::Split, MoveKind::Merge];
    assert_eq!(found, BTreeSet::from(all));
}

#[test]
fn the_example_shows_every_reason_to_stay_that_a_healthy_cluster_has() {
    let consolidation = document(&[]);
    let found: BTreeSet<&str> = consolidation.staying.iter().map(|node| node.reason.as_str()).collect();
    let expected = [
        "budget",
        "cheapest",
        "consolidate-after",
        "consolidation-off",
        "leaving",
        "no-node-yet",
        "no-place",
        "node-do-not-disrupt",
        "node-pool-not-found",
        "not-initialized",
        "not-managed",
        "pdb",
        "pdb-at-once",
        "pod-do-not-disrupt",
        "policy-when-empty",
        "several-pdbs",
        "spot-to-spot",
        "static-node-pool",
        "under-floor",
    ];
    assert_eq!(found, BTreeSet::from(expected));
    assert!(consolidation.staying.iter().all(|node| !node.detail.is_empty() && !node.unlock.is_empty()));
    let causes: BTreeSet<&str> = consolidation.rotations.iter().map(|one| one.cause.as_str()).collect();
    assert_eq!(causes, BTreeSet::from(["drifted", "expired"]));
}

#[test]
fn the_example_is_small_and_read_without_a_word() {
    let said = example(&[]);
    assert_eq!((said.code, said.stderr.as_str()), (0, ""));
    let files = std::fs::read_dir(root().join("examples/fragmented")).unwrap();
    let bytes: u64 = files.map(|entry| entry.unwrap().metadata().unwrap().len()).sum();
    assert!(bytes < 200_000, "{bytes}");
}

#[rstest]
#[case::table(&[], "table")]
#[case::wide(&["-o", "wide"], "wide")]
fn the_example_reads_as_it_should(#[case] arguments: &[&str], #[case] name: &str) {
    insta::assert_snapshot!(format!("fragmented_{name}"), example(arguments).whole());
}

#[test]
fn yaml_and_json_hold_the_same_consolidation() {
    let yaml = example(&["-o", "yaml"]).stdout;
    assert_eq!(serde_saphyr::from_str::<Consolidation>(&yaml).unwrap(), document(&[]));
}

#[test]
fn the_same_input_always_gives_the_same_bytes() {
    assert_eq!(example(&["-o", "json"]).whole(), example(&["-o", "json"]).whole());
}

#[test]
fn prices_add_up() {
    let consolidation = document(&[]);
    let summary = &consolidation.summary;
    let saved =
        consolidation.moves.iter().fold(supercargo_catalog::Usd::ZERO, |sum, one| sum + one.saved_per_hour);
    assert_eq!(saved, summary.saved_per_hour);
    assert_eq!(summary.price_per_hour_now - saved, summary.price_per_hour_after);
    assert!(summary.lower_bound_per_hour <= summary.ideal_per_hour);
    assert!(summary.ideal_per_hour <= summary.price_per_hour_after);
}

#[test]
fn at_another_moment_a_budget_is_open() {
    let reason = |at: &str| {
        let consolidation = document(&["--at", at]);
        let staying = consolidation.staying.iter().find(|node| node.node_pool == "nightly");
        (consolidation.at.clone(), staying.map(|node| node.reason.clone()))
    };
    let (at, during) = reason("2026-11-23T15:00:00Z");
    assert_eq!((at.as_str(), during.as_deref()), ("2026-11-23T15:00:00Z", Some("budget")));
    assert_ne!(reason("2026-11-23T18:30:00Z").1.as_deref(), Some("budget"));
    assert_eq!(document(&[]).at, "2026-11-23T14:00:00Z", "that of the dump");
}

#[test]
fn policy_and_budget_can_be_overridden() {
    let reasons = |arguments: &[&str]| -> BTreeSet<String> {
        document(arguments).staying.iter().map(|node| node.reason.clone()).collect()
    };
    assert!(!reasons(&["--policy", "WhenEmptyOrUnderutilized"]).contains("policy-when-empty"));
    let when_empty = document(&["--policy", "when-empty"]);
    assert!(when_empty.moves.iter().all(|one| one.kind == MoveKind::DeleteEmpty));
    let none = document(&["--budget", "0"]);
    assert!(none.moves.is_empty() && none.staying.iter().any(|node| node.reason == "budget"));
    assert!(!reasons(&["--budget", "100%"]).contains("budget"));
}

#[test]
fn more_is_saved_the_more_is_allowed() {
    let saved = |arguments: &[&str]| document(arguments).summary.saved_per_hour;
    let by_default = saved(&[]);
    assert!(saved(&["--min-savings", "0"]) >= by_default);
    assert!(saved(&["--min-savings", "5000"]) < by_default, "nothing but empty nodes goes");
    assert!(saved(&["--to-spot"]) > by_default);
    assert!(saved(&["--spot-to-spot"]) > by_default);
    assert!(saved(&["--max-moves", "2"]) < by_default);
    assert_eq!(document(&["--max-moves", "2"]).moves.len(), 2);
}

#[rstest]
#[case::a_budget(&["--budget", "lots"], "a number of nodes such as 5")]
#[case::a_moment(&["--at", "yesterday"], "invalid value 'yesterday' for '--at <TIME>'")]
#[case::savings(&["--min-savings", "-1"], "expected dollars a month, such as 5 or 1.50")]
#[case::a_policy(&["--policy", "sometimes"], "invalid value 'sometimes' for '--policy <POLICY>'")]
fn wrong_arguments_are_explained(#[case] arguments: &[&str], #[case] expected: &str) {
    let said = example(arguments);
    assert_eq!(said.code, 2);
    assert!(said.stderr.contains(expected), "{}", said.stderr);
}

#[test]
fn without_nodes_there_is_nothing_to_consolidate() {
    let said = at_root(&["consolidate", "-f", "examples/three-pods"]);
    insta::assert_snapshot!("without_nodes", said.whole());
}
