//! Numbers of the API: rounded to so many decimals, not-a-number as null (reference section 2.6).

use serde_json::Value;

use crate::money::Money;

/// A number rounded to `decimals`; whole numbers are written without a point.
pub fn number(value: f64, decimals: u32) -> Value {
    let scale = 10f64.powi(decimals.min(9) as i32);
    // beyond that there are no decimals left to round
    let rounded = if value.abs() < 1e15 { (value * scale).round() / scale } else { value };
    if rounded.fract() == 0.0 && rounded.abs() < 9e15 {
        return Value::from(rounded as i64);
    }
    // not-a-number and the infinities have no JSON
    serde_json::Number::from_f64(rounded).map_or(Value::Null, Value::Number)
}

/// An amount of money.
pub fn money(amount: Money, decimals: u32) -> Value {
    number(amount.as_f64(), decimals)
}

/// A quotient; nothing by nothing is nothing.
pub fn quotient(amount: u128, divisor: f64) -> f64 {
    if amount == 0 { 0.0 } else { amount as f64 / divisor }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_five_decimals_and_no_infinity() {
        assert_eq!(number(0.123_456_789, 5).to_string(), "0.12346");
        assert_eq!(number(12.0, 5).to_string(), "12");
        assert_eq!(number(f64::NAN, 5), Value::Null);
        assert_eq!(number(f64::INFINITY, 5), Value::Null);
        assert_eq!(number(1e300, 5).as_f64(), Some(1e300));
        assert_eq!(money(Money::from_nanos(1), 9).to_string(), "1e-9");
    }
}
