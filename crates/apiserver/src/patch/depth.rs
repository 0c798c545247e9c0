//! How deep an object may nest.

use serde_json::Value;

/// Objects nest less deep than this, so that whatever a patch makes can be read again and dropped without exhausting the stack.
pub(crate) const MAX_DEPTH: usize = 120;

/// How many levels a value has, counted no further than `MAX_DEPTH` and one.
pub(crate) fn depth(value: &Value) -> usize {
    below(value, 0)
}

fn below(value: &Value, above: usize) -> usize {
    if above > MAX_DEPTH {
        return 0;
    }
    match value {
        Value::Object(fields) => 1 + fields.values().map(|value| below(value, above + 1)).max().unwrap_or(0),
        Value::Array(elements) => 1 + elements.iter().map(|value| below(value, above + 1)).max().unwrap_or(0),
        _ => 0,
    }
}
