//! Scripts: what they say, what is wrong with them, and what they do to a region.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod world;

use std::time::Duration;

use proptest::prelude::*;
use rstest::rstest;
use supercargo_catalog::CapacityType;
use supercargo_cloud::{Action, InstanceState, PurchaseOption};
use supercargo_cloud_sim::{Effect, Scope, Script, ScriptEvent, When};
use world::{World, calm};

const LINE: &str = r#"at: 10:00, zone: us-east-1a, capacityType: spot, types: "m*", depth: 0, for: 30m"#;

fn minutes(count: u64) -> Duration {
    Duration::from_secs(60 * count)
}

#[test]
fn a_line_is_an_event() {
    let script: Script = LINE.parse().unwrap();
    let expected = ScriptEvent {
        at: When::TimeOfDay(jiff::civil::time(10, 0, 0, 0)),
        every: None,
        lasts: Some(minutes(30)),
        scope: Scope {
            zone: Some("us-east-1a".to_owned()),
            capacity_type: Some(CapacityType::Spot),
            types: vec!["m*".to_owned()],
        },
        effect: Effect::Depth(0),
    };
    assert_eq!(script.events, [expected]);
}

#[rstest]
#[case::lines(&format!("# the plan\n\n{LINE}\n{LINE}\n"))]
#[case::a_list(&format!("- {{{LINE}}}\n- {{{LINE}}}\n"))]
#[case::a_document(
    "events:\n- at: 10:00\n  zone: us-east-1a\n  capacityType: spot\n  types: [\"m*\"]\n  depth: 0\n  for: 30m\n\
     - at: \"10:00\"\n  zone: us-east-1a\n  capacityType: spot\n  types: m*\n  depth: \"0\"\n  for: 30m\n"
)]
fn all_forms_say_the_same(#[case] text: &str) {
    let script: Script = text.parse().unwrap();
    let one: Script = LINE.parse().unwrap();
    assert_eq!(script.events, [one.events.clone(), one.events].concat());
}

#[rstest]
#[case("at: +2h, every: 24h, interrupt: 10%", Effect::Interrupt(10.0))]
#[case("at: 2026-11-24T08:00:00Z, rebalance: 100", Effect::Rebalance(100.0))]
#[case("at: 9:05:30, depthFactor: 0.5", Effect::DepthFactor(0.5))]
#[case("at: +0s, priceFactor: 2, types: [c*, m7i.large]", Effect::PriceFactor(2.0))]
#[case("at: +1m, killKubelets: 5%", Effect::KillKubelets(5.0))]
#[case("at: +1m, impairHosts: 0.5%", Effect::ImpairHosts(0.5))]
#[case("at: +1m, retire: 1%", Effect::Retire(1.0))]
#[case("at: +1m, reclaimReservations: true", Effect::ReclaimReservations)]
#[case("at: +1m, zone: us-east-1a, shiftZone: true, for: 1h", Effect::ShiftZone)]
#[case("at: +1m, releaseImages: true", Effect::ReleaseImages)]
#[case(
    "at: +1m, fault: InternalError, action: CreateFleet, rate: 0.25, for: 5m",
    Effect::Fault { action: Some(Action::CreateFleet), rate: 0.25, code: "InternalError".to_owned() }
)]
#[case(
    "at: +1m, fault: RequestLimitExceeded",
    Effect::Fault { action: None, rate: 1.0, code: "RequestLimitExceeded".to_owned() }
)]
fn every_effect_reads(#[case] line: &str, #[case] effect: Effect) {
    assert_eq!(line.parse::<Script>().unwrap().events[0].effect, effect);
}

