//! Patch, of all four kinds.

use axum::body::Body;
use http::Response;
use serde_json::{Value, json};

use super::create::create_object;
use super::hooks::{self, schema_of};
use super::incoming;
use super::seen::Seen;
use super::update::{Change, check_subresource, write};
use crate::field_error::FieldError;
use crate::http::Call;
use crate::http::answer::Answer;
use crate::http::body::{self, Decoded};
use crate::status::ApiError;
use crate::subresources;

const JSON_PATCH: &str = "application/json-patch+json";
const MERGE_PATCH: &str = "application/merge-patch+json";
const STRATEGIC_PATCH: &str = "application/strategic-merge-patch+json";
/// The media type of server-side apply.
pub(crate) const APPLY_PATCH: &str = "application/apply-patch+yaml";

/// Answers a patch.
pub(crate) async fn patch(
    mut call: Call,
    bytes: &[u8],
    media_type: &str,
) -> Result<Response<Body>, ApiError> {
    let is_apply = media_type == APPLY_PATCH;
    let decoded = match media_type {
        JSON_PATCH | MERGE_PATCH | STRATEGIC_PATCH => body::decode_json(bytes)?,
        APPLY_PATCH => body::decode_yaml(bytes)?,
        _ => {
            return Err(ApiError::unsupported_media_type(
                &[JSON_PATCH, MERGE_PATCH, STRATEGIC_PATCH, APPLY_PATCH],
                "",
            ));
        }
    };
    if !is_apply && call.query.has("force") {
        let error = FieldError::forbidden("force", "may not be specified for non-apply patch");
        return Err(invalid_options(&error));
    }
    if media_type == STRATEGIC_PATCH && call.resource.definition.is_some() {
        return Err(ApiError::unsupported_media_type(&[JSON_PATCH, MERGE_PATCH, APPLY_PATCH], ""));
    }
    let answer = if call.path.subresource == "scale" && call.version.scale.is_some() {
        let patch = decoded.value;
        let make = |scale: &Value| patched_scale(scale, &patch, media_type);
        subresources::update_scale(&mut call, &make).await?
    } else if is_apply {
        apply(&mut call, decoded).await?
    } else {
        check_subresource(&call, &call.path.subresource, "patch")?;
        let checked = call.clone();
        let make = |live: &Value| patched(&checked, live, &decoded, media_type);
        let is_of_status = call.path.subresource == "status";
        let seen = match media_type {
            JSON_PATCH => Seen::by_operations(&decoded.value, is_of_status),
            _ => Seen::by_merge(&decoded.value, is_of_status),
        };
        let change = Change { make: &make, notes_managers: false, seen, is_whole: false };
        write(&mut call, &change).await?
    };
    call.server.settle();
    Ok(call.respond(answer))
}

/// Reads a patch of an object of a custom resource.
pub(crate) fn decode_patch(bytes: &[u8], media_type: &str) -> Result<Decoded, ApiError> {
    match media_type {
        JSON_PATCH | MERGE_PATCH => body::decode_json(bytes),
        _ => Err(ApiError::unsupported_media_type(&[JSON_PATCH, MERGE_PATCH, APPLY_PATCH], "")),
    }
}

/// The live object with the patch applied, and looked at as if it had been sent.
pub(crate) fn patched(
    call: &Call,
    live: &Value,
    decoded: &Decoded,
    media_type: &str,
) -> Result<Value, ApiError> {
    let new = match media_type {
        JSON_PATCH => {
            crate::patch::json::apply(live, &decoded.value).map_err(|error| hooks::patch_error(&error))?
        }
        MERGE_PATCH => {
            if !decoded.value.is_object() {
                return Err(ApiError::bad_request("a merge patch is an object"));
            }
            crate::patch::merge::apply(live.clone(), &decoded.value)
        }
        _ => {
            let schema = schema_of(call).ok_or_else(|| {
                ApiError::unsupported_media_type(&[JSON_PATCH, MERGE_PATCH, APPLY_PATCH], "")
            })?;
            crate::patch::strategic::apply(live, &decoded.value, &schema)
                .map_err(|error| hooks::patch_error(&error))?
        }
    };
    let (api_version, kind) = (call.api_version(), &call.resource.kind);
    let mut new = new;
    incoming::check_type(&mut new, &api_version, kind)?;
    // The client hears of what it does not know when it is refused; what is only taken away goes in silence.
    incoming::check_fields(call, &mut new, &decoded.duplicates)?;
    Ok(new)
}

