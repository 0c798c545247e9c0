//! Launches in virtual time: with answers made by hand, and against a simulated region.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use supercargo_catalog::CapacityType;
use supercargo_cloud::launch::{LaunchFailure, LaunchPlan, Launched};
use supercargo_cloud::{FleetError, InstanceQuery, PurchaseOption};
use supercargo_reconcile::toy::Toy;
use supercargo_reconcile::{Key, Keyed, Kind};

use super::Launching;
use crate::knowledge::Knowledge;
use crate::node_class::NodeClasses;
use crate::outside::{CloudAnswer, CloudRequest};
use crate::provisioning::Provisioner;
use crate::settings::Settings;
use crate::stage::{self, Stage};
use crate::test_world;

fn world() -> (Toy, Arc<Knowledge>) {
    let knowledge = test_world::knowledge();
    let mut toy = Toy::new(vec![Box::new(Launching::new(Arc::clone(&knowledge)))]);
    test_world::pool_and_class(&mut toy, "general");
    (toy, knowledge)
}

fn claim(name: &str, types: &[&str], zones: &[&str]) -> Value {
    json!({
        "metadata": {
            "name": name, "finalizers": ["karpenter.sh/termination"],
            "labels": {"karpenter.sh/nodepool": "general"},
        },
        "spec": {
            "nodeClassRef": {"group": "karpenter.k8s.aws", "kind": "EC2NodeClass", "name": "default"},
            "requirements": [
                {"key": "node.kubernetes.io/instance-type", "operator": "In", "values": types},
                {"key": "topology.kubernetes.io/zone", "operator": "In", "values": zones},
                {"key": "karpenter.sh/capacity-type", "operator": "In", "values": ["on-demand"]},
            ],
            "resources": {"requests": {"cpu": "1"}},
        },
    })
}

/// The launches that wait for an answer.
fn launches(toy: &Toy) -> Vec<(u64, LaunchPlan)> {
    let requests = toy.asked.iter().filter_map(|(_, ticket, request)| {
        match (**request).as_any().downcast_ref::<CloudRequest>()? {
            CloudRequest::Launch(launch) => Some((*ticket, launch.plan.clone())),
            _ => None,
        }
    });
    requests.collect()
}

fn succeed(toy: &mut Toy, ticket: u64, plan: &LaunchPlan) {
    let chosen = plan.request.overrides().next().unwrap().clone();
    let launched = Launched {
        instance_id: format!("i-{ticket:08}"),
        chosen,
        capacity_type: plan.capacity_type,
        errors: Vec::new(),
    };
    toy.answer(ticket, Box::new(CloudAnswer::Launched(Ok(launched))));
}

fn refuse(toy: &mut Toy, ticket: u64, plan: &LaunchPlan, code: &str) {
    let errors = plan.request.overrides().map(|refused| FleetError {
        launch_template: plan.templates[0].name.clone(),
        refused: refused.clone(),
        purchase: PurchaseOption::OnDemand,
        code: code.to_owned(),
        message: "no".to_owned(),
    });
    let is_insufficient = code == "InsufficientInstanceCapacity";
    let failure = LaunchFailure {
        is_insufficient_capacity: is_insufficient,
        reason: if is_insufficient { "InsufficientCapacity" } else { "AMINotFound" }.to_owned(),
        message: "refused".to_owned(),
        is_retryable: false,
        errors: errors.collect(),
    };
    toy.answer(ticket, Box::new(CloudAnswer::Launched(Err(failure))));
}

fn condition<'t>(toy: &'t Toy, name: &str) -> Option<&'t supercargo_api::Condition> {
    let claim = toy.state.node_claims.named("", name)?;
    supercargo_api::find_condition(claim.status.as_ref()?.conditions.as_deref()?, "Launched")
}

#[test]
fn all_claims_of_a_batch_are_launched_at_once_and_each_once() {
    let (mut toy, knowledge) = world();
    for index in 0..100 {
        toy.create(
            Kind::NodeClaim,
            claim(
                &format!("c-{index:03}"),
                &["m6i.large", "m5.large", "c6i.large", "r6i.large", "m6a.large", "c6a.large"],
                &["us-east-1a", "us-east-1b"],
            ),
        );
    }
    toy.run(Duration::from_secs(60));
    let asked = launches(&toy);
    assert_eq!(asked.len(), 100);
    assert_eq!(knowledge.launches().len(), 100);
    let tokens: BTreeSet<_> = asked.iter().map(|(_, plan)| plan.request.client_token.clone()).collect();
    assert_eq!(tokens.len(), 100);
    for (ticket, plan) in asked {
        succeed(&mut toy, ticket, &plan);
    }
    toy.run(Duration::from_secs(60));
    assert!(launches(&toy).is_empty());
    for claim in toy.state.node_claims.values() {
        let status = claim.status.as_ref().unwrap();
        assert!(status.provider_id.as_ref().unwrap().starts_with("aws:///us-east-1"));
        assert!(status.capacity.as_ref().unwrap().contains_key("cpu"));
        assert_eq!(claim.metadata.labels.as_ref().unwrap()["karpenter.sh/capacity-type"], "on-demand");
        assert!(
            claim.metadata.annotations.as_ref().unwrap().contains_key("karpenter.k8s.aws/ec2nodeclass-hash")
        );
    }
    assert!(knowledge.launches().is_empty());
}

