//! Kubernetes label selectors and plain label maps to a compiled selector.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;

use super::error::SelectorError;
use super::terms::{Selector, Term, Test};
use crate::labels::{check_label_key, check_label_value, excerpt};

/// What an absent label selector means; it differs from field to field. An empty one always selects everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WhenAbsent {
    /// As in a spread constraint or an affinity term.
    SelectNothing,
    /// As where a field merely narrows a choice.
    SelectEverything,
}

impl Selector {
    /// Compiles a label selector.
    pub fn compile(selector: &LabelSelector) -> Result<Self, SelectorError> {
        let mut terms = Vec::new();
        for (key, value) in selector.match_labels.iter().flatten() {
            terms.push(term(key, Test::In(vec![value.clone()]))?);
        }
        for expression in selector.match_expressions.iter().flatten() {
            let values = expression.values.clone().unwrap_or_default();
            let (key, operator) = (&expression.key, expression.operator.as_str());
            let named = || (excerpt(key), operator.to_owned());
            let test = match operator {
                "In" | "NotIn" if values.is_empty() => {
                    let (key, operator) = named();
                    return Err(SelectorError::NoValues { key, operator });
                }
                "Exists" | "DoesNotExist" if !values.is_empty() => {
                    let (key, operator) = named();
                    return Err(SelectorError::UnexpectedValues { key, operator });
                }
                "In" => Test::In(values),
                "NotIn" => Test::NotIn(values),
                "Exists" => Test::Exists,
                "DoesNotExist" => Test::DoesNotExist,
                unknown => {
                    return Err(SelectorError::UnknownOperator {
                        key: excerpt(key),
                        operator: excerpt(unknown),
                    });
                }
            };
            terms.push(term(key, test)?);
        }
        Ok(Self::of(terms))
    }

    /// Compiles a label selector that may be absent.
    pub fn compile_optional(
        selector: Option<&LabelSelector>,
        when_absent: WhenAbsent,
    ) -> Result<Self, SelectorError> {
        match (selector, when_absent) {
            (Some(selector), _) => Self::compile(selector),
            (None, WhenAbsent::SelectNothing) => Ok(Self::nothing()),
            (None, WhenAbsent::SelectEverything) => Ok(Self::everything()),
        }
    }

    /// Selects what has all these labels, as a Service or a nodeSelector does. Keys and values are taken as they are.
    pub fn of_labels(labels: &BTreeMap<String, String>) -> Self {
        Self::of(
            labels
                .iter()
                .map(|(key, value)| Term { key: key.clone(), test: Test::In(vec![value.clone()]) })
                .collect(),
        )
    }
}

/// A term with its key and values checked.
pub(super) fn term(key: &str, test: Test) -> Result<Term, SelectorError> {
    check_label_key(key).map_err(SelectorError::Key)?;
    if let Test::In(values) | Test::NotIn(values) = &test {
        for value in values {
            check_label_value(value).map_err(|error| SelectorError::Value { key: key.to_owned(), error })?;
        }
    }
    Ok(Term { key: key.to_owned(), test })
}
