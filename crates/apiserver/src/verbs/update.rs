//! Update, and all other ways to change an object that is there.
//!
//! ```text
//! live ──change──> new ──what the caller may change──> defaults ──admission──> validation ──managers──> commit
//!   ^                                                                                                    │
//!   └───────────────── again, if somebody came in between and the caller named no revision ──────────────┘
//! ```

use std::borrow::Cow;
use std::sync::Arc;

use axum::body::Body;
use http::Response;
use serde_json::{Value, json};

use super::admission::Admission;
use super::create::create_object;
use super::hooks;
use super::incoming;
use super::seen::Seen;
use crate::field_error::FieldError;
use crate::http::Call;
use crate::http::answer::{Answer, Payload};
use crate::http::body::{self, Decoded};
use crate::resources::convert;
use crate::status::ApiError;
use crate::store::{Draft, Stored};
use crate::subresources;

/// How often a change is made again when somebody came in between.
const ATTEMPTS: usize = 20;

/// A change: what an object becomes.
pub(crate) struct Change<'a> {
    /// Makes the new object of the live one, both in the version of the call.
    pub make: &'a (dyn Fn(&Value) -> Result<Value, ApiError> + Send + Sync),
    /// Whether the new object names its managers itself, as an apply does.
    pub notes_managers: bool,
    /// How much of the live object `make` looks at.
    pub seen: Seen,
    /// Whether the new object must say which revision it replaces, if its kind asks for that.
    pub is_whole: bool,
}

/// Answers an update.
pub(crate) async fn update(
    mut call: Call,
    bytes: &[u8],
    media_type: &str,
) -> Result<Response<Body>, ApiError> {
    let mut decoded = body::decode(bytes, media_type)?;
    let subresource = call.path.subresource.clone();
    let answer = match subresource.as_str() {
        "scale" if call.version.scale.is_some() => {
            subresources::update_scale(&mut call, &|_| Ok(decoded.value.clone())).await?
        }
        subresource => {
            check_subresource(&call, subresource, "update")?;
            incoming::check(&mut call, &mut decoded)?;
            check_identity(&call, &decoded.value)?;
            let exists = call.server.shared.store.get(call.resource.table, &call.key()).is_some();
            if !exists && call.resource.creates_on_update && subresource.is_empty() {
                if let Some(metadata) = decoded.value["metadata"].as_object_mut() {
                    metadata.shift_remove("resourceVersion");
                }
                let name = call.path.name.clone();
                decoded.value["metadata"]["name"] = json!(name);
                let decoded = Decoded { value: decoded.value, duplicates: Vec::new() };
                create_object(&mut call, decoded).await?
            } else {
                let make = |_: &Value| Ok(decoded.value.clone());
                let seen = Seen::AllButManagers;
                let change = Change { make: &make, notes_managers: false, seen, is_whole: true };
                write(&mut call, &change).await?
            }
        }
    };
    call.server.settle();
    Ok(call.respond(answer))
}

/// Refuses subresources that are not there or do not have the verb.
pub(super) fn check_subresource(call: &Call, subresource: &str, verb: &str) -> Result<(), ApiError> {
    match subresource {
        "" => Ok(()),
        "status" if call.version.has_status => Ok(()),
        _ => match call.version.subresources.iter().find(|known| known.name == subresource) {
            None => Err(ApiError::no_such_resource()),
            Some(known) if !known.verbs.contains(&verb) => Err(ApiError::method_not_allowed()),
            Some(_) => Ok(()),
        },
    }
}

/// Refuses a body that is about another object than the path.
fn check_identity(call: &Call, object: &Value) -> Result<(), ApiError> {
    let text = |field: &str| object["metadata"].get(field).and_then(Value::as_str).unwrap_or("");
    let (name, namespace) = (text("name"), text("namespace"));
    if name.is_empty() {
        return Err(ApiError::bad_request(format!(
            "name of the object must be set: metadata.name is empty, the URL has {:?}",
            call.path.name
        )));
    }
    if name != call.path.name {
        return Err(ApiError::bad_request(format!(
            "the name of the object ({name}) does not match the name on the URL ({})",
            call.path.name
        )));
    }
    if !namespace.is_empty() && namespace != call.path.namespace {
        return Err(ApiError::bad_request(format!(
            "the namespace of the object ({namespace}) does not match the namespace on the URL ({})",
            call.path.namespace
        )));
    }
    Ok(())
}