#[test]
fn a_dry_pool_costs_ten_calls_and_not_a_hundred() {
    let (mut toy, knowledge) = world();
    for index in 0..100 {
        toy.create(Kind::NodeClaim, claim(&format!("c-{index:03}"), &["m6i.large"], &["us-east-1a"]));
    }
    toy.run(Duration::from_secs(10));
    let asked = launches(&toy);
    assert_eq!(asked.len(), 10);
    for (ticket, plan) in asked {
        refuse(&mut toy, ticket, &plan, "InsufficientInstanceCapacity");
    }
    toy.run(Duration::from_secs(10));
    assert!(launches(&toy).is_empty());
    let going = toy.state.node_claims.values().filter(|claim| claim.metadata.deletion_timestamp.is_some());
    assert_eq!(going.count(), 100);
    assert!(knowledge.unavailable().contains(CapacityType::OnDemand, "m6i.large", "us-east-1a", toy.now));
    assert_eq!(toy.said("c-000", "InsufficientCapacityError").len(), 1);
}

#[test]
fn a_pool_that_gives_lets_more_and_more_launches_go() {
    let (mut toy, _) = world();
    for index in 0..100 {
        toy.create(Kind::NodeClaim, claim(&format!("c-{index:03}"), &["m6i.large"], &["us-east-1a"]));
    }
    let mut rounds = Vec::new();
    loop {
        toy.run(Duration::from_secs(1));
        let asked = launches(&toy);
        if asked.is_empty() {
            break;
        }
        rounds.push(asked.len());
        for (ticket, plan) in asked {
            succeed(&mut toy, ticket, &plan);
        }
    }
    assert_eq!(rounds, [10, 30, 60]);
}

#[test]
fn l2_other_errors_are_told_and_tried_again_until_five_minutes_have_passed() {
    let (mut toy, _) = world();
    toy.create(Kind::NodeClaim, claim("c", &["m6i.large"], &["us-east-1a"]));
    let mut tokens = BTreeSet::new();
    let mut asked_at = Vec::new();
    let start = toy.now;
    for _ in 0..400 {
        toy.run(Duration::from_secs(1));
        for (ticket, plan) in launches(&toy) {
            assert!(tokens.insert(plan.request.client_token.clone()), "every attempt has a token of its own");
            asked_at.push(toy.now.duration_since(start).as_secs());
            refuse(&mut toy, ticket, &plan, "InvalidAMIID.NotFound");
        }
    }
    assert_eq!(asked_at, [1, 2, 4, 8, 16, 32, 64, 124, 184, 244]);
    let told = condition(&toy, "c").unwrap();
    assert_eq!(
        (told.status, told.reason.as_deref()),
        (supercargo_api::ConditionStatus::Unknown, Some("AMINotFound"))
    );
    let claim = toy.state.node_claims.named("", "c").unwrap();
    let gone = claim.metadata.deletion_timestamp.as_ref().unwrap().0;
    assert_eq!(gone.duration_since(start).as_secs(), 301);
}

#[test]
fn l2_a_claim_of_a_class_that_is_not_ready_goes_at_once() {
    let (mut toy, _) = world();
    toy.patch(Kind::EC2NodeClass, &Key::cluster("default"), json!({"metadata": {"annotations": {"a": "b"}}}));
    let mut lost = claim("c", &["m6i.large"], &["us-east-1a"]);
    lost["spec"]["nodeClassRef"]["name"] = json!("other");
    toy.create(Kind::NodeClaim, lost);
    toy.run(Duration::from_secs(1));
    let claim = toy.state.node_claims.named("", "c").unwrap();
    assert!(claim.metadata.deletion_timestamp.is_some());
    assert_eq!(toy.said("c", "NodeClassNotReady").len(), 1);
}

#[test]
fn an_instance_whose_claim_is_gone_is_ended() {
    let (mut toy, _) = world();
    toy.create(Kind::NodeClaim, claim("c", &["m6i.large"], &["us-east-1a"]));
    toy.run(Duration::from_secs(1));
    toy.patch(Kind::NodeClaim, &Key::cluster("c"), json!({"metadata": {"finalizers": null}}));
    toy.delete(Kind::NodeClaim, &Key::cluster("c"));
    assert!(toy.state.node_claims.is_empty());
    let (ticket, plan) = launches(&toy).remove(0);
    succeed(&mut toy, ticket, &plan);
    toy.run(Duration::from_secs(1));
    let ended = toy.asked.iter().any(|(.., request)| {
        matches!((**request).as_any().downcast_ref(), Some(CloudRequest::TerminateInstances(ids)) if ids == &[format!("i-{ticket:08}")])
    });
    assert!(ended);
}

