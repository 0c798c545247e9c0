//! Parameters of a request: the query string and the form body together.

use thiserror::Error;

use crate::allocation::AggregationError;
use crate::filter::FilterError;
use crate::query::duration::DurationError;
use crate::query::window::WindowError;

/// A parameter that cannot be.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ParameterError {
    /// The window; its text is OpenCost's.
    #[error("Invalid 'window' parameter: {0}")]
    Window(#[from] WindowError),
    /// The aggregate.
    #[error("invalid parameter aggregate: {0}")]
    Aggregate(#[from] AggregationError),
    /// The filter.
    #[error("invalid parameter filter: {0}")]
    Filter(#[from] FilterError),
    /// A duration.
    #[error("invalid parameter {name}: {error}")]
    Duration {
        /// The parameter.
        name: &'static str,
        /// Why.
        error: DurationError,
    },
    /// Not one of the words there are.
    #[error("invalid parameter {name}: {value:?}, expected {expected}")]
    Word {
        /// The parameter.
        name: &'static str,
        /// Its value, cut to 40 characters.
        value: String,
        /// What would be right.
        expected: &'static str,
    },
    /// More steps than anyone reads.
    #[error("invalid parameter step: the window has {steps} steps, at most {most} are answered")]
    TooManySteps {
        /// How many there would be.
        steps: u64,
        /// How many there may be.
        most: u64,
    },
    /// A list that is longer than anyone needs.
    #[error("invalid parameter {name}: it lists {count} words, at most {most} are read")]
    TooManyWords {
        /// The parameter.
        name: &'static str,
        /// How many there are.
        count: usize,
        /// How many there may be.
        most: usize,
    },
    /// One parameter needs another.
    #[error("invalid parameter {name}: bad request: it needs {needs}")]
    Needs {
        /// The parameter.
        name: &'static str,
        /// What it needs.
        needs: &'static str,
    },
}

/// How many properties there are to aggregate by, at most.
pub(super) const MOST_PROPERTIES: usize = 20;
/// How many names a list may have: it is asked about every row.
pub(super) const MOST_NAMES: usize = 1_000;

/// Names and values, decoded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parameters {
    pairs: Vec<(String, String)>,
    forgiving: bool,
}

impl Parameters {
    /// Reads a query string and the body of a form; what comes first counts.
    pub fn read(query: &str, form: &[u8]) -> Parameters {
        let decoded = |bytes: &[u8]| {
            form_urlencoded::parse(bytes)
                .map(|(name, value)| (name.trim().to_owned(), value.into_owned()))
                .collect::<Vec<_>>()
        };
        let mut pairs = decoded(query.as_bytes());
        pairs.extend(decoded(form));
        Parameters { pairs, forgiving: false }
    }

    /// Takes a default in place of what cannot be, as OpenCost does (reference section 2.3).
    pub fn forgive(&mut self) {
        self.forgiving = true;
    }

    /// The value of a parameter, if it is there and not empty.
    pub fn text(&self, name: &str) -> Option<&str> {
        let found = self.pairs.iter().find(|(known, value)| known == name && !value.trim().is_empty());
        found.map(|(_, value)| value.trim())
    }

    /// A parameter that may be repeated, and be a list with commas each time, of at most `most` words in all.
    pub fn list(&self, name: &'static str, most: usize) -> Result<Vec<&str>, ParameterError> {
        let found = self.pairs.iter().filter(|(known, _)| known == name);
        let words = found.flat_map(|(_, value)| value.split(',')).map(str::trim);
        let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
        match words.len() {
            count if count > most => Err(ParameterError::TooManyWords { name, count, most }),
            _ => Ok(words),
        }
    }

    /// A truth value as Go's `strconv.ParseBool` reads it.
    pub fn flag(&self, name: &'static str) -> Result<bool, ParameterError> {
        Ok(self.optional_flag(name)?.unwrap_or(false))
    }

    /// The same, if it is there.
    pub fn optional_flag(&self, name: &'static str) -> Result<Option<bool>, ParameterError> {
        self.word(name, "true or false", parse_bool)
    }

    /// A word that `read` knows; `expected` says which there are.
    pub fn word<T>(
        &self,
        name: &'static str,
        expected: &'static str,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, ParameterError> {
        let Some(value) = self.text(name) else { return Ok(None) };
        match read(value) {
            Some(known) => Ok(Some(known)),
            None if self.forgiving => Ok(None),
            None => Err(ParameterError::Word { name, value: value.chars().take(40).collect(), expected }),
        }
    }

    /// A whole number that is not negative.
    pub fn count(&self, name: &'static str) -> Result<Option<usize>, ParameterError> {
        self.word(name, "a whole number from 0 on", |text| text.parse().ok())
    }

    /// Whether what cannot be is replaced by a default.
    pub const fn is_forgiving(&self) -> bool {
        self.forgiving
    }
}

/// As Go reads truth values.
pub(crate) fn parse_bool(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reference section 2.1: parameters are the query string and the form body together.
    #[test]
    fn the_query_string_and_the_form_count_together() {
        let parameters =
            Parameters::read("window=1d&filter=label%5Bapp%5D%3A%22a+b%22", b"aggregate=namespace&window=2d");
        assert_eq!(parameters.text("window"), Some("1d"));
        assert_eq!(parameters.text("aggregate"), Some("namespace"));
        assert_eq!(parameters.text("filter"), Some("label[app]:\"a b\""));
        assert_eq!(parameters.text("step"), None);
    }

    #[test]
    fn a_list_has_an_end() {
        let parameters = Parameters::read("a=x,,y, z&a=u", b"a=v");
        assert_eq!(parameters.list("a", 5).unwrap(), ["x", "y", "z", "u", "v"]);
        let error = parameters.list("a", 4).unwrap_err().to_string();
        assert_eq!(error, "invalid parameter a: it lists 5 words, at most 4 are read");
    }

    #[test]
    fn truth_values_are_gos() {
        let parameters = Parameters::read("a=T&b=0&c=yes&d=", b"");
        assert_eq!(parameters.flag("a"), Ok(true));
        assert_eq!(parameters.flag("b"), Ok(false));
        assert_eq!(parameters.flag("d"), Ok(false));
        assert!(parameters.flag("c").unwrap_err().to_string().contains("\"yes\", expected true or false"));
        let mut forgiving = parameters;
        forgiving.forgive();
        assert_eq!(forgiving.flag("c"), Ok(false));
    }
}
