//! Messages of EventBridge: those AWS documents are read, ours are written so that they read back, and nothing breaks
//! the reader (reference section 5.7).

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use jiff::Timestamp;
use proptest::prelude::*;
use rstest::rstest;
use supercargo_cloud::InstanceState;
use supercargo_cloud::event::{Event, EventError, EventKind, InterruptionAction};

const INSTANCE: &str = "i-1234567890abcdef0";

#[rstest]
#[case::spot(
    include_str!("fixtures/events/spot_interruption.json"),
    EventKind::SpotInterruption { instance_id: INSTANCE.into(), action: InterruptionAction::Terminate },
    "spot_interrupted",
    true
)]
#[case::rebalance(
    include_str!("fixtures/events/rebalance_recommendation.json"),
    EventKind::RebalanceRecommendation { instance_id: INSTANCE.into() },
    "rebalance_recommendation",
    false
)]
#[case::state(
    include_str!("fixtures/events/state_change.json"),
    EventKind::StateChange { instance_id: INSTANCE.into(), state: InstanceState::Stopping },
    "instance_stopped",
    true
)]
#[case::health(
    include_str!("fixtures/events/scheduled_change.json"),
    EventKind::ScheduledChange {
        instance_ids: vec!["i-abcd1111".into()],
        code: "AWS_EC2_INSTANCE_RETIREMENT_SCHEDULED".into(),
        starts_at: Some("2022-05-05T13:19:03Z".parse().unwrap()),
    },
    "scheduled_change",
    true
)]
#[case::reservation(
    include_str!("fixtures/events/reservation_interruption.json"),
    EventKind::ReservationInterruption {
        instance_id: INSTANCE.into(),
        ends_at: Some("2026-11-23T10:02:00Z".parse().unwrap()),
        zone_id: Some("use1-az4".into()),
    },
    "capacity_reservation_interrupted",
    true
)]
fn a_documented_message_is_read(
    #[case] body: &str,
    #[case] kind: EventKind,
    #[case] label: &str,
    #[case] ends_instances: bool,
) {
    let event = Event::parse(body).unwrap();
    assert_eq!(event.kind, kind);
    assert_eq!((kind.label(), kind.ends_instances()), (label, ends_instances));
    assert_eq!(event.account, "123456789012");
    assert_eq!(kind.instance_ids().len(), 1);
}

#[rstest]
#[case::a_new_instance(
    r#"{"source":"aws.ec2","detail-type":"EC2 Instance State-change Notification",
    "time":"2026-11-23T10:00:00Z","detail":{"instance-id":"i-1","state":"running"}}"#
)]
#[case::a_kind_nobody_asked_for(
    r#"{"source":"aws.ec2","detail-type":"EC2 Fleet State Change",
    "time":"2026-11-23T10:00:00Z","detail":{}}"#
)]
#[case::a_known_kind_of_another_source(
    r#"{"source":"aws.s3","detail-type":"AWS Health Event",
    "time":"2026-11-23T10:00:00Z"}"#
)]
#[case::health_of_another_service(
    r#"{"source":"aws.health","detail-type":"AWS Health Event",
    "time":"2026-11-23T10:00:00Z","detail":{"service":"RDS","eventTypeCategory":"scheduledChange"}}"#
)]
#[case::health_of_another_category(
    r#"{"source":"aws.health","detail-type":"AWS Health Event",
    "time":"2026-11-23T10:00:00Z","detail":{"service":"EC2","eventTypeCategory":"issue"}}"#
)]
fn what_needs_nothing_done_is_no_error(#[case] body: &str) {
    let event = Event::parse(body).unwrap();
    assert_eq!(event.kind.label(), "no_op");
    assert!(!event.kind.ends_instances());
}

