//! Which types and offerings go into a request, compared with the rules taken one by one (reference section 5.4, steps 2
//! to 4).

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::BTreeMap;

use proptest::prelude::*;
use supercargo_api::Resources;
use supercargo_api::labels::keys;
use supercargo_api::requirement::Requirement;
use supercargo_api::requirements::Requirements;
use supercargo_catalog::{
    CapacityType, InstanceType, Offering, PriceKind, PriceStamp, Reservation, ReservationKind, Usd,
};
use supercargo_cloud::launch::{Chosen, LaunchError, MAX_TYPES, MinValuesPolicy, choose};

const ZONES: [&str; 3] = ["a", "b", "c"];

fn offering(zone: &str, capacity_type: CapacityType, cents: i64) -> Offering {
    let stamp = PriceStamp::new(PriceKind::Estimate, jiff::civil::date(2026, 11, 23));
    Offering::new(zone, format!("id-{zone}"), capacity_type, Usd::from_nanos(cents * 10_000_000), stamp)
}

fn instance_type(name: &str, cpu: i64, is_metal: bool, offerings: Vec<Offering>) -> InstanceType {
    let capacity: Resources = [("cpu".to_owned(), cpu * 1000), ("pods".to_owned(), 10)].into_iter().collect();
    let size = if is_metal { "metal" } else { "large" };
    InstanceType {
        name: name.to_owned(),
        labels: BTreeMap::from([
            (keys::INSTANCE_TYPE.to_owned(), name.to_owned()),
            (keys::INSTANCE_SIZE.to_owned(), size.to_owned()),
        ]),
        allocatable: capacity.clone(),
        capacity,
        offerings,
        volume_attachments: 20,
    }
}

fn types() -> impl Strategy<Value = Vec<InstanceType>> {
    let spot = (0..ZONES.len(), any::<bool>(), 1i64..40, any::<bool>());
    let one = (1i64..9, prop::bool::weighted(0.2), prop::collection::vec(spot, 0..5));
    prop::collection::vec(one, 0..12).prop_map(|all| {
        let typed = |(number, (cpu, is_metal, offers)): (usize, (i64, bool, Vec<_>))| {
            let offerings =
                offers.into_iter().map(|(zone, is_spot, cents, available): (usize, bool, i64, bool)| {
                    let capacity_type = if is_spot { CapacityType::Spot } else { CapacityType::OnDemand };
                    Offering { available, ..offering(ZONES[zone], capacity_type, cents) }
                });
            instance_type(&format!("t{number:02}"), cpu, is_metal, offerings.collect())
        };
        all.into_iter().enumerate().map(typed).collect()
    })
}

/// A type by name, a zone, a price: one row of what is to be chosen among.
type Row = (String, bool, String, CapacityType, Usd);

/// The rules one by one, on a flat table of offerings.
fn by_the_rules(types: &[InstanceType], zones: &[&str], allowed: &[CapacityType], cpu: i64) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    for known in types {
        for offer in &known.offerings {
            let fits = known.allocatable.get("cpu") >= cpu * 1000;
            if fits
                && offer.available
                && zones.contains(&offer.zone.as_str())
                && allowed.contains(&offer.capacity_type)
            {
                let is_metal = known.labels[keys::INSTANCE_SIZE] == "metal";
                rows.push((
                    known.name.clone(),
                    is_metal,
                    offer.zone.clone(),
                    offer.capacity_type,
                    offer.price,
                ));
            }
        }
    }
    if rows.iter().any(|row| !row.1) {
        rows.retain(|row| !row.1);
    }
    let cheapest = |rows: &[Row], wanted| rows.iter().filter(|row| row.3 == wanted).map(|row| row.4).min();
    if let (Some(_), Some(limit)) =
        (cheapest(&rows, CapacityType::Spot), cheapest(&rows, CapacityType::OnDemand))
    {
        rows.retain(|row| row.3 != CapacityType::Spot || row.4 <= limit);
    }
    let wanted = if rows.iter().any(|row| row.3 == CapacityType::Spot) {
        CapacityType::Spot
    } else {
        CapacityType::OnDemand
    };
    rows.retain(|row| row.3 == wanted);
    rows
}

fn rows(chosen: &Chosen<'_>) -> Vec<Row> {
    let mut rows = Vec::new();
    for choice in &chosen.types {
        let known = choice.instance_type;
        let is_metal = known.labels[keys::INSTANCE_SIZE] == "metal";
        for offer in &choice.offerings {
            rows.push((known.name.clone(), is_metal, offer.zone.clone(), offer.capacity_type, offer.price));
        }
    }
    rows
}

fn asked(zones: &[&str], allowed: &[CapacityType], cpu: i64) -> (Requirements, Resources) {
    let words = |values: Vec<&str>| values.into_iter().map(str::to_owned).collect::<Vec<_>>();
    let requirements = [
        Requirement::in_values(keys::ZONE, words(zones.to_vec())),
        Requirement::in_values(
            keys::CAPACITY_TYPE,
            words(allowed.iter().map(|allowed| allowed.as_str()).collect()),
        ),
    ];
    (requirements.into_iter().collect(), [("cpu".to_owned(), cpu * 1000)].into_iter().collect())
}

