//! Hours, days, weeks, months and quarters of the calendar, in UTC plus an offset.

use jiff::Timestamp;
use jiff::civil::Date;

use crate::interval::Interval;

/// A unit of the calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// A minute.
    Minute,
    /// An hour.
    Hour,
    /// A day from midnight.
    Day,
    /// A week from Sunday.
    Week,
    /// A month.
    Month,
    /// A quarter of a year.
    Quarter,
}

const DAY: i64 = 86_400;

impl Unit {
    /// The unit of a word such as `day`.
    pub fn of_word(word: &str) -> Option<Unit> {
        Some(match word.to_ascii_lowercase().as_str() {
            "hour" => Unit::Hour,
            "day" => Unit::Day,
            "week" => Unit::Week,
            "month" => Unit::Month,
            "quarter" => Unit::Quarter,
            _ => return None,
        })
    }

    /// The start of the unit that a second is in; `offset` is local time minus UTC, in seconds.
    pub fn start(self, second: i64, offset: i64) -> i64 {
        let local = second.saturating_add(offset);
        let start = match self {
            Unit::Minute => local.div_euclid(60) * 60,
            Unit::Hour => local.div_euclid(3_600) * 3_600,
            Unit::Day => local.div_euclid(DAY) * DAY,
            // 1970-01-01 was a Thursday, the fourth day after a Sunday
            Unit::Week => (local.div_euclid(DAY) + 4).div_euclid(7) * 7 * DAY - 4 * DAY,
            Unit::Month => first_of_month(local, 1),
            Unit::Quarter => first_of_month(local, 3),
        };
        start.saturating_sub(offset)
    }

    /// The start of the unit after the one a second is in.
    pub fn next(self, second: i64, offset: i64) -> i64 {
        let start = self.start(second, offset);
        // any second of the next unit: a little more than the longest one
        let longest = match self {
            Unit::Minute => return start.saturating_add(60),
            Unit::Hour => return start.saturating_add(3_600),
            Unit::Day => return start.saturating_add(DAY),
            Unit::Week => return start.saturating_add(7 * DAY),
            Unit::Month => 32 * DAY,
            Unit::Quarter => 93 * DAY,
        };
        self.start(start.saturating_add(longest), offset).max(start.saturating_add(DAY))
    }

    /// The units that a window touches, cut to the window.
    pub fn steps(self, window: Interval, offset: i64) -> impl Iterator<Item = Interval> {
        let mut at = window.start;
        std::iter::from_fn(move || {
            if at >= window.end {
                return None;
            }
            let end = self.next(at, offset).min(window.end);
            let step = Interval::new(at, end);
            at = end;
            Some(step)
        })
    }
}

/// The first second of the month, or of the group of `months` months, that a local second is in.
fn first_of_month(local: i64, months: i8) -> i64 {
    let Ok(time) = Timestamp::from_second(local) else { return local };
    let date = time.to_zoned(jiff::tz::TimeZone::UTC).date();
    let month = (date.month() - 1) / months * months + 1;
    Date::new(date.year(), month, 1)
        .ok()
        .and_then(|first| first.to_zoned(jiff::tz::TimeZone::UTC).ok())
        .map_or(local, |first| first.timestamp().as_second())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;
    use crate::interval::rfc3339;

    fn second(text: &str) -> i64 {
        text.parse::<Timestamp>().unwrap().as_second()
    }

    #[rstest]
    #[case(Unit::Hour, "2026-03-31T22:15:00Z", "2026-03-31T22:00:00Z", "2026-03-31T23:00:00Z")]
    #[case(Unit::Day, "2026-03-31T22:15:00Z", "2026-03-31T00:00:00Z", "2026-04-01T00:00:00Z")]
    #[case(Unit::Week, "2026-03-31T22:15:00Z", "2026-03-29T00:00:00Z", "2026-04-05T00:00:00Z")]
    #[case(Unit::Month, "2026-02-10T00:00:00Z", "2026-02-01T00:00:00Z", "2026-03-01T00:00:00Z")]
    #[case(Unit::Quarter, "2026-12-31T23:59:59Z", "2026-10-01T00:00:00Z", "2027-01-01T00:00:00Z")]
    fn units_begin_and_end(#[case] unit: Unit, #[case] at: &str, #[case] start: &str, #[case] next: &str) {
        assert_eq!(rfc3339(unit.start(second(at), 0)), start);
        assert_eq!(rfc3339(unit.next(second(at), 0)), next);
    }

    #[test]
    fn an_offset_moves_midnight() {
        let at = second("2026-03-31T23:30:00Z");
        assert_eq!(rfc3339(Unit::Day.start(at, 3_600)), "2026-03-31T23:00:00Z");
        assert_eq!(rfc3339(Unit::Month.start(at, 3_600)), "2026-03-31T23:00:00Z");
    }

    proptest! {
        #[test]
        fn a_second_lies_in_its_unit(at in 0i64..200_000_000_000, offset in -50_000i64..50_000, which in 0usize..6) {
            let unit = [Unit::Minute, Unit::Hour, Unit::Day, Unit::Week, Unit::Month, Unit::Quarter][which];
            let (start, next) = (unit.start(at, offset), unit.next(at, offset));
            prop_assert!(start <= at && at < next);
            prop_assert_eq!(unit.start(next, offset), next);
            prop_assert_eq!(unit.start(next - 1, offset), start);
        }
    }
}
