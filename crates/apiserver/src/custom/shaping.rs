//! Defaults set and unknown fields taken away.

use serde_json::{Map, Value};

use super::node::Node;

/// Fields of an object at the root, or of an embedded one, that are always known.
const OBJECT_FIELDS: [&str; 3] = ["apiVersion", "kind", "metadata"];

/// Sets defaults. A null where none may be is taken away first if there is a default for it.
pub(super) fn set_defaults(node: &Node, value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (name, inner) in &node.properties {
                let Some(default) = &inner.default else { continue };
                let is_unset = match fields.get(name) {
                    None => true,
                    Some(Value::Null) => !inner.nullable,
                    Some(_) => false,
                };
                if is_unset {
                    fields.insert(name.clone(), default.clone());
                }
            }
            for (name, field) in fields.iter_mut() {
                if let Some(inner) = node.properties.get(name).or(node.values.as_deref()) {
                    if field.is_null()
                        && !inner.nullable
                        && let Some(default) = &inner.default
                    {
                        *field = default.clone();
                    }
                    set_defaults(inner, field);
                }
            }
        }
        Value::Array(items) => {
            if let Some(inner) = &node.items {
                for item in items {
                    if item.is_null()
                        && !inner.nullable
                        && let Some(default) = &inner.default
                    {
                        *item = default.clone();
                    }
                    set_defaults(inner, item);
                }
            }
        }
        _ => {}
    }
}

/// Takes away nulls of fields that may not be null and have a default, as upstream does before it sets defaults.
pub(super) fn drop_nulls(node: &Node, value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|name, field| {
                let inner = node.properties.get(name).or(node.values.as_deref());
                !(field.is_null() && inner.is_some_and(|inner| !inner.nullable && inner.default.is_some()))
            });
            for (name, field) in fields.iter_mut() {
                if let Some(inner) = node.properties.get(name).or(node.values.as_deref()) {
                    drop_nulls(inner, field);
                }
            }
        }
        Value::Array(items) => {
            if let Some(inner) = &node.items {
                items.iter_mut().for_each(|item| drop_nulls(inner, item));
            }
        }
        _ => {}
    }
}

/// Takes unknown fields away; answers with where they were, such as `spec.foo` or `spec.list[2].bar`.
pub(super) fn prune(node: &Node, value: &mut Value, is_object: bool) -> Vec<String> {
    let mut dropped = Vec::new();
    prune_at(node, value, is_object, "", &mut dropped);
    dropped
}

fn prune_at(node: &Node, value: &mut Value, is_object: bool, at: &str, dropped: &mut Vec<String>) {
    const MOST_TOLD: usize = 1000;
    let is_object = is_object || node.embedded;
    match value {
        Value::Object(fields) => {
            let path = |name: &str| if at.is_empty() { name.to_owned() } else { format!("{at}.{name}") };
            let is_known = |name: &str| {
                node.is_open()
                    || node.values.is_some()
                    || node.properties.contains_key(name)
                    || (is_object && OBJECT_FIELDS.contains(&name))
            };
            if !node.is_open() && node.values.is_none() {
                let unknown: Vec<String> = fields.keys().filter(|name| !is_known(name)).cloned().collect();
                if !unknown.is_empty() {
                    fields.retain(|name, _| is_known(name));
                    let room = MOST_TOLD.saturating_sub(dropped.len());
                    dropped.extend(unknown.iter().take(room).map(|name| path(name)));
                }
            }
            for (name, field) in fields.iter_mut() {
                if is_object && OBJECT_FIELDS.contains(&name.as_str()) {
                    continue;
                }
                if let Some(inner) = node.properties.get(name) {
                    prune_at(inner, field, false, &path(name), dropped);
                } else if let Some(inner) = &node.values {
                    prune_at(inner, field, false, &path(name), dropped);
                }
            }
        }
        Value::Array(items) => {
            if let Some(inner) = &node.items {
                for (index, item) in items.iter_mut().enumerate() {
                    prune_at(inner, item, false, &format!("{at}[{index}]"), dropped);
                }
            }
        }
        _ => {}
    }
}

/// Takes unknown fields of the `metadata` of an object away: those that no object has.
pub(super) fn prune_metadata(metadata: &mut Map<String, Value>) {
    const KNOWN: [&str; 15] = [
        "name",
        "generateName",
        "namespace",
        "selfLink",
        "uid",
        "resourceVersion",
        "generation",
        "creationTimestamp",
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
        "labels",
        "annotations",
        "ownerReferences",
        "finalizers",
        "managedFields",
    ];
    metadata.retain(|name, _| KNOWN.contains(&name.as_str()));
}
