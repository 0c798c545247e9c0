//! What the selectors of a class find, and what has drifted when they find something else (reference sections 4.7 and
//! 5.5).

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod classes;
mod world;

use classes::{Class, TYPE, claim, class, launched, now, requirement, small};
use rstest::rstest;
use serde_json::json;
use supercargo_api::{EC2NodeClass, NodeClaim};
use supercargo_catalog::PlacementStrategy;
use supercargo_cloud::{DriftReason, InstanceQuery, PlacementGroup, drift, resolve};
use world::{World, calm};

#[test]
fn a_new_image_makes_nodes_drift_and_a_pinned_one_does_not() {
    let world = World::calm();
    let latest = class(&world, json!({}));
    let wanted = claim(json!([requirement(TYPE, "In", &["m5.large"])]), small());
    let launched = launched(&world, &latest, &wanted).unwrap();
    let instances =
        world.region.describe_instances(&InstanceQuery::ids([&launched.instance_id])).outcome.unwrap();
    let type_labels = &latest.types.iter().find(|known| known.name == "m5.large").unwrap().labels;
    let pinned_name = world.machine(&launched.instance_id).image.name;
    let pinned = format!("al2023@{}", pinned_name.rsplit('-').next().unwrap());
    let drifted = |class: &Class| drift(&wanted, &class.node_class, &instances[0], type_labels, None);
    assert_eq!(drifted(&latest), None);
    world.pass(8 * 86_400);
    assert_eq!(drifted(&class(&world, json!({}))), Some(DriftReason::Ami));
    assert_eq!(drifted(&class(&world, json!({"amiSelectorTerms": [{"alias": pinned}]}))), None);
}

#[test]
fn drift_is_told_in_its_order() {
    let world = World::calm();
    let class = class(&world, json!({}));
    let mut wanted = claim(json!([requirement(TYPE, "In", &["m5.large"])]), small());
    let launched = launched(&world, &class, &wanted).unwrap();
    let instance = world
        .region
        .describe_instances(&InstanceQuery::ids([&launched.instance_id]))
        .outcome
        .unwrap()
        .remove(0);
    let type_labels = &class.types.iter().find(|known| known.name == "m5.large").unwrap().labels;
    let mut node_class = class.node_class.clone();
    let drifted =
        |claim: &NodeClaim, node_class: &EC2NodeClass| drift(claim, node_class, &instance, type_labels, None);
    let status = node_class.status.as_mut().unwrap();
    status.subnets = Some(Vec::new());
    assert_eq!(drifted(&wanted, &node_class), Some(DriftReason::Subnet));
    let status = node_class.status.as_mut().unwrap();
    status
        .security_groups
        .as_mut()
        .unwrap()
        .push(supercargo_api::SecurityGroup { id: "sg-2".to_owned(), name: None });
    assert_eq!(drifted(&wanted, &node_class), Some(DriftReason::SecurityGroup));
    let hashed = |hash: &str| {
        let of = |key: &str, value: &str| (format!("karpenter.k8s.aws/{key}"), value.to_owned());
        Some([of("ec2nodeclass-hash", hash), of("ec2nodeclass-hash-version", "v6")].into())
    };
    wanted.metadata.annotations = hashed("1");
    node_class.metadata.annotations = hashed("2");
    assert_eq!(drifted(&wanted, &node_class), Some(DriftReason::NodeClass));
    assert_eq!(DriftReason::NodeClass.as_str(), "NodeClassDrift");
}

#[rstest]
#[case::the_same("pg-1", None)]
#[case::another("pg-2", Some(DriftReason::PlacementGroup))]
fn section_4_7_a_group_selected_by_name_is_compared_by_what_it_was_found_to_be(
    #[case] found: &str,
    #[case] expected: Option<DriftReason>,
) {
    let group = |id: &str| PlacementGroup {
        id: id.to_owned(),
        name: "brokers".to_owned(),
        strategy: PlacementStrategy::Spread,
        partitions: 0,
        tags: [].into(),
    };
    let world = World::with(|options| {
        calm(options);
        options.placement_groups = vec![group("pg-1")];
    });
    let class = class(&world, json!({"placementGroupSelector": {"name": "brokers"}}));
    let wanted = claim(json!([requirement(TYPE, "In", &["m5.large"])]), small());
    let launched = launched(&world, &class, &wanted).unwrap();
    let query = InstanceQuery::ids([&launched.instance_id]);
    let instance = world.region.describe_instances(&query).outcome.unwrap().remove(0);
    let type_labels = &class.types.iter().find(|known| known.name == "m5.large").unwrap().labels;
    assert_eq!(drift(&wanted, &class.node_class, &instance, type_labels, Some(&group(found))), expected);
}

#[rstest]
#[case::alias("al2@latest", Some("UnsupportedAlias"))]
#[case::no_version("al2023@v19990101", Some("AMINotFound"))]
fn an_alias_without_images_says_why(#[case] alias: &str, #[case] reason: Option<&str>) {
    let world = World::calm();
    let terms = [serde_json::from_value(json!({"alias": alias})).unwrap()];
    let error = now(resolve::images(&world.region, &terms, "1.36", world.now())).unwrap_err();
    assert_eq!(error.reason(), reason);
}

#[test]
fn images_are_found_by_parameter_by_name_and_by_tag() {
    let world = World::calm();
    let found = |term: serde_json::Value| {
        let terms = [serde_json::from_value(term).unwrap()];
        now(resolve::images(&world.region, &terms, "1.36", world.now()))
    };
    let name = "/aws/service/bottlerocket/aws-k8s-1.36/x86_64/latest/image_id";
    let by_name = found(json!({"ssmParameter": name})).unwrap();
    assert_eq!(by_name.len(), 1);
    assert_eq!(
        found(json!({"ssmParameter": format!("arn:aws:ssm:us-east-1::parameter{name}")})).unwrap(),
        by_name
    );
    let globbed = found(json!({"name": "bottlerocket-aws-k8s-1.36-*"})).unwrap();
    assert_eq!(globbed.len(), 2, "the newest of each architecture");
    assert!(globbed.iter().all(|ami| ami.deprecated.is_none()));
    assert_eq!(found(json!({"tags": {"team": "a"}})).unwrap_err().reason(), Some("AMINotFound"));
}
