//! CreateFleet of type instant, and the other calls: partial success, errors by offering, strategies, limits, faults.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod world;

use std::collections::BTreeMap;
use std::time::Duration;

use rstest::rstest;
use supercargo_catalog::CapacityType;
use supercargo_cloud::{
    Action, AllocationStrategy, ErrorKind, FleetRequest, InstanceProfileRequest, InstanceQuery,
    LaunchTemplateRequest, PurchaseOption, ReceiveRequest, Selector, Tags,
};
use supercargo_cloud_sim::{ApiOptions, BucketSize, FaultRule, QuotaClass, RegionOptions};
use world::{TEMPLATE, World, calm, fix_depth};

const ON_DEMAND: PurchaseOption = PurchaseOption::OnDemand;
const SPOT: PurchaseOption = PurchaseOption::Spot;

/// Two spot pools and two on demand, as deep as told.
fn pools(depths: &[(&str, &str, CapacityType, u32)]) -> World {
    World::with(|options| {
        calm(options);
        options.market.price_volatility = 0.0;
        for (instance_type, zone, capacity_type, depth) in depths {
            fix_depth(options, instance_type, zone, *capacity_type, *depth);
        }
    })
}

#[test]
fn nothing_is_sold_beyond_depth_and_the_rest_is_an_error_of_the_offering() {
    let world = pools(&[("m5.large", "us-east-1a", CapacityType::OnDemand, 3)]);
    let answer = world.launch(ON_DEMAND, 5, &[("m5.large", "us-east-1a")]);
    assert_eq!(answer.instance_ids().count(), 3);
    assert_eq!(answer.errors.len(), 1);
    let error = &answer.errors[0];
    assert_eq!(error.code, "InsufficientInstanceCapacity");
    assert_eq!(
        (error.refused.instance_type.as_str(), error.refused.zone.as_str()),
        ("m5.large", "us-east-1a")
    );
    let id = answer.instance_ids().next().unwrap();
    world.terminate(id);
    assert_eq!(
        world.launch(ON_DEMAND, 1, &[("m5.large", "us-east-1a")]).instances,
        [],
        "not free before it has ended"
    );
    world.pass(60);
    assert_eq!(world.launch(ON_DEMAND, 1, &[("m5.large", "us-east-1a")]).instance_ids().count(), 1);
}

#[test]
fn price_capacity_optimized_prefers_deep_pools_and_fills_others_when_they_run_dry() {
    let spot = CapacityType::Spot;
    let world = pools(&[("m5.large", "us-east-1a", spot, 2), ("m5.large", "us-east-1b", spot, 60)]);
    let offerings = [("m5.large", "us-east-1a"), ("m5.large", "us-east-1b")];
    let answer = world.launch(SPOT, 1, &offerings);
    assert_eq!(answer.instances[0].chosen.zone, "us-east-1b");
    let answer = world.launch(SPOT, 70, &offerings);
    let by_zone: BTreeMap<&str, usize> =
        answer.instances.iter().map(|group| (group.chosen.zone.as_str(), group.instance_ids.len())).collect();
    assert_eq!(by_zone, BTreeMap::from([("us-east-1a", 2), ("us-east-1b", 59)]));
    assert_eq!(answer.errors.len(), 2, "{:?}", answer.errors);
}

#[test]
fn lowest_price_tries_the_cheapest_first_and_tells_what_failed() {
    let world = pools(&[("m5.large", "us-east-1a", CapacityType::OnDemand, 0)]);
    let answer = world.launch(ON_DEMAND, 1, &[("m5.2xlarge", "us-east-1a"), ("m5.large", "us-east-1a")]);
    assert_eq!(answer.instances[0].chosen.instance_type, "m5.2xlarge");
    assert_eq!(answer.errors[0].refused.instance_type, "m5.large");
}

