use std::sync::Arc;
use std::time::Duration;

use rstest::rstest;
use serde_json::{Value, json};
use supercargo_cloud::{Action as CloudAction, CloudError, InstanceQuery};
use supercargo_reconcile::toy::Toy;
use supercargo_reconcile::{Key, Keyed, Kind, Part};

use super::*;
use crate::knowledge::Knowledge;
use crate::outside::CloudAnswer;
use crate::settings::Settings;
use crate::stage;

const CLAIM: Kind = Kind::NodeClaim;
const ID: &str = "aws:///us-east-1a/i-1";

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

fn toy() -> (Toy, Arc<Knowledge>) {
    let knowledge = stage::knowledge(Settings::default());
    let part: Box<dyn Part> = Box::new(Keyed::new(Lifecycle::new(Arc::clone(&knowledge))));
    let mut toy = Toy::new(vec![part]);
    toy.create(Kind::NodePool, stage::node_pool("general", "default"));
    (toy, knowledge)
}

fn get(toy: &Toy, kind: Kind, name: &str) -> Value {
    toy.state.get(kind, &Key::cluster(name)).map_or(Value::Null, |object| object.to_value().unwrap())
}

fn condition(toy: &Toy, type_: &str) -> String {
    let all = get(toy, CLAIM, "a")["status"]["conditions"].as_array().cloned().unwrap_or_default();
    let found = all.iter().find(|condition| condition["type"] == type_).cloned().unwrap_or_default();
    format!("{}/{}", found["status"].as_str().unwrap_or("-"), found["reason"].as_str().unwrap_or("-"))
}

/// A claim that was launched at 09:00, made by the NodePool of the toy.
fn launched(toy: &Toy, change: Value) -> Value {
    let mut claim = stage::node_claim("a", "general", "default");
    claim["metadata"]["labels"]["topology.kubernetes.io/zone"] = json!("us-east-1a");
    claim["metadata"]["labels"]["team"] = json!("red");
    claim["metadata"]["annotations"] = json!({"note": "kept"});
    claim["metadata"]["ownerReferences"] = json!([{
        "apiVersion": "karpenter.sh/v1", "kind": "NodePool", "name": "general",
        "uid": get(toy, Kind::NodePool, "general")["metadata"]["uid"], "blockOwnerDeletion": true,
    }]);
    claim["status"] = json!({
        "providerID": ID,
        "conditions": [{"type": "Launched", "status": "True", "lastTransitionTime": "2026-03-02T09:00:00Z"}],
    });
    for (name, field) in change.as_object().unwrap() {
        claim["spec"][name] = field.clone();
    }
    claim
}

/// A node as a kubelet registers it, with these taints besides the one of nodes that are not registered yet.
fn node(name: &str, change: &[(&str, Value)]) -> Value {
    let mut node = json!({
        "apiVersion": "v1", "kind": "Node",
        "metadata": {"name": name, "labels": {"team": "blue", "kubernetes.io/hostname": name}},
        "spec": {"providerID": ID, "taints": [{"key": "karpenter.sh/unregistered", "effect": "NoExecute"}]},
        "status": {
            "allocatable": {"cpu": "2", "memory": "8Gi"},
            "conditions": [{"type": "Ready", "status": "True"}],
        },
    });
    for (path, value) in change {
        let mut place = &mut node;
        for step in path.split('.') {
            place = &mut place[step];
        }
        *place = value.clone();
    }
    node
}

fn taint(key: &str, effect: &str) -> Value {
    json!({"key": key, "effect": effect})
}

