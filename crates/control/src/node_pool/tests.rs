use std::sync::Arc;
use std::time::Duration;

use rstest::rstest;
use serde_json::{Value, json};
use supercargo_reconcile::toy::Toy;
use supercargo_reconcile::{Key, Keyed, Kind};

use super::*;
use crate::digest::VERSION;
use crate::knowledge::Knowledge;
use crate::settings::Settings;
use crate::stage;

const POOL: Kind = Kind::NodePool;

fn toy() -> (Toy, Arc<Knowledge>) {
    let knowledge = stage::knowledge(Settings::default());
    (Toy::new(vec![Box::new(Keyed::new(NodePools::new(Arc::clone(&knowledge))))]), knowledge)
}

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

fn get(toy: &Toy, kind: Kind, name: &str) -> Value {
    toy.state.get(kind, &Key::cluster(name)).unwrap().to_value().unwrap()
}

fn condition(toy: &Toy, type_: &str) -> String {
    let pool = get(toy, POOL, "general");
    let all = pool["status"]["conditions"].as_array().cloned().unwrap_or_default();
    let found = all.iter().find(|condition| condition["type"] == type_).cloned().unwrap_or_default();
    format!("{}/{}", found["status"].as_str().unwrap_or("-"), found["reason"].as_str().unwrap_or("-"))
}

fn ready(status: &str, reason: &str) -> Value {
    json!([{"type": "Ready", "status": status, "reason": reason, "message": "told"}])
}

#[rstest]
#[case::no_class(json!(null), "False/NodeClassNotFound")]
#[case::going(json!({"metadata": {"finalizers": ["a"]}, "gone": true}), "False/NodeClassTerminating")]
#[case::nothing_said(json!({}), "Unknown/NodeClassReadinessUnknown")]
#[case::unknown(json!({"status": {"conditions": ready("Unknown", "X")}}), "Unknown/NodeClassReadinessUnknown")]
#[case::not_ready(json!({"status": {"conditions": ready("False", "SubnetsNotFound")}}), "False/SubnetsNotFound")]
#[case::ready(json!({"status": {"conditions": ready("True", "Ready")}}), "True/NodeClassReady")]
#[case::ready_a_generation_ago(json!({"status": {"conditions": [{"type": "Ready", "status": "True", "observedGeneration": 7}]}}),
    "Unknown/NodeClassReadinessUnknown")]
fn row_n18_a_node_pool_is_as_ready_as_its_class(#[case] class: Value, #[case] expected: &str) {
    let (mut toy, _) = toy();
    if !class.is_null() {
        let mut manifest = stage::node_class("default");
        manifest["status"] = class["status"].clone();
        manifest["metadata"]["finalizers"] = class["metadata"]["finalizers"].clone();
        toy.create(Kind::EC2NodeClass, manifest);
        if class["gone"] == true {
            toy.delete(Kind::EC2NodeClass, &Key::cluster("default"));
        }
    }
    toy.create(POOL, stage::node_pool("general", "default"));
    toy.run(seconds(1));
    assert_eq!(condition(&toy, "NodeClassReady"), expected);
    let whole = match expected.split('/').next() {
        Some("True") => "True/Ready",
        Some("False") => "False/UnhealthyDependents",
        _ => "Unknown/ReconcilingDependents",
    };
    assert_eq!(condition(&toy, "Ready"), whole);
}

#[test]
fn row_n5_what_the_definition_cannot_say_is_found_out() {
    let (mut toy, _) = toy();
    let mut pool = stage::node_pool("general", "default");
    pool["spec"]["template"]["spec"]["taints"] = json!([{"key": "a", "effect": "NoSchedule"}]);
    pool["spec"]["template"]["spec"]["startupTaints"] = json!([{"key": "a", "effect": "NoSchedule"}]);
    toy.create(POOL, pool);
    toy.run(seconds(1));
    assert_eq!(condition(&toy, "ValidationSucceeded"), "False/NodePoolValidationFailed");
    toy.patch(
        POOL,
        &Key::cluster("general"),
        json!({"spec": {"template": {"spec": {"startupTaints": null}}}}),
    );
    toy.run(seconds(1));
    assert_eq!(condition(&toy, "ValidationSucceeded"), "True/ValidationSucceeded");
}

