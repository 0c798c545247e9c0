//! From a pod that waits to the end of its node, with all loops and a simulated region.

use std::time::Duration;

use serde_json::{Value, json};
use supercargo_catalog::PlacementStrategy;
use supercargo_cloud::{InstanceState, PlacementGroup};
use supercargo_reconcile::{Key, Kind};

use crate::controllers::parts;
use crate::settings::Settings;
use crate::stage::{self, Stage};

fn waiting_pod(name: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": name, "namespace": "default", "labels": {"app": "web"}},
        "spec": {"containers": [{"name": "c", "resources": {"requests": {"cpu": "1", "memory": "1Gi"}}}]},
        "status": {"phase": "Pending", "conditions": [
            {"type": "PodScheduled", "status": "False", "reason": "Unschedulable"},
        ]},
    })
}

fn only_claim(stage: &Stage) -> String {
    let names: Vec<String> = stage.toy.state.node_claims.iter().map(|(key, _)| key.name.clone()).collect();
    assert_eq!(names.len(), 1, "{names:?}\n{}", stage.toy.journal.join("\n"));
    names[0].clone()
}

#[test]
fn a_claim_is_launched_registers_is_initialized_expires_and_ends() {
    let knowledge = stage::knowledge(Settings::default());
    let mut stage = Stage::new(parts(&knowledge, 1));
    stage.kubelets = true;
    stage.toy.create(Kind::EC2NodeClass, stage::node_class("default"));
    let mut pool = stage::node_pool("general", "default");
    pool["spec"]["template"]["spec"]["expireAfter"] = json!("1h");
    pool["spec"]["template"]["spec"]["startupTaints"] = json!([{"key": "cni", "effect": "NoSchedule"}]);
    stage.toy.create(Kind::NodePool, pool);
    stage.toy.create(Kind::Pod, waiting_pod("web-1"));
    stage.run(Duration::from_secs(10));
    let name = only_claim(&stage);
    let told = |stage: &Stage, type_: &str| stage.condition(Kind::NodeClaim, &name, type_);
    assert_eq!(told(&stage, "Launched"), "True/Launched");
    assert_eq!(told(&stage, "Registered"), "Unknown/NodeNotFound");
    assert_eq!(stage.region.machines().len(), 1);
    stage.run(Duration::from_secs(120));
    assert_eq!(told(&stage, "Registered"), "True/Registered");
    assert_eq!(told(&stage, "Initialized"), "Unknown/StartupTaintsExist");
    let node = stage.get(Kind::NodeClaim, &name)["status"]["nodeName"].as_str().unwrap().to_owned();
    stage.toy.patch(Kind::Node, &Key::cluster(&node), json!({"spec": {"taints": null}}));
    let bound = json!({"spec": {"nodeName": node}});
    stage.toy.patch(Kind::Pod, &Key::new("default", "web-1"), bound);
    stage.run(Duration::from_secs(10));
    assert_eq!(told(&stage, "Ready"), "True/Ready");
    assert_eq!(stage.get(Kind::NodePool, "general")["status"]["nodes"], 1);
    assert_eq!(
        stage.condition(Kind::NodePool, "general", "NodeRegistrationHealthy"),
        "True/NodeRegistrationHealthy"
    );
    let machine = stage.region.machines().remove(0);
    assert_eq!(machine.tags["karpenter.sh/nodeclaim"], name);
    assert!(stage.get(Kind::NodeClaim, &name)["status"]["lastPodEventTime"].is_string());
    // the time is over an hour after the claim was made
    stage.run(Duration::from_secs(3_600 - 145));
    assert_eq!(only_claim(&stage), name);
    stage.run(Duration::from_secs(300));
    assert!(stage.toy.state.node_claims.is_empty(), "{}", stage.toy.journal.join("\n"));
    assert!(stage.toy.state.nodes.is_empty());
    let ended = stage
        .region
        .machine(&machine.instance_id)
        .is_none_or(|machine| machine.state == InstanceState::Terminated);
    assert!(ended);
    assert_eq!(stage.get(Kind::NodePool, "general")["status"]["nodes"], 0);
    let text = knowledge.metrics.text();
    for line in [
        r#"karpenter_nodes_created_total{nodepool="general""#,
        r#"karpenter_nodeclaims_disrupted_total{reason="expired",nodepool="general""#,
        r#"karpenter_nodeclaims_terminated_total{nodepool="general""#,
        r#"karpenter_nodes_terminated_total{nodepool="general""#,
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
}

#[test]
fn an_instance_whose_kubelet_never_starts_is_given_up_after_15_minutes_and_another_is_tried() {
    let knowledge = stage::knowledge(Settings::default());
    let mut stage = Stage::new(parts(&knowledge, 1));
    stage.toy.create(Kind::EC2NodeClass, stage::node_class("default"));
    stage.toy.create(Kind::NodePool, stage::node_pool("general", "default"));
    stage.toy.create(Kind::Pod, waiting_pod("web-1"));
    stage.run(Duration::from_secs(10));
    let first = Key::cluster(only_claim(&stage));
    stage.run(Duration::from_secs(160));
    assert_eq!(only_claim(&stage), first.name);
    stage.run(Duration::from_secs(720));
    let claims = &stage.toy.state.node_claims;
    assert!(claims.get(&first).is_some());
    assert_eq!(claims.len(), 2, "its pod does not wait so long for another, which never comes up either");
    stage.run(Duration::from_secs(120));
    let claims = &stage.toy.state.node_claims;
    assert!(claims.get(&first).is_none());
    let running = stage.region.machines().iter().filter(|machine| !machine.state.is_ending()).count();
    assert_eq!(running, claims.len(), "a machine for each claim that is left");
    stage.run(Duration::from_secs(1_000));
    assert_eq!(
        stage.condition(Kind::NodePool, "general", "NodeRegistrationHealthy"),
        "False/RegistrationFailed"
    );
}

#[test]
fn a_launch_that_is_slow_to_be_told_leaks_nothing() {
    let knowledge = stage::knowledge(Settings::default());
    let mut stage = Stage::new(parts(&knowledge, 1));
    stage.kubelets = true;
    stage.toy.create(Kind::EC2NodeClass, stage::node_class("default"));
    stage.toy.create(Kind::NodePool, stage::node_pool("general", "default"));
    for index in 0..40 {
        stage.toy.create(Kind::Pod, waiting_pod(&format!("web-{index}")));
    }
    stage.run(Duration::from_secs(400));
    let claimed = stage.toy.state.node_claims.len();
    let running = stage.region.machines().iter().filter(|machine| !machine.state.is_ending()).count();
    assert_eq!(claimed, running);
    assert!(claimed > 0);
}

const PARTITION: &str = "karpenter.k8s.aws/placement-group-partition";

#[test]
fn row_r3_nodes_register_with_the_partition_of_their_placement_group() {
    let knowledge = stage::knowledge(Settings::default());
    let mut stage = Stage::with(parts(&knowledge, 1), |options| {
        options.placement_groups = vec![PlacementGroup {
            id: "pg-1".to_owned(),
            name: "brokers".to_owned(),
            strategy: PlacementStrategy::Partition,
            partitions: 3,
            tags: [].into(),
        }];
    });
    stage.kubelets = true;
    let mut class = stage::node_class("default");
    class["spec"]["placementGroupSelector"] = json!({"name": "brokers"});
    stage.toy.create(Kind::EC2NodeClass, class);
    stage.toy.create(Kind::NodePool, stage::node_pool("general", "default"));
    let mut third = waiting_pod("broker-3");
    third["spec"]["nodeSelector"] = json!({PARTITION: "3"});
    stage.toy.create(Kind::Pod, third);
    stage.run(Duration::from_secs(120));
    let mut none_in_particular = waiting_pod("web-1");
    none_in_particular["spec"]["affinity"] = json!({"podAntiAffinity": {
        "requiredDuringSchedulingIgnoredDuringExecution": [{
            "topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": {"app": "web"}},
        }],
    }});
    stage.toy.create(Kind::Pod, none_in_particular);
    stage.run(Duration::from_secs(120));
    let label = |object: &Value, key: &str| object["metadata"]["labels"][key].as_str().map(str::to_owned);
    let mut told = Vec::new();
    for (_, claim) in stage.toy.state.node_claims.iter() {
        let name = claim.metadata.name.clone().unwrap();
        assert_eq!(stage.condition(Kind::NodeClaim, &name, "Registered"), "True/Registered");
        let claim = stage.get(Kind::NodeClaim, &name);
        let node = stage.get(Kind::Node, claim["status"]["nodeName"].as_str().unwrap());
        assert_eq!(label(&node, PARTITION), label(&claim, PARTITION));
        assert_eq!(label(&node, "karpenter.k8s.aws/placement-group-id").as_deref(), Some("pg-1"));
        told.extend(label(&node, PARTITION));
    }
    told.sort();
    assert_eq!(told, ["1", "3"], "{}", stage.toy.journal.join("\n"));
}
