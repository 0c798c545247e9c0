//! What holds whatever is called and whenever: nothing is lost, nothing sold twice, and the same happens again.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod world;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::time::Duration;

use proptest::prelude::*;
use supercargo_catalog::{CapacityType, Usd};
use supercargo_cloud::event::{Event, EventKind};
use supercargo_cloud::{InstanceQuery, InstanceState, PurchaseOption, ReceiveRequest, Tags};
use supercargo_cloud_sim::{
    Effect, FailureOptions, InterruptionOptions, Machine, RegionOptions, ReservationOptions, Scope,
    ScriptEvent, When,
};
use world::World;

const TYPES: [&str; 6] = ["m5.large", "c5.xlarge", "r6i.2xlarge", "g5.xlarge", "m5.metal", "t3.small"];
const ZONES: [&str; 3] = ["us-east-1a", "us-east-1b", "us-east-1c"];

/// Something that is done to a region.
#[derive(Clone, Debug)]
enum Deed {
    Launch { spot: bool, count: u32, first: usize, second: usize, zone: usize },
    Terminate { which: usize },
    Pass { seconds: u64 },
    Take { delete: bool },
    Tag { which: usize },
    Shock { effect: Effect, after: u64, zone: usize },
}

fn deeds() -> impl Strategy<Value = Vec<Deed>> {
    let effect = prop_oneof![
        (0u32..20).prop_map(Effect::Depth),
        (0.0f64..2.0).prop_map(Effect::DepthFactor),
        (0.5f64..3.0).prop_map(Effect::PriceFactor),
        (1.0f64..100.0).prop_map(Effect::Interrupt),
        (1.0f64..100.0).prop_map(Effect::ImpairHosts),
        (1.0f64..100.0).prop_map(Effect::Retire),
        Just(Effect::ReleaseImages),
    ];
    let deed = prop_oneof![
        4 => (any::<bool>(), 1u32..30, 0..TYPES.len(), 0..TYPES.len(), 0..ZONES.len())
            .prop_map(|(spot, count, first, second, zone)| Deed::Launch { spot, count, first, second, zone }),
        2 => any::<usize>().prop_map(|which| Deed::Terminate { which }),
        4 => prop_oneof![0u64..90, 0u64..4_000, 0u64..200_000].prop_map(|seconds| Deed::Pass { seconds }),
        1 => any::<bool>().prop_map(|delete| Deed::Take { delete }),
        1 => any::<usize>().prop_map(|which| Deed::Tag { which }),
        1 => (effect, 0u64..600, 0..ZONES.len())
            .prop_map(|(effect, after, zone)| Deed::Shock { effect, after, zone }),
    ];
    prop::collection::vec(deed, 1..25)
}

/// Busy: instances are taken back, break, and addresses are few.
fn busy(options: &mut RegionOptions) {
    options.interruptions = InterruptionOptions { hazard: 200.0, ..InterruptionOptions::default() };
    options.failures = FailureOptions {
        launch_fails: 0.05,
        never_boots: 0.05,
        kubelet_dies_monthly: 5.0,
        host_impaired_monthly: 5.0,
        maintenance_monthly: 5.0,
    };
    options.network.prefix = 26;
    options.market.depth = 0.05;
    options.reservations.push(ReservationOptions {
        match_criteria: supercargo_api::InstanceMatchCriteria::Open,
        ..ReservationOptions::targeted("m5.large", "us-east-1a", 3)
    });
}

fn is_instant(effect: &Effect) -> bool {
    !effect.lasts()
}

