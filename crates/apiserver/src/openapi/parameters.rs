//! The parameters of operations.

use serde_json::{Value, json};

fn query(name: &str, kind: &str, description: &str) -> Value {
    json!({ "name": name, "in": "query", "description": description, "schema": { "type": kind, "uniqueItems": true } })
}

fn path(name: &str, description: &str) -> Value {
    json!({ "name": name, "in": "path", "required": true, "description": description,
        "schema": { "type": "string", "uniqueItems": true } })
}

/// The parameters of all operations of a path.
pub(super) fn of_path(namespaced: bool, named: bool, kind: &str) -> Value {
    let mut parameters = Vec::new();
    if named {
        parameters.push(path("name", &format!("name of the {kind}")));
    }
    if namespaced {
        parameters.push(path("namespace", "object name and auth scope, such as for teams and projects"));
    }
    parameters.push(query("pretty", "string", "If 'true', then the output is pretty printed."));
    Value::Array(parameters)
}

/// What every write takes.
pub(super) fn of_write() -> Vec<Value> {
    vec![
        query(
            "dryRun",
            "string",
            "With the value All, nothing is stored: the answer is what would have been.",
        ),
        query("fieldManager", "string", "The name of the actor or entity that makes the change."),
        query(
            "fieldValidation",
            "string",
            "What to do with unknown or duplicate fields: Ignore drops them, Warn answers with a warning, Strict refuses the request.",
        ),
    ]
}

/// What `patch` takes.
pub(super) fn of_patch() -> Vec<Value> {
    let mut parameters = of_write();
    parameters.push(query(
        "force",
        "boolean",
        "Applies although others own fields that change; only for apply patches.",
    ));
    parameters
}

/// What lists and watches take.
pub(super) fn of_list() -> Vec<Value> {
    vec![
        query("allowWatchBookmarks", "boolean", "Asks for events of the type BOOKMARK."),
        query("continue", "string", "Where the previous part of the list ended."),
        query("fieldSelector", "string", "Restricts the objects by their fields."),
        query("labelSelector", "string", "Restricts the objects by their labels."),
        query("limit", "integer", "How many objects a part of the list has at most."),
        query("resourceVersion", "string", "How old the data may be, or from where on to watch."),
        query("resourceVersionMatch", "string", "How resourceVersion is meant for lists."),
        query("sendInitialEvents", "boolean", "Begins a watch with what there is."),
        query("timeoutSeconds", "integer", "When the request ends."),
        query("watch", "boolean", "Sends changes as they happen instead of a list."),
    ]
}

/// What deletions take.
pub(super) fn of_delete() -> Vec<Value> {
    vec![
        query("dryRun", "string", "With the value All, nothing is deleted."),
        query("gracePeriodSeconds", "integer", "How long the object may take to end; zero means at once."),
        query("propagationPolicy", "string", "What becomes of dependents: Orphan, Background or Foreground."),
    ]
}
