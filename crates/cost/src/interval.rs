//! Stretches of time in whole seconds, start included, end not.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Seconds of an hour: the grain of the ledger.
pub const HOUR: i64 = 3_600;

/// A stretch of time, in seconds since 1970 in UTC; `start <= end`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Interval {
    /// The first second.
    pub start: i64,
    /// The first second after it.
    pub end: i64,
}

impl Interval {
    /// From `start` to `end`; empty at `start` if `end` is before it.
    pub const fn new(start: i64, end: i64) -> Interval {
        Interval { start, end: if end < start { start } else { end } }
    }

    /// The hour that begins at `start`.
    pub const fn hour(start: i64) -> Interval {
        Interval::new(start, start.saturating_add(HOUR))
    }

    /// How long it is.
    pub const fn seconds(self) -> u64 {
        self.end.abs_diff(self.start)
    }

    /// How long it is, in minutes.
    pub fn minutes(self) -> f64 {
        self.seconds() as f64 / 60.0
    }

    /// Whether no second is in it.
    pub const fn is_empty(self) -> bool {
        self.end <= self.start
    }

    /// What both have in common; empty if nothing.
    pub fn overlap(self, other: Interval) -> Interval {
        Interval::new(self.start.max(other.start), self.end.min(other.end))
    }

    /// The shortest stretch that holds both; an empty one adds nothing.
    pub fn hull(self, other: Interval) -> Interval {
        match (self.is_empty(), other.is_empty()) {
            (true, _) => other,
            (_, true) => self,
            _ => Interval { start: self.start.min(other.start), end: self.end.max(other.end) },
        }
    }

    /// The starts of the hours that it touches, in order.
    pub fn hours(self) -> impl Iterator<Item = i64> {
        let first = hour_of(self.start);
        let end = if self.is_empty() { first } else { self.end };
        (0..).map(move |step| first + step * HOUR).take_while(move |hour| *hour < end)
    }
}

/// The start of the hour a second is in.
pub const fn hour_of(second: i64) -> i64 {
    second.div_euclid(HOUR).saturating_mul(HOUR)
}

/// The part of an amount, spread evenly over `whole`, that falls into `window`. Parts of adjoining windows add up exactly.
pub fn part(amount: u128, whole: Interval, window: Interval) -> u128 {
    let inside = whole.overlap(window);
    if inside.is_empty() {
        return 0;
    }
    if inside == whole {
        return amount;
    }
    let length = u128::from(whole.seconds());
    let until =
        |second: i64| crate::money::fraction(amount, u128::from(second.abs_diff(whole.start)), length);
    until(inside.end).saturating_sub(until(inside.start))
}

/// A second as `2026-01-31T12:00:00Z`; seconds out of the calendar show its ends.
pub fn rfc3339(second: i64) -> String {
    let end = if second < 0 { Timestamp::MIN } else { Timestamp::MAX };
    Timestamp::from_second(second).unwrap_or(end).strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn hours_are_those_it_touches() {
        assert_eq!(Interval::new(3_599, 7_201).hours().collect::<Vec<_>>(), [0, 3_600, 7_200]);
        assert_eq!(Interval::new(3_600, 7_200).hours().collect::<Vec<_>>(), [3_600]);
        assert_eq!(Interval::new(5, 5).hours().count(), 0);
        assert_eq!(Interval::new(-1, 1).hours().collect::<Vec<_>>(), [-3_600, 0]);
    }

    #[test]
    fn times_are_written_as_in_the_api() {
        assert_eq!(rfc3339(1_767_225_600), "2026-01-01T00:00:00Z");
        assert_eq!(rfc3339(i64::MAX).len(), "9999-12-30T22:00:00Z".len());
    }

    proptest! {
        #[test]
        fn parts_of_adjoining_windows_add_up(amount in any::<u64>(), cuts in proptest::collection::vec(0i64..3_600, 0..6)) {
            let whole = Interval::new(100, 3_500);
            let mut cuts = cuts;
            cuts.extend([0, 3_600]);
            cuts.sort_unstable();
            let sum: u128 = cuts.windows(2).map(|pair| part(u128::from(amount), whole, Interval::new(pair[0], pair[1]))).sum();
            prop_assert_eq!(sum, u128::from(amount));
        }
    }
}
