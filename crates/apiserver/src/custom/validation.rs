//! Whether a value is as its schema says. Messages are worded as upstream's.
//!
//! On updates, what did not change is not looked at: an object that became invalid by a new schema can still be changed
//! elsewhere.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::builtin::read::{Errors, items, text};
use crate::field_error::{FieldError, FieldErrorKind, Path};

use super::formats::{fits, has_format};
use super::node::{ListKind, Node};

/// Checks a value; `old` is what was there before, if anything.
pub(super) fn check(node: &Node, value: &Value, old: Option<&Value>, at: &Path<'_>, errors: &mut Errors) {
    if old == Some(value) {
        return;
    }
    if value.is_null() && (node.nullable || node.kind.is_empty() && !node.int_or_string) {
        return;
    }
    if !check_type(node, value, at, errors) {
        return;
    }
    check_bounds(node, value, at, errors);
    check_combinations(node, value, at, errors);
    match value {
        Value::Object(fields) => {
            for name in &node.required {
                if !fields.contains_key(name) {
                    errors.push(FieldError::required(at.field(name), ""));
                }
            }
            for (name, field) in fields {
                let before = old.and_then(|old| old.get(name));
                if let Some(inner) = node.properties.get(name) {
                    check(inner, field, before, &at.field(name), errors);
                } else if let Some(inner) = &node.values {
                    check(inner, field, before, &at.field(name), errors);
                }
            }
            if node.embedded {
                check_embedded(value, at, errors);
            }
        }
        Value::Array(list) => {
            if let Some(inner) = &node.items {
                let before = Correlated::new(node, old);
                for (index, item) in list.iter().enumerate() {
                    check(inner, item, before.of(item), &at.index(index), errors);
                }
            }
            check_distinct(node, list, at, errors);
        }
        _ => {}
    }
}

/// The items of a list as they were before, to be found again by their keys.
pub(super) struct Correlated<'v> {
    keys: &'v [String],
    items: std::collections::BTreeMap<String, &'v Value>,
}

impl<'v> Correlated<'v> {
    /// Only items of lists that are maps can be found again.
    pub(super) fn new(node: &'v Node, old: Option<&'v Value>) -> Self {
        match (&node.list, old.and_then(Value::as_array)) {
            (ListKind::Map(keys), Some(list)) => {
                Self { keys, items: list.iter().map(|item| (identity(item, keys), item)).collect() }
            }
            _ => Self { keys: &[], items: Default::default() },
        }
    }

    /// What an item was before.
    pub(super) fn of(&self, item: &Value) -> Option<&'v Value> {
        if self.items.is_empty() { None } else { self.items.get(&identity(item, self.keys)).copied() }
    }
}

fn identity(item: &Value, keys: &[String]) -> String {
    let mut identity = String::new();
    for key in keys {
        identity.push_str(&item.get(key).unwrap_or(&Value::Null).to_string());
        identity.push(' ');
    }
    identity
}

fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number)
            if number.is_f64() && number.as_f64().is_some_and(|number| number.fract() != 0.0) =>
        {
            "number"
        }
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

fn check_type(node: &Node, value: &Value, at: &Path<'_>, errors: &mut Errors) -> bool {
    let found = type_of(value);
    let expected = match node.kind.as_str() {
        "" if node.int_or_string => {
            if matches!(found, "integer" | "string") {
                return true;
            }
            "integer,string"
        }
        "" => return true,
        expected => expected,
    };
    if expected == found || (expected == "number" && found == "integer") {
        return true;
    }
    let detail = format!("{at} in body must be of type {expected}: {found:?}");
    errors.push(FieldError::type_invalid(at, found, detail));
    false
}

