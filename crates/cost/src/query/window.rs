//! Windows of time in words (reference section 2.4).

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use thiserror::Error;

use crate::interval::Interval;
use crate::query::calendar::Unit;

/// A text that is no window. The words are OpenCost's.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum WindowError {
    /// Not in the grammar.
    #[error(
        "illegal window: {text}: expected today, yesterday, week, lastweek, month, lastmonth, a duration such as 7d or \
         24h, or two times START,END as RFC 3339 or Unix seconds"
    )]
    Illegal {
        /// The text, cut to 60 characters.
        text: String,
    },
    /// It ends before it begins, or at once.
    #[error("illegal window: {text}: it has to end after it begins")]
    Empty {
        /// The text, cut to 60 characters.
        text: String,
    },
    /// Before 1970, after 9999, or longer than anything is kept.
    #[error("illegal window: {text}: out of range, expected at most 10 years between 1970 and 9999")]
    OutOfRange {
        /// The text, cut to 60 characters.
        text: String,
    },
}

/// Ten years, with their leap days.
const LONGEST: u64 = (3_650 + 3) * 86_400;
/// The last second of 9999.
const LATEST: i64 = 253_402_300_800 - 100_000;

/// Reads a window; `now` in seconds since 1970, `offset` is local time minus UTC in seconds.
pub fn parse_window(text: &str, now: i64, offset: i64) -> Result<Interval, WindowError> {
    parse(text, now, offset, 604_800)
}

/// The same with OpenCost's weeks (reference section 2.4): an offset of one is 24 of them.
pub fn parse_window_of_opencost(text: &str, now: i64, offset: i64) -> Result<Interval, WindowError> {
    parse(text, now, offset, 24 * 604_800)
}

fn parse(text: &str, now: i64, offset: i64, offset_week: i64) -> Result<Interval, WindowError> {
    let shown = || text.chars().take(60).collect::<String>();
    let trimmed = text.trim();
    let window = named(trimmed, now, offset)
        .or_else(|| lasting(trimmed, now, offset, offset_week))
        .or_else(|| pair(trimmed, offset))
        .ok_or_else(|| WindowError::Illegal { text: shown() })?;
    let (start, end) = window;
    if start < 0 || end > LATEST || end.saturating_sub(start) > LONGEST as i64 {
        return Err(WindowError::OutOfRange { text: shown() });
    }
    if end <= start {
        return Err(WindowError::Empty { text: shown() });
    }
    Ok(Interval::new(start, end))
}

fn named(word: &str, now: i64, offset: i64) -> Option<(i64, i64)> {
    let start = |unit: Unit| unit.start(now, offset);
    Some(match word {
        "today" => (start(Unit::Day), Unit::Day.next(now, offset)),
        "yesterday" => (Unit::Day.start(start(Unit::Day) - 1, offset), start(Unit::Day)),
        "week" => (start(Unit::Week), now),
        "lastweek" => (Unit::Week.start(start(Unit::Week) - 1, offset), start(Unit::Week)),
        "month" => (start(Unit::Month), now),
        "lastmonth" => (Unit::Month.start(start(Unit::Month) - 1, offset), start(Unit::Month)),
        _ => return None,
    })
}

/// `7d`: until the end of the running unit. `7d offset 3h`: not rounded.
fn lasting(text: &str, now: i64, offset: i64, offset_week: i64) -> Option<(i64, i64)> {
    let mut words = text.split_whitespace();
    let (number, unit) = span(words.next()?)?;
    let length = number.checked_mul(unit)?;
    let end = match (words.next(), words.next(), words.next()) {
        (None, ..) => match unit {
            60 => Unit::Minute.next(now, offset),
            3_600 => Unit::Hour.next(now, offset),
            // weeks end at the next midnight, too
            _ => Unit::Day.next(now, offset),
        },
        (Some("offset"), Some(back), None) => {
            let (number, unit) = span(back)?;
            let unit = if unit == 604_800 { offset_week } else { unit };
            now.checked_sub(number.checked_mul(unit)?)?
        }
        _ => return None,
    };
    Some((end.checked_sub(length)?, end))
}

/// A number and the seconds of its unit.
fn span(word: &str) -> Option<(i64, i64)> {
    let unit = match word.chars().last()? {
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        'w' => 604_800,
        _ => return None,
    };
    let digits = &word[..word.len() - 1];
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some((digits.parse().ok()?, unit))
}

fn pair(text: &str, offset: i64) -> Option<(i64, i64)> {
    if let Some((start, end)) = text.split_once(',') {
        return Some((moment(start.trim(), offset)?, moment(end.trim(), offset)?));
    }
    let (start, end) = text.split_once('-')?;
    let digits = |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit());
    if digits(start) && digits(end) { Some((start.parse().ok()?, end.parse().ok()?)) } else { None }
}