#[rstest]
#[case::no_time("depth: 0", "line 1: at: is missing")]
#[case::bad_time("at: 25:00, depth: 0", "line 1: at: expected a time of day")]
#[case::word_for_time("at: noon, depth: 0", "line 1: at: expected a time of day")]
#[case::no_effect("at: 10:00", "line 1: nothing happens: expected one of depth")]
#[case::two_effects("at: 10:00, depth: 0, interrupt: 5%", "line 1: interrupt: a second effect")]
#[case::misspelt("at: 10:00, deptth: 0", "line 1: deptth: is not a field of events, did you mean depth?")]
#[case::twice("at: 10:00, depth: 0, zone: a, zone: b", "zone")]
#[case::negative("at: 10:00, depth: -1", "line 1: depth: expected a whole number")]
#[case::too_much("at: 10:00, interrupt: 101%", "line 1: interrupt: expected a share")]
#[case::nothing_at_all("at: 10:00, interrupt: 0%", "line 1: interrupt: expected a share")]
#[case::not_a_number("at: 10:00, depthFactor: .nan", "line 1: non-finite")]
#[case::no_length("at: 10:00, depth: 0, for: 0s", "line 1: for: expected a duration above zero")]
#[case::a_moment_with_a_length("at: 10:00, interrupt: 5%, for: 5m", "line 1: for: this happens in a moment")]
#[case::longer_than_every("at: 10:00, depth: 0, every: 1h, for: 2h", "line 1: for: is longer than every")]
#[case::too_often(
    "at: 10:00, interrupt: 1%, every: 1ms",
    "line 1: every: expected a duration of at least a second"
)]
#[case::for_ever_again("at: 10:00, depth: 0, every: 1h", "line 1: every: needs a length")]
#[case::capacity_type("at: 10:00, depth: 0, capacityType: sport", "line 1: capacityType: expected on-demand")]
#[case::zone("at: 10:00, depth: 0, zone: \"us east\"", "line 1: zone: expected a zone")]
#[case::types("at: 10:00, depth: 0, types: \"m5/large\"", "line 1: types: expected instance types")]
#[case::no_types("at: 10:00, depth: 0, types: []", "line 1: types: expected instance types")]
#[case::misspelt_call("at: 10:00, fault: InternalError, action: CreateFlet", "did you mean CreateFleet?")]
#[case::call_without_fault(
    "at: 10:00, depth: 0, action: CreateFleet",
    "line 1: action: only goes with fault"
)]
#[case::fault_with_zone("at: 10:00, fault: InternalError, zone: a", "line 1: zone: does not go with fault")]
#[case::rate("at: 10:00, fault: InternalError, rate: 2", "line 1: rate: expected a number above 0")]
#[case::not_yaml("at: [10:00, depth: 0", "line 1: ")]
#[case::a_nested_value("at: {a: b}, depth: 0", "line 1: ")]
#[case::the_line_is_told(
    "\n# so far fine\nat: 10:00, depth: 0\nat: 10:00, depht: 0",
    "line 4: depht: is not a field"
)]
#[case::the_line_in_a_list("- at: 10:00\n  depth: 0\n- at: 10:00\n  depth: x\n", "line 4: depth: expected")]
fn what_is_wrong_is_told_with_line_and_field(#[case] text: &str, #[case] expected: &str) {
    let error = text.parse::<Script>().unwrap_err().to_string();
    assert!(error.contains(expected), "{error}");
}

#[test]
fn all_problems_are_told_at_once() {
    let error = "at: noon, depth: x, zone: \"!\"\ndepth: 0".parse::<Script>().unwrap_err();
    let fields: Vec<(u32, Option<&str>)> =
        error.problems.iter().map(|problem| (problem.line, problem.field.as_deref())).collect();
    assert_eq!(fields, [(1, Some("at")), (1, Some("zone")), (1, Some("depth")), (2, Some("at"))]);
}

#[test]
fn nothing_is_an_empty_script() {
    assert_eq!("".parse(), Ok(Script::default()));
    assert_eq!("\n# nothing\n".parse(), Ok(Script::default()));
}

proptest! {
    #[test]
    fn no_text_breaks_the_reader(text in any::<String>()) {
        let _ = text.parse::<Script>();
    }

    #[test]
    fn a_damaged_line_is_read_or_refused(position in 0usize..80, junk in "[\\x20-\\x7e\\n]{0,3}") {
        let cut = position.min(LINE.len());
        let text = format!("{}{junk}{}", &LINE[..cut], &LINE[cut..]);
        if let Err(error) = text.parse::<Script>() {
            prop_assert!(!error.problems.is_empty());
        }
    }
}

#[test]
fn long_nonsense_is_refused_soon() {
    for text in ["{".repeat(2_000_000), "at: 10:00, ".repeat(50_000), "- ".repeat(1_000_000)] {
        assert!(text.parse::<Script>().is_err());
    }
}

fn scripted(script: &str) -> World {
    World::with(|options| {
        calm(options);
        options.script = script.parse().unwrap();
    })
}

fn depth(world: &World, instance_type: &str, zone: &str, capacity_type: CapacityType) -> u32 {
    world.region.pool(instance_type, zone, capacity_type).unwrap().depth
}

