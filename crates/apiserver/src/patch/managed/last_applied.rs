//! The annotation of client-side apply, which `kubectl apply` keeps its own memory in.

use serde_json::Value;

use super::conflict::Conflicts;
use super::entries::metadata;
use crate::patch::fields::FieldSet;
use crate::patch::typed::{compare, field_set};
use crate::schema::Schema;

const ANNOTATION: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// Annotations together may have 256 KiB; a larger memory is dropped.
const MOST_BYTES: usize = 256 * 1024;

/// The manager that upgrades from client-side apply.
pub(super) const KUBECTL: &str = "kubectl";

fn annotation(object: &Value) -> Option<&str> {
    object.get("metadata")?.get("annotations")?.get(ANNOTATION)?.as_str()
}

/// Whether all conflicts are about fields that client-side apply set and that still have its value.
pub(super) fn allows(conflicts: &Conflicts, live: &Value, schema: &Schema) -> bool {
    let Some(before) = annotation(live).and_then(|text| serde_json::from_str::<Value>(text).ok()) else {
        return false;
    };
    let view = schema.view();
    let changes = compare(view, &before, live);
    let changed: FieldSet = changes.changed.union(&changes.removed);
    let allowed = field_set(view, &before).difference(&changed);
    conflicts.fields.difference(&allowed).is_empty()
}

/// Keeps the annotation up to date with what is applied server-side, where there is one.
pub(super) fn refresh(object: &mut Value, applied: &Value) {
    if annotation(object).is_none() {
        return;
    }
    let mut memory = applied.clone();
    if let Some(meta) = memory.get_mut("metadata").and_then(Value::as_object_mut) {
        meta.shift_remove("managedFields");
        if let Some(annotations) = meta.get_mut("annotations").and_then(Value::as_object_mut) {
            annotations.shift_remove(ANNOTATION);
        }
    }
    let text = memory.to_string();
    let Some(annotations) = metadata(object).and_then(|meta| meta.get_mut("annotations")?.as_object_mut())
    else {
        return;
    };
    let others: usize = annotations
        .iter()
        .filter(|(name, _)| *name != ANNOTATION)
        .map(|(name, value)| name.len() + value.as_str().map_or(0, str::len))
        .sum();
    if others + ANNOTATION.len() + text.len() > MOST_BYTES {
        annotations.shift_remove(ANNOTATION);
    } else {
        annotations.insert(ANNOTATION.to_owned(), Value::String(text));
    }
}
