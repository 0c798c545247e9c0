//! Quantities mean what they mean in Kubernetes, exactly, whatever is written.

use proptest::prelude::*;
use rstest::rstest;
use supercargo_api::quantity::{Quantity, QuantityError, QuantityFormat, parse_milli, parse_value};

fn quantity(text: &str) -> Quantity {
    text.parse().unwrap_or_else(|error| panic!("{text:?}: {error}"))
}

#[rstest]
// The suffix is the largest that leaves no fraction.
#[case("0", "0")]
#[case("0Gi", "0")]
#[case("-0", "0")]
#[case("0e5", "0")]
#[case("1", "1")]
#[case("100", "100")]
#[case("1000", "1k")]
#[case("1000k", "1M")]
#[case("1010", "1010")]
#[case("999999", "999999")]
#[case("1000000", "1M")]
#[case("0.5", "500m")]
#[case(".5", "500m")]
#[case("5.", "5")]
#[case("1.5", "1500m")]
#[case("1.250", "1250m")]
#[case("0.001", "1m")]
#[case("0.0001", "100u")]
#[case("0.000000001", "1n")]
#[case("1500u", "1500u")]
#[case("1000u", "1m")]
#[case("1000n", "1u")]
#[case("12.34k", "12340")]
#[case("1.5M", "1500k")]
#[case("2E", "2E")]
#[case("1000P", "1E")]
#[case("007", "7")]
#[case("+7", "7")]
#[case("-7", "-7")]
#[case("-0.25", "-250m")]
// Binary stays binary while that is exact and at least 1024.
#[case("1024Mi", "1Gi")]
#[case("512Mi", "512Mi")]
#[case("1.5Gi", "1536Mi")]
#[case("0.5Gi", "512Mi")]
#[case("1.5Ki", "1536")]
#[case("0.5Ki", "512")]
#[case("1Ki", "1Ki")]
#[case("1000Ki", "1000Ki")]
#[case("1023Ki", "1023Ki")]
#[case("1048576Ki", "1Gi")]
#[case("1Ti", "1Ti")]
#[case("1024Ti", "1Pi")]
#[case("7Ei", "7Ei")]
// Without a whole number of Ki it has no suffix at all, though it is not decimal.
#[case("533812.5Ki", "546624000")]
#[case("-1024Mi", "-1Gi")]
#[case("0.1Gi", "107374182400m")]
#[case("0.0001Ki", "102400u")]
// An explicit exponent stays one.
#[case("1e3", "1e3")]
#[case("1E3", "1e3")]
#[case("1e+3", "1e3")]
#[case("1e4", "10e3")]
#[case("1.5e3", "1500")]
#[case("1000e0", "1e3")]
#[case("1e-3", "1e-3")]
#[case("1e-2", "10e-3")]
#[case("12e6", "12e6")]
#[case("1e20", "100e18")]
#[case("-1e6", "-1e6")]
// Beyond exa there is no suffix: the exponent is written out.
#[case("1000E", "1e21")]
#[case("1E", "1E")]
#[case("1E0", "1")]
fn quantities_are_written_in_canonical_form(#[case] text: &str, #[case] canonical: &str) {
    assert_eq!(quantity(text).to_string(), canonical);
}

#[rstest]
#[case::below_nano("0.1n", "1n")]
#[case::just_above_a_nano("1.000000001n", "2n")]
#[case::a_negative_away_from_zero("-0.1n", "-1n")]
#[case::a_tiny_exponent("1e-400", "1e-9")]
#[case::a_tiny_binary("0.0000000000001Ki", "1n")]
#[case::a_long_fraction("1.0000000001", "1000000001n")]
fn what_is_finer_than_a_nano_is_rounded_away_from_zero(#[case] text: &str, #[case] canonical: &str) {
    assert_eq!(quantity(text).to_string(), canonical);
}

#[rstest]
#[case("8Ei")]
#[case("9223372036854775807Ki")]
#[case("99999999999999999999Gi")]
#[case("1000000Pi")]
#[case("7.99999999999999999999999999999999999999Ei")]
fn binary_quantities_are_capped_at_63_bits_as_in_kubernetes(#[case] text: &str) {
    assert_eq!(quantity(text), Quantity::from_value(i64::MAX), "{text}");
    assert_eq!(parse_value(text), Ok(i64::MAX));
    assert_eq!(quantity(&format!("-{text}")), Quantity::from_value(-i64::MAX));
}

