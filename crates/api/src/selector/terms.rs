//! The compiled form of a selector and its one question.

use std::collections::BTreeMap;
use std::fmt;

use crate::requirement::{Operator, Requirement, RequirementError};
use crate::requirements::Requirements;

/// Up to this many values a scan beats a binary search.
const SCANNED_VALUES: usize = 8;

/// A compiled label selector. Equal selectors compare equal however they were written.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Selector {
    /// The terms in order, each once; nothing if no labels are selected at all.
    terms: Option<Vec<Term>>,
}

/// One label and the test it must pass.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Term {
    pub(super) key: String,
    pub(super) test: Test,
}

/// What a label is tested for. Value lists are in order, each value once.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Test {
    In(Vec<String>),
    NotIn(Vec<String>),
    Exists,
    DoesNotExist,
    Gt(i64),
    Lt(i64),
    Gte(i64),
    Lte(i64),
}

impl Selector {
    /// Selects every set of labels.
    pub const fn everything() -> Self {
        Self { terms: Some(Vec::new()) }
    }

    /// Selects no set of labels.
    pub const fn nothing() -> Self {
        Self { terms: None }
    }

    pub(super) fn of(mut terms: Vec<Term>) -> Self {
        for term in &mut terms {
            if let Test::In(values) | Test::NotIn(values) = &mut term.test {
                values.sort_unstable();
                values.dedup();
            }
        }
        terms.sort_unstable();
        terms.dedup();
        Self { terms: Some(terms) }
    }

    /// Whether the labels pass every test.
    pub fn matches(&self, labels: &BTreeMap<String, String>) -> bool {
        self.matches_with(|key| labels.get(key).map(String::as_str))
    }

    /// As [`matches`](Self::matches), for objects that may have no labels at all.
    pub fn matches_optional(&self, labels: Option<&BTreeMap<String, String>>) -> bool {
        self.matches_with(|key| labels?.get(key).map(String::as_str))
    }

    /// As [`matches`](Self::matches), for labels kept in another form: `value_of` gives the value of a key.
    pub fn matches_with<'a>(&self, value_of: impl Fn(&str) -> Option<&'a str>) -> bool {
        match &self.terms {
            None => false,
            Some(terms) => terms.iter().all(|term| term.test.passes(value_of(&term.key))),
        }
    }

    /// Whether every set of labels is selected.
    pub fn selects_everything(&self) -> bool {
        self.terms.as_ref().is_some_and(Vec::is_empty)
    }

    /// Whether no set of labels is selected.
    pub fn selects_nothing(&self) -> bool {
        self.terms.is_none()
    }

    /// The same selector with the demand that a label have exactly this value, as `matchLabelKeys` adds
    /// (reference row T3).
    pub fn with_label(self, key: &str, value: &str) -> Self {
        match self.terms {
            None => Self::nothing(),
            Some(mut terms) => {
                terms.push(Term { key: key.to_owned(), test: Test::In(vec![value.to_owned()]) });
                Self::of(terms)
            }
        }
    }

    /// The keys the selector looks at, in order, each once.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        let terms = self.terms.as_deref().unwrap_or_default();
        terms
            .iter()
            .enumerate()
            .filter(|(position, term)| *position == 0 || terms[position - 1].key != term.key)
            .map(|(_, term)| term.key.as_str())
    }

    /// The selector as requirements, one a key, for querying a catalogue; nothing if it selects nothing. A comparison with
    /// a negative number is an error, as in a NodePool (reference row N4).
    pub fn requirements(&self) -> Result<Option<Requirements>, RequirementError> {
        let Some(terms) = &self.terms else { return Ok(None) };
        let mut requirements = Requirements::new();
        for term in terms {
            let (operator, values) = term.test.parts();
            requirements.add(Requirement::new(term.key.clone(), operator, values, None)?);
        }
        Ok(Some(requirements))
    }
}

impl Test {
    fn passes(&self, value: Option<&str>) -> bool {
        match (self, value) {
            (Test::In(values), Some(value)) => contains(values, value),
            (Test::NotIn(values), Some(value)) => !contains(values, value),
            (Test::Exists, Some(_)) | (Test::NotIn(_) | Test::DoesNotExist, None) => true,
            (Test::DoesNotExist, Some(_)) => false,
            (Test::Gt(bound), Some(value)) => value.parse::<i64>().is_ok_and(|number| number > *bound),
            (Test::Lt(bound), Some(value)) => value.parse::<i64>().is_ok_and(|number| number < *bound),
            (Test::Gte(bound), Some(value)) => value.parse::<i64>().is_ok_and(|number| number >= *bound),
            (Test::Lte(bound), Some(value)) => value.parse::<i64>().is_ok_and(|number| number <= *bound),
            (_, None) => false,
        }
    }

    fn parts(&self) -> (Operator, Vec<String>) {
        match self {
            Test::In(values) => (Operator::In, values.clone()),
            Test::NotIn(values) => (Operator::NotIn, values.clone()),
            Test::Exists => (Operator::Exists, Vec::new()),
            Test::DoesNotExist => (Operator::DoesNotExist, Vec::new()),
            Test::Gt(bound) => (Operator::Gt, vec![bound.to_string()]),
            Test::Lt(bound) => (Operator::Lt, vec![bound.to_string()]),
            Test::Gte(bound) => (Operator::Gte, vec![bound.to_string()]),
            Test::Lte(bound) => (Operator::Lte, vec![bound.to_string()]),
        }
    }
}

fn contains(values: &[String], value: &str) -> bool {
    if values.len() <= SCANNED_VALUES {
        values.iter().any(|candidate| candidate == value)
    } else {
        values.binary_search_by(|candidate| candidate.as_str().cmp(value)).is_ok()
    }
}

/// The text form, which parses back to the same selector; `<nothing>` for the selector that selects nothing.
impl fmt::Display for Selector {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(terms) = &self.terms else { return out.write_str("<nothing>") };
        for (position, term) in terms.iter().enumerate() {
            if position > 0 {
                out.write_str(",")?;
            }
            write!(out, "{term}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Term {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = &self.key;
        match &self.test {
            Test::In(values) => match values.as_slice() {
                [value] => write!(out, "{key}={value}"),
                values => write!(out, "{key} in ({})", values.join(",")),
            },
            Test::NotIn(values) => match values.as_slice() {
                [value] => write!(out, "{key}!={value}"),
                values => write!(out, "{key} notin ({})", values.join(",")),
            },
            Test::Exists => write!(out, "{key}"),
            Test::DoesNotExist => write!(out, "!{key}"),
            Test::Gt(bound) => write!(out, "{key}>{bound}"),
            Test::Lt(bound) => write!(out, "{key}<{bound}"),
            Test::Gte(bound) => write!(out, "{key}>={bound}"),
            Test::Lte(bound) => write!(out, "{key}<={bound}"),
        }
    }
}
