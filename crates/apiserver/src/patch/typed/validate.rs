//! Whether an applied object can be read with its schema.

use std::collections::BTreeSet;

use serde_json::Value;

use super::form::element_of;
use crate::schema::{ListType, Scalar, Shape, View};

/// What is wrong with an applied object, worded as upstream: `.spec.foo: field not declared in schema`. In the order of the object, and at most a hundred.
pub(in crate::patch) fn validate(view: View<'_>, value: &Value) -> Vec<String> {
    let mut errors = Vec::new();
    walk(view, value, &mut String::new(), &mut errors);
    errors
}

/// More are not listed.
const MOST: usize = 100;

fn walk(view: View<'_>, value: &Value, path: &mut String, errors: &mut Vec<String>) {
    if value.is_null() || errors.len() >= MOST {
        return;
    }
    let length = path.len();
    match view.shape() {
        Shape::Object(_) => {
            let Value::Object(fields) = value else {
                errors.push(located(path, &format!("expected map, got {value}")));
                return;
            };
            for (name, value) in fields {
                path.push('.');
                path.push_str(name);
                match view.field(name) {
                    Some(field) => walk(field, value, path, errors),
                    None if errors.len() < MOST => errors.push(located(path, "field not declared in schema")),
                    None => {}
                }
                path.truncate(length);
            }
        }
        Shape::List { .. } => {
            let Value::Array(elements) = value else {
                errors.push(located(path, &format!("expected list, got {value}")));
                return;
            };
            let Some((items, kind)) = view.list() else { return };
            walk_list(items, kind, elements, path, errors);
        }
        Shape::Scalar(scalar) => {
            if let Some(wanted) = misfit(*scalar, value) {
                errors.push(located(path, &format!("expected {wanted}, got {value}")));
            }
        }
        _ => {}
    }
}

fn walk_list(
    items: View<'_>,
    kind: &ListType,
    elements: &[Value],
    path: &mut String,
    errors: &mut Vec<String>,
) {
    let length = path.len();
    let mut seen = BTreeSet::new();
    for (position, element) in elements.iter().enumerate() {
        if errors.len() >= MOST {
            return;
        }
        let step = match kind {
            ListType::Atomic => format!("[{position}]"),
            kind => match element_of(items, kind, element) {
                Err(why) => {
                    errors.push(located(path, &format!("element {position}: {why}")));
                    continue;
                }
                Ok(step) if !seen.insert(step.clone()) => {
                    errors.push(located(path, &format!("duplicate entries for key {step}")));
                    continue;
                }
                Ok(step) => step.to_string(),
            },
        };
        path.push_str(&step);
        walk(items, element, path, errors);
        path.truncate(length);
    }
}

fn misfit(scalar: Scalar, value: &Value) -> Option<&'static str> {
    let (fits, wanted) = match scalar {
        Scalar::Int32 | Scalar::Int64 | Scalar::Number => (value.is_number(), "numeric (int or float)"),
        Scalar::Boolean => (value.is_boolean(), "boolean"),
        // Quantities and ports are untyped scalars.
        Scalar::Quantity | Scalar::IntOrString => {
            (value.is_string() || value.is_number(), "string or number")
        }
        _ => (value.is_string(), "string"),
    };
    (!fits).then_some(wanted)
}

fn located(path: &str, why: &str) -> String {
    if path.is_empty() { why.to_owned() } else { format!("{path}: {why}") }
}
