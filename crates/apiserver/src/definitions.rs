//! Custom resource definitions at work: registered when they are accepted, emptied before they go.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::custom::{Definition, status_of_definition};
use crate::lifecycle::DeleteOptions;
use crate::resources::{Resource, custom_resource};
use crate::server::Server;

/// The finalizer that keeps a definition until its objects are gone.
pub(crate) const CLEANUP: &str = "customresourcecleanup.apiextensions.k8s.io";

/// Registers the definitions that the storage has.
pub(crate) fn recover(server: &Server) {
    let Some(definitions) = definitions(server) else { return };
    for stored in server.shared.store.range(definitions.table, None).0 {
        follow_up(server, stored.name());
    }
    server.settle();
}

/// Does what follows from a definition that was written or removed, or from the end of one of its objects.
pub(crate) fn follow_up(server: &Server, name: &str) {
    let Some(definitions) = definitions(server) else { return };
    let Some(stored) = server.shared.store.get(definitions.table, name) else {
        if let Some((plural, group)) = name.split_once('.')
            && server.registry().get(group, plural).is_some_and(|known| known.definition.is_some())
        {
            server.change_registry(|registry| registry.remove(group, plural));
        }
        return;
    };
    if stored.is_deleting {
        empty(server, &definitions, name);
        return;
    }
    let value = stored.value();
    let others: Vec<Value> = server
        .shared
        .store
        .range(definitions.table, None)
        .0
        .iter()
        .filter(|other| other.name() != name)
        .map(|other| other.value())
        .collect();
    let others: Vec<&Value> = others.iter().collect();
    let status = status_of_definition(&value, &others, server.now());
    let is_established = has_condition(&status, "Established");
    if status != value["status"] {
        // Writing it asks for this to be done once more; then nothing is left to be changed.
        server.edit(&definitions, name, |definition| {
            if definition["metadata"]["uid"] != value["metadata"]["uid"]
                || definition["spec"] != value["spec"]
            {
                return false;
            }
            definition["status"] = status.clone();
            true
        });
    }
    if !is_established {
        return;
    }
    match Definition::compile(&value) {
        Ok(definition) => {
            if let Some(resource) = custom_resource(Arc::new(definition), &server.shared.store) {
                server.change_registry(|registry| registry.insert(resource));
            }
        }
        // It was validated before it was stored, by the same rules.
        Err(errors) => tracing::error!(name, ?errors, "a stored definition cannot be compiled"),
    }
}

/// Deletes the objects of a definition that is going away; if none are left, it goes.
fn empty(server: &Server, definitions: &Resource, name: &str) {
    let registry = server.registry();
    let resource = name.split_once('.').and_then(|(plural, group)| registry.get(group, plural));
    if let Some(resource) = resource {
        let store = &server.shared.store;
        for object in store.range(resource.table, None).0.iter().filter(|object| !object.is_deleting) {
            // What is gone already is as good as deleted.
            let _ = server.delete_object(resource, &object.key, &DeleteOptions::background());
        }
        if store.count(resource.table) > 0 {
            return;
        }
    }
    server.edit(definitions, name, |definition| {
        let Some(metadata) = definition["metadata"].as_object_mut() else { return false };
        let Some(list) = metadata.get_mut("finalizers").and_then(Value::as_array_mut) else { return false };
        let before = list.len();
        list.retain(|finalizer| finalizer != CLEANUP);
        let is_changed = list.len() < before;
        if list.is_empty() {
            metadata.shift_remove("finalizers");
        }
        is_changed
    });
}

/// Marks a definition that is about to be deleted: it stays until its objects are gone, and says so.
pub(crate) fn mark(definition: &mut Value, now: &str) {
    let finalizers = &mut definition["metadata"]["finalizers"];
    if !finalizers.is_array() {
        *finalizers = json!([]);
    }
    if let Some(list) = finalizers.as_array_mut()
        && !list.iter().any(|known| known == CLEANUP)
    {
        list.push(json!(CLEANUP));
    }
    let terminating = json!({
        "type": "Terminating", "status": "True", "lastTransitionTime": now, "reason": "InstanceDeletionPending",
        "message": "CustomResourceDefinition marked for deletion; CustomResource deletion will begin soon",
    });
    if !definition["status"]["conditions"].is_array() {
        definition["status"]["conditions"] = json!([]);
    }
    if let Some(conditions) = definition["status"]["conditions"].as_array_mut() {
        conditions.retain(|known| known["type"] != "Terminating");
        conditions.push(terminating);
    }
}

fn has_condition(status: &Value, kind: &str) -> bool {
    let conditions = status["conditions"].as_array().into_iter().flatten();
    conditions.into_iter().any(|known| known["type"] == kind && known["status"] == "True")
}

fn definitions(server: &Server) -> Option<Arc<Resource>> {
    server.registry().get("apiextensions.k8s.io", "customresourcedefinitions").cloned()
}
