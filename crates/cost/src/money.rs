//! Amounts of money and how they are divided.
//!
//! An amount is a whole number of 10⁻⁹ dollars. Whenever something is divided, the parts are the differences of rounded
//! running sums: part *i* is ⌊T·(w₁+…+wᵢ)/W⌋ − ⌊T·(w₁+…+wᵢ₋₁)/W⌋, in the order of the receivers' names. So the parts add
//! up to T exactly, each is within 10⁻⁹ dollars of its true share, and nothing depends on the order of insertion.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Neg, Sub, SubAssign};

use supercargo_catalog::Usd;

const NANOS_PER_DOLLAR: i128 = 1_000_000_000;
const SECONDS_PER_HOUR: u128 = 3_600;

/// An amount of US dollars, in units of 10⁻⁹ dollars. Arithmetic saturates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Money(i128);

impl Money {
    /// Nothing.
    pub const ZERO: Money = Money(0);

    /// From billionths of a dollar.
    pub const fn from_nanos(nanos: i128) -> Money {
        Money(nanos)
    }

    /// Whole dollars.
    pub const fn from_dollars(dollars: i64) -> Money {
        Money(dollars as i128 * NANOS_PER_DOLLAR)
    }

    /// Billionths of a dollar.
    pub const fn nanos(self) -> i128 {
        self.0
    }

    /// The nearest amount to a floating-point number of dollars; not-a-number becomes zero.
    pub fn from_f64(dollars: f64) -> Money {
        // a float-to-integer cast saturates and maps NaN to zero; the limit keeps sums of such amounts in range
        Money(((dollars * 1e9).round() as i128).clamp(-(1 << 100), 1 << 100))
    }

    /// Dollars as a floating-point number, for answers and ratios.
    pub fn as_f64(self) -> f64 {
        let whole = self.0 / NANOS_PER_DOLLAR;
        let rest = self.0 % NANOS_PER_DOLLAR;
        whole as f64 + rest as f64 / 1e9
    }

    /// Whether this is exactly zero.
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// What a price per hour comes to in a number of seconds, rounded down; negative prices count as nothing.
    pub fn of_price(price: Usd, seconds: u64) -> Money {
        let nanos = u128::try_from(price.nanos()).unwrap_or(0);
        Money::from_magnitude(nanos * u128::from(seconds) / SECONDS_PER_HOUR)
    }

    /// `self · part / whole`, rounded towards zero; `part` above `whole` gives all, `whole` of zero gives nothing.
    pub fn share(self, part: u128, whole: u128) -> Money {
        if whole == 0 {
            return Money::ZERO;
        }
        let magnitude = fraction(self.0.unsigned_abs(), part.min(whole), whole);
        let share = Money::from_magnitude(magnitude);
        if self.0 < 0 { -share } else { share }
    }

    /// The amount without its sign, for weights.
    pub const fn weight(self) -> u128 {
        if self.0 > 0 { self.0 as u128 } else { 0 }
    }

    /// As a decimal text with no zeros at the end: `12.5`, `-0.000000001`.
    pub fn to_decimal(self) -> String {
        let magnitude = self.0.unsigned_abs();
        let whole = magnitude / NANOS_PER_DOLLAR as u128;
        let rest = magnitude % NANOS_PER_DOLLAR as u128;
        let sign = if self.0 < 0 { "-" } else { "" };
        if rest == 0 {
            return format!("{sign}{whole}");
        }
        let digits = format!("{rest:09}");
        format!("{sign}{whole}.{}", digits.trim_end_matches('0'))
    }

    fn from_magnitude(nanos: u128) -> Money {
        Money(i128::try_from(nanos).unwrap_or(i128::MAX))
    }
}

/// ⌊a·part/whole⌋ for `part <= whole`, also where the product does not fit.
pub fn fraction(a: u128, part: u128, whole: u128) -> u128 {
    if whole == 0 {
        return 0;
    }
    if let Some(product) = a.checked_mul(part) {
        return product / whole;
    }
    // long multiplication and division bit by bit; the remainder must be able to double
    let shift = 2u32.saturating_sub(whole.leading_zeros());
    let (part, whole) = (part >> shift, (whole >> shift).max(1));
    let mut quotient: u128 = 0;
    let mut rest: u128 = 0;
    for bit in (0..128).rev() {
        quotient = quotient.saturating_mul(2);
        rest *= 2;
        if a >> bit & 1 == 1 {
            rest += part;
        }
        while rest >= whole {
            rest -= whole;
            quotient = quotient.saturating_add(1);
        }
    }
    quotient.min(a)
}

/// Divides a total in proportion to weights that come one after the other (see the head of the file).
#[derive(Clone, Debug)]
pub struct Division {
    total: u128,
    negative: bool,
    whole: u128,
    seen: u128,
    given: u128,
}

impl Division {
    /// A division of money; `whole` is the sum of all weights to come.
    pub fn of(total: Money, whole: u128) -> Division {
        Division { total: total.0.unsigned_abs(), negative: total.0 < 0, whole, seen: 0, given: 0 }
    }

    /// A division of a quantity.
    pub fn of_quantity(total: u128, whole: u128) -> Division {
        Division { total, negative: false, whole, seen: 0, given: 0 }
    }

    /// The part of the next receiver.
    pub fn next(&mut self, weight: u128) -> Money {
        let part = Money::from_magnitude(self.next_quantity(weight));
        if self.negative { -part } else { part }
    }

