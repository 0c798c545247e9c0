use std::time::Duration;

use rstest::rstest;
use serde_json::{Value, json};
use supercargo_cloud::{Action, tags};
use supercargo_cloud_sim::FaultRule;
use supercargo_reconcile::{Key, Keyed, Kind, Part};

use super::*;
use crate::digest::VERSION;
use crate::settings::Settings;
use crate::stage::{self, CLUSTER, Stage};

const CLASS: Kind = Kind::EC2NodeClass;

fn parts() -> Vec<Box<dyn Part>> {
    vec![Box::new(Keyed::new(NodeClasses::new(stage::knowledge(Settings::default()))))]
}

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

fn with(change: Value) -> Value {
    let mut class = stage::node_class("default");
    for (name, field) in change.as_object().unwrap() {
        class["spec"][name] = field.clone();
    }
    class
}

#[test]
fn a_class_becomes_ready_with_what_its_selectors_find() {
    let mut stage = Stage::new(parts());
    stage.toy.create(CLASS, stage::node_class("default"));
    stage.run(seconds(1));
    assert_eq!(stage.condition(CLASS, "default", "Ready"), "True/Ready");
    let class = stage.get(CLASS, "default");
    let status = &class["status"];
    assert!(status["amis"].as_array().unwrap().len() >= 4, "{status}");
    assert_eq!(status["subnets"].as_array().unwrap().len(), 6);
    assert_eq!(status["securityGroups"].as_array().unwrap().len(), 1);
    assert!(status["instanceProfile"].as_str().unwrap().starts_with("stage_"));
    assert_eq!(class["metadata"]["finalizers"], json!(["karpenter.k8s.aws/termination"]));
    assert_eq!(class["metadata"]["annotations"]["karpenter.k8s.aws/ec2nodeclass-hash-version"], VERSION);
    let types: Vec<&str> = status["conditions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|found| found["type"].as_str().unwrap())
        .collect();
    let expected = [
        "AMIsReady",
        "CapacityReservationsReady",
        "InstanceProfileReady",
        "Ready",
        "SecurityGroupsReady",
        "SubnetsReady",
        "ValidationSucceeded",
    ];
    let mut types = types;
    types.sort_unstable();
    assert_eq!(types, expected);
}

#[rstest]
#[case::no_image(json!({"amiSelectorTerms": [{"name": "nothing-*"}], "amiFamily": "AL2023"}), "AMIsReady", "False/AMINotFound")]
#[case::alias_of_old(json!({"amiSelectorTerms": [{"alias": "al2@latest"}]}), "AMIsReady", "False/UnsupportedAlias")]
#[case::no_subnet(json!({"subnetSelectorTerms": [{"id": "subnet-0"}]}), "SubnetsReady", "False/SubnetsNotFound")]
#[case::no_group(json!({"securityGroupSelectorTerms": [{"id": "sg-0"}]}), "SecurityGroupsReady", "False/SecurityGroupsNotFound")]
#[case::no_profile(json!({"role": null, "instanceProfile": "nobody"}), "InstanceProfileReady", "False/InstanceProfileNotFound")]
#[case::no_placement_group(json!({"placementGroupSelector": {"name": "x"}}), "PlacementGroupReady", "False/PlacementGroupNotFound")]
#[case::unknown_kubelet_field(json!({"kubelet": {"maxPodz": 3}}), "ValidationSucceeded", "False/InvalidKubeletConfiguration")]
#[case::field_for_others(json!({"amiSelectorTerms": [{"alias": "bottlerocket@latest"}], "kubelet": {"podsPerCore": 3}}), "ValidationSucceeded", "False/UnsupportedKubeletConfiguration")]
#[case::own_tag(json!({"tags": {"karpenter.sh/nodepool": "x"}}), "ValidationSucceeded", "False/TagValidationFailed")]
#[case::cluster_tag(json!({"tags": {"kubernetes.io/cluster/x": "owned"}}), "ValidationSucceeded", "False/TagValidationFailed")]
#[case::long_user_data(json!({"userData": "x".repeat(20_000)}), "ValidationSucceeded", "False/UserDataSizeLimitExceeded")]
#[case::dependencies(json!({"subnetSelectorTerms": [{"id": "subnet-0"}]}), "ValidationSucceeded", "False/DependenciesNotReady")]
fn what_is_missing_has_its_reason(#[case] change: Value, #[case] type_: &str, #[case] expected: &str) {
    let mut stage = Stage::new(parts());
    stage.toy.create(CLASS, with(change));
    stage.run(seconds(1));
    assert_eq!(stage.condition(CLASS, "default", type_), expected);
    assert_eq!(stage.condition(CLASS, "default", "Ready"), "False/UnhealthyDependents");
}

#[rstest]
#[case::templates(Action::CreateLaunchTemplate, "False/CreateLaunchTemplateAuthCheckFailed")]
#[case::fleets(Action::CreateFleet, "False/CreateFleetAuthCheckFailed")]
fn what_is_not_permitted_is_found_out_by_dry_runs(#[case] action: Action, #[case] expected: &str) {
    let mut stage = Stage::with(parts(), |options| {
        options.faults = vec![FaultRule::new(action, 1.0, "UnauthorizedOperation")];
    });
    stage.toy.create(CLASS, stage::node_class("default"));
    stage.run(seconds(1));
    assert_eq!(stage.condition(CLASS, "default", "ValidationSucceeded"), expected);
    assert!(stage.region.machines().is_empty());
}

#[test]
fn a_call_that_fails_leaves_what_was_found_and_is_made_again() {
    let mut stage = Stage::new(parts());
    stage.region.inject(FaultRule::new(Action::DescribeSubnets, 1.0, "InternalError"));
    stage.toy.create(CLASS, stage::node_class("default"));
    stage.run(seconds(1));
    assert_eq!(stage.condition(CLASS, "default", "SubnetsReady"), "Unknown/AwaitingReconciliation");
    assert_eq!(stage.condition(CLASS, "default", "Ready"), "Unknown/ReconcilingDependents");
    stage.region.clear_faults();
    stage.run(seconds(5));
    assert_eq!(stage.condition(CLASS, "default", "Ready"), "True/Ready");
    stage.region.inject(FaultRule::new(Action::DescribeSubnets, 1.0, "InternalError"));
    stage.run(seconds(120));
    assert_eq!(stage.condition(CLASS, "default", "Ready"), "True/Ready");
}

#[test]
fn free_addresses_are_told_to_launches_every_minute() {
    let knowledge = stage::knowledge(Settings::default());
    let mut stage = Stage::new(vec![Box::new(Keyed::new(NodeClasses::new(knowledge.clone())))]);
    stage.toy.create(CLASS, stage::node_class("default"));
    stage.run(seconds(1));
    let free = |zone: &str| {
        let subnets = knowledge.subnets();
        let found = subnets.values().find(|subnet| subnet.zone == zone).map(|subnet| subnet.free_ips);
        found.unwrap()
    };
    let before = free("us-east-1a");
    let id = stage.launch_stray("general", "one");
    let zone = stage.region.machine(&id).unwrap().zone;
    assert_eq!(zone, "us-east-1a");
    stage.run(seconds(58));
    assert_eq!(free("us-east-1a"), before);
    stage.run(seconds(3));
    assert!(free("us-east-1a") < before);
}

#[test]
fn a_changed_class_is_looked_at_anew_at_once() {
    let mut stage = Stage::new(parts());
    stage.toy.create(CLASS, stage::node_class("default"));
    stage.run(seconds(1));
    let hash =
        stage.get(CLASS, "default")["metadata"]["annotations"]["karpenter.k8s.aws/ec2nodeclass-hash"].clone();
    stage.toy.patch(
        CLASS,
        &Key::cluster("default"),
        json!({"spec": {"tags": {"kubernetes.io/cluster": "x"}}}),
    );
    stage.run(seconds(1));
    assert_eq!(stage.condition(CLASS, "default", "ValidationSucceeded"), "False/TagValidationFailed");
    stage.toy.patch(
        CLASS,
        &Key::cluster("default"),
        json!({"spec": {"tags": {"kubernetes.io/cluster": null, "team": "a"}}}),
    );
    stage.run(seconds(1));
    assert_eq!(stage.condition(CLASS, "default", "Ready"), "True/Ready");
    let class = stage.get(CLASS, "default");
    assert_ne!(class["metadata"]["annotations"]["karpenter.k8s.aws/ec2nodeclass-hash"], hash);
    let observed =
        class["status"]["conditions"].as_array().unwrap().iter().map(|found| &found["observedGeneration"]);
    assert!(observed.clone().all(|found| *found == class["metadata"]["generation"]), "{class}");
}

#[test]
fn a_class_goes_after_its_claims_and_takes_along_what_was_made_for_it() {
    let mut stage = Stage::new(parts());
    stage.toy.create(CLASS, stage::node_class("default"));
    for index in 0..7 {
        stage.toy.create(Kind::NodeClaim, stage::node_claim(&format!("claim-{index}"), "general", "default"));
    }
    stage.run(seconds(1));
    stage.launch_stray("general", "one");
    stage.toy.delete(CLASS, &Key::cluster("default"));
    stage.run(seconds(660));
    let told = stage.toy.said("default", "WaitingOnNodeClaimTermination");
    let message =
        "Waiting on NodeClaim termination for claim-0, claim-1, claim-2, claim-3, claim-4 and 2 other(s)";
    assert_eq!(told, [message, message]);
    assert_eq!(stage.region.list_instance_profiles("/karpenter/").outcome.unwrap().len(), 1);
    for index in 0..7 {
        stage.toy.delete(Kind::NodeClaim, &Key::cluster(format!("claim-{index}")));
    }
    stage.run(seconds(1));
    assert_eq!(stage.get(CLASS, "default"), Value::Null);
    assert!(stage.region.list_instance_profiles("/karpenter/").outcome.unwrap().is_empty());
    assert!(stage.region.describe_launch_templates(&[]).outcome.unwrap().is_empty());
}

#[test]
fn a_fleet_of_karpenter_is_taken_over_without_drifting() {
    let mut stage = Stage::new(parts());
    let stamps = |hash: &str| json!({"karpenter.k8s.aws/ec2nodeclass-hash": hash, "karpenter.k8s.aws/ec2nodeclass-hash-version": "v6"});
    let mut class = stage::node_class("default");
    class["metadata"]["annotations"] = stamps("111");
    for (name, hash) in [("same", "111"), ("drifted", "222")] {
        let mut claim = stage::node_claim(name, "general", "default");
        claim["metadata"]["annotations"] = stamps(hash);
        stage.toy.create(Kind::NodeClaim, claim);
    }
    stage.toy.create(CLASS, class);
    stage.run(seconds(1));
    let hash = |kind: Kind, name: &str| {
        let annotations = stage.get(kind, name)["metadata"]["annotations"].clone();
        assert_eq!(annotations["karpenter.k8s.aws/ec2nodeclass-hash-version"], VERSION, "{name}");
        annotations["karpenter.k8s.aws/ec2nodeclass-hash"].as_str().unwrap().to_owned()
    };
    assert_eq!(hash(Kind::NodeClaim, "same"), hash(CLASS, "default"));
    assert_eq!(hash(Kind::NodeClaim, "drifted"), "222");
}

#[test]
fn the_profile_of_a_changed_role_is_another_one() {
    let mut stage = Stage::new(parts());
    stage.toy.create(CLASS, stage::node_class("default"));
    stage.run(seconds(1));
    let first = stage.get(CLASS, "default")["status"]["instanceProfile"].clone();
    stage.toy.patch(CLASS, &Key::cluster("default"), json!({"spec": {"role": "other"}}));
    stage.run(seconds(1));
    assert_ne!(stage.get(CLASS, "default")["status"]["instanceProfile"], first);
    stage.toy.patch(CLASS, &Key::cluster("default"), json!({"spec": {"role": "stage-node"}}));
    stage.run(seconds(1));
    assert_eq!(stage.get(CLASS, "default")["status"]["instanceProfile"], first);
    let all = stage.region.list_instance_profiles("/karpenter/us-east-1/stage/").outcome.unwrap();
    assert_eq!(all.len(), 2);
    assert_eq!(all[0].tags[&tags::cluster_key(CLUSTER)], "owned");
}

#[test]
fn section_5_1_new_images_are_found_within_five_minutes() {
    let mut stage = Stage::new(parts());
    stage.toy.create(CLASS, with(json!({"amiSelectorTerms": [{"name": "own-*"}], "amiFamily": "AL2023"})));
    let image = |id: &str, day: &str| supercargo_cloud::Image {
        id: id.to_owned(),
        name: format!("own-{day}"),
        owner_id: "123456789012".to_owned(),
        owner_alias: Some("self".to_owned()),
        architecture: supercargo_catalog::Arch::Amd64,
        created_at: format!("{day}T00:00:00Z").parse().unwrap(),
        deprecated_at: None,
        tags: supercargo_cloud::Tags::new(),
    };
    stage.region.register_image(image("ami-1", "2026-01-01"));
    stage.run(seconds(1));
    let found = |stage: &Stage| stage.get(CLASS, "default")["status"]["amis"][0]["id"].clone();
    assert_eq!(found(&stage), "ami-1");
    stage.region.register_image(image("ami-2", "2026-02-01"));
    stage.run(seconds(290));
    assert_eq!(found(&stage), "ami-1");
    stage.run(seconds(15));
    assert_eq!(found(&stage), "ami-2");
}

#[test]
fn a_class_that_stays_as_it_is_is_not_written_again() {
    let mut stage = Stage::new(parts());
    stage.toy.create(CLASS, stage::node_class("default"));
    stage.run(seconds(2));
    let version = stage.get(CLASS, "default")["metadata"]["resourceVersion"].clone();
    stage.run(seconds(3_600));
    assert_eq!(stage.get(CLASS, "default")["metadata"]["resourceVersion"], version);
}
