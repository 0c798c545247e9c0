//! Reading and completing JSON objects whose shape may be anything.

use serde_json::{Map, Value};

use crate::field_error::FieldError;

/// Most errors that are collected about one object.
const MOST_ERRORS: usize = 200;

/// What was found wrong with an object. What comes after a few hundred is dropped.
#[derive(Default)]
pub(crate) struct Errors(Vec<FieldError>);

impl Errors {
    pub(crate) fn push(&mut self, error: FieldError) {
        if self.0.len() < MOST_ERRORS {
            self.0.push(error);
        }
    }

    pub(crate) fn extend(&mut self, errors: impl IntoIterator<Item = FieldError>) {
        for error in errors {
            self.push(error);
        }
    }

    /// One error for each thing that is wrong with the text at the path.
    pub(crate) fn invalid_text(&mut self, path: impl ToString, text: &str, wrong: Vec<String>) {
        if wrong.is_empty() {
            return;
        }
        let path = path.to_string();
        self.extend(wrong.into_iter().map(|detail| FieldError::invalid(&path, text, detail)));
    }

    pub(crate) fn into_vec(self) -> Vec<FieldError> {
        self.0
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// The text of a field; empty if there is none.
pub(crate) fn text<'v>(object: &'v Value, field: &str) -> &'v str {
    object.get(field).and_then(Value::as_str).unwrap_or_default()
}

/// The items of a list; none if there is no list.
pub(crate) fn items<'v>(object: &'v Value, field: &str) -> &'v [Value] {
    object.get(field).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

/// The entries of a map or object; none if there is none.
pub(crate) fn entries<'v>(
    object: &'v Value,
    field: &str,
) -> impl Iterator<Item = (&'v String, &'v Value)> + use<'v> {
    object.get(field).and_then(Value::as_object).into_iter().flatten()
}

/// The whole number of a field.
pub(crate) fn int(object: &Value, field: &str) -> Option<i64> {
    object.get(field).and_then(Value::as_i64)
}

/// Whether a field is `true`.
pub(crate) fn truth(object: &Value, field: &str) -> bool {
    object.get(field).and_then(Value::as_bool).unwrap_or_default()
}

/// Whether a field is there and not null.
pub(crate) fn has(object: &Value, field: &str) -> bool {
    object.get(field).is_some_and(|value| !value.is_null())
}

/// Whether a field is there and neither null nor empty.
pub(crate) fn has_content(object: &Value, field: &str) -> bool {
    match object.get(field) {
        None | Some(Value::Null) => false,
        Some(Value::String(text)) => !text.is_empty(),
        Some(Value::Array(items)) => !items.is_empty(),
        Some(Value::Object(fields)) => !fields.is_empty(),
        Some(_) => true,
    }
}

/// Sets a field of an object if it is absent or null. Nothing happens to what is no object.
pub(crate) fn set_default(object: &mut Value, field: &str, value: impl Into<Value>) {
    let Value::Object(fields) = object else { return };
    if fields.get(field).is_none_or(Value::is_null) {
        fields.insert(field.to_owned(), value.into());
    }
}

/// Sets a field of an object if it is absent, null or the empty text.
pub(crate) fn set_default_text(object: &mut Value, field: &str, value: &str) {
    if !has_content(object, field) {
        set(object, field, value);
    }
}

/// Sets a field of an object. Nothing happens to what is no object.
pub(crate) fn set(object: &mut Value, field: &str, value: impl Into<Value>) {
    if let Value::Object(fields) = object {
        fields.insert(field.to_owned(), value.into());
    }
}

/// Takes a field away, the order of the others kept.
pub(crate) fn remove(object: &mut Value, field: &str) -> Option<Value> {
    object.as_object_mut()?.shift_remove(field)
}

/// The object in a field, made if absent; `None` if something else is there.
pub(crate) fn ensure_object<'v>(object: &'v mut Value, field: &str) -> Option<&'v mut Value> {
    set_default(object, field, Value::Object(Map::new()));
    object.get_mut(field).filter(|value| value.is_object())
}

/// The items of a list, to be changed.
pub(crate) fn items_mut<'v>(
    object: &'v mut Value,
    field: &str,
) -> impl Iterator<Item = &'v mut Value> + use<'v> {
    object.get_mut(field).and_then(Value::as_array_mut).into_iter().flatten()
}

/// The object at a chain of fields, to be changed.
pub(crate) fn at_mut<'v>(object: &'v mut Value, fields: &[&str]) -> Option<&'v mut Value> {
    fields.iter().try_fold(object, |here, field| here.get_mut(field))
}

/// Whether two values mean the same: null, absent and empty are one.
pub(crate) fn same(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Object(left), Value::Object(right)) => {
            left.iter().all(|(name, value)| same(value, right.get(name).unwrap_or(&Value::Null)))
                && right.iter().all(|(name, value)| left.contains_key(name) || is_empty(value))
        }
        (Value::Array(left), Value::Array(right)) => {
            left.len() == right.len() && left.iter().zip(right).all(|(left, right)| same(left, right))
        }
        _ => left == right || (is_empty(left) && is_empty(right)),
    }
}

/// Whether a value says nothing: null, an empty list, or an object of such values.
pub(crate) fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.values().all(is_empty),
        Value::String(text) => text.is_empty(),
        _ => false,
    }
}
