//! Deleting one object: preconditions, grace, finalizers, dependents.
//!
//! ```text
//! DELETE ──> preconditions ──> grace (pods on a node) ──> finalizers (also those of the propagation)
//!                                    │                          │
//!                                    └── none of either: gone   └── any: marked with a deletionTimestamp
//! ```

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::commit::{finalizers, has_finalizer};
use super::options::{DeleteOptions, Propagation};
use crate::resources::Resource;
use crate::server::{Server, seconds_text};
use crate::status::ApiError;
use crate::store::{Draft, Stored};

/// Seconds that a pod has to end if nobody says otherwise.
const DEFAULT_GRACE: i64 = 30;

/// What became of the object.
#[derive(Debug, Clone)]
pub(crate) enum Deleted {
    /// It is gone; this is how it was last.
    Removed(Arc<Stored>),
    /// It is marked and waits.
    Marked(Arc<Stored>),
    /// Nothing was to be kept; this is how it would be.
    Would(Value),
}

impl Server {
    /// Deletes an object, whoever asks. What follows from that waits in the queue.
    pub(crate) fn delete_object(
        &self,
        resource: &Resource,
        key: &str,
        options: &DeleteOptions,
    ) -> Result<Deleted, ApiError> {
        let qualified = resource.qualified();
        let name = key.split_once('/').filter(|_| resource.is_namespaced).map_or(key, |(_, name)| name);
        loop {
            let Some(live) = self.shared.store.get(resource.table, key) else {
                return Err(ApiError::not_found(&qualified, name));
            };
            check_preconditions(&qualified, name, &live, options)?;
            let mut object = if options.is_dry_run { live.value() } else { live.value_without_managers() };
            let grace = grace_seconds(resource, &object, options);
            let is_changed = mark(resource, &mut object, grace, options, self.now());
            let is_free = finalizers(&object).next().is_none()
                && object["metadata"]["deletionGracePeriodSeconds"].as_i64().unwrap_or(0) == 0
                && !waits_for_contents(resource, &object);
            if options.is_dry_run {
                return Ok(Deleted::Would(object));
            }
            if is_free {
                let mut last =
                    if live.is_deleting || grace > 0 { object } else { live.value_without_managers() };
                if let Ok(gone) = self.commit_removal(resource, &live, beside(&live, &mut last)) {
                    return Ok(Deleted::Removed(gone));
                }
            } else if !is_changed {
                return Ok(Deleted::Marked(live));
            } else if let Ok(marked) =
                self.commit_draft(resource, key, Some(&live), beside(&live, &mut object))
            {
                return Ok(Deleted::Marked(marked));
            }
        }
    }
}

/// An object whose managers are as they were.
fn beside<'a>(live: &Stored, object: &'a mut Value) -> Draft<'a> {
    let managers = (!live.managers.is_empty()).then(|| live.managers.clone());
    Draft { object, managers, spec_of: None }
}

fn check_preconditions(
    qualified: &str,
    name: &str,
    live: &Stored,
    options: &DeleteOptions,
) -> Result<(), ApiError> {
    if let Some(uid) = options.uid.as_deref().filter(|uid| **uid != *live.uid) {
        let why = format!(
            "the UID in the precondition ({uid}) does not match the UID in record ({}). The object might have been deleted and then recreated",
            live.uid
        );
        return Err(ApiError::conflict(qualified, name, &why));
    }
    let revision = live.revision.to_string();
    if let Some(wanted) = options.resource_version.as_deref().filter(|wanted| *wanted != revision) {
        let why = format!(
            "the ResourceVersion in the precondition ({wanted}) does not match the ResourceVersion in record ({revision}). The object might have been modified"
        );
        return Err(ApiError::conflict(qualified, name, &why));
    }
    Ok(())
}

