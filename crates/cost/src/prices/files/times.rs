//! Moments as files write them.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;

/// Seconds since 1970: `2026-03-30T12:00:00Z`, `2026-03-30 12:00:00 UTC`, `2026-03-30 12:00:00`, `2026-03-30` (UTC).
pub(super) fn second(text: &str) -> Option<i64> {
    let text = text.trim();
    if let Ok(time) = text.parse::<Timestamp>() {
        return Some(time.as_second());
    }
    let text = text.strip_suffix("UTC").or_else(|| text.strip_suffix('Z')).map_or(text, str::trim_end);
    let civil = text.parse::<DateTime>().or_else(|_| text.parse::<Date>().map(DateTime::from)).ok()?;
    civil.to_zoned(TimeZone::UTC).ok().map(|time| time.timestamp().as_second())
}

/// What times look like, for problems.
pub(super) const EXPECTED: &str = "a time such as 2026-03-30T12:00:00Z, or a day";

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("2026-03-30T12:00:00Z", Some(1_774_872_000))]
    #[case("2026-03-30T12:00:00.000Z", Some(1_774_872_000))]
    #[case("2026-03-30 12:00:00 UTC", Some(1_774_872_000))]
    #[case("2026-03-30 12:00:00", Some(1_774_872_000))]
    #[case("2026-03-30", Some(1_774_828_800))]
    #[case("30.3.2026", None)]
    #[case("", None)]
    fn times_of_all_sources_are_read(#[case] text: &str, #[case] expected: Option<i64>) {
        assert_eq!(second(text), expected);
    }
}
