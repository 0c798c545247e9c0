//! Merging lists: by key, or as sets of scalars.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::maps::{self, PATCH};
use super::{order, refusals};
use crate::patch::PatchError;
use crate::schema::View;

/// Takes scalars out of a list.
pub(super) fn remove_scalars(elements: &mut Vec<Value>, gone: &[Value]) {
    let gone: BTreeSet<String> = gone.iter().map(Value::to_string).collect();
    elements.retain(|element| !gone.contains(&element.to_string()));
}

/// The old list with the changes merged into it, in the order of the changes as far as they say one.
pub(super) fn merge(old: Vec<Value>, changes: Vec<Value>, view: View<'_>) -> Result<Vec<Value>, PatchError> {
    let objects = match element_kind(&old, &changes)? {
        None => return Ok(old),
        Some(objects) => objects,
    };
    if !objects {
        let mut seen = BTreeSet::new();
        let both =
            old.iter().chain(&changes).filter(|element| seen.insert(element.to_string())).cloned().collect();
        return order::arrange(both, &changes, &old, None);
    }
    let Some(key) = view.patch_rule().merge_key.as_deref() else {
        return Err(refusals::no_key_for_list(view.type_name().unwrap_or("list")));
    };
    let items = view.list().map_or(view, |(items, _)| items);
    let (old, changes) = directives(old, changes, key)?;
    let merged = merge_objects(old.clone(), &changes, key, items)?;
    order::arrange(merged, &changes, &old, Some(key))
}

/// The order in which the elements of a merged list count as having stood before.
///
/// Deleted elements leave room at the end of the old list, and upstream takes the new elements that fit there as old ones.
pub(super) fn order_after_deletion(old: &[Value], changes: &[Value], key: Option<&str>) -> Vec<Value> {
    let directive = |change: &Value| change.get(PATCH).and_then(Value::as_str).map(str::to_owned);
    let Some(key) = key else { return old.to_vec() };
    if changes.iter().any(|change| directive(change).as_deref() == Some("replace")) {
        return old.to_vec();
    }
    let identity = |element: &Value| element.get(key).map(Value::to_string);
    let gone: BTreeSet<String> =
        changes.iter().filter(|change| directive(change).is_some()).filter_map(identity).collect();
    let mut order: Vec<Value> = old
        .iter()
        .filter(|element| identity(element).is_none_or(|name| !gone.contains(&name)))
        .cloned()
        .collect();
    let mut known: BTreeSet<String> = order.iter().filter_map(identity).collect();
    for change in changes.iter().filter(|change| directive(change).is_none()) {
        if order.len() < old.len()
            && let Some(name) = identity(change)
            && known.insert(name)
        {
            order.push(change.clone());
        }
    }
    order
}

/// Whether the elements are objects; none if there are none.
fn element_kind(old: &[Value], changes: &[Value]) -> Result<Option<bool>, PatchError> {
    let mut objects = None;
    for element in old.iter().chain(changes) {
        if element.is_array() {
            return Err(refusals::list_of_lists());
        }
        let is_object = element.is_object();
        if *objects.get_or_insert(is_object) != is_object {
            return Err(PatchError::Internal(
                "list element types are not identical: object and scalar".to_owned(),
            ));
        }
    }
    Ok(objects)
}

/// Carries out `$patch: delete` and `$patch: replace` of elements; what is left merges.
fn directives(
    old: Vec<Value>,
    changes: Vec<Value>,
    key: &str,
) -> Result<(Vec<Value>, Vec<Value>), PatchError> {
    let mut plain = Vec::new();
    let mut gone = BTreeSet::new();
    let mut replace = false;
    for change in changes {
        let Value::Object(fields) = &change else { continue };
        let Some(directive) = fields.get(PATCH) else {
            plain.push(change);
            continue;
        };
        match directive.as_str() {
            Some("delete") => {
                let value = fields.get(key).ok_or_else(|| refusals::no_merge_key(fields, key))?;
                gone.insert(value.to_string());
            }
            Some("replace") => replace = true,
            Some("merge") => return Err(refusals::merge_directive()),
            _ => return Err(refusals::unknown_directive(directive, fields)),
        }
    }
    if replace {
        return Ok((plain, Vec::new()));
    }
    let kept = old
        .into_iter()
        .filter(|element| element.get(key).is_none_or(|value| !gone.contains(&value.to_string())));
    Ok((kept.collect(), plain))
}

fn merge_objects(
    mut merged: Vec<Value>,
    changes: &[Value],
    key: &str,
    items: View<'_>,
) -> Result<Vec<Value>, PatchError> {
    // Where the elements stand by their key; the first of several counts.
    let mut places: BTreeMap<String, usize> = BTreeMap::new();
    for (place, element) in merged.iter().enumerate() {
        let Value::Object(fields) = element else { return Err(refusals::not_a_map(place)) };
        if let Some(value) = fields.get(key) {
            places.entry(value.to_string()).or_insert(place);
        }
    }
    for change in changes {
        let Value::Object(fields) = change else { continue };
        let value = fields.get(key).ok_or_else(|| refusals::no_merge_key(fields, key))?;
        match places.get(&value.to_string()) {
            Some(place) => {
                let old: Map<String, Value> = match merged[*place].take() {
                    Value::Object(old) => old,
                    _ => Map::new(),
                };
                merged[*place] = Value::Object(maps::merge(old, fields.clone(), items)?);
            }
            None => {
                places.insert(value.to_string(), merged.len());
                merged.push(maps::fresh(change.clone()));
            }
        }
    }
    Ok(merged)
}
