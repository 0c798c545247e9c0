//! Custom resources whose versions a webhook converts.
//!
//! ```text
//! request in v2 ──checked as v2──webhook──> request in the stored version ──> the usual way
//!                                                                                  │
//! answer in v2 <──────────────────────────webhook───────────────── answer <────────┘
//! ```
//!
//! Inside, everything is as if the client had spoken the stored version. Patches are applied to the object in the client's
//! version, and what comes of it replaces the stored one, unless somebody else was faster; then it is done again.

use axum::body::Body;
use bytes::Bytes;
use futures::StreamExt;
use http::header::{CONTENT_TYPE, HeaderValue, WARNING};
use http::{Method, Response, StatusCode};
use http_body_util::BodyExt;
use serde_json::{Value, json};

use super::answer::{Answer, Payload, metadata_only, to_json};
use super::body;
use super::call::Call;
use super::list::{Page, answer_values, page};
use super::negotiate::{Encoding, Form, Negotiated};
use super::watch;
use crate::custom::webhook;
use crate::resources::{Conversion, Version};
use crate::selectors::Selection;
use crate::status::ApiError;
use crate::verbs;

/// How often a patch is made again when somebody came in between.
const ATTEMPTS: usize = 20;

/// Whether a call is about objects that a webhook converts.
pub(super) fn is_for(call: &Call) -> bool {
    // What a scale shows has versions of its own.
    call.version.conversion == Conversion::Webhook && call.path.subresource != "scale"
}

/// Answers such a call. The body was read.
pub(super) async fn answer(
    call: Call,
    method: &Method,
    is_watch: bool,
    bytes: &[u8],
    media_type: &str,
) -> Result<Response<Body>, ApiError> {
    let inner = stored(&call);
    match *method {
        Method::GET | Method::HEAD if call.path.name.is_empty() || is_watch => {
            let selection = if call.path.name.is_empty() {
                Selection::of(&call.query, &call.resource, &call.version)?
            } else {
                Selection::of_name(&call.path.name)
            };
            if is_watch { watched(call, &inner) } else { listed(&call, page(&inner, &selection)?).await }
        }
        Method::GET | Method::HEAD => {
            let response = verbs::get(&inner)?;
            shown(call, response).await
        }
        Method::POST | Method::PUT => {
            let sent = checked(call.clone(), bytes, media_type)?;
            let kept = one(&inner, sent).await?.to_string();
            let response = match *method {
                Method::POST => verbs::create(inner, kept.as_bytes(), "application/json").await?,
                _ => verbs::update(inner, kept.as_bytes(), "application/json").await?,
            };
            shown(call, response).await
        }
        Method::PATCH if media_type == verbs::APPLY_PATCH => {
            let applied = body::decode_yaml(bytes)?.value;
            let kept = one(&inner, applied).await?.to_string();
            let response = verbs::patch(inner, kept.as_bytes(), media_type).await?;
            shown(call, response).await
        }
        Method::PATCH => patched(call, inner, bytes, media_type).await,
        Method::DELETE if call.path.subresource.is_empty() => {
            let response = verbs::delete(inner, bytes, media_type).await?;
            shown(call, response).await
        }
        _ => Err(ApiError::method_not_allowed()),
    }
}

/// The call as if it were made in the version in which objects are kept.
fn stored(call: &Call) -> Call {
    let resource = &call.resource;
    let version = resource.version(&resource.storage_version).cloned().unwrap_or_else(|| Version {
        name: resource.storage_version.clone(),
        schema: resource.storage_schema.clone(),
        ..call.version.clone()
    });
    let negotiated = Negotiated { form: Form::Object, encoding: Encoding::Json };
    // A client of an old version is warned of that, whatever is kept.
    Call { version, negotiated, ..call.clone() }
}

