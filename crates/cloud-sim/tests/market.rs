//! Pools and prices: they move, within their bounds, and common types are deep where rare ones are shallow.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod world;

use supercargo_catalog::{CapacityType, Usd};
use supercargo_cloud_sim::{PoolFacts, Region};
use world::World;

const DAY: u64 = 86_400;

fn pool(region: &Region, instance_type: &str, capacity_type: CapacityType) -> PoolFacts {
    region.pool(instance_type, "us-east-1b", capacity_type).unwrap()
}

#[test]
fn common_families_are_deep_and_rare_ones_shallow() {
    let world = World::calm();
    let depth = |name, capacity_type| pool(&world.region, name, capacity_type).depth;
    let (spot, on_demand) = (CapacityType::Spot, CapacityType::OnDemand);
    assert!(depth("m5.large", on_demand) > 2_000, "{}", depth("m5.large", on_demand));
    assert!(depth("m5.large", spot) > 500);
    assert!(depth("m5.large", spot) < depth("m5.large", on_demand));
    assert!(depth("g5.48xlarge", spot) < 5);
    assert!(depth("m5.metal", on_demand) < 30);
}

#[test]
fn depths_move_and_come_back() {
    let world = World::calm();
    let mut depths = Vec::new();
    for _ in 0..(14 * 24) {
        depths.push(f64::from(pool(&world.region, "c5.xlarge", CapacityType::Spot).depth));
        world.pass(3_600);
    }
    let mean = depths.iter().sum::<f64>() / depths.len() as f64;
    let above: Vec<bool> = depths.iter().map(|depth| *depth > mean).collect();
    let returns = above.windows(2).filter(|pair| pair[0] != pair[1]).count();
    assert!(returns >= 10, "the mean is crossed {returns} times in two weeks");
    let (least, most) =
        depths.iter().fold((f64::MAX, 0f64), |(least, most), depth| (least.min(*depth), most.max(*depth)));
    assert!(most > 1.3 * least, "{least} to {most}");
    assert!(most < 3.0 * mean);
}

#[test]
fn shallow_pools_run_dry_at_times() {
    let world = World::calm();
    let mut dry = 0;
    for _ in 0..(14 * 24) {
        dry += u32::from(pool(&world.region, "p4d.24xlarge", CapacityType::Spot).depth == 0);
        world.pass(3_600);
    }
    assert!(dry > 20, "dry in {dry} of 336 hours");
}

#[test]
fn spot_prices_wander_around_the_catalogue_and_stay_below_on_demand() {
    let world = World::calm();
    let catalog = world::catalog();
    let listed = catalog.spot_price("us-east-1", "us-east-1b", "m5.large").unwrap().price.as_f64();
    let on_demand = pool(&world.region, "m5.large", CapacityType::OnDemand).price;
    assert_eq!(on_demand, catalog.on_demand_price("us-east-1", "m5.large").unwrap().price);
    let mut prices: Vec<Usd> = Vec::new();
    for _ in 0..(28 * 24) {
        prices.push(pool(&world.region, "m5.large", CapacityType::Spot).price);
        world.pass(3_600);
    }
    assert!(prices.iter().all(|price| *price <= on_demand && *price > Usd::ZERO));
    let mean = prices.iter().map(|price| price.as_f64()).sum::<f64>() / prices.len() as f64;
    assert!((mean / listed - 1.0).abs() < 0.1, "mean {mean}, listed {listed}");
    prices.sort_unstable();
    prices.dedup();
    assert!(prices.len() > 50, "{} prices in four weeks", prices.len());
}

#[test]
fn a_price_holds_for_an_hour() {
    let world = World::calm();
    let price = || pool(&world.region, "m5.large", CapacityType::Spot).price;
    let first = price();
    world.pass(3_599);
    assert_eq!(price(), first);
}

#[test]
fn described_prices_are_those_of_the_pools() {
    let world = World::calm();
    let prices = world.region.describe_spot_prices().outcome.unwrap();
    assert!(prices.len() > 2_000, "{}", prices.len());
    for price in prices.iter().step_by(97) {
        let facts = world.region.pool(&price.instance_type, &price.zone, CapacityType::Spot).unwrap();
        assert_eq!(facts.price, price.price);
        assert!(price.since <= world.now());
    }
}

#[test]
fn what_is_not_sold_has_no_pool() {
    let world = World::calm();
    assert_eq!(world.region.pool("m5.large", "eu-west-1a", CapacityType::Spot), None);
    assert_eq!(world.region.pool("m5.huge", "us-east-1a", CapacityType::OnDemand), None);
    assert_eq!(world.region.pool("m5.large", "us-east-1a", CapacityType::Reserved), None);
}

#[test]
fn looking_changes_nothing() {
    let looked = World::calm();
    let other = World::calm();
    for _ in 0..100 {
        pool(&looked.region, "m5.large", CapacityType::Spot);
        looked.pass(864);
    }
    other.pass(DAY);
    let both = [&looked, &other].map(|world| pool(&world.region, "c5.large", CapacityType::Spot));
    assert_eq!(both[0], both[1]);
}
