//! One object as it is kept: its bytes, and the few facts that lists, watches and the garbage collector ask for.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use serde_json::Value;

/// An object at one revision. It never changes.
#[derive(Debug)]
pub(crate) struct Stored {
    /// `namespace/name`, or the name alone for objects of the cluster.
    pub key: Arc<str>,
    /// The revision at which it was written, which is its `resourceVersion`.
    pub revision: u64,
    /// The whole object in JSON; `apiVersion` and `kind` come first.
    pub json: Bytes,
    /// How many of the bytes are the opening brace, `apiVersion`, `kind` and the comma after them.
    pub head: usize,
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
    pub fn new(key: Arc<str>, revision: u64, object: &mut Value, fields: &[FieldPath]) -> Self {
        if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
            metadata.insert("resourceVersion".to_owned(), Value::String(revision.to_string()));
        }
        let (json, head) = serialise(object);
        Self::from_parts(key, revision, json, head, object, fields)
    }

    /// Takes an object back from its bytes, as the log has them.
    pub fn recovered(key: Arc<str>, revision: u64, json: Vec<u8>, fields: &[FieldPath]) -> Option<Self> {
        let object: Value = serde_json::from_slice(&json).ok()?;
        let (json, head) = serialise(&object);
        Some(Self::from_parts(key, revision, json, head, &object, fields))
    }

    fn from_parts(
        key: Arc<str>,
        revision: u64,
        json: Vec<u8>,
        head: usize,
        object: &Value,
        fields: &[FieldPath],
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
            json: Bytes::from(json),
            head,
            uid: Arc::from(text("uid").unwrap_or("")),
            labels: labels.into(),
            fields: fields.iter().map(|field| field.value(object).into()).collect(),
            owners,
            is_deleting: text("deletionTimestamp").is_some(),
            parsed: OnceLock::new(),
        }
    }

    /// The object, parsed.
    pub fn value(&self) -> Value {
        // What was serialised from a value parses into one.
        serde_json::from_slice(&self.json).unwrap_or(Value::Null)
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
        self.json.len() + 400
    }
}

/// The object in JSON with `apiVersion` and `kind` first, and how long that beginning is.
fn serialise(object: &Value) -> (Vec<u8>, usize) {
    let mut json = Vec::with_capacity(1024);
    json.push(b'{');
    let mut head = 1;
    // Writing into a vector cannot fail, and the keys of a JSON map are texts.
    let member = |json: &mut Vec<u8>, key: &str, value: &Value| {
        if json.len() > 1 {
            json.push(b',');
        }
        let _ = serde_json::to_writer(&mut *json, key);
        json.push(b':');
        let _ = serde_json::to_writer(&mut *json, value);
    };
    let empty = serde_json::Map::new();
    let members = object.as_object().unwrap_or(&empty);
    for key in ["apiVersion", "kind"] {
        if let Some(value) = members.get(key) {
            member(&mut json, key, value);
            head = json.len();
        }
    }
    let rest: Vec<_> = members.iter().filter(|(key, _)| *key != "apiVersion" && *key != "kind").collect();
    for (position, (key, value)) in rest.iter().enumerate() {
        member(&mut json, key, value);
        if position == 0 && head > 1 {
            // The comma that was just put after the beginning belongs to it.
            head += 1;
        }
    }
    json.push(b'}');
    json.shrink_to_fit();
    (json, head)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn type_and_body_come_apart_at_the_head() {
        let mut object = json!({"metadata": {"name": "a", "labels": {"x": "1", "b": "2"}}, "kind": "Pod", "apiVersion": "v1", "spec": {"nodeName": "n"}});
        let fields = [FieldPath::plain("spec.nodeName", ""), FieldPath::plain("spec.hostNetwork", "false")];
        let stored = Stored::new("ns/a".into(), 7, &mut object, &fields);
        assert_eq!(&stored.json[..stored.head], br#"{"apiVersion":"v1","kind":"Pod","#);
        assert!(stored.json[stored.head..].starts_with(br#""metadata":{"name":"a""#));
        assert_eq!(stored.value()["metadata"]["resourceVersion"], "7");
        assert_eq!((stored.namespace(), stored.name()), ("ns", "a"));
        assert_eq!((stored.label("b"), stored.label("c")), (Some("2"), None));
        assert_eq!(stored.fields.iter().map(|f| &**f).collect::<Vec<_>>(), ["n", "false"]);
    }

    #[test]
    fn an_object_without_type_has_the_brace_for_a_head() {
        let mut object = json!({"metadata": {}});
        let stored = Stored::new("a".into(), 1, &mut object, &[]);
        assert_eq!(stored.head, 1);
        assert_eq!(stored.name(), "a");
    }
}
