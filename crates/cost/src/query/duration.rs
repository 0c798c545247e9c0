//! Durations as Go writes them, with days and weeks: `1h30m`, `7d`.

use thiserror::Error;

/// A text that is no duration.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum DurationError {
    /// Not a number with a unit.
    #[error("{text:?} is not a duration: expected numbers with the units s, m, h, d or w, such as 1h30m")]
    NotADuration {
        /// The text, cut to 40 characters.
        text: String,
    },
    /// Below a second, or more than anything lasts.
    #[error("{text:?} is out of range: expected one second to 100 years")]
    OutOfRange {
        /// The text, cut to 40 characters.
        text: String,
    },
}

/// A hundred years.
const LONGEST: f64 = 100.0 * 366.0 * 86_400.0;

/// Whole seconds of a duration, at least one; fractions of a second are cut off.
pub fn parse_duration(text: &str) -> Result<u64, DurationError> {
    let shown = || text.chars().take(40).collect::<String>();
    let mut rest = text.trim();
    if rest.is_empty() {
        return Err(DurationError::NotADuration { text: shown() });
    }
    let mut seconds = 0.0;
    while !rest.is_empty() {
        let digits =
            rest.find(|letter: char| !letter.is_ascii_digit() && letter != '.').unwrap_or(rest.len());
        let (number, tail) = rest.split_at(digits);
        let letters =
            tail.find(|letter: char| letter.is_ascii_digit() || letter == '.').unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(letters);
        let number: f64 = number.parse().map_err(|_| DurationError::NotADuration { text: shown() })?;
        let unit = match unit {
            "ns" => 1e-9,
            "us" | "µs" => 1e-6,
            "ms" => 1e-3,
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3_600.0,
            "d" => 86_400.0,
            "w" => 604_800.0,
            _ => return Err(DurationError::NotADuration { text: shown() }),
        };
        seconds += number * unit;
        rest = tail;
    }
    if (1.0..=LONGEST).contains(&seconds) {
        Ok(seconds as u64)
    } else {
        Err(DurationError::OutOfRange { text: shown() })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("1h30m", Some(5_400))]
    #[case("7d", Some(604_800))]
    #[case("1.5h", Some(5_400))]
    #[case("2w", Some(1_209_600))]
    #[case("0s", None)]
    #[case("10ms", None)]
    #[case("1", None)]
    #[case("h", None)]
    #[case("-1h", None)]
    #[case("99999999999999999999w", None)]
    #[case("", None)]
    fn durations_are_those_of_go(#[case] text: &str, #[case] seconds: Option<u64>) {
        assert_eq!(parse_duration(text).ok(), seconds);
    }

    proptest! {
        #[test]
        fn nonsense_never_panics(text in ".{0,20}") {
            let _ = parse_duration(&text);
        }
    }
}
