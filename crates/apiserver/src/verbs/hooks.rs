//! Where the verbs meet what knows kinds: defaults, validation, admission, field managers.
//!
//! Builtin kinds go to [`crate::builtin`], custom ones to their [`Definition`](crate::custom::Definition).

use std::sync::LazyLock;

use serde_json::{Value, json};

use super::custom_objects;
use crate::builtin;
use crate::field_error::FieldError;
use crate::http::Call;
use crate::patch::PatchError;
use crate::patch::fields::FieldSet;
use crate::patch::managed::{self, ApplyError, KeptManagers, Writer};
use crate::schema::Schema;
use crate::status::ApiError;

/// What the objects of a call look like.
pub(crate) fn schema_of(call: &Call) -> Option<Schema> {
    call.resource.schema(&call.version)
}

/// Sets what is not said; takes away what the schema of a custom resource does not know.
pub(super) fn default(call: &Call, object: &mut Value) {
    let gvk = call.resource.storage_gvk();
    match &call.resource.definition {
        Some(definition) => {
            definition.prune(&gvk.version, object);
            definition.default(&gvk.version, object);
        }
        None => builtin::default(&gvk, object, call.server.now()),
    }
}

/// Completes an object that is about to be created.
pub(super) fn prepare_for_create(call: &Call, object: &mut Value) {
    let gvk = call.resource.storage_gvk();
    match &call.resource.definition {
        Some(_) => custom_objects::prepare_for_create(object, call.version.has_status),
        None => builtin::strategy::prepare_for_create(&gvk, object),
    }
}

/// Puts back what an update through this endpoint cannot change, and counts the generation.
pub(super) fn prepare_for_update(call: &Call, old: &Value, new: &mut Value) {
    let gvk = call.resource.storage_gvk();
    match (&call.resource.definition, call.path.subresource.as_str()) {
        (Some(_), "status") => custom_objects::prepare_for_status(old, new),
        (Some(_), _) => custom_objects::prepare_for_update(old, new, call.version.has_status),
        (None, "status") => builtin::strategy::prepare_for_status(&gvk, new, old),
        (None, "approval") => {
            let conditions = new["status"].get("conditions").cloned();
            put(new, "spec", old.get("spec").cloned());
            put(new, "status", old.get("status").cloned());
            if !new["status"].is_object() {
                new["status"] = json!({});
            }
            put(&mut new["status"], "conditions", conditions);
        }
        (None, "ephemeralcontainers") => {
            let containers = new["spec"].get("ephemeralContainers").cloned();
            put(new, "spec", old.get("spec").cloned());
            put(&mut new["spec"], "ephemeralContainers", containers);
            put(new, "status", old.get("status").cloned());
            builtin::strategy::prepare_for_update(&gvk, new, old);
        }
        (None, "finalize") => {
            let finalizers = new["spec"].get("finalizers").cloned();
            new.clone_from(old);
            put(&mut new["spec"], "finalizers", finalizers);
        }
        (None, _) => {
            if call.version.has_status {
                put(new, "status", old.get("status").cloned());
            }
            builtin::strategy::prepare_for_update(&gvk, new, old);
        }
    }
}

pub(super) fn put(object: &mut Value, field: &str, value: Option<Value>) {
    match value {
        Some(value) => object[field] = value,
        None => {
            if let Some(members) = object.as_object_mut() {
                members.shift_remove(field);
            }
        }
    }
}

/// Validates an object that is about to be created.
pub(super) fn validate(call: &Call, name: &str, object: &Value) -> Result<(), ApiError> {
    let gvk = call.resource.storage_gvk();
    let errors = match &call.resource.definition {
        Some(definition) => definition.validate(&gvk.version, object),
        // Kinds that have no rules of their own have those of all objects.
        None if builtin::is_namespaced(&gvk) != call.resource.is_namespaced => {
            builtin::metadata::validate(object, call.resource.is_namespaced, builtin::name_rule(&gvk), true)
        }
        None => builtin::validate(&gvk, object),
    };
    refuse(call, name, &errors)
}

/// Validates what an object is about to become.
pub(super) fn validate_update(call: &Call, name: &str, new: &Value, old: &Value) -> Result<(), ApiError> {
    let gvk = call.resource.storage_gvk();
    let errors = match (&call.resource.definition, call.path.subresource.as_str()) {
        (Some(definition), _) => definition.validate_update(&gvk.version, new, old),
        (None, "status" | "approval" | "finalize") => builtin::validate_status(&gvk, new, old),
        (None, "ephemeralcontainers" | "resize") => builtin::metadata::validate_update(new, old, true),
        (None, _) if builtin::is_namespaced(&gvk) != call.resource.is_namespaced => {
            builtin::metadata::validate_update(new, old, true)
        }
        (None, _) => builtin::validate_update(&gvk, new, old),
    };
    refuse(call, name, &errors)
}

