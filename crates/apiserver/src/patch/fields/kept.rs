//! Sets of fields at rest: the text of `fieldsV1`, shared by all managers that own the same, and read once when asked for.

use std::cmp::Ordering;
use std::sync::{Arc, OnceLock};

use serde_json::Value;

use super::set::FieldSet;
use crate::interned::Interned;

/// A set that does not change. Clones and equal sets are the same.
#[derive(Clone)]
pub(crate) struct KeptFields(Arc<Kept>);

struct Kept {
    text: Box<str>,
    set: OnceLock<FieldSet>,
}

static ALL: Interned<Kept> = Interned::new();

impl KeptFields {
    /// Keeps a set.
    pub fn new(set: FieldSet) -> Self {
        let mut text = String::with_capacity(256);
        set.write_fields_v1(&mut text);
        Self(ALL.share(Kept { text: text.into(), set: OnceLock::from(set) }))
    }

    /// Keeps what `fieldsV1` has, without reading it.
    pub fn of_value(value: &Value) -> Self {
        Self(ALL.share(Kept { text: value.to_string().into(), set: OnceLock::new() }))
    }

    /// The JSON of `fieldsV1`.
    pub fn text(&self) -> &str {
        &self.0.text
    }

    /// The set. What is no set reads as the empty one.
    pub fn set(&self) -> &FieldSet {
        self.0.set.get_or_init(|| FieldSet::from_fields_v1(&self.to_value()).unwrap_or_default())
    }

    /// `fieldsV1`.
    pub fn to_value(&self) -> Value {
        // It was made of a value or a set.
        serde_json::from_str(&self.0.text).unwrap_or_default()
    }
}

impl std::fmt::Debug for KeptFields {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.0.text)
    }
}

impl PartialEq for KeptFields {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.0.text == other.0.text
    }
}

impl Eq for KeptFields {}

impl PartialEq for Kept {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Kept {}

impl PartialOrd for Kept {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Kept {
    fn cmp(&self, other: &Self) -> Ordering {
        // Most differ in length already.
        (self.text.len(), &self.text).cmp(&(other.text.len(), &other.text))
    }
}
