//! Times as ages: `5s`, `3m12s`, `2d`.

use jiff::Timestamp;
use serde_json::Value;

/// What is shown where a time is missing.
const UNKNOWN: &str = "<unknown>";

/// How long ago a time in a field was.
pub(super) fn since(time: &Value, now: Timestamp) -> String {
    match time.as_str().and_then(|text| text.parse::<Timestamp>().ok()) {
        Some(time) => human(now.duration_since(time).as_secs()),
        None => UNKNOWN.to_owned(),
    }
}

/// A number of seconds as people say it: fine where it is short, coarse where it is long.
pub(super) fn human(seconds: i64) -> String {
    if seconds < -1 {
        return "<invalid>".to_owned();
    }
    let seconds = seconds.max(0);
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    let two = |whole: i64, unit: &str, rest: i64, rest_unit: &str| {
        if rest == 0 { format!("{whole}{unit}") } else { format!("{whole}{unit}{rest}{rest_unit}") }
    };
    if seconds < 120 {
        format!("{seconds}s")
    } else if minutes < 10 {
        two(minutes, "m", seconds % 60, "s")
    } else if minutes < 180 {
        format!("{minutes}m")
    } else if hours < 8 {
        two(hours, "h", minutes % 60, "m")
    } else if hours < 48 {
        format!("{hours}h")
    } else if hours < 192 {
        two(days, "d", hours % 24, "h")
    } else if hours < 24 * 365 * 2 {
        format!("{days}d")
    } else if hours < 24 * 365 * 8 {
        two(days / 365, "y", days % 365, "d")
    } else {
        format!("{}y", days / 365)
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::human;

    #[rstest]
    #[case(-5, "<invalid>")]
    #[case(-1, "0s")]
    #[case(119, "119s")]
    #[case(120, "2m")]
    #[case(125, "2m5s")]
    #[case(600, "10m")]
    #[case(10_799, "179m")]
    #[case(10_800, "3h")]
    #[case(11_100, "3h5m")]
    #[case(8 * 3600, "8h")]
    #[case(50 * 3600, "2d2h")]
    #[case(8 * 86_400, "8d")]
    #[case(800 * 86_400, "2y70d")]
    #[case(4000 * 86_400, "10y")]
    fn ages_are_coarser_the_longer_they_are(#[case] seconds: i64, #[case] expected: &str) {
        assert_eq!(human(seconds), expected);
    }
}
