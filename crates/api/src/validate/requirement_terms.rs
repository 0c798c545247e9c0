//! What a controller refuses at run time about requirements and labels (rows N2 and N4), beyond what the definition
//! says.

use std::collections::BTreeMap;

use crate::kinds::RequirementTerm;
use crate::labels::{
    EC2_NODE_CLASS, HOSTNAME, WELL_KNOWN_LABELS, check_label_key, check_label_value, excerpt, known_values,
    normalize_label,
};
use crate::requirement::Operator;
use crate::requirements::Requirements;

use super::meant::meant;
use super::path::At;
use super::problem::Problems;

/// Checks a list of requirements.
pub(crate) fn check_terms(at: &At<'_>, terms: &[RequirementTerm], problems: &mut Problems) {
    for (index, term) in terms.iter().enumerate() {
        check_term(&at.index(index), term, problems);
    }
}

fn check_term(at: &At<'_>, term: &RequirementTerm, problems: &mut Problems) {
    let at_key = at.key("key");
    if let Err(error) = check_label_key(&term.key) {
        problems.error(&at_key, error.to_string()).rule("requirement-values");
    } else if let Some(known) = probably_meant(&term.key) {
        problems
            .warning(&at_key, format!("no instance type has a label {:?}", excerpt(&term.key)))
            .right(format!("did you mean {known}?"));
    }
    if normalize_label(&term.key) != term.key {
        problems
            .warning(&at_key, format!("label {} is an old name", term.key))
            .right(format!("write {}", normalize_label(&term.key)));
    }
    let at_values = at.key("values");
    for (index, value) in term.values().iter().enumerate() {
        if let Err(error) = check_label_value(value) {
            problems.error(&at_values.index(index), error.to_string()).rule("requirement-values");
        }
    }
    match term.operator {
        Operator::Exists | Operator::DoesNotExist if !term.values().is_empty() => {
            problems
                .warning(&at_values, format!("the values mean nothing to {}", term.operator))
                .right("leave them out");
        }
        Operator::NotIn if term.values().is_empty() => {
            problems
                .warning(&at_values, "NotIn without values excludes nothing")
                .right("leave the requirement out");
        }
        Operator::Gt | Operator::Lt | Operator::Gte | Operator::Lte => {
            // The definition says that there is one; whether it is in range, only the algebra knows.
            if let Err(error) = term.requirement() {
                problems.error(&at_values, error.to_string()).rule("requirement-values");
            }
        }
        _ => {}
    }
    check_known_values(at, term, problems);
}

/// Of a label whose values are all known, at least one must stay possible, and as many as minValues says (row N4).
fn check_known_values(at: &At<'_>, term: &RequirementTerm, problems: &mut Problems) {
    let Some(known) = known_values(&term.key) else { return };
    let at_values = at.key("values");
    let possible = known.join(", ");
    let named = |value: &&str| term.values().iter().any(|named| named == *value);
    let left = match term.operator {
        Operator::In => known.iter().filter(|value| named(value)).count(),
        Operator::NotIn => known.iter().filter(|value| !named(value)).count(),
        Operator::Exists => known.len(),
        Operator::DoesNotExist | Operator::Gt | Operator::Lt | Operator::Gte | Operator::Lte => 0,
    };
    let least = usize::try_from(term.min_values.unwrap_or(1)).unwrap_or(1);
    if left < least {
        problems
            .error(&at_values, format!("{left} of the values of {} are left, fewer than {least}", term.key))
            .right(format!("possible: {possible}"))
            .rule("requirement-values");
        return;
    }
    if matches!(term.operator, Operator::In | Operator::NotIn) {
        for (index, value) in term.values().iter().enumerate() {
            if !known.contains(&value.as_str()) {
                problems
                    .warning(&at_values.index(index), format!("{} is never {:?}", term.key, excerpt(value)))
                    .right(format!("possible: {possible}"));
            }
        }
    }
}

/// The well-known label that a key is a few mistypings away from.
fn probably_meant(key: &str) -> Option<&'static str> {
    let known = WELL_KNOWN_LABELS.contains(&normalize_label(key)) || matches!(key, EC2_NODE_CLASS | HOSTNAME);
    if known { None } else { meant(key, WELL_KNOWN_LABELS.into_iter()) }
}

/// Warns when the requirements and labels together leave no value for a label.
pub(crate) fn check_conflicts(
    at: &At<'_>,
    terms: &[RequirementTerm],
    labels: &BTreeMap<String, String>,
    problems: &mut Problems,
) {
    let mut sum = Requirements::from_labels(labels);
    for (index, term) in terms.iter().enumerate() {
        let Ok(requirement) = term.requirement() else { continue };
        let key = requirement.key.clone();
        let before = sum.get(&key).cloned();
        sum.add(requirement);
        let left = sum.get(&key).is_some_and(|left| !left.allows_nothing());
        if let Some(before) = before
            && !left
            && !before.allows_nothing()
        {
            problems
                .warning(
                    &at.index(index),
                    format!("no value of {key} is left: {} is required too", excerpt(&before.to_string())),
                )
                .right("no node can be launched like this; drop one of the two");
        }
    }
}