#[rstest]
#[case::nothing("", "not a message of EventBridge")]
#[case::not_an_object("[]", "not a message of EventBridge")]
#[case::no_kind("{}", "detail-type: expected")]
#[case::no_time(r#"{"detail-type":"x"}"#, "time: expected")]
#[case::bad_time(r#"{"detail-type":"x","time":"noon"}"#, "time: expected")]
#[case::no_detail(
    r#"{"source":"aws.ec2","detail-type":"EC2 Instance Rebalance Recommendation","time":"2026-11-23T10:00:00Z"}"#,
    "detail: expected"
)]
#[case::no_instance(
    r#"{"source":"aws.ec2","detail-type":"EC2 Instance Rebalance Recommendation","time":"2026-11-23T10:00:00Z",
        "detail":{"instance-id":7}}"#,
    "detail.instance-id: expected"
)]
#[case::unknown_state(
    r#"{"source":"aws.ec2","detail-type":"EC2 Instance State-change Notification","time":"2026-11-23T10:00:00Z",
        "detail":{"instance-id":"i-1","state":"sleeping"}}"#,
    "detail.state: expected"
)]
#[case::nameless_entity(
    r#"{"source":"aws.health","detail-type":"AWS Health Event","time":"2026-11-23T10:00:00Z",
        "detail":{"service":"EC2","eventTypeCategory":"scheduledChange","affectedEntities":[{}]}}"#,
    "detail.affectedEntities: expected"
)]
fn a_broken_message_says_what_would_be_right(#[case] body: &str, #[case] starts_with: &str) {
    let error: EventError = Event::parse(body).unwrap_err();
    assert!(error.to_string().starts_with(starts_with), "{error}");
}

#[test]
fn deep_nesting_is_an_error_and_not_a_crash() {
    let body = "[".repeat(5_000_000);
    assert!(matches!(Event::parse(&body), Err(EventError::NotJson { .. })));
}

fn kinds() -> impl Strategy<Value = EventKind> {
    let id = || "i-[0-9a-f]{17}";
    let time = || (0i64..4_000_000_000).prop_map(|second| Timestamp::from_second(second).unwrap());
    let action = prop_oneof![
        Just(InterruptionAction::Terminate),
        Just(InterruptionAction::Stop),
        Just(InterruptionAction::Hibernate)
    ];
    prop_oneof![
        (id(), action).prop_map(|(instance_id, action)| EventKind::SpotInterruption { instance_id, action }),
        id().prop_map(|instance_id| EventKind::RebalanceRecommendation { instance_id }),
        (id(), prop::sample::select(InstanceState::ALL.to_vec()))
            .prop_map(|(instance_id, state)| EventKind::StateChange { instance_id, state }),
        (prop::collection::vec(id(), 0..4), "AWS_EC2_[A-Z_]{1,20}", prop::option::of(time())).prop_map(
            |(instance_ids, code, starts_at)| EventKind::ScheduledChange { instance_ids, code, starts_at }
        ),
        (id(), prop::option::of(time()), prop::option::of("[a-z0-9-]{1,9}")).prop_map(
            |(instance_id, ends_at, zone_id)| EventKind::ReservationInterruption {
                instance_id,
                ends_at,
                zone_id
            }
        ),
    ]
}

proptest! {
    #[test]
    fn what_is_written_reads_back(
        kind in kinds(),
        id in "[0-9a-f-]{36}",
        account in "[0-9]{12}",
        second in 0i64..4_000_000_000,
    ) {
        let time = Timestamp::from_second(second).unwrap();
        let event = Event { id, account, region: "us-east-1".into(), time, kind };
        prop_assert_eq!(Event::parse(&event.to_json("us-east-1a")), Ok(event));
    }

    #[test]
    fn no_text_breaks_the_reader(body in any::<String>()) {
        let _ = Event::parse(&body);
    }

    #[test]
    fn a_message_with_any_field_damaged_is_read_or_refused(
        which in 0usize..5,
        position in 0usize..700,
        junk in "[\\x00-\\x7f]{0,3}",
    ) {
        let body = [
            include_str!("fixtures/events/spot_interruption.json"),
            include_str!("fixtures/events/rebalance_recommendation.json"),
            include_str!("fixtures/events/state_change.json"),
            include_str!("fixtures/events/scheduled_change.json"),
            include_str!("fixtures/events/reservation_interruption.json"),
        ][which];
        let cut = (0..=position.min(body.len())).rev().find(|at| body.is_char_boundary(*at)).unwrap_or(0);
        let damaged = format!("{}{junk}{}", &body[..cut], &body[cut..]);
        if let Ok(event) = Event::parse(&damaged) {
            prop_assert!(!event.kind.detail_type().is_empty());
        }
    }

    #[test]
    fn a_spot_message_names_the_zone_in_its_arn(id in "i-[0-9a-f]{17}") {
        let kind = EventKind::SpotInterruption { instance_id: id.clone(), action: InterruptionAction::Terminate };
        let event = Event {
            id: "e".into(), account: "123456789012".into(), region: "us-east-1".into(),
            time: Timestamp::UNIX_EPOCH, kind,
        };
        let arn = format!("arn:aws:ec2:us-east-1b:instance/{id}");
        prop_assert!(event.to_json("us-east-1b").contains(&arn));
    }
}
