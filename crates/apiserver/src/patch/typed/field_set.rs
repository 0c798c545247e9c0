//! The fields that a value sets.

use serde_json::Value;

use super::form::{Form, element_of, form};
use crate::patch::fields::{FieldSet, PathElement};
use crate::schema::View;

/// The fields that an applied object sets: its leaves, elements of lists, keys of maps.
pub(in crate::patch) fn field_set(view: View<'_>, value: &Value) -> FieldSet {
    below(view, value)
}

/// What is below a value; empty for leaves.
fn below(view: View<'_>, value: &Value) -> FieldSet {
    let mut set = FieldSet::new();
    match (form(view, value), value) {
        (Form::Map, Value::Object(fields)) => {
            for (name, value) in fields {
                let field = view.field(name);
                let inner = field.map(|field| below(field, value)).unwrap_or_default();
                let leaf = field.is_none_or(|field| form(field, value) == Form::Leaf);
                let hollow = value.is_null() || value.as_object().is_some_and(serde_json::Map::is_empty);
                let member = leaf || hollow || !view.declares(name);
                set.attach(PathElement::Field(name.clone()), member, inner);
            }
        }
        (Form::List, Value::Array(elements)) => {
            let Some((items, kind)) = view.list() else { return set };
            for element in elements {
                if let Ok(step) = element_of(items, kind, element) {
                    set.attach(step, true, below(items, element));
                }
            }
        }
        _ => {}
    }
    set
}
