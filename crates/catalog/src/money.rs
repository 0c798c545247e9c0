//! Money per hour, exact to the nano-dollar.
//!
//! Prices are added up thousands of times in a plan and compared for equality in tests, so they are
//! integers: one unit is 10⁻⁹ US dollars per hour. A reserved offering at a ten-millionth of its
//! on-demand price (reference section 5.3) still has a value above zero in that unit.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Neg, Sub, SubAssign};
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use thiserror::Error;

const NANOS_PER_DOLLAR: i64 = 1_000_000_000;
const FRACTION_DIGITS: usize = 9;

/// US dollars per hour, in units of 10⁻⁹ dollars.
///
/// Arithmetic saturates at the ends of the range (about ±9.2 billion dollars per hour), so sums of
/// unreasonable input cannot panic.
///
/// ```
/// use supercargo_catalog::Usd;
/// let price: Usd = "0.384".parse().unwrap();
/// assert_eq!(price.to_string(), "$0.384");
/// assert_eq!((price + price).to_string(), "$0.768");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Usd(i64);

/// A text or a number that is not a price.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum UsdError {
    /// The text is not a decimal number of dollars.
    #[error("{text:?} is not a price: expected dollars per hour as a decimal number, such as 0.384")]
    NotANumber {
        /// The offending text, cut to 40 characters.
        text: String,
    },
    /// More than nine digits after the point that are not zero: the value cannot be kept exactly.
    #[error("{text:?} has more than nine decimals: a price is kept in billionths of a dollar")]
    TooPrecise {
        /// The offending text, cut to 40 characters.
        text: String,
    },
    /// Outside the range of [`Usd`].
    #[error("{text:?} is out of range: a price is at most 9 billion dollars per hour")]
    OutOfRange {
        /// The offending text, cut to 40 characters.
        text: String,
    },
}

impl Usd {
    /// Nothing.
    pub const ZERO: Usd = Usd(0);
    /// The largest price.
    pub const MAX: Usd = Usd(i64::MAX);

    /// From billionths of a dollar per hour.
    pub const fn from_nanos(nanos: i64) -> Usd {
        Usd(nanos)
    }

    /// Billionths of a dollar per hour.
    pub const fn nanos(self) -> i64 {
        self.0
    }

    /// The nearest price to a floating-point number of dollars per hour; not-a-number becomes zero.
    pub fn from_f64(dollars: f64) -> Usd {
        // a float-to-integer cast saturates and maps NaN to zero
        Usd((dollars * NANOS_PER_DOLLAR as f64).round() as i64)
    }

    /// Dollars per hour as a floating-point number, for ratios and charts.
    pub fn as_f64(self) -> f64 {
        self.0 as f64 / NANOS_PER_DOLLAR as f64
    }

    /// Whether this is exactly zero.
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// Whether this is below zero.
    pub const fn is_negative(self) -> bool {
        self.0 < 0
    }

    /// This price times a whole number, saturating.
    pub const fn saturating_mul(self, factor: i64) -> Usd {
        Usd(self.0.saturating_mul(factor))
    }

    /// This price times `parts / whole`, rounded half away from zero; `whole` of zero gives zero.
    pub fn scaled(self, parts: i64, whole: i64) -> Usd {
        if whole == 0 {
            return Usd::ZERO;
        }
        let product = i128::from(self.0) * i128::from(parts);
        let divisor = i128::from(whole);
        let half = divisor.abs() / 2;
        let rounded = if (product < 0) == (divisor < 0) {
            product + sign(divisor) * half
        } else {
            product - sign(divisor) * half
        };
        let quotient = rounded / divisor;
        Usd(quotient.clamp(i128::from(i64::MIN), i128::from(i64::MAX)) as i64)
    }

    /// The number without the dollar sign and with no zeros at the end: `0.384`.
    pub fn to_decimal(self) -> String {
        let magnitude = self.0.unsigned_abs();
        let whole = magnitude / NANOS_PER_DOLLAR as u64;
        let fraction = magnitude % NANOS_PER_DOLLAR as u64;
        let sign = if self.0 < 0 { "-" } else { "" };
        if fraction == 0 {
            return format!("{sign}{whole}");
        }
        let digits = format!("{fraction:09}");
        format!("{sign}{whole}.{}", digits.trim_end_matches('0'))
    }
}

