//! One object as it is kept: its bytes, who manages its fields, and the few facts that lists, watches and the garbage
//! collector ask for.
//!
//! ```text
//! {"apiVersion":"v1","kind":"Pod","metadata":{...,"resourceVersion":"7" <managers> },"spec":{...},"status":{...}}
//! └── head ──────────────────────┘                                                         └─────┘
//!                                                            a write of the status takes this over unread
//! ```

use std::ops::Range;
use std::sync::{Arc, OnceLock};

use bytes::{BufMut, Bytes};
use serde_json::Value;

use super::written::{Written, write};
use crate::patch::managed::KeptManagers;

/// An object at one revision. It never changes.
#[derive(Debug)]
pub(crate) struct Stored {
    /// `namespace/name`, or the name alone for objects of the cluster.
    pub key: Arc<str>,
    /// The revision at which it was written, which is its `resourceVersion`.
    pub revision: u64,
    /// The object in JSON without its managers; `apiVersion` and `kind` come first.
    json: Box<[u8]>,
    /// How many of the bytes are the opening brace, `apiVersion`, `kind` and the comma after them.
    head: u32,
    /// Where in the bytes the managers belong: before the brace that ends `metadata`.
    managers_at: u32,
    /// Where the bytes of the spec are, if there is one.
    spec: Range<u32>,
    /// Who manages which fields, where that is not in the JSON.
    pub managers: KeptManagers,
    /// The object's uid.
    pub uid: Arc<str>,
    /// The labels, in order of their keys.
    pub labels: Box<[(Box<str>, Box<str>)]>,
    /// What the field selectors of the resource look at, in the order of the table's [`FieldPath`]s.
    pub fields: Box<[Box<str>]>,
    /// The uids of the owners.
    pub owners: Box<[Arc<str>]>,
    /// Whether it has a `deletionTimestamp`.
    pub is_deleting: bool,
    /// The object parsed, once somebody has asked for it to be kept so.
    parsed: OnceLock<Arc<Value>>,
}

/// An object about to be kept.
#[derive(Debug)]
pub(crate) struct Draft<'a> {
    /// The object.
    pub object: &'a mut Value,
    /// Who manages its fields, if that is not in the object.
    pub managers: Option<KeptManagers>,
    /// Whose spec it has, if the one in `object` is but a stand-in.
    pub spec_of: Option<&'a Stored>,
}

impl<'a> Draft<'a> {
    /// An object with everything in it.
    pub fn whole(object: &'a mut Value) -> Self {
        Self { object, managers: None, spec_of: None }
    }
}

/// A field that a selector may name, and where its value is found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FieldPath {
    /// What the selector says, such as `status.successful`.
    pub label: String,
    /// Where the value may be; the first that is there and not empty counts.
    pub paths: Vec<Vec<String>>,
    /// The value if there is none.
    pub absent: &'static str,
}

impl FieldPath {
    /// A field found where its label says.
    pub fn plain(label: &str, absent: &'static str) -> Self {
        Self { label: label.to_owned(), paths: vec![split(label)], absent }
    }

    /// A field found elsewhere.
    pub fn of(label: &str, paths: &[&str], absent: &'static str) -> Self {
        Self { label: label.to_owned(), paths: paths.iter().map(|path| split(path)).collect(), absent }
    }

    /// Whether the value is in the spec, whatever the object.
    fn is_in_spec(&self) -> bool {
        self.paths.iter().all(|path| path.first().is_some_and(|first| first == "spec"))
    }

    /// The value in an object, as a selector compares it.
    pub fn value(&self, object: &Value) -> String {
        for path in &self.paths {
            let found = path.iter().try_fold(object, |value, step| value.get(step.as_str()));
            let text = match found {
                Some(Value::String(text)) => text.clone(),
                Some(Value::Bool(truth)) => truth.to_string(),
                Some(Value::Number(number)) => number.to_string(),
                // Lists of addresses are compared as their addresses in one line.
                Some(Value::Array(items)) => items
                    .iter()
                    .filter_map(|item| item.get("ip").and_then(Value::as_str))
                    .collect::<Vec<_>>()
                    .join(","),
                _ => continue,
            };
            if !text.is_empty() {
                return text;
            }
        }
        self.absent.to_owned()
    }
}

fn split(path: &str) -> Vec<String> {
    path.split('.').map(str::to_owned).collect()
}