proptest! {
    #[test]
    fn the_choice_is_what_the_rules_say(
        types in types(),
        zones in prop::sample::subsequence(ZONES.to_vec(), 1..=3),
        allowed in prop::sample::subsequence(vec![CapacityType::Spot, CapacityType::OnDemand], 1..=2),
        cpu in 1i64..9,
    ) {
        let (requirements, requests) = asked(&zones, &allowed, cpu);
        let mut expected = by_the_rules(&types, &zones, &allowed, cpu);
        match choose(&requirements, &requests, &types, MinValuesPolicy::Strict) {
            Ok(chosen) => {
                let mut found = rows(&chosen);
                prop_assert!(found.iter().all(|row| row.3 == chosen.capacity_type));
                found.sort();
                expected.sort();
                prop_assert_eq!(found, expected);
                prop_assert_eq!(chosen.is_flexible_to_spot, allowed.contains(&CapacityType::Spot));
                let funnel = chosen.funnel;
                let lost = funnel.incompatible + funnel.too_small + funnel.unavailable + funnel.exotic
                    + funnel.dear_spot + funnel.truncated + funnel.other_capacity;
                prop_assert_eq!(lost + chosen.types.len(), types.len());
            }
            Err(LaunchError::NoOfferings { funnel }) => {
                prop_assert!(expected.is_empty());
                prop_assert_eq!(funnel.types, types.len());
            }
            Err(other) => prop_assert!(false, "{other}"),
        }
    }
}

#[test]
fn of_a_hundred_types_the_sixty_cheapest_are_kept() {
    let types: Vec<InstanceType> = (0..100)
        .map(|number| {
            let cents = 1 + (number * 37) % 100;
            instance_type(
                &format!("t{number:02}"),
                4,
                false,
                vec![offering("a", CapacityType::OnDemand, cents)],
            )
        })
        .collect();
    let (requirements, requests) = asked(&ZONES, &[CapacityType::OnDemand], 1);
    let chosen = choose(&requirements, &requests, &types, MinValuesPolicy::Strict).unwrap();
    let prices: Vec<Usd> = rows(&chosen).into_iter().map(|row| row.4).collect();
    let cheapest: Vec<Usd> =
        (1..=MAX_TYPES as i64).map(|cents| Usd::from_nanos(cents * 10_000_000)).collect();
    assert_eq!(prices, cheapest);
    assert_eq!(chosen.funnel.truncated, 40);
}

fn reserved(zone: &str, nanos: i64, id: &str, kind: ReservationKind, count: u32) -> Offering {
    let reservation = Reservation { id: id.to_owned(), kind, interruptible: false, count };
    let price = Usd::from_nanos(nanos);
    Offering { price, reservation: Some(reservation), ..offering(zone, CapacityType::Reserved, 0) }
}

#[test]
fn of_several_reservations_of_a_type_in_a_zone_the_fullest_is_used() {
    let kind = ReservationKind::Default;
    let offers = vec![
        reserved("a", 5, "cr-1", kind, 2),
        reserved("a", 5, "cr-2", kind, 7),
        reserved("b", 5, "cr-3", kind, 1),
        offering("a", CapacityType::Spot, 1),
    ];
    let types = [instance_type("t1", 4, false, offers)];
    let chosen = choose(&Requirements::new(), &Resources::new(), &types, MinValuesPolicy::Strict).unwrap();
    let ids: Vec<&str> = chosen.types[0]
        .offerings
        .iter()
        .map(|offer| offer.reservation.as_ref().unwrap().id.as_str())
        .collect();
    assert_eq!((chosen.capacity_type, ids), (CapacityType::Reserved, vec!["cr-2", "cr-3"]));
}

#[test]
fn a_launch_goes_into_one_kind_of_reservation_and_into_one_block() {
    let (default, block) = (ReservationKind::Default, ReservationKind::CapacityBlock);
    let types = [
        instance_type("t1", 4, false, vec![reserved("a", 9, "cr-1", default, 5)]),
        instance_type(
            "t2",
            4,
            false,
            vec![reserved("a", 5, "cr-2", block, 5), reserved("b", 6, "cr-3", block, 5)],
        ),
        instance_type("t3", 4, false, vec![reserved("a", 7, "cr-4", block, 5)]),
    ];
    let chosen = choose(&Requirements::new(), &Resources::new(), &types, MinValuesPolicy::Strict).unwrap();
    let names: Vec<String> = rows(&chosen).into_iter().map(|row| format!("{} {}", row.0, row.2)).collect();
    assert_eq!(names, ["t2 a"]);
    assert_eq!(chosen.funnel.other_reservation, 2);
    // without the block the default one is taken
    let chosen =
        choose(&Requirements::new(), &Resources::new(), &types[..1], MinValuesPolicy::Strict).unwrap();
    assert_eq!(rows(&chosen)[0].0, "t1");
}
