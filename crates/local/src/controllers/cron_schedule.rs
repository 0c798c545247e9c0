//! Cron schedules: five fields or a name, in a time zone.

use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp, ToSpan};

const MONTHS: [&str; 12] =
    ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const DAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
/// The next time is looked for this many days ahead: leap days are eight years apart at most.
const HORIZON_DAYS: usize = 366 * 9;

/// A schedule.
#[derive(Debug, Clone)]
pub(super) struct Schedule {
    kind: Kind,
    zone: TimeZone,
}

#[derive(Debug, Clone)]
enum Kind {
    /// Bits of minutes, hours, days of the month, months, days of the week.
    Fields {
        minutes: u64,
        hours: u64,
        days: u64,
        months: u64,
        weekdays: u64,
        any_day: bool,
        any_weekday: bool,
    },
    Every(Span),
}

impl Schedule {
    /// Reads a schedule; nothing if it or the zone cannot be read.
    pub(super) fn parse(text: &str, zone: Option<&str>) -> Option<Self> {
        let mut text = text.trim();
        let mut own_zone = None;
        for prefix in ["TZ=", "CRON_TZ="] {
            if let Some(rest) = text.strip_prefix(prefix) {
                let (name, rest) = rest.split_once(char::is_whitespace)?;
                own_zone = Some(name);
                text = rest.trim();
            }
        }
        let zone = match zone.or(own_zone) {
            Some(name) => TimeZone::get(name).ok()?,
            None => TimeZone::UTC,
        };
        if let Some(interval) = text.strip_prefix("@every ") {
            let interval: supercargo_api::duration::GoDuration = interval.trim().parse().ok()?;
            let seconds = Some(interval.as_nanos() / 1_000_000_000).filter(|seconds| *seconds > 0)?;
            return Some(Self { kind: Kind::Every(Span::new().try_seconds(seconds).ok()?), zone });
        }
        let text = match text {
            "@yearly" | "@annually" => "0 0 1 1 *",
            "@monthly" => "0 0 1 * *",
            "@weekly" => "0 0 * * 0",
            "@daily" | "@midnight" => "0 0 * * *",
            "@hourly" => "0 * * * *",
            fields => fields,
        };
        let fields: Vec<&str> = text.split_whitespace().collect();
        let [minutes, hours, days, months, weekdays] = fields.as_slice() else { return None };
        let is_any = |field: &str| field.starts_with(['*', '?']);
        let kind = Kind::Fields {
            minutes: bits(minutes, 0, 59, &[])?,
            hours: bits(hours, 0, 23, &[])?,
            days: bits(days, 1, 31, &[])?,
            months: bits(months, 1, 12, &MONTHS)?,
            weekdays: bits(weekdays, 0, 6, &DAYS)?,
            any_day: is_any(days),
            any_weekday: is_any(weekdays),
        };
        Some(Self { kind, zone })
    }

    /// The first time after this one; nothing if there is none for years.
    pub(super) fn next(&self, after: Timestamp) -> Option<Timestamp> {
        let Kind::Fields { minutes, hours, .. } = &self.kind else {
            let Kind::Every(interval) = &self.kind else { return None };
            let whole = Timestamp::from_second(after.as_second()).ok()?;
            return whole.checked_add(*interval).ok();
        };
        let start = after.to_zoned(self.zone.clone()).datetime();
        let mut date = start.date();
        for _ in 0..HORIZON_DAYS {
            if self.is_day(date) {
                for hour in (0..24).filter(|hour| hours & (1 << hour) != 0) {
                    for minute in (0..60).filter(|minute| minutes & (1 << minute) != 0) {
                        let time = Time::new(hour, minute, 0, 0).ok()?;
                        // a time that the clock leaps over comes when the clock comes to it
                        let moment =
                            self.zone.to_ambiguous_zoned(date.to_datetime(time)).compatible().ok()?;
                        if moment.timestamp() > after {
                            return Some(moment.timestamp());
                        }
                    }
                }
            }
            date = date.checked_add(1.day()).ok()?;
        }
        None
    }