/// The scale with a patch applied.
fn patched_scale(scale: &Value, patch: &Value, media_type: &str) -> Result<Value, ApiError> {
    match media_type {
        JSON_PATCH => crate::patch::json::apply(scale, patch).map_err(|error| hooks::patch_error(&error)),
        // There are no lists in a scale that would merge in another way.
        _ => Ok(crate::patch::merge::apply(scale.clone(), patch)),
    }
}

/// Server-side apply: creates what is not there, and merges by ownership of fields where it is.
async fn apply(call: &mut Call, mut decoded: Decoded) -> Result<Answer, ApiError> {
    if call.query.get("fieldManager").is_empty() {
        let error = FieldError::required("fieldManager", "is required for apply patch");
        return Err(invalid_options(&error));
    }
    check_subresource(call, &call.path.subresource, "patch")?;
    let (api_version, kind) = (call.api_version(), call.resource.kind.clone());
    incoming::check_type(&mut decoded.value, &api_version, &kind)?;
    let metadata = &decoded.value["metadata"];
    if metadata.get("managedFields").and_then(Value::as_array).is_some_and(|list| !list.is_empty()) {
        return Err(ApiError::bad_request("metadata.managedFields must be nil"));
    }
    let name = metadata.get("name").and_then(Value::as_str).unwrap_or("");
    if !name.is_empty() && name != call.path.name {
        return Err(ApiError::bad_request(format!(
            "the name of the object ({name}) does not match the name on the URL ({})",
            call.path.name
        )));
    }
    let duplicates = std::mem::take(&mut decoded.duplicates);
    let mut known = decoded.value.clone();
    let warnings = incoming::check_fields(call, &mut known, &duplicates)?;
    call.warnings.extend(warnings);
    let force = call.query.flag("force");
    let checked = call.clone();
    let exists = call.server.shared.store.get(call.resource.table, &call.key()).is_some();
    if !exists {
        if !call.path.subresource.is_empty() {
            return Err(call.not_found());
        }
        if !metadata_text(&decoded.value, "uid").is_empty() {
            let why = format!(
                "uid mismatch: the provided object specified uid {}, and no existing object was found",
                metadata_text(&decoded.value, "uid")
            );
            return Err(ApiError::conflict(&call.resource.qualified(), &call.path.name, &why));
        }
        let mut object = decoded.value.clone();
        if !object["metadata"].is_object() {
            object["metadata"] = json!({});
        }
        object["metadata"]["name"] = json!(call.path.name);
        if let Some(members) = object["metadata"].as_object_mut() {
            members.shift_remove("resourceVersion");
        }
        let mut new = hooks::apply(call, None, &object, force)?;
        incoming::check_type(&mut new, &api_version, &kind)?;
        // The object names its managers already.
        let manager = std::mem::take(&mut call.manager);
        let outcome = create_object(call, Decoded { value: new, duplicates: Vec::new() }).await;
        call.manager = manager;
        return outcome;
    }
    let make = |live: &Value| hooks::apply(&checked, Some(live), &decoded.value, force);
    let change = Change { make: &make, notes_managers: true, seen: Seen::All, is_whole: false };
    write(call, &change).await
}

fn metadata_text<'a>(object: &'a Value, field: &str) -> &'a str {
    object["metadata"].get(field).and_then(Value::as_str).unwrap_or("")
}

fn invalid_options(error: &FieldError) -> ApiError {
    let gvk = crate::gvk::Gvk::new("meta.k8s.io", "v1", "PatchOptions");
    ApiError::invalid(&gvk, "", std::slice::from_ref(error))
}
