//! The CEL rules of our definitions, evaluated as the API server would on creation.
//!
//! A rule that holds for all entries of a list or map is tried on them one by one, to say which of them breaks it.

use std::sync::LazyLock;

use kube_cel::{CompiledSchema, ErrorKind, ValidationError, Validator, compile_schema, validate_compiled};
use serde_json::{Map, Value, json};

use crate::crd::{Definition, definitions};
use crate::labels::WELL_KNOWN_LABELS;

use super::meant::meant;
use super::path::{FieldPath, Step};
use super::problem::{Problems, Severity};

/// Entries of a list or map that are tried one by one; of a longer one the list as a whole is blamed.
const MOST_ENTRIES_TRIED: usize = 200;

/// Evaluates the rules of a definition. Rules about values that are wrong already (`known`) are left out: they could
/// only repeat what is known, or fail for it.
pub(crate) fn check_rules(
    definition: &Definition,
    value: &Value,
    known: &[FieldPath],
    problems: &mut Problems,
) {
    static COMPILED: LazyLock<Vec<CompiledSchema>> = LazyLock::new(|| {
        definitions().iter().map(|definition| compile_schema(definition.schema())).collect()
    });

    let position = definitions().iter().position(|candidate| candidate.kind == definition.kind);
    let Some(compiled) = position.and_then(|position| COMPILED.get(position)) else { return };
    let Err(errors) = validate_compiled(compiled, value, None) else { return };
    let mut found: Vec<(FieldPath, bool, ValidationError)> = errors
        .into_iter()
        .map(|error| {
            let (path, on_key) = narrow(value, FieldPath::from_dotted(&error.field_path), &error.rule);
            (path, on_key, error)
        })
        .filter(|(path, _, _)| !known.iter().any(|wrong| wrong.contains(path) || path.contains(wrong)))
        .collect();
    found.sort_by(|left, right| (&left.0, &left.2.rule).cmp(&(&right.0, &right.2.rule)));

    for (path, on_key, error) in found {
        let text = match error.kind {
            ErrorKind::ValidationFailure => error.message,
            // A rule that cannot be evaluated refuses the object, as in the API server.
            _ => format!("a rule cannot be evaluated: {}", error.message),
        };
        let label = label_meant(value, &path);
        let problem = problems.push(path, text, Severity::Error);
        problem.rule(error.rule);
        if let Some(label) = label {
            problem.right(format!("did you mean {label}?"));
        }
        if on_key {
            problem.on_key();
        }
    }
}

/// The entry of the list or map at the path that breaks the rule by itself, and whether its name is meant.
fn narrow(value: &Value, path: FieldPath, rule: &str) -> (FieldPath, bool) {
    let mut here = value;
    for step in &path.0 {
        let next = match step {
            Step::Key(key) => here.get(key),
            Step::Index(index) => here.get(index),
        };
        match next {
            Some(next) => here = next,
            None => return (path, false),
        }
    }
    match here {
        Value::Array(items) if items.len() <= MOST_ENTRIES_TRIED && is_about_each(rule) => {
            let schema = json!({ "type": "array", "x-kubernetes-validations": [{ "rule": rule }] });
            match items.iter().position(|item| breaks(&schema, &json!([item]))) {
                Some(index) => (extended(path, Step::Index(index)), false),
                None => (path, false),
            }
        }
        Value::Object(fields) if fields.len() <= MOST_ENTRIES_TRIED && rule.starts_with("self.all(") => {
            let schema = json!({
                "type": "object",
                "additionalProperties": { "type": "string" },
                "x-kubernetes-validations": [{ "rule": rule }],
            });
            let broken = fields.iter().find(|(name, value)| {
                let only = Map::from_iter([((*name).clone(), (*value).clone())]);
                breaks(&schema, &Value::Object(only))
            });
            match broken {
                Some((name, _)) => (extended(path, Step::Key(name.clone())), true),
                None => (path, false),
            }
        }
        _ => (path, false),
    }
}

/// Whether a rule about a list says the same of each of its items. One that compares items says more.
fn is_about_each(rule: &str) -> bool {
    (rule.starts_with("self.all(") || rule.starts_with("!self.exists("))
        && !rule.contains("self.filter(")
        && !rule.contains("self.size(")
}

/// The well-known label that the text or name at a path was probably meant to be.
fn label_meant(value: &Value, path: &FieldPath) -> Option<&'static str> {
    let mut here = value;
    for step in &path.0 {
        here = match step {
            Step::Key(key) => here.get(key)?,
            Step::Index(index) => here.get(index)?,
        };
    }
    let text = match (path.0.last()?, here) {
        (Step::Key(key), Value::String(text)) if key == "key" => text,
        (Step::Key(key), _) if key.contains('/') => key,
        _ => return None,
    };
    let is_known = WELL_KNOWN_LABELS.contains(&text.as_str());
    meant(text, WELL_KNOWN_LABELS.into_iter()).filter(|_| !is_known)
}

fn breaks(schema: &Value, value: &Value) -> bool {
    Validator::new().validate(schema, value, None).is_err()
}

fn extended(mut path: FieldPath, step: Step) -> FieldPath {
    path.0.push(step);
    path
}
