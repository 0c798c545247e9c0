//! What makes a schema structural: types everywhere, values restricted only where they are declared.

use serde_json::Value;

use crate::builtin::read::{Errors, entries, has, has_content, items, text, truth};
use crate::field_error::{FieldError, Path};

use super::node::{DEEPEST_SCHEMA, Node};
use super::shaping::{prune, set_defaults};
use super::structural_rules::check_rules;
use super::validation;

const TYPES: [&str; 6] = ["array", "boolean", "integer", "number", "object", "string"];

/// Where in the schema we are, and what holds there.
#[derive(Clone, Copy)]
pub(super) struct Place {
    /// Levels that are left.
    pub(super) depth: usize,
    /// At the root, or at the root of an embedded object.
    pub(super) is_object: bool,
    /// Whether what a value was before can be found again here.
    pub(super) correlatable: bool,
}

/// Checks the schema of a version.
pub(super) fn check_schema(schema: &Value, at: &Path<'_>, errors: &mut Errors) {
    if text(schema, "type") != "object" {
        if text(schema, "type").is_empty() {
            errors.push(FieldError::required(at.field("type"), "must not be empty at the root"));
        } else {
            let detail = "must be object at the root";
            errors.push(FieldError::invalid(at.field("type"), text(schema, "type"), detail));
        }
    }
    let place = Place { depth: DEEPEST_SCHEMA - 1, is_object: true, correlatable: true };
    check_node(schema, place, at, errors);
}

fn check_node(schema: &Value, place: Place, at: &Path<'_>, errors: &mut Errors) {
    let Some(depth) = place.depth.checked_sub(1) else {
        errors.push(FieldError::forbidden(
            at,
            format!("schemas may be nested {DEEPEST_SCHEMA} levels deep at most"),
        ));
        return;
    };
    let place = Place { depth, ..place };
    check_type(schema, at, errors);
    check_extensions(schema, at, errors);
    check_plain(schema, at, errors);
    check_list(schema, at, errors);
    let is_embedded = truth(schema, "x-kubernetes-embedded-resource");
    let is_object = place.is_object || is_embedded;
    if is_embedded {
        if text(schema, "type") != "object" {
            let detail = "must be object if x-kubernetes-embedded-resource is true";
            errors.push(FieldError::invalid(at.field("type"), text(schema, "type"), detail));
        }
        if !truth(schema, "x-kubernetes-preserve-unknown-fields") && !has_content(schema, "properties") {
            let detail = "must not be empty if x-kubernetes-embedded-resource is true without \
                          x-kubernetes-preserve-unknown-fields";
            errors.push(FieldError::required(at.field("properties"), detail));
        }
    }
    if is_object {
        check_metadata(schema, at, errors);
    }
    if has(schema, "default") {
        check_default(schema, at, errors);
    }
    check_rules(schema, place, at, errors);

    let at_properties = at.field("properties");
    for (name, inner) in entries(schema, "properties") {
        let at = at_properties.key(name);
        if !(is_object && matches!(name.as_str(), "apiVersion" | "kind" | "metadata")) {
            require_type(inner, "must not be empty for specified object fields", &at, errors);
        }
        check_node(inner, Place { is_object: false, ..place }, &at, errors);
    }
    if let Some(inner) = schema.get("additionalProperties").filter(|inner| inner.is_object()) {
        let at = at.field("additionalProperties");
        require_type(inner, "must not be empty for specified object fields", &at, errors);
        check_node(inner, Place { is_object: false, ..place }, &at, errors);
    }
    match schema.get("items") {
        Some(inner) if inner.is_object() => {
            let at = at.field("items");
            require_type(inner, "must not be empty for specified array items", &at, errors);
            let correlatable = place.correlatable && text(schema, "x-kubernetes-list-type") == "map";
            check_node(inner, Place { is_object: false, correlatable, ..place }, &at, errors);
        }
        Some(Value::Array(_)) => {
            errors.push(FieldError::forbidden(
                at.field("items"),
                "items must be a schema object and not an array",
            ));
        }
        _ if text(schema, "type") == "array" => {
            errors.push(FieldError::required(at.field("items"), "must be specified"))
        }
        _ => {}
    }
    for list in ["allOf", "anyOf", "oneOf"] {
        let at_list = at.field(list);
        for (index, inner) in items(schema, list).iter().enumerate() {
            check_value_schema(inner, schema, depth, &at_list.index(index), errors);
        }
    }
    if let Some(inner) = schema.get("not").filter(|inner| inner.is_object()) {
        check_value_schema(inner, schema, depth, &at.field("not"), errors);
    }
}

