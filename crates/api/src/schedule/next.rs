//! When a schedule next fires.

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};

use super::parse::{Fields, Pattern, Schedule};

const SECONDS_PER_MINUTE: i64 = 60;
const MINUTES_PER_HOUR: u32 = 60;
const MINUTES_PER_DAY: u32 = 24 * MINUTES_PER_HOUR;

/// A schedule that fires at no time of the current and the following five years is taken never to fire.
const YEARS_TO_SEARCH: i16 = 5;

impl Schedule {
    /// The first moment after this one at which the schedule fires; `None` if it does not fire within five years, as
    /// one for 30 February.
    pub fn next_after(&self, moment: Timestamp) -> Option<Timestamp> {
        match &self.pattern {
            Pattern::Every(interval) => {
                let second = moment.as_nanosecond().div_euclid(1_000_000_000);
                Timestamp::from_second(i64::try_from(second).ok()?).ok()?.checked_add(*interval).ok()
            }
            Pattern::Fields(fields) => {
                let minute = moment.as_nanosecond().div_euclid(60_000_000_000) + 1;
                let earliest =
                    Timestamp::from_second(i64::try_from(minute).ok()? * SECONDS_PER_MINUTE).ok()?;
                self.first_from(fields, earliest)
            }
        }
    }

    fn first_from(&self, fields: &Fields, earliest: Timestamp) -> Option<Timestamp> {
        let mut day = self.zone.to_datetime(earliest).date();
        let last_year = day.year().saturating_add(YEARS_TO_SEARCH);
        while day.year() <= last_year {
            if fields.months >> day.month() & 1 == 0 {
                day = day.last_of_month().tomorrow().ok()?;
                continue;
            }
            if fields.admit_day(day)
                && let Some(found) = self.first_of_day(fields, day, earliest)
            {
                return Some(found);
            }
            day = day.tomorrow().ok()?;
        }
        None
    }

    /// The first moment of a day that the schedule fires at, from a moment on.
    fn first_of_day(&self, fields: &Fields, day: Date, earliest: Timestamp) -> Option<Timestamp> {
        let midnight = |day: Date| self.zone.to_timestamp(day.at(0, 0, 0, 0)).ok();
        let (start, end) = (midnight(day)?, midnight(day.tomorrow().ok()?)?);
        let clocks_change = self.zone.following(start).next().is_some_and(|change| change.timestamp() < end);
        if clocks_change || end.duration_since(start) != SignedDuration::from_hours(24) {
            return self.first_by_walking(fields, day, earliest.max(start), end);
        }
        let past = earliest.duration_since(start).as_secs().max(0);
        let passed = u32::try_from((past + SECONDS_PER_MINUTE - 1) / SECONDS_PER_MINUTE).ok()?;
        let minute = fields.first_minute_from(passed)?;
        start.checked_add(SignedDuration::from_mins(i64::from(minute))).ok()
    }

    /// A day on which clocks change is looked at minute by minute, as it is lived through.
    fn first_by_walking(
        &self,
        fields: &Fields,
        day: Date,
        from: Timestamp,
        end: Timestamp,
    ) -> Option<Timestamp> {
        let shown = i64::from(self.zone.to_datetime(from).second());
        let to_full_minute = (SECONDS_PER_MINUTE - shown) % SECONDS_PER_MINUTE;
        let mut moment = from.checked_add(SignedDuration::from_secs(to_full_minute)).ok()?;
        while moment < end {
            let wall = self.zone.to_datetime(moment);
            if wall.date() == day
                && fields.hours >> wall.hour() & 1 == 1
                && fields.minutes >> wall.minute() & 1 == 1
            {
                return Some(moment);
            }
            moment = moment.checked_add(SignedDuration::from_mins(1)).ok()?;
        }
        None
    }
}

impl Fields {
    fn admit_day(&self, day: Date) -> bool {
        let by_month = self.days >> day.day() & 1 == 1;
        let by_week = self.weekdays >> day.weekday().to_sunday_zero_offset() & 1 == 1;
        if self.both_days { by_month && by_week } else { by_month || by_week }
    }

    /// The first minute of the day, counted from midnight, that is not before the given one.
    fn first_minute_from(&self, passed: u32) -> Option<u32> {
        if passed >= MINUTES_PER_DAY {
            return None;
        }
        let first_of = |bits: u64, from: u32| {
            let left = bits >> from;
            (left != 0).then(|| from + left.trailing_zeros())
        };
        let hour = passed / MINUTES_PER_HOUR;
        if self.hours >> hour & 1 == 1
            && let Some(minute) = first_of(self.minutes, passed % MINUTES_PER_HOUR)
        {
            return Some(hour * MINUTES_PER_HOUR + minute);
        }
        let later = first_of(self.hours, hour + 1)?;
        Some(later * MINUTES_PER_HOUR + first_of(self.minutes, 0)?)
    }
}
