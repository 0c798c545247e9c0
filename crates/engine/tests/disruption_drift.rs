//! Whether a node is still what is asked for (reference section 4.7).

#![allow(clippy::unwrap_used, reason = "a test program")]

mod dump;

use rstest::rstest;
use serde_json::{Value, json};
use supercargo_api::labels::keys;
use supercargo_engine::disruption::{Drift, DriftReason};

use dump::{Dump, Judged, at, node_pool};

fn judged(pool: Value, node_class: Value, node: Value, claim: Value) -> Judged {
    let mut dump = Dump::new().with_node("n1", node, claim);
    dump.pools = vec![node_pool(pool)];
    let base = json!({
        "metadata": { "name": "default" },
        "spec": {
            "role": "node",
            "amiSelectorTerms": [{ "alias": "al2023@latest" }],
            "subnetSelectorTerms": [{ "id": "subnet-1" }],
            "securityGroupSelectorTerms": [{ "id": "sg-1" }],
        },
    });
    dump.node_classes = vec![dump::over(base, node_class)];
    dump.judge()
}

fn found(judged: &Judged) -> Option<String> {
    judged.room("n1").drift.as_ref().map(ToString::to_string)
}

#[test]
fn a_node_like_new_ones_has_not_drifted() {
    assert_eq!(found(&judged(json!({}), json!({}), json!({}), json!({}))), None);
}

#[rstest]
#[case("NodePoolDrifted", DriftReason::NodePoolDrifted)]
#[case("AMIDrift", DriftReason::AmiDrift)]
#[case("SubnetDrift", DriftReason::SubnetDrift)]
#[case("SomethingNew", DriftReason::Other("SomethingNew".to_owned()))]
fn what_the_cluster_says_comes_first(#[case] reason: &str, #[case] expected: DriftReason) {
    let condition = json!({
        "type": "Drifted", "status": "True", "reason": reason, "message": "so it is",
        "lastTransitionTime": "2026-11-20T00:00:00Z",
    });
    let claim = json!({ "status": { "conditions": [condition] } });
    let judged = judged(json!({}), json!({}), json!({}), claim);
    let since = Some(at("2026-11-20T00:00:00Z"));
    assert_eq!(
        judged.room("n1").drift,
        Some(Drift { reason: expected, detail: "so it is".to_owned(), since })
    );
}

fn hashed(key: &str, hash: &str, version_key: &str, version: &str) -> Value {
    json!({ "metadata": { "annotations": { key: hash, version_key: version } } })
}

fn of_pool(hash: &str, version: &str) -> Value {
    hashed(keys::NODEPOOL_HASH, hash, keys::NODEPOOL_HASH_VERSION, version)
}

fn of_class(hash: &str, version: &str) -> Value {
    hashed(keys::EC2_NODE_CLASS_HASH, hash, keys::EC2_NODE_CLASS_HASH_VERSION, version)
}

#[rstest]
#[case::the_same(of_pool("1", "v3"), of_pool("1", "v3"), None)]
#[case::another(of_pool("2", "v3"), of_pool("1", "v3"), Some("NodePoolDrifted: the template has changed"))]
#[case::made_another_way(of_pool("2", "v4"), of_pool("1", "v3"), None)]
#[case::not_there_yet(json!({}), of_pool("1", "v3"), None)]
#[case::never_there(of_pool("2", "v3"), json!({}), None)]
#[case::without_a_version(
    json!({ "metadata": { "annotations": { keys::NODEPOOL_HASH: "2" } } }), of_pool("1", "v3"), None
)]
fn hashes_of_the_node_pool(#[case] pool: Value, #[case] claim: Value, #[case] expected: Option<&str>) {
    assert_eq!(found(&judged(pool, json!({}), json!({}), claim)).as_deref(), expected);
}

#[rstest]
#[case::the_same(of_class("1", "v6"), of_class("1", "v6"), None)]
#[case::another(of_class("2", "v6"), of_class("1", "v6"), Some("NodeClassDrift: the NodeClass has changed"))]
#[case::made_another_way(of_class("2", "v7"), of_class("1", "v6"), None)]
fn hashes_of_the_node_class(#[case] class: Value, #[case] claim: Value, #[case] expected: Option<&str>) {
    assert_eq!(found(&judged(json!({}), class, json!({}), claim)).as_deref(), expected);
}

fn requiring(key: &str, operator: &str, values: &[&str]) -> Value {
    json!({ "spec": { "template": { "spec": { "requirements": [
        { "key": key, "operator": operator, "values": values },
    ] } } } })
}

