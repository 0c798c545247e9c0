//! The elements of a list that merges, by their steps.

use std::collections::BTreeMap;

use serde_json::Value;

use super::form::element_of;
use crate::patch::fields::PathElement;
use crate::schema::{ListType, View};

/// The elements in order, and the places of each step; a step may stand for several elements in a live object.
pub(super) struct ListIndex<'a> {
    pub(super) order: Vec<PathElement>,
    pub(super) elements: BTreeMap<PathElement, Vec<&'a Value>>,
}

impl<'a> ListIndex<'a> {
    /// Elements without a step are left out: objects that got in unvalidated do not stop others from merging.
    pub(super) fn of(items: View<'_>, kind: &ListType, list: Option<&'a Value>) -> ListIndex<'a> {
        let mut order = Vec::new();
        let mut elements: BTreeMap<PathElement, Vec<&Value>> = BTreeMap::new();
        for element in list.and_then(Value::as_array).into_iter().flatten() {
            if let Ok(step) = element_of(items, kind, element) {
                order.push(step.clone());
                elements.entry(step).or_default().push(element);
            }
        }
        ListIndex { order, elements }
    }

    /// The only element with this step; none if there are several or none.
    pub(super) fn only(&self, step: &PathElement) -> Option<&'a Value> {
        match self.elements.get(step).map(Vec::as_slice) {
            Some([only]) => Some(only),
            _ => None,
        }
    }

    pub(super) fn has(&self, step: &PathElement) -> bool {
        self.elements.contains_key(step)
    }
}
