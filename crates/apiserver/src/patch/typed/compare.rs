//! What differs between two values.

use std::collections::BTreeSet;

use serde_json::Value;

use super::form::{Form, form_of_pair, is_empty};
use super::list_index::ListIndex;
use crate::patch::fields::{FieldSet, PathElement};
use crate::schema::View;

/// The paths that were added, changed and removed.
#[derive(Clone, Debug, Default)]
pub(in crate::patch) struct Comparison {
    pub(in crate::patch) added: FieldSet,
    pub(in crate::patch) modified: FieldSet,
    pub(in crate::patch) removed: FieldSet,
}

impl Comparison {
    pub(in crate::patch) fn is_empty(&self) -> bool {
        self.added.is_empty() && self.modified.is_empty() && self.removed.is_empty()
    }

    fn attach(&mut self, step: &PathElement, own: Option<Change>, below: Comparison) {
        self.added.attach(step.clone(), own == Some(Change::Added), below.added);
        self.modified.attach(step.clone(), own == Some(Change::Modified), below.modified);
        self.removed.attach(step.clone(), own == Some(Change::Removed), below.removed);
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Change {
    Added,
    Modified,
    Removed,
}

/// Compares two objects of one type.
pub(in crate::patch) fn compare(view: View<'_>, old: &Value, new: &Value) -> Comparison {
    pair(view, Some(old), Some(new)).1
}

/// The change of the place itself, and what changed below.
fn pair(view: View<'_>, old: Option<&Value>, new: Option<&Value>) -> (Option<Change>, Comparison) {
    let presence = match (old, new) {
        (None, Some(_)) => Some(Change::Added),
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
        let own = presence.or_else(|| (old != new).then_some(Change::Modified));
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
        comparison.attach(&PathElement::Field(name.clone()), own, below);
    }
    comparison
}

fn lists(view: View<'_>, old: Option<&Value>, new: Option<&Value>) -> Comparison {
    let mut comparison = Comparison::default();
    let Some((items, kind)) = view.list() else { return comparison };
    let (old, new) = (ListIndex::of(items, kind, old), ListIndex::of(items, kind, new));
    let mut seen = BTreeSet::new();
    for step in old.order.iter().chain(&new.order).filter(|step| seen.insert(*step)) {
        let none = Vec::new();
        let before = old.elements.get(step).unwrap_or(&none);
        let after = new.elements.get(step).unwrap_or(&none);
        if before.len() <= 1 && after.len() <= 1 {
            let (own, below) = pair(items, before.first().copied(), after.first().copied());
            comparison.attach(step, own, below);
            continue;
        }
        // Elements that share a step are one thing.
        let own = match (before.is_empty(), after.is_empty()) {
            (true, _) => Some(Change::Added),
            (_, true) => Some(Change::Removed),
            _ => (before != after).then_some(Change::Modified),
        };
        comparison.attach(step, own, Comparison::default());
    }
    comparison
}
