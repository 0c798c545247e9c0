//! Prices: the on-demand list to the cent, estimates elsewhere, spot by zone.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

use std::collections::BTreeMap;

use supercargo_catalog::{CapacityType, Catalog, InterruptionBucket, NodeClassModel, PriceKind, Usd};

const PUBLISHED: &str = include_str!("figures/on-demand.txt");

fn published() -> BTreeMap<&'static str, Usd> {
    let lines = PUBLISHED.lines().filter(|line| !line.starts_with('#'));
    lines
        .flat_map(|line| {
            let (price, types) = line.split_once(' ').unwrap();
            let price: Usd = price.parse().unwrap();
            types.split(' ').map(move |name| (name, price))
        })
        .collect()
}

#[test]
fn every_price_of_the_list_is_given_to_the_cent_and_marked_as_list() {
    let list = published();
    assert_eq!(list.len(), 1367);
    let catalog = Catalog::embedded();
    let agrees = |name: &str, price: Usd| {
        catalog.on_demand_price("us-east-1", name).is_some_and(|found| {
            let cents = |usd: Usd| usd.nanos() / 10_000_000;
            cents(found.price) == cents(price) && found.stamp.to_string() == "list 2026-07-20"
        })
    };
    let differing: Vec<_> = list.iter().filter(|(name, price)| !agrees(name, **price)).collect();
    assert!(differing.len() * 100 <= list.len(), "{differing:?}");
}

#[test]
fn list_prices_are_exact_not_only_to_the_cent() {
    let catalog = Catalog::embedded();
    let wrong: Vec<_> = published()
        .into_iter()
        .filter(|(name, price)| {
            catalog.on_demand_price("us-east-1", name).map(|found| found.price) != Some(*price)
        })
        .collect();
    assert!(wrong.is_empty(), "{wrong:?}");
}

#[test]
fn a_price_in_another_region_is_an_estimate_with_the_date_of_its_factor() {
    let catalog = Catalog::embedded();
    let frankfurt = catalog.on_demand_price("eu-central-1", "m5.large").unwrap();
    assert_eq!(frankfurt.price.to_string(), "$0.115");
    assert_eq!(frankfurt.stamp.to_string(), "estimate 2025-06-30");
    let oregon = catalog.on_demand_price("us-west-2", "m7i.2xlarge").unwrap();
    assert_eq!(oregon.price.to_string(), "$0.4032");
    assert_eq!(oregon.stamp.kind, PriceKind::Estimate);
}

#[test]
fn a_type_that_is_not_on_the_list_is_estimated_in_us_east_1_too() {
    let price = Catalog::embedded().on_demand_price("us-east-1", "r9g.large").unwrap();
    assert_eq!(price.stamp.to_string(), "estimate 2026-07-20");
}

#[test]
fn a_type_no_longer_sold_to_newcomers_still_has_its_list_price() {
    let price = Catalog::embedded().on_demand_price("us-east-1", "p3.2xlarge").unwrap();
    assert_eq!(price.price.to_string(), "$3.06");
    assert!(Catalog::embedded().facts("p3.2xlarge").is_none());
}

#[test]
fn every_offering_of_every_region_has_a_price_above_zero_and_spot_is_never_dearer_than_on_demand() {
    let catalog = Catalog::embedded();
    let model = NodeClassModel::default();
    for region in catalog.regions() {
        let types = catalog.instance_types(region, None, &model);
        assert!(types.len() > 200, "{region}: {}", types.len());
        for instance_type in types {
            let on_demand = catalog.on_demand_price(region, &instance_type.name).unwrap().price;
            for offering in &instance_type.offerings {
                assert!(
                    offering.price > Usd::ZERO && offering.price <= on_demand,
                    "{region} {instance_type:?}"
                );
            }
        }
    }
}