fn refuse(call: &Call, name: &str, errors: &[FieldError]) -> Result<(), ApiError> {
    if errors.is_empty() { Ok(()) } else { Err(ApiError::invalid(&call.gvk(), name, errors)) }
}

static STATUS: LazyLock<FieldSet> = LazyLock::new(|| FieldSet::of_fields(&[&["status"]]));
static SPEC: LazyLock<FieldSet> = LazyLock::new(|| FieldSet::of_fields(&[&["spec"]]));
static NOTHING: LazyLock<FieldSet> = LazyLock::new(FieldSet::new);
static ALL_BUT_STATUS: LazyLock<FieldSet> = LazyLock::new(|| {
    FieldSet::of_fields(&[
        &["spec"],
        &["metadata", "labels"],
        &["metadata", "annotations"],
        &["metadata", "finalizers"],
        &["metadata", "ownerReferences"],
    ])
});

/// Fields that an endpoint does not write.
fn reset_fields(call: &Call) -> &'static FieldSet {
    match call.path.subresource.as_str() {
        "" if call.version.has_status => &STATUS,
        "status" if call.resource.definition.is_some() => &ALL_BUT_STATUS,
        "status" => &SPEC,
        _ => &NOTHING,
    }
}

/// Notes in `metadata.managedFields` who wrote what.
pub(super) fn note_managers(call: &Call, old: Option<&Value>, new: &mut Value) {
    if call.manager.is_empty() || is_unsaid(call, old.is_none()) {
        return;
    }
    let Some(schema) = call.resource.kept_schema() else { return };
    as_writer(call, |writer| managed::on_update(old, new, writer, &schema));
}

/// Who manages the fields of an object after a write, where that is kept beside it. The kind has a schema, and the call
/// a manager. What the object says of its managers itself is taken out of it.
pub(super) fn managers(call: &Call, old: Option<(&Value, &KeptManagers)>, new: &mut Value) -> KeptManagers {
    let Some(schema) = call.resource.kept_schema() else {
        return old.map(|(_, managers)| managers.clone()).unwrap_or_default();
    };
    let managers = if is_unsaid(call, old.is_none()) {
        old.map(|(_, managers)| managers.clone()).unwrap_or_default()
    } else {
        as_writer(call, |writer| managed::on_kept_update(old, new, writer, &schema))
    };
    if let Some(metadata) = new.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.shift_remove("managedFields");
    }
    managers
}

/// Whether nobody is told who wrote: what the control plane creates, and the statuses it writes.
fn is_unsaid(call: &Call, is_new: bool) -> bool {
    call.is_control_plane && (is_new || !call.path.subresource.is_empty())
}

fn as_writer<T>(call: &Call, act: impl FnOnce(&Writer<'_>) -> T) -> T {
    let api_version = call.resource.storage_gvk().api_version();
    act(&Writer {
        manager: &call.manager,
        subresource: &call.path.subresource,
        api_version: &api_version,
        now: call.server.now(),
        reset: reset_fields(call),
    })
}

/// Applies an object to the live one, or to nothing.
pub(super) fn apply(
    call: &Call,
    live: Option<&Value>,
    applied: &Value,
    force: bool,
) -> Result<Value, ApiError> {
    let schema = schema_of(call).ok_or_else(|| {
        ApiError::unsupported_media_type(&["application/merge-patch+json"], "this kind has no schema")
    })?;
    let api_version = call.api_version();
    let writer = Writer {
        manager: &call.manager,
        subresource: &call.path.subresource,
        api_version: &api_version,
        now: call.server.now(),
        reset: reset_fields(call),
    };
    managed::apply(live, applied, &writer, force, &schema).map_err(|error| match error {
        ApplyError::Conflict(conflicts) => {
            let causes: Vec<Value> = conflicts
                .conflicts
                .iter()
                .map(|conflict| {
                    json!({ "reason": "FieldManagerConflict", "message": conflict.message(), "field": conflict.field })
                })
                .collect();
            ApiError::from_status(json!({
                "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
                "message": conflicts.message(), "reason": "Conflict",
                "details": { "causes": causes }, "code": 409,
            }))
        }
        ApplyError::BadRequest(message) => ApiError::bad_request(message),
        ApplyError::Untyped(message) => ApiError::from_status(json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": message, "code": 500,
        })),
    })
}

/// A patch that cannot be applied.
pub(super) fn patch_error(error: &PatchError) -> ApiError {
    match error {
        PatchError::Malformed(message) => ApiError::bad_request(message.clone()),
        PatchError::Internal(message) => ApiError::internal(message),
        PatchError::DoesNotApply(message) => ApiError::from_status(json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": format!("the server rejected our request due to an error in our request: {message}"),
            "reason": "Invalid", "code": 422, "details": {},
        })),
        PatchError::TooManyOperations { .. } => ApiError::from_status(json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": error.to_string(), "reason": "RequestEntityTooLarge", "code": 413,
        })),
    }
}
