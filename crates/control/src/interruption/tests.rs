//! Interruptions on a toy cluster.

use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

use rstest::rstest;
use serde_json::json;
use supercargo_catalog::CapacityType;
use supercargo_cloud::event::{Event, EventKind, InterruptionAction};
use supercargo_cloud::{CheckStatus, InstanceState, InstanceStatus, QueueMessage, ScheduledEvent};
use supercargo_reconcile::toy::Toy;
use supercargo_reconcile::{Key, Kind};

use super::{InstanceStatuses, Interruptions};
use crate::knowledge::Knowledge;
use crate::outside::{CloudAnswer, CloudRequest};
use crate::settings::Settings;
use crate::test_world;

const INSTANCE: &str = "i-0123456789abcdef0";

struct Case {
    toy: Toy,
    knowledge: Arc<Knowledge>,
    deleted: Vec<String>,
}

impl Case {
    fn new() -> Case {
        Case::with(Settings::default())
    }

    fn with(settings: Settings) -> Case {
        let settings = Settings { interruption_queue: Some("queue".to_owned()), ..settings };
        let knowledge = test_world::with_settings(settings);
        let parts: Vec<Box<dyn supercargo_reconcile::Part>> = vec![
            Box::new(Interruptions::new(Arc::clone(&knowledge))),
            Box::new(InstanceStatuses::new(Arc::clone(&knowledge))),
        ];
        let mut toy = Toy::new(parts);
        toy.create(
            Kind::NodeClaim,
            json!({
                "metadata": {
                    "name": "web-1", "finalizers": ["karpenter.sh/termination"],
                    "labels": {
                        "karpenter.sh/nodepool": "web", "karpenter.sh/capacity-type": "spot",
                        "node.kubernetes.io/instance-type": "m6i.large", "topology.kubernetes.io/zone": "us-east-1a",
                    },
                },
                "spec": {"requirements": [], "nodeClassRef": {"group": "g", "kind": "k", "name": "n"}},
                "status": {"providerID": format!("aws:///us-east-1a/{INSTANCE}")},
            }),
        );
        Case { toy, knowledge, deleted: Vec::new() }
    }

    fn message(&self, kind: EventKind) -> String {
        let event = Event {
            id: "1".to_owned(),
            account: "1".to_owned(),
            region: "r".to_owned(),
            time: self.toy.now,
            kind,
        };
        event.to_json("us-east-1a")
    }

    /// Lets time pass; the queue has these messages, and instances are like this.
    fn run(&mut self, seconds: u64, messages: &mut Vec<String>, statuses: &[InstanceStatus]) {
        for _ in 0..seconds {
            self.toy.run(Duration::from_secs(1));
            while let Some((.., request)) = self.toy.asked.first() {
                let request: &dyn Any = (**request).as_any();
                let answer = match request.downcast_ref::<CloudRequest>() {
                    Some(CloudRequest::ReceiveMessages(_)) => {
                        let taken = messages.drain(..).enumerate().map(|(index, body)| QueueMessage {
                            message_id: format!("m{index}"),
                            receipt: format!("r{index}"),
                            body,
                            receive_count: 1,
                        });
                        CloudAnswer::Messages(Ok(taken.collect()))
                    }
                    Some(CloudRequest::DeleteMessage(receipt)) => {
                        self.deleted.push(receipt.clone());
                        CloudAnswer::Done(Ok(()))
                    }
                    Some(CloudRequest::DescribeInstanceStatus) => {
                        CloudAnswer::Statuses(Ok(statuses.to_vec()))
                    }
                    other => panic!("{other:?}"),
                };
                self.toy.answer_first(Box::new(answer));
                self.toy.run(Duration::ZERO);
            }
        }
    }

    fn claim(&self) -> supercargo_api::NodeClaim {
        self.toy.state.node_claims.get(&Key::cluster("web-1")).unwrap().as_ref().clone()
    }

    fn goes(&self) -> bool {
        self.claim().metadata.deletion_timestamp.is_some()
    }
}

fn id() -> String {
    INSTANCE.to_owned()
}