    /// The part of the next receiver, as a quantity.
    pub fn next_quantity(&mut self, weight: u128) -> u128 {
        self.seen = self.seen.saturating_add(weight).min(self.whole);
        let until_here = fraction(self.total, self.seen, self.whole);
        let part = until_here.saturating_sub(self.given);
        self.given = self.given.max(until_here);
        part
    }

    /// What nobody has got yet.
    pub fn rest(&self) -> Money {
        let rest = Money::from_magnitude(self.rest_quantity());
        if self.negative { -rest } else { rest }
    }

    /// What nobody has got yet, as a quantity.
    pub const fn rest_quantity(&self) -> u128 {
        self.total - self.given
    }
}

/// Divides money by weights; the parts add up to the total unless all weights are zero, then all parts are.
pub fn divide(total: Money, weights: &[u128]) -> Vec<Money> {
    let whole = weights.iter().fold(0u128, |sum, weight| sum.saturating_add(*weight));
    let mut division = Division::of(total, whole);
    weights.iter().map(|weight| division.next(*weight)).collect()
}

/// `$12.5`, exact; with a precision (`{:.2}`) rounded half away from zero to that many decimals.
impl fmt::Display for Money {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let text = match out.precision() {
            None => format!("{sign}${}", self.to_decimal().trim_start_matches('-')),
            Some(decimals) => {
                let kept = decimals.min(9);
                let unit = 10u128.pow((9 - kept) as u32);
                let rounded = self.0.unsigned_abs().saturating_add(unit / 2) / unit;
                let per_dollar = 10u128.pow(kept as u32);
                let sign = if rounded == 0 { "" } else { sign };
                match kept {
                    0 => format!("{sign}${rounded}"),
                    _ => format!("{sign}${}.{:0kept$}", rounded / per_dollar, rounded % per_dollar),
                }
            }
        };
        match out.width() {
            Some(width) => write!(out, "{text:>width$}"),
            None => out.write_str(&text),
        }
    }
}

impl Add for Money {
    type Output = Money;
    fn add(self, other: Money) -> Money {
        Money(self.0.saturating_add(other.0))
    }
}

impl AddAssign for Money {
    fn add_assign(&mut self, other: Money) {
        *self = *self + other;
    }
}

impl Sub for Money {
    type Output = Money;
    fn sub(self, other: Money) -> Money {
        Money(self.0.saturating_sub(other.0))
    }
}

impl SubAssign for Money {
    fn sub_assign(&mut self, other: Money) {
        *self = *self - other;
    }
}

impl Neg for Money {
    type Output = Money;
    fn neg(self) -> Money {
        Money(self.0.saturating_neg())
    }
}

impl Sum for Money {
    fn sum<I: Iterator<Item = Money>>(amounts: I) -> Money {
        amounts.fold(Money::ZERO, Add::add)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(0, "$0", "$0.00")]
    #[case(1, "$0.000000001", "$0.00")]
    #[case(12_500_000_000, "$12.5", "$12.50")]
    #[case(-5_000_000, "-$0.005", "-$0.01")]
    fn money_is_written_exactly_or_rounded(#[case] nanos: i128, #[case] exact: &str, #[case] cents: &str) {
        assert_eq!(Money::from_nanos(nanos).to_string(), exact);
        assert_eq!(format!("{:.2}", Money::from_nanos(nanos)), cents);
    }

    #[test]
    fn a_third_of_a_dollar_three_times_is_a_dollar() {
        let parts = divide(Money::from_dollars(1), &[1, 1, 1]);
        assert_eq!(
            parts.iter().map(|part| part.nanos()).collect::<Vec<_>>(),
            [333_333_333, 333_333_333, 333_333_334]
        );
    }

    #[test]
    fn nobody_to_divide_among_leaves_everything() {
        let mut division = Division::of(Money::from_dollars(3), 0);
        assert_eq!(division.next(7), Money::ZERO);
        assert_eq!(division.rest(), Money::from_dollars(3));
    }

    proptest! {
        /// Reference section 6.3: rows of one charge sum to it exactly.
        #[test]
        fn parts_add_up_and_none_is_off_by_more_than_a_nano(
            total in -1_000_000_000_000i128..1_000_000_000_000,
            weights in proptest::collection::vec(0u128..1 << 60, 1..40),
        ) {
            let whole: u128 = weights.iter().sum();
            prop_assume!(whole > 0);
            let parts = divide(Money::from_nanos(total), &weights);
            prop_assert_eq!(parts.iter().copied().sum::<Money>(), Money::from_nanos(total));
            for (part, weight) in parts.iter().zip(&weights) {
                let exact = total as f64 * (*weight as f64 / whole as f64);
                prop_assert!((part.nanos() as f64 - exact).abs() <= 1.0 + exact.abs() * 1e-9);
                prop_assert!(part.nanos().signum() * total.signum() >= 0);
            }
        }

        #[test]
        fn a_fraction_is_right_where_the_product_does_not_fit(a in any::<u128>(), part in any::<u128>(), whole in any::<u128>()) {
            let (part, whole) = (part.min(whole), part.max(whole).max(1));
            let answer = fraction(a, part, whole);
            prop_assert!(answer <= a);
            let expected = a as f64 * (part as f64 / whole as f64);
            prop_assert!((answer as f64 - expected).abs() <= 1.0 + expected * 1e-9);
        }
    }
}
