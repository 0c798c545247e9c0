//! How an object is written in JSON, and where in it things are.

use std::ops::Range;

use serde_json::Value;

/// An object in JSON.
pub(super) struct Written {
    /// The text, with `apiVersion` and `kind` first.
    pub json: Vec<u8>,
    /// How many bytes are the opening brace, `apiVersion`, `kind` and the comma after them.
    pub head: u32,
    /// Where the brace is that ends `metadata`.
    pub metadata_end: u32,
    /// Where the spec is; empty if there is none.
    pub spec: Range<u32>,
}

/// Writes an object; with `spec`, that takes the place of its own.
pub(super) fn write(object: &Value, spec: Option<&[u8]>) -> Written {
    let mut json = Vec::with_capacity(2048);
    let (mut metadata_end, mut spec_at) = (0, 0..0);
    json.push(b'{');
    let mut head = 1;
    // Writing into a vector cannot fail, and the keys of a JSON map are texts. Bodies are far below 4 GiB.
    let mut member = |json: &mut Vec<u8>, key: &str, value: &Value| {
        if json.len() > 1 {
            json.push(b',');
        }
        let _ = serde_json::to_writer(&mut *json, key);
        json.push(b':');
        let start = json.len() as u32;
        match (key, spec) {
            ("spec", Some(spec)) => json.extend_from_slice(spec),
            _ => {
                let _ = serde_json::to_writer(&mut *json, value);
            }
        }
        match key {
            "metadata" => metadata_end = json.len() as u32 - 1,
            "spec" => spec_at = start..json.len() as u32,
            _ => {}
        }
    };
    let empty = serde_json::Map::new();
    let members = object.as_object().unwrap_or(&empty);
    for key in ["apiVersion", "kind"] {
        if let Some(value) = members.get(key) {
            member(&mut json, key, value);
            head = json.len();
        }
    }
    let rest = members.iter().filter(|(key, _)| *key != "apiVersion" && *key != "kind");
    for (position, (key, value)) in rest.enumerate() {
        member(&mut json, key, value);
        if position == 0 && head > 1 {
            // The comma that was just put after the beginning belongs to it.
            head += 1;
        }
    }
    json.push(b'}');
    Written { json, head: head as u32, metadata_end, spec: spec_at }
}
