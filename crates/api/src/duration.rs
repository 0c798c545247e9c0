//! Go durations as Kubernetes manifests write them (`30s`, `1h30m`, `1.5h`), their text kept verbatim so that a
//! manifest read and written again shows no difference (reference row N7), and the form that also allows `Never`.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::labels::excerpt;

/// The text that switches a nillable duration off (reference rows N7, N10).
pub const NEVER: &str = "Never";

const NANOS_PER_MICRO: u64 = 1_000;
const NANOS_PER_MILLI: u64 = 1_000_000;
const NANOS_PER_SECOND: u64 = 1_000_000_000;
const NANOS_PER_MINUTE: u64 = 60 * NANOS_PER_SECOND;
const NANOS_PER_HOUR: u64 = 60 * NANOS_PER_MINUTE;

/// Fraction digits beyond this are far below a nanosecond in every unit and are left out.
const FRACTION_DIGITS: usize = 25;

/// Why a text is not a Go duration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DurationError {
    /// There was no text, or nothing but a sign.
    #[error("duration is empty; write a number with a unit such as 30s, 15m or 1h30m")]
    Empty,
    /// A part does not start with a number.
    #[error(
        "duration {text:?} has no number before {found:?}; write a number with a unit such as 30s, 15m or 1h30m"
    )]
    NoNumber {
        /// The whole text, cut to a readable length.
        text: String,
        /// What stood where a number was expected.
        found: String,
    },
    /// A number stands without a unit.
    #[error("duration {text:?} has no unit after {number:?}; use ns, us, ms, s, m or h")]
    MissingUnit {
        /// The whole text, cut to a readable length.
        text: String,
        /// The number without a unit.
        number: String,
    },
    /// The unit is not one of Go's.
    #[error(
        "duration {text:?} has the unknown unit {unit:?}; use ns, us, ms, s, m or h{}",
        if unit == "d" { " (a day is 24h)" } else { "" }
    )]
    UnknownUnit {
        /// The whole text, cut to a readable length.
        text: String,
        /// The unit that was found.
        unit: String,
    },
    /// The duration does not fit in 63 bits of nanoseconds, about 292 years.
    #[error("duration {text:?} is too long; the longest is 2562047h47m16.854775807s")]
    TooLong {
        /// The whole text, cut to a readable length.
        text: String,
    },
}

/// A Go duration: its text, kept verbatim, and its length in nanoseconds (negative is legal).
///
/// Equality is by text and length, because a manifest that says `60m` must keep saying `60m`; compare
/// [`as_nanos`](GoDuration::as_nanos) to compare lengths.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct GoDuration {
    text: String,
    nanos: i64,
}

impl GoDuration {
    /// The duration of `nanos` nanoseconds, its text as Go prints it (`1h30m0s`).
    pub fn from_nanos(nanos: i64) -> Self {
        Self { text: go_text(nanos), nanos }
    }

    /// The duration of `seconds` seconds, held within the range of a Go duration.
    pub fn from_secs(seconds: i64) -> Self {
        Self::from_nanos(seconds.saturating_mul(NANOS_PER_SECOND as i64))
    }

    /// Its length in nanoseconds.
    pub const fn as_nanos(&self) -> i64 {
        self.nanos
    }

    /// Its length in seconds, for display and for arithmetic that may round.
    pub fn as_secs_f64(&self) -> f64 {
        self.nanos as f64 / NANOS_PER_SECOND as f64
    }

    /// The text it was written in.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether its length is zero.
    pub const fn is_zero(&self) -> bool {
        self.nanos == 0
    }
}

impl FromStr for GoDuration {
    type Err = DurationError;

    fn from_str(text: &str) -> Result<Self, DurationError> {
        Ok(Self { nanos: parse_nanos(text)?, text: text.to_owned() })
    }
}

impl fmt::Display for GoDuration {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.text)
    }
}

fn parse_nanos(text: &str) -> Result<i64, DurationError> {
    let negative = text.starts_with('-');
    let mut rest = text.strip_prefix(['-', '+']).unwrap_or(text);
    if rest.is_empty() {
        return Err(DurationError::Empty);
    }
    if rest == "0" {
        return Ok(0);
    }
    let too_long = || DurationError::TooLong { text: excerpt(text) };
    // As in Go, the most negative duration is legal, so one more than `i64::MAX` fits while summing up.
    let limit = u128::from(i64::MIN.unsigned_abs());
    let mut total = 0u128;
    while !rest.is_empty() {
        let (nanos, after) = parse_part(text, rest)?;
        total = nanos.map(|nanos| total + nanos).filter(|total| *total <= limit).ok_or_else(too_long)?;
        rest = after;
    }
    if negative {
        return Ok((-(total as i128)) as i64);
    }
    i64::try_from(total).map_err(|_| too_long())
}