impl Stored {
    /// Takes an object to be kept. Its `metadata.resourceVersion` becomes the revision.
    pub fn new(key: Arc<str>, revision: u64, draft: Draft<'_>, fields: &[FieldPath]) -> Self {
        let Draft { object, managers, spec_of } = draft;
        if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
            metadata.insert("resourceVersion".to_owned(), Value::String(revision.to_string()));
        }
        let managers = managers.unwrap_or_else(|| KeptManagers::taken_from(object));
        let written = write(object, spec_of.map(|other| other.spec_json()));
        let field = |at: usize, field: &FieldPath| match spec_of {
            Some(other) if field.is_in_spec() => other.fields[at].clone(),
            _ => field.value(object).into(),
        };
        let values = fields.iter().enumerate().map(|(at, path)| field(at, path)).collect();
        Self::from_parts(key, revision, written, managers, object, values)
    }

    /// Takes an object back from its bytes, as the log has them.
    pub fn recovered(key: Arc<str>, revision: u64, json: &[u8], fields: &[FieldPath]) -> Option<Self> {
        let mut object: Value = serde_json::from_slice(json).ok()?;
        let managers = KeptManagers::taken_from(&mut object);
        let values = fields.iter().map(|field| field.value(&object).into()).collect();
        Some(Self::from_parts(key, revision, write(&object, None), managers, &object, values))
    }

    fn from_parts(
        key: Arc<str>,
        revision: u64,
        written: Written,
        managers: KeptManagers,
        object: &Value,
        fields: Box<[Box<str>]>,
    ) -> Self {
        let metadata = object.get("metadata");
        let text = |name: &str| metadata.and_then(|data| data.get(name)).and_then(Value::as_str);
        let mut labels: Vec<(Box<str>, Box<str>)> = metadata
            .and_then(|data| data.get("labels"))
            .and_then(Value::as_object)
            .into_iter()
            .flatten()
            .filter_map(|(key, value)| Some((key.as_str().into(), value.as_str()?.into())))
            .collect();
        labels.sort_unstable();
        let owners = metadata
            .and_then(|data| data.get("ownerReferences"))
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(|owner| owner.get("uid").and_then(Value::as_str).map(Arc::from))
            .collect();
        Self {
            key,
            revision,
            json: written.json.into(),
            head: written.head,
            managers_at: written.metadata_end,
            spec: written.spec,
            managers,
            uid: Arc::from(text("uid").unwrap_or("")),
            labels: labels.into(),
            fields,
            owners,
            is_deleting: text("deletionTimestamp").is_some(),
            parsed: OnceLock::new(),
        }
    }

    /// The object in JSON.
    pub fn json(&self) -> Bytes {
        let mut out = Vec::with_capacity(self.json_len());
        self.put_json(&mut out);
        out.into()
    }

    /// The object in JSON, without the managers that are kept beside it.
    pub fn json_without_managers(&self) -> Bytes {
        Bytes::copy_from_slice(&self.json)
    }

    /// Writes the object in JSON, without the managers that are kept beside it.
    pub fn put_json_without_managers(&self, out: &mut impl BufMut) {
        out.put_slice(&self.json);
    }

    /// How many bytes the object takes in JSON.
    pub fn json_len(&self) -> usize {
        let managers = self.managers.written_len();
        self.json.len() + managers + usize::from(managers > 0)
    }

    /// How many of them come before what is told of the object itself: see [`put_body`](Self::put_body).
    pub fn head_len(&self) -> usize {
        self.head as usize
    }

    /// Writes the object in JSON.
    pub fn put_json(&self, out: &mut impl BufMut) {
        self.put_from(0, out);
    }

    /// Writes the object in JSON without the opening brace, `apiVersion`, `kind` and the comma after them.
    pub fn put_body(&self, out: &mut impl BufMut) {
        self.put_from(self.head as usize, out);
    }

    fn put_from(&self, start: usize, out: &mut impl BufMut) {
        let end_of_metadata = self.managers_at as usize;
        if self.managers.is_empty() {
            out.put_slice(&self.json[start..]);
            return;
        }
        out.put_slice(&self.json[start..end_of_metadata]);
        // With a revision at least, metadata is never empty.
        out.put_slice(b",");
        self.managers.write(out);
        out.put_slice(&self.json[end_of_metadata..]);
    }

    /// The object, parsed.
    pub fn value(&self) -> Value {
        let mut object = self.value_without_managers();
        if !self.managers.is_empty() {
            self.managers.put_into(&mut object);
        }
        object
    }

    /// The object, parsed, without the managers that are kept beside it.
    pub fn value_without_managers(&self) -> Value {
        // What was serialised from a value parses into one.
        serde_json::from_slice(&self.json).unwrap_or(Value::Null)
    }

    /// The object, parsed, without its managers, and with another spec in place of its own.
    pub fn value_with_spec(&self, spec: &str) -> Value {
        let (start, end) = (self.spec.start as usize, self.spec.end as usize);
        let mut json = Vec::with_capacity(self.json.len() - (end - start) + spec.len());
        json.extend_from_slice(&self.json[..start]);
        json.extend_from_slice(spec.as_bytes());
        json.extend_from_slice(&self.json[end..]);
        serde_json::from_slice(&json).unwrap_or(Value::Null)
    }

    /// Whether there is a spec.
    pub fn has_spec(&self) -> bool {
        !self.spec.is_empty()
    }

    fn spec_json(&self) -> &[u8] {
        &self.json[self.spec.start as usize..self.spec.end as usize]
    }

    /// The object, parsed once for all who ask. For kinds of which there are few.
    pub fn shared_value(&self) -> Arc<Value> {
        self.parsed.get_or_init(|| Arc::new(self.value())).clone()
    }

    /// The namespace; empty for objects of the cluster.
    pub fn namespace(&self) -> &str {
        self.key.split_once('/').map_or("", |(namespace, _)| namespace)
    }

    /// The name.
    pub fn name(&self) -> &str {
        self.key.split_once('/').map_or(&self.key, |(_, name)| name)
    }

    /// The value of a label.
    pub fn label(&self, key: &str) -> Option<&str> {
        let at = self.labels.binary_search_by(|(label, _)| (**label).cmp(key)).ok()?;
        Some(&self.labels[at].1)
    }

    /// About how many bytes it takes to keep.
    pub fn weight(&self) -> usize {
        self.json.len() + 500
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn text(stored: &Stored) -> String {
        String::from_utf8(stored.json().to_vec()).unwrap()
    }

    #[test]
    fn type_and_body_come_apart_at_the_head() {
        let mut object = json!({"metadata": {"name": "a", "labels": {"x": "1", "b": "2"}}, "kind": "Pod", "apiVersion": "v1", "spec": {"nodeName": "n"}});
        let fields = [FieldPath::plain("spec.nodeName", ""), FieldPath::plain("spec.hostNetwork", "false")];
        let stored = Stored::new("ns/a".into(), 7, Draft::whole(&mut object), &fields);
        let mut body = Vec::new();
        stored.put_body(&mut body);
        assert_eq!(
            text(&stored),
            format!(r#"{{"apiVersion":"v1","kind":"Pod",{}"#, String::from_utf8(body.clone()).unwrap())
        );
        assert!(body.starts_with(br#""metadata":{"name":"a""#));
        assert_eq!(stored.json_len() - stored.head_len(), body.len());
        assert_eq!(stored.value()["metadata"]["resourceVersion"], "7");
        assert_eq!((stored.namespace(), stored.name()), ("ns", "a"));
        assert_eq!((stored.label("b"), stored.label("c")), (Some("2"), None));
        assert_eq!(stored.fields.iter().map(|f| &**f).collect::<Vec<_>>(), ["n", "false"]);
    }

    #[test]
    fn an_object_without_type_has_the_brace_for_a_head() {
        let mut object = json!({"metadata": {}});
        let stored = Stored::new("a".into(), 1, Draft::whole(&mut object), &[]);
        assert_eq!(stored.head_len(), 1);
        assert_eq!(stored.name(), "a");
    }

    #[test]
    fn managers_are_kept_beside_the_object_and_come_back_with_it() {
        let managed = json!([{ "manager": "m", "operation": "Update", "fieldsType": "FieldsV1", "fieldsV1": { "f:spec": {} } }]);
        let mut object = json!({ "metadata": { "name": "a", "managedFields": managed }, "spec": 1 });
        let stored = Stored::new("a".into(), 1, Draft::whole(&mut object), &[]);
        assert_eq!(stored.value_without_managers()["metadata"].get("managedFields"), None);
        assert_eq!(stored.value()["metadata"]["managedFields"], managed);
        let parsed: Value = serde_json::from_str(&text(&stored)).unwrap();
        assert_eq!(parsed, stored.value());
        assert_eq!(text(&stored).len(), stored.json_len());
        let again = Stored::recovered("a".into(), 1, &stored.json(), &[]).unwrap();
        assert_eq!(text(&again), text(&stored));
    }

    #[test]
    fn a_write_may_take_the_spec_over() {
        let fields = [FieldPath::plain("spec.nodeName", ""), FieldPath::plain("status.phase", "")];
        let mut object = json!({ "kind": "Pod", "metadata": { "name": "a" }, "spec": { "nodeName": "n", "x": [1] }, "status": {} });
        let stored = Stored::new("a".into(), 1, Draft::whole(&mut object), &fields);
        let mut seen = stored.value_with_spec("{\"y\":2}");
        assert_eq!(seen["spec"], json!({ "y": 2 }));
        seen["status"] = json!({ "phase": "Running" });
        let draft = Draft { object: &mut seen, managers: None, spec_of: Some(&stored) };
        let next = Stored::new("a".into(), 2, draft, &fields);
        assert_eq!(next.value()["spec"], json!({ "nodeName": "n", "x": [1] }));
        assert_eq!(next.value()["status"], json!({ "phase": "Running" }));
        assert_eq!(next.fields.iter().map(|f| &**f).collect::<Vec<_>>(), ["n", "Running"]);
        // And again from there.
        assert_eq!(next.value_with_spec("{}")["spec"], json!({}));
    }
}
