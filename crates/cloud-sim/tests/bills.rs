//! What is billed: by the second, a minute at least, spot by the hour's price, reservations whole.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod world;

use std::time::Duration;

use rstest::rstest;
use supercargo_catalog::{CapacityType, Usd};
use supercargo_cloud::PurchaseOption;
use supercargo_cloud_sim::{Effect, RegionOptions, ReservationOptions, Scope, ScriptEvent, Spread, When};
use world::{World, calm};

/// Instances run from the moment of their launch, and end at once.
fn exact(options: &mut RegionOptions) {
    calm(options);
    options.boot.running = Spread::exactly(Duration::ZERO);
    options.boot.termination = Spread::exactly(Duration::ZERO);
}

fn price(capacity_type: CapacityType) -> Usd {
    let catalog = world::catalog();
    match capacity_type {
        CapacityType::Spot => catalog.spot_price("us-east-1", "us-east-1a", "m5.large").unwrap().price,
        _ => catalog.on_demand_price("us-east-1", "m5.large").unwrap().price,
    }
}

#[rstest]
#[case::a_second_counts_as_a_minute(1, 60)]
#[case::a_minute(60, 60)]
#[case::a_minute_and_a_second(61, 61)]
#[case::an_hour(3_600, 3_600)]
#[case::a_day(86_400, 86_400)]
fn on_demand_is_billed_by_the_second(#[case] ran: u64, #[case] billed: i64) {
    let world = World::with(exact);
    let id = world.launch_one(PurchaseOption::OnDemand, "m5.large", "us-east-1a");
    world.pass(ran);
    world.terminate(&id);
    world.pass(10 * 86_400);
    let bill = world.region.bill();
    assert_eq!(bill.instances.len(), 1);
    assert_eq!(bill.instances[0].seconds, billed);
    assert_eq!(bill.total(), price(CapacityType::OnDemand).scaled(billed, 3_600));
    assert_eq!(bill.instance_seconds(), billed);
}

#[test]
fn what_still_runs_is_billed_until_now() {
    let world = World::with(exact);
    world.launch_one(PurchaseOption::OnDemand, "m5.large", "us-east-1a");
    world.pass(7_200);
    let line = world.region.bill().instances.remove(0);
    assert_eq!((line.seconds, line.until), (7_200, None));
    assert_eq!(line.cost, price(CapacityType::OnDemand).saturating_mul(2));
}

#[test]
fn spot_costs_each_hour_the_price_at_its_beginning() {
    let world = World::with(exact);
    world.launch_one(PurchaseOption::Spot, "m5.large", "us-east-1a");
    let mut expected = Usd::ZERO;
    for _ in 0..30 {
        expected += world.region.pool("m5.large", "us-east-1a", CapacityType::Spot).unwrap().price;
        world.pass(3_600);
    }
    assert_eq!(world.region.bill().total(), expected);
}

#[test]
fn without_movement_spot_costs_what_the_catalogue_says() {
    let world = World::with(|options| {
        exact(options);
        options.market.price_volatility = 0.0;
    });
    world.launch_one(PurchaseOption::Spot, "m5.large", "us-east-1a");
    world.pass(3 * 3_600 + 1_800);
    assert_eq!(world.region.bill().total(), price(CapacityType::Spot).scaled(7, 2));
}

#[rstest]
#[case::within_the_first_hour(1_800, true)]
#[case::later(7_200, false)]
fn spot_that_ec2_takes_back_within_the_first_hour_is_free(#[case] after: u64, #[case] free: bool) {
    let world = World::with(|options| {
        exact(options);
        options.script.events.push(ScriptEvent {
            at: When::After(Duration::from_secs(after)),
            every: None,
            lasts: None,
            scope: Scope::default(),
            effect: Effect::Interrupt(100.0),
        });
    });
    world.launch_one(PurchaseOption::Spot, "m5.large", "us-east-1a");
    world.pass(after + 120);
    let bill = world.region.bill();
    assert_eq!(bill.total().is_zero(), free, "{bill:?}");
}

#[test]
fn what_is_ended_by_its_owner_is_not_free() {
    let world = World::with(exact);
    let id = world.launch_one(PurchaseOption::Spot, "m5.large", "us-east-1a");
    world.pass(60);
    world.terminate(&id);
    world.pass(1);
    assert!(world.region.bill().total() > Usd::ZERO);
}

#[test]
fn a_reservation_costs_what_it_holds_used_or_not() {
    let world = World::with(|options| {
        exact(options);
        options.reservations.push(ReservationOptions::targeted("m5.large", "us-east-1a", 3));
    });
    world.pass(3_600);
    let bill = world.region.bill();
    assert_eq!(bill.reservations[0].instance_seconds, 3 * 3_600);
    assert_eq!(bill.total(), price(CapacityType::OnDemand).saturating_mul(3));
}