/// How long the object has to end. Only pods that run somewhere need any time.
fn grace_seconds(resource: &Resource, object: &Value, options: &DeleteOptions) -> i64 {
    if !resource.is("", "pods") {
        return 0;
    }
    let is_placed = object["spec"]["nodeName"].as_str().is_some_and(|node| !node.is_empty());
    let is_over = matches!(object["status"]["phase"].as_str(), Some("Failed" | "Succeeded"));
    if !is_placed || is_over {
        return 0;
    }
    let own = object["spec"]["terminationGracePeriodSeconds"].as_i64().unwrap_or(DEFAULT_GRACE);
    let grace = options.grace_seconds.unwrap_or(own);
    if grace < 0 { 1 } else { grace }
}

/// Whether the object is a namespace or a definition, which goes when what is in it has gone.
fn waits_for_contents(resource: &Resource, object: &Value) -> bool {
    resource.is("", "namespaces")
        && object["spec"]["finalizers"].as_array().is_some_and(|list| !list.is_empty())
}

/// Marks the object as one that is being deleted. Says whether that changed anything.
fn mark(
    resource: &Resource,
    object: &mut Value,
    grace: i64,
    options: &DeleteOptions,
    now: Timestamp,
) -> bool {
    let mut is_changed = mark_finalizers(resource, object, options);
    let was_grace = object["metadata"]["deletionGracePeriodSeconds"].as_i64();
    let marked_at =
        object["metadata"]["deletionTimestamp"].as_str().and_then(|at| at.parse::<Timestamp>().ok());
    match (marked_at, was_grace) {
        // A deadline only ever comes nearer.
        (Some(at), Some(before)) if grace < before => {
            let asked = at.saturating_sub(SignedDuration::from_secs(before));
            set_deadline(object, asked.unwrap_or(at), grace);
            is_changed = true;
        }
        (Some(_), _) => {}
        (None, _) => {
            set_deadline(object, now, grace);
            let generation = object["metadata"]["generation"].as_i64().unwrap_or(0);
            if generation > 0 {
                object["metadata"]["generation"] = json!(generation + 1);
            }
            if resource.is("", "namespaces") {
                object["status"]["phase"] = json!("Terminating");
            }
            if resource.is("apiextensions.k8s.io", "customresourcedefinitions") {
                crate::definitions::mark(object, &seconds_text(now));
            }
            is_changed = true;
        }
    }
    is_changed
}

fn set_deadline(object: &mut Value, from: Timestamp, grace: i64) {
    let deadline = from.saturating_add(SignedDuration::from_secs(grace)).unwrap_or(from);
    object["metadata"]["deletionTimestamp"] = json!(seconds_text(deadline));
    object["metadata"]["deletionGracePeriodSeconds"] = json!(grace);
}

/// Adds and removes the finalizers through which dependents are dealt with.
fn mark_finalizers(resource: &Resource, object: &mut Value, options: &DeleteOptions) -> bool {
    let (orphans, is_foreground) = match options.propagation {
        Some(Propagation::Orphan) => (true, false),
        Some(Propagation::Foreground) => (false, true),
        Some(Propagation::Background) => (false, false),
        // What was asked for when it was made stays; replication controllers leave their pods behind.
        None => (
            has_finalizer(object, "orphan") || resource.is("", "replicationcontrollers"),
            has_finalizer(object, "foregroundDeletion"),
        ),
    };
    let mut wanted: Vec<String> = finalizers(object)
        .filter(|finalizer| *finalizer != "orphan" && *finalizer != "foregroundDeletion")
        .map(str::to_owned)
        .collect();
    if orphans {
        wanted.push("orphan".to_owned());
    }
    if is_foreground {
        wanted.push("foregroundDeletion".to_owned());
    }
    if wanted.len() == finalizers(object).count() && wanted.iter().all(|wanted| has_finalizer(object, wanted))
    {
        return false;
    }
    if wanted.is_empty() {
        if let Some(metadata) = object["metadata"].as_object_mut() {
            metadata.shift_remove("finalizers");
        }
    } else {
        object["metadata"]["finalizers"] = json!(wanted);
    }
    true
}
