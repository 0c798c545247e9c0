//! Answers as tables of comma-separated values: a line for each row, a column for each field, `window.start` for the field
//! of a field, and JSON for what is deeper.

use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use indexmap::IndexSet;
use serde_json::{Map, Value};

/// A table. The columns are those of a blank row, then whatever else rows have, in the order they have it. The rows are
/// asked for twice: for their columns, and to be written.
pub fn table<R>(blank: &Map<String, Value>, rows: impl Fn() -> R) -> String
where
    R: Iterator<Item = Map<String, Value>>,
{
    let mut columns: IndexSet<String> = flatten(blank).into_iter().map(|(column, _)| column).collect();
    for row in rows() {
        for (column, _) in flatten(&row) {
            columns.insert(column);
        }
    }
    let mut text = String::new();
    write_line(&mut text, columns.iter().map(|column| quoted(column)));
    for row in rows() {
        let row = flatten(&row);
        write_line(&mut text, columns.iter().map(|column| row.get(column).map_or_else(String::new, cell)));
    }
    text
}

/// A table as an answer.
pub fn answer(text: String) -> Response {
    let kind = (header::CONTENT_TYPE, HeaderValue::from_static("text/csv; charset=utf-8"));
    ([kind], text).into_response()
}

fn write_line(text: &mut String, cells: impl Iterator<Item = String>) {
    for (index, cell) in cells.enumerate() {
        if index > 0 {
            text.push(',');
        }
        text.push_str(&cell);
    }
    text.push_str("\r\n");
}

fn flatten(row: &Map<String, Value>) -> Map<String, Value> {
    let mut flat = Map::new();
    for (field, value) in row {
        match value {
            Value::Object(inner) if inner.values().all(|value| !value.is_object()) => {
                for (name, value) in inner {
                    flat.insert(format!("{field}.{name}"), value.clone());
                }
            }
            // labels within properties
            Value::Object(inner) if field == "properties" => {
                for (name, value) in inner {
                    flat.insert(format!("{field}.{name}"), value.clone());
                }
            }
            other => {
                flat.insert(field.clone(), other.clone());
            }
        }
    }
    flat
}

fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => quoted(text),
        Value::Object(_) | Value::Array(_) => quoted(&value.to_string()),
        other => other.to_string(),
    }
}

fn quoted(text: &str) -> String {
    if text.contains(['"', ',', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_field_of_a_field_has_a_column_and_what_is_deeper_is_json() {
        let map = |value: Value| value.as_object().cloned().unwrap_or_default();
        let row = map(json!({
            "name": "a,\"b\"",
            "properties": {"cluster": "east", "labels": {"team": "x"}},
            "window": {"start": "s", "end": "e"},
            "pvs": null,
            "more": {"deep": {"er": 1}},
            "totalCost": 1.5,
        }));
        let blank = map(json!({"name": "", "totalCost": 0}));
        assert_eq!(
            table(&blank, || [row.clone()].into_iter()),
            "name,totalCost,properties.cluster,properties.labels,window.start,window.end,pvs,more\r\n\
             \"a,\"\"b\"\"\",1.5,east,\"{\"\"team\"\":\"\"x\"\"}\",s,e,,\"{\"\"deep\"\":{\"\"er\"\":1}}\"\r\n"
        );
        assert_eq!(table(&blank, std::iter::empty), "name,totalCost\r\n");
    }
}
