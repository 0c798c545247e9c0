//! A quantity to its canonical text, as Kubernetes prints it: no fraction, the largest suffix that allows that,
//! the format it was written in.

use std::fmt;

use super::value::{NANO_PER_UNIT, Quantity, QuantityFormat};

/// Binary suffixes by power of 1024.
const BINARY_SUFFIXES: [&str; 7] = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];

impl fmt::Display for Quantity {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let magnitude = self.nano().unsigned_abs();
        if magnitude == 0 {
            return out.write_str("0");
        }
        if self.is_negative() {
            out.write_str("-")?;
        }
        let unit = NANO_PER_UNIT as u128;
        match self.format() {
            // A binary quantity below 1024, or with a fraction, would lose precision: it is shown as decimal.
            QuantityFormat::BinarySi if magnitude >= 1024 * unit && magnitude.is_multiple_of(unit) => {
                write_binary(out, magnitude / unit)
            }
            QuantityFormat::BinarySi | QuantityFormat::DecimalSi => write_decimal(out, magnitude, letter),
            QuantityFormat::DecimalExponent => write_decimal(out, magnitude, |_| None),
        }
    }
}

fn write_binary(out: &mut fmt::Formatter<'_>, units: u128) -> fmt::Result {
    let power = (units.trailing_zeros() / 10).min(6);
    write!(out, "{}{}", units >> (power * 10), BINARY_SUFFIXES[power as usize])
}

/// Writes `nano` with the largest exponent of ten, a multiple of three, that leaves no fraction.
fn write_decimal(
    out: &mut fmt::Formatter<'_>,
    nano: u128,
    letter: fn(i32) -> Option<&'static str>,
) -> fmt::Result {
    let mut number = nano;
    let mut exponent = -9;
    while number.is_multiple_of(1000) {
        number /= 1000;
        exponent += 3;
    }
    match (exponent, letter(exponent)) {
        (0, _) => write!(out, "{number}"),
        (_, Some(letter)) => write!(out, "{number}{letter}"),
        (_, None) => write!(out, "{number}e{exponent}"),
    }
}

/// The decimal suffix for a power of ten; none beyond exa, where the exponent is written out.
fn letter(exponent: i32) -> Option<&'static str> {
    Some(match exponent {
        -9 => "n",
        -6 => "u",
        -3 => "m",
        3 => "k",
        6 => "M",
        9 => "G",
        12 => "T",
        15 => "P",
        18 => "E",
        _ => return None,
    })
}
