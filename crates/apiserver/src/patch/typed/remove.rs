//! Taking fields out of a value.

use serde_json::{Map, Value};

use super::form::{Form, element_of, form};
use crate::patch::fields::{FieldSet, PathElement};
use crate::schema::View;

/// The value without the fields of the set. Maps and lists that become empty by it become null, as upstream has it; `without_nulls` takes them away.
pub(in crate::patch) fn remove(view: View<'_>, value: &Value, gone: &FieldSet) -> Value {
    below(view, value, gone).unwrap_or_else(|| Value::Object(Map::new()))
}

fn below(view: View<'_>, value: &Value, gone: &FieldSet) -> Option<Value> {
    match (form(view, value), value) {
        (Form::Map, Value::Object(fields)) => {
            let mut kept = Map::new();
            for (name, value) in fields {
                let step = PathElement::Field(name.clone());
                if gone.has(&step) {
                    continue;
                }
                let value = match gone.below(&step) {
                    Some(inner) => below(view.field(name).unwrap_or_else(crate::schema::any), value, inner),
                    None => Some(value.clone()),
                };
                kept.insert(name.clone(), value.unwrap_or_default());
            }
            (!kept.is_empty()).then_some(Value::Object(kept))
        }
        (Form::List, Value::Array(elements)) => {
            let (items, kind) = view.list()?;
            let mut kept = Vec::new();
            for element in elements {
                let Ok(step) = element_of(items, kind, element) else {
                    kept.push(element.clone());
                    continue;
                };
                if gone.has(&step) {
                    continue;
                }
                kept.push(match gone.below(&step) {
                    Some(inner) => below(items, element, inner).unwrap_or_else(|| Value::Object(Map::new())),
                    None => element.clone(),
                });
            }
            (!kept.is_empty()).then_some(Value::Array(kept))
        }
        _ => Some(value.clone()),
    }
}