fn require_type(schema: &Value, detail: &str, at: &Path<'_>, errors: &mut Errors) {
    let is_free =
        truth(schema, "x-kubernetes-preserve-unknown-fields") || truth(schema, "x-kubernetes-int-or-string");
    if text(schema, "type").is_empty() && !is_free {
        errors.push(FieldError::required(at.field("type"), detail));
    }
}

fn check_type(schema: &Value, at: &Path<'_>, errors: &mut Errors) {
    let kind = text(schema, "type");
    if !kind.is_empty() && !TYPES.contains(&kind) {
        errors.push(FieldError::not_supported(at.field("type"), kind, &TYPES));
    }
    if truth(schema, "x-kubernetes-int-or-string") && !kind.is_empty() {
        let detail = "must be empty if x-kubernetes-int-or-string is true";
        errors.push(FieldError::forbidden(at.field("type"), detail));
    }
}

fn check_extensions(schema: &Value, at: &Path<'_>, errors: &mut Errors) {
    if schema.get("x-kubernetes-preserve-unknown-fields").and_then(Value::as_bool) == Some(false) {
        let at = at.field("x-kubernetes-preserve-unknown-fields");
        errors.push(FieldError::invalid(at, false, "must be true or undefined"));
    }
    let map_type = text(schema, "x-kubernetes-map-type");
    if !map_type.is_empty() {
        let at_map = at.field("x-kubernetes-map-type");
        if !matches!(map_type, "granular" | "atomic") {
            errors.push(FieldError::not_supported(at_map, map_type, &["atomic", "granular"]));
        }
        if text(schema, "type") != "object" {
            let detail = "must be object if x-kubernetes-map-type is specified";
            errors.push(FieldError::invalid(at.field("type"), text(schema, "type"), detail));
        }
    }
}

/// What upstream does not take in any schema, and what must be well formed.
fn check_plain(schema: &Value, at: &Path<'_>, errors: &mut Errors) {
    if truth(schema, "uniqueItems") {
        let detail = "uniqueItems cannot be set to true since the runtime complexity becomes quadratic";
        errors.push(FieldError::forbidden(at.field("uniqueItems"), detail));
    }
    for (field, detail) in [
        ("$ref", "$ref is not supported"),
        ("definitions", "definitions is not supported"),
        ("dependencies", "dependencies is not supported"),
        ("patternProperties", "patternProperties is not supported"),
        ("additionalItems", "additionalItems is not supported"),
        ("id", "id is not supported"),
    ] {
        if has_content(schema, field) {
            errors.push(FieldError::forbidden(at.field(field), detail));
        }
    }
    let additional = schema.get("additionalProperties");
    if additional.and_then(Value::as_bool) == Some(false) {
        let detail = "additionalProperties cannot be set to false";
        errors.push(FieldError::forbidden(at.field("additionalProperties"), detail));
    } else if additional.is_some_and(|additional| !additional.is_null()) && has_content(schema, "properties")
    {
        let detail = "additionalProperties and properties are mutual exclusive";
        errors.push(FieldError::forbidden(at.field("additionalProperties"), detail));
    }
    if let Some(pattern) = schema.get("pattern").and_then(Value::as_str)
        && let Err(error) = regex::Regex::new(pattern)
    {
        let error = error.to_string();
        let last = error.lines().last().unwrap_or_default();
        let detail = format!("must be a valid regular expression, but isn't: {last}");
        errors.push(FieldError::invalid(at.field("pattern"), pattern, detail));
    }
}

