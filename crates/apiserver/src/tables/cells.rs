//! Cells that many kinds have.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::age::since;

/// What is shown where there is nothing.
pub(super) const NONE: &str = "<none>";
/// What is shown where something is not set.
pub(super) const UNSET: &str = "<unset>";

/// The text at a path; empty if there is none.
pub(super) fn text<'a>(object: &'a Value, path: &[&str]) -> &'a str {
    at(object, path).as_str().unwrap_or("")
}

/// The value at a path; null if there is none.
pub(super) fn at<'a>(object: &'a Value, path: &[&str]) -> &'a Value {
    path.iter().fold(object, |value, step| &value[*step])
}

/// The number at a path; 0 if there is none.
pub(super) fn number(object: &Value, path: &[&str]) -> i64 {
    at(object, path).as_i64().unwrap_or(0)
}

/// The items of the list at a path.
pub(super) fn items<'a>(object: &'a Value, path: &[&str]) -> &'a [Value] {
    at(object, path).as_array().map_or(&[], Vec::as_slice)
}

/// How many entries a map or a list has.
pub(super) fn count(object: &Value, path: &[&str]) -> usize {
    match at(object, path) {
        Value::Array(items) => items.len(),
        Value::Object(members) => members.len(),
        _ => 0,
    }
}

/// The text, or `<none>`.
pub(super) fn or_none(text: &str) -> Value {
    json!(if text.is_empty() { NONE } else { text })
}

/// The name.
pub(super) fn name(object: &Value, _: Timestamp) -> Value {
    json!(text(object, &["metadata", "name"]))
}

/// The age.
pub(super) fn age(object: &Value, now: Timestamp) -> Value {
    json!(since(at(object, &["metadata", "creationTimestamp"]), now))
}

/// The time of creation.
pub(super) fn created_at(object: &Value, _: Timestamp) -> Value {
    json!(text(object, &["metadata", "creationTimestamp"]))
}

/// Labels as a selector: `a=b,c=d`.
pub(super) fn labels(map: &Value) -> Value {
    let Some(map) = map.as_object().filter(|map| !map.is_empty()) else { return json!(NONE) };
    let mut pairs: Vec<String> =
        map.iter().map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or(""))).collect();
    pairs.sort_unstable();
    json!(pairs.join(","))
}

/// A label selector in one line.
pub(super) fn selector(selector: &Value) -> Value {
    if !selector.is_object() {
        return json!(NONE);
    }
    let mut terms: Vec<String> = selector["matchLabels"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or("")))
        .collect();
    for expression in items(selector, &["matchExpressions"]) {
        let key = text(expression, &["key"]);
        let values: Vec<&str> = items(expression, &["values"]).iter().filter_map(Value::as_str).collect();
        terms.push(match text(expression, &["operator"]) {
            "In" => format!("{key} in ({})", values.join(",")),
            "NotIn" => format!("{key} notin ({})", values.join(",")),
            "DoesNotExist" => format!("!{key}"),
            _ => key.to_owned(),
        });
    }
    terms.sort_unstable();
    or_none(&terms.join(","))
}

/// The names of containers.
pub(super) fn container_names(containers: &[Value]) -> Value {
    json!(containers.iter().map(|one| text(one, &["name"])).collect::<Vec<_>>().join(","))
}

/// The images of containers.
pub(super) fn container_images(containers: &[Value]) -> Value {
    json!(containers.iter().map(|one| text(one, &["image"])).collect::<Vec<_>>().join(","))
}
