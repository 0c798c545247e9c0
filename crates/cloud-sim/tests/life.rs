//! From launch to end: states, messages, machines, addresses, reclaims, failures.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod world;

use std::time::Duration;

use rstest::rstest;
use supercargo_api::InstanceMatchCriteria;
use supercargo_catalog::{CapacityType, ReservationKind};
use supercargo_cloud::event::EventKind;
use supercargo_cloud::{
    CheckStatus, ErrorKind, InstanceQuery, InstanceState, PurchaseOption, ReservationPreference,
    ReservationState, Tags,
};
use supercargo_cloud_sim::{
    Effect, FailureOptions, InterruptionOptions, MachineFault, ReservationOptions, Scope, ScriptEvent,
    Spread, When,
};
use world::{World, calm, fix_depth, start};

const ON_DEMAND: PurchaseOption = PurchaseOption::OnDemand;
const SPOT: PurchaseOption = PurchaseOption::Spot;
const ZONE: &str = "us-east-1a";

#[test]
fn an_instance_goes_from_pending_to_terminated() {
    let world = World::calm();
    let id = world.launch_one(ON_DEMAND, "m5.large", ZONE);
    assert_eq!(world.state_of(&id), InstanceState::Pending);
    world.pass(15);
    assert_eq!(world.state_of(&id), InstanceState::Running);
    world.terminate(&id);
    assert_eq!(world.state_of(&id), InstanceState::ShuttingDown);
    world.pass(60);
    assert_eq!(world.state_of(&id), InstanceState::Terminated);
    world.pass(3_600);
    let error = world.region.describe_instances(&InstanceQuery::ids([&id])).outcome.unwrap_err();
    assert_eq!((error.kind, error.code.as_str()), (ErrorKind::NotFound, "InvalidInstanceID.NotFound"));
    let states: Vec<InstanceState> = world
        .messages()
        .into_iter()
        .filter_map(|event| match event.kind {
            EventKind::StateChange { state, .. } => Some(state),
            _ => None,
        })
        .collect();
    use InstanceState::{Pending, Running, ShuttingDown, Terminated};
    // the queue keeps messages for five minutes, and an hour has passed
    assert_eq!(states, []);
    let id = world.launch_one(ON_DEMAND, "m5.large", ZONE);
    world.pass(20);
    world.terminate(&id);
    world.pass(60);
    let kinds: Vec<EventKind> = world.messages().into_iter().map(|event| event.kind).collect();
    let expected = [Pending, Running, ShuttingDown, Terminated]
        .map(|state| EventKind::StateChange { instance_id: id.clone(), state });
    assert_eq!(kinds, expected);
}

#[test]
fn kubelets_start_so_that_nodes_are_ready_30_to_45_seconds_after_launch() {
    /// What registration and the network take on top.
    const TO_READY: i64 = 6;
    let world = World::calm();
    let answer = world.launch(ON_DEMAND, 200, &[("m5.large", ZONE)]);
    let mut ready: Vec<i64> = Vec::new();
    for id in answer.instance_ids() {
        let machine = world.machine(id);
        ready.push(machine.boots_at.unwrap().duration_since(machine.launched_at).as_secs() + TO_READY);
    }
    assert_eq!(ready.len(), 200);
    assert!(ready.iter().all(|seconds| (30..=45).contains(seconds)), "{ready:?}");
    ready.sort_unstable();
    ready.dedup();
    assert!(ready.len() > 8, "they differ: {ready:?}");
}

#[test]
fn bare_metal_and_a_slow_tail_take_longer() {
    let world = World::with(|options| {
        calm(options);
        options.boot.kubelet =
            Spread::exactly(Duration::from_secs(30)).with_tail(1.0, Duration::from_secs(600));
        fix_depth(options, "m5.metal", ZONE, CapacityType::OnDemand, 5);
    });
    let boot = |name: &str| {
        let machine = world.machine(&world.launch_one(ON_DEMAND, name, ZONE));
        machine.boots_at.unwrap().duration_since(machine.launched_at).as_secs()
    };
    assert!(boot("m5.metal") >= 270);
    assert!((0..20).map(|_| boot("m5.large")).any(|seconds| seconds > 120));
}