/// Unix seconds, RFC 3339 with any offset, or a date or a time of day without one, which are local.
fn moment(text: &str, offset: i64) -> Option<i64> {
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return text.parse().ok();
    }
    if let Ok(time) = text.parse::<Timestamp>() {
        return Some(time.as_second());
    }
    let local = text
        .parse::<Date>()
        .ok()
        .filter(|_| text.len() == 10)
        .map(|date| date.at(0, 0, 0, 0))
        .or_else(|| text.parse::<DateTime>().ok().filter(|_| text.len() >= 19))?;
    Some(local.to_zoned(TimeZone::UTC).ok()?.timestamp().as_second().saturating_sub(offset))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;
    use crate::interval::rfc3339;

    /// A Tuesday.
    const NOW: &str = "2026-03-31T22:15:30Z";

    fn now() -> i64 {
        NOW.parse::<Timestamp>().unwrap().as_second()
    }

    /// Reference section 2.4.
    #[rstest]
    #[case("today", "2026-03-31T00:00:00Z", "2026-04-01T00:00:00Z")]
    #[case("yesterday", "2026-03-30T00:00:00Z", "2026-03-31T00:00:00Z")]
    #[case("week", "2026-03-29T00:00:00Z", NOW)]
    #[case("lastweek", "2026-03-22T00:00:00Z", "2026-03-29T00:00:00Z")]
    #[case("month", "2026-03-01T00:00:00Z", NOW)]
    #[case("lastmonth", "2026-02-01T00:00:00Z", "2026-03-01T00:00:00Z")]
    #[case("7d", "2026-03-25T00:00:00Z", "2026-04-01T00:00:00Z")]
    #[case("1d", "2026-03-31T00:00:00Z", "2026-04-01T00:00:00Z")]
    #[case("2h", "2026-03-31T21:00:00Z", "2026-03-31T23:00:00Z")]
    #[case("15m", "2026-03-31T22:01:00Z", "2026-03-31T22:16:00Z")]
    #[case("2w", "2026-03-18T00:00:00Z", "2026-04-01T00:00:00Z")]
    #[case("1d offset 3h", "2026-03-30T19:15:30Z", "2026-03-31T19:15:30Z")]
    #[case("1d offset 1w", "2026-03-23T22:15:30Z", "2026-03-24T22:15:30Z")]
    #[case("1767225600,1767312000", "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z")]
    #[case("1767225600-1767312000", "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z")]
    #[case("2026-01-01T00:00:00Z,2026-01-02T00:00:00Z", "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z")]
    #[case("2026-01-01T00:00:00+02:00,2026-01-02T00:00:00Z", "2025-12-31T22:00:00Z", "2026-01-02T00:00:00Z")]
    #[case("2026-01-01,2026-01-03", "2026-01-01T00:00:00Z", "2026-01-03T00:00:00Z")]
    fn windows_are_those_of_the_api(#[case] text: &str, #[case] start: &str, #[case] end: &str) {
        let window = parse_window(text, now(), 0).unwrap();
        assert_eq!((rfc3339(window.start).as_str(), rfc3339(window.end).as_str()), (start, end));
    }

    /// Reference section 2.4 (!).
    #[test]
    fn the_weeks_of_an_offset_are_long_under_opencost() {
        let window = parse_window_of_opencost("1d offset 1w", now(), 0).unwrap();
        assert_eq!(window.end, now() - 24 * 604_800);
        assert_eq!(
            parse_window_of_opencost("1d offset 2d", now(), 0),
            parse_window("1d offset 2d", now(), 0)
        );
        assert_eq!(parse_window_of_opencost("2w", now(), 0), parse_window("2w", now(), 0));
    }

    #[test]
    fn an_offset_moves_midnight() {
        let window = parse_window("today", now(), 2 * 3_600).unwrap();
        assert_eq!(rfc3339(window.start), "2026-03-31T22:00:00Z");
        let window = parse_window("2026-01-01,2026-01-03", now(), 2 * 3_600).unwrap();
        assert_eq!(rfc3339(window.start), "2025-12-31T22:00:00Z");
    }

    #[rstest]
    #[case("", "illegal window: :")]
    #[case("tomorrow", "illegal window: tomorrow")]
    #[case("7", "illegal window")]
    #[case("-7d", "illegal window")]
    #[case("0d", "has to end after")]
    #[case("99999999999999999999d", "illegal window")]
    #[case("9999999999d", "illegal window")]
    #[case("20000d", "out of range")]
    #[case("2026-01-02T00:00:00Z,2026-01-01T00:00:00Z", "has to end after")]
    #[case("2026-01-01T00:00:00Z", "illegal window")]
    #[case("2026-13-01,2026-14-01", "illegal window")]
    #[case("7d offset", "illegal window")]
    #[case("7d offset 1h again", "illegal window")]
    #[case("1,99999999999999999", "out of range")]
    fn what_is_no_window_is_refused(#[case] text: &str, #[case] reason: &str) {
        let error = parse_window(text, now(), 0).unwrap_err().to_string();
        assert!(error.contains(reason), "{error}");
    }

    proptest! {
        #[test]
        fn nonsense_never_panics(text in "[0-9a-z :,TZ+-]{0,30}", now in 0i64..100_000_000_000, offset in -86_400i64..86_400) {
            if let Ok(window) = parse_window(&text, now, offset) {
                prop_assert!(window.start < window.end);
            }
        }
    }
}
