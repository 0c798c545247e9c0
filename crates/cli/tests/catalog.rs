//! `supercargo catalog` as its users see it: what it prints where, and how it ends. Its manual is tested in `docs.rs`.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use rstest::rstest;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn supercargo() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_supercargo"));
    command.current_dir(root()).env_remove("NO_COLOR").env("TERM", "dumb");
    command
}

/// Exit code, stdout and stderr of `supercargo catalog`.
fn catalog(arguments: &[&str]) -> (i32, String, String) {
    let output = supercargo().arg("catalog").args(arguments).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

/// The same as one text for a snapshot.
fn seen(arguments: &[&str]) -> String {
    let (code, stdout, stderr) = catalog(arguments);
    let mut text = String::new();
    let _ = write!(text, "exit {code}\n--- stdout\n{stdout}--- stderr\n{stderr}");
    text
}

#[rstest]
#[case("table", &["--vcpus", "4..8", "--memory", "8Gi..16Gi", "--limit", "5"])]
#[case("wide", &["--gpus", "1..", "--limit", "4", "-o", "wide"])]
#[case("csv", &["--requirements", "karpenter.k8s.aws/instance-family in (m7i,c7i)", "--vcpus", "2", "--zone", "us-east-1a", "-o", "csv"])]
#[case("yaml", &["--requirements", "node.kubernetes.io/instance-type=m7g.large", "--zone", "us-east-1b", "-o", "yaml"])]
#[case("json", &["--requirements", "node.kubernetes.io/instance-type=inf2.xlarge", "--zone", "us-east-1b", "-o", "json"])]
#[case("another_region", &["--zone", "eu-central-1a", "--arch", "arm64", "--limit", "3", "--sort", "spot-price"])]
#[case("node_pool", &["--nodepool", "crates/cli/tests/fixtures/catalog/pools.yaml", "--nodepool-name", "batch", "--limit", "3", "-o", "wide"])]
#[case("no_match", &["--vcpus", "3", "--arch", "arm64"])]
#[case("no_match_as_document", &["--vcpus", "3", "-o", "yaml"])]
#[case("unknown_region", &["--region", "us-esat-1"])]
#[case("zone_of_another_region", &["--region", "us-east-1", "--zone", "eu-west-1a"])]
#[case("broken_selector", &["--requirements", "karpenter.k8s.aws/instance-category in (m"])]
#[case("unknown_label", &["--requirements", "karpenter.k8s.aws/instance-catgory=m"])]
#[case("broken_range", &["--memory", "8Gb..16Gi"])]
#[case("reversed_range", &["--vcpus", "8..4"])]
#[case("unknown_capacity_type", &["--capacity-type", "spto"])]
#[case("unknown_order", &["--sort", "cost"])]
#[case("missing_file", &["--nodepool", "examples/none.yaml"])]
#[case("several_node_pools", &["--nodepool", "crates/cli/tests/fixtures/catalog/pools.yaml"])]
#[case("unknown_node_pool", &["--nodepool", "crates/cli/tests/fixtures/catalog/pools.yaml", "--nodepool-name", "night"])]
#[case("no_node_pool", &["--nodepool", "crates/cli/tests/fixtures/catalog/pod.yaml"])]
#[case("missing_prices", &["--prices", "prices.csv"])]
fn what_is_printed(#[case] name: &str, #[case] arguments: &[&str]) {
    insta::assert_snapshot!(name, seen(arguments));
}

#[test]
fn quiet_says_nothing_but_the_answer() {
    let (code, stdout, stderr) = catalog(&["--vcpus", "4", "--limit", "1", "--quiet"]);
    assert_eq!((code, stderr.as_str()), (0, ""));
    assert!(stdout.starts_with("TYPE"));
}

#[test]
fn documents_are_whole_and_their_effects_are_a_field() {
    let (code, stdout, stderr) = catalog(&["--arch", "arm64", "-o", "json"]);
    assert_eq!((code, stderr.as_str()), (0, ""));
    let document: serde_json::Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(document["apiVersion"], "supercargo.dev/v1");
    assert_eq!(document["kind"], "InstanceTypeList");
    let items = document["items"].as_array().unwrap();
    assert_eq!(document["filters"][0]["left"], items.len());
    assert!(items.iter().all(|item| item["labels"]["kubernetes.io/arch"] == "arm64"));
}

#[test]
fn prices_of_a_file_are_used_marked_and_dated() {
    let path = std::env::temp_dir().join(format!("supercargo-prices-{}.csv", std::process::id()));
    std::fs::write(&path, "type,capacityType,price,date\nm5.24xlarge,on-demand,0.001,2026-11-20\n").unwrap();
    let (code, stdout, _) = catalog(&["--prices", path.to_str().unwrap(), "--limit", "1"]);
    std::fs::write(&path, "type,capacityType,price\nm5.24xlage,on-demand,-1\n").unwrap();
    let (refused, _, stderr) = catalog(&["--prices", path.to_str().unwrap()]);
    std::fs::remove_file(&path).unwrap();
    assert_eq!(code, 0);
    assert!(stdout.contains("m5.24xlarge") && stdout.contains("=0.0010"), "{stdout}");
    assert!(stdout.contains("=: live of 2026-11-20"), "{stdout}");
    assert_eq!(refused, 2);
    assert!(
        stderr.contains(".csv:2: unknown instance type \"m5.24xlage\": did you mean m5.24xlarge?"),
        "{stderr}"
    );
    assert!(stderr.contains(".csv:2: price -$1 is negative"), "{stderr}");
}
