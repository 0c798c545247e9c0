//! Takes away what a manager no longer applies.

use serde_json::Value;

use super::entries::Managers;
use crate::patch::fields::FieldSet;
use crate::patch::typed::{field_set, remove};
use crate::schema::Schema;

/// The merged object without the fields that the manager applied before, applies no more, and nobody else owns.
///
/// What is below a removed field goes with it, so the removal is done in three steps: all that was applied before goes, then what anybody owns
/// (the manager's new fields among it) comes back, then what was never applied by this manager.
pub(super) fn prune(merged: Value, before: Option<&FieldSet>, managers: &Managers, schema: &Schema) -> Value {
    let Some(before) = before.filter(|before| !before.is_empty()) else { return merged };
    let view = schema.view();
    let named = |fields: &FieldSet| fields.with_named_fields(view);
    let of_merged = named(&field_set(view, &merged));
    let before = named(before);
    let pruned = remove(view, &merged, &before);
    let mut owned = FieldSet::new();
    for theirs in managers.owned.values() {
        owned.extend(theirs.fields.set());
    }
    let kept = named(&field_set(view, &pruned)).union(&named(&owned));
    let pruned = remove(view, &merged, &of_merged.difference(&kept));
    let kept = named(&field_set(view, &pruned));
    remove(view, &merged, &of_merged.difference(&kept).intersection(&before))
}
