//! Merging an applied value into the live one.

use std::collections::{BTreeSet, VecDeque};

use serde_json::{Map, Value};

use super::form::{Form, form_of_pair, is_empty};
use super::list_index::ListIndex;
use crate::patch::fields::PathElement;
use crate::schema::View;

/// The live value with the applied one merged into it; where both have a leaf, the applied one counts.
pub(in crate::patch) fn merge(view: View<'_>, live: &Value, applied: &Value) -> Value {
    pair(view, Some(live), Some(applied)).unwrap_or_else(|| Value::Object(Map::new()))
}

fn pair(view: View<'_>, live: Option<&Value>, applied: Option<&Value>) -> Option<Value> {
    let leaf = || applied.or(live).cloned();
    if applied.is_none() {
        // Nothing meets anything below. Where only the live value is missing, nulls still have to go.
        return leaf();
    }
    let form = form_of_pair(view, live, applied);
    if form == Form::Leaf || (is_empty(live) && is_empty(applied)) {
        return leaf();
    }
    if form == Form::Map { maps(view, live, applied) } else { lists(view, live, applied) }
}

fn maps(view: View<'_>, live: Option<&Value>, applied: Option<&Value>) -> Option<Value> {
    let mut merged = Map::new();
    let applied = applied.and_then(Value::as_object);
    let live = live.and_then(Value::as_object);
    for (name, value) in live.into_iter().flatten() {
        let field = view.field(name).unwrap_or_else(crate::schema::any);
        let change = applied.and_then(|fields| fields.get(name));
        merged.insert(name.clone(), pair(field, Some(value), change).unwrap_or_default());
    }
    for (name, value) in applied.into_iter().flatten() {
        if live.is_none_or(|fields| !fields.contains_key(name)) {
            let field = view.field(name).unwrap_or_else(crate::schema::any);
            merged.insert(name.clone(), pair(field, None, Some(value)).unwrap_or_default());
        }
    }
    (!merged.is_empty()).then_some(Value::Object(merged))
}

/// The order of the applied list is kept; elements that only the live list has stay where they stood between those that both have.
fn lists(view: View<'_>, live: Option<&Value>, applied: Option<&Value>) -> Option<Value> {
    let (items, kind) = view.list()?;
    let live = ListIndex::of(items, kind, live);
    let applied = ListIndex::of(items, kind, applied);
    let mut shared: VecDeque<&PathElement> = applied.order.iter().filter(|step| live.has(step)).collect();
    let mut next_shared = shared.pop_front();
    let mut done: BTreeSet<&PathElement> = BTreeSet::new();
    let mut merged = Vec::new();
    let (mut left, mut right) = (0, 0);
    // How many elements of each step of the live list were taken.
    let mut taken: std::collections::BTreeMap<&PathElement, usize> = std::collections::BTreeMap::new();
    while left < live.order.len() || right < applied.order.len() {
        if let (Some(step), Some(other)) = (live.order.get(left), applied.order.get(right)) {
            if step == other {
                done.insert(step);
                merged.extend(pair(items, live.only(step), applied.only(step)));
                left += 1;
                right += 1;
                next_shared = shared.pop_front();
                continue;
            }
            if applied.has(step) && next_shared.is_some_and(|next| next != step) {
                // Shared, but its turn comes later.
                left += 1;
                continue;
            }
        }
        if let Some(step) = live.order.get(left) {
            if !applied.has(step) {
                let nth = taken.entry(step).or_default();
                merged.extend(
                    live.elements
                        .get(step)
                        .and_then(|elements| elements.get(*nth))
                        .map(|value| (*value).clone()),
                );
                *nth += 1;
                left += 1;
                continue;
            }
            if done.contains(step) {
                left += 1;
            }
        }
        if let Some(step) = applied.order.get(right) {
            done.insert(step);
            merged.extend(pair(items, live.only(step), applied.only(step)));
            right += 1;
            if next_shared == Some(step) {
                next_shared = shared.pop_front();
            }
        }
    }
    (!merged.is_empty()).then_some(Value::Array(merged))
}
