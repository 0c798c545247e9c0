use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use supercargo_cloud::InstanceState;
use supercargo_reconcile::{Key, Keyed, Kind, Part};

use super::*;
use crate::knowledge::Knowledge;
use crate::settings::Settings;
use crate::stage::{self, Stage};

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

fn stage() -> (Stage, Arc<Knowledge>) {
    let knowledge = stage::knowledge(Settings::default());
    let part: Box<dyn Part> = Box::new(Garbage::new(Arc::clone(&knowledge)));
    (Stage::new(vec![part]), knowledge)
}

/// A claim of an instance, registered when the stage begins.
fn registered(name: &str, provider_id: &str) -> Value {
    let mut claim = stage::node_claim(name, "general", "default");
    let at = "2026-03-02T09:00:00Z";
    claim["status"] = json!({"providerID": provider_id, "conditions": [
        {"type": "Launched", "status": "True", "lastTransitionTime": at},
        {"type": "Registered", "status": "True", "lastTransitionTime": at},
    ]});
    claim
}

fn node(name: &str, provider_id: &str, ready: &str) -> Value {
    json!({
        "metadata": {"name": name}, "spec": {"providerID": provider_id},
        "status": {"conditions": [{"type": "Ready", "status": ready}]},
    })
}

fn state_of(stage: &Stage, id: &str) -> InstanceState {
    stage.region.machine(id).unwrap().state
}

fn runs(stage: &Stage, id: &str) -> bool {
    !state_of(stage, id).is_ending()
}

#[test]
fn section_3_6_an_instance_that_no_claim_knows_is_ended_after_30_seconds_with_its_node() {
    let (mut stage, knowledge) = stage();
    let id = stage.launch_stray("general", "one");
    let provider_id = stage.region.machine(&id).unwrap().provider_id().to_string();
    stage.toy.create(Kind::Node, node("n", &provider_id, "True"));
    stage.run(seconds(29));
    assert!(runs(&stage, &id));
    stage.run(seconds(11));
    assert!(!runs(&stage, &id));
    assert!(stage.toy.state.nodes.is_empty());
    assert_eq!(knowledge.journal.last(), 1);
}

#[test]
fn an_instance_of_a_claim_stays_whatever_else_is_said_of_it() {
    let (mut stage, _) = stage();
    let id = stage.launch_stray("general", "one");
    let provider_id = stage.region.machine(&id).unwrap().provider_id().to_string();
    stage.toy.create(Kind::NodeClaim, stage::node_claim("a", "general", "default"));
    stage.toy.patch_status(Kind::NodeClaim, &Key::cluster("a"), json!({"providerID": provider_id}));
    stage.run(seconds(600));
    assert!(runs(&stage, &id));
    assert_eq!(stage.toy.state.node_claims.len(), 1);
}

/// The race: the instance is there, and its claim has not heard of it.
#[test]
fn an_instance_whose_claim_is_being_made_is_never_ended() {
    let (mut stage, _) = stage();
    let others = stage.launch_stray("other", "zero");
    stage.toy.create(Kind::NodeClaim, stage::node_claim("a", "general", "default"));
    let id = stage.launch_stray("general", "one");
    stage.run(seconds(240));
    assert!(runs(&stage, &id), "the answer may still be on its way");
    assert!(!runs(&stage, &others), "no claim of its NodePool waits");
    let provider_id = stage.region.machine(&id).unwrap().provider_id().to_string();
    stage.toy.patch_status(Kind::NodeClaim, &Key::cluster("a"), json!({"providerID": provider_id}));
    stage.run(seconds(240));
    assert!(runs(&stage, &id));
}

#[test]
fn a_claim_that_waits_does_not_save_instances_older_than_it_is() {
    let (mut stage, _) = stage();
    let id = stage.launch_stray("general", "one");
    stage.run(seconds(5));
    stage.toy.create(Kind::NodeClaim, stage::node_claim("a", "general", "default"));
    stage.run(seconds(40));
    assert!(!runs(&stage, &id));
}

#[test]
fn instances_of_other_clusters_and_without_our_tags_are_none_of_ours() {
    let (mut stage, _) = stage();
    let id = stage.launch_stray("general", "one");
    let other = [("eks:eks-cluster-name".to_owned(), "another".to_owned())].into();
    stage.region.create_tags(std::slice::from_ref(&id), &other).outcome.unwrap();
    stage.run(seconds(120));
    assert!(runs(&stage, &id));
}

#[test]
fn section_3_6_a_claim_whose_instance_is_gone_goes_unless_its_node_is_ready() {
    let (mut stage, knowledge) = stage();
    let gone = "aws:///us-east-1a/i-0123456789abcdef0";
    stage.toy.create(Kind::NodeClaim, registered("a", gone));
    stage.toy.create(Kind::Node, node("n", gone, "True"));
    stage.run(seconds(60));
    assert_eq!(stage.toy.state.node_claims.len(), 1);
    stage.toy.patch_status(
        Kind::Node,
        &Key::cluster("n"),
        json!({"conditions": [{"type": "Ready", "status": "Unknown"}]}),
    );
    stage.run(seconds(11));
    assert!(stage.toy.state.node_claims.is_empty());
    let counted = r#"reason="garbage_collected",nodepool="general""#;
    assert!(knowledge.metrics.text().contains(counted));
}