#[test]
fn a_machine_knows_what_its_template_says() {
    let world = World::calm();
    let id = world.launch_one(SPOT, "m5.large", ZONE);
    let machine = world.machine(&id);
    assert_eq!(machine.capacity_type, CapacityType::Spot);
    assert_eq!(machine.provider_id().to_string(), format!("aws:///{ZONE}/{id}"));
    assert!(
        machine.private_dns_name.starts_with("ip-10-0-")
            && machine.private_dns_name.ends_with(".ec2.internal")
    );
    assert!(machine.image.name.starts_with("amazon-eks-node-al2023-x86_64-standard-1.36-v2026"));
    assert!(!machine.template.image_id.is_empty());
    assert!(!machine.kubelet_runs(world.now()));
    world.pass(60);
    assert!(world.machine(&id).kubelet_runs(world.now()));
}

#[test]
fn addresses_are_conserved_and_come_back() {
    let world = World::with(|options| {
        calm(options);
        options.network.prefix = 28;
        options.network.addresses_per_instance = 3;
    });
    let free = || {
        let subnets = world.region.describe_subnets(&[]).outcome.unwrap();
        subnets.iter().find(|subnet| subnet.zone == ZONE).unwrap().free_ips
    };
    assert_eq!(free(), 11);
    let answer = world.launch(ON_DEMAND, 5, &[("m5.large", ZONE)]);
    assert_eq!(answer.instance_ids().count(), 3, "9 of 11 addresses");
    assert_eq!(answer.errors[0].code, "InsufficientFreeAddressesInSubnet");
    assert_eq!(free(), 2);
    let first = answer.instance_ids().next().unwrap().to_owned();
    let address = world.machine(&first).private_ip;
    world.terminate(&first);
    assert_eq!(free(), 2, "it keeps them until it has ended");
    world.pass(60);
    assert_eq!(free(), 5);
    let next = world.launch_one(ON_DEMAND, "m5.large", ZONE);
    assert_eq!(world.machine(&next).private_ip, address);
}

#[test]
fn a_spot_instance_gets_a_recommendation_a_notice_and_two_minutes() {
    let world = World::with(|options| {
        calm(options);
        options.interruptions = InterruptionOptions { hazard: 1e5, ..InterruptionOptions::default() };
    });
    let id = world.launch_one(SPOT, "m5.large", ZONE);
    let mut seen = Vec::new();
    while world.region.machine(&id).is_some_and(|machine| machine.terminated_at.is_none()) {
        world.pass(1);
        for event in world.messages() {
            assert!(event.kind.instance_ids().contains(&id));
            seen.push((event.kind.label(), event.time));
        }
        assert!(world.now().duration_since(start()).as_secs() < 86_400, "it is never taken back");
    }
    let labels: Vec<&str> = seen.iter().map(|(label, _)| *label).filter(|label| *label != "no_op").collect();
    assert_eq!(
        labels,
        ["rebalance_recommendation", "spot_interrupted", "instance_terminated", "instance_terminated"]
    );
    let when = |wanted: &str| seen.iter().find(|(label, _)| *label == wanted).unwrap().1;
    let (rebalance, notice) = (when("rebalance_recommendation"), when("spot_interrupted"));
    assert!(rebalance <= notice);
    assert_eq!(when("instance_terminated").duration_since(notice).as_secs(), 120);
    let reason =
        world.region.describe_instances(&InstanceQuery::ids([&id])).outcome.unwrap()[0].state_reason.clone();
    assert_eq!(reason.as_deref(), Some("Server.SpotInstanceTermination"));
}

