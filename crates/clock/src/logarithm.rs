//! The natural logarithm from basic operations alone. The one of the standard library may differ in the last bit from
//! platform to platform, and with it every draw that depends on it.

use std::f64::consts::{LN_2, SQRT_2};

/// The natural logarithm of a positive, finite number, to within a few units in the last place.
pub(crate) fn ln(number: f64) -> f64 {
    debug_assert!(number > 0.0 && number.is_finite());
    // Subnormal numbers have no leading bit to take the exponent from; lift them first.
    let (number, lifted) =
        if number < f64::MIN_POSITIVE { (number * 2f64.powi(64), 64) } else { (number, 0) };
    let bits = number.to_bits();
    let mut exponent = ((bits >> 52) & 0x7ff) as i32 - 1023 - lifted;
    let mut mantissa = f64::from_bits((bits & ((1 << 52) - 1)) | (1023 << 52));
    if mantissa > SQRT_2 {
        mantissa /= 2.0;
        exponent += 1;
    }
    // ln m = 2 artanh((m - 1) / (m + 1)); with m within sqrt(1/2)..sqrt(2) the argument is at most 0.172, and twelve
    // terms of the series reach the precision of the type.
    let ratio = (mantissa - 1.0) / (mantissa + 1.0);
    let square = ratio * ratio;
    let series = (0..12).rev().fold(0.0, |sum, term| sum * square + 1.0 / f64::from(2 * term + 1));
    f64::from(exponent) * LN_2 + 2.0 * ratio * series
}

#[cfg(test)]
mod tests {
    use super::ln;

    #[test]
    fn agrees_with_the_standard_library_to_the_last_bits() {
        let mut number = 1e-320;
        while number < 1e300 {
            let (ours, theirs) = (ln(number), number.ln());
            assert!(
                (ours - theirs).abs() <= 4.0 * f64::EPSILON * theirs.abs().max(1.0),
                "ln {number}: {ours} {theirs}"
            );
            number *= 1.37;
        }
        assert_eq!(ln(1.0), 0.0);
    }

    #[test]
    fn the_bits_are_the_same_on_every_platform() {
        assert_eq!(ln(0.5).to_bits(), (-std::f64::consts::LN_2).to_bits());
        assert_eq!(ln(10.0).to_bits(), 0x4002_6bb1_bbb5_5515);
    }
}