#[test]
fn claims_that_have_not_registered_are_left_to_their_time_limits() {
    let (mut stage, _) = stage();
    let mut claim = registered("a", "aws:///us-east-1a/i-0123456789abcdef0");
    claim["status"]["conditions"].as_array_mut().unwrap().truncate(1);
    stage.toy.create(Kind::NodeClaim, claim);
    stage.toy.create(Kind::NodeClaim, registered("b", "kwok://b"));
    stage.run(seconds(600));
    assert_eq!(stage.toy.state.node_claims.len(), 2);
}

#[test]
fn section_3_6_the_cloud_is_asked_every_10_seconds_for_20_answers_and_then_every_2_minutes() {
    let (mut stage, _) = stage();
    stage.run(seconds(200));
    // the twenty-first question is two minutes after the twentieth answer
    let id = stage.launch_stray("general", "one");
    stage.run(seconds(100));
    assert!(runs(&stage, &id));
    stage.run(seconds(130));
    assert!(!runs(&stage, &id));
}

#[test]
fn an_instance_learns_the_names_of_its_claim_and_node() {
    let knowledge = stage::knowledge(Settings::default());
    let mut stage = Stage::new(vec![Box::new(Keyed::new(InstanceTags::new(knowledge)))]);
    let id = stage.launch_stray("general", "one");
    let provider_id = stage.region.machine(&id).unwrap().provider_id().to_string();
    let mut claim = registered("a", &provider_id);
    claim["status"]["nodeName"] = json!("n");
    stage.toy.create(Kind::NodeClaim, claim);
    stage.run(seconds(1));
    let tags = stage.region.machine(&id).unwrap().tags;
    assert_eq!((tags["karpenter.sh/nodeclaim"].as_str(), tags["Name"].as_str()), ("a", "n"));
    let annotations = stage.get(Kind::NodeClaim, "a")["metadata"]["annotations"].clone();
    assert_eq!(annotations["karpenter.k8s.aws/tagged"], "true");
}

#[test]
fn what_no_class_and_no_instance_uses_is_cleaned_up_after_an_hour() {
    let knowledge = stage::knowledge(Settings::default());
    let mut stage = Stage::new(vec![Box::new(Leftovers::new(knowledge))]);
    for name in ["kept", "left"] {
        let request = supercargo_cloud::InstanceProfileRequest {
            name: name.to_owned(),
            path: "/karpenter/us-east-1/stage/uid/".to_owned(),
            role: "node".to_owned(),
            tags: supercargo_cloud::Tags::new(),
        };
        stage.region.create_instance_profile(&request).outcome.unwrap();
    }
    let mut class = stage::node_class("default");
    class["status"] = json!({"instanceProfile": "kept"});
    stage.toy.create(Kind::EC2NodeClass, class);
    stage.launch_stray("general", "one");
    let left = |stage: &Stage| {
        let profiles = stage.region.list_instance_profiles("/karpenter/").outcome.unwrap().len();
        (profiles, stage.region.describe_launch_templates(&[]).outcome.unwrap().len())
    };
    stage.run(seconds(50 * 60));
    assert_eq!(left(&stage), (2, 1));
    stage.run(seconds(60 * 60));
    assert_eq!(left(&stage), (1, 0));
}

#[test]
fn tags_of_many_instances_are_set_a_few_at_a_time() {
    let knowledge = stage::knowledge(Settings::default());
    let mut toy =
        supercargo_reconcile::toy::Toy::new(vec![Box::new(Keyed::new(InstanceTags::new(knowledge)))]);
    for index in 0..25 {
        let mut claim = registered(&format!("claim-{index:02}"), &format!("aws:///us-east-1a/i-{index}"));
        claim["status"]["nodeName"] = json!("n");
        toy.create(Kind::NodeClaim, claim);
    }
    toy.run(seconds(1));
    let mut answered = 0;
    while !toy.asked.is_empty() {
        assert!(toy.asked.len() <= 10);
        toy.answer_first(Box::new(crate::outside::CloudAnswer::Done(Ok(()))));
        answered += 1;
        toy.run(seconds(1));
    }
    assert_eq!(answered, 25);
    let tagged = |claim: &supercargo_api::NodeClaim| {
        claim.metadata.annotations.as_ref().is_some_and(|all| all.contains_key("karpenter.k8s.aws/tagged"))
    };
    assert!(toy.state.node_claims.values().all(|claim| tagged(claim)));
}

#[test]
fn a_call_for_tags_that_fails_is_made_again_after_half_a_minute() {
    let knowledge = stage::knowledge(Settings::default());
    let mut stage = Stage::new(vec![Box::new(Keyed::new(InstanceTags::new(knowledge)))]);
    let id = stage.launch_stray("general", "one");
    let provider_id = stage.region.machine(&id).unwrap().provider_id().to_string();
    let fault = supercargo_cloud_sim::FaultRule::new(
        supercargo_cloud::Action::CreateTags,
        1.0,
        "RequestLimitExceeded",
    );
    stage.region.inject(fault);
    let mut claim = registered("a", &provider_id);
    claim["status"]["nodeName"] = json!("n");
    stage.toy.create(Kind::NodeClaim, claim);
    stage.run(seconds(5));
    stage.region.clear_faults();
    stage.run(seconds(20));
    assert!(!stage.region.machine(&id).unwrap().tags.contains_key("Name"));
    stage.run(seconds(10));
    assert_eq!(stage.region.machine(&id).unwrap().tags["Name"], "n");
}