#[test]
fn prioritized_goes_by_priority() {
    let world = World::calm();
    let mut request =
        world.request(ON_DEMAND, 1, &[("m5.large", "us-east-1a"), ("m5.2xlarge", "us-east-1a")]);
    request.strategy = AllocationStrategy::Prioritized;
    request.configs[0].overrides[0].priority = Some(2.0);
    request.configs[0].overrides[1].priority = Some(1.0);
    let answer = world.region.create_fleet(&request).outcome.unwrap();
    assert_eq!(answer.instances[0].chosen.instance_type, "m5.2xlarge");
}

#[test]
fn hundreds_of_offerings_are_fine() {
    let world = World::calm();
    let subnets = world.region.describe_subnets(&[]).outcome.unwrap();
    let sold = world.region.describe_instance_type_offerings().outcome.unwrap();
    let offerings: Vec<(&str, &str)> = sold
        .iter()
        .filter(|offering| {
            offering.instance_type.starts_with("m7i.") || offering.instance_type.starts_with("c7i.")
        })
        .filter(|offering| subnets.iter().any(|subnet| subnet.zone == offering.zone))
        .map(|offering| (offering.instance_type.as_str(), offering.zone.as_str()))
        .collect();
    assert!(offerings.len() > 80, "{}", offerings.len());
    let answer = world.launch(SPOT, 20, &offerings);
    assert_eq!(answer.instance_ids().count(), 20);
}

type Change = fn(&mut FleetRequest);

#[rstest]
#[case::not_sold(|request: &mut FleetRequest| request.configs[0].overrides[0].instance_type = "m99.large".into(), "Unsupported")]
#[case::no_subnet(
    |request: &mut FleetRequest| request.configs[0].overrides[0].subnet_id = "subnet-x".into(),
    "InvalidSubnetID.NotFound"
)]
#[case::another_zone(
    |request: &mut FleetRequest| request.configs[0].overrides[0].zone = "us-east-1b".into(),
    "InvalidParameterCombination"
)]
#[case::no_image(
    |request: &mut FleetRequest| request.configs[0].overrides[0].image_id = Some("ami-x".into()),
    "InvalidAMIID.NotFound"
)]
#[case::image_of_another_architecture(
    |request: &mut FleetRequest| request.configs[0].overrides[0].instance_type = "m7g.large".into(),
    "InvalidParameterValue"
)]
#[case::a_block_without_a_reservation(
    |request: &mut FleetRequest| request.purchase = PurchaseOption::CapacityBlock,
    "InvalidParameterCombination"
)]
fn an_offering_that_makes_no_sense_is_an_error_of_its_own(#[case] change: Change, #[case] code: &str) {
    let world = World::calm();
    let mut request = world.request(ON_DEMAND, 1, &[("m5.large", "us-east-1a")]);
    change(&mut request);
    let answer = world.region.create_fleet(&request).outcome.unwrap();
    assert_eq!(answer.instances, []);
    assert_eq!(answer.errors[0].code, code);
}

#[rstest]
#[case::no_instances(|request: &mut FleetRequest| request.target_capacity = 0, ErrorKind::Invalid)]
#[case::no_offerings(|request: &mut FleetRequest| request.configs.clear(), ErrorKind::Invalid)]
#[case::no_template(
    |request: &mut FleetRequest| request.configs[0].launch_template = "gone".into(),
    ErrorKind::LaunchTemplateNotFound
)]
#[case::rehearsal(|request: &mut FleetRequest| request.dry_run = true, ErrorKind::DryRun)]
fn a_request_that_makes_no_sense_fails_as_a_whole(#[case] change: Change, #[case] kind: ErrorKind) {
    let world = World::calm();
    let mut request = world.request(ON_DEMAND, 1, &[("m5.large", "us-east-1a")]);
    change(&mut request);
    assert_eq!(world.region.create_fleet(&request).outcome.unwrap_err().kind, kind);
    assert_eq!(world.region.census().launched, 0);
}