#[rstest]
#[case::still_so(requiring(keys::INSTANCE_TYPE, "In", &["m6.large", "m7.large"]), None)]
#[case::not_any_more(
    requiring(keys::INSTANCE_TYPE, "In", &["m7.large"]),
    Some("RequirementsDrifted: node.kubernetes.io/instance-type In [m7.large], but the node has m6.large")
)]
#[case::too_old(
    requiring(keys::INSTANCE_GENERATION, "Gt", &["6"]),
    Some("RequirementsDrifted: karpenter.k8s.aws/instance-generation Gt 6, but the node has 6")
)]
#[case::a_label_it_lacks(
    requiring("team", "In", &["a"]),
    Some("RequirementsDrifted: team In [a], but the node has no such label")
)]
#[case::a_label_it_must_lack(requiring("team", "NotIn", &["a"]), None)]
fn requirements_of_the_node_pool(#[case] pool: Value, #[case] expected: Option<&str>) {
    assert_eq!(found(&judged(pool, json!({}), json!({}), json!({}))).as_deref(), expected);
}

fn labelled(key: &str, value: &str) -> Value {
    json!({ "metadata": { "labels": { key: value } } })
}

#[rstest]
#[case::a_type_that_is_gone(
    labelled(keys::INSTANCE_TYPE, "m1.large"),
    Some("InstanceTypeNotFound: the NodeClass offers no m1.large")
)]
#[case::an_offering_that_is_gone(
    labelled(keys::ZONE, "us-east-1z"),
    Some("InstanceTypeNotFound: m6.large is not sold as on-demand in us-east-1z")
)]
#[case::a_reservation_that_is_over_9_2(labelled(keys::CAPACITY_TYPE, "reserved"), None)]
fn types_and_offerings(#[case] labels: Value, #[case] expected: Option<&str>) {
    let old = judged(json!({}), json!({}), labels.clone(), labels.clone());
    assert_eq!(found(&old).as_deref(), expected);
    let just_made = json!({ "metadata": { "creationTimestamp": "2026-11-23T11:01:00Z" } });
    let young = judged(json!({}), json!({}), labels.clone(), dump::over(labels, just_made));
    assert_eq!(found(&young), None, "nodes younger than an hour are not asked");
}

fn images(of: &[(&str, &str)]) -> Value {
    let one = |(id, arch): &(&str, &str)| json!({ "id": id, "requirements": [{ "key": keys::ARCH, "operator": "In", "values": [arch] }] });
    json!({ "status": { "amis": of.iter().map(one).collect::<Vec<_>>() } })
}

fn runs(image: &str) -> Value {
    json!({ "status": { "imageID": image } })
}

#[rstest]
#[case::the_one(images(&[("ami-2", "amd64"), ("ami-3", "arm64")]), runs("ami-2"), None)]
#[case::one_before(
    images(&[("ami-2", "amd64"), ("ami-3", "arm64")]), runs("ami-1"), Some("AMIDrift: it runs ami-1, new nodes run ami-2")
)]
#[case::one_for_others(
    images(&[("ami-2", "amd64"), ("ami-3", "arm64")]), runs("ami-3"), Some("AMIDrift: it runs ami-3, new nodes run ami-2")
)]
#[case::one_of_two_9_2_14(images(&[("ami-2", "amd64"), ("ami-1", "amd64")]), runs("ami-1"), None)]
#[case::none_for_it(images(&[("ami-3", "arm64")]), runs("ami-1"), None)]
#[case::nobody_knows(images(&[("ami-2", "amd64")]), json!({}), None)]
fn machine_images(#[case] class: Value, #[case] claim: Value, #[case] expected: Option<&str>) {
    assert_eq!(found(&judged(json!({}), class, json!({}), claim)).as_deref(), expected);
}

#[test]
fn the_first_kind_in_order_is_named() {
    let pool = dump::over(of_pool("2", "v3"), requiring(keys::INSTANCE_TYPE, "In", &["m7.large"]));
    let claim = dump::over(of_pool("1", "v3"), runs("ami-1"));
    let judged = judged(pool, images(&[("ami-2", "amd64")]), json!({}), claim);
    assert_eq!(judged.room("n1").drift.as_ref().unwrap().reason, DriftReason::NodePoolDrifted);
}

#[test]
fn claims_without_a_node_pool_do_not_drift() {
    let nowhere = labelled(keys::NODEPOOL, "gone");
    let judged =
        judged(json!({}), images(&[("ami-2", "amd64")]), nowhere.clone(), dump::over(nowhere, runs("ami-1")));
    assert_eq!(judged.room("n1").drift, None);
}
