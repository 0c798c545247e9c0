//! Create.

use axum::body::Body;
use http::Response;
use serde_json::{Value, json};

use super::admission::Admission;
use super::hooks;
use super::incoming;
use crate::field_error::FieldError;
use crate::http::Call;
use crate::http::answer::{Answer, Payload};
use crate::http::body::{self, Decoded};
use crate::resources::convert;
use crate::status::ApiError;
use crate::store::Draft;
use crate::subresources;

/// How often another name is generated when the first was taken.
const GENERATED_NAMES: usize = 8;
/// The longest beginning that is kept of a `generateName`, so that the whole is a label.
const LONGEST_PREFIX: usize = 58;

/// Answers a create.
pub(crate) async fn create(call: Call, bytes: &[u8], media_type: &str) -> Result<Response<Body>, ApiError> {
    let subresource = call.path.subresource.clone();
    match (call.path.name.is_empty(), subresource.as_str()) {
        (true, _) => {}
        (false, "") => return Err(ApiError::method_not_allowed()),
        (false, subresource) => {
            let Some(known) = call.version.subresources.iter().find(|known| known.name == subresource) else {
                let exists = matches!(subresource, "status" | "scale");
                return Err(if exists {
                    ApiError::method_not_allowed()
                } else {
                    ApiError::no_such_resource()
                });
            };
            if !known.verbs.contains(&"create") {
                return Err(ApiError::method_not_allowed());
            }
            let decoded = body::decode(bytes, media_type)?;
            let (call, answer) = subresources::create(call, decoded.value).await?;
            call.server.settle();
            return Ok(call.respond(answer));
        }
    }
    let mut call = call;
    let decoded = body::decode(bytes, media_type)?;
    let answer = create_object(&mut call, decoded).await?;
    call.server.settle();
    Ok(call.respond(answer))
}

/// Creates an object of the call's resource.
pub(crate) async fn create_object(call: &mut Call, mut decoded: Decoded) -> Result<Answer, ApiError> {
    if call.resource.is_namespaced && call.path.namespace.is_empty() {
        return Err(ApiError::method_not_allowed());
    }
    let is_dry_run = call.query.dry_run()?;
    incoming::check(call, &mut decoded)?;
    let mut object = decoded.value;
    check_metadata(call, &mut object)?;
    let prefix = prefix_for_name(call, &object)?;
    if !call.is_storage_version() {
        let api_version = call.resource.storage_gvk().api_version();
        convert(&mut object, call.version.conversion, true, &api_version);
    }
    for _ in 0..GENERATED_NAMES {
        let mut attempt = object.clone();
        if let Some(prefix) = &prefix {
            attempt["metadata"]["name"] = json!(format!("{prefix}{}", call.server.new_suffix()));
        }
        let name = attempt["metadata"]["name"].as_str().unwrap_or("").to_owned();
        attempt["metadata"]["uid"] = json!(call.server.new_uid());
        attempt["metadata"]["creationTimestamp"] = json!(call.server.now_text());
        hooks::default(call, &mut attempt);
        let mut admission = Admission::create(call, &name, is_dry_run);
        attempt = admission.mutate(call, attempt, None).await?;
        hooks::prepare_for_create(call, &mut attempt);
        hooks::validate(call, &name, &attempt)?;
        let sees_managers = is_dry_run || call.manager.is_empty() || call.server.has_admission_hooks();
        let mut managers = None;
        if sees_managers || call.resource.kept_schema().is_none() {
            hooks::note_managers(call, None, &mut attempt);
        } else {
            managers = Some(hooks::managers(call, None, &mut attempt));
        }
        attempt = admission.validate(call, attempt, None).await?;
        if is_dry_run {
            let key = call.resource.key(&call.path.namespace, &name);
            if call.server.shared.store.get(call.resource.table, &key).is_some() {
                return Err(ApiError::already_exists(&call.resource.qualified(), &name));
            }
            return Ok(Answer { code: 201, payload: Payload::Unstored(attempt) });
        }
        let key = call.resource.key(&call.path.namespace, &name);
        let draft = Draft { object: &mut attempt, managers, spec_of: None };
        match admission.commit(call, None, &key, draft)? {
            Ok(stored) => return Ok(Answer { code: 201, payload: Payload::Stored(stored) }),
            Err(_) if prefix.is_some() => {}
            Err(_) => return Err(ApiError::already_exists(&call.resource.qualified(), &name)),
        }
    }
    Err(ApiError::generated_name_taken(&call.resource.qualified(), prefix.as_deref().unwrap_or("")))
}

/// Checks what a new object may say of itself, and takes away what it may not.
fn check_metadata(call: &Call, object: &mut Value) -> Result<(), ApiError> {
    let Some(members) = object.as_object_mut() else { return Err(ApiError::bad_request("not an object")) };
    let metadata = members.entry("metadata").or_insert_with(|| json!({}));
    if metadata.is_null() {
        *metadata = json!({});
    }
    let Some(metadata) = metadata.as_object_mut() else {
        return Err(ApiError::bad_request("metadata is not an object"));
    };
    if metadata.get("resourceVersion").and_then(Value::as_str).is_some_and(|version| !version.is_empty()) {
        return Err(ApiError::bad_request("resourceVersion should not be set on objects to be created"));
    }
    if call.resource.is_namespaced {
        match metadata.get("namespace").and_then(Value::as_str) {
            None | Some("") => {
                metadata.insert("namespace".to_owned(), json!(call.path.namespace));
            }
            Some(namespace) if namespace == call.path.namespace => {}
            Some(_) => {
                return Err(ApiError::bad_request(
                    "the namespace of the provided object does not match the namespace sent on the request",
                ));
            }
        }
    } else if metadata.get("namespace").is_some_and(|namespace| namespace == "") {
        metadata.shift_remove("namespace");
    }
    for field in
        ["resourceVersion", "deletionTimestamp", "deletionGracePeriodSeconds", "selfLink", "generation"]
    {
        metadata.shift_remove(field);
    }
    Ok(())
}

/// The beginning of a name that is to be generated; nothing if the object has a name.
fn prefix_for_name(call: &Call, object: &Value) -> Result<Option<String>, ApiError> {
    let text = |field: &str| object["metadata"].get(field).and_then(Value::as_str).unwrap_or("");
    let prefix = text("generateName");
    match (text("name"), prefix) {
        ("", "") => {
            let error = FieldError::required("metadata.name", "name or generateName is required");
            Err(ApiError::invalid(&call.gvk(), "", &[error]))
        }
        ("", prefix) => Ok(Some(prefix.chars().take(LONGEST_PREFIX).collect())),
        _ => Ok(None),
    }
}