#[test]
fn the_published_buckets_decide_how_often_instances_are_taken_back() {
    let catalog = world::catalog();
    let world = World::with(|options| {
        calm(options);
        options.interruptions = InterruptionOptions::default();
        options.market.volatility = 0.0;
        for name in ["m5.large", "r5.large"] {
            fix_depth(options, name, ZONE, CapacityType::Spot, 4_000);
        }
        options.network.prefix = 18;
    });
    // a month of 1,500 instances against the middle of the bucket, halved because the pool is deep
    let bucket = catalog.interruption_bucket("m5.large").unwrap();
    let launched = world.launch(SPOT, 1_500, &[("m5.large", ZONE)]).instance_ids().count();
    assert_eq!(launched, 1_500);
    world.pass(30 * 86_400);
    let lost = world.region.census().terminated as f64 / launched as f64;
    let expected = 1.0 - (1.0 - bucket.monthly_probability()).sqrt();
    assert!((lost - expected).abs() < 0.35 * expected + 0.01, "lost {lost}, expected {expected}");
}

#[test]
fn on_demand_instances_are_never_taken_back() {
    let world = World::with(|options| {
        calm(options);
        options.interruptions = InterruptionOptions { hazard: 1e6, ..InterruptionOptions::default() };
        options.script.events.push(ScriptEvent {
            at: When::After(Duration::from_secs(600)),
            every: None,
            lasts: None,
            scope: Scope::default(),
            effect: Effect::Depth(0),
        });
    });
    let id = world.launch_one(ON_DEMAND, "m5.large", ZONE);
    world.pass(7 * 86_400);
    assert_eq!(world.state_of(&id), InstanceState::Running);
}

#[test]
fn a_kubelet_that_never_starts_leaves_the_instance_running() {
    let world = World::with(|options| {
        calm(options);
        options.failures = FailureOptions { never_boots: 1.0, ..FailureOptions::default() };
    });
    let id = world.launch_one(ON_DEMAND, "m5.large", ZONE);
    world.pass(3_600);
    let machine = world.machine(&id);
    assert_eq!((machine.state, machine.boots_at), (InstanceState::Running, None));
    assert_eq!(machine.fault, Some(MachineFault::NeverBoots));
    assert!(!machine.kubelet_runs(world.now()));
}

#[test]
fn a_launch_that_fails_ends_by_itself_and_costs_nothing() {
    let world = World::with(|options| {
        calm(options);
        options.failures = FailureOptions { launch_fails: 1.0, ..FailureOptions::default() };
    });
    let id = world.launch_one(ON_DEMAND, "m5.large", ZONE);
    world.pass(120);
    assert_eq!(world.state_of(&id), InstanceState::Terminated);
    assert!(world.region.bill().total().is_zero());
}

#[test]
fn a_broken_host_fails_the_status_checks() {
    let world = World::with(|options| {
        calm(options);
        options.failures = FailureOptions { host_impaired_monthly: 1e6, ..FailureOptions::default() };
    });
    let id = world.launch_one(ON_DEMAND, "m5.large", ZONE);
    world.pass(3_600);
    let status = world.region.describe_instance_status().outcome.unwrap();
    let CheckStatus::Impaired { since } = status[0].system_status else { panic!("{status:?}") };
    assert!(since > start() && since <= world.now());
    assert_eq!(world.machine(&id).fault, Some(MachineFault::HostImpaired { since }));
}

#[rstest]
#[case::on_demand_is_stopped(ON_DEMAND, InstanceState::Stopped)]
#[case::spot_is_ended(SPOT, InstanceState::Terminated)]
fn announced_retirement_comes_two_weeks_later(
    #[case] purchase: PurchaseOption,
    #[case] finally: InstanceState,
) {
    let world = World::calm();
    let id = world.launch_one(purchase, "m5.large", ZONE);
    world.pass(60);
    world.messages();
    world.region.schedule(vec![ScriptEvent {
        at: When::After(Duration::from_secs(5)),
        every: None,
        lasts: None,
        scope: Scope::default(),
        effect: Effect::Retire(100.0),
    }]);
    world.pass(5);
    let events = world.messages();
    let EventKind::ScheduledChange { instance_ids, starts_at, .. } = &events[0].kind else {
        panic!("{events:?}")
    };
    assert_eq!(instance_ids, std::slice::from_ref(&id));
    let planned = &world.region.describe_instance_status().outcome.unwrap()[0].events;
    assert_eq!(planned[0].code, "instance-retirement");
    assert_eq!(Some(planned[0].not_before), *starts_at);
    world.pass(14 * 86_400 - 60);
    assert_eq!(world.state_of(&id), InstanceState::Running);
    world.pass(180);
    assert_eq!(world.state_of(&id), finally);
}

