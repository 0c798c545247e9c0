//! Text to an exact quantity, in one pass over the text and without floating point.
//!
//! The grammar is the one Kubernetes documents for `resource.Quantity`: an optional sign, digits with an optional
//! point, and a decimal suffix, a binary suffix or an exponent.

use std::str::FromStr;

use super::error::QuantityError;
use super::value::{MAX_NANO, NANO_PER_UNIT, Quantity, QuantityFormat};

/// A binary quantity is capped at this many units, as in Kubernetes.
const BINARY_CAP: u128 = i64::MAX as u128;
/// Exponents beyond this are all the same: far too large, or rounded up to one nano unit.
const EXPONENT_BOUND: i64 = 1_000_000_000;

/// What the number is multiplied with.
#[derive(Clone, Copy)]
enum Scale {
    /// A decimal suffix: 10 to this power.
    Letter(i64),
    /// A binary suffix: 2 to this power.
    Binary(u32),
    /// An explicit exponent: 10 to this power.
    Exponent(i64),
}

/// The parts of the text: `-1.50Gi` is negative, whole `1`, fraction `50`, scale 2^30.
struct Parts<'a> {
    negative: bool,
    whole: &'a [u8],
    fraction: &'a [u8],
    scale: Scale,
}

impl FromStr for Quantity {
    type Err = QuantityError;

    fn from_str(text: &str) -> Result<Self, QuantityError> {
        let parts = split(text)?;
        let (magnitude, format) = match parts.scale {
            Scale::Letter(power) => (decimal_nano(&parts, power), QuantityFormat::DecimalSi),
            Scale::Exponent(power) => (decimal_nano(&parts, power), QuantityFormat::DecimalExponent),
            Scale::Binary(power) => binary_nano(&parts, power),
        };
        let magnitude =
            magnitude.filter(|nano| *nano <= MAX_NANO).ok_or_else(|| QuantityError::too_large(text))? as i128;
        Ok(Quantity::from_nano(if parts.negative { -magnitude } else { magnitude }, format))
    }
}

fn split(text: &str) -> Result<Parts<'_>, QuantityError> {
    let bytes = text.as_bytes();
    if bytes.is_empty() {
        return Err(QuantityError::Empty);
    }
    let negative = bytes[0] == b'-';
    let start = usize::from(negative || bytes[0] == b'+');
    let whole_end = end_of_digits(bytes, start);
    let has_point = bytes.get(whole_end) == Some(&b'.');
    let fraction_start = whole_end + usize::from(has_point);
    let fraction_end = if has_point { end_of_digits(bytes, fraction_start) } else { whole_end };
    let (whole, fraction) = (&bytes[start..whole_end], &bytes[fraction_start..fraction_end]);
    if whole.is_empty() && fraction.is_empty() {
        return Err(QuantityError::no_digits(text));
    }
    // Everything before `fraction_end` is ASCII, so this is a character boundary.
    let suffix = &text[fraction_end..];
    let scale = interpret(suffix).ok_or_else(|| QuantityError::unknown_suffix(text, suffix))?;
    Ok(Parts { negative, whole, fraction, scale })
}

fn end_of_digits(bytes: &[u8], start: usize) -> usize {
    bytes[start..].iter().position(|byte| !byte.is_ascii_digit()).map_or(bytes.len(), |length| start + length)
}

fn interpret(suffix: &str) -> Option<Scale> {
    Some(match suffix {
        "" => Scale::Letter(0),
        "n" => Scale::Letter(-9),
        "u" => Scale::Letter(-6),
        "m" => Scale::Letter(-3),
        "k" => Scale::Letter(3),
        "M" => Scale::Letter(6),
        "G" => Scale::Letter(9),
        "T" => Scale::Letter(12),
        "P" => Scale::Letter(15),
        "E" => Scale::Letter(18),
        "Ki" => Scale::Binary(10),
        "Mi" => Scale::Binary(20),
        "Gi" => Scale::Binary(30),
        "Ti" => Scale::Binary(40),
        "Pi" => Scale::Binary(50),
        "Ei" => Scale::Binary(60),
        _ => Scale::Exponent(exponent(suffix)?),
    })
}