#[test]
fn at_ten_the_spot_m_family_of_one_zone_dries_up_for_half_an_hour() {
    let world = scripted(LINE);
    let spot = CapacityType::Spot;
    let inside = world.launch_one(PurchaseOption::Spot, "m5.large", "us-east-1a");
    let outside = world.launch_one(PurchaseOption::Spot, "c5.large", "us-east-1a");
    world.pass(3_599);
    assert!(depth(&world, "m5.large", "us-east-1a", spot) > 0);
    world.messages();
    world.pass(1);
    assert_eq!(depth(&world, "m5.large", "us-east-1a", spot), 0);
    assert_eq!(depth(&world, "m6i.xlarge", "us-east-1a", spot), 0);
    assert!(depth(&world, "m5.large", "us-east-1b", spot) > 0);
    assert!(depth(&world, "c5.large", "us-east-1a", spot) > 0);
    assert!(depth(&world, "m5.large", "us-east-1a", CapacityType::OnDemand) > 0);
    assert_eq!(world.labels(), ["rebalance_recommendation", "spot_interrupted"]);
    let answer = world.launch(PurchaseOption::Spot, 1, &[("m5.large", "us-east-1a")]);
    assert_eq!(answer.errors[0].code, "InsufficientInstanceCapacity");
    world.pass(120);
    assert_eq!(world.state_of(&inside), InstanceState::ShuttingDown);
    assert_eq!(world.state_of(&outside), InstanceState::Running);
    world.pass(1_679);
    assert_eq!(depth(&world, "m5.large", "us-east-1a", spot), 0);
    world.pass(1);
    assert!(depth(&world, "m5.large", "us-east-1a", spot) > 0);
}

#[test]
fn an_event_that_repeats_comes_again() {
    let world = scripted("at: +1h, every: 2h, for: 30m, types: m5.large, depth: 0");
    let is_dry = || depth(&world, "m5.large", "us-east-1a", CapacityType::OnDemand) == 0;
    let mut dry = Vec::new();
    for _ in 0..12 {
        dry.push(is_dry());
        world.pass(1_800);
    }
    let (yes, no) = (true, false);
    assert_eq!(dry, [no, no, yes, no, no, no, yes, no, no, no, yes, no]);
}

#[test]
fn a_time_of_day_that_is_over_means_tomorrow() {
    let world = scripted("at: 08:00, types: m5.large, depth: 0");
    let is_dry = || depth(&world, "m5.large", "us-east-1a", CapacityType::OnDemand) == 0;
    assert!(!is_dry());
    world.pass(23 * 3_600 - 1);
    assert!(!is_dry());
    world.pass(1);
    assert!(is_dry());
}

#[test]
fn a_share_of_the_spot_instances_is_interrupted() {
    let world = scripted("at: +10m, interrupt: 25%, zone: us-east-1a");
    world.launch(PurchaseOption::Spot, 40, &[("m5.large", "us-east-1a")]);
    world.launch(PurchaseOption::Spot, 10, &[("m5.large", "us-east-1b")]);
    world.launch(PurchaseOption::OnDemand, 10, &[("m5.large", "us-east-1a")]);
    world.pass(599);
    world.messages();
    world.pass(1);
    let noticed = world.region.machines().iter().filter(|machine| machine.shutdown_at.is_some()).count();
    assert_eq!(noticed, 10);
    let interrupted = world.labels().into_iter().filter(|label| *label == "spot_interrupted").count();
    assert_eq!(interrupted, 10);
}

#[test]
fn calls_fail_while_the_script_says_so() {
    let world = scripted("at: +1m, fault: InternalError, action: DescribeSubnets, for: 1m");
    let fails = || world.region.describe_subnets(&[]).outcome.is_err_and(|error| error.is_retryable());
    assert!(!fails());
    world.pass(60);
    assert!(fails());
    assert!(world.region.describe_images(&[]).outcome.is_ok());
    world.pass(60);
    assert!(!fails());
}

#[test]
fn prices_rise_at_most_to_on_demand() {
    let world = scripted("at: +1h, priceFactor: 100, types: m5.large, for: 1h");
    let price = |capacity_type| world.region.pool("m5.large", "us-east-1a", capacity_type).unwrap().price;
    let before = price(CapacityType::Spot);
    assert!(before < price(CapacityType::OnDemand));
    world.pass(3_600);
    assert_eq!(price(CapacityType::Spot), price(CapacityType::OnDemand));
}

#[test]
fn a_release_makes_latest_another_image() {
    let world = scripted("at: +1h, releaseImages: true");
    let parameter = "/aws/service/bottlerocket/aws-k8s-1.36/arm64/latest/image_id";
    let latest = || world.region.get_parameter(parameter).outcome.unwrap();
    let before = latest();
    world.pass(3_599);
    assert_eq!(latest(), before);
    world.pass(1);
    assert_ne!(latest(), before);
}