#[rstest]
#[case("250m", 250, 1)]
#[case("2", 2000, 2)]
#[case("1.5", 1500, 2)]
#[case("1500u", 2, 1)]
#[case("-1500u", -2, -1)]
#[case("-1.5", -1500, -2)]
#[case("1n", 1, 1)]
#[case("512Mi", 536_870_912_000, 536_870_912)]
#[case("1.5Gi", 1_610_612_736_000, 1_610_612_736)]
#[case("0.1Gi", 107_374_182_400, 107_374_183)]
#[case("1e3", 1_000_000, 1000)]
#[case("9223372036854775807", i64::MAX, i64::MAX)]
#[case("9223372036854775808", i64::MAX, i64::MAX)]
#[case("-9223372036854775808", i64::MIN, i64::MIN)]
#[case("1e28", i64::MAX, i64::MAX)]
#[case("-1e28", i64::MIN, i64::MIN)]
#[case("16Ti", 17_592_186_044_416_000, 17_592_186_044_416)]
fn milli_and_whole_values_round_away_from_zero_and_stay_in_range(
    #[case] text: &str,
    #[case] milli: i64,
    #[case] whole: i64,
) {
    assert_eq!((quantity(text).milli_value(), quantity(text).value()), (milli, whole));
    assert_eq!((parse_milli(text), parse_value(text)), (Ok(milli), Ok(whole)));
}

#[rstest]
#[case("", "quantity is empty; write a number such as 500m, 2 or 1.5Gi")]
#[case("abc", r#"quantity "abc" does not start with a number; write a number such as 500m, 2 or 1.5Gi"#)]
#[case("-", r#"quantity "-" does not start with a number; write a number such as 500m, 2 or 1.5Gi"#)]
#[case(".", r#"quantity "." does not start with a number; write a number such as 500m, 2 or 1.5Gi"#)]
#[case("Gi", r#"quantity "Gi" does not start with a number; write a number such as 500m, 2 or 1.5Gi"#)]
#[case("--1", r#"quantity "--1" does not start with a number; write a number such as 500m, 2 or 1.5Gi"#)]
#[case(" 1", r#"quantity " 1" does not start with a number; write a number such as 500m, 2 or 1.5Gi"#)]
#[case(
    "512MB",
    r#"quantity "512MB" ends in "MB", which is not a suffix (did you mean "M"?); use n u m k M G T P E, Ki Mi Gi Ti Pi Ei, or an exponent such as e3"#
)]
#[case(
    "1gi",
    r#"quantity "1gi" ends in "gi", which is not a suffix (did you mean "Gi"?); use n u m k M G T P E, Ki Mi Gi Ti Pi Ei, or an exponent such as e3"#
)]
#[case(
    "1 Gi",
    r#"quantity "1 Gi" ends in " Gi", which is not a suffix (did you mean "Gi"?); use n u m k M G T P E, Ki Mi Gi Ti Pi Ei, or an exponent such as e3"#
)]
#[case(
    "1.1.1",
    r#"quantity "1.1.1" ends in ".1", which is not a suffix; use n u m k M G T P E, Ki Mi Gi Ti Pi Ei, or an exponent such as e3"#
)]
#[case("1e29", r#"quantity "1e29" is too large; its magnitude must be below 1e29"#)]
#[case(
    "-1e999999999999999999999",
    r#"quantity "-1e999999999999999999999" is too large; its magnitude must be below 1e29"#
)]
#[case(
    "99999999999999999999999999999.9999999999",
    r#"quantity "99999999999999999999999999999.9999999999" is too large; its magnitude must be below 1e29"#
)]
fn a_bad_quantity_says_what_would_be_right(#[case] text: &str, #[case] message: &str) {
    assert_eq!(text.parse::<Quantity>().map_err(|error| error.to_string()), Err(message.to_owned()));
    assert_eq!(parse_milli(text).map_err(|error| error.to_string()), Err(message.to_owned()));
    assert_eq!(parse_value(text).map_err(|error| error.to_string()), Err(message.to_owned()));
}

#[rstest]
#[case("1i")]
#[case("1K")]
#[case("1mi")]
#[case("1e")]
#[case("1e+")]
#[case("1e1.5")]
#[case("1e3Ki")]
#[case("1Kib")]
#[case("1_000")]
#[case("1,5")]
#[case("0x10")]
#[case("1\u{a0}")]
#[case("\u{664}")]
#[case("infinity")]
#[case("NaN")]
fn what_kubernetes_refuses_is_refused(#[case] text: &str) {
    let error = text.parse::<Quantity>().expect_err(text);
    assert!(matches!(error, QuantityError::UnknownSuffix { .. } | QuantityError::NoDigits { .. }), "{error}");
}

