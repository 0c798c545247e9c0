//! What a YAML scalar means, as kubectl understands it: the rules of the YAML library it uses, which are those of
//! YAML 1.1 with its `yes` and `no`, octal and binary numbers, and underscores in numbers.

use serde_json::{Number, Value};

/// The value of a plain scalar without a tag.
pub(super) fn resolve_plain(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Value::Null,
        "true" | "True" | "TRUE" | "y" | "Y" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" => {
            return Value::Bool(true);
        }
        "false" | "False" | "FALSE" | "n" | "N" | "no" | "No" | "NO" | "off" | "Off" | "OFF" => {
            return Value::Bool(false);
        }
        _ => {}
    }
    let could_be_number =
        text.as_bytes().first().is_some_and(|first| matches!(first, b'0'..=b'9' | b'+' | b'-' | b'.'));
    if !could_be_number {
        return Value::String(text.to_owned());
    }
    integer(text).or_else(|| float(text)).map_or_else(|| Value::String(text.to_owned()), Value::Number)
}

/// The value of a scalar with a core tag (`int`, `float`, `bool`, `null`, `str`); nothing if it does not fit.
pub(super) fn resolve_tagged(tag: &str, text: &str) -> Option<Value> {
    let plain = resolve_plain(text);
    let fits = match tag {
        "str" | "binary" => return Some(Value::String(text.to_owned())),
        "int" => matches!(&plain, Value::Number(number) if !number.is_f64()),
        "float" => plain.is_number(),
        "bool" => plain.is_boolean(),
        "null" => plain.is_null(),
        _ => true,
    };
    fits.then_some(plain)
}

fn integer(text: &str) -> Option<Number> {
    let digits: String = text.chars().filter(|letter| *letter != '_').collect();
    let (negative, digits) = match digits.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, digits.strip_prefix('+').unwrap_or(&digits)),
    };
    let lower = digits.to_ascii_lowercase();
    let (radix, body) = if let Some(body) = lower.strip_prefix("0x") {
        (16, body)
    } else if let Some(body) = lower.strip_prefix("0b") {
        (2, body)
    } else if let Some(body) = lower.strip_prefix("0o") {
        (8, body)
    } else if lower.len() > 1 && lower.starts_with('0') {
        (8, &lower[1..])
    } else {
        (10, lower.as_str())
    };
    if body.is_empty() || !body.bytes().all(|byte| (byte as char).is_digit(radix)) {
        return None;
    }
    let magnitude = u64::from_str_radix(body, radix).ok()?;
    if !negative {
        return Some(Number::from(magnitude));
    }
    // The most negative integer has no positive counterpart.
    (magnitude <= i64::MIN.unsigned_abs()).then(|| Number::from((magnitude as i64).wrapping_neg()))
}

fn float(text: &str) -> Option<Number> {
    let digits: String = text.chars().filter(|letter| *letter != '_').collect();
    let unsigned = digits.strip_prefix(['-', '+']).unwrap_or(&digits);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent.strip_prefix(['-', '+']).unwrap_or(exponent))),
        None => (unsigned, None),
    };
    let all_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let well_formed = all_digits(whole)
        && all_digits(fraction)
        && !(whole.is_empty() && fraction.is_empty())
        && exponent.is_none_or(|exponent| !exponent.is_empty() && all_digits(exponent));
    if !well_formed {
        return None;
    }
    let value: f64 = digits.strip_prefix('+').unwrap_or(&digits).parse().ok()?;
    // A whole number in exponent form is a quantity like 1e9: keep it whole.
    if value.fract() == 0.0 && value.abs() < 9e15 && exponent.is_some() {
        return Some(Number::from(value as i64));
    }
    Number::from_f64(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rstest::rstest;
    use serde_json::json;

    #[rstest]
    #[case::a_word("web", json!("web"))]
    #[case::nothing("", json!(null))]
    #[case::tilde("~", json!(null))]
    #[case::yes_is_true_as_in_kubectl("yes", json!(true))]
    #[case::off_is_false("off", json!(false))]
    #[case::norway("no", json!(false))]
    #[case::a_number("42", json!(42))]
    #[case::a_negative_number("-7", json!(-7))]
    #[case::a_leading_zero_is_octal("0644", json!(420))]
    #[case::the_other_octal("0o17", json!(15))]
    #[case::a_leading_zero_with_a_nine_is_a_float("089", json!(89.0))]
    #[case::hexadecimal("0x1F", json!(31))]
    #[case::binary("0b101", json!(5))]
    #[case::underscores("1_000", json!(1000))]
    #[case::the_largest_unsigned("18446744073709551615", json!(18446744073709551615u64))]
    #[case::the_most_negative("-9223372036854775808", json!(i64::MIN))]
    #[case::a_fraction("0.5", json!(0.5))]
    #[case::a_fraction_without_a_zero(".5", json!(0.5))]
    #[case::an_exponent_stays_whole("1e9", json!(1000000000))]
    #[case::a_version("1.2.3", json!("1.2.3"))]
    #[case::a_quantity("500m", json!("500m"))]
    #[case::a_binary_quantity("1Gi", json!("1Gi"))]
    #[case::a_date("2026-08-20", json!("2026-08-20"))]
    #[case::an_address("10.0.0.1", json!("10.0.0.1"))]
    #[case::a_lone_sign("-", json!("-"))]
    #[case::a_lone_dot(".", json!("."))]
    #[case::infinity_is_no_json_number(".inf", json!(".inf"))]
    #[case::an_id_that_looks_like_an_exponent("12e3456", json!("12e3456"))]
    fn plain_scalars_mean_what_kubectl_takes_them_for(#[case] text: &str, #[case] expected: Value) {
        assert_eq!(resolve_plain(text), expected);
    }

    #[rstest]
    #[case("str", "5", Some(json!("5")))]
    #[case("int", "5", Some(json!(5)))]
    #[case("int", "x", None)]
    #[case("bool", "true", Some(json!(true)))]
    #[case("bool", "5", None)]
    #[case("null", "", Some(json!(null)))]
    fn a_tag_decides(#[case] tag: &str, #[case] text: &str, #[case] expected: Option<Value>) {
        assert_eq!(resolve_tagged(tag, text), expected);
    }

    proptest! {
        #[test]
        fn any_text_is_something(text in "\\PC{0,20}") {
            let _ = resolve_plain(&text);
        }

        #[test]
        fn integers_are_read_exactly(number in any::<i64>()) {
            prop_assert_eq!(resolve_plain(&number.to_string()), json!(number));
        }
    }
}