/// Makes a change to the object of the call's path.
pub(crate) async fn write(call: &mut Call, change: &Change<'_>) -> Result<Answer, ApiError> {
    let is_dry_run = call.query.dry_run()?;
    let key = call.key();
    let qualified = call.resource.qualified();
    let name = call.path.name.clone();
    let warnings = call.warnings.clone();
    for _ in 0..ATTEMPTS {
        call.warnings.clone_from(&warnings);
        let Some(live) = call.server.shared.store.get(call.resource.table, &key) else {
            return Err(call.not_found());
        };
        let wanted = if change.notes_managers { Seen::All } else { change.seen };
        let seen = wanted.at_least_for(call, &live, is_dry_run);
        let old = seen.of(call, &live);
        let shown = if call.is_storage_version() {
            Cow::Borrowed(&old)
        } else {
            Cow::Owned(call.in_version(old.clone()))
        };
        let made = (change.make)(&shown)?;
        let has_revision = check_revision(call, change, &live, &made)?;
        let new = prepared(call, &live, &old, made, seen)?;
        let mut admission = Admission::update(call, &name, is_dry_run);
        let old = Arc::new(old);
        let mut new = admission.mutate(call, new, Some(&old)).await?;
        hooks::prepare_for_update(call, &old, &mut new);
        hooks::validate_update(call, &name, &new, &old)?;
        let mut managers = None;
        if seen != Seen::All {
            managers = Some(hooks::managers(call, Some((&old, &live.managers)), &mut new));
        } else if !change.notes_managers {
            hooks::note_managers(call, Some(&old), &mut new);
        }
        new = admission.validate(call, new, Some(&old)).await?;
        if is_dry_run {
            return Ok(Answer { code: 200, payload: Payload::Unstored(new) });
        }
        if new == *old && managers.as_ref().is_none_or(|managers| *managers == live.managers) {
            return Ok(Answer::ok(live));
        }
        let spec_of = (seen == Seen::Status).then_some(&*live);
        let draft = Draft { object: &mut new, managers, spec_of };
        match admission.commit(call, Some(&live), &key, draft)? {
            Ok(stored) => return Ok(Answer::ok(stored)),
            Err(_) if has_revision => return Err(ApiError::stale(&qualified, &name)),
            Err(_) => {}
        }
    }
    Err(ApiError::stale(&qualified, &name))
}

/// Checks the revision and the uid that the new object names. Says whether it names a revision.
fn check_revision(call: &Call, change: &Change<'_>, live: &Stored, made: &Value) -> Result<bool, ApiError> {
    let qualified = call.resource.qualified();
    let name = &call.path.name;
    let text = |field: &str| made["metadata"].get(field).and_then(Value::as_str).unwrap_or("");
    let uid = text("uid");
    if !uid.is_empty() && uid != &*live.uid {
        let why =
            format!("Precondition failed: UID in precondition: {uid}, UID in object meta: {}", live.uid);
        return Err(ApiError::conflict(&qualified, name, &why));
    }
    let revision = text("resourceVersion");
    if revision.is_empty() || revision == "0" {
        if change.is_whole && !call.resource.allows_unconditional_update {
            let error = FieldError::invalid("metadata.resourceVersion", 0, "must be specified for an update");
            return Err(ApiError::invalid(&call.gvk(), name, &[error]));
        }
        return Ok(false);
    }
    if revision != live.revision.to_string() {
        if revision.parse::<u64>().is_err() {
            let error = FieldError::invalid("metadata.resourceVersion", revision, "must be a whole number");
            return Err(ApiError::invalid(&call.gvk(), name, &[error]));
        }
        return Err(ApiError::stale(&qualified, name));
    }
    // A patch that leaves the revision as it was has not asked for it.
    Ok(change.is_whole)
}

/// The new object in the storage version, with everything that the caller cannot change as it was.
fn prepared(call: &mut Call, live: &Stored, old: &Value, made: Value, seen: Seen) -> Result<Value, ApiError> {
    let mut new = made;
    if !new.is_object() {
        return Err(ApiError::bad_request("the object is no object any more"));
    }
    if !call.is_storage_version() {
        let api_version = call.resource.storage_gvk().api_version();
        convert(&mut new, call.version.conversion, true, &api_version);
    }
    if !new["metadata"].is_object() {
        new["metadata"] = json!({});
    }
    let metadata = &mut new["metadata"];
    for field in ["name", "namespace"] {
        if metadata.get(field).is_none_or(|value| value.is_null() || value == "") {
            put_back(metadata, &old["metadata"], field);
        }
    }
    for field in [
        "uid",
        "creationTimestamp",
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
        "generation",
        "selfLink",
    ] {
        put_back(metadata, &old["metadata"], field);
    }
    metadata["resourceVersion"] = json!(live.revision.to_string());
    // The defaults of pods are all in the spec.
    if !(seen == Seen::Status && call.resource.is("", "pods")) {
        hooks::default(call, &mut new);
    }
    Ok(new)
}

fn put_back(metadata: &mut Value, old: &Value, field: &str) {
    match old.get(field) {
        Some(value) => metadata[field] = value.clone(),
        None => {
            if let Some(members) = metadata.as_object_mut() {
                members.shift_remove(field);
            }
        }
    }
}
