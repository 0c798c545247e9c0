//! What an ordinary write says about managers.

use serde_json::{Map, Value};

use super::cap::cap;
use super::entries::{ManagerId, Managers, time_text};
use super::stripped::strip;
use super::writer::Writer;
use crate::patch::fields::FieldSet;
use crate::patch::typed::compare;
use crate::schema::Schema;

/// Notes in `new` what the write changed: the writer owns it, nobody else does.
///
/// `old` is none for a creation. The managers are those that the request gives (it may change or, with `[{}]`, reset them), else those of `old`.
/// An object that has no managers is not tracked until it is applied.
pub fn on_update(old: Option<&Value>, new: &mut Value, writer: &Writer<'_>, schema: &Schema) {
    let mut managers = given(old, new, writer);
    if managers.owned.is_empty() && old.is_some() {
        managers.store(new);
        return;
    }
    note(old, new, &mut managers, writer, writer.manager, schema);
    cap(&mut managers);
    managers.store(new);
}

fn given(old: Option<&Value>, new: &Value, writer: &Writer<'_>) -> Managers {
    if !writer.subresource.is_empty() {
        return Managers::of(old);
    }
    if Managers::are_reset(new) {
        return Managers::default();
    }
    let managers = Managers::of(Some(new));
    if managers.owned.is_empty() { Managers::of(old) } else { managers }
}

/// Moves what differs to the manager of this name.
pub(super) fn note(
    old: Option<&Value>,
    new: &Value,
    managers: &mut Managers,
    writer: &Writer<'_>,
    manager: &str,
    schema: &Schema,
) {
    let nothing = Value::Object(Map::new());
    let changes = compare(schema.view(), old.unwrap_or(&nothing), new);
    if changes.is_empty() {
        return;
    }
    let without = |fields: &FieldSet| strip(&fields.without_branches(writer.reset));
    let changed = without(&changes.added.union(&changes.modified));
    managers.take(&changed.union(&without(&changes.removed)), |_| true);
    if !changed.is_empty() {
        let id = ManagerId::update(manager, writer.api_version, writer.subresource);
        managers.add(id, &changed, writer.api_version, time_text(writer.now));
    }
}