#[test]
fn security_groups_and_profiles_must_exist() {
    let world = World::calm();
    let image_id = world.machine(&world.launch_one(ON_DEMAND, "m5.large", "us-east-1a")).image.id;
    for (name, group, profile, code) in [
        ("no-group", Some("sg-x"), None, "InvalidGroup.NotFound"),
        ("no-profile", None, Some("nobody"), "InvalidParameterValue"),
    ] {
        let mut template =
            LaunchTemplateRequest { name: name.to_owned(), ..LaunchTemplateRequest::default() };
        template.data.image_id = image_id.clone();
        template.data.security_group_ids = group.into_iter().map(str::to_owned).collect();
        template.data.instance_profile = profile.map(str::to_owned);
        world.region.create_launch_template(&template).outcome.unwrap();
        let mut request = world.request(ON_DEMAND, 1, &[("m5.large", "us-east-1a")]);
        request.configs[0].launch_template = name.to_owned();
        assert_eq!(world.region.create_fleet(&request).outcome.unwrap().errors[0].code, code);
    }
}

#[test]
fn the_same_client_token_launches_once() {
    let world = World::calm();
    let mut request = world.request(ON_DEMAND, 1, &[("m5.large", "us-east-1a")]);
    request.client_token = Some("claim-1".to_owned());
    let first = world.region.create_fleet(&request).outcome.unwrap();
    world.pass(10);
    assert_eq!(world.region.create_fleet(&request).outcome.unwrap(), first);
    assert_eq!(world.region.census().launched, 1);
}

#[rstest]
#[case::on_demand(ON_DEMAND, "VcpuLimitExceeded")]
#[case::spot(SPOT, "MaxSpotInstanceCountExceeded")]
fn quotas_count_vcpus_by_class(#[case] purchase: PurchaseOption, #[case] code: &str) {
    let world = World::with(|options| {
        calm(options);
        options.quotas.on_demand_vcpus.insert(QuotaClass::Standard, 8);
        options.quotas.spot_vcpus.insert(QuotaClass::Standard, 8);
    });
    let answer = world.launch(purchase, 5, &[("m5.large", "us-east-1a")]);
    assert_eq!(answer.instance_ids().count(), 4);
    assert_eq!(answer.errors[0].code, code);
    assert!(supercargo_cloud::is_unfulfillable(code));
    let answer = world.launch(purchase, 1, &[("x2idn.16xlarge", "us-east-1a")]);
    assert!(answer.errors.iter().all(|error| error.code != code), "another class: {:?}", answer.errors);
}

#[test]
fn without_the_spot_role_no_spot() {
    let world = World::with(|options| {
        calm(options);
        options.quotas.no_spot_role = true;
    });
    let request = world.request(SPOT, 1, &[("m5.large", "us-east-1a")]);
    let error = world.region.create_fleet(&request).outcome.unwrap_err();
    assert_eq!((error.kind, error.launch_reason()), (ErrorKind::SpotRoleMissing, "SpotSLRCreationFailed"));
    assert_eq!(world.launch(ON_DEMAND, 1, &[("m5.large", "us-east-1a")]).instance_ids().count(), 1);
}

fn throttled(options: &mut RegionOptions) {
    calm(options);
    let defaults = ApiOptions::default();
    options.api.buckets = defaults.buckets;
    options.api.launched_instances = Some(BucketSize { capacity: 10.0, per_second: 2.0 });
}

#[test]
fn calls_are_throttled_by_the_buckets_that_ec2_documents() {
    let world = World::with(throttled);
    let calls = |count: usize| {
        let answers = (0..count).map(|_| world.region.describe_subnets(&[]).outcome);
        answers.filter(|outcome| outcome.is_ok()).count()
    };
    world.pass(10);
    assert_eq!(calls(150), 100);
    let error = world.region.describe_subnets(&[]).outcome.unwrap_err();
    assert_eq!((error.kind, error.is_retryable()), (ErrorKind::Throttled, true));
    assert!(world.region.describe_images(&[]).outcome.is_ok(), "every call has its own bucket");
    world.pass(2);
    assert_eq!(calls(150), 40);
}

