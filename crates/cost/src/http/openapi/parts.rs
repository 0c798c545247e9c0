//! Building blocks of schemas (OpenAPI 3.0).

use serde_json::{Map, Value, json};

/// A number that is not negative; null where there is none.
pub fn amount() -> Value {
    json!({"type": "number", "minimum": 0, "nullable": true})
}

/// Any number.
pub fn number() -> Value {
    json!({"type": "number"})
}

/// A whole number that is not negative.
pub fn count() -> Value {
    json!({"type": "integer", "minimum": 0})
}

/// A text.
pub fn text() -> Value {
    json!({"type": "string"})
}

/// A moment.
pub fn moment() -> Value {
    json!({"type": "string", "format": "date-time"})
}

/// True or false.
pub fn flag() -> Value {
    json!({"type": "boolean"})
}

/// One of these texts.
pub fn one_of(texts: &[&str]) -> Value {
    json!({"type": "string", "enum": texts})
}

/// A schema of its own.
pub fn named(name: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{name}")})
}

/// A map with values like this.
pub fn map_of(value: Value) -> Value {
    json!({"type": "object", "additionalProperties": value})
}

/// The same, or null.
pub fn map_or_null(value: Value) -> Value {
    json!({"type": "object", "additionalProperties": value, "nullable": true})
}

/// A list of values like this.
pub fn list_of(value: Value) -> Value {
    json!({"type": "array", "items": value})
}

/// Fields, in the order they are written.
pub type Fields = Vec<(&'static str, Value)>;

/// An object that has all of `always`, may have some of `sometimes`, and nothing else.
pub fn object(always: Fields, sometimes: Fields) -> Value {
    let required: Vec<&str> = always.iter().map(|(name, _)| *name).collect();
    let properties: Map<String, Value> =
        always.iter().chain(&sometimes).map(|(name, schema)| ((*name).to_owned(), schema.clone())).collect();
    let mut schema = json!({"type": "object", "properties": properties, "additionalProperties": false});
    if let (false, Value::Object(schema)) = (required.is_empty(), &mut schema) {
        schema.insert("required".to_owned(), required.into());
    }
    schema
}

/// Fields of one kind.
pub fn each(names: &[&'static str], schema: fn() -> Value) -> Fields {
    names.iter().map(|name| (*name, schema())).collect()
}
