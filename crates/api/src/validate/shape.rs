//! Schemas made ready for checking: references resolved by name, patterns compiled, once for each kind.

use std::collections::BTreeMap;

use regex::Regex;
use serde_json::{Map, Value, json};

/// The schema of a kind and the schemas it refers to.
#[derive(Debug)]
pub(crate) struct Shapes {
    pub(crate) root: Shape,
    named: BTreeMap<String, Shape>,
}

/// What a value must look like.
#[derive(Debug, Default)]
pub(crate) struct Shape {
    pub(crate) kind: ShapeKind,
    /// The fields an object may have; any fields if there are none here.
    pub(crate) properties: BTreeMap<String, Shape>,
    pub(crate) required: Vec<String>,
    /// What the values of a map look like.
    pub(crate) values: Option<Box<Shape>>,
    /// What the items of a list look like.
    pub(crate) items: Option<Box<Shape>>,
    pub(crate) pattern: Option<Regex>,
    pub(crate) one_of: Vec<Value>,
    pub(crate) format: Option<String>,
    pub(crate) default: Option<Value>,
    pub(crate) minimum: Option<i64>,
    pub(crate) maximum: Option<i64>,
    /// Least and most characters, items or fields.
    pub(crate) shortest: usize,
    pub(crate) longest: Option<usize>,
    /// Items are all different.
    pub(crate) is_set: bool,
    /// Items differ in these fields.
    pub(crate) map_keys: Vec<String>,
}

/// The type of a value.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) enum ShapeKind {
    /// Anything.
    #[default]
    Any,
    Boolean,
    Integer,
    Number,
    Text,
    List,
    Object,
    /// An integer or a text.
    IntOrText,
    /// A number or a text: a quantity of a core kind.
    Quantity,
    /// Another schema, by name.
    Named(String),
}

impl Shapes {
    /// From a JSON schema: structural, or with `$ref` to `definitions`.
    pub(crate) fn compile(schema: &Value) -> Self {
        let named = schema.get("definitions").and_then(Value::as_object);
        Self {
            root: Shape::compile(schema),
            named: named
                .into_iter()
                .flatten()
                .map(|(name, inner)| (name.clone(), Shape::compile(inner)))
                .collect(),
        }
    }

    /// The schema that is really meant: references followed.
    pub(crate) fn resolve<'a>(&'a self, shape: &'a Shape) -> &'a Shape {
        let mut shape = shape;
        // A reference never leads to another one more than once or twice; the bound only guards against a cycle.
        for _ in 0..8 {
            match &shape.kind {
                ShapeKind::Named(name) => match self.named.get(name) {
                    Some(found) => shape = found,
                    None => break,
                },
                _ => break,
            }
        }
        shape
    }

    /// The schema of a field of the whole object.
    pub(crate) fn field(&self, name: &str) -> Option<&Shape> {
        self.root.properties.get(name).map(|shape| self.resolve(shape))
    }

    /// A value of this shape, the simplest there is.
    pub(crate) fn sample(&self, shape: &Shape) -> Value {
        let shape = self.resolve(shape);
        if let Some(default) = shape.default.as_ref().or_else(|| shape.one_of.first()) {
            return default.clone();
        }
        match shape.kind {
            ShapeKind::Boolean => json!(false),
            ShapeKind::Integer | ShapeKind::Number | ShapeKind::IntOrText | ShapeKind::Quantity => {
                json!(shape.minimum.unwrap_or(0))
            }
            ShapeKind::Text if shape.format.as_deref() == Some("date-time") => json!("1970-01-01T00:00:00Z"),
            ShapeKind::Text => json!("0s"),
            ShapeKind::List => json!([]),
            ShapeKind::Object => {
                let fields = shape
                    .required
                    .iter()
                    .filter_map(|name| Some((name.clone(), self.sample(shape.properties.get(name)?))));
                Value::Object(fields.collect::<Map<_, _>>())
            }
            ShapeKind::Any | ShapeKind::Named(_) => Value::Null,
        }
    }
}

impl Shape {
    fn compile(schema: &Value) -> Self {
        let texts = |key: &str| -> Vec<String> {
            let items = schema[key].as_array().into_iter().flatten();
            items.filter_map(|item| item.as_str().map(str::to_owned)).collect()
        };
        let size = |key: &str| schema[key].as_u64().and_then(|size| usize::try_from(size).ok());
        let inner = |key: &str| {
            schema.get(key).filter(|inner| inner.is_object()).map(|inner| Box::new(Self::compile(inner)))
        };
        let properties = schema["properties"].as_object().into_iter().flatten();
        Self {
            kind: kind_of(schema),
            properties: properties.map(|(name, inner)| (name.clone(), Self::compile(inner))).collect(),
            required: texts("required"),
            values: inner("additionalProperties"),
            items: inner("items"),
            pattern: schema["pattern"].as_str().and_then(|pattern| Regex::new(pattern).ok()),
            one_of: schema["enum"].as_array().cloned().unwrap_or_default(),
            format: schema["format"].as_str().map(str::to_owned),
            default: schema.get("default").cloned(),
            minimum: schema["minimum"].as_i64(),
            maximum: schema["maximum"].as_i64(),
            shortest: ["minLength", "minItems"].into_iter().find_map(size).unwrap_or(0),
            longest: ["maxLength", "maxItems", "maxProperties"].into_iter().find_map(size),
            is_set: schema["x-kubernetes-list-type"] == "set",
            map_keys: if schema["x-kubernetes-list-type"] == "map" {
                texts("x-kubernetes-list-map-keys")
            } else {
                Vec::new()
            },
        }
    }
}

fn kind_of(schema: &Value) -> ShapeKind {
    let reference = schema["$ref"].as_str().or_else(|| schema["allOf"][0]["$ref"].as_str());
    if let Some(reference) = reference {
        return ShapeKind::Named(reference.trim_start_matches("#/definitions/").to_owned());
    }
    if schema["x-kubernetes-int-or-string"] == true {
        // A core quantity has no pattern in its schema and takes fractions too.
        return if schema["anyOf"].is_array() { ShapeKind::IntOrText } else { ShapeKind::Quantity };
    }
    match schema["type"].as_str() {
        Some("boolean") => ShapeKind::Boolean,
        Some("integer") => ShapeKind::Integer,
        Some("number") => ShapeKind::Number,
        Some("string") => ShapeKind::Text,
        Some("array") => ShapeKind::List,
        Some("object") => ShapeKind::Object,
        _ => ShapeKind::Any,
    }
}
