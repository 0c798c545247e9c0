//! The price file: what it accepts, what it replaces, and how it complains.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

use jiff::civil::date;
use proptest::prelude::*;
use rstest::rstest;
use supercargo_catalog::{CapacityType, Catalog, InstanceType, NodeClassModel, PriceOverrides};

const YAML: &str = "\
# negotiated
- instanceType: m7i.2xlarge
  capacityType: on-demand
  price: 0.31
- type: m7i.2xlarge
  capacity-type: spot
  zone: us-east-1a
  price: \"0.1234\"
  date: 2026-11-20
- { instanceType: m7i.2xlarge, capacityType: spot, zone: null, price: 0.2 }
";

const JSON: &str = r#"{
	"prices": [
		{"instanceType": "m7i.2xlarge", "capacityType": "on-demand", "price": 0.31},
		{"type": "m7i.2xlarge", "capacity-type": "spot", "zone": "us-east-1a", "price": "0.1234", "date": "2026-11-20"},
		{"instanceType": "m7i.2xlarge", "capacityType": "spot", "price": 0.2}
	]
}"#;

const CSV: &str = "\
# negotiated
instanceType,zone,capacityType,price,date
m7i.2xlarge,,on-demand,0.31,
\"m7i.2xlarge\", us-east-1a ,spot,$0.1234,2026-11-20

m7i.2xlarge,,spot,0.2,
";

fn m7i(overrides: &PriceOverrides) -> (InstanceType, usize) {
    let mut types = Catalog::embedded().instance_types("us-east-1", None, &NodeClassModel::default());
    let replaced = overrides.apply(&mut types, date(2026, 11, 23));
    (types.into_iter().find(|found| found.name == "m7i.2xlarge").unwrap(), replaced)
}

#[rstest]
#[case::yaml("prices.yaml", YAML)]
#[case::json("prices.json", JSON)]
#[case::csv("prices.csv", CSV)]
fn the_same_prices_can_be_written_in_three_ways(#[case] file: &str, #[case] text: &str) {
    let overrides = PriceOverrides::parse(file, text, Catalog::embedded()).unwrap();
    let (found, replaced) = m7i(&overrides);
    assert_eq!(replaced, found.offerings.len());
    for offering in &found.offerings {
        let expected = match (offering.capacity_type, offering.zone.as_str()) {
            (CapacityType::Spot, "us-east-1a") => ("$0.1234", "live 2026-11-20"),
            (CapacityType::Spot, _) => ("$0.2", "live 2026-11-23"),
            _ => ("$0.31", "live 2026-11-23"),
        };
        assert_eq!(
            (offering.price.to_string().as_str(), offering.price_stamp.to_string().as_str()),
            expected
        );
    }
}

#[test]
fn types_that_are_not_named_keep_their_prices() {
    let overrides = PriceOverrides::parse("prices.yaml", YAML, Catalog::embedded()).unwrap();
    let untouched = Catalog::embedded().instance_types("us-east-1", None, &NodeClassModel::default());
    let mut types = untouched.clone();
    overrides.apply(&mut types, date(2026, 11, 23));
    let changed = types.iter().zip(&untouched).filter(|(after, before)| after != before).count();
    assert_eq!(changed, 1);
}

fn problems(file: &str, text: &str) -> String {
    PriceOverrides::parse(file, text, Catalog::embedded()).unwrap_err().to_string()
}

#[test]
fn every_problem_of_a_file_is_reported_at_once_with_its_line() {
    let text = "\
- instanceType: m7i.2xlarg
  capacityType: on-demand
  price: 0.31
- instanceType: m5.large
  capacityType: ondemand
  price: -1
- instanceType: m5.large
  zone: us-east-1x
  capacityType: spot
  price: cheap
- instanceType: c5.large
  capacityType: spot
  prize: 3
  price: 0.1
- instanceType: c6i.large
  capacityType: spot
  price: 0.1
  date: yesterday
- capacityType: spot
- instanceType: r5.large
  capacityType: spot
  price: 0.1
- instanceType: r5.large
  capacityType: spot
  price: 0.2
";
    insta::assert_snapshot!(problems("prices.yaml", text), @r#"
    prices.yaml:1: unknown instance type "m7i.2xlarg": did you mean m7i.2xlarge?
    prices.yaml:5: unknown capacity type "ondemand": expected on-demand, spot or reserved
    prices.yaml:6: price -$1 is negative: expected zero or more dollars per hour
    prices.yaml:8: unknown zone "us-east-1x": expected a name such as us-east-1a
    prices.yaml:10: "cheap" is not a price: expected dollars per hour as a decimal number, such as 0.384
    prices.yaml:13: unknown field "prize": expected instanceType, zone, capacityType, price, date
    prices.yaml:18: "yesterday" is not a date: expected year-month-day such as 2026-11-20
    prices.yaml:19: instanceType is missing
    prices.yaml:19: price is missing
    prices.yaml:23: r5.large spot already has a price in line 20
    "#);
}

#[rstest]
#[case::empty_yaml("p.yaml", "# nothing\n")]
#[case::broken_yaml("p.yaml", "- instanceType: [m5.large\n  price: 1\n")]
#[case::not_a_list("p.yaml", "instanceType: m5.large\n")]
#[case::nested("p.yaml", "- instanceType: m5.large\n  price: {usd: 1}\n")]
#[case::unknown_top("p.json", "{\"costs\": []}")]
#[case::empty_csv("p.csv", "\n\n")]
#[case::no_header("p.csv", "m5.large,,spot,1\n")]
#[case::ragged("p.csv", "type,capacityType,price\nm5.large,spot\n")]
#[case::open_quote("p.csv", "type,capacityType,price\n\"m5.large,spot,1\n")]
fn a_file_that_cannot_be_read_says_where(#[case] file: &str, #[case] text: &str) {
    insta::with_settings!({ snapshot_suffix => format!("{}-{}", file, text.len()), omit_expression => true }, {
        insta::assert_snapshot!("unreadable", problems(file, text));
    });
}

#[test]
fn reading_stops_after_a_hundred_problems() {
    let text = "- {instanceType: m5.larg, capacityType: spot, price: 1}\n".repeat(1_000);
    assert_eq!(problems("prices.yaml", &text).lines().count(), 100);
}

#[test]
fn a_file_of_ten_megabytes_of_nonsense_is_refused() {
    for piece in ["- ", "[", "{a: ", "a,b\"c\n", "&a [*a, "] {
        let text = piece.repeat(10_000_000 / piece.len());
        assert!(PriceOverrides::parse("prices.yaml", &text, Catalog::embedded()).is_err(), "{piece}");
        assert!(PriceOverrides::parse("prices.csv", &text, Catalog::embedded()).is_err(), "{piece}");
    }
}

proptest! {
    #[test]
    fn nonsense_never_panics(text in "[-\\[\\]{}:, \"#a-z0-9.\n&*!|>]{0,200}") {
        let _ = PriceOverrides::parse("prices.yaml", &text, Catalog::embedded());
        let _ = PriceOverrides::parse("prices.csv", &text, Catalog::embedded());
    }
}