/// An object that was sent, checked as one of the client's version.
fn checked(mut call: Call, bytes: &[u8], media_type: &str) -> Result<Value, ApiError> {
    let mut decoded = body::decode(bytes, media_type)?;
    verbs::check(&mut call, &mut decoded)?;
    in_shape(&call, decoded.value)
}

/// An object pruned, with its defaults, and found right by the schema of the client's version.
fn in_shape(call: &Call, mut object: Value) -> Result<Value, ApiError> {
    if let Some(definition) = &call.resource.definition {
        definition.prune(&call.version.name, &mut object);
        definition.default(&call.version.name, &mut object);
        let errors = definition.validate(&call.version.name, &object);
        if !errors.is_empty() {
            let name = object["metadata"]["name"].as_str().unwrap_or(&call.path.name);
            return Err(ApiError::invalid(&call.gvk(), name, &errors));
        }
    }
    Ok(object)
}

async fn patched(
    call: Call,
    inner: Call,
    bytes: &[u8],
    media_type: &str,
) -> Result<Response<Body>, ApiError> {
    let decoded = verbs::decode_patch(bytes, media_type)?;
    for attempt in 1..=ATTEMPTS {
        let live = call.server.shared.store.get(call.resource.table, &call.key());
        let live = live.ok_or_else(|| call.not_found())?;
        let seen = one(&call, live.value()).await?;
        let made = in_shape(&call, verbs::patched(&call, &seen, &decoded, media_type)?)?;
        let mut kept = one(&inner, made).await?;
        let revision = kept["metadata"]["resourceVersion"].as_str().unwrap_or("");
        let has_own_revision = !revision.is_empty() && *revision != live.revision.to_string();
        if revision.is_empty() {
            kept["metadata"]["resourceVersion"] = json!(live.revision.to_string());
        }
        let bytes = kept.to_string();
        match verbs::update(inner.clone(), bytes.as_bytes(), "application/json").await {
            Ok(response) => return shown(call, response).await,
            Err(error) if error.code() != 409 || has_own_revision || attempt == ATTEMPTS => {
                return Err(error);
            }
            Err(_) => {}
        }
    }
    Err(ApiError::stale(&call.resource.qualified(), &call.path.name))
}

/// The objects in the version of a call. Those that are in it already stay as they are.
async fn convert(call: &Call, mut objects: Vec<Value>) -> Result<Vec<Value>, ApiError> {
    let api_version = call.api_version();
    let others: Vec<&Value> = objects.iter().filter(|object| object["apiVersion"] != *api_version).collect();
    if others.is_empty() {
        return Ok(objects);
    }
    let from = others[0]["apiVersion"].as_str().unwrap_or("").to_owned();
    let failed = |why: String| {
        let kind = &call.resource.kind;
        ApiError::from_status(json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "code": 500,
            "message": format!("conversion webhook for {from}, Kind={kind} {why}"),
        }))
    };
    let nothing = Value::Null;
    let registered = call.resource.definition.as_ref().and_then(|definition| definition.conversion.as_ref());
    let registered = registered.unwrap_or(&nothing);
    let version = webhook::review_version(registered)
        .ok_or_else(|| failed("failed: it speaks neither v1 nor v1beta1".to_owned()))?;
    let uid = call.server.new_uid();
    let review = to_json(&webhook::review(&uid, &api_version, &others, version)).to_vec();
    let webhooks = &call.server.shared.options.webhooks;
    let answer =
        webhooks.convert(registered, review).await.map_err(|error| failed(format!("failed: {error}")))?;
    let converted = webhook::converted(&answer, &uid, &api_version, &others, version).map_err(failed)?;
    let mut converted = converted.into_iter();
    for object in &mut objects {
        if object["apiVersion"] != *api_version
            && let Some(converted) = converted.next()
        {
            *object = converted;
        }
    }
    Ok(objects)
}

/// One object in the version of a call.
async fn one(call: &Call, object: Value) -> Result<Value, ApiError> {
    Ok(convert(call, vec![object]).await?.pop().unwrap_or_default())
}

