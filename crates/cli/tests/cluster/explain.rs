//! Explanations of the example's objects, in every format, and names that nobody has.

use rstest::rstest;
use serde_json::Value;

use crate::program::{Said, at_root};

fn explain(arguments: &[&str]) -> Said {
    at_root(&[&["explain"], arguments, &["-f", "examples/fragmented"]].concat())
}

#[rstest]
#[case::a_pod(&["pod", "media/notebook-8m4cs59zm-jbz69"], "pod")]
#[case::a_pod_under_a_budget(&["pod", "shop/checkout-"], "pod_unknown")]
#[case::a_node_that_stays(&["node", "ip-10-0-1-22.ec2.internal"], "node_that_stays")]
#[case::a_node_that_could_go(&["node", "ip-10-0-2-14.ec2.internal"], "node_that_could_go")]
#[case::a_drifted_node(&["node", "ip-10-0-1-36.ec2.internal"], "node_drifted")]
#[case::a_node_of_nobody(&["node", "ip-10-0-1-41.ec2.internal"], "node_of_nobody")]
#[case::a_claim(&["node", "rollout-9zv45"], "claim")]
#[case::a_node_pool(&["nodepool", "analytics"], "node_pool")]
#[case::a_static_node_pool(&["nodepool", "baseline"], "node_pool_static")]
#[case::a_node_pool_with_a_schedule(&["nodepool", "nightly"], "node_pool_nightly")]
fn an_explanation_reads_as_it_should(#[case] arguments: &[&str], #[case] name: &str) {
    insta::assert_snapshot!(format!("explain_{name}"), explain(arguments).whole());
}

#[test]
fn pods_that_wait_are_explained_by_the_plan_for_them() {
    let placed = at_root(&["explain", "pod", "shop/web-0", "-f", "examples/running-cluster"]);
    insta::assert_snapshot!("explain_waiting_for_a_node_that_is_there", placed.whole());
    let new = at_root(&["explain", "po", "payments/payments-api-0", "-f", "examples/eks-production", "-q"]);
    insta::assert_snapshot!("explain_waiting_for_a_new_node", new.whole());
    let input = ["-f", "examples/eks-production", "-f", "docs/examples/too-large.yaml", "-q"];
    let homeless = at_root(&[&["explain", "pod", "mistyped"][..], &input].concat());
    assert_eq!(homeless.code, 1);
    insta::assert_snapshot!("explain_without_a_place", homeless.whole());
}

#[rstest]
#[case::a_pod(&["pod", "media/notebook-8m4cs59zm-jbz69"], "PodExplanation")]
#[case::a_node(&["node", "ip-10-0-1-22.ec2.internal"], "NodeExplanation")]
#[case::a_node_pool(&["NodePool", "analytics"], "NodePoolExplanation")]
fn yaml_and_json_hold_the_same_explanation(#[case] arguments: &[&str], #[case] kind: &str) {
    let json = explain(&[arguments, &["-o", "json"]].concat());
    let yaml = explain(&[arguments, &["-o", "yaml"]].concat());
    assert_eq!((json.code, yaml.code), (0, 0), "{}", json.whole());
    let json: Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(serde_saphyr::from_str::<Value>(&yaml.stdout).unwrap(), json);
    assert_eq!((json["apiVersion"].as_str(), json["kind"].as_str()), (Some("supercargo.dev/v1"), Some(kind)));
}

#[rstest]
#[case::a_pod(&["pod", "shop/serch"])]
#[case::another_namespace(&["pod", "notebook-8m4cs59zm-jbz69"])]
#[case::a_node(&["node", "ip-10-0-1-2"])]
#[case::a_node_pool(&["np", "analitics"])]
#[case::nothing_like_it(&["np", "zzz"])]
fn a_name_that_nobody_has_is_answered_with_the_one_that_was_meant(#[case] arguments: &[&str]) {
    let said = explain(arguments);
    assert_eq!((said.code, said.stdout.as_str()), (2, ""));
    let name = format!("unknown_{}_{}", arguments[0], arguments[1].replace('/', "_"));
    insta::assert_snapshot!(name, said.stderr);
}
