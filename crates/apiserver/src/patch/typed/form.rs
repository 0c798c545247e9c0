//! What a value is, seen with its schema.

use serde_json::Value;

use crate::patch::fields::{Atom, PathElement};
use crate::schema::{ListType, Shape, View};

/// The form in which a value takes part.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Form {
    /// Compared and replaced as a whole.
    Leaf,
    /// Field by field.
    Map,
    /// Element by element.
    List,
}

/// The form of a value; where the schema says nothing, or something else than the value has, the value decides.
pub(super) fn form(view: View<'_>, value: &Value) -> Form {
    match (value, view.shape()) {
        (Value::Object(_), Shape::Object(_) | Shape::Any) if !view.atomic() => Form::Map,
        (Value::Array(_), Shape::List { kind: ListType::Set | ListType::Map(_), .. }) => Form::List,
        // Null and absent are alike, whatever the type.
        (Value::Null, Shape::Object(_)) if !view.atomic() => Form::Map,
        (Value::Null, Shape::List { kind: ListType::Set | ListType::Map(_), .. }) => Form::List,
        _ => Form::Leaf,
    }
}

/// The form of a pair of which at least one is there; a leaf if they do not agree.
pub(super) fn form_of_pair(view: View<'_>, one: Option<&Value>, other: Option<&Value>) -> Form {
    match (one, other) {
        (Some(one), Some(other)) => {
            let (first, second) = (form(view, one), form(view, other));
            if first == second { first } else { Form::Leaf }
        }
        (Some(one), None) | (None, Some(one)) => form(view, one),
        (None, None) => Form::Leaf,
    }
}

/// The step to an element of a list that merges, or why it has none.
pub(super) fn element_of(view: View<'_>, kind: &ListType, element: &Value) -> Result<PathElement, String> {
    match kind {
        ListType::Map(names) => keyed(view, names, element),
        _ => match element {
            Value::Object(_) => {
                Err("associative list without keys has an element that's a map type".to_owned())
            }
            Value::Array(_) => Err("not supported: associative list with lists as elements".to_owned()),
            Value::Null => {
                Err("associative list without keys has an element that's an explicit null".to_owned())
            }
            scalar => Ok(PathElement::Value(Atom::of(scalar))),
        },
    }
}

fn keyed(items: View<'_>, names: &[String], element: &Value) -> Result<PathElement, String> {
    let fields = match element {
        Value::Object(fields) => fields,
        Value::Null => return Err("associative list with keys may not have a null element".to_owned()),
        _ => return Err("associative list with keys may not have non-map elements".to_owned()),
    };
    let mut keys: Vec<(String, Atom)> = Vec::with_capacity(names.len());
    for name in names {
        let value = fields.get(name).or_else(|| items.field(name).and_then(View::default));
        if let Some(value) = value {
            keys.push((name.clone(), Atom::of(value)));
        }
    }
    if keys.is_empty() {
        let names: Vec<String> = names.iter().map(|name| format!("{name:?}")).collect();
        return Err(format!(
            "associative list with keys has an element that omits all key fields [{}] (and doesn't have default values for any key fields)",
            names.join(" ")
        ));
    }
    keys.sort();
    Ok(PathElement::Key(keys))
}

/// Whether a map or list is empty or null.
pub(super) fn is_empty(value: Option<&Value>) -> bool {
    match value {
        Some(Value::Object(fields)) => fields.is_empty(),
        Some(Value::Array(elements)) => elements.is_empty(),
        _ => true,
    }
}
