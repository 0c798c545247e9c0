//! Amounts of money as files write them.

use supercargo_catalog::Usd;

use crate::money::Money;

/// Billionths of a dollar: digits with or without a point, a sign, a `$` before or ` USD` behind, an exponent. What is
/// beyond the ninth decimal is rounded. None if it is no amount, or too large.
fn nanos(text: &str) -> Option<i128> {
    let text = text.trim();
    let text = text.strip_suffix("USD").map_or(text, str::trim_end);
    let (negative, text) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let text = text.strip_prefix('$').unwrap_or(text);
    let (digits, exponent) = match text.split_once(['e', 'E']) {
        Some((digits, exponent)) => (digits, exponent.parse::<i32>().ok().filter(|power| power.abs() <= 40)?),
        None => (text, 0),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    if whole.is_empty() && fraction.is_empty() || whole.len() + fraction.len() > 60 {
        return None;
    }
    let mut value: i128 = 0;
    let mut power = 9 + exponent;
    let mut round = None;
    for digit in whole.bytes() {
        value =
            value.checked_mul(10)?.checked_add(i128::from(digit.is_ascii_digit().then(|| digit - b'0')?))?;
    }
    for digit in fraction.bytes() {
        let digit = digit.is_ascii_digit().then(|| digit - b'0')?;
        // beyond the ninth decimal only the next digit counts
        if power > 0 {
            value = value.checked_mul(10)?.checked_add(i128::from(digit))?;
            power -= 1;
        } else if power == 0 {
            round = round.or(Some(digit >= 5));
        }
    }
    while power > 0 {
        value = value.checked_mul(10)?;
        power -= 1;
    }
    while power < 0 {
        round = Some(value % 10 >= 5);
        value /= 10;
        power += 1;
    }
    value += i128::from(round == Some(true));
    Some(if negative { -value } else { value }).filter(|value| value.unsigned_abs() < 1 << 100)
}

/// A price; negative ones are none.
pub(super) fn price(text: &str) -> Option<Usd> {
    let nanos = nanos(text).filter(|nanos| *nanos >= 0)?;
    i64::try_from(nanos).ok().map(Usd::from_nanos)
}

/// An amount, which may be negative.
pub(super) fn amount(text: &str) -> Option<Money> {
    nanos(text).map(Money::from_nanos)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("0.0123 USD", Some(12_300_000))]
    #[case("$1", Some(1_000_000_000))]
    #[case("0.0000000005", Some(1))]
    #[case("0.00000000049", Some(0))]
    #[case("1.2E-7", Some(120))]
    #[case("1.5e2", Some(150_000_000_000))]
    #[case("-3.25", Some(-3_250_000_000))]
    #[case(".5", Some(500_000_000))]
    #[case("", None)]
    #[case(".", None)]
    #[case("1,5", None)]
    #[case("12 EUR", None)]
    #[case("1e99", None)]
    #[case("NaN", None)]
    fn amounts_are_read_exactly(#[case] text: &str, #[case] expected: Option<i128>) {
        assert_eq!(nanos(text), expected);
    }

    proptest! {
        #[test]
        fn what_money_writes_is_read(value in -1_000_000_000_000i128..1_000_000_000_000) {
            prop_assert_eq!(amount(&Money::from_nanos(value).to_decimal()), Some(Money::from_nanos(value)));
        }

        #[test]
        fn nonsense_never_panics(text in "[-+$.0-9eE USD]{0,80}|.{0,20}") {
            let _ = nanos(&text);
        }
    }
}
