//! JSON as values of expressions, with or without a schema.

use std::collections::HashMap;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use kube_cel::cel::objects::{Key, Map};
use kube_cel::cel::{Value, functions};
use serde_json::Value as Json;

/// Words of the language that cannot be names of fields as they are.
const RESERVED: [&str; 21] = [
    "true",
    "false",
    "null",
    "in",
    "as",
    "break",
    "const",
    "continue",
    "else",
    "for",
    "function",
    "if",
    "import",
    "let",
    "loop",
    "package",
    "namespace",
    "return",
    "var",
    "void",
    "while",
];

/// Deepest value that is looked at; what is deeper is null.
const DEEPEST: usize = 128;

/// The name by which expressions select a declared field.
pub(crate) fn escaped(name: &str) -> String {
    if RESERVED.contains(&name) {
        return format!("__{name}__");
    }
    if !name.contains(['_', '.', '-', '/']) {
        return name.to_owned();
    }
    let mut escaped = String::with_capacity(name.len() + 16);
    let mut characters = name.chars().peekable();
    while let Some(c) = characters.next() {
        match c {
            '_' if characters.peek() == Some(&'_') => {
                characters.next();
                escaped.push_str("__underscores__");
            }
            '.' => escaped.push_str("__dot__"),
            '-' => escaped.push_str("__dash__"),
            '/' => escaped.push_str("__slash__"),
            c => escaped.push(c),
        }
    }
    escaped
}

/// A value of no known shape: fields keep their names; one that is a reserved word can also be selected as escaped.
pub(crate) fn from_json(value: &Json) -> Value {
    convert(value, DEEPEST)
}

fn convert(value: &Json, depth: usize) -> Value {
    if depth == 0 {
        return Value::Null;
    }
    match value {
        Json::Null => Value::Null,
        Json::Bool(truth) => Value::Bool(*truth),
        Json::Number(number) => from_number(number),
        Json::String(text) => Value::String(Arc::new(text.clone())),
        Json::Array(items) => {
            Value::List(Arc::new(items.iter().map(|item| convert(item, depth - 1)).collect()))
        }
        Json::Object(fields) => {
            let mut map = HashMap::with_capacity(fields.len());
            for (name, value) in fields {
                let value = convert(value, depth - 1);
                if RESERVED.contains(&name.as_str()) {
                    map.insert(key(escaped(name)), value.clone());
                }
                map.insert(key(name.clone()), value);
            }
            Value::Map(Map { map: Arc::new(map) })
        }
    }
}

/// A value of the shape that a structural schema says: declared fields only, formats understood. A whole object
/// (`is_object`) also has what every object has.
pub(crate) fn from_json_with_schema(value: &Json, schema: &Json, is_object: bool) -> Value {
    convert_with(value, schema, is_object, DEEPEST)
}

fn convert_with(value: &Json, schema: &Json, is_object: bool, depth: usize) -> Value {
    if depth == 0 {
        return Value::Null;
    }
    match value {
        Json::Null => Value::Null,
        Json::Bool(truth) => Value::Bool(*truth),
        Json::Number(number) => match (schema["type"].as_str(), number.as_f64()) {
            (Some("number"), Some(number)) => Value::Float(number),
            _ => from_number(number),
        },
        Json::String(text) => from_text(text, schema),
        Json::Array(items) => {
            let of_items = &schema["items"];
            Value::List(Arc::new(
                items.iter().map(|item| convert_with(item, of_items, false, depth - 1)).collect(),
            ))
        }
        Json::Object(fields) => {
            let declared = schema["properties"].as_object();
            let of_values = &schema["additionalProperties"];
            let is_map = !matches!(of_values, Json::Null | Json::Bool(false));
            let is_open = declared.is_none() && !is_map;
            let is_embedded = is_object || schema["x-kubernetes-embedded-resource"].as_bool() == Some(true);
            let mut map = HashMap::with_capacity(fields.len());
            for (name, value) in fields {
                match declared.and_then(|declared| declared.get(name)) {
                    Some(schema) => {
                        map.insert(key(escaped(name)), convert_with(value, schema, false, depth - 1));
                    }
                    None if is_map => {
                        map.insert(key(name.clone()), convert_with(value, of_values, false, depth - 1));
                    }
                    None if is_open
                        || (is_embedded && matches!(name.as_str(), "apiVersion" | "kind" | "metadata")) =>
                    {
                        map.insert(key(name.clone()), convert(value, depth - 1));
                    }
                    None => {}
                }
            }
            Value::Map(Map { map: Arc::new(map) })
        }
    }
}

fn key(name: String) -> Key {
    Key::String(Arc::new(name))
}

fn from_number(number: &serde_json::Number) -> Value {
    match (number.as_i64(), number.as_u64()) {
        (Some(number), _) => Value::Int(number),
        (None, Some(number)) => Value::UInt(number),
        (None, None) => Value::Float(number.as_f64().unwrap_or(f64::NAN)),
    }
}

fn from_text(text: &str, schema: &Json) -> Value {
    let whole = || Value::String(Arc::new(text.to_owned()));
    if schema["x-kubernetes-int-or-string"].as_bool() == Some(true) {
        return whole();
    }
    let argument = Arc::new(text.to_owned());
    match schema["format"].as_str() {
        Some("date-time") => functions::time::timestamp(argument).unwrap_or_else(|_| whole()),
        Some("date") => {
            functions::time::timestamp(Arc::new(format!("{text}T00:00:00Z"))).unwrap_or_else(|_| whole())
        }
        Some("duration") => functions::time::duration(argument).unwrap_or_else(|_| whole()),
        Some("byte") => STANDARD.decode(text).map_or_else(|_| whole(), |bytes| Value::Bytes(Arc::new(bytes))),
        _ => whole(),
    }
}