#[test]
fn rows_r1_and_r2_a_node_that_joins_becomes_what_its_claim_says() {
    let (mut toy, knowledge) = toy();
    let claim = launched(
        &toy,
        json!({
            "taints": [taint("dedicated", "NoSchedule")], "startupTaints": [taint("cni", "NoSchedule")],
        }),
    );
    toy.create(CLAIM, claim);
    toy.run(seconds(1));
    assert_eq!(condition(&toy, "Registered"), "Unknown/NodeNotFound");
    assert_eq!(condition(&toy, "Ready"), "Unknown/ReconcilingDependents");
    let claim = get(&toy, CLAIM, "a");
    assert_eq!(claim["metadata"]["finalizers"], json!(["karpenter.sh/termination"]), "row L1");
    assert_eq!(claim["metadata"]["labels"]["karpenter.k8s.aws/ec2nodeclass"], "default");
    toy.create(Kind::Node, node("n", &[]));
    toy.run(seconds(1));
    assert_eq!(condition(&toy, "Registered"), "True/Registered");
    assert_eq!(get(&toy, CLAIM, "a")["status"]["nodeName"], "n");
    let found = get(&toy, Kind::Node, "n");
    let metadata = &found["metadata"];
    assert_eq!(metadata["finalizers"], json!(["karpenter.sh/termination"]));
    assert_eq!(metadata["ownerReferences"][0]["kind"], "NodeClaim");
    assert_eq!(metadata["ownerReferences"][0]["uid"], claim["metadata"]["uid"]);
    assert_eq!(metadata["annotations"]["note"], "kept");
    assert_eq!(metadata["labels"]["team"], "red", "the claim wins");
    assert_eq!(metadata["labels"]["kubernetes.io/hostname"], "n");
    assert_eq!(metadata["labels"]["karpenter.sh/registered"], "true");
    assert_eq!(
        found["spec"]["taints"],
        json!([taint("dedicated", "NoSchedule"), taint("cni", "NoSchedule")])
    );
    assert_eq!(condition(&toy, "Initialized"), "Unknown/StartupTaintsExist");
    assert!(toy.notes.is_empty(), "{:?}", toy.notes);
    let counted = r#"karpenter_nodes_created_total{nodepool="general",zone="us-east-1a"} 1"#;
    assert!(knowledge.metrics.text().contains(counted));
    toy.patch(Kind::Node, &Key::cluster("n"), json!({"spec": {"taints": null}}));
    toy.run(seconds(1));
    assert_eq!(condition(&toy, "Initialized"), "True/Initialized");
    assert_eq!(condition(&toy, "Ready"), "True/Ready");
    let found = get(&toy, Kind::Node, "n");
    assert_eq!(found["metadata"]["labels"]["karpenter.sh/initialized"], "true");
    assert_eq!(found["spec"]["taints"], Value::Null, "startup taints do not come back");
}

#[test]
fn row_r2_taints_are_left_to_kubelets_that_bring_them() {
    let (mut toy, _) = toy();
    let claim = launched(&toy, json!({"taints": [taint("dedicated", "NoSchedule")]}));
    toy.create(CLAIM, claim);
    toy.create(Kind::Node, node("n", &[]));
    toy.patch(
        Kind::Node,
        &Key::cluster("n"),
        json!({"metadata": {"labels": {"karpenter.sh/do-not-sync-taints": "true"}}}),
    );
    toy.run(seconds(1));
    assert_eq!(condition(&toy, "Registered"), "True/Registered");
    assert_eq!(get(&toy, Kind::Node, "n")["spec"]["taints"], Value::Null);
}

#[test]
fn row_r1_a_node_without_the_taint_registers_with_a_warning() {
    let (mut toy, _) = toy();
    let claim = launched(&toy, json!({}));
    toy.create(CLAIM, claim);
    toy.create(Kind::Node, node("n", &[("spec.taints", Value::Null)]));
    toy.run(seconds(1));
    assert_eq!(toy.said("a", "UnregisteredTaintMissing").len(), 1);
    assert_eq!(condition(&toy, "Registered"), "True/Registered");
}

#[test]
fn row_r1_two_nodes_of_one_instance_register_neither() {
    let (mut toy, _) = toy();
    let claim = launched(&toy, json!({}));
    toy.create(CLAIM, claim);
    toy.create(Kind::Node, node("n", &[]));
    toy.state.nodes.len();
    let mut twin = node("m", &[]);
    twin["spec"]["taints"] = Value::Null;
    toy.create(Kind::Node, twin);
    toy.run(seconds(1));
    assert_eq!(condition(&toy, "Registered"), "False/MultipleNodesFound");
    assert_eq!(condition(&toy, "Ready"), "False/UnhealthyDependents");
    toy.delete(Kind::Node, &Key::cluster("m"));
    toy.run(seconds(1));
    assert_eq!(condition(&toy, "Registered"), "True/Registered");
}

#[rstest]
#[case::not_ready(json!({}), &[("status.conditions", json!([{"type": "Ready", "status": "False"}]))], "Unknown/NodeNotReady")]
#[case::no_word_of_it(json!({}), &[("status.conditions", json!([]))], "Unknown/NodeNotReady")]
#[case::startup_taint(json!({"startupTaints": [taint("cni", "NoExecute")]}), &[], "Unknown/StartupTaintsExist")]
#[case::not_ready_taint(json!({}), &[("spec.taints", json!([taint("node.kubernetes.io/not-ready", "NoSchedule")]))],
    "Unknown/KnownEphemeralTaintsExist")]
#[case::unreachable(json!({}), &[("spec.taints", json!([taint("node.kubernetes.io/unreachable", "NoSchedule")]))],
    "Unknown/KnownEphemeralTaintsExist")]
#[case::cloud_provider(json!({}), &[("spec.taints", json!([{"key": "node.cloudprovider.kubernetes.io/uninitialized",
    "value": "true", "effect": "NoSchedule"}]))], "Unknown/KnownEphemeralTaintsExist")]