fn check_bounds(node: &Node, value: &Value, at: &Path<'_>, errors: &mut Errors) {
    let bounds = &node.bounds;
    if let Some(possible) = &bounds.one_of
        && !possible.contains(value)
    {
        let names: Vec<String> = possible
            .iter()
            .map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned))
            .collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        errors.push(FieldError::not_supported(at, value.clone(), &names));
    }
    let mut wrong = |detail: String| {
        errors.push(FieldError::invalid(at, value.clone(), format!("{at} in body {detail}")));
    };
    match value {
        Value::Number(number) => {
            let number_f = number.as_f64().unwrap_or_default();
            match bounds.minimum {
                Some((least, true)) if number_f <= least => wrong(format!("should be greater than {least}")),
                Some((least, false)) if number_f < least => {
                    wrong(format!("should be greater than or equal to {least}"));
                }
                _ => {}
            }
            match bounds.maximum {
                Some((most, true)) if number_f >= most => wrong(format!("should be less than {most}")),
                Some((most, false)) if number_f > most => {
                    wrong(format!("should be less than or equal to {most}"))
                }
                _ => {}
            }
            if let Some(factor) = bounds.multiple_of {
                let quotient = number_f / factor;
                if (quotient - quotient.round()).abs() > 1e-9 * quotient.abs().max(1.0) {
                    wrong(format!("should be a multiple of {factor}"));
                }
            }
            if number.as_i64().is_some_and(|number| !fits(&node.format, number)) {
                wrong(format!("must be of type {}: {number}", node.format));
            }
        }
        Value::String(text) => {
            let length = u64::try_from(text.chars().count()).unwrap_or(u64::MAX);
            if let Some(shortest) = bounds.shortest.filter(|shortest| length < *shortest) {
                wrong(format!("should be at least {shortest} chars long"));
            }
            if let Some(pattern) = bounds.pattern.as_ref().filter(|pattern| !pattern.is_match(text)) {
                wrong(format!("should match '{}'", pattern.as_str()));
            }
            if !node.format.is_empty() && !has_format(&node.format, text) {
                wrong(format!("must be of type {}: {text:?}", node.format));
            }
            if let Some(longest) = bounds.longest.filter(|longest| length > *longest) {
                let longest = usize::try_from(longest).unwrap_or(usize::MAX);
                errors.push(FieldError::too_long(at, longest));
            }
        }
        Value::Array(list) => {
            let length = u64::try_from(list.len()).unwrap_or(u64::MAX);
            if let Some(fewest) = bounds.fewest_items.filter(|fewest| length < *fewest) {
                wrong(format!("should have at least {fewest} items"));
            }
            if let Some(most) = bounds.most_items.filter(|most| length > *most) {
                let most = usize::try_from(most).unwrap_or(usize::MAX);
                errors.push(FieldError::too_many(at, list.len(), most));
            }
        }
        Value::Object(fields) => {
            let length = u64::try_from(fields.len()).unwrap_or(u64::MAX);
            if let Some(fewest) = bounds.fewest_properties.filter(|fewest| length < *fewest) {
                wrong(format!("should have at least {fewest} properties"));
            }
            if let Some(most) = bounds.most_properties.filter(|most| length > *most) {
                let most = usize::try_from(most).unwrap_or(usize::MAX);
                errors.push(FieldError::too_many(at, fields.len(), most));
            }
        }
        Value::Null | Value::Bool(_) => {}
    }
}

fn holds(node: &Node, value: &Value) -> bool {
    let mut errors = Errors::default();
    check(node, value, None, &Path::ROOT, &mut errors);
    errors.is_empty()
}

fn check_combinations(node: &Node, value: &Value, at: &Path<'_>, errors: &mut Errors) {
    if node.all_of.is_empty() && node.any_of.is_empty() && node.one_of.is_empty() && node.not.is_none() {
        return;
    }
    let shown = || match value {
        Value::Object(_) | Value::Array(_) => Value::from(type_of(value)),
        other => other.clone(),
    };
    let named = if at.to_string().is_empty() { "<nil>".to_owned() } else { at.to_string() };
    for inner in &node.all_of {
        check(inner, value, None, at, errors);
    }
    if !node.any_of.is_empty() && !node.any_of.iter().any(|inner| holds(inner, value)) {
        let detail = format!("{named} in body must validate at least one schema (anyOf)");
        errors.push(FieldError::invalid(at, shown(), detail));
    }
    if !node.one_of.is_empty() {
        let count = node.one_of.iter().filter(|inner| holds(inner, value)).count();
        if count != 1 {
            let found = if count == 0 {
                "Found none valid".to_owned()
            } else {
                format!("Found {count} valid alternatives")
            };
            let detail = format!("{named} in body must validate one and only one schema (oneOf). {found}");
            errors.push(FieldError::invalid(at, shown(), detail));
        }
    }
    if node.not.as_ref().is_some_and(|inner| holds(inner, value)) {
        let detail = format!("{named} in body must not validate the schema (not)");
        errors.push(FieldError::invalid(at, shown(), detail));
    }
}

fn check_distinct(node: &Node, list: &[Value], at: &Path<'_>, errors: &mut Errors) {
    let mut seen = BTreeSet::new();
    match &node.list {
        ListKind::Atomic => {}
        ListKind::Set => {
            for (index, item) in list.iter().enumerate() {
                if !seen.insert(item.to_string()) {
                    errors.push(FieldError::duplicate(at.index(index), item.clone()));
                }
            }
        }
        ListKind::Map(keys) => {
            for (index, item) in list.iter().enumerate() {
                if !seen.insert(identity(item, keys)) {
                    let shown: serde_json::Map<String, Value> =
                        keys.iter().filter_map(|key| Some((key.clone(), item.get(key)?.clone()))).collect();
                    errors.push(FieldError::duplicate(at.index(index), Value::Object(shown)));
                }
            }
        }
    }
}

/// An embedded object says what it is.
fn check_embedded(value: &Value, at: &Path<'_>, errors: &mut Errors) {
    for field in ["apiVersion", "kind"] {
        if text(value, field).is_empty() {
            errors.push(FieldError::required(at.field(field), "must not be empty"));
        }
    }
    let mut labels = Errors::default();
    crate::builtin::metadata::check_labels(
        &value["metadata"],
        &at.field("metadata").field("labels"),
        &mut labels,
    );
    errors.extend(labels.into_vec());
    for (index, owner) in items(&value["metadata"], "ownerReferences").iter().enumerate() {
        if !owner.is_object() {
            let at = format!("{at}.metadata.ownerReferences[{index}]");
            let mut error = FieldError::invalid(at, owner.clone(), "must be an object");
            error.kind = FieldErrorKind::TypeInvalid;
            errors.push(error);
        }
    }
}
