//! Merging objects, and the directives that stand in objects.

use serde_json::{Map, Value};

use super::{lists, order, refusals};
use crate::patch::PatchError;
use crate::schema::View;

pub(super) const PATCH: &str = "$patch";
const RETAIN_KEYS: &str = "$retainKeys";
const DELETE_FROM: &str = "$deleteFromPrimitiveList";
const SET_ORDER: &str = "$setElementOrder";

/// The object with the changes merged into it.
pub(super) fn merge(
    mut object: Map<String, Value>,
    mut changes: Map<String, Value>,
    view: View<'_>,
) -> Result<Map<String, Value>, PatchError> {
    if let Some(directive) = changes.shift_remove(PATCH) {
        return match directive.as_str() {
            Some("replace") => Ok(changes),
            Some("delete") => Ok(Map::new()),
            _ => {
                changes.insert(PATCH.to_owned(), directive.clone());
                Err(refusals::unknown_directive(&directive, &changes))
            }
        };
    }
    retain_keys(&mut object, &mut changes)?;
    set_orders(&mut object, &mut changes, view)?;
    // At once, because each removal moves all fields that follow.
    if changes.values().any(Value::is_null) {
        object.retain(|name, _| !changes.get(name).is_some_and(Value::is_null));
    }
    for (name, change) in changes.into_iter().filter(|(_, change)| !change.is_null()) {
        merge_field(&mut object, &name, change, view)?;
    }
    Ok(object)
}

fn merge_field(
    object: &mut Map<String, Value>,
    name: &str,
    change: Value,
    view: View<'_>,
) -> Result<(), PatchError> {
    if name.starts_with(DELETE_FROM) {
        let field = field_of(name, DELETE_FROM).ok_or_else(refusals::primitive_list)?;
        let (Some(Value::Array(elements)), Value::Array(gone)) = (object.get_mut(field), &change) else {
            return Ok(());
        };
        lists::remove_scalars(elements, gone);
        return Ok(());
    }
    let Some(old) = object.get_mut(name) else {
        object.insert(name.to_owned(), fresh(change));
        return Ok(());
    };
    let field = view.field(name);
    let merged = match (old.take(), change) {
        (Value::Object(old), Value::Object(change)) => {
            let field = known(field, view, name)?;
            if field.patch_rule().replace {
                Value::Object(strip(change))
            } else {
                Value::Object(merge(old, change, field)?)
            }
        }
        (Value::Array(old), Value::Array(change)) => {
            let field = known(field, view, name)?;
            if field.patch_rule().merge {
                Value::Array(lists::merge(old, change, field)?)
            } else {
                Value::Array(change)
            }
        }
        (_, change) => fresh(change),
    };
    object.insert(name.to_owned(), merged);
    Ok(())
}

fn known<'a>(field: Option<View<'a>>, owner: View<'_>, name: &str) -> Result<View<'a>, PatchError> {
    field.ok_or_else(|| {
        let owner = owner.type_name().and_then(|name| name.rsplit('.').next()).unwrap_or("object");
        PatchError::Internal(format!(
            "unable to find api field in struct {owner} for the json field {name:?}"
        ))
    })
}

/// A value that meets nothing in the object: its nulls and directives mean nothing more.
pub(super) fn fresh(value: Value) -> Value {
    match value {
        Value::Object(fields) => Value::Object(strip(fields)),
        Value::Array(elements) => {
            let kept =
                elements.into_iter().filter(|element| element.get(PATCH).is_none_or(|word| word == "merge"));
            Value::Array(kept.map(fresh).collect())
        }
        other => other,
    }
}

fn strip(fields: Map<String, Value>) -> Map<String, Value> {
    if fields.get(PATCH).is_some_and(|directive| directive == "delete") {
        return Map::new();
    }
    let kept = fields.into_iter().filter(|(name, value)| !value.is_null() && !is_directive(name));
    kept.map(|(name, value)| (name, fresh(value))).collect()
}

fn is_directive(name: &str) -> bool {
    name == PATCH || name == RETAIN_KEYS || name.starts_with(DELETE_FROM) || name.starts_with(SET_ORDER)
}

/// The field that a directive with a slash is about.
fn field_of<'a>(name: &'a str, directive: &str) -> Option<&'a str> {
    name.strip_prefix(directive)?.strip_prefix('/')
}

fn retain_keys(object: &mut Map<String, Value>, changes: &mut Map<String, Value>) -> Result<(), PatchError> {
    let Some(keys) = changes.shift_remove(RETAIN_KEYS) else { return Ok(()) };
    let Value::Array(keys) = keys else { return Err(refusals::retain_keys()) };
    let keys: std::collections::BTreeSet<&str> = keys.iter().filter_map(Value::as_str).collect();
    let stray = |(name, change): (&String, &Value)| {
        !change.is_null()
            && !name.starts_with(DELETE_FROM)
            && !name.starts_with(SET_ORDER)
            && !keys.contains(name.as_str())
    };
    if changes.iter().any(stray) {
        return Err(refusals::retain_keys());
    }
    object.retain(|name, _| keys.contains(name.as_str()));
    Ok(())
}

/// Merges the lists for which an order is given, and brings them into it.
fn set_orders(
    object: &mut Map<String, Value>,
    changes: &mut Map<String, Value>,
    view: View<'_>,
) -> Result<(), PatchError> {
    let directives: Vec<String> =
        changes.keys().filter(|name| name.starts_with(SET_ORDER)).cloned().collect();
    for directive in directives {
        let order = changes.shift_remove(&directive).unwrap_or_default();
        let Value::Array(order) = order else { return Err(refusals::wrong_kind("[]interface {}", &order)) };
        let name = field_of(&directive, SET_ORDER).ok_or_else(refusals::set_element_order)?;
        for side in [object.get(name), changes.get(name)].into_iter().flatten() {
            if !side.is_array() {
                return Err(refusals::wrong_kind("[]interface {}", side));
            }
        }
        let field = known(view.field(name), view, name)?;
        let rule = field.patch_rule();
        let key = rule.merge_key.as_deref();
        let old = object.get(name).and_then(Value::as_array).cloned();
        let change = match changes.shift_remove(name) {
            Some(Value::Array(change)) => Some(change),
            _ => None,
        };
        order::check(change.as_deref().unwrap_or_default(), &order, key)?;
        let before = match (&old, &change) {
            (Some(old), Some(change)) if rule.merge => lists::order_after_deletion(old, change, key),
            (old, _) => old.clone().unwrap_or_default(),
        };
        let merged = match (old, change) {
            (Some(old), Some(change)) if rule.merge => lists::merge(old, change, field)?,
            (_, Some(change)) => match fresh(Value::Array(change)) {
                Value::Array(change) => change,
                _ => Vec::new(),
            },
            (Some(old), None) => old,
            (None, None) => continue,
        };
        let sorted = order::arrange(merged, &order, &before, key)?;
        object.insert(name.to_owned(), Value::Array(sorted));
    }
    Ok(())
}
