//! The types of OpenAPI v2 in protocol buffers (`com.github.proto-openapi.spec.v2.v1.0`), which is how kubectl asks for them
//! when it finds nothing in v3. The paths are left out: who looks for those reads v3, or this document as JSON.

use serde_json::{Map, Value};

/// The media type of the document.
pub const VERSION_TWO_BYTES: &str = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";

/// The media type that clients ask for, which is none by the rules.
pub const ASKED_VERSION_TWO_BYTES: &str = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf";

/// A document of version 2, as [`super::version_two`] makes it, in protocol buffers.
pub fn version_two_bytes(document: &Value) -> Vec<u8> {
    let mut out = Message::default();
    out.text(1, "2.0");
    out.message(2, |info| {
        info.text(1, "Kubernetes");
        info.text(2, "v1.37.0");
    });
    out.message(8, |_| {});
    out.message(9, |definitions| {
        for (name, schema) in document["definitions"].as_object().into_iter().flatten() {
            named(definitions, name, schema);
        }
    });
    out.0
}

/// A message as it is written.
#[derive(Default)]
struct Message(Vec<u8>);

impl Message {
    fn number(&mut self, mut number: u64) {
        while number > 0x7f {
            self.0.push((number & 0x7f) as u8 | 0x80);
            number >>= 7;
        }
        self.0.push(number as u8);
    }

    fn bytes(&mut self, field: u64, bytes: &[u8]) {
        self.number(field << 3 | 2);
        self.number(bytes.len() as u64);
        self.0.extend_from_slice(bytes);
    }

    fn text(&mut self, field: u64, text: &str) {
        self.bytes(field, text.as_bytes());
    }

    fn message(&mut self, field: u64, write: impl FnOnce(&mut Message)) {
        let mut inner = Message::default();
        write(&mut inner);
        self.bytes(field, &inner.0);
    }

    /// Any value: as YAML, of which JSON is a part.
    fn any(&mut self, field: u64, value: &Value) {
        self.message(field, |any| any.text(2, &value.to_string()));
    }
}

fn named(out: &mut Message, name: &str, schema: &Value) {
    out.message(1, |entry| {
        entry.text(1, name);
        entry.message(2, |out| self::schema(out, schema));
    });
}

fn schema(out: &mut Message, schema: &Value) {
    let nothing = Map::new();
    let words = schema.as_object().unwrap_or(&nothing);
    for (field, name) in [(1, "$ref"), (2, "format"), (4, "description"), (13, "pattern")] {
        if let Some(text) = words.get(name).and_then(Value::as_str) {
            out.text(field, text);
        }
    }
    if let Some(default) = words.get("default") {
        out.any(5, default);
    }
    for name in words.get("required").and_then(Value::as_array).into_iter().flatten() {
        out.text(19, name.as_str().unwrap_or(""));
    }
    for value in words.get("enum").and_then(Value::as_array).into_iter().flatten() {
        out.any(20, value);
    }
    if let Some(values) = words.get("additionalProperties") {
        out.message(21, |item| match values {
            Value::Bool(is) => {
                item.number(2 << 3);
                item.number(u64::from(*is));
            }
            values => item.message(1, |out| self::schema(out, values)),
        });
    }
    if let Some(kind) = words.get("type").and_then(Value::as_str) {
        out.message(22, |item| item.text(1, kind));
    }
    if let Some(items) = words.get("items") {
        out.message(23, |item| item.message(1, |out| self::schema(out, items)));
    }
    if let Some(fields) = words.get("properties").and_then(Value::as_object) {
        out.message(25, |properties| {
            for (name, field) in fields {
                named(properties, name, field);
            }
        });
    }
    for (name, value) in words.iter().filter(|(name, _)| name.starts_with("x-")) {
        out.message(31, |extension| {
            extension.text(1, name);
            extension.any(2, value);
        });
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn fields_have_their_numbers_and_lengths() {
        let document = json!({ "definitions": { "a": { "type": "object", "x-k": 1 } } });
        let expected: [&[u8]; 5] = [
            b"\x0a\x032.0",
            b"\x12\x15\x0a\x0aKubernetes\x12\x07v1.37.0",
            b"\x42\x00",
            b"\x4a\x1f\x0a\x1d\x0a\x01a\x12\x18\xb2\x01\x08\x0a\x06object",
            b"\xfa\x01\x0a\x0a\x03x-k\x12\x03\x12\x011",
        ];
        assert_eq!(version_two_bytes(&document), expected.concat());
    }
}