#[case::readiness_gate(json!({}), &[("spec.taints", json!([taint("readiness.k8s.io/gpu", "NoSchedule")]))],
    "Unknown/KnownEphemeralTaintsExist")]
#[case::resource_missing(json!({"resources": {"requests": {"nvidia.com/gpu": "1"}}}), &[], "Unknown/ResourceNotRegistered")]
#[case::resource_zero(json!({"resources": {"requests": {"nvidia.com/gpu": "1"}}}),
    &[("status.allocatable", json!({"nvidia.com/gpu": "0"}))], "Unknown/ResourceNotRegistered")]
#[case::resource_there(json!({"resources": {"requests": {"nvidia.com/gpu": "1", "cpu": "1"}}}),
    &[("status.allocatable", json!({"nvidia.com/gpu": "1", "cpu": "1"}))], "True/Initialized")]
#[case::nothing_asked_of_it(json!({"resources": {"requests": {"nvidia.com/gpu": "0"}}}), &[], "True/Initialized")]
#[case::other_taints(json!({}), &[("spec.taints", json!([taint("mine", "NoSchedule")]))], "True/Initialized")]
fn section_3_3_what_keeps_a_node_from_being_initialized(
    #[case] spec: Value,
    #[case] change: &[(&str, Value)],
    #[case] expected: &str,
) {
    let (mut toy, _) = toy();
    let claim = launched(&toy, spec);
    toy.create(CLAIM, claim);
    toy.create(Kind::Node, node("n", change));
    toy.run(seconds(1));
    assert_eq!(condition(&toy, "Initialized"), expected);
    assert_eq!(condition(&toy, "Registered"), "True/Registered");
    // there is no time limit to it
    toy.run(seconds(100 * 3_600));
    assert_eq!(condition(&toy, "Initialized"), expected);
}

fn pool_health(toy: &Toy, knowledge: &Knowledge) -> Health {
    let uid = get(toy, Kind::NodePool, "general")["metadata"]["uid"].as_str().unwrap().to_owned();
    knowledge.registration_health().of(&uid)
}

#[rstest]
#[case::row_r4_fifteen_minutes_from_its_creation(json!([]), 900)]
#[case::or_from_a_refusal(json!([{"type": "Registered", "status": "False", "reason": "MultipleNodesFound",
    "lastTransitionTime": "2026-03-02T09:05:00Z"}]), 1_200)]
fn row_r4_a_node_that_takes_too_long_is_given_up(#[case] conditions: Value, #[case] limit: u64) {
    let (mut toy, knowledge) = toy();
    let mut claim = launched(&toy, json!({}));
    claim["status"]["conditions"].as_array_mut().unwrap().extend(conditions.as_array().unwrap().clone());
    toy.create(CLAIM, claim);
    if limit > 900 {
        toy.create(Kind::Node, node("n", &[]));
        toy.create(Kind::Node, node("m", &[]));
    }
    toy.run(seconds(limit - 1));
    assert_eq!(get(&toy, CLAIM, "a")["metadata"]["deletionTimestamp"], Value::Null);
    toy.run(seconds(2));
    assert_ne!(
        get(&toy, CLAIM, "a")["metadata"]["deletionTimestamp"],
        Value::Null,
        "its end is up to others"
    );
    let counted = r#"karpenter_nodeclaims_disrupted_total{reason="registration_timeout",nodepool="general",capacity_type=""} 1"#;
    assert!(knowledge.metrics.text().contains(counted), "{}", knowledge.metrics.text());
    assert_eq!(knowledge.journal.last(), 1);
    assert_eq!(pool_health(&toy, &knowledge), Health::Healthy, "one of four");
    knowledge.registration_health().gave_up(
        get(&toy, Kind::NodePool, "general")["metadata"]["uid"].as_str().unwrap(),
        "Again",
        "",
    );
    assert!(matches!(pool_health(&toy, &knowledge), Health::Unhealthy(..)));
}

#[test]
fn row_l4_what_is_not_launched_is_given_up_elsewhere() {
    let (mut toy, _) = toy();
    let mut claim = launched(&toy, json!({}));
    claim["status"] = Value::Null;
    toy.create(CLAIM, claim);
    toy.run(seconds(10_000));
    assert_eq!(get(&toy, CLAIM, "a")["metadata"]["deletionTimestamp"], Value::Null);
}

#[test]
fn launches_of_other_owners_do_not_count_for_a_node_pool() {
    let (mut toy, knowledge) = toy();
    let mut claim = launched(&toy, json!({}));
    claim["metadata"]["ownerReferences"][0]["uid"] = json!("another");
    toy.create(CLAIM, claim);
    toy.create(Kind::Node, node("n", &[]));
    toy.run(seconds(1));
    assert_eq!(condition(&toy, "Registered"), "True/Registered");
    assert_eq!(pool_health(&toy, &knowledge), Health::Unknown);
}

