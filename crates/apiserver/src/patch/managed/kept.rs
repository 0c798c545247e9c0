//! `metadata.managedFields` at rest, beside the object and not in it.
//!
//! ```text
//! [ manager + operation + version + subresource | time | fields ] ...
//!   └── shared by all objects ──────────────────┘ └─────────┘
//! ```
//!
//! A write looks at whether it touches what others own; where it does not, nothing is read, copied or written.

use std::sync::Arc;

use bytes::BufMut;
use serde_json::{Map, Value};

use super::entries::{ManagerId, Owned, metadata, read_entry};
use crate::patch::fields::{KeptFields, is_plain};

/// The managers of an object, in the order in which they are written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct KeptManagers(Box<[(Arc<ManagerId>, Owned)]>);

/// What an entry may have, and all that is kept of it.
const MEMBERS: [&str; 7] =
    ["manager", "operation", "apiVersion", "time", "fieldsType", "fieldsV1", "subresource"];

impl KeptManagers {
    pub(super) fn new(entries: Vec<(Arc<ManagerId>, Owned)>) -> Self {
        Self(entries.into())
    }

    pub(super) fn entries(&self) -> &[(Arc<ManagerId>, Owned)] {
        &self.0
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes the managers out of an object. They stay in it if they are not as this server writes them.
    pub fn taken_from(object: &mut Value) -> Self {
        let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) else {
            return Self::default();
        };
        let read = metadata
            .get("managedFields")
            .and_then(Value::as_array)
            .and_then(|entries| entries.iter().map(whole_entry).collect::<Option<Vec<_>>>());
        let Some(entries) = read else { return Self::default() };
        metadata.shift_remove("managedFields");
        Self::new(entries)
    }

    /// Puts the managers into an object's metadata, in place of those that are there.
    pub fn put_into(&self, object: &mut Value) {
        let Some(metadata) = metadata(object) else { return };
        if self.is_empty() {
            metadata.shift_remove("managedFields");
        } else {
            let entries = self.0.iter().map(|(id, owned)| entry(id, owned)).collect();
            metadata.insert("managedFields".to_owned(), Value::Array(entries));
        }
    }

    /// Writes `"managedFields":[...]`; nothing if there are none.
    pub fn write(&self, out: &mut impl BufMut) {
        if self.is_empty() {
            return;
        }
        out.put_slice(b"\"managedFields\":[");
        for (position, (id, owned)) in self.0.iter().enumerate() {
            out.put_slice(if position > 0 { b",{" } else { b"{" });
            let mut is_first = true;
            for (name, value) in before_fields(id, owned) {
                if !value.is_empty() {
                    put_member(name, value, is_first, out);
                    is_first = false;
                }
            }
            out.put_slice(b",\"fieldsV1\":");
            out.put_slice(owned.fields.text().as_bytes());
            if !id.subresource.is_empty() {
                put_member("subresource", &id.subresource, false, out);
            }
            out.put_slice(b"}");
        }
        out.put_slice(b"]");
    }

    /// How many bytes [`write`](Self::write) writes.
    pub fn written_len(&self) -> usize {
        if self.is_empty() {
            return 0;
        }
        let mut length = "\"managedFields\":[]".len();
        for (position, (id, owned)) in self.0.iter().enumerate() {
            length += usize::from(position > 0) + "{}".len();
            let members = before_fields(id, owned).into_iter().filter(|(_, value)| !value.is_empty());
            for (place, (name, value)) in members.enumerate() {
                length += usize::from(place > 0) + name.len() + 3 + json_len(value);
            }
            length += ",\"fieldsV1\":".len() + owned.fields.text().len();
            if !id.subresource.is_empty() {
                length += ",\"subresource\":".len() + json_len(&id.subresource);
            }
        }
        length
    }
}

