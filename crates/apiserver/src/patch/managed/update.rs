//! What an ordinary write says about managers.

use serde_json::{Map, Value};

use super::cap::cap;
use super::entries::{ManagerId, Managers, time_text};
use super::kept::KeptManagers;
use super::stripped::strip;
use super::writer::Writer;
use crate::patch::typed::{Comparison, compare};
use crate::schema::Schema;

/// Notes in `new` what the write changed: the writer owns it, nobody else does.
///
/// `old` is none for a creation. The managers are those that the request gives (it may change or, with `[{}]`, reset them), else those of `old`.
/// An object that has no managers is not tracked until it is applied.
pub fn on_update(old: Option<&Value>, new: &mut Value, writer: &Writer<'_>, schema: &Schema) {
    noted(old, Managers::of(old), new, writer, schema).store(new);
}

/// The managers after a write, where those before it are kept beside the object and not in it.
pub(crate) fn on_kept_update(
    old: Option<(&Value, &KeptManagers)>,
    new: &Value,
    writer: &Writer<'_>,
    schema: &Schema,
) -> KeptManagers {
    let before = old.map(|(_, managers)| Managers::of_kept(managers)).unwrap_or_default();
    noted(old.map(|(old, _)| old), before, new, writer, schema).into_kept()
}

fn noted(
    old: Option<&Value>,
    before: Managers,
    new: &Value,
    writer: &Writer<'_>,
    schema: &Schema,
) -> Managers {
    let mut managers = given(before, new, writer);
    if managers.owned.is_empty() && old.is_some() {
        return managers;
    }
    note(old, new, &mut managers, writer, writer.manager, schema);
    cap(&mut managers);
    managers
}

fn given(before: Managers, new: &Value, writer: &Writer<'_>) -> Managers {
    if !writer.subresource.is_empty() {
        return before;
    }
    if Managers::are_reset(new) {
        return Managers::default();
    }
    let managers = Managers::of(Some(new));
    if managers.owned.is_empty() { before } else { managers }
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
    let Comparison { mut changed, mut removed } = changes;
    for fields in [&mut changed, &mut removed] {
        fields.cut_branches(writer.reset);
        strip(fields);
    }
    let id = ManagerId::update(manager, writer.api_version, writer.subresource);
    if !removed.is_empty() {
        managers.take(&removed, |_| true);
    }
    // What the writer has already, it keeps.
    managers.take(&changed, |theirs| *theirs != id);
    if !changed.is_empty() {
        managers.add(id, changed, writer.api_version, time_text(writer.now));
    }
}