/// One number with its unit from the front of `rest`: its nanoseconds (nothing if beyond counting) and what follows.
fn parse_part<'a>(text: &str, rest: &'a str) -> Result<(Option<u128>, &'a str), DurationError> {
    let (whole, after_whole) = split_digits(rest);
    let (fraction, after_number) = match after_whole.strip_prefix('.') {
        Some(after_point) => split_digits(after_point),
        None => ("", after_whole),
    };
    if whole.is_empty() && fraction.is_empty() {
        return Err(DurationError::NoNumber { text: excerpt(text), found: excerpt(rest) });
    }
    let unit_end = after_number
        .find(|letter: char| letter == '.' || letter.is_ascii_digit())
        .unwrap_or(after_number.len());
    let (unit, after) = after_number.split_at(unit_end);
    let unit_nanos = u128::from(match unit {
        "ns" => 1,
        // The micro sign and the Greek letter mu.
        "us" | "\u{b5}s" | "\u{3bc}s" => NANOS_PER_MICRO,
        "ms" => NANOS_PER_MILLI,
        "s" => NANOS_PER_SECOND,
        "m" => NANOS_PER_MINUTE,
        "h" => NANOS_PER_HOUR,
        "" => {
            let number = &rest[..rest.len() - after_number.len()];
            return Err(DurationError::MissingUnit { text: excerpt(text), number: excerpt(number) });
        }
        _ => return Err(DurationError::UnknownUnit { text: excerpt(text), unit: excerpt(unit) }),
    });
    let whole = whole.trim_start_matches('0');
    if whole.len() > 19 {
        return Ok((None, after));
    }
    let kept = &fraction[..fraction.len().min(FRACTION_DIGITS)];
    let fraction_nanos = number(kept) * unit_nanos / 10u128.pow(kept.len() as u32);
    Ok((Some(number(whole) * unit_nanos + fraction_nanos), after))
}

fn split_digits(text: &str) -> (&str, &str) {
    text.split_at(text.bytes().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len()))
}

/// The value of at most [`FRACTION_DIGITS`] ASCII digits.
fn number(digits: &str) -> u128 {
    digits.bytes().fold(0, |sum, byte| sum * 10 + u128::from(byte - b'0'))
}

/// A duration as Go's `time.Duration` prints it: `1h30m0s`, `1.5s`, `250ms`, `0s`.
fn go_text(nanos: i64) -> String {
    let sign = if nanos < 0 { "-" } else { "" };
    let magnitude = nanos.unsigned_abs();
    if magnitude == 0 {
        return "0s".to_owned();
    }
    if magnitude < NANOS_PER_SECOND {
        let (unit, name) = if magnitude < NANOS_PER_MICRO {
            (1, "ns")
        } else if magnitude < NANOS_PER_MILLI {
            (NANOS_PER_MICRO, "\u{b5}s")
        } else {
            (NANOS_PER_MILLI, "ms")
        };
        return format!("{sign}{}{name}", with_fraction(magnitude, unit));
    }
    let (hours, minutes) = (magnitude / NANOS_PER_HOUR, magnitude % NANOS_PER_HOUR / NANOS_PER_MINUTE);
    let seconds = with_fraction(magnitude % NANOS_PER_MINUTE, NANOS_PER_SECOND);
    match (hours, minutes) {
        (0, 0) => format!("{sign}{seconds}s"),
        (0, _) => format!("{sign}{minutes}m{seconds}s"),
        _ => format!("{sign}{hours}h{minutes}m{seconds}s"),
    }
}

/// `nanos / unit` with as many fraction digits as it needs; `unit` is a power of ten.
fn with_fraction(nanos: u64, unit: u64) -> String {
    let (whole, rest) = (nanos / unit, nanos % unit);
    if rest == 0 {
        return whole.to_string();
    }
    let digits = format!("{rest:0width$}", width = unit.ilog10() as usize);
    format!("{whole}.{}", digits.trim_end_matches('0'))
}

impl Serialize for GoDuration {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for GoDuration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Cow::<'de, str>::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

impl JsonSchema for GoDuration {
    fn schema_name() -> Cow<'static, str> {
        "Duration".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string" })
    }
}

/// A duration that can be switched off with the text `Never` (reference rows N7, N10).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum NillableDuration {
    /// Written `Never`.
    Never,
    /// Any Go duration.
    After(GoDuration),
}

impl NillableDuration {
    /// The duration, unless it is `Never`.
    pub const fn duration(&self) -> Option<&GoDuration> {
        match self {
            Self::Never => None,
            Self::After(duration) => Some(duration),
        }
    }

    /// Its length in nanoseconds, unless it is `Never`.
    pub fn as_nanos(&self) -> Option<i64> {
        self.duration().map(GoDuration::as_nanos)
    }

    /// Whether it is `Never`.
    pub const fn is_never(&self) -> bool {
        matches!(self, Self::Never)
    }

    /// The text it was written in.
    pub fn as_str(&self) -> &str {
        self.duration().map_or(NEVER, GoDuration::as_str)
    }
}

impl From<GoDuration> for NillableDuration {
    fn from(duration: GoDuration) -> Self {
        Self::After(duration)
    }
}

impl FromStr for NillableDuration {
    type Err = DurationError;

    fn from_str(text: &str) -> Result<Self, DurationError> {
        if text == NEVER { Ok(Self::Never) } else { text.parse().map(Self::After) }
    }
}

impl fmt::Display for NillableDuration {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}

impl Serialize for NillableDuration {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for NillableDuration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Cow::<'de, str>::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

impl JsonSchema for NillableDuration {
    fn schema_name() -> Cow<'static, str> {
        "NillableDuration".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": "^(([0-9]+(s|m|h))+|Never)$" })
    }
}
