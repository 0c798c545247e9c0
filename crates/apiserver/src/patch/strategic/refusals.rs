//! What the Kubernetes API says of strategic merge patches that it cannot apply.

use serde_json::{Map, Value};

use crate::patch::PatchError;

pub(super) fn no_document() -> PatchError {
    PatchError::Malformed("invalid JSON document".to_owned())
}

pub(super) fn primitive_list() -> PatchError {
    PatchError::Malformed("invalid patch format of primitive list".to_owned())
}

pub(super) fn retain_keys() -> PatchError {
    PatchError::Malformed("invalid patch format of retainKeys".to_owned())
}

pub(super) fn set_element_order() -> PatchError {
    PatchError::Malformed("invalid patch format of setElementOrder list".to_owned())
}

pub(super) fn list_of_lists() -> PatchError {
    PatchError::DoesNotApply("lists of lists are not supported".to_owned())
}

pub(super) fn no_merge_key(element: &Map<String, Value>, key: &str) -> PatchError {
    PatchError::Internal(format!("map: {} does not contain declared merge key: {key}", go_map(element)))
}

pub(super) fn unknown_directive(directive: &Value, object: &Map<String, Value>) -> PatchError {
    let directive = directive.as_str().map_or_else(|| directive.to_string(), str::to_owned);
    PatchError::Internal(format!("unknown patch type: {directive} in map: {}", go_map(object)))
}

pub(super) fn merge_directive() -> PatchError {
    PatchError::Internal("merging lists cannot yet be specified in the patch".to_owned())
}

pub(super) fn no_key_for_list(type_name: &str) -> PatchError {
    PatchError::Internal(format!("cannot merge lists without merge key for {type_name}"))
}

pub(super) fn wrong_order(patch: &[Value], order: &[Value]) -> PatchError {
    PatchError::Internal(format!(
        "The order in patch list:\n{}\n doesn't match $setElementOrder list:\n{}\n",
        go_list(patch),
        go_list(order)
    ))
}

pub(super) fn not_a_map(position: usize) -> PatchError {
    PatchError::Internal(format!("value for key {position} is not a map"))
}

pub(super) fn wrong_kind(wanted: &str, found: &Value) -> PatchError {
    let found = match found {
        Value::Object(_) => "map[string]interface {}",
        Value::Array(_) => "[]interface {}",
        Value::String(_) => "string",
        Value::Bool(_) => "bool",
        Value::Number(number) if number.is_f64() => "float64",
        Value::Number(_) => "int64",
        Value::Null => "<nil>",
    };
    PatchError::Internal(format!("expected a {wanted}, but received a {found}"))
}

/// A map as Go prints it: keys sorted, `map[a:1 b:x]`. Long ones are cut.
fn go_map(fields: &Map<String, Value>) -> String {
    let mut names: Vec<&String> = fields.keys().collect();
    names.sort();
    let parts: Vec<String> =
        names.iter().map(|name| format!("{name}:{}", go_value(&fields[*name]))).collect();
    cut(format!("map[{}]", parts.join(" ")))
}

fn go_list(elements: &[Value]) -> String {
    let parts: Vec<String> = elements.iter().map(go_value).collect();
    cut(format!("[{}]", parts.join(" ")))
}

fn go_value(value: &Value) -> String {
    match value {
        Value::Null => "<nil>".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(elements) => go_list(elements),
        Value::Object(fields) => go_map(fields),
        other => other.to_string(),
    }
}

fn cut(mut text: String) -> String {
    const MOST: usize = 1000;
    if text.len() > MOST {
        let mut end = MOST;
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        text.truncate(end);
        text.push_str("...");
    }
    text
}
