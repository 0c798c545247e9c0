//! A structural schema, compiled.

use indexmap::IndexMap;
use regex::Regex;
use serde_json::Value;

use crate::builtin::read::{has, items, text, truth};

use super::rules::Rule;

/// Deepest nesting of a schema.
pub(super) const DEEPEST_SCHEMA: usize = 64;

/// What a value may be.
#[derive(Debug, Default)]
pub(super) struct Node {
    pub(super) kind: String,
    pub(super) nullable: bool,
    pub(super) format: String,
    pub(super) int_or_string: bool,
    pub(super) preserves: bool,
    pub(super) embedded: bool,
    pub(super) properties: IndexMap<String, Node>,
    pub(super) required: Vec<String>,
    /// Schema of the values of a map.
    pub(super) values: Option<Box<Node>>,
    /// `additionalProperties: true`.
    pub(super) any_values: bool,
    pub(super) items: Option<Box<Node>>,
    pub(super) list: ListKind,
    pub(super) default: Option<Value>,
    pub(super) bounds: Bounds,
    pub(super) all_of: Vec<Node>,
    pub(super) any_of: Vec<Node>,
    pub(super) one_of: Vec<Node>,
    pub(super) not: Option<Box<Node>>,
    pub(super) rules: Vec<Rule>,
    /// Whether anything here or further in has rules.
    pub(super) has_rules: bool,
    /// Whether any of them has something to say though nothing changed.
    pub(super) asks_unchanged: bool,
}

/// How items of a list are told apart.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) enum ListKind {
    #[default]
    Atomic,
    Set,
    Map(Vec<String>),
}

/// Constraints on a value.
#[derive(Debug, Default)]
pub(super) struct Bounds {
    pub(super) one_of: Option<Vec<Value>>,
    pub(super) minimum: Option<(f64, bool)>,
    pub(super) maximum: Option<(f64, bool)>,
    pub(super) multiple_of: Option<f64>,
    pub(super) shortest: Option<u64>,
    pub(super) longest: Option<u64>,
    pub(super) pattern: Option<Regex>,
    pub(super) fewest_items: Option<u64>,
    pub(super) most_items: Option<u64>,
    pub(super) fewest_properties: Option<u64>,
    pub(super) most_properties: Option<u64>,
}

impl Node {
    /// Compiles a schema that was found valid: what cannot be compiled is left out, what is too deep is not looked at.
    pub(super) fn compile(schema: &Value) -> Node {
        compile(schema, DEEPEST_SCHEMA)
    }

    /// Whether an object may have fields that are not declared, which stay as they are.
    pub(super) fn is_open(&self) -> bool {
        self.preserves || self.any_values
    }
}

fn compile(schema: &Value, depth: usize) -> Node {
    let Some(depth) = depth.checked_sub(1) else { return Node { preserves: true, ..Node::default() } };
    let list =
        |field: &str| items(schema, field).iter().map(|inner| compile(inner, depth)).collect::<Vec<_>>();
    let additional = schema.get("additionalProperties");
    let keys = || {
        items(schema, "x-kubernetes-list-map-keys")
            .iter()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect()
    };
    let mut node = Node {
        kind: text(schema, "type").to_owned(),
        nullable: truth(schema, "nullable"),
        format: text(schema, "format").to_owned(),
        int_or_string: truth(schema, "x-kubernetes-int-or-string"),
        preserves: truth(schema, "x-kubernetes-preserve-unknown-fields"),
        embedded: truth(schema, "x-kubernetes-embedded-resource"),
        properties: schema["properties"]
            .as_object()
            .into_iter()
            .flatten()
            .map(|(name, inner)| (name.clone(), compile(inner, depth)))
            .collect(),
        required: items(schema, "required").iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        values: additional.filter(|inner| inner.is_object()).map(|inner| Box::new(compile(inner, depth))),
        any_values: additional.and_then(Value::as_bool) == Some(true),
        items: schema
            .get("items")
            .filter(|inner| inner.is_object())
            .map(|inner| Box::new(compile(inner, depth))),
        list: match text(schema, "x-kubernetes-list-type") {
            "set" => ListKind::Set,
            "map" => ListKind::Map(keys()),
            _ => ListKind::Atomic,
        },
        default: schema.get("default").filter(|_| has(schema, "default")).cloned(),
        bounds: bounds(schema),
        all_of: list("allOf"),
        any_of: list("anyOf"),
        one_of: list("oneOf"),
        not: schema.get("not").filter(|inner| inner.is_object()).map(|inner| Box::new(compile(inner, depth))),
        rules: items(schema, "x-kubernetes-validations").iter().filter_map(Rule::compile).collect(),
        has_rules: false,
        asks_unchanged: false,
    };
    let inner = || node.properties.values().chain(node.values.as_deref()).chain(node.items.as_deref());
    let has_rules = !node.rules.is_empty() || inner().any(|inner| inner.has_rules);
    let asks_unchanged =
        node.rules.iter().any(|rule| rule.asks_unchanged) || inner().any(|inner| inner.asks_unchanged);
    (node.has_rules, node.asks_unchanged) = (has_rules, asks_unchanged);
    node
}

fn bounds(schema: &Value) -> Bounds {
    let count = |field: &str| schema.get(field).and_then(Value::as_u64);
    let number = |field: &str| schema.get(field).and_then(Value::as_f64);
    Bounds {
        one_of: schema.get("enum").and_then(Value::as_array).cloned(),
        minimum: number("minimum").map(|minimum| (minimum, truth(schema, "exclusiveMinimum"))),
        maximum: number("maximum").map(|maximum| (maximum, truth(schema, "exclusiveMaximum"))),
        multiple_of: number("multipleOf").filter(|factor| *factor > 0.0),
        shortest: count("minLength"),
        longest: count("maxLength"),
        pattern: schema.get("pattern").and_then(Value::as_str).and_then(|pattern| Regex::new(pattern).ok()),
        fewest_items: count("minItems"),
        most_items: count("maxItems"),
        fewest_properties: count("minProperties"),
        most_properties: count("maxProperties"),
    }
}