/// Does a deed, and says what came of it.
fn act(world: &World, deed: &Deed) -> String {
    let region = &world.region;
    let some_id = |which: usize| {
        let machines = region.machines();
        machines.get(which % machines.len().max(1)).map(|machine| machine.instance_id.clone())
    };
    match deed {
        Deed::Launch { spot, count, first, second, zone } => {
            let purchase = if *spot { PurchaseOption::Spot } else { PurchaseOption::OnDemand };
            let zone = ZONES[*zone];
            let request = world.request(purchase, *count, &[(TYPES[*first], zone), (TYPES[*second], zone)]);
            let before: Vec<u32> =
                [first, second].map(|name| taken(world, TYPES[*name], zone, *spot)).to_vec();
            let answer = region.create_fleet(&request);
            for (name, before) in [first, second].into_iter().zip(before) {
                let capacity_type = if *spot { CapacityType::Spot } else { CapacityType::OnDemand };
                if let Some(pool) = region.pool(TYPES[*name], zone, capacity_type) {
                    let bound = pool.depth.max(before);
                    assert!(pool.taken <= bound, "{}: {pool:?} after {before}", TYPES[*name]);
                }
            }
            format!("{answer:?}")
        }
        Deed::Terminate { which } => {
            some_id(*which).map(|id| format!("{:?}", region.terminate_instances(&[id]))).unwrap_or_default()
        }
        Deed::Pass { seconds } => {
            world.pass(*seconds);
            String::new()
        }
        Deed::Take { delete } => {
            let answer = region.receive_messages(ReceiveRequest::default());
            if *delete {
                for message in answer.outcome.iter().flatten() {
                    region.delete_message(&message.receipt).outcome.unwrap();
                }
            }
            format!("{answer:?}")
        }
        Deed::Tag { which } => {
            let tags = Tags::from([("Name".to_owned(), format!("n{which}"))]);
            some_id(*which).map(|id| format!("{:?}", region.create_tags(&[id], &tags))).unwrap_or_default()
        }
        Deed::Shock { effect, after, zone } => {
            region.schedule(vec![ScriptEvent {
                at: When::After(Duration::from_secs(*after)),
                every: None,
                lasts: (!is_instant(effect)).then_some(Duration::from_secs(900)),
                scope: Scope { zone: Some(ZONES[*zone].to_owned()), ..Scope::default() },
                effect: effect.clone(),
            }]);
            String::new()
        }
    }
}

fn taken(world: &World, instance_type: &str, zone: &str, spot: bool) -> u32 {
    let capacity_type = if spot { CapacityType::Spot } else { CapacityType::OnDemand };
    world.region.pool(instance_type, zone, capacity_type).map_or(0, |pool| pool.taken)
}

/// Machines as somebody knows them who only asks for changes.
#[derive(Default)]
struct Mirror {
    version: u64,
    machines: BTreeMap<String, Machine>,
}

impl Mirror {
    fn update(&mut self, world: &World) {
        let changes = world.region.machine_changes(self.version);
        self.version = changes.version;
        self.machines
            .extend(changes.machines.into_iter().map(|machine| (machine.instance_id.clone(), machine)));
        self.machines.retain(|id, _| !changes.forgotten.contains(id));
    }
}

