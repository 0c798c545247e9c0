//! Durations in scenarios.

use std::fmt;
use std::time::Duration;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use supercargo_api::duration::GoDuration;

/// A duration as scenarios write it: `90s`, `1h30m`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span(pub Duration);

impl Span {
    /// So many seconds.
    pub const fn seconds(seconds: u64) -> Self {
        Self(Duration::from_secs(seconds))
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let parsed: Option<GoDuration> = text.trim().parse().ok();
        let nanos = parsed.and_then(|parsed| u64::try_from(parsed.as_nanos()).ok());
        nanos.map(|nanos| Self(Duration::from_nanos(nanos))).ok_or_else(|| {
            let shown: String = text.chars().take(40).collect();
            D::Error::custom(format!("expected a duration such as 90s or 1h30m, found {shown:?}"))
        })
    }
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl fmt::Display for Span {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        let (hours, minutes, rest) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
        if hours > 0 {
            write!(out, "{hours}h")?;
        }
        if minutes > 0 {
            write!(out, "{minutes}m")?;
        }
        if rest > 0 || seconds == 0 {
            write!(out, "{rest}s")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::seconds("90s", 90, "1m30s")]
    #[case::hours("1h30m", 5_400, "1h30m")]
    #[case::nothing("0s", 0, "0s")]
    fn a_span_is_read_and_written(#[case] text: &str, #[case] seconds: u64, #[case] written: &str) {
        let span: Span = serde_json::from_value(text.into()).unwrap();
        assert_eq!(span, Span::seconds(seconds));
        assert_eq!(span.to_string(), written);
    }

    #[rstest]
    #[case("10")]
    #[case("-5s")]
    #[case("soon")]
    fn what_is_no_duration_is_told(#[case] text: &str) {
        let error = serde_json::from_value::<Span>(text.into()).unwrap_err();
        assert!(error.to_string().contains("expected a duration such as"), "{error}");
    }
}