#[rstest]
#[case::spot_interruption(EventKind::SpotInterruption { instance_id: id(), action: InterruptionAction::Terminate }, true, "SpotInterrupted")]
#[case::reservation_interruption(EventKind::ReservationInterruption { instance_id: id(), ends_at: None, zone_id: None }, true, "CapacityReservationInstanceInterrupted")]
#[case::scheduled_change(EventKind::ScheduledChange { instance_ids: vec![id()], code: "x".to_owned(), starts_at: None }, true, "TerminatingOnInterruption")]
#[case::stopping(EventKind::StateChange { instance_id: id(), state: InstanceState::Stopping }, true, "InstanceStopping")]
#[case::terminated(EventKind::StateChange { instance_id: id(), state: InstanceState::Terminated }, true, "InstanceTerminating")]
#[case::running(EventKind::StateChange { instance_id: id(), state: InstanceState::Running }, false, "")]
#[case::a_recommendation(EventKind::RebalanceRecommendation { instance_id: id() }, false, "SpotRebalanceRecommendation")]
fn messages_of_all_kinds_section_5_7(#[case] kind: EventKind, #[case] goes: bool, #[case] said: &str) {
    let mut case = Case::new();
    let mut messages = vec![case.message(kind)];
    case.run(3, &mut messages, &[]);
    assert_eq!(case.goes(), goes);
    assert_eq!(case.deleted, ["r0"]);
    assert_eq!(case.toy.said("web-1", said).len(), usize::from(!said.is_empty()));
}

#[test]
fn a_node_that_ec2_recommends_to_leave_is_left_on_demand_of_the_user() {
    let mut case = Case::with(Settings { drain_on_rebalance: true, ..Settings::default() });
    let mut messages = vec![case.message(EventKind::RebalanceRecommendation { instance_id: id() })];
    case.run(3, &mut messages, &[]);
    assert!(case.goes());
    assert_eq!(case.toy.said("web-1", "SpotRebalanceRecommendation").len(), 1);
    let aside = case.knowledge.unavailable();
    assert!(aside.contains(CapacityType::Spot, "m6i.large", "us-east-1a", case.toy.now));
}

#[test]
fn the_offering_of_an_interrupted_spot_instance_is_put_aside_section_5_3() {
    let mut case = Case::new();
    let kind = EventKind::SpotInterruption { instance_id: id(), action: InterruptionAction::Terminate };
    let mut messages = vec![case.message(kind)];
    case.run(3, &mut messages, &[]);
    let aside = case.knowledge.unavailable();
    assert!(aside.contains(CapacityType::Spot, "m6i.large", "us-east-1a", case.toy.now));
}

#[rstest]
#[case::nonsense("{".to_owned())]
#[case::of_an_instance_of_somebody_else(r#"{"source":"aws.ec2","detail-type":"EC2 Spot Instance Interruption Warning","time":"2026-03-02T09:00:00Z","detail":{"instance-id":"i-0"}}"#.to_owned())]
#[case::of_another_kind(r#"{"source":"aws.s3","detail-type":"Object Created","time":"2026-03-02T09:00:00Z"}"#.to_owned())]
fn messages_that_are_about_nobody_are_deleted(#[case] body: String) {
    let mut case = Case::new();
    case.run(3, &mut vec![body], &[]);
    assert!(!case.goes());
    assert_eq!(case.deleted, ["r0"]);
}

#[rstest]
#[case::well(CheckStatus::Ok, CheckStatus::Ok, false, false)]
#[case::fails_since_a_minute(CheckStatus::Impaired { since: "2026-03-02T09:00:05Z".parse().unwrap() }, CheckStatus::Ok, false, false)]
#[case::fails_for_two_minutes(CheckStatus::Impaired { since: "2026-03-02T08:50:00Z".parse().unwrap() }, CheckStatus::Ok, false, true)]
#[case::the_host_fails(CheckStatus::Ok, CheckStatus::Impaired { since: "2026-03-02T08:50:00Z".parse().unwrap() }, false, true)]
#[case::something_is_planned(CheckStatus::Ok, CheckStatus::Ok, true, true)]
fn failed_checks_end_a_claim_by_force_and_planned_events_gently_section_5_7(
    #[case] instance: CheckStatus,
    #[case] system: CheckStatus,
    #[case] planned: bool,
    #[case] goes: bool,
) {
    let mut case = Case::new();
    let not_before = case.toy.now;
    let events = planned.then(|| ScheduledEvent { code: "instance-retirement".to_owned(), not_before });
    let status = InstanceStatus {
        id: id(),
        zone: "us-east-1a".to_owned(),
        state: InstanceState::Running,
        instance_status: instance,
        system_status: system,
        events: events.into_iter().collect(),
    };
    case.run(62, &mut Vec::new(), &[status]);
    assert_eq!(case.goes(), goes);
    let annotations = case.claim().metadata.annotations.unwrap_or_default();
    let is_forced = annotations.contains_key("karpenter.sh/nodeclaim-termination-timestamp");
    assert_eq!(is_forced, goes && !planned);
}
