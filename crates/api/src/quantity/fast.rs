//! The plain forms (`250m`, `2`, `512Mi`, `1.5Gi`) straight to `i64`, without allocating and without 128-bit
//! division in the usual case. Every other form goes through [`Quantity`]; the meaning is the same.

use super::error::QuantityError;
use super::value::Quantity;

/// More digits than this are left to the exact path.
const PLAIN_DIGITS: usize = 15;

/// The quantity in thousandths of a unit, rounded away from zero, held within `i64`: millicores, for cpu.
pub fn parse_milli(text: &str) -> Result<i64, QuantityError> {
    match plain(text.as_bytes(), 1000) {
        Some(milli) => Ok(milli),
        None => Ok(text.parse::<Quantity>()?.milli_value()),
    }
}

/// The quantity in whole units, rounded away from zero, held within `i64`: bytes, for memory.
pub fn parse_value(text: &str) -> Result<i64, QuantityError> {
    match plain(text.as_bytes(), 1) {
        Some(value) => Ok(value),
        None => Ok(text.parse::<Quantity>()?.value()),
    }
}

/// A plain, unsigned form times `per_unit` (at most 1000), rounded up; nothing if the form is not plain.
fn plain(bytes: &[u8], per_unit: u64) -> Option<i64> {
    let mut mantissa = 0u64;
    let mut divisor = 1u64;
    let mut position = 0;
    let mut seen_point = false;
    while let Some(&byte) = bytes.get(position) {
        match byte {
            b'0'..=b'9' if position < PLAIN_DIGITS => {
                mantissa = mantissa * 10 + u64::from(byte - b'0');
                if seen_point {
                    divisor *= 10;
                }
            }
            b'.' if !seen_point && position > 0 => seen_point = true,
            _ => break,
        }
        position += 1;
    }
    if position == 0 {
        return None;
    }
    let multiplier: u64 = match &bytes[position..] {
        b"" => 1,
        b"m" => {
            divisor *= 1000;
            1
        }
        b"k" => 1000,
        b"M" => 1_000_000,
        b"G" => 1_000_000_000,
        b"T" => 1_000_000_000_000,
        b"Ki" => 1 << 10,
        b"Mi" => 1 << 20,
        b"Gi" => 1 << 30,
        b"Ti" => 1 << 40,
        _ => return None,
    };
    // At most 2^40 * 1000.
    let factor = multiplier * per_unit;
    if let Some(product) = mantissa.checked_mul(factor) {
        let value = if divisor == 1 { product } else { product.div_ceil(divisor) };
        return Some(i64::try_from(value).unwrap_or(i64::MAX));
    }
    let value = (u128::from(mantissa) * u128::from(factor)).div_ceil(u128::from(divisor));
    Some(i64::try_from(value).unwrap_or(i64::MAX))
}