fn check_list(schema: &Value, at: &Path<'_>, errors: &mut Errors) {
    let list_type = text(schema, "x-kubernetes-list-type");
    let at_keys = at.field("x-kubernetes-list-map-keys");
    let keys: Vec<&str> =
        items(schema, "x-kubernetes-list-map-keys").iter().filter_map(Value::as_str).collect();
    if !list_type.is_empty() {
        let at_type = at.field("x-kubernetes-list-type");
        if text(schema, "type") != "array" {
            let detail = "must be array if x-kubernetes-list-type is specified";
            errors.push(FieldError::invalid(at.field("type"), text(schema, "type"), detail));
        }
        if !matches!(list_type, "atomic" | "set" | "map") {
            errors.push(FieldError::not_supported(at_type, list_type, &["atomic", "set", "map"]));
        }
    }
    let of_items = &schema["items"];
    let at_items = at.field("items");
    match (list_type, keys.as_slice()) {
        ("map", []) => {
            let detail = "must not be empty if x-kubernetes-list-type is map";
            errors.push(FieldError::required(at_keys, detail));
        }
        ("map", keys) => {
            if text(of_items, "type") != "object" {
                let detail = "must be object if parent array's x-kubernetes-list-type is map";
                errors.push(FieldError::invalid(at_items.field("type"), text(of_items, "type"), detail));
            }
            let required: Vec<&str> = items(of_items, "required").iter().filter_map(Value::as_str).collect();
            let mut seen = std::collections::BTreeSet::new();
            for (index, key) in keys.iter().enumerate() {
                if !seen.insert(*key) {
                    errors.push(FieldError::duplicate(at_keys.index(index), *key));
                }
                let property = &of_items["properties"][*key];
                if property.is_null() {
                    let detail = "entries must all be names of item properties";
                    errors.push(FieldError::invalid(at_keys.index(index), *key, detail));
                } else if matches!(text(property, "type"), "object" | "array") {
                    let detail = "must be a scalar type if parent array's x-kubernetes-list-type is map";
                    let at_properties = at_items.field("properties");
                    let at_property = at_properties.key(key);
                    errors.push(FieldError::invalid(
                        at_property.field("type"),
                        text(property, "type"),
                        detail,
                    ));
                } else if !required.contains(key) && !has(property, "default") {
                    let detail = "this property is in x-kubernetes-list-map-keys, so it must have a default or be a \
                                  required property";
                    let at_properties = at_items.field("properties");
                    let at_property = at_properties.key(key);
                    errors.push(FieldError::required(at_property.field("default"), detail));
                }
            }
        }
        ("set", _) if matches!(text(of_items, "type"), "object" | "array") => {
            let is_atomic = text(of_items, "x-kubernetes-map-type") == "atomic"
                || (text(of_items, "type") == "array"
                    && matches!(text(of_items, "x-kubernetes-list-type"), "" | "atomic"));
            if !is_atomic {
                let detail = "must be atomic as item of a list with x-kubernetes-list-type=set";
                errors.push(FieldError::invalid(
                    at_items.field("x-kubernetes-map-type"),
                    text(of_items, "x-kubernetes-map-type"),
                    detail,
                ));
            }
        }
        (_, []) => {}
        _ => {
            let detail = "may only be specified if x-kubernetes-list-type is map";
            errors.push(FieldError::forbidden(at_keys, detail));
        }
    }
}

