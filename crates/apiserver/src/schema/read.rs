//! Reads JSON Schema, of OpenAPI 3.0 and of `schemars`, into the arena.

use std::collections::BTreeMap;
use std::sync::Arc;

use indexmap::IndexMap;
use serde_json::{Map, Value};

use super::arena::{Arena, ListType, Node, Object, PatchRule, Rest, Scalar, Schema, Shape};
use super::rules;

/// Deeper schemas read as `Any`: nothing that a parser let through is that deep.
const MAX_DEPTH: usize = 200;

/// The reader, with what it has read.
pub(super) struct Reader {
    pub(super) arena: Arena,
    /// Definitions by name.
    pub(super) definitions: BTreeMap<String, u32>,
    /// The type of `metadata` for embedded resources.
    pub(super) object_meta: Option<Schema>,
}

impl Reader {
    pub(super) fn new(object_meta: Option<Schema>) -> Reader {
        Reader { arena: Arena::default(), definitions: BTreeMap::new(), object_meta }
    }

    /// The place of a definition, made empty if it was not yet named.
    fn definition(&mut self, name: &str) -> u32 {
        if let Some(index) = self.definitions.get(name) {
            return *index;
        }
        let index = self.arena.add(Node::new(Shape::Any));
        self.definitions.insert(name.to_owned(), index);
        index
    }

    /// Reads all definitions of a `$defs` map and applies the table of rules to them.
    pub(super) fn read_definitions(&mut self, definitions: &Map<String, Value>) {
        for (name, schema) in definitions {
            let index = self.definition(name);
            let mut node = self.node(schema, name, 0);
            node.name = Some(Arc::from(name.as_str()));
            if let Some(rule) = rules::rule(name, "*") {
                node.atomic = rule.atomic;
            }
            special(name, &mut node);
            self.arena.nodes[index as usize] = node;
        }
    }

    fn add(&mut self, schema: &Value, owner: &str, depth: usize) -> u32 {
        let node = self.node(schema, owner, depth);
        self.arena.add(node)
    }

    /// Reads one schema; `owner` is the definition that it stands in, for the table of rules.
    pub(super) fn node(&mut self, schema: &Value, owner: &str, depth: usize) -> Node {
        let mut node = Node::new(Shape::Any);
        let Some(words) = schema.as_object() else { return node };
        if depth > MAX_DEPTH {
            return node;
        }
        node.description = words.get("description").and_then(Value::as_str).map(Box::from);
        node.nullable = words.get("nullable").and_then(Value::as_bool).unwrap_or(false);
        node.default = words.get("default").cloned();
        node.patch = patch_rule(words);
        node.atomic = words.get("x-kubernetes-map-type").and_then(Value::as_str).map(|kind| kind == "atomic");
        node.shape = self.shape(words, owner, depth);
        node.keywords =
            words.iter().filter(|(name, _)| !UNDERSTOOD.contains(&name.as_str())).map(own).collect();
        node
    }

    fn shape(&mut self, words: &Map<String, Value>, owner: &str, depth: usize) -> Shape {
        if let Some(name) = reference(words) {
            return Shape::Ref(self.definition(name));
        }
        let flag = |name: &str| words.get(name).and_then(Value::as_bool).unwrap_or(false);
        if flag("x-kubernetes-int-or-string") {
            return Shape::Scalar(Scalar::IntOrString);
        }
        let format = words.get("format").and_then(Value::as_str);
        match words.get("type").and_then(Value::as_str) {
            Some("array") => {
                let items = self.add(words.get("items").unwrap_or(&Value::Null), "", depth + 1);
                Shape::List { items, kind: list_type(words) }
            }
            Some("string") => {
                Shape::Scalar(if format == Some("byte") { Scalar::Bytes } else { Scalar::String })
            }
            Some("integer") => {
                Shape::Scalar(if format == Some("int32") { Scalar::Int32 } else { Scalar::Int64 })
            }
            Some("number") => Shape::Scalar(Scalar::Number),
            Some("boolean") => Shape::Scalar(Scalar::Boolean),
            Some("object") => self.object(words, owner, depth),
            _ if words.contains_key("properties") => self.object(words, owner, depth),
            _ => Shape::Any,
        }
    }

