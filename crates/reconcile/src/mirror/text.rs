//! Objects as text: what must be known of one before it is worth reading, and what of it is not worth keeping.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::kinds::{Kind, Object};
use super::store::Key;

/// What of an object is looked at before all of it.
#[derive(Debug, Deserialize)]
struct Glance<'a> {
    #[serde(borrow, default)]
    metadata: Metadata<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Metadata<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
    #[serde(borrow)]
    namespace: Cow<'a, str>,
    #[serde(borrow)]
    resource_version: Cow<'a, str>,
    #[serde(borrow)]
    managed_fields: Option<&'a RawValue>,
}

/// An object of a kind that nobody has read yet.
#[derive(Debug)]
pub(crate) struct Unread {
    /// Its kind.
    pub(crate) kind: Kind,
    /// Its key.
    pub(crate) key: Key,
    /// Its resource version as a number; zero if it has none.
    pub(crate) version: u64,
    /// The object in JSON, without `managedFields`.
    text: String,
}

impl Unread {
    /// Takes a glance at an object in JSON.
    pub(crate) fn new(kind: Kind, text: &str) -> Result<Self, serde_json::Error> {
        let Glance { metadata } = serde_json::from_str(text)?;
        Ok(Self {
            kind,
            key: Key::new(&*metadata.namespace, &*metadata.name),
            version: metadata.resource_version.parse().unwrap_or(0),
            text: without(text, metadata.managed_fields).into_owned(),
        })
    }

    /// Reads it.
    pub(crate) fn read(&self) -> Result<Object, serde_json::Error> {
        self.kind.read(self.text.as_bytes())
    }
}

/// An object in JSON without `managedFields`: who wrote what is half of many objects, and nobody here asks.
pub(crate) fn without_managers(text: &str) -> Cow<'_, str> {
    if !text.contains("\"managedFields\"") {
        return Cow::Borrowed(text);
    }
    // what cannot be read is refused by whoever reads it next
    serde_json::from_str::<Glance<'_>>(text)
        .map_or(Cow::Borrowed(text), |glance| without(text, glance.metadata.managed_fields))
}

/// A text with a part of it, which is a value, replaced by `null`.
fn without<'a>(text: &'a str, part: Option<&RawValue>) -> Cow<'a, str> {
    let Some(part) = part.map(RawValue::get) else { return Cow::Borrowed(text) };
    // the part was borrowed from the text
    let start = part.as_ptr().addr().wrapping_sub(text.as_ptr().addr());
    let ends = (text.get(..start), text.get(start.saturating_add(part.len())..));
    let (Some(before), Some(after)) = ends else { return Cow::Borrowed(text) };
    Cow::Owned([before, "null", after].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    const POD: &str = r#"{"kind":"Pod","metadata":{"name":"a\"b","namespace":"n","managedFields":[{"manager":"x",
        "fieldsV1":{"f:spec":{}}}],"resourceVersion":"17"},"spec":{"containers":[]}}"#;

    #[test]
    fn a_glance_tells_key_and_version_and_leaves_managers_out() {
        let unread = Unread::new(Kind::Pod, POD).unwrap();
        assert_eq!((unread.key.clone(), unread.version), (Key::new("n", "a\"b"), 17));
        assert!(!unread.text.contains("manager\""), "{}", unread.text);
        let object = unread.read().unwrap();
        assert_eq!(object.metadata().resource_version.as_deref(), Some("17"));
        assert_eq!(object.metadata().managed_fields, None);
        assert_eq!(without_managers(POD), unread.text);
    }

    #[test]
    fn an_object_without_managers_stays_as_it_is() {
        let text = r#"{"metadata":{"name":"a"}}"#;
        assert_eq!(without_managers(text), text);
        let unread = Unread::new(Kind::Node, text).unwrap();
        assert_eq!((unread.key, unread.version), (Key::cluster("a"), 0));
        assert!(Unread::new(Kind::Node, "[").is_err());
    }
}
