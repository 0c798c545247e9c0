//! The schemas of lists, which the builtin types leave out.

use serde_json::{Value, json};

use crate::schema::reference;

/// The schema of a list of objects whose schema has this name.
pub(super) fn schema(name: &str, kind: &str) -> Value {
    json!({
        "description": format!("{kind}List is a list of {kind}"),
        "type": "object",
        "required": ["items"],
        "properties": {
            "apiVersion": { "description": "The versioned schema of this representation of an object.", "type": "string" },
            "items": { "description": "The objects.", "type": "array", "items": { "allOf": [reference(name)], "default": {} } },
            "kind": { "description": "The kind of this object.", "type": "string" },
            "metadata": { "description": "Standard list metadata.", "allOf": [reference(LIST_META)], "default": {} },
        },
    })
}

/// The name of the schema of lists' metadata.
pub(super) const LIST_META: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.ListMeta";

/// The schema of lists' metadata.
pub(super) fn list_meta() -> Value {
    json!({
        "description": "ListMeta describes metadata that synthetic resources must have, including lists and various status objects.",
        "type": "object",
        "properties": {
            "continue": { "description": "Where the next part of the list begins, if this was not all.", "type": "string" },
            "remainingItemCount": { "description": "How many objects follow after this part.", "type": "integer", "format": "int64" },
            "resourceVersion": { "description": "The version of the list, from which a watch can begin.", "type": "string" },
        },
    })
}

/// The schema of patches.
pub(super) fn patch() -> Value {
    json!({
        "description": "Patch is provided to give a concrete name and type to the Kubernetes PATCH request body.",
        "type": "object",
    })
}