fn launched(name: &str, id: u32) -> Value {
    let mut claim = stage::node_claim(name, "general", "default");
    claim["status"] = json!({
        "providerID": format!("aws:///us-east-1a/i-{id}"),
        "capacity": {"cpu": "4", "memory": "16Gi", "pods": "58", "ephemeral-storage": "20Gi"},
        "conditions": [{"type": "Launched", "status": "True"}],
    });
    claim
}

#[test]
fn rows_n15_and_n16_what_the_nodes_have_is_counted_every_five_seconds() {
    let (mut toy, _) = toy();
    toy.create(POOL, stage::node_pool("general", "default"));
    toy.run(seconds(1));
    let zero = json!({"cpu": "0", "memory": "0", "pods": "0", "ephemeral-storage": "0", "nodes": "0"});
    assert_eq!(get(&toy, POOL, "general")["status"]["resources"], zero);
    for index in 1..=3 {
        toy.create(Kind::NodeClaim, launched(&format!("claim-{index}"), index));
    }
    toy.create(Kind::NodeClaim, stage::node_claim("not-launched", "general", "default"));
    toy.create(Kind::NodeClaim, stage::node_claim("of-another", "other", "default"));
    toy.run(seconds(3));
    assert_eq!(get(&toy, POOL, "general")["status"]["nodes"], 0);
    toy.run(seconds(2));
    let status = get(&toy, POOL, "general")["status"].clone();
    assert_eq!(status["nodes"], 3);
    let sum =
        json!({"cpu": "12", "memory": "48Gi", "pods": "174", "ephemeral-storage": "60Gi", "nodes": "3"});
    assert_eq!(status["resources"], sum);
    // a node shows less than promised, and counts as what it shows once it is initialized
    toy.create(
        Kind::Node,
        json!({
            "metadata": {"name": "n", "labels": {"karpenter.sh/nodepool": "general"}},
            "spec": {"providerID": "aws:///us-east-1a/i-1"},
            "status": {"capacity": {"cpu": "3", "pods": "58"}},
        }),
    );
    toy.run(seconds(6));
    assert_eq!(get(&toy, POOL, "general")["status"]["resources"]["cpu"], "11");
    assert_eq!(get(&toy, POOL, "general")["status"]["resources"]["memory"], "48Gi");
    toy.patch(Kind::NodeClaim, &Key::cluster("claim-3"), json!({"metadata": {"finalizers": ["x"]}}));
    toy.delete(Kind::NodeClaim, &Key::cluster("claim-3"));
    toy.run(seconds(6));
    assert_eq!(get(&toy, POOL, "general")["status"]["nodes"], 2);
}

#[test]
fn row_n19_a_fleet_of_karpenter_is_taken_over_without_drifting() {
    let (mut toy, _) = toy();
    let stamps =
        |hash: &str| json!({"karpenter.sh/nodepool-hash": hash, "karpenter.sh/nodepool-hash-version": "v3"});
    for (name, hash) in [("same", "111"), ("drifted", "222")] {
        let mut claim = stage::node_claim(name, "general", "default");
        claim["metadata"]["annotations"] = stamps(hash);
        toy.create(Kind::NodeClaim, claim);
    }
    let mut pool = stage::node_pool("general", "default");
    pool["metadata"]["annotations"] = stamps("111");
    toy.create(POOL, pool);
    toy.run(seconds(1));
    let hash = |kind: Kind, name: &str| {
        let annotations = get(&toy, kind, name)["metadata"]["annotations"].clone();
        assert_eq!(annotations["karpenter.sh/nodepool-hash-version"], VERSION, "{name}");
        annotations["karpenter.sh/nodepool-hash"].as_str().unwrap().to_owned()
    };
    assert_eq!(hash(Kind::NodeClaim, "same"), hash(POOL, "general"));
    assert_eq!(hash(Kind::NodeClaim, "drifted"), "222");
}

