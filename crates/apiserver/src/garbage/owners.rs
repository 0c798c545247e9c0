//! Owners and dependents.
//!
//! A dependent whose owners are all gone is deleted. An owner that is deleted in the foreground goes when no dependent that
//! blocks it is left. An owner that is deleted as an orphan maker goes when no dependent names it any more.

use serde_json::Value;

use crate::gvk::split_api_version;
use crate::lifecycle::{DeleteOptions, Propagation};
use crate::server::Server;
use crate::store::{Place, Stored};

/// What there is behind an owner reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Owner {
    /// The owner is there, or its kind is not known, so that one cannot say.
    Solid,
    /// It is not there.
    Gone,
    /// It waits for its dependents to go.
    Waiting,
}

impl Server {
    /// The owner of this uid is gone.
    pub(crate) fn look_at_dependents(&self, uid: &str) {
        for place in self.shared.store.dependents(uid) {
            self.look_at_owners(&place);
        }
    }

    /// Deletes an object whose owners are all gone; takes those that are gone from its list if others are there.
    pub(crate) fn look_at_owners(&self, place: &Place) {
        let store = &self.shared.store;
        let Some(object) = store.get(place.table, &place.key) else { return };
        let registry = self.registry();
        let Some(resource) = registry.by_table(place.table) else { return };
        let value = object.value();
        let is_waiting_itself = has(&value, "foregroundDeletion");
        if object.is_deleting && !is_waiting_itself {
            return;
        }
        let references = value["metadata"]["ownerReferences"].as_array().cloned().unwrap_or_default();
        if references.is_empty() {
            return;
        }
        let found: Vec<Owner> =
            references.iter().map(|reference| self.owner(reference, object.namespace())).collect();
        if found.contains(&Owner::Solid) {
            let gone: Vec<String> = references
                .iter()
                .zip(&found)
                .filter(|(_, owner)| **owner != Owner::Solid)
                .map(|(reference, _)| uid_of(reference).to_owned())
                .collect();
            if !gone.is_empty() {
                self.edit(resource, &place.key, |value| {
                    let removed = gone.iter().filter(|uid| remove_owner(value, uid)).count();
                    removed > 0
                });
            }
            return;
        }
        let has_dependents = !store.dependents(&object.uid).is_empty();
        let propagation = if found.contains(&Owner::Waiting) && has_dependents {
            Propagation::Foreground
        } else if has(&value, "orphan") {
            Propagation::Orphan
        } else if is_waiting_itself {
            Propagation::Foreground
        } else {
            Propagation::Background
        };
        let options = DeleteOptions {
            uid: Some(object.uid.to_string()),
            propagation: Some(propagation),
            ..DeleteOptions::default()
        };
        // If the object has gone or been replaced meanwhile, there is nothing to do.
        let _ = self.delete_object(resource, &place.key, &options);
    }

    /// Sees to the dependents of an object that waits for them, and lets it go if none of them blocks it.
    pub(crate) fn delete_in_foreground(&self, place: &Place) {
        let store = &self.shared.store;
        let Some(owner) = store.get(place.table, &place.key) else { return };
        if !owner.is_deleting || !has(&owner.value(), "foregroundDeletion") {
            return;
        }
        let mut is_blocked = false;
        for dependent in store.dependents(&owner.uid) {
            self.look_at_owners(&dependent);
            let left = store.get(dependent.table, &dependent.key);
            is_blocked |= left.is_some_and(|left| blocks(&left, &owner.uid));
        }
        if !is_blocked {
            self.remove_finalizer(place, "foregroundDeletion");
        }
    }

    /// Takes an owner from the lists of its dependents, and lets it go.
    pub(crate) fn orphan_dependents(&self, place: &Place) {
        let store = &self.shared.store;
        let Some(owner) = store.get(place.table, &place.key) else { return };
        let registry = self.registry();
        for dependent in store.dependents(&owner.uid) {
            if let Some(resource) = registry.by_table(dependent.table) {
                self.edit(resource, &dependent.key, |value| remove_owner(value, &owner.uid));
            }
        }
        self.remove_finalizer(place, "orphan");
    }

    fn remove_finalizer(&self, place: &Place, finalizer: &str) {
        let registry = self.registry();
        let Some(resource) = registry.by_table(place.table) else { return };
        self.edit(resource, &place.key, |value| {
            let Some(metadata) = value["metadata"].as_object_mut() else { return false };
            let Some(list) = metadata.get_mut("finalizers").and_then(Value::as_array_mut) else {
                return false;
            };
            let before = list.len();
            list.retain(|known| known != finalizer);
            let is_changed = list.len() < before;
            if list.is_empty() {
                metadata.shift_remove("finalizers");
            }
            is_changed
        });
    }

    fn owner(&self, reference: &Value, namespace: &str) -> Owner {
        let text = |key: &str| reference.get(key).and_then(Value::as_str).unwrap_or("");
        let (group, _) = split_api_version(text("apiVersion"));
        let registry = self.registry();
        let Some(resource) = registry.by_kind(group, text("kind")) else { return Owner::Solid };
        let key = resource.key(namespace, text("name"));
        let found = self.shared.store.get(resource.table, &key);
        match found.filter(|owner| *owner.uid == *text("uid")) {
            None => Owner::Gone,
            Some(owner) if owner.is_deleting && has(&owner.value(), "foregroundDeletion") => Owner::Waiting,
            Some(_) => Owner::Solid,
        }
    }
}

fn has(object: &Value, finalizer: &str) -> bool {
    let list = object["metadata"]["finalizers"].as_array();
    list.is_some_and(|list| list.iter().any(|known| known == finalizer))
}

fn uid_of(reference: &Value) -> &str {
    reference.get("uid").and_then(Value::as_str).unwrap_or("")
}

/// Whether a dependent keeps its owner from going.
fn blocks(dependent: &Stored, owner: &str) -> bool {
    let value = dependent.value();
    let references = value["metadata"]["ownerReferences"].as_array().into_iter().flatten();
    references
        .into_iter()
        .any(|reference| uid_of(reference) == owner && reference["blockOwnerDeletion"] == true)
}

/// Takes an owner from an object's list. Says whether it was there.
fn remove_owner(object: &mut Value, uid: &str) -> bool {
    let Some(metadata) = object["metadata"].as_object_mut() else { return false };
    let Some(list) = metadata.get_mut("ownerReferences").and_then(Value::as_array_mut) else { return false };
    let before = list.len();
    list.retain(|reference| uid_of(reference) != uid);
    let is_changed = list.len() < before;
    if list.is_empty() {
        metadata.shift_remove("ownerReferences");
    }
    is_changed
}