    fn object(&mut self, words: &Map<String, Value>, owner: &str, depth: usize) -> Shape {
        let mut fields = IndexMap::new();
        for (name, schema) in words.get("properties").and_then(Value::as_object).into_iter().flatten() {
            let mut node = self.node(schema, "", depth + 1);
            if let Some(rule) = rules::rule(owner, name) {
                apply_rule(rule, &mut node);
            }
            fields.insert(Box::from(name.as_str()), self.arena.add(node));
        }
        if words.get("x-kubernetes-embedded-resource").and_then(Value::as_bool) == Some(true) {
            self.embed(&mut fields);
        }
        let required = words.get("required").and_then(Value::as_array).into_iter().flatten();
        // Kinds are generated with their metadata required, which they do not publish.
        let is_kind = fields.contains_key("apiVersion") && fields.contains_key("kind");
        let required = required.filter_map(Value::as_str).filter(|name| !(is_kind && *name == "metadata"));
        let required = required.map(Box::from).collect();
        let preserve =
            words.get("x-kubernetes-preserve-unknown-fields").and_then(Value::as_bool) == Some(true);
        let rest = match words.get("additionalProperties") {
            Some(Value::Bool(false)) => Rest::Closed,
            Some(values) => Rest::Map(self.add(values, "", depth + 1)),
            None if preserve => Rest::Unknown,
            None => Rest::Closed,
        };
        Shape::Object(Object { fields, required, rest })
    }

    /// Adds what every embedded object may have.
    pub(super) fn embed(&mut self, fields: &mut IndexMap<Box<str>, u32>) {
        for name in ["apiVersion", "kind"] {
            let index = self.arena.add(Node::new(Shape::Scalar(Scalar::String)));
            fields.entry(Box::from(name)).or_insert(index);
        }
        if let Some(meta) = self.object_meta.clone() {
            let index = self.arena.add(Node::new(Shape::Link(meta)));
            fields.insert(Box::from("metadata"), index);
        }
    }
}

/// Keywords that the arena holds in fields of its own.
const UNDERSTOOD: [&str; 17] = [
    "$ref",
    "additionalProperties",
    "allOf",
    "default",
    "description",
    "items",
    "nullable",
    "properties",
    "required",
    "type",
    "x-kubernetes-int-or-string",
    "x-kubernetes-list-map-keys",
    "x-kubernetes-list-type",
    "x-kubernetes-map-type",
    "x-kubernetes-patch-merge-key",
    "x-kubernetes-patch-strategy",
    "$schema",
];

fn own((name, value): (&String, &Value)) -> (String, Value) {
    (name.clone(), value.clone())
}

/// The definition that a schema refers to, directly or as the only member of `allOf`.
fn reference(words: &Map<String, Value>) -> Option<&str> {
    let direct = words.get("$ref").or_else(|| match words.get("allOf")?.as_array()?.as_slice() {
        [only] => only.get("$ref"),
        _ => None,
    });
    direct?.as_str()?.rsplit('/').next()
}

fn list_type(words: &Map<String, Value>) -> ListType {
    match words.get("x-kubernetes-list-type").and_then(Value::as_str) {
        Some("set") => ListType::Set,
        Some("map") => {
            let keys =
                words.get("x-kubernetes-list-map-keys").and_then(Value::as_array).into_iter().flatten();
            ListType::Map(keys.filter_map(Value::as_str).map(str::to_owned).collect())
        }
        _ => ListType::Atomic,
    }
}

fn patch_rule(words: &Map<String, Value>) -> PatchRule {
    let strategy = words.get("x-kubernetes-patch-strategy").and_then(Value::as_str).unwrap_or_default();
    PatchRule {
        merge: strategy.split(',').any(|word| word == "merge"),
        merge_key: words.get("x-kubernetes-patch-merge-key").and_then(Value::as_str).map(str::to_owned),
        retain_keys: strategy.split(',').any(|word| word == "retainKeys"),
        replace: strategy.split(',').any(|word| word == "replace"),
    }
}

fn apply_rule(rule: &rules::Rule, node: &mut Node) {
    if let (Some(list), Shape::List { kind, .. }) = (&rule.list, &mut node.shape) {
        *kind = list.clone();
    }
    node.atomic = rule.atomic.or(node.atomic);
    node.patch = rule.patch.clone();
    if let Some(default) = &rule.default {
        node.default = Some(Value::String(default.clone()));
    }
}

/// Definitions that are one scalar in JSON, whatever their schema says.
fn special(name: &str, node: &mut Node) {
    let scalar = match name.rsplit('.').next().unwrap_or_default() {
        "Quantity" => Scalar::Quantity,
        "IntOrString" => Scalar::IntOrString,
        "Time" => Scalar::Time,
        "MicroTime" => Scalar::MicroTime,
        "RawExtension" | "FieldsV1" | "JSON" => {
            node.shape = Shape::Any;
            return;
        }
        // Unions of schemas, which are published without their alternatives.
        name if name.starts_with("JSONSchemaPropsOr") => {
            node.keywords.clear();
            return;
        }
        _ => return,
    };
    if name.starts_with("io.k8s.apimachinery.") {
        node.shape = Shape::Scalar(scalar);
    }
}