/// `metadata` can only be told how names look.
fn check_metadata(schema: &Value, at: &Path<'_>, errors: &mut Errors) {
    let at_properties = at.field("properties");
    let properties = &schema["properties"];
    for field in ["apiVersion", "kind"] {
        let kind = text(&properties[field], "type");
        if has(properties, field) && kind != "string" {
            let at = at_properties.key(field);
            errors.push(FieldError::invalid(at.field("type"), kind, "must be string"));
        }
    }
    let metadata = &properties["metadata"];
    if metadata.is_null() {
        return;
    }
    let at_metadata = at_properties.key("metadata");
    if text(metadata, "type") != "object" {
        let detail = "must be object";
        errors.push(FieldError::invalid(at_metadata.field("type"), text(metadata, "type"), detail));
    }
    let names_only =
        entries(metadata, "properties").all(|(name, _)| matches!(name.as_str(), "name" | "generateName"));
    let more = ["additionalProperties", "default", "nullable", "x-kubernetes-preserve-unknown-fields"];
    if !names_only || more.iter().any(|field| has(metadata, field)) {
        let detail = "must not specify anything other than name and generateName, but metadata is implicitly specified";
        errors.push(FieldError::forbidden(at_metadata, detail));
    }
}

/// A default must be what the schema allows, and say nothing that is unknown.
fn check_default(schema: &Value, at: &Path<'_>, errors: &mut Errors) {
    let at = at.field("default");
    let node = Node::compile(schema);
    let mut value = schema["default"].clone();
    let mut pruned = value.clone();
    let dropped = prune(&node, &mut pruned, node.embedded);
    if !dropped.is_empty() {
        errors.push(FieldError::invalid(at, value, "must not have unknown fields"));
        return;
    }
    set_defaults(&node, &mut value);
    validation::check(&node, &value, None, &at, errors);
}

/// A schema within `allOf` and its like restricts values that are declared beside it, and declares nothing.
fn check_value_schema(schema: &Value, declared: &Value, depth: usize, at: &Path<'_>, errors: &mut Errors) {
    let Some(depth) = depth.checked_sub(1) else {
        errors.push(FieldError::forbidden(
            at,
            format!("schemas may be nested {DEEPEST_SCHEMA} levels deep at most"),
        ));
        return;
    };
    let is_int_or_string = truth(declared, "x-kubernetes-int-or-string");
    for field in [
        "type",
        "additionalProperties",
        "default",
        "nullable",
        "description",
        "title",
        "x-kubernetes-preserve-unknown-fields",
        "x-kubernetes-embedded-resource",
        "x-kubernetes-int-or-string",
        "x-kubernetes-list-type",
        "x-kubernetes-list-map-keys",
        "x-kubernetes-map-type",
        "x-kubernetes-validations",
    ] {
        // `anyOf: [{type: integer}, {type: string}]` is how int-or-string is written.
        let is_allowed = field == "type" && is_int_or_string;
        if has_content(schema, field) && !is_allowed {
            errors.push(FieldError::forbidden(at.field(field), "must be empty to be structural"));
        }
    }
    check_plain(schema, at, errors);
    let at_properties = at.field("properties");
    for (name, inner) in entries(schema, "properties") {
        let counterpart = &declared["properties"][name.as_str()];
        let counterpart = if counterpart.is_null() { &declared["additionalProperties"] } else { counterpart };
        if !counterpart.is_object() {
            let detail = format!("because it is defined in {}", at_properties.key(name));
            let path = format!("{}.properties[{name}]", parent_of_combination(&at.to_string()));
            errors.push(FieldError::required(path, detail));
        }
        check_value_schema(inner, counterpart, depth, &at_properties.key(name), errors);
    }
    if let Some(inner) = schema.get("items").filter(|inner| inner.is_object()) {
        check_value_schema(inner, &declared["items"], depth, &at.field("items"), errors);
    }
    for list in ["allOf", "anyOf", "oneOf"] {
        let at_list = at.field(list);
        for (index, inner) in items(schema, list).iter().enumerate() {
            check_value_schema(inner, declared, depth, &at_list.index(index), errors);
        }
    }
    if let Some(inner) = schema.get("not").filter(|inner| inner.is_object()) {
        check_value_schema(inner, declared, depth, &at.field("not"), errors);
    }
}

/// The path before the last `allOf`, `anyOf`, `oneOf` or `not`.
fn parent_of_combination(path: &str) -> &str {
    [".allOf", ".anyOf", ".oneOf", ".not"]
        .iter()
        .filter_map(|word| path.rfind(word))
        .max()
        .map_or(path, |end| &path[..end])
}