#[test]
fn row_n17_registration_health_begins_anew_when_pool_or_class_change() {
    let (mut toy, knowledge) = toy();
    toy.create(Kind::EC2NodeClass, stage::node_class("default"));
    toy.create(POOL, stage::node_pool("general", "default"));
    toy.run(seconds(1));
    assert_eq!(condition(&toy, "NodeRegistrationHealthy"), "Unknown/AwaitingReconciliation");
    assert_eq!(get(&toy, POOL, "general")["status"]["nodeClassObservedGeneration"], 1);
    let uid = get(&toy, POOL, "general")["metadata"]["uid"].as_str().unwrap().to_owned();
    let touch = |toy: &mut Toy, index: u32| {
        toy.create(Kind::NodeClaim, stage::node_claim(&format!("touch-{index}"), "general", "default"));
        toy.run(seconds(1));
    };
    knowledge.registration_health().registered(&uid);
    touch(&mut toy, 1);
    assert_eq!(condition(&toy, "NodeRegistrationHealthy"), "True/NodeRegistrationHealthy");
    (0..2).for_each(|_| knowledge.registration_health().gave_up(&uid, "RegistrationFailed", "no"));
    touch(&mut toy, 2);
    assert_eq!(condition(&toy, "NodeRegistrationHealthy"), "False/RegistrationFailed");
    toy.patch(Kind::EC2NodeClass, &Key::cluster("default"), json!({"spec": {"role": "other"}}));
    toy.run(seconds(1));
    assert_eq!(condition(&toy, "NodeRegistrationHealthy"), "Unknown/AwaitingReconciliation");
    assert_eq!(get(&toy, POOL, "general")["status"]["nodeClassObservedGeneration"], 2);
    knowledge.registration_health().registered(&uid);
    touch(&mut toy, 3);
    assert_eq!(condition(&toy, "NodeRegistrationHealthy"), "True/NodeRegistrationHealthy");
    toy.patch(POOL, &Key::cluster("general"), json!({"spec": {"weight": 3}}));
    toy.run(seconds(1));
    assert_eq!(condition(&toy, "NodeRegistrationHealthy"), "Unknown/AwaitingReconciliation");
}

#[test]
fn a_restart_goes_on_from_what_the_status_says() {
    let (mut toy, knowledge) = toy();
    toy.create(Kind::EC2NodeClass, stage::node_class("default"));
    let mut pool = stage::node_pool("general", "default");
    pool["status"] = json!({
        "nodeClassObservedGeneration": 1,
        "conditions": [{"type": "NodeRegistrationHealthy", "status": "False", "reason": "RegistrationFailed",
            "message": "no", "observedGeneration": 1}],
    });
    toy.create(POOL, pool);
    toy.run(seconds(1));
    assert_eq!(condition(&toy, "NodeRegistrationHealthy"), "False/RegistrationFailed");
    let uid = get(&toy, POOL, "general")["metadata"]["uid"].as_str().unwrap().to_owned();
    knowledge.registration_health().registered(&uid);
    knowledge.registration_health().registered(&uid);
    knowledge.registration_health().registered(&uid);
    toy.create(Kind::NodeClaim, stage::node_claim("touch", "general", "default"));
    toy.run(seconds(1));
    assert_eq!(condition(&toy, "NodeRegistrationHealthy"), "True/NodeRegistrationHealthy");
}

#[test]
fn section_6_2_a_class_that_is_not_there_is_warned_of_once() {
    let (mut toy, _) = toy();
    toy.create(POOL, stage::node_pool("general", "default"));
    toy.run(seconds(600));
    assert_eq!(toy.said("general", "NodeClassNotFound"), ["Failed resolving NodeClass \"default\""]);
    toy.create(Kind::EC2NodeClass, stage::node_class("default"));
    toy.run(seconds(1));
    toy.delete(Kind::EC2NodeClass, &Key::cluster("default"));
    toy.run(seconds(1));
    assert_eq!(toy.said("general", "NodeClassNotFound").len(), 2);
}

#[test]
fn a_node_pool_that_stays_as_it_is_is_not_written_again() {
    let (mut toy, _) = toy();
    toy.create(POOL, stage::node_pool("general", "default"));
    toy.run(seconds(6));
    let version = get(&toy, POOL, "general")["metadata"]["resourceVersion"].clone();
    toy.run(seconds(3_600));
    assert_eq!(get(&toy, POOL, "general")["metadata"]["resourceVersion"], version);
}