fn reserve(options: &mut supercargo_cloud_sim::RegionOptions, reservation: ReservationOptions) {
    options.reservations.push(ReservationOptions { id: Some("cr-1".to_owned()), ..reservation });
}

fn aimed(world: &World, purchase: PurchaseOption, count: u32) -> supercargo_cloud::FleetAnswer {
    world.template("aimed", ReservationPreference::Only { reservation_id: "cr-1".to_owned() });
    let mut request = world.request(purchase, count, &[("m5.large", ZONE)]);
    request.configs[0].launch_template = "aimed".to_owned();
    world.region.create_fleet(&request).outcome.unwrap()
}

#[test]
fn a_targeted_reservation_is_consumed_and_given_back() {
    let world = World::with(|options| {
        calm(options);
        reserve(options, ReservationOptions::targeted("m5.large", ZONE, 2));
    });
    let available = || world.region.describe_capacity_reservations(&[]).outcome.unwrap()[0].available;
    world.launch_one(ON_DEMAND, "m5.large", ZONE);
    assert_eq!(available(), 2, "who does not name it does not get it");
    let answer = aimed(&world, ON_DEMAND, 3);
    assert_eq!(answer.instance_ids().count(), 2);
    assert_eq!(answer.instances[0].capacity_type, CapacityType::Reserved);
    assert_eq!(answer.errors[0].code, "ReservationCapacityExceeded");
    assert_eq!(available(), 0);
    let id = answer.instance_ids().next().unwrap();
    assert_eq!(world.machine(id).reservation_id.as_deref(), Some("cr-1"));
    world.terminate(id);
    world.pass(60);
    assert_eq!(available(), 1);
}

#[test]
fn an_open_reservation_takes_what_matches_unless_the_template_says_none() {
    let world = World::with(|options| {
        calm(options);
        let open = ReservationOptions::targeted("m5.large", ZONE, 1);
        reserve(options, ReservationOptions { match_criteria: InstanceMatchCriteria::Open, ..open });
    });
    let id = world.launch_one(ON_DEMAND, "m5.large", ZONE);
    assert_eq!(world.machine(&id).reservation_id, None);
    world.template("open", ReservationPreference::Open);
    let mut request = world.request(ON_DEMAND, 2, &[("m5.large", ZONE)]);
    request.configs[0].launch_template = "open".to_owned();
    let answer = world.region.create_fleet(&request).outcome.unwrap();
    let inside: Vec<Option<String>> =
        answer.instance_ids().map(|id| world.machine(id).reservation_id).collect();
    assert_eq!(inside, [Some("cr-1".to_owned()), None]);
    assert_eq!(answer.instances[0].capacity_type, CapacityType::OnDemand);
}

#[test]
fn when_a_reservation_ends_its_instances_run_on_at_the_list_price() {
    let world = World::with(|options| {
        calm(options);
        let ends_at = Some("2026-11-23T10:00:00Z".parse().unwrap());
        reserve(options, ReservationOptions { ends_at, ..ReservationOptions::targeted("m5.large", ZONE, 1) });
    });
    let id = aimed(&world, ON_DEMAND, 1).instance_ids().next().unwrap().to_owned();
    world.pass(3_600);
    let machine = world.machine(&id);
    assert_eq!((machine.state, machine.capacity_type), (InstanceState::Running, CapacityType::OnDemand));
    assert_eq!(machine.reservation_id, None);
    assert_eq!(world.region.describe_capacity_reservations(&[]).outcome.unwrap(), []);
    world.pass(3_600);
    let bill = world.region.bill();
    let price = world::catalog().on_demand_price("us-east-1", "m5.large").unwrap().price;
    assert_eq!(bill.instances[0].cost, price, "one hour of its own");
    assert_eq!(bill.reservations[0].cost, price, "one hour of the reservation");
}