fn check(world: &World, free_at_first: &BTreeMap<String, u32>) {
    let region = &world.region;
    let machines = region.machines();
    // launched = there + ended
    let census = region.census();
    assert_eq!(census.launched, census.present + census.terminated);
    let present: Vec<_> = machines.iter().filter(|machine| machine.terminated_at.is_none()).collect();
    assert_eq!(present.len() as u64, census.present);
    // pools hold those that are there and in no reservation
    for instance_type in TYPES {
        for zone in ZONES {
            for spot in [false, true] {
                let inside = present.iter().filter(|machine| {
                    machine.instance_type == instance_type
                        && machine.zone == zone
                        && (machine.capacity_type == CapacityType::Spot) == spot
                        && machine.reservation_id.is_none()
                });
                assert_eq!(
                    inside.count() as u32,
                    taken(world, instance_type, zone, spot),
                    "{instance_type} {zone}"
                );
            }
        }
    }
    // reservations hold the others
    for reservation in region.describe_capacity_reservations(&[]).outcome.into_iter().flatten() {
        let inside =
            present.iter().filter(|machine| machine.reservation_id.as_ref() == Some(&reservation.id));
        assert_eq!(inside.count() as u32 + reservation.available, reservation.total);
    }
    // every address is free or with one machine
    let addresses: BTreeSet<_> = present.iter().map(|machine| machine.private_ip).collect();
    assert_eq!(addresses.len(), present.len());
    let subnets = region.describe_subnets(&[]).outcome.unwrap_or_default();
    for subnet in &subnets {
        let used = present.iter().filter(|machine| machine.zone == subnet.zone).count() as u32;
        assert_eq!(subnet.free_ips + used, free_at_first[&subnet.id]);
    }
    for machine in &machines {
        match machine.state {
            InstanceState::Terminated => {
                assert!(machine.terminated_at.is_some() && machine.shutdown_at.is_some())
            }
            InstanceState::ShuttingDown => assert!(machine.shutdown_at.is_some_and(|at| at <= world.now())),
            _ => assert!(machine.terminated_at.is_none()),
        }
        assert!(machine.launched_at <= world.now());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn nothing_is_lost_and_nothing_sold_twice(seed: u64, deeds in deeds()) {
        let world = World::with(|options| {
            world::calm(options);
            busy(options);
            options.seed = seed;
        });
        let subnets = world.region.describe_subnets(&[]).outcome.unwrap();
        let free: BTreeMap<String, u32> =
            subnets.into_iter().map(|subnet| (subnet.id, subnet.free_ips)).collect();
        let mut mirror = Mirror::default();
        for deed in &deeds {
            act(&world, deed);
            check(&world, &free);
            mirror.update(&world);
            let known: BTreeMap<String, Machine> =
                world.region.machines().into_iter().map(|machine| (machine.instance_id.clone(), machine)).collect();
            prop_assert_eq!(&mirror.machines, &known);
            let bill = world.region.bill();
            prop_assert!(bill.instances.iter().all(|line| !line.cost.is_negative() && line.seconds >= 0));
            prop_assert_eq!(bill.instances.len() as u64, world.region.census().launched);
        }
        // in the end everything that is ended has given back what it had
        for machine in world.region.machines() {
            world.region.terminate_instances(&[machine.instance_id]).outcome.unwrap();
        }
        world.pass(7_200);
        check(&world, &free);
        prop_assert_eq!(world.region.census().present, 0);
        prop_assert!(world.region.machines().is_empty());
        let left = world.region.describe_subnets(&[]).outcome.unwrap();
        prop_assert!(left.iter().all(|subnet| subnet.free_ips == free[&subnet.id]));
    }

    #[test]
    fn the_same_seed_and_calls_give_the_same_bytes(seed: u64, deeds in deeds()) {
        let log = |seed: u64| {
            let world = World::with(|options| {
                busy(options);
                options.seed = seed;
            });
            let mut log = String::new();
            for deed in &deeds {
                writeln!(log, "{}", act(&world, deed)).unwrap();
                writeln!(log, "{:?}", world.region.machines()).unwrap();
                writeln!(log, "{:?}", world.region.next_change()).unwrap();
                writeln!(log, "{:?}", world.region.describe_instances(&InstanceQuery::default())).unwrap();
            }
            writeln!(log, "{:?} {:?}", world.region.bill(), world.region.describe_subnets(&[])).unwrap();
            log
        };
        prop_assert_eq!(log(seed), log(seed));
        prop_assert_ne!(log(seed), log(seed.wrapping_add(1)));
    }

    #[test]
    fn it_does_not_matter_how_often_one_looks(seed: u64, deeds in deeds(), pieces in 2u64..9) {
        let run = |pieces: u64| {
            let world = World::with(|options| {
                world::calm(options);
                busy(options);
                options.seed = seed;
            });
            for deed in &deeds {
                match deed {
                    Deed::Pass { seconds } => {
                        let seconds = seconds / 9 * 9;
                        for _ in 0..pieces - 1 {
                            world.pass(seconds / pieces);
                            world.region.machines();
                        }
                        world.pass(seconds - seconds / pieces * (pieces - 1));
                    }
                    // taking messages is a call, and calls are no looks
                    Deed::Take { .. } => {}
                    _ => {
                        act(&world, deed);
                    }
                }
            }
            format!("{:?} {:?}", world.region.machines(), world.region.bill())
        };
        prop_assert_eq!(run(1), run(pieces));
    }

    #[test]
    fn every_message_comes_until_it_is_deleted(
        seed: u64,
        deletes in prop::collection::vec(any::<bool>(), 20..60),
    ) {
        let world = World::with(|options| {
            world::calm(options);
            options.seed = seed;
            options.queue.duplicates = 0.2;
            options.queue.retention = Duration::from_secs(1_000_000);
        });
        let launched = world.launch(PurchaseOption::OnDemand, 15, &[("m5.large", "us-east-1a")]);
        let request = ReceiveRequest { visibility_timeout: Duration::from_secs(5), ..ReceiveRequest::default() };
        let mut deleted: BTreeSet<String> = BTreeSet::new();
        let mut told: BTreeSet<String> = BTreeSet::new();
        let mut choices = deletes.into_iter().chain(std::iter::repeat(true));
        for _ in 0..200 {
            world.pass(3);
            let mut seen_now: BTreeSet<String> = BTreeSet::new();
            for message in world.region.receive_messages(request).outcome.unwrap() {
                prop_assert!(!deleted.contains(&message.message_id), "a deleted message came again");
                prop_assert!(seen_now.insert(message.message_id.clone()), "twice in one answer");
                let event = Event::parse(&message.body).unwrap();
                if let EventKind::StateChange { instance_id, state: InstanceState::Pending } = event.kind {
                    told.insert(instance_id);
                }
                if choices.next() == Some(true) {
                    world.region.delete_message(&message.receipt).outcome.unwrap();
                    deleted.insert(message.message_id);
                }
            }
        }
        prop_assert_eq!(world.region.messages_waiting(), 0);
        let ids: BTreeSet<String> = launched.instance_ids().map(str::to_owned).collect();
        prop_assert_eq!(told, ids);
    }
}

#[test]
fn next_change_never_misses_one() {
    let world = World::with(|options| {
        world::calm(options);
        busy(options);
    });
    world.launch(PurchaseOption::Spot, 20, &[("m5.large", "us-east-1a"), ("c5.xlarge", "us-east-1a")]);
    world.launch(PurchaseOption::OnDemand, 5, &[("m5.large", "us-east-1b")]);
    let seen = || format!("{:?} {}", world.region.machines(), world.region.messages_waiting());
    let mut changes = 0;
    for _ in 0..400 {
        let next = world.region.next_change().unwrap();
        let before = seen();
        // just before it nothing has changed
        let wait = Duration::try_from(next.duration_since(world.now())).unwrap();
        world.clock.advance(wait.saturating_sub(Duration::from_nanos(1)));
        assert_eq!(seen(), before);
        world.clock.advance(Duration::from_nanos(1));
        changes += u32::from(seen() != before);
    }
    assert!(changes > 40, "{changes}");
}

#[test]
fn a_month_of_five_thousand_instances() {
    let world = World::with(|options| {
        world::calm(options);
        options.interruptions = InterruptionOptions::default();
        options.network.prefix = 16;
        options.network.base = std::net::Ipv4Addr::new(10, 0, 0, 0);
        options.market.depth = 4.0;
    });
    let mut offerings = Vec::new();
    for zone in ZONES {
        for name in ["m5.large", "m5a.large", "m6i.large", "c5.large", "c6i.large", "r5.large"] {
            offerings.push((name, zone));
        }
    }
    let launched = world.launch(PurchaseOption::Spot, 4_000, &offerings).instance_ids().count()
        + world.launch(PurchaseOption::OnDemand, 1_000, &offerings).instance_ids().count();
    assert_eq!(launched, 5_000);
    for _ in 0..30 {
        world.pass(86_400);
        world.messages();
    }
    let census = world.region.census();
    assert_eq!(census.present + census.terminated, 5_000);
    let lost = census.terminated as f64 / 4_000.0;
    assert!((0.01..0.30).contains(&lost), "{lost} of the spot instances were taken back in a month");
    let bill = world.region.bill();
    assert!(bill.instance_seconds() > 10_000 * 3_600);
    assert!(bill.total() > Usd::ZERO);
}
