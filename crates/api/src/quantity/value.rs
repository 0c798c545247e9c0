//! The exact value of a quantity and the questions one can ask it.

use std::cmp::Ordering;
use std::hash::{Hash, Hasher};

/// Nano units in one unit.
pub(super) const NANO_PER_UNIT: i128 = 1_000_000_000;
/// Nano units in one milli unit.
const NANO_PER_MILLI: i128 = 1_000_000;
/// The largest magnitude a quantity may have, in nano units: one below 1e29 units.
pub(super) const MAX_NANO: u128 = 10u128.pow(38) - 1;

/// How a quantity was written, and so how it is written again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum QuantityFormat {
    /// Powers of ten by letter: `250m`, `2`, `12M`.
    #[default]
    DecimalSi,
    /// Powers of 1024 by letter: `512Mi`, `2Gi`.
    BinarySi,
    /// Powers of ten by exponent: `12e6`.
    DecimalExponent,
}

/// A Kubernetes quantity: an exact number of nano units and the format it was written in.
///
/// Two quantities are equal, ordered and hashed by value alone: `1Gi` equals `1073741824`.
#[derive(Debug, Clone, Copy, Default)]
pub struct Quantity {
    /// The value in 1e-9 units; its magnitude is at most [`MAX_NANO`].
    nano: i128,
    format: QuantityFormat,
}

impl Quantity {
    /// `nano` must not exceed [`MAX_NANO`] in magnitude.
    pub(super) const fn from_nano(nano: i128, format: QuantityFormat) -> Self {
        Self { nano, format }
    }

    /// The value in 1e-9 units.
    pub(super) const fn nano(&self) -> i128 {
        self.nano
    }

    /// A quantity of `milli` thousandths of a unit (millicores, for cpu), written in decimal.
    pub const fn from_milli(milli: i64) -> Self {
        Self::from_nano(milli as i128 * NANO_PER_MILLI, QuantityFormat::DecimalSi)
    }

    /// A quantity of `value` whole units, written in decimal.
    pub const fn from_value(value: i64) -> Self {
        Self::from_nano(value as i128 * NANO_PER_UNIT, QuantityFormat::DecimalSi)
    }

    /// A quantity of `bytes` bytes, written in powers of 1024.
    pub const fn from_bytes(bytes: i64) -> Self {
        Self::from_nano(bytes as i128 * NANO_PER_UNIT, QuantityFormat::BinarySi)
    }

    /// The value in thousandths of a unit, rounded away from zero, held within `i64`.
    pub fn milli_value(&self) -> i64 {
        divide_away_from_zero(self.nano, NANO_PER_MILLI)
    }

    /// The value in whole units, rounded away from zero, held within `i64`.
    pub fn value(&self) -> i64 {
        divide_away_from_zero(self.nano, NANO_PER_UNIT)
    }

    /// How it was written.
    pub const fn format(&self) -> QuantityFormat {
        self.format
    }

    /// The same value, to be written in another format.
    pub const fn with_format(self, format: QuantityFormat) -> Self {
        Self { nano: self.nano, format }
    }

    /// Whether the value is below zero.
    pub const fn is_negative(&self) -> bool {
        self.nano < 0
    }

    /// Whether the value is zero.
    pub const fn is_zero(&self) -> bool {
        self.nano == 0
    }

    /// The sum, or nothing if its magnitude is 1e29 or more. A zero takes on the format of `other`.
    pub fn checked_add(&self, other: &Quantity) -> Option<Quantity> {
        self.combined(self.nano.checked_add(other.nano)?, other)
    }

    /// The difference, or nothing if its magnitude is 1e29 or more. A zero takes on the format of `other`.
    pub fn checked_sub(&self, other: &Quantity) -> Option<Quantity> {
        self.combined(self.nano.checked_sub(other.nano)?, other)
    }

    fn combined(&self, nano: i128, other: &Quantity) -> Option<Quantity> {
        if nano.unsigned_abs() > MAX_NANO {
            return None;
        }
        let format = if self.is_zero() { other.format } else { self.format };
        Some(Self { nano, format })
    }
}

/// `nano / divisor`, rounded away from zero and held within `i64`.
fn divide_away_from_zero(nano: i128, divisor: i128) -> i64 {
    let truncated = nano / divisor;
    let rounded = if nano % divisor == 0 { truncated } else { truncated + nano.signum() };
    rounded.clamp(i128::from(i64::MIN), i128::from(i64::MAX)) as i64
}

impl PartialEq for Quantity {
    fn eq(&self, other: &Self) -> bool {
        self.nano == other.nano
    }
}

impl Eq for Quantity {}

impl PartialOrd for Quantity {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Quantity {
    fn cmp(&self, other: &Self) -> Ordering {
        self.nano.cmp(&other.nano)
    }
}

impl Hash for Quantity {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.nano.hash(state);
    }
}