/// A region, a class, and pools with these capacity types.
fn whole(pools: &[(&str, &str, i32)], knowledge: &Arc<Knowledge>) -> Stage {
    let mut stage = Stage::new(vec![
        Box::new(Keyed::new(NodeClasses::new(Arc::clone(knowledge)))),
        Box::new(Provisioner::new(Arc::clone(knowledge), 1)),
        Box::new(Launching::new(Arc::clone(knowledge))),
    ]);
    stage.toy.create(Kind::EC2NodeClass, stage::node_class("default"));
    for (name, capacity_type, weight) in pools {
        let mut pool = test_world::node_pool(name);
        pool["spec"]["weight"] = json!(weight);
        pool["spec"]["template"]["spec"]["requirements"][3]["values"] = json!([capacity_type]);
        stage.toy.create(Kind::NodePool, pool);
    }
    stage
}

#[test]
fn pods_become_instances_that_are_big_enough() {
    let knowledge = stage::knowledge(Settings::default());
    let mut stage = whole(&[("general", "spot", 1)], &knowledge);
    stage.run(Duration::from_secs(5));
    for index in 0..30 {
        stage.toy.create(Kind::Pod, test_world::waiting_pod(&format!("web-{index}"), "1"));
    }
    stage.run(Duration::from_secs(5));
    let claims = stage.toy.state.node_claims.len();
    assert!(claims > 0);
    let cores: i64 = stage
        .toy
        .state
        .node_claims
        .values()
        .filter_map(|claim| {
            let allocatable = claim.status.as_ref()?.allocatable.as_ref()?.resources().ok()?;
            Some(allocatable.get("cpu"))
        })
        .sum();
    assert!(cores >= 30_000, "{cores}");
    let instances = stage.region.describe_instances(&InstanceQuery::default()).outcome.unwrap();
    assert_eq!(instances.len(), claims);
    let named: BTreeSet<String> =
        instances.iter().map(|instance| format!("aws:///{}/{}", instance.zone, instance.id)).collect();
    let written: BTreeSet<String> = stage
        .toy
        .state
        .node_claims
        .values()
        .filter_map(|claim| claim.status.as_ref()?.provider_id.clone())
        .collect();
    assert_eq!(named, written);
}

#[test]
fn section_2_4_without_spot_capacity_the_lighter_pool_on_demand_takes_over() {
    let knowledge = stage::knowledge(Settings::default());
    let mut stage =
        whole(&[("compute-spot", "spot", 100), ("compute-ondemand", "on-demand", 10)], &knowledge);
    stage.run(Duration::from_secs(5));
    for zone in ["a", "b", "c", "d", "e", "f"] {
        for name in supercargo_catalog::Catalog::embedded().type_names() {
            let mut unavailable = knowledge.unavailable();
            unavailable.mark(CapacityType::Spot, name, &format!("us-east-1{zone}"), stage.toy.now);
        }
    }
    stage.toy.create(Kind::Pod, test_world::waiting_pod("web", "1"));
    stage.run(Duration::from_secs(5));
    let pools: Vec<String> = stage
        .toy
        .state
        .node_claims
        .values()
        .filter_map(|claim| claim.metadata.labels.as_ref()?.get("karpenter.sh/nodepool").cloned())
        .collect();
    assert_eq!(pools, ["compute-ondemand"]);
}

#[test]
fn l3_a_controller_that_forgets_everything_launches_nothing_twice() {
    let knowledge = stage::knowledge(Settings::default());
    let mut stage = whole(&[("general", "on-demand", 1)], &knowledge);
    stage.run(Duration::from_secs(5));
    stage.toy.create(Kind::Pod, test_world::waiting_pod("web", "1"));
    stage.run(Duration::from_secs(2));
    let instances =
        |stage: &Stage| stage.region.describe_instances(&InstanceQuery::default()).outcome.unwrap();
    assert_eq!(instances(&stage).len(), 1);
    // the status was lost, and another controller knows nothing of the launch
    let name = stage.toy.state.node_claims.iter().next().unwrap().0.clone();
    let mut lost = stage.get(Kind::NodeClaim, &name.name);
    lost.as_object_mut().unwrap().remove("status");
    lost["metadata"]["resourceVersion"] = json!("1");
    let mut other = Toy::new(vec![Box::new(Launching::new(stage::knowledge(Settings::default())))]);
    other.now = stage.toy.now;
    other.create(Kind::EC2NodeClass, stage.get(Kind::EC2NodeClass, "default"));
    let uid = lost["metadata"]["uid"].as_str().unwrap().to_owned();
    let object = Kind::NodeClaim.read_value(lost).unwrap();
    other.state.put(object);
    other.patch(Kind::NodeClaim, &name, json!({"metadata": {"annotations": {"seen": "again"}}}));
    other.run(Duration::ZERO);
    let (_, plan) = launches(&other).remove(0);
    assert_eq!(plan.request.client_token.as_deref(), Some(uid.as_str()));
    let answer = stage.region.create_fleet(&plan.request).outcome.unwrap();
    assert_eq!(answer.instance_ids().next(), Some(instances(&stage)[0].id.as_str()));
    assert_eq!(instances(&stage).len(), 1);
}