#[test]
fn large_accounts_have_larger_buckets() {
    let world = World::with(|options| {
        throttled(options);
        options.api = options.api.clone().with_raised_limits(3.0);
    });
    world.pass(10);
    let answers = (0..500).map(|_| world.region.describe_subnets(&[]).outcome);
    assert_eq!(answers.filter(|outcome| outcome.is_ok()).count(), 300);
    world.pass(60);
    assert_eq!(world.launch(ON_DEMAND, 50, &[("m5.large", "us-east-1a")]).instance_ids().count(), 30);
}

#[test]
fn launched_instances_have_a_bucket_of_their_own() {
    let world = World::with(throttled);
    let answer = world.launch(ON_DEMAND, 12, &[("m5.large", "us-east-1a")]);
    assert_eq!(answer.instance_ids().count(), 10);
    assert_eq!(answer.errors[0].code, "RequestLimitExceeded");
    world.pass(3);
    assert_eq!(world.launch(ON_DEMAND, 12, &[("m5.large", "us-east-1a")]).instance_ids().count(), 6);
}

#[test]
fn faults_fail_a_share_of_the_calls() {
    let world = World::calm();
    world.region.inject(FaultRule::new(Action::GetParameter, 0.3, "ThrottlingException"));
    let failed = (0..1_000).filter(|_| {
        world.region.get_parameter("x").outcome.is_err_and(|error| error.kind == ErrorKind::Throttled)
    });
    let failed = failed.count();
    assert!((240..360).contains(&failed), "{failed} of 1,000 failed");
    world.region.clear_faults();
    assert_eq!(world.region.get_parameter("x").outcome.unwrap_err().kind, ErrorKind::NotFound);
}

#[test]
fn who_may_not_gets_told_so() {
    let world = World::calm();
    world.region.inject(FaultRule::new(Action::CreateFleet, 1.0, "UnauthorizedOperation"));
    let request = world.request(ON_DEMAND, 1, &[("m5.large", "us-east-1a")]);
    let error = world.region.create_fleet(&request).outcome.unwrap_err();
    assert_eq!((error.kind, error.launch_reason()), (ErrorKind::Unauthorized, "Unauthorized"));
    assert!(!error.is_retryable());
}

#[test]
fn calls_take_time() {
    let world = World::with(|options| {
        calm(options);
        options.api.latency = ApiOptions::default().latency;
    });
    let answer = world.region.create_fleet(&world.request(ON_DEMAND, 1, &[("m5.large", "us-east-1a")]));
    let (least, most) = (Duration::from_millis(1_200), Duration::from_millis(3_200));
    assert!((least..=most).contains(&answer.latency), "{:?}", answer.latency);
}

#[test]
fn things_are_found_by_tag_name_and_id() {
    let world = World::calm();
    let tagged = [Selector::tag("karpenter.sh/discovery", "supercargo")];
    let subnets = world.region.describe_subnets(&tagged).outcome.unwrap();
    assert_eq!(subnets.len(), 6);
    assert_eq!(
        world.region.describe_subnets(&[Selector::tag("karpenter.sh/discovery", "x")]).outcome.unwrap(),
        []
    );
    let by_id = [Selector::id(subnets[2].id.clone())];
    assert_eq!(world.region.describe_subnets(&by_id).outcome.unwrap(), [subnets[2].clone()]);
    assert_eq!(world.region.describe_security_groups(&tagged).outcome.unwrap().len(), 1);
    let images = Selector {
        name: Some("*-al2023-arm64-standard-1.36-*".to_owned()),
        owners: vec!["amazon".to_owned()],
        ..Selector::default()
    };
    assert_eq!(world.region.describe_images(&[images]).outcome.unwrap().len(), 4, "four releases");
}