/// An answer about the stored version, as one about the client's.
async fn shown(mut call: Call, response: Response<Body>) -> Result<Response<Body>, ApiError> {
    let (parts, body) = response.into_parts();
    let bytes = body.collect().await.map(http_body_util::Collected::to_bytes);
    let bytes = bytes.map_err(|error| ApiError::internal(format!("the answer broke off: {error}")))?;
    let mut value: Value = serde_json::from_slice(&bytes).unwrap_or_default();
    if value["kind"] == *call.resource.list_kind {
        let items = value["items"].as_array_mut().map(std::mem::take).unwrap_or_default();
        value["items"] = Value::Array(convert(&call, items).await?);
        value["apiVersion"] = json!(call.api_version());
    } else if value["kind"] == *call.resource.kind {
        value = one(&call, value).await?;
        call.warnings.clear();
        let mut answer =
            call.respond(Answer { code: parts.status.as_u16(), payload: Payload::Unstored(value) });
        for warning in parts.headers.get_all(WARNING) {
            answer.headers_mut().append(WARNING, warning.clone());
        }
        return Ok(answer);
    }
    let mut answer = Response::from_parts(parts, Body::from(to_json(&value)));
    answer.headers_mut().remove(http::header::CONTENT_LENGTH);
    Ok(answer)
}

async fn listed(call: &Call, page: Page) -> Result<Response<Body>, ApiError> {
    let values = page.objects.iter().map(|object| object.value()).collect();
    let values = convert(call, values).await?;
    Ok(answer_values(call, &page, values))
}

/// A watch of the stored version, with its events converted as they come.
fn watched(call: Call, inner: &Call) -> Result<Response<Body>, ApiError> {
    if call.negotiated.encoding == Encoding::Yaml {
        return Err(ApiError::not_acceptable());
    }
    let pieces = watch::watch(inner)?.into_body().into_data_stream();
    let state = Some((pieces, call));
    let events = futures::stream::unfold(state, |state| async {
        let (mut pieces, call) = state?;
        // A piece is some whole lines.
        let piece = pieces.next().await?.ok()?;
        match events(&call, &piece).await {
            Ok(lines) => Some((Ok::<_, std::convert::Infallible>(lines), Some((pieces, call)))),
            Err(error) => {
                let mut line = to_json(&json!({ "type": "ERROR", "object": *error.status })).to_vec();
                line.push(b'\n');
                Some((Ok(line.into()), None))
            }
        }
    });
    let mut response = Response::new(Body::from_stream(events));
    *response.status_mut() = StatusCode::OK;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response.headers_mut().insert("cache-control", HeaderValue::from_static("no-cache, private"));
    Ok(response)
}

async fn events(call: &Call, piece: &[u8]) -> Result<Bytes, ApiError> {
    let lines = piece.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    let mut events: Vec<Value> = lines.filter_map(|line| serde_json::from_slice(line).ok()).collect();
    let is_object = |event: &Value| matches!(event["type"].as_str(), Some("ADDED" | "MODIFIED" | "DELETED"));
    let objects = events.iter_mut().filter(|event| is_object(event)).map(|event| event["object"].take());
    let mut converted = convert(call, objects.collect()).await?.into_iter();
    let mut out = Vec::new();
    for event in &mut events {
        if is_object(event) {
            let object = converted.next().unwrap_or_default();
            event["object"] = match call.negotiated.form {
                Form::Object => object,
                Form::Metadata => metadata_only(&object),
                Form::Table => call.table_of_one(&object),
            };
        } else if event["type"] == "BOOKMARK" {
            event["object"]["apiVersion"] = json!(call.api_version());
            match call.negotiated.form {
                Form::Object => {}
                Form::Metadata => event["object"] = metadata_only(&event["object"]),
                Form::Table => event["object"] = call.table_of_one(&event["object"]),
            }
        }
        out.extend_from_slice(&to_json(event));
        out.push(b'\n');
    }
    Ok(out.into())
}