#[test]
fn a_capacity_block_clears_out_half_an_hour_before_its_end() {
    let world = World::with(|options| {
        calm(options);
        let block = ReservationOptions {
            kind: ReservationKind::CapacityBlock,
            starts_at: Some("2026-11-23T09:30:00Z".parse().unwrap()),
            ends_at: Some("2026-11-23T12:00:00Z".parse().unwrap()),
            ..ReservationOptions::targeted("m5.large", ZONE, 2)
        };
        reserve(options, block);
    });
    let state = || world.region.describe_capacity_reservations(&[]).outcome.unwrap()[0].state;
    assert_eq!(state(), ReservationState::Scheduled);
    assert_eq!(aimed(&world, PurchaseOption::CapacityBlock, 1).errors[0].code, "ReservationCapacityExceeded");
    world.pass(1_800);
    assert_eq!(state(), ReservationState::Active);
    let mut request = world.request(PurchaseOption::CapacityBlock, 1, &[("m5.large", ZONE)]);
    request.configs[0].launch_template = "aimed".to_owned();
    let answer = world.region.create_fleet(&request).outcome.unwrap();
    let id = answer.instance_ids().next().unwrap().to_owned();
    world.pass(110 * 60 - 1);
    world.messages();
    world.pass(1);
    assert_eq!(world.labels(), ["capacity_reservation_interrupted"]);
    assert!(world.region.describe_capacity_reservations(&[]).outcome.unwrap()[0].is_expiring(world.now()));
    assert_eq!(world.state_of(&id), InstanceState::Running);
    world.pass(600);
    assert_eq!(world.state_of(&id), InstanceState::ShuttingDown);
}

#[test]
fn an_interruptible_reservation_is_taken_back_with_two_minutes() {
    let world = World::with(|options| {
        calm(options);
        let lent = ReservationOptions::targeted("m5.large", ZONE, 2);
        reserve(options, ReservationOptions { interruptible: true, ..lent });
    });
    let answer = aimed(&world, PurchaseOption::InterruptibleReservation, 1);
    let id = answer.instance_ids().next().unwrap().to_owned();
    world.pass(60);
    world.messages();
    world.region.schedule(vec![ScriptEvent {
        at: When::After(Duration::ZERO),
        every: None,
        lasts: None,
        scope: Scope::default(),
        effect: Effect::ReclaimReservations,
    }]);
    assert_eq!(world.labels(), ["capacity_reservation_interrupted"]);
    world.pass(119);
    assert_eq!(world.state_of(&id), InstanceState::Running);
    world.pass(1);
    assert_eq!(world.state_of(&id), InstanceState::ShuttingDown);
}

#[test]
fn tags_and_instances_are_seen_after_a_while() {
    let world = World::with(|options| {
        calm(options);
        options.api.consistency = Spread::exactly(Duration::from_secs(2));
    });
    let id = world.launch_one(ON_DEMAND, "m5.large", ZONE);
    let seen = || world.region.describe_instances(&InstanceQuery::ids([&id])).outcome;
    assert!(seen().unwrap_err().is_not_found());
    assert_eq!(world.region.describe_instances(&InstanceQuery::default()).outcome.unwrap(), []);
    assert_eq!(world.region.machines().len(), 1, "its own world knows it at once");
    world.pass(2);
    assert_eq!(seen().unwrap()[0].tags.get("team").map(String::as_str), Some("a"));
    let tags = Tags::from([("team".to_owned(), "b".to_owned())]);
    world.region.create_tags(std::slice::from_ref(&id), &tags).outcome.unwrap();
    assert_eq!(seen().unwrap()[0].tags.get("team").map(String::as_str), Some("a"));
    world.pass(2);
    assert_eq!(seen().unwrap()[0].tags.get("team").map(String::as_str), Some("b"));
}