/// The members of an entry that come before its fields.
fn before_fields<'e>(id: &'e ManagerId, owned: &'e Owned) -> [(&'static str, &'e str); 5] {
    [
        ("manager", &id.manager),
        ("operation", id.operation.text()),
        ("apiVersion", &owned.api_version),
        ("time", owned.time.as_deref().unwrap_or_default()),
        ("fieldsType", "FieldsV1"),
    ]
}

fn entry(id: &ManagerId, owned: &Owned) -> Value {
    let mut entry = Map::new();
    for (name, value) in before_fields(id, owned) {
        if !value.is_empty() {
            entry.insert(name.to_owned(), Value::from(value));
        }
    }
    entry.insert("fieldsV1".to_owned(), owned.fields.to_value());
    if !id.subresource.is_empty() {
        entry.insert("subresource".to_owned(), Value::from(id.subresource.as_str()));
    }
    Value::Object(entry)
}

/// An entry, if nothing of it would be lost by keeping it here.
fn whole_entry(value: &Value) -> Option<(Arc<ManagerId>, Owned)> {
    let members = value.as_object()?;
    let is_kept = |(name, value): (&String, &Value)| match name.as_str() {
        "fieldsV1" => value.is_object(),
        "fieldsType" => value == "FieldsV1",
        name => MEMBERS.contains(&name) && value.is_string(),
    };
    if !members.iter().all(is_kept) {
        return None;
    }
    read_entry(value, KeptFields::of_value(members.get("fieldsV1")?))
}

fn put_member(name: &str, value: &str, is_first: bool, out: &mut impl BufMut) {
    out.put_slice(if is_first { b"\"" } else { b",\"" });
    out.put_slice(name.as_bytes());
    out.put_slice(b"\":");
    if is_plain(value) {
        out.put_slice(b"\"");
        out.put_slice(value.as_bytes());
        out.put_slice(b"\"");
    } else {
        // A text can always be written as JSON.
        out.put_slice(serde_json::to_string(value).unwrap_or_default().as_bytes());
    }
}

/// How long a text is in JSON.
fn json_len(text: &str) -> usize {
    if is_plain(text) { text.len() + 2 } else { serde_json::to_string(text).unwrap_or_default().len() }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    proptest! {
        #[test]
        fn managers_are_written_as_they_were(
            names in proptest::collection::vec("[a-z\"\\\\\n é]{0,6}", 0..4), is_apply: bool, subresource in "(|status)",
        ) {
            let entries: Vec<Value> = names.iter().map(|name| {
                let mut entry = json!({
                    "manager": format!("m{name}"), "operation": if is_apply { "Apply" } else { "Update" }, "apiVersion": "v1",
                    "time": "2026-01-01T00:00:00Z", "fieldsType": "FieldsV1", "fieldsV1": { format!("f:{name}"): {} },
                });
                if !subresource.is_empty() {
                    entry["subresource"] = json!(subresource);
                }
                entry
            }).collect();
            let mut object = json!({ "metadata": { "name": "a", "managedFields": entries } });
            let before = object.clone();
            let kept = KeptManagers::taken_from(&mut object);
            prop_assert_eq!(&object, &json!({ "metadata": { "name": "a" } }));
            let mut written = Vec::new();
            kept.write(&mut written);
            prop_assert_eq!(written.len(), kept.written_len());
            if !entries.is_empty() {
                let text = format!("\"managedFields\":{}", before["metadata"]["managedFields"]);
                prop_assert_eq!(String::from_utf8(written).unwrap(), text);
                kept.put_into(&mut object);
                prop_assert_eq!(object, before);
            }
        }
    }

    #[test]
    fn what_is_not_written_so_here_stays_where_it_is() {
        for entries in [
            json!({}),
            json!([1]),
            json!([{ "manager": "a", "operation": "Update", "more": 1, "fieldsV1": {} }]),
        ] {
            let mut object = json!({ "metadata": { "managedFields": entries } });
            let before = object.clone();
            assert!(KeptManagers::taken_from(&mut object).is_empty());
            assert_eq!(object, before);
        }
    }
}
