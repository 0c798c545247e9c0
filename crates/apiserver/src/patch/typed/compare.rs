//! What differs between two values.

use std::cmp::Ordering;

use serde_json::Value;

use super::form::{Form, element_of, form_of_pair, is_empty};
use crate::patch::fields::{FieldSet, PathElement};
use crate::schema::{ListType, View};

/// The paths that were added or changed, and those that were removed.
#[derive(Clone, Debug, Default)]
pub(in crate::patch) struct Comparison {
    pub(in crate::patch) changed: FieldSet,
    pub(in crate::patch) removed: FieldSet,
}

impl Comparison {
    pub(in crate::patch) fn is_empty(&self) -> bool {
        self.changed.is_empty() && self.removed.is_empty()
    }

    fn attach(&mut self, step: PathElement, own: Option<Change>, below: Comparison) {
        if own == Some(Change::Removed) || !below.removed.is_empty() {
            self.removed.attach(step.clone(), own == Some(Change::Removed), below.removed);
        }
        if own == Some(Change::Made) || !below.changed.is_empty() {
            self.changed.attach(step, own == Some(Change::Made), below.changed);
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Change {
    /// Added, or given another value.
    Made,
    Removed,
}

/// Compares two objects of one type.
pub(in crate::patch) fn compare(view: View<'_>, old: &Value, new: &Value) -> Comparison {
    pair(view, Some(old), Some(new)).1
}

/// The change of the place itself, and what changed below.
fn pair(view: View<'_>, old: Option<&Value>, new: Option<&Value>) -> (Option<Change>, Comparison) {
    let presence = match (old, new) {
        (None, Some(_)) => Some(Change::Made),
        (Some(_), None) => Some(Change::Removed),
        _ => None,
    };
    // Equal values are what almost all pairs are.
    if let (Some(old), Some(new)) = (old, new)
        && old == new
    {
        return (None, Comparison::default());
    }
    let form = form_of_pair(view, old, new);
    if form == Form::Leaf || (is_empty(old) && is_empty(new)) {
        let own = presence.or_else(|| (old != new).then_some(Change::Made));
        return (own, Comparison::default());
    }
    let below = if form == Form::Map { maps(view, old, new) } else { lists(view, old, new) };
    (presence, below)
}

fn maps(view: View<'_>, old: Option<&Value>, new: Option<&Value>) -> Comparison {
    let mut comparison = Comparison::default();
    let old = old.and_then(Value::as_object);
    let new = new.and_then(Value::as_object);
    let names = old.into_iter().flat_map(|fields| fields.keys());
    let added = new.into_iter().flat_map(|fields| fields.keys());
    let added = added.filter(|name| old.is_none_or(|old| !old.contains_key(*name)));
    for name in names.chain(added) {
        let (old, new) = (old.and_then(|fields| fields.get(name)), new.and_then(|fields| fields.get(name)));
        if old == new {
            continue;
        }
        let field = view.field(name).unwrap_or_else(crate::schema::any);
        let (own, below) = pair(field, old, new);
        comparison.attach(PathElement::Field(name.clone()), own, below);
    }
    comparison
}

fn lists(view: View<'_>, old: Option<&Value>, new: Option<&Value>) -> Comparison {
    let mut comparison = Comparison::default();
    let Some((items, kind)) = view.list() else { return comparison };
    let (old, new) = (by_step(items, kind, old), by_step(items, kind, new));
    let (mut old, mut new) = (old.chunk_by(same_step).peekable(), new.chunk_by(same_step).peekable());
    loop {
        let order = match (old.peek(), new.peek()) {
            (None, None) => return comparison,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            // Chunks are never empty.
            (Some(before), Some(after)) => before[0].0.cmp(&after[0].0),
        };
        let before = if order == Ordering::Greater { &[] } else { old.next().unwrap_or_default() };
        let after = if order == Ordering::Less { &[] } else { new.next().unwrap_or_default() };
        let Some((step, _)) = before.first().or_else(|| after.first()) else { return comparison };
        if before.len() <= 1 && after.len() <= 1 {
            let (before, after) =
                (before.first().map(|(_, value)| *value), after.first().map(|(_, value)| *value));
            let (own, below) = pair(items, before, after);
            comparison.attach(step.clone(), own, below);
            continue;
        }
        // Elements that share a step are one thing.
        let own = match (before.is_empty(), after.is_empty()) {
            (_, true) => Some(Change::Removed),
            _ => (before != after).then_some(Change::Made),
        };
        comparison.attach(step.clone(), own, Comparison::default());
    }
}

/// The elements of a list that have a step, in order of the steps.
fn by_step<'v>(items: View<'_>, kind: &ListType, list: Option<&'v Value>) -> Vec<(PathElement, &'v Value)> {
    let elements = list.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let mut all: Vec<_> = elements
        .iter()
        .filter_map(|element| Some((element_of(items, kind, element).ok()?, element)))
        .collect();
    // Those that share a step stay in their order.
    all.sort_by(|(one, _), (other, _)| one.cmp(other));
    all
}

fn same_step(one: &(PathElement, &Value), other: &(PathElement, &Value)) -> bool {
    one.0 == other.0
}
