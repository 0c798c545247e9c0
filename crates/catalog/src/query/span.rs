//! A range of amounts as a user writes it: `4`, `4..8`, `4..`, `..8`, ends included.

use std::fmt;

use supercargo_api::quantity::{QuantityError, parse_value};
use thiserror::Error;

/// Amounts from one to another, both included; an open end has no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    least: Option<i64>,
    most: Option<i64>,
}

/// Why a text is not a range.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SpanError {
    /// Neither end is given.
    #[error("{text:?} is not a range: expected {example}")]
    Empty {
        /// The text, cut to 40 characters.
        text: String,
        /// What would be right.
        example: &'static str,
    },
    /// An end does not read.
    #[error("{end:?} in the range {text:?}: {source}")]
    End {
        /// The text, cut to 40 characters.
        text: String,
        /// The end, cut to 40 characters.
        end: String,
        /// What is wrong with it.
        source: QuantityError,
    },
    /// The first end is above the second.
    #[error("the range {text:?} is empty: its first end is above its second")]
    Reversed {
        /// The text, cut to 40 characters.
        text: String,
    },
}

impl Span {
    /// Reads a range; its ends are Kubernetes quantities, so that `8Gi..64Gi` is one of bytes. `example` is shown to
    /// whoever gets it wrong.
    pub fn parse(text: &str, example: &'static str) -> Result<Span, SpanError> {
        let excerpt = |text: &str| text.chars().take(40).collect::<String>();
        let shown = excerpt(text);
        let end = |end: &str| -> Result<Option<i64>, SpanError> {
            if end.is_empty() {
                return Ok(None);
            }
            let amount = parse_value(end);
            let wrong = |source| SpanError::End { text: shown.clone(), end: excerpt(end), source };
            amount.map(Some).map_err(wrong)
        };
        let trimmed = text.trim();
        let (least, most) = match trimmed.split_once("..") {
            Some((least, most)) => (end(least.trim())?, end(most.trim())?),
            None => {
                let exact = end(trimmed)?;
                (exact, exact)
            }
        };
        match (least, most) {
            (None, None) => Err(SpanError::Empty { text: shown, example }),
            (Some(least), Some(most)) if least > most => Err(SpanError::Reversed { text: shown }),
            _ => Ok(Span { least, most }),
        }
    }

    /// Whether an amount lies within.
    pub fn contains(&self, amount: i64) -> bool {
        self.least.is_none_or(|least| amount >= least) && self.most.is_none_or(|most| amount <= most)
    }
}

impl fmt::Display for Span {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.least, self.most) {
            (Some(least), Some(most)) if least == most => write!(formatter, "{least}"),
            (least, most) => {
                let end = |end: Option<i64>| end.map_or_else(String::new, |amount| amount.to_string());
                write!(formatter, "{}..{}", end(least), end(most))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    const EXAMPLE: &str = "4, 4..8, 4.. or ..8";

    #[rstest]
    #[case("4", &[4], &[3, 5])]
    #[case("4..8", &[4, 6, 8], &[3, 9])]
    #[case(" 4 .. 8 ", &[4, 8], &[3, 9])]
    #[case("4..", &[4, 1_000_000], &[3])]
    #[case("..8", &[0, 8], &[9])]
    #[case("8Gi..16Gi", &[8 << 30, 16 << 30], &[8, (16 << 30) + 1])]
    #[case("0", &[0], &[1])]
    fn a_range_holds_its_ends(#[case] text: &str, #[case] within: &[i64], #[case] without: &[i64]) {
        let span = Span::parse(text, EXAMPLE).unwrap();
        assert!(within.iter().all(|amount| span.contains(*amount)), "{text}");
        assert!(without.iter().all(|amount| !span.contains(*amount)), "{text}");
    }

    #[rstest]
    #[case("", "\"\" is not a range: expected 4, 4..8, 4.. or ..8")]
    #[case("..", "\"..\" is not a range: expected 4, 4..8, 4.. or ..8")]
    #[case("8..4", "the range \"8..4\" is empty: its first end is above its second")]
    fn what_is_no_range_is_refused(#[case] text: &str, #[case] problem: &str) {
        assert_eq!(Span::parse(text, EXAMPLE).unwrap_err().to_string(), problem);
    }

    #[test]
    fn an_end_that_does_not_read_is_named() {
        let problem = Span::parse("4..many", EXAMPLE).unwrap_err().to_string();
        assert!(problem.starts_with("\"many\" in the range \"4..many\": "), "{problem}");
    }

    proptest! {
        #[test]
        fn nonsense_never_panics(text in ".{0,40}") {
            let _ = Span::parse(&text, EXAMPLE);
        }
    }
}