/// The number after `e` or `E`, held within [`EXPONENT_BOUND`].
fn exponent(suffix: &str) -> Option<i64> {
    let signed = suffix.strip_prefix(['e', 'E'])?;
    let digits = signed.strip_prefix(['+', '-']).unwrap_or(signed);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let magnitude =
        digits.bytes().fold(0, |sum: i64, byte| (sum * 10 + i64::from(byte - b'0')).min(EXPONENT_BOUND));
    Some(if signed.starts_with('-') { -magnitude } else { magnitude })
}

/// The number times 10^`power`, in nano units, rounded up; nothing if it needs more than 38 digits.
fn decimal_nano(parts: &Parts<'_>, power: i64) -> Option<u128> {
    let mut digits =
        parts.whole.iter().chain(parts.fraction).map(|byte| byte - b'0').skip_while(|digit| *digit == 0);
    let significant = match parts.whole.iter().position(|byte| *byte != b'0') {
        Some(zeros) => parts.whole.len() - zeros + parts.fraction.len(),
        None => match parts.fraction.iter().position(|byte| *byte != b'0') {
            Some(zeros) => parts.fraction.len() - zeros,
            None => return Some(0),
        },
    } as i64;
    // How many digits stand before the point once the number is written in nano units.
    let width = significant - parts.fraction.len() as i64 + power + 9;
    if width > 38 {
        return None;
    }
    if width <= 0 {
        return Some(1);
    }
    let kept = width.min(significant) as usize;
    let whole = digits.by_ref().take(kept).fold(0, |sum: u128, digit| sum * 10 + u128::from(digit));
    let scaled = whole * 10u128.pow((width - kept as i64) as u32);
    Some(scaled + u128::from(digits.any(|digit| digit != 0)))
}

/// The number times 2^`power`, in nano units, rounded up and capped; a value below one unit becomes decimal.
fn binary_nano(parts: &Parts<'_>, power: u32) -> (Option<u128>, QuantityFormat) {
    const CAP_NANO: u128 = BINARY_CAP * NANO_PER_UNIT as u128;
    let first = parts.whole.iter().position(|byte| *byte != b'0').unwrap_or(parts.whole.len());
    let whole = &parts.whole[first..];
    if whole.len() > 19 {
        return (Some(CAP_NANO), QuantityFormat::BinarySi);
    }
    let units = whole.iter().fold(0, |sum: u128, byte| sum * 10 + u128::from(byte - b'0')) << power;
    let nano = if units > BINARY_CAP {
        CAP_NANO
    } else {
        let nano_per_step = (NANO_PER_UNIT as u128) << power;
        (units * NANO_PER_UNIT as u128 + fraction_times(parts.fraction, nano_per_step)).min(CAP_NANO)
    };
    let below_one = nano > 0 && nano < NANO_PER_UNIT as u128;
    (Some(nano), if below_one { QuantityFormat::DecimalSi } else { QuantityFormat::BinarySi })
}

/// `0.fraction * factor`, rounded up, for a factor below 2^90. Multiplies nine digits at a time from the right, so a
/// fraction of any length is exact and costs one pass.
fn fraction_times(fraction: &[u8], factor: u128) -> u128 {
    let mut carry = 0u128;
    let mut inexact = false;
    for chunk in fraction.chunks(9).rev() {
        let (number, base) = chunk
            .iter()
            .fold((0u128, 1u128), |(sum, base), byte| (sum * 10 + u128::from(byte - b'0'), base * 10));
        let product = number * factor + carry;
        inexact |= !product.is_multiple_of(base);
        carry = product / base;
    }
    carry + u128::from(inexact)
}
