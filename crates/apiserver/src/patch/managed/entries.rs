//! `metadata.managedFields`, read and written.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::kept::KeptManagers;
use crate::interned::Interned;
use crate::patch::fields::{FieldSet, KeptFields};

/// How a manager wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Operation {
    /// By server-side apply.
    Apply,
    /// By any other write.
    Update,
}

impl Operation {
    pub(super) fn text(self) -> &'static str {
        match self {
            Operation::Apply => "Apply",
            Operation::Update => "Update",
        }
    }
}

/// What tells managers apart. The order is that in which conflicts are listed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ManagerId {
    /// The manager's name.
    pub manager: String,
    /// How it wrote.
    pub operation: Operation,
    /// In which version; empty for appliers, who are one in all versions.
    pub api_version: String,
    /// By which subresource; empty for the object itself.
    pub subresource: String,
}

impl ManagerId {
    pub(super) fn update(manager: &str, api_version: &str, subresource: &str) -> ManagerId {
        ManagerId {
            manager: manager.to_owned(),
            operation: Operation::Update,
            api_version: api_version.to_owned(),
            subresource: subresource.to_owned(),
        }
    }

    pub(super) fn apply(manager: &str, subresource: &str) -> ManagerId {
        ManagerId {
            manager: manager.to_owned(),
            operation: Operation::Apply,
            api_version: String::new(),
            subresource: subresource.to_owned(),
        }
    }
}

/// What one manager owns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Owned {
    pub(super) fields: KeptFields,
    pub(super) api_version: Arc<str>,
    /// RFC 3339 with seconds; none if the entry had no time.
    pub(super) time: Option<Arc<str>>,
}

/// All managers of an object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Managers {
    pub(super) owned: BTreeMap<Arc<ManagerId>, Owned>,
}

/// The time as entries have it.
pub(super) fn time_text(now: Timestamp) -> String {
    now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

static IDS: Interned<ManagerId> = Interned::new();
static TEXTS: Interned<str> = Interned::new();

/// The shared copy of an id.
pub(super) fn shared(id: ManagerId) -> Arc<ManagerId> {
    IDS.share(id)
}

/// The shared copy of a version or a time.
pub(super) fn shared_text<T: std::borrow::Borrow<str> + Into<Arc<str>>>(text: T) -> Arc<str> {
    TEXTS.share(text)
}

impl Managers {
    /// Reads the managers of an object. What cannot be read counts as no managers at all, as upstream does.
    pub(super) fn of(object: Option<&Value>) -> Managers {
        object.and_then(|object| raw(object)).and_then(Managers::read).unwrap_or_default()
    }

    /// The managers as they are kept.
    pub(super) fn of_kept(kept: &KeptManagers) -> Managers {
        Managers { owned: kept.entries().iter().cloned().collect() }
    }

    /// Whether a request asks to forget all managers: `managedFields: [{}]`.
    pub(super) fn are_reset(object: &Value) -> bool {
        raw(object).and_then(Value::as_array).is_some_and(|entries| {
            matches!(entries.as_slice(), [Value::Object(only)] if only.values().all(Value::is_null))
        })
    }

    fn read(entries: &Value) -> Option<Managers> {
        let mut owned = BTreeMap::new();
        for entry in entries.as_array()? {
            let fields = match entry.get("fieldsV1") {
                Some(Value::Null) | None => FieldSet::new(),
                Some(fields) => FieldSet::from_fields_v1(fields).ok()?,
            };
            let (id, entry) = read_entry(entry, KeptFields::new(fields))?;
            owned.insert(id, entry);
        }
        Some(Managers { owned })
    }

    /// The entries in the order in which they are written: appliers first, then by time and name.
    pub(super) fn into_kept(self) -> KeptManagers {
        let mut entries: Vec<(Arc<ManagerId>, Owned)> = self.owned.into_iter().collect();
        if entries.len() > 1 {
            entries.sort_by_cached_key(|(id, owned)| {
                let seconds = owned.time.as_deref().and_then(|time| time.parse::<Timestamp>().ok());
                (id.operation, seconds.map_or(0, Timestamp::as_second), id.clone())
            });
        }
        KeptManagers::new(entries)
    }

    /// Adds fields to a manager's.
    pub(super) fn add(&mut self, id: ManagerId, fields: FieldSet, api_version: &str, time: String) {
        let time = Some(shared_text(time));
        if let Some(owned) = self.owned.get_mut(&id) {
            if !owned.fields.set().includes(&fields) {
                owned.fields = KeptFields::new(owned.fields.set().union(&fields));
            }
            if *owned.api_version != *api_version {
                owned.api_version = shared_text(api_version);
            }
            owned.time = time;
            return;
        }
        let owned = Owned { fields: KeptFields::new(fields), api_version: shared_text(api_version), time };
        self.owned.insert(shared(id), owned);
    }

    /// Takes fields from all managers for which `theirs` says so; managers that own nothing more are gone.
    pub(super) fn take(&mut self, fields: &FieldSet, theirs: impl Fn(&ManagerId) -> bool) {
        for (id, owned) in &mut self.owned {
            if theirs(id) && owned.fields.set().meets(fields) {
                owned.fields = KeptFields::new(owned.fields.set().difference(fields));
            }
        }
        self.owned.retain(|_, owned| !owned.fields.set().is_empty());
    }

    /// Writes the managers into an object.
    pub(super) fn store(self, object: &mut Value) {
        self.into_kept().put_into(object);
    }
}

/// One entry of `managedFields`, with its fields read by the caller; none if it is no entry.
pub(super) fn read_entry(entry: &Value, fields: KeptFields) -> Option<(Arc<ManagerId>, Owned)> {
    let text = |name: &str| entry.get(name).and_then(Value::as_str).unwrap_or_default();
    let operation = match text("operation") {
        "Apply" => Operation::Apply,
        "Update" => Operation::Update,
        _ => return None,
    };
    let api_version = text("apiVersion");
    let id = ManagerId {
        manager: text("manager").to_owned(),
        operation,
        api_version: if operation == Operation::Apply { String::new() } else { api_version.to_owned() },
        subresource: text("subresource").to_owned(),
    };
    let time = entry.get("time").and_then(Value::as_str).map(shared_text);
    Some((shared(id), Owned { fields, api_version: shared_text(api_version), time }))
}

fn raw(object: &Value) -> Option<&Value> {
    object.get("metadata")?.get("managedFields")
}

/// The object's metadata, made if there is none.
pub(super) fn metadata(object: &mut Value) -> Option<&mut Map<String, Value>> {
    let fields = object.as_object_mut()?;
    fields.entry("metadata").or_insert_with(|| Value::Object(Map::new())).as_object_mut()
}