#[test]
fn megabytes_of_digits_are_read_in_one_pass() {
    let digits = "9".repeat(5_000_000);
    assert!(matches!(digits.parse::<Quantity>(), Err(QuantityError::TooLarge { .. })));
    assert_eq!(quantity(&format!("0.{digits}")).value(), 1);
    assert_eq!(quantity(&format!("0.{digits}Gi")).value(), 1 << 30);
    assert_eq!(quantity(&format!("0.{}1", "0".repeat(5_000_000))).to_string(), "1n");
    assert_eq!(quantity(&format!("{digits}Gi")).value(), i64::MAX);
    assert_eq!(quantity(&format!("{}7", "0".repeat(5_000_000))).value(), 7);
    let error = format!("1{}", "x".repeat(10_000_000)).parse::<Quantity>().expect_err("a suffix of x");
    assert!(error.to_string().len() < 500, "an error quotes no more than a line");
}

#[test]
fn equality_order_and_hash_are_by_value() {
    assert_eq!(quantity("1Gi"), quantity("1073741824"));
    assert_eq!(quantity("1e3"), quantity("1k"));
    assert!(
        quantity("999m") < quantity("1")
            && quantity("-1") < quantity("0")
            && quantity("1Gi") > quantity("1G")
    );
    let set = std::collections::BTreeSet::from(["1Gi", "1024Mi", "1073741824"].map(quantity));
    assert_eq!(set.len(), 1);
}

#[test]
fn sums_keep_the_format_of_the_first_unless_it_is_zero() {
    let sum =
        |left: &str, right: &str| quantity(left).checked_add(&quantity(right)).map(|sum| sum.to_string());
    assert_eq!(sum("1Gi", "1Gi").as_deref(), Some("2Gi"));
    assert_eq!(sum("1Gi", "1").as_deref(), Some("1073741825"));
    assert_eq!(sum("0", "512Mi").as_deref(), Some("512Mi"));
    assert_eq!(sum("500m", "500m").as_deref(), Some("1"));
    assert_eq!(sum("99999999999999999999999999999", "1"), None);
    let rest =
        |left: &str, right: &str| quantity(left).checked_sub(&quantity(right)).map(|rest| rest.to_string());
    assert_eq!(rest("2Gi", "1Gi").as_deref(), Some("1Gi"));
    assert_eq!(rest("1", "2").as_deref(), Some("-1"));
    assert_eq!(rest("-99999999999999999999999999999", "1"), None);
}

#[test]
fn quantities_made_from_numbers_are_written_as_kubernetes_writes_them() {
    assert_eq!(Quantity::from_milli(1500).to_string(), "1500m");
    assert_eq!(Quantity::from_milli(2000).to_string(), "2");
    assert_eq!(Quantity::from_value(5000).to_string(), "5k");
    assert_eq!(Quantity::from_bytes(3 << 30).to_string(), "3Gi");
    assert_eq!(Quantity::from_bytes(1000).to_string(), "1k", "below 1024 it is written as decimal");
    assert_eq!(Quantity::from_bytes(i64::MIN).value(), i64::MIN);
    assert_eq!(Quantity::from_value(2048).with_format(QuantityFormat::BinarySi).to_string(), "2Ki");
    assert!(Quantity::from_milli(-1).is_negative() && Quantity::default().is_zero());
}

#[rstest]
#[case(r#""500m""#, r#""500m""#)]
#[case("2", r#""2""#)]
#[case("-2", r#""-2""#)]
#[case("0.5", r#""500m""#)]
#[case("1e3", r#""1k""#)]
#[case("18446744073709551615", r#""18446744073709551615""#)]
#[case("1e22", r#""10e21""#)]
#[case(r#"" 1Gi ""#, r#""1Gi""#)]
fn json_strings_and_numbers_are_read_and_strings_are_written(#[case] json: &str, #[case] written: &str) {
    let quantity: Quantity = serde_json::from_str(json).expect(json);
    assert_eq!(serde_json::to_string(&quantity).expect("a string"), written);
}

#[rstest]
#[case("null")]
#[case("true")]
#[case("[]")]
#[case("1e300")]
#[case(r#""1 GB""#)]
fn other_json_is_an_error(#[case] json: &str) {
    assert!(serde_json::from_str::<Quantity>(json).is_err());
}

#[test]
fn the_schema_is_that_of_upstream_crds() {
    let schema = serde_json::to_value(schemars::schema_for!(Quantity)).expect("a schema");
    assert_eq!(schema["x-kubernetes-int-or-string"], true);
    assert_eq!(schema["anyOf"], serde_json::json!([{ "type": "integer" }, { "type": "string" }]));
    assert!(schema["pattern"].is_string());
}

/// Parts of a well-formed quantity small enough for plain integer arithmetic.
#[derive(Debug, Clone)]
struct Written {
    negative: bool,
    whole: u64,
    fraction: String,
    suffix: &'static str,
}

