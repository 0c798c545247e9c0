//! YAML as a tree in which every value knows its place. Aliases share what they stand for; only what becomes a JSON
//! value is copied, and that within a budget, so that aliases of aliases cannot blow up.

use std::cell::Cell;
use std::rc::Rc;

use serde_json::{Map, Value};

use crate::validate::path::{FieldPath, Step};

use super::lines::Place;

/// How deep values may be nested; the same as for JSON.
pub(super) const DEEPEST: usize = 127;

/// A value and its place.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) place: Place,
    pub(super) content: Content,
    /// The longest way down from here.
    pub(super) height: usize,
}

/// What is at a place.
#[derive(Debug)]
pub(super) enum Content {
    /// Null, a boolean, a number or a text.
    Scalar(Value),
    /// Values in order.
    List(Vec<Rc<Node>>),
    /// Fields in order, names are unique.
    Object(Vec<Field>),
}

/// A named value.
#[derive(Clone, Debug)]
pub(super) struct Field {
    pub(super) name: String,
    pub(super) name_at: Place,
    pub(super) value: Rc<Node>,
}

/// What is left of what aliases may be expanded to, in one file.
pub(super) struct Budget {
    left: Cell<usize>,
}

/// Aliases stand for too much.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Exhausted;

impl Budget {
    /// What a text of this length may become: some hundred bytes of values for each of its bytes, and no less than
    /// any real file needs.
    pub(super) fn for_text(length: usize) -> Self {
        Self { left: Cell::new(4_000_000 + length.saturating_mul(4)) }
    }

    /// Takes from the budget.
    pub(super) fn take(&self, cost: usize) -> Result<(), Exhausted> {
        match self.left.get().checked_sub(cost) {
            Some(left) => {
                self.left.set(left);
                Ok(())
            }
            None => {
                self.left.set(0);
                Err(Exhausted)
            }
        }
    }
}

impl Node {
    /// The field of this name, if this is an object that has it.
    pub(super) fn field(&self, name: &str) -> Option<&Field> {
        match &self.content {
            Content::Object(fields) => fields.iter().find(|field| field.name == name),
            _ => None,
        }
    }

    /// The text, if this is one.
    pub(super) fn text(&self) -> Option<&str> {
        match &self.content {
            Content::Scalar(Value::String(text)) => Some(text),
            _ => None,
        }
    }

    /// The value as JSON has it.
    pub(super) fn to_value(&self, budget: &Budget) -> Result<Value, Exhausted> {
        budget.take(1)?;
        Ok(match &self.content {
            Content::Scalar(value) => {
                if let Value::String(text) = value {
                    budget.take(text.len())?;
                }
                value.clone()
            }
            Content::List(items) => {
                Value::Array(items.iter().map(|item| item.to_value(budget)).collect::<Result<_, _>>()?)
            }
            Content::Object(fields) => {
                let mut object = Map::new();
                for field in fields {
                    budget.take(field.name.len())?;
                    object.insert(field.name.clone(), field.value.to_value(budget)?);
                }
                Value::Object(object)
            }
        })
    }

    /// Where the value at a path is, or its name in the object around it; as far as the path leads.
    pub(super) fn locate(&self, path: &FieldPath, on_key: bool) -> Place {
        let mut here = self;
        for (depth, step) in path.0.iter().enumerate() {
            let last = depth + 1 == path.0.len();
            here = match (step, &here.content) {
                (Step::Key(key), _) => match here.field(key) {
                    Some(field) if last && on_key => return field.name_at,
                    Some(field) => &field.value,
                    None => break,
                },
                (Step::Index(index), Content::List(items)) => match items.get(*index) {
                    Some(item) => item,
                    None => break,
                },
                _ => break,
            };
        }
        here.place
    }
}