fn sign(value: i128) -> i128 {
    if value < 0 { -1 } else { 1 }
}

/// `$0.384`, exact, no zeros at the end; with a precision (`{:.4}`) rounded to that many decimals.
impl fmt::Display for Usd {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        match formatter.precision() {
            None => {
                let decimal = self.to_decimal();
                formatter.pad_integral(true, "", &format!("{sign}${}", decimal.trim_start_matches('-')))
            }
            Some(decimals) => {
                let kept = decimals.min(FRACTION_DIGITS);
                let unit = 10u64.pow((FRACTION_DIGITS - kept) as u32);
                let rounded = self.0.unsigned_abs().saturating_add(unit / 2) / unit;
                let per_dollar = 10u64.pow(kept as u32);
                let whole = rounded / per_dollar;
                let text = if kept == 0 {
                    format!("{sign}${whole}")
                } else {
                    format!("{sign}${whole}.{:0kept$}", rounded % per_dollar)
                };
                // `pad` would read the precision as a width limit
                match formatter.width() {
                    Some(width) => write!(formatter, "{text:>width$}"),
                    None => formatter.write_str(&text),
                }
            }
        }
    }
}

/// Accepts `0.384`, `$0.384`, `.5` and `12`; a sign is accepted, too, and judged by the caller.
impl FromStr for Usd {
    type Err = UsdError;

    fn from_str(text: &str) -> Result<Usd, UsdError> {
        let shown = || text.chars().take(40).collect::<String>();
        let not_a_number = || UsdError::NotANumber { text: shown() };
        let trimmed = text.trim();
        let (negative, unsigned) = match trimmed.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, trimmed.strip_prefix('+').unwrap_or(trimmed)),
        };
        let number = unsigned.strip_prefix('$').unwrap_or(unsigned);
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        let all_digits = whole.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit());
        if !all_digits || (whole.is_empty() && fraction.is_empty()) {
            return Err(not_a_number());
        }
        let significant = fraction.trim_end_matches('0');
        if significant.len() > FRACTION_DIGITS {
            return Err(UsdError::TooPrecise { text: shown() });
        }
        let mut nanos: i64 = 0;
        let padding = std::iter::repeat_n(b'0', FRACTION_DIGITS - significant.len());
        for digit in whole.bytes().chain(significant.bytes()).chain(padding) {
            nanos = nanos
                .checked_mul(10)
                .and_then(|value| value.checked_add(i64::from(digit - b'0')))
                .ok_or_else(|| UsdError::OutOfRange { text: shown() })?;
        }
        Ok(Usd(if negative { -nanos } else { nanos }))
    }
}

impl Serialize for Usd {
    /// As a decimal text without the dollar sign, which every reader keeps exactly: `"0.384"`.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.to_decimal())
    }
}

impl<'de> Deserialize<'de> for Usd {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Usd, D::Error> {
        struct PriceVisitor;
        impl serde::de::Visitor<'_> for PriceVisitor {
            type Value = Usd;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("dollars per hour, such as 0.384")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Usd, E> {
                text.parse().map_err(E::custom)
            }

            fn visit_f64<E: serde::de::Error>(self, dollars: f64) -> Result<Usd, E> {
                if dollars.is_finite() {
                    Ok(Usd::from_f64(dollars))
                } else {
                    Err(E::custom("a price must be finite"))
                }
            }

            fn visit_i64<E: serde::de::Error>(self, dollars: i64) -> Result<Usd, E> {
                Ok(Usd(dollars.saturating_mul(NANOS_PER_DOLLAR)))
            }

            fn visit_u64<E: serde::de::Error>(self, dollars: u64) -> Result<Usd, E> {
                self.visit_i64(i64::try_from(dollars).unwrap_or(i64::MAX))
            }
        }
        deserializer.deserialize_any(PriceVisitor)
    }
}