#[test]
fn launch_templates_and_profiles_are_made_once_and_deleted_once() {
    let world = World::calm();
    let template = LaunchTemplateRequest { name: TEMPLATE.to_owned(), ..LaunchTemplateRequest::default() };
    let again = world.region.create_launch_template(&template).outcome.unwrap_err();
    assert_eq!(again.kind, ErrorKind::AlreadyExists);
    world.region.delete_launch_template(TEMPLATE).outcome.unwrap();
    assert!(world.region.delete_launch_template(TEMPLATE).outcome.unwrap_err().is_not_found());
    assert_eq!(world.region.describe_launch_templates(&[]).outcome.unwrap(), []);
    let profile = InstanceProfileRequest {
        name: "p".to_owned(),
        path: "/karpenter/us-east-1/supercargo/".to_owned(),
        role: "node".to_owned(),
        tags: Tags::new(),
    };
    world.region.create_instance_profile(&profile).outcome.unwrap();
    assert_eq!(
        world.region.create_instance_profile(&profile).outcome.unwrap_err().kind,
        ErrorKind::AlreadyExists
    );
    assert_eq!(world.region.list_instance_profiles("/karpenter/").outcome.unwrap().len(), 1);
    assert_eq!(world.region.get_instance_profile("p").outcome.unwrap().role.as_deref(), Some("node"));
    world.region.delete_instance_profile("p").outcome.unwrap();
    assert!(world.region.get_instance_profile("p").outcome.unwrap_err().is_not_found());
}

#[test]
fn terminating_what_does_not_exist_ends_nothing() {
    let world = World::calm();
    let id = world.launch_one(ON_DEMAND, "m5.large", "us-east-1a");
    let error = world.region.terminate_instances(&[id.clone(), "i-x".to_owned()]).outcome.unwrap_err();
    assert_eq!(error.code, "InvalidInstanceID.NotFound");
    assert!(!world.state_of(&id).is_ending());
    world.terminate(&id);
    world.terminate(&id);
    let all = world.region.describe_instances(&InstanceQuery::default()).outcome.unwrap();
    assert_eq!(all.len(), 1);
}

#[test]
fn messages_come_again_until_they_are_deleted() {
    let world = World::calm();
    world.launch_one(ON_DEMAND, "m5.large", "us-east-1a");
    let request = ReceiveRequest { visibility_timeout: Duration::from_secs(20), ..ReceiveRequest::default() };
    let take = || world.region.receive_messages(request).outcome.unwrap();
    let first = take();
    assert_eq!(first.len(), 1);
    assert_eq!(take(), [], "somebody is dealing with it");
    world.pass(2);
    assert_eq!(take(), []);
    world.pass(18);
    let again = take().into_iter().find(|message| message.message_id == first[0].message_id).unwrap();
    assert_eq!(again.receive_count, 2);
    world.region.delete_message(&again.receipt).outcome.unwrap();
    world.region.delete_message(&again.receipt).outcome.unwrap();
    world.pass(30);
    assert!(take().iter().all(|message| message.message_id != first[0].message_id));
    assert!(world.region.delete_message("nonsense").outcome.is_err());
}

#[test]
fn messages_nobody_takes_are_dropped_after_five_minutes() {
    let world = World::calm();
    world.launch_one(ON_DEMAND, "m5.large", "us-east-1a");
    world.pass(299);
    assert_eq!(world.messages().len(), 2);
    world.launch_one(ON_DEMAND, "m5.large", "us-east-1a");
    world.pass(400);
    assert_eq!(world.messages().len(), 0);
}

#[test]
fn some_messages_come_twice() {
    let world = World::with(|options| {
        calm(options);
        options.queue.duplicates = 1.0;
    });
    world.launch_one(ON_DEMAND, "m5.large", "us-east-1a");
    let events = world.messages();
    assert_eq!(events.len(), 2);
    assert_eq!(events[0], events[1]);
}