#[test]
fn spot_prices_differ_by_zone_average_to_the_published_saving_and_do_not_depend_on_what_is_asked() {
    let catalog = Catalog::embedded();
    let model = NodeClassModel::default();
    let all = catalog.instance_types("us-east-1", None, &model);
    let spot = |zones: Option<&[String]>, name: &str| -> BTreeMap<String, Usd> {
        let types = catalog.instance_types("us-east-1", zones, &model);
        let found = types.into_iter().find(|other| other.name == name).unwrap();
        let offerings =
            found.offerings.into_iter().filter(|offering| offering.capacity_type == CapacityType::Spot);
        offerings.map(|offering| (offering.zone, offering.price)).collect()
    };
    let prices = spot(None, "m5.large");
    let distinct: std::collections::BTreeSet<_> = prices.values().collect();
    assert!(prices.len() >= 5 && distinct.len() >= 3, "{prices:?}");
    let one = spot(Some(&["us-east-1c".to_owned()]), "m5.large");
    assert_eq!(one.len(), 1);
    assert_eq!(one["us-east-1c"], prices["us-east-1c"]);
    assert_eq!(catalog.spot_price("us-east-1", "us-east-1c", "m5.large").unwrap().price, one["us-east-1c"]);

    let mut ratios = Vec::new();
    for instance_type in &all {
        let Some(figure) =
            catalog.spot_figure(&instance_type.name).filter(|figure| figure.saving_percent > 20)
        else {
            continue;
        };
        let on_demand = catalog.on_demand_price("us-east-1", &instance_type.name).unwrap().price.as_f64();
        let spot: Vec<f64> = instance_type
            .offerings
            .iter()
            .filter(|offering| offering.capacity_type == CapacityType::Spot)
            .map(|offering| {
                offering.price.as_f64() / (on_demand * f64::from(100 - figure.saving_percent) / 100.0)
            })
            .collect();
        ratios.extend(spot);
    }
    let mean = ratios.iter().sum::<f64>() / ratios.len() as f64;
    assert!((mean - 1.0).abs() < 0.01, "{mean}");
    assert!(ratios.iter().all(|ratio| (0.6..1.4).contains(ratio)));
}

#[test]
fn another_seed_gives_other_spot_prices_and_the_same_seed_the_same() {
    let catalog = Catalog::embedded();
    let with_seed = |seed| {
        let mut model = NodeClassModel::default();
        model.settings.spot_seed = seed;
        catalog.instance_types("eu-west-1", None, &model)
    };
    assert_eq!(with_seed(7), with_seed(7));
    assert_ne!(with_seed(7), with_seed(8));
}

#[test]
fn a_type_that_is_not_sold_as_spot_has_neither_spot_offerings_nor_an_interruption_bucket() {
    let catalog = Catalog::embedded();
    let without: Vec<&str> =
        catalog.type_names().filter(|name| !catalog.facts(name).unwrap().sold_as_spot).collect();
    assert!(!without.is_empty());
    for name in without {
        assert_eq!(catalog.interruption_bucket(name), None, "{name}");
        let resolved = catalog.instance_type("us-east-1", name, &NodeClassModel::default()).unwrap();
        assert!(
            resolved.offerings.iter().all(|offering| offering.capacity_type != CapacityType::Spot),
            "{name}"
        );
    }
}

#[test]
fn a_type_without_spot_figures_takes_the_median_of_its_family_or_of_all_types() {
    let catalog = Catalog::embedded();
    let defaulted: Vec<&str> = catalog
        .type_names()
        .filter(|name| catalog.spot_figure(name).is_some_and(|figure| figure.defaulted))
        .collect();
    assert!(defaulted.len() > 100, "{}", defaulted.len());
    let of_family = catalog.spot_figure("i8g.metal-48xl").unwrap();
    assert!(of_family.defaulted);
    assert_eq!((of_family.saving_percent, of_family.interruption), (70, InterruptionBucket::From10To15));
    // the advisor knows no c9g at all
    let of_all = catalog.spot_figure("c9g.large").unwrap();
    assert!(of_all.defaulted);
    assert_eq!((of_all.saving_percent, of_all.interruption), (66, InterruptionBucket::From15To20));
    let own = catalog.spot_figure("m5.large").unwrap();
    assert!(!own.defaulted);
    assert_eq!((own.saving_percent, own.interruption), (66, InterruptionBucket::From15To20));
}