#[test]
fn a_registration_counts_for_the_health_of_its_node_pool() {
    let (mut toy, knowledge) = toy();
    let claim = launched(&toy, json!({}));
    toy.create(CLAIM, claim);
    toy.create(Kind::Node, node("n", &[]));
    toy.run(seconds(1));
    assert_eq!(pool_health(&toy, &knowledge), Health::Healthy);
}

#[test]
fn section_3_6_older_nodes_learn_the_name_of_their_class() {
    let (mut toy, _) = toy();
    let mut claim = launched(&toy, json!({}));
    claim["status"]["nodeName"] = json!("n");
    let at = "2026-03-02T08:00:00Z";
    claim["status"]["conditions"] = json!([
        {"type": "Launched", "status": "True", "lastTransitionTime": at},
        {"type": "Registered", "status": "True", "lastTransitionTime": at},
        {"type": "Initialized", "status": "True", "lastTransitionTime": at},
    ]);
    toy.create(CLAIM, claim);
    toy.create(Kind::Node, node("n", &[("spec.taints", json!([taint("mine", "NoSchedule")]))]));
    toy.run(seconds(1));
    let labels = get(&toy, Kind::Node, "n")["metadata"]["labels"].clone();
    assert_eq!(labels["karpenter.k8s.aws/ec2nodeclass"], "default");
    assert_eq!(labels["team"], "blue", "what else the node says is not touched any more");
    assert_eq!(condition(&toy, "Ready"), "True/Ready");
}

/// What EC2 says of the instance of the toy.
fn described(partition: Option<u32>) -> Box<CloudAnswer> {
    let region = stage::Stage::new(Vec::new());
    let id = region.launch_stray("general", "one");
    let mut instances = region.region.describe_instances(&InstanceQuery::ids([id])).outcome.unwrap();
    "i-1".clone_into(&mut instances[0].id);
    instances[0].placement_partition = partition;
    Box::new(CloudAnswer::Instances(Ok(instances)))
}

fn not_known_yet() -> Box<CloudAnswer> {
    let error = CloudError::new(CloudAction::DescribeInstances, "InvalidInstanceID.NotFound", "");
    Box::new(CloudAnswer::Instances(Err(error)))
}

#[rstest]
#[case::in_the_second(Some(2), json!("2"))]
#[case::without_partitions(None, json!(null))]
fn row_r3_a_node_waits_until_ec2_has_told_the_partition(
    #[case] partition: Option<u32>,
    #[case] label: Value,
) {
    let (mut toy, _) = toy();
    let mut claim = launched(&toy, json!({}));
    claim["metadata"]["labels"]["karpenter.k8s.aws/placement-group-id"] = json!("pg-1");
    toy.create(CLAIM, claim);
    toy.create(Kind::Node, node("n", &[]));
    toy.run(seconds(1));
    assert_eq!(toy.asked.len(), 1);
    assert_eq!(condition(&toy, "Registered"), "Unknown/RegistrationHookPending");
    toy.answer_first(not_known_yet());
    toy.run(seconds(2));
    assert_eq!(toy.asked.len(), 1, "a young instance is not known everywhere yet");
    assert_eq!(condition(&toy, "Registered"), "Unknown/RegistrationHookPending");
    toy.answer_first(described(partition));
    toy.run(seconds(2));
    assert_eq!(condition(&toy, "Registered"), "True/Registered");
    let key = "karpenter.k8s.aws/placement-group-partition";
    assert_eq!(get(&toy, CLAIM, "a")["metadata"]["labels"][key], label);
    assert_eq!(get(&toy, Kind::Node, "n")["metadata"]["labels"][key], label);
    assert!(toy.asked.is_empty(), "once is enough");
}

#[test]
fn row_r3_instances_are_asked_about_together_and_alone_if_one_is_not_known() {
    let (mut toy, _) = toy();
    for index in 1..=3 {
        let mut claim = launched(&toy, json!({}));
        claim["metadata"]["name"] = json!(format!("c{index}"));
        claim["metadata"]["labels"]["karpenter.k8s.aws/placement-group-id"] = json!("pg-1");
        claim["status"]["providerID"] = json!(format!("aws:///us-east-1a/i-{index}"));
        toy.create(CLAIM, claim);
    }
    toy.run(seconds(1));
    assert_eq!(toy.asked.len(), 1);
    toy.answer_first(not_known_yet());
    toy.run(seconds(2));
    assert_eq!(toy.asked.len(), 3);
}
