//! Writes a schema back as OpenAPI 3.0.

use serde_json::{Map, Value, json};

use super::arena::{ListType, Rest, Scalar, Schema, Shape, View};

/// Where the published documents keep definitions.
const COMPONENTS: &str = "#/components/schemas/";

/// Inline types nest no deeper than requests do; the rest of a longer chain is left open.
const MAX_DEPTH: usize = 200;

/// The reference to a definition: `{"$ref": "#/components/schemas/NAME"}`.
pub(crate) fn reference(name: &str) -> Value {
    json!({ "$ref": format!("{COMPONENTS}{name}") })
}

impl Schema {
    /// This type as OpenAPI 3.0. Named types that it uses are references into `#/components/schemas/`; see [`Schema::named_types`].
    pub fn to_openapi(&self) -> Value {
        definition(self.view(), 0)
    }

    /// The named types that this one uses, directly or through others, without itself; each once, in the order in which they are met.
    pub fn named_types(&self) -> Vec<Schema> {
        let mut found = Vec::new();
        let mut seen = std::collections::BTreeSet::new();
        let mut waiting = vec![self.view()];
        let first = self.type_name();
        let mut places = std::collections::BTreeSet::new();
        while let Some(view) = waiting.pop() {
            let target = view.target();
            if !places.insert(std::ptr::from_ref(target.own()) as usize) {
                continue;
            }
            if let Some(name) = target.own().name.as_deref()
                && Some(name) != first
                && seen.insert(name)
            {
                found.push(target.schema());
            }
            match &target.own().shape {
                Shape::Object(object) => {
                    waiting.extend(object.fields.values().rev().map(|index| target.at(*index)));
                    if let Rest::Map(values) = object.rest {
                        waiting.push(target.at(values));
                    }
                }
                Shape::List { items, .. } => waiting.push(target.at(*items)),
                _ => {}
            }
        }
        found
    }
}

/// A use of a type: a reference if it has a name, the type itself if it has none.
fn usage(view: View<'_>, depth: usize) -> Value {
    let name = view.target().own().name.as_deref();
    let own = view.own();
    match name {
        Some(name) if own.name.is_none() => {
            let mut words = Map::new();
            if let Some(description) = &own.description {
                words.insert("description".into(), Value::from(description.as_ref()));
            }
            words.insert("allOf".into(), Value::Array(vec![reference(name)]));
            if let Some(default) = &own.default {
                words.insert("default".into(), default.clone());
            } else if matches!(view.shape(), Shape::Object(_)) {
                words.insert("default".into(), json!({}));
            }
            extensions(view, &mut words);
            // A plain reference is published plainly, as `items` and `additionalProperties` have it.
            if own.description.is_none() && own.default.is_none() {
                reference(name)
            } else {
                Value::Object(words)
            }
        }
        Some(name) => reference(name),
        None => definition(view, depth),
    }
}

fn definition(view: View<'_>, depth: usize) -> Value {
    let mut words = Map::new();
    let node = view.target().own();
    if let Some(description) = view.description() {
        words.insert("description".into(), Value::from(description));
    }
    if depth > MAX_DEPTH {
        return Value::Object(words);
    }
    form(view.target(), depth, &mut words);
    if view.nullable() {
        words.insert("nullable".into(), Value::Bool(true));
    }
    if let Some(default) = view.default() {
        words.insert("default".into(), default.clone());
    }
    for (name, value) in &node.keywords {
        words.entry(name.clone()).or_insert_with(|| value.clone());
    }
    extensions(view, &mut words);
    Value::Object(words)
}

fn form(view: View<'_>, depth: usize, words: &mut Map<String, Value>) {
    match &view.own().shape {
        Shape::Object(object) => {
            words.insert("type".into(), Value::from("object"));
            if !object.required.is_empty() {
                let names = object.required.iter().map(|name| Value::from(name.as_ref()));
                words.insert("required".into(), names.collect());
            }
            if !object.fields.is_empty() {
                let fields = object
                    .fields
                    .iter()
                    .map(|(name, index)| (name.to_string(), usage(view.at(*index), depth + 1)));
                words.insert("properties".into(), Value::Object(fields.collect()));
            }
            if let Rest::Map(values) = object.rest {
                words.insert("additionalProperties".into(), usage(view.at(values), depth + 1));
            }
        }
        Shape::List { items, kind } => {
            words.insert("type".into(), Value::from("array"));
            words.insert("items".into(), usage(view.at(*items), depth + 1));
            match kind {
                ListType::Atomic => {}
                ListType::Set => {
                    words.insert("x-kubernetes-list-type".into(), Value::from("set"));
                }
                ListType::Map(keys) => {
                    words.insert("x-kubernetes-list-type".into(), Value::from("map"));
                    words.insert("x-kubernetes-list-map-keys".into(), json!(keys));
                }
            }
        }
        Shape::Scalar(Scalar::IntOrString) if view.own().name.is_some() => {
            words.insert("format".into(), Value::from("int-or-string"));
            words.insert("oneOf".into(), json!([{ "type": "integer" }, { "type": "string" }]));
        }
        Shape::Scalar(scalar) => write_scalar(*scalar, words),
        Shape::Any if view.own().name.as_deref().is_some_and(|name| !name.contains(".apiextensions.")) => {
            words.insert("type".into(), Value::from("object"));
        }
        Shape::Any | Shape::Ref(_) | Shape::Link(_) => {}
    }
}

fn write_scalar(scalar: Scalar, words: &mut Map<String, Value>) {
    let kind = match scalar {
        // Formats are among the keywords.
        Scalar::String | Scalar::Bytes | Scalar::Time | Scalar::MicroTime => "string",
        Scalar::Int32 | Scalar::Int64 => "integer",
        Scalar::Number => "number",
        Scalar::Boolean => "boolean",
        Scalar::Quantity => {
            words.insert("oneOf".into(), json!([{ "type": "string" }, { "type": "number" }]));
            return;
        }
        Scalar::IntOrString => {
            words.insert("x-kubernetes-int-or-string".into(), Value::Bool(true));
            return;
        }
    };
    words.insert("type".into(), Value::from(kind));
}

fn extensions(view: View<'_>, words: &mut Map<String, Value>) {
    let own = view.own();
    if let Some(atomic) = own.atomic {
        words.insert("x-kubernetes-map-type".into(), Value::from(if atomic { "atomic" } else { "granular" }));
    }
    let rule = &own.patch;
    if let Some(key) = &rule.merge_key {
        words.insert("x-kubernetes-patch-merge-key".into(), Value::from(key.as_str()));
    }
    let strategy = [("merge", rule.merge), ("retainKeys", rule.retain_keys), ("replace", rule.replace)];
    let strategy: Vec<&str> = strategy.iter().filter(|(_, is)| *is).map(|(name, _)| *name).collect();
    if !strategy.is_empty() {
        words.insert("x-kubernetes-patch-strategy".into(), Value::from(strategy.join(",")));
    }
}
