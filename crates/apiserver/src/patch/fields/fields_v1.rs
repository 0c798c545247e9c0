//! `fieldsV1`: a set of paths as JSON.

use serde_json::{Map, Value};

use super::element::PathElement;
use super::set::{Entry, FieldSet};
use crate::patch::depth::MAX_DEPTH;

/// The JSON is no `fieldsV1`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FieldsV1Error {
    /// Sets are objects of objects.
    #[error("fieldsV1 has to consist of objects, {0} is none")]
    NoObject(String),
    /// A key that is neither `.` nor begins with `f:`, `k:`, `v:` or `i:`.
    #[error("{0} is no path element; it has to be \".\", f:NAME, k:KEYS, v:VALUE or i:INDEX")]
    NoElement(String),
    /// Deeper than objects may be.
    #[error("fieldsV1 nests too deep")]
    TooDeep,
}

impl FieldSet {
    /// Writes the set: `{"f:spec":{".":{},"f:replicas":{}}}`.
    pub fn to_fields_v1(&self) -> Value {
        let entries = self.entries.iter().map(|(element, entry)| {
            let mut below = match entry.below.to_fields_v1() {
                Value::Object(below) => below,
                _ => Map::new(),
            };
            if entry.member && !below.is_empty() {
                below.shift_insert(0, ".".to_owned(), Value::Object(Map::new()));
            }
            (element.to_text(), Value::Object(below))
        });
        Value::Object(entries.collect())
    }

    /// Writes the set as text: what [`to_fields_v1`](Self::to_fields_v1) is in JSON.
    pub(crate) fn write_fields_v1(&self, out: &mut String) {
        out.push('{');
        let mut is_first = true;
        for (element, entry) in &self.entries {
            if !is_first {
                out.push(',');
            }
            is_first = false;
            write_element(element, out);
            out.push(':');
            let start = out.len();
            entry.below.write_fields_v1(out);
            if entry.member && !entry.below.is_empty() {
                out.insert_str(start + 1, "\".\":{},");
            }
        }
        out.push('}');
    }

    /// Reads a set.
    pub fn from_fields_v1(value: &Value) -> Result<FieldSet, FieldsV1Error> {
        read(value, 0).map(|(set, _)| set)
    }
}

/// A step as the name of a JSON member.
fn write_element(element: &PathElement, out: &mut String) {
    match element {
        PathElement::Field(name) if is_plain(name) => {
            out.push_str("\"f:");
            out.push_str(name);
            out.push('"');
        }
        // A text can always be written as JSON.
        element => out.push_str(&serde_json::to_string(&element.to_text()).unwrap_or_default()),
    }
}

/// Whether JSON writes a text as it is.
pub(crate) fn is_plain(text: &str) -> bool {
    text.bytes().all(|byte| byte >= 0x20 && byte != b'"' && byte != b'\\')
}

/// The set, and whether the place itself is in it.
fn read(value: &Value, depth: usize) -> Result<(FieldSet, bool), FieldsV1Error> {
    let Value::Object(fields) = value else { return Err(FieldsV1Error::NoObject(value.to_string())) };
    if depth > MAX_DEPTH {
        return Err(FieldsV1Error::TooDeep);
    }
    let mut set = FieldSet::new();
    let mut itself = fields.is_empty();
    for (name, value) in fields {
        if name == "." {
            itself = true;
            continue;
        }
        let element = PathElement::from_text(name).ok_or_else(|| FieldsV1Error::NoElement(name.clone()))?;
        let (below, member) = read(value, depth + 1)?;
        set.entries.insert(element, Entry { member, below });
    }
    Ok((set, itself))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn fields_v1_reads_and_writes() {
        let text = json!({ "f:metadata": { "f:labels": { ".": {}, "f:app": {} } }, "f:spec": { "f:containers": {
            "k:{\"name\":\"web\"}": { ".": {}, "f:image": {} } }, "f:finalizers": { "v:\"a\"": {} } } });
        let set = FieldSet::from_fields_v1(&text).unwrap();
        assert_eq!(set.to_fields_v1().to_string(), text.to_string());
        let mut written = String::new();
        set.write_fields_v1(&mut written);
        assert_eq!(written, text.to_string());
        let paths = [
            ".metadata.labels",
            ".metadata.labels.app",
            r#".spec.containers[name="web"]"#,
            r#".spec.containers[name="web"].image"#,
            r#".spec.finalizers[="a"]"#,
        ];
        assert_eq!(set.paths(), paths);
    }

    #[test]
    fn no_sets_are_refused() {
        for value in [
            json!(null),
            json!([]),
            json!({ "spec": {} }),
            json!({ "f:a": 1 }),
            json!({ "f:a": { "q:b": {} } }),
        ] {
            assert!(FieldSet::from_fields_v1(&value).is_err(), "{value}");
        }
    }
}