    fn is_day(&self, date: Date) -> bool {
        let Kind::Fields { days, months, weekdays, any_day, any_weekday, .. } = &self.kind else {
            return false;
        };
        if months & (1 << date.month()) == 0 {
            return false;
        }
        let day = days & (1 << date.day()) != 0;
        let weekday = weekdays & (1 << date.weekday().to_sunday_zero_offset()) != 0;
        // if both are restricted, either is enough
        if *any_day || *any_weekday { day && weekday } else { day || weekday }
    }
}

fn bits(field: &str, least: u32, greatest: u32, names: &[&str]) -> Option<u64> {
    let mut bits = 0;
    for part in field.split(',') {
        let (range, step) = match part.split_once('/') {
            Some((range, step)) => (range, step.parse::<u32>().ok().filter(|step| *step > 0)?),
            None => (part, 1),
        };
        let number = |text: &str| -> Option<u32> {
            let named = names.iter().position(|name| name.eq_ignore_ascii_case(text));
            let named =
                named.and_then(|position| u32::try_from(position).ok()).map(|position| position + least);
            named.or_else(|| text.parse().ok()).filter(|number| (least..=greatest).contains(number))
        };
        let (first, last) = match range.split_once('-') {
            _ if matches!(range, "*" | "?") => (least, greatest),
            Some((first, last)) => (number(first)?, number(last)?),
            // a single number with a step goes on to the end
            None if part.contains('/') => (number(range)?, greatest),
            None => (number(range)?, number(range)?),
        };
        if first > last {
            return None;
        }
        for value in (first..=last).step_by(step as usize) {
            bits |= 1 << value;
        }
    }
    Some(bits)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::every_five_minutes("*/5 * * * *", None, "2026-03-01T10:02:30Z", "2026-03-01T10:05:00Z")]
    #[case::strictly_after("0 10 * * *", None, "2026-03-01T10:00:00Z", "2026-03-02T10:00:00Z")]
    #[case::on_weekdays("0 9 * * mon-fri", None, "2026-03-06T09:00:00Z", "2026-03-09T09:00:00Z")]
    #[case::either_day_is_enough("0 0 13 * fri", None, "2026-03-01T00:00:00Z", "2026-03-06T00:00:00Z")]
    #[case::by_name("@monthly", None, "2026-03-01T00:00:00Z", "2026-04-01T00:00:00Z")]
    #[case::on_leap_days("0 0 29 2 *", None, "2026-03-01T00:00:00Z", "2028-02-29T00:00:00Z")]
    #[case::in_a_zone("0 9 * * *", Some("America/New_York"), "2026-01-05T15:00:00Z", "2026-01-06T14:00:00Z")]
    #[case::at_intervals("@every 90m", None, "2026-03-01T10:00:00Z", "2026-03-01T11:30:00Z")]
    fn the_next_time(
        #[case] text: &str,
        #[case] zone: Option<&str>,
        #[case] after: &str,
        #[case] expected: &str,
    ) {
        let schedule = Schedule::parse(text, zone).unwrap();
        let next = schedule.next(after.parse().unwrap()).unwrap();
        assert_eq!(next, expected.parse::<Timestamp>().unwrap());
    }

    #[rstest]
    #[case("60 * * * *")]
    #[case("* * * *")]
    #[case("0 5-3 * * *")]
    #[case("*/0 * * * *")]
    fn no_schedule(#[case] text: &str) {
        assert!(Schedule::parse(text, None).is_none());
    }

    #[test]
    fn a_day_that_never_comes_has_no_next_time() {
        let schedule = Schedule::parse("0 0 31 2 *", None).unwrap();
        assert_eq!(schedule.next("2026-01-01T00:00:00Z".parse().unwrap()), None);
    }

    proptest! {
        #[test]
        fn any_text_gets_an_answer(text in "[@*/,0-9a-z -]{0,30}") {
            if let Some(schedule) = Schedule::parse(&text, None) {
                let _ = schedule.next(Timestamp::UNIX_EPOCH);
            }
        }
    }
}
