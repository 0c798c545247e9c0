//! From what the derives make to what Kubernetes calls a structural schema, in the form controller-gen would write.
//!
//! The derives mark optional fields nullable, repeat type names as titles, write bounds as floats and keep the line
//! breaks of doc comments; the step through the typed definition empties the branches of int-or-string.

use serde_json::{Map, Value, json};

/// The formats that mean something to Kubernetes.
const KNOWN_FORMATS: [&str; 6] = ["date-time", "int32", "int64", "double", "byte", "duration"];

/// Cleans a schema and all schemas within.
pub(super) fn make_structural(schema: &mut Value) {
    let Some(fields) = schema.as_object_mut() else { return };
    unwrap_optional(fields);
    for useless in ["nullable", "title", "uniqueItems"] {
        fields.remove(useless);
    }
    if fields.get("default").is_some_and(Value::is_null) {
        fields.remove("default");
    }
    if fields.get("format").and_then(Value::as_str).is_some_and(|format| !KNOWN_FORMATS.contains(&format)) {
        fields.remove("format");
    }
    if fields.get("type").and_then(Value::as_str) == Some("integer") {
        for bound in ["minimum", "maximum"] {
            if let Some(whole) = fields.get(bound).and_then(whole_number) {
                fields.insert(bound.to_owned(), json!(whole));
            }
        }
    }
    if let Some(Value::String(description)) = fields.get_mut("description") {
        *description = for_users(description);
    }
    if fields.get("x-kubernetes-int-or-string") == Some(&Value::Bool(true)) {
        fields.insert("anyOf".to_owned(), json!([{ "type": "integer" }, { "type": "string" }]));
        return;
    }

    if let Some(Value::Object(properties)) = fields.get_mut("properties") {
        properties.values_mut().for_each(make_structural);
    }
    for inner in ["items", "additionalProperties"] {
        if let Some(inner) = fields.get_mut(inner) {
            make_structural(inner);
        }
    }
}

/// A doc comment without its line breaks and without the notes on its sources, which only developers can follow.
fn for_users(doc: &str) -> String {
    let mut text = doc.split_whitespace().collect::<Vec<_>>().join(" ");
    for note in [" (row ", " (rows ", " (reference "] {
        while let Some(start) = text.find(note) {
            let Some(length) = text[start..].find(')') else { break };
            text.replace_range(start..=start + length, "");
        }
    }
    text
}

/// Replaces `anyOf: [schema, null]` by the schema.
fn unwrap_optional(fields: &mut Map<String, Value>) {
    let Some(Value::Array(branches)) = fields.get("anyOf") else { return };
    let is_null = |branch: &Value| branch["enum"] == json!([null]) || branch["type"] == "null";
    let mut real = branches.iter().filter(|branch| !is_null(branch));
    let (Some(Value::Object(only)), None) = (real.next().cloned(), real.next()) else { return };
    fields.remove("anyOf");
    for (key, value) in only {
        fields.entry(key).or_insert(value);
    }
}

fn whole_number(value: &Value) -> Option<i64> {
    let float = value.as_f64()?;
    (float.fract() == 0.0 && float.abs() < 9e15).then_some(float as i64)
}

/// The same value with the keys of every object in order.
pub(super) fn in_key_order(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let mut keys: Vec<&String> = fields.keys().collect();
            keys.sort_unstable();
            keys.into_iter()
                .map(|key| (key.clone(), in_key_order(&fields[key])))
                .collect::<Map<_, _>>()
                .into()
        }
        Value::Array(items) => items.iter().map(in_key_order).collect(),
        other => other.clone(),
    }
}