impl Add for Usd {
    type Output = Usd;
    fn add(self, other: Usd) -> Usd {
        Usd(self.0.saturating_add(other.0))
    }
}

impl AddAssign for Usd {
    fn add_assign(&mut self, other: Usd) {
        *self = *self + other;
    }
}

impl Sub for Usd {
    type Output = Usd;
    fn sub(self, other: Usd) -> Usd {
        Usd(self.0.saturating_sub(other.0))
    }
}

impl SubAssign for Usd {
    fn sub_assign(&mut self, other: Usd) {
        *self = *self - other;
    }
}

impl Neg for Usd {
    type Output = Usd;
    fn neg(self) -> Usd {
        Usd(self.0.saturating_neg())
    }
}

impl Sum for Usd {
    fn sum<I: Iterator<Item = Usd>>(prices: I) -> Usd {
        prices.fold(Usd::ZERO, Add::add)
    }
}

impl<'a> Sum<&'a Usd> for Usd {
    fn sum<I: Iterator<Item = &'a Usd>>(prices: I) -> Usd {
        prices.copied().sum()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("0.384", 384_000_000, "$0.384")]
    #[case("$12", 12_000_000_000, "$12")]
    #[case(".5", 500_000_000, "$0.5")]
    #[case("0.000000001", 1, "$0.000000001")]
    #[case("0.1000000000000", 100_000_000, "$0.1")]
    #[case("-1.25", -1_250_000_000, "-$1.25")]
    fn a_price_is_read_and_written_exactly(#[case] text: &str, #[case] nanos: i64, #[case] shown: &str) {
        let price: Usd = text.parse().unwrap();
        assert_eq!(price.nanos(), nanos);
        assert_eq!(price.to_string(), shown);
    }

    #[rstest]
    #[case("", "is not a price")]
    #[case("$", "is not a price")]
    #[case("1e3", "is not a price")]
    #[case("1,5", "is not a price")]
    #[case("0.0000000001", "more than nine decimals")]
    #[case("99999999999", "out of range")]
    fn what_is_not_a_price_is_refused_with_the_reason(#[case] text: &str, #[case] reason: &str) {
        let error = text.parse::<Usd>().unwrap_err();
        assert!(error.to_string().contains(reason), "{error}");
    }

    #[test]
    fn a_precision_rounds_and_a_width_aligns() {
        let price = Usd::from_nanos(123_456_789);
        assert_eq!(format!("{price:.4}"), "$0.1235");
        assert_eq!(format!("{price:.0}"), "$0");
        assert_eq!(format!("{price:>10.2}"), "     $0.12");
        assert_eq!(format!("{:.2}", Usd::from_nanos(-5_000_000)), "-$0.01");
    }

    #[test]
    fn scaling_rounds_half_away_from_zero() {
        assert_eq!(Usd::from_nanos(5).scaled(1, 10), Usd::from_nanos(1));
        assert_eq!(Usd::from_nanos(-5).scaled(1, 10), Usd::from_nanos(-1));
        assert_eq!(Usd::from_nanos(4).scaled(1, 10), Usd::ZERO);
        assert_eq!(Usd::from_nanos(4).scaled(1, 0), Usd::ZERO);
        assert_eq!(Usd::MAX.scaled(2, 1), Usd::MAX);
    }

    #[test]
    fn sums_saturate_instead_of_wrapping() {
        assert_eq!(Usd::MAX + Usd::MAX, Usd::MAX);
        assert_eq!([Usd::MAX, Usd::from_nanos(1)].iter().sum::<Usd>(), Usd::MAX);
    }

    proptest! {
        #[test]
        fn text_round_trips(nanos in any::<i64>().prop_filter("magnitude fits", |nanos| *nanos != i64::MIN)) {
            let price = Usd::from_nanos(nanos);
            prop_assert_eq!(price.to_string().parse::<Usd>(), Ok(price));
            prop_assert_eq!(serde_json::from_value::<Usd>(serde_json::to_value(price).unwrap()).unwrap(), price);
        }

        #[test]
        fn nonsense_never_panics(text in ".{0,60}") {
            let _ = text.parse::<Usd>();
        }
    }
}
