//! Nulls, which stand for absent fields while an apply is worked out.

use serde_json::Value;

use super::form::{Form, form};
use crate::schema::View;

/// Takes nulls out of maps and objects that merge, except where the type is nullable. What is replaced as a whole keeps its nulls.
pub(in crate::patch) fn without_nulls(view: View<'_>, value: &mut Value) {
    let form = form(view, value);
    match value {
        Value::Object(fields) if form == Form::Map => {
            fields.retain(|name, value| !value.is_null() || view.field(name).is_some_and(View::nullable));
            for (name, value) in fields.iter_mut() {
                if let Some(field) = view.field(name) {
                    without_nulls(field, value);
                }
            }
        }
        Value::Array(elements) if form == Form::List => {
            if let Some((items, _)) = view.list() {
                for element in elements {
                    without_nulls(items, element);
                }
            }
        }
        _ => {}
    }
}