const SUFFIXES: [(&str, u128, u128); 17] = [
    ("", 1, 1),
    ("n", 1, 1_000_000_000),
    ("u", 1, 1_000_000),
    ("m", 1, 1000),
    ("k", 1000, 1),
    ("M", 1_000_000, 1),
    ("G", 1_000_000_000, 1),
    ("T", 1_000_000_000_000, 1),
    ("P", 1_000_000_000_000_000, 1),
    ("Ki", 1 << 10, 1),
    ("Mi", 1 << 20, 1),
    ("Gi", 1 << 30, 1),
    ("Ti", 1 << 40, 1),
    ("e2", 100, 1),
    ("E+5", 100_000, 1),
    ("e-7", 1, 10_000_000),
    ("E-0", 1, 1),
];

fn written() -> impl Strategy<Value = Written> {
    (any::<bool>(), 0u64..1_000_000, "[0-9]{0,6}", proptest::sample::select(&SUFFIXES[..]))
        .prop_map(|(negative, whole, fraction, (suffix, _, _))| Written { negative, whole, fraction, suffix })
}

impl Written {
    fn text(&self) -> String {
        let sign = if self.negative { "-" } else { "" };
        let point = if self.fraction.is_empty() { "" } else { "." };
        format!("{sign}{}{point}{}{}", self.whole, self.fraction, self.suffix)
    }

    /// The value times `per_unit`, rounded away from zero, by arithmetic on whole numbers.
    fn times(&self, per_unit: u128) -> i128 {
        let (_, multiplier, divisor) =
            SUFFIXES.into_iter().find(|(suffix, _, _)| *suffix == self.suffix).expect("one of the suffixes");
        let digits = format!("{}{}", self.whole, self.fraction).parse::<u128>().expect("at most 12 digits");
        let divisor = divisor * 10u128.pow(self.fraction.len() as u32);
        let magnitude = (digits * multiplier * per_unit).div_ceil(divisor) as i128;
        if self.negative { -magnitude } else { magnitude }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn values_agree_with_plain_integer_arithmetic(written in written()) {
        let text = written.text();
        let clamp = |value: i128| value.clamp(i128::from(i64::MIN), i128::from(i64::MAX)) as i64;
        // Rounding up to nano first and then again changes nothing.
        prop_assert_eq!(quantity(&text).milli_value(), clamp(written.times(1000)));
        prop_assert_eq!(quantity(&text).value(), clamp(written.times(1)));
        prop_assert_eq!(parse_milli(&text), Ok(clamp(written.times(1000))));
        prop_assert_eq!(parse_value(&text), Ok(clamp(written.times(1))));
    }

    #[test]
    fn canonical_text_reads_back_as_the_same_quantity(written in written()) {
        let quantity = quantity(&written.text());
        let canonical = quantity.to_string();
        let again: Quantity = canonical.parse().expect("canonical text is a quantity");
        prop_assert_eq!(again, quantity);
        // A binary quantity that ends up without a suffix is decimal when read again; every other text stays.
        let bare = canonical.ends_with(|letter: char| letter.is_ascii_digit());
        if !(quantity.format() == QuantityFormat::BinarySi && bare) {
            prop_assert_eq!(again.to_string(), canonical);
        }
    }

    #[test]
    fn the_fast_path_agrees_with_the_exact_one(text in "[+-]?[0-9]{0,20}\\.?[0-9]{0,20}(m|k|Ki|M|Mi|G|Gi|T|Ti|P|Pi|E|Ei|e[+-]?[0-9]{1,3})?") {
        let exact = text.parse::<Quantity>();
        prop_assert_eq!(parse_milli(&text), exact.clone().map(|quantity| quantity.milli_value()));
        prop_assert_eq!(parse_value(&text), exact.map(|quantity| quantity.value()));
    }

    #[test]
    fn no_text_makes_it_panic(text in ".*", quantityish in "[-+0-9.eEinumkKMGTP ]{0,12}") {
        for text in [text, quantityish] {
            let parsed = text.parse::<Quantity>();
            prop_assert_eq!(parse_milli(&text).is_ok(), parsed.is_ok());
            if let Ok(quantity) = parsed {
                prop_assert_eq!(quantity.to_string().parse::<Quantity>(), Ok(quantity));
            }
        }
    }

    #[test]
    fn what_is_added_can_be_taken_away(left in written(), right in written()) {
        let (left, right) = (quantity(&left.text()), quantity(&right.text()));
        let sum = left.checked_add(&right).expect("far from the limit");
        prop_assert_eq!(sum.checked_sub(&right), Some(left));
        prop_assert_eq!(sum.cmp(&left), right.cmp(&Quantity::default()));
    }
}
