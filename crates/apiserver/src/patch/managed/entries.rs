//! `metadata.managedFields`, read and written.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::patch::fields::FieldSet;

/// How a manager wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Operation {
    /// By server-side apply.
    Apply,
    /// By any other write.
    Update,
}

impl Operation {
    fn text(self) -> &'static str {
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
pub(super) struct Owned {
    pub(super) fields: FieldSet,
    pub(super) api_version: String,
    /// RFC 3339 with seconds; none if the entry had no time.
    pub(super) time: Option<String>,
}

/// All managers of an object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Managers {
    pub(super) owned: BTreeMap<ManagerId, Owned>,
}

/// The time as entries have it.
pub(super) fn time_text(now: Timestamp) -> String {
    now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

impl Managers {
    /// Reads the managers of an object. What cannot be read counts as no managers at all, as upstream does.
    pub(super) fn of(object: Option<&Value>) -> Managers {
        object.and_then(|object| raw(object)).and_then(Managers::read).unwrap_or_default()
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
            let text = |name: &str| entry.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
            let operation = match text("operation").as_str() {
                "Apply" => Operation::Apply,
                "Update" => Operation::Update,
                _ => return None,
            };
            let fields = match entry.get("fieldsV1") {
                Some(Value::Null) | None => FieldSet::new(),
                Some(fields) => FieldSet::from_fields_v1(fields).ok()?,
            };
            let api_version = text("apiVersion");
            let id = ManagerId {
                manager: text("manager"),
                operation,
                api_version: if operation == Operation::Apply { String::new() } else { api_version.clone() },
                subresource: text("subresource"),
            };
            let time = entry.get("time").and_then(Value::as_str).map(str::to_owned);
            owned.insert(id, Owned { fields, api_version, time });
        }
        Some(Managers { owned })
    }

    /// Writes the managers into an object: appliers first, then by time and name.
    pub(super) fn store(&self, object: &mut Value) {
        let Some(meta) = metadata(object) else { return };
        if self.owned.is_empty() {
            meta.shift_remove("managedFields");
            return;
        }
        let mut entries: Vec<(&ManagerId, &Owned)> = self.owned.iter().collect();
        entries.sort_by_key(|(id, owned)| {
            let seconds = owned.time.as_deref().and_then(|time| time.parse::<Timestamp>().ok());
            (id.operation, seconds.map_or(0, Timestamp::as_second), (*id).clone())
        });
        let entries = entries.into_iter().map(|(id, owned)| entry(id, owned)).collect();
        meta.insert("managedFields".to_owned(), Value::Array(entries));
    }

    /// Adds fields to a manager's.
    pub(super) fn add(&mut self, id: ManagerId, fields: &FieldSet, api_version: &str, time: String) {
        let owned = self.owned.entry(id).or_insert_with(|| Owned {
            fields: FieldSet::new(),
            api_version: String::new(),
            time: None,
        });
        owned.fields = owned.fields.union(fields);
        api_version.clone_into(&mut owned.api_version);
        owned.time = Some(time);
    }

    /// Takes fields from all managers for which `theirs` says so; managers that own nothing more are gone.
    pub(super) fn take(&mut self, fields: &FieldSet, theirs: impl Fn(&ManagerId) -> bool) {
        for (id, owned) in &mut self.owned {
            if theirs(id) {
                owned.fields = owned.fields.difference(fields);
            }
        }
        self.owned.retain(|_, owned| !owned.fields.is_empty());
    }
}

fn entry(id: &ManagerId, owned: &Owned) -> Value {
    let mut entry = Map::new();
    let mut put = |name: &str, value: &str| {
        if !value.is_empty() {
            entry.insert(name.to_owned(), Value::from(value));
        }
    };
    put("manager", &id.manager);
    put("operation", id.operation.text());
    put("apiVersion", &owned.api_version);
    put("time", owned.time.as_deref().unwrap_or_default());
    put("fieldsType", "FieldsV1");
    entry.insert("fieldsV1".to_owned(), owned.fields.to_fields_v1());
    if !id.subresource.is_empty() {
        entry.insert("subresource".to_owned(), Value::from(id.subresource.as_str()));
    }
    Value::Object(entry)
}

fn raw(object: &Value) -> Option<&Value> {
    object.get("metadata")?.get("managedFields")
}

/// The object's metadata, made if there is none.
pub(super) fn metadata(object: &mut Value) -> Option<&mut Map<String, Value>> {
    let fields = object.as_object_mut()?;
    fields.entry("metadata").or_insert_with(|| Value::Object(Map::new())).as_object_mut()
}
