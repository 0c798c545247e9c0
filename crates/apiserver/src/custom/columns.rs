//! Columns of tables that a definition asks for.

use serde_json::Value;

use crate::builtin::read::{int, text};

use super::json_path::JsonPath;

/// A column of the table of a custom resource.
#[derive(Clone, Debug, PartialEq)]
pub struct Column {
    /// What stands above it.
    pub name: String,
    /// The type of its cells: `integer`, `number`, `string`, `boolean` or `date`.
    pub kind: String,
    /// How the type is written, such as `int64`; may be empty.
    pub format: String,
    /// What the column says; may be empty.
    pub description: String,
    /// Columns above zero are shown in wide tables only.
    pub priority: i64,
    path: JsonPath,
}

impl Column {
    /// Reads an item of `additionalPrinterColumns`; `None` if its path cannot be read.
    pub(super) fn read(column: &Value) -> Option<Column> {
        Some(Column {
            name: text(column, "name").to_owned(),
            kind: text(column, "type").to_owned(),
            format: text(column, "format").to_owned(),
            description: text(column, "description").to_owned(),
            priority: int(column, "priority").unwrap_or_default(),
            path: JsonPath::parse(text(column, "jsonPath")).ok()?,
        })
    }

    /// The cell for an object; null if there is nothing, or something of another type. A `date` is given as the text
    /// it is stored as.
    pub fn cell(&self, object: &Value) -> Value {
        let Some(found) = self.path.first(object) else { return Value::Null };
        match (self.kind.as_str(), found) {
            ("string", Value::String(_)) => found.clone(),
            ("string", Value::Null) => Value::Null,
            ("string", Value::Object(_) | Value::Array(_)) => Value::from(found.to_string()),
            ("string", scalar) => Value::from(scalar.to_string()),
            ("integer", Value::Number(number)) => match (number.as_i64(), number.as_f64()) {
                (Some(_), _) => found.clone(),
                // What is left of the point.
                (None, Some(number)) if number.abs() < 9e15 => {
                    serde_json::from_str(&format!("{:.0}", number.trunc())).unwrap_or(Value::Null)
                }
                _ => Value::Null,
            },
            ("number", Value::Number(_)) | ("boolean", Value::Bool(_)) => found.clone(),
            ("date", Value::String(time)) if time.parse::<jiff::Timestamp>().is_ok() => found.clone(),
            _ => Value::Null,
        }
    }
}
