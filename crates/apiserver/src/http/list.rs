//! Lists: which objects, at which revision, in which shape, in pages.
//!
//! A list is sent in pieces that are made as the client takes them, from the bytes that the storage keeps.

use std::collections::VecDeque;
use std::sync::Arc;

use axum::body::Body;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::{BufMut, Bytes, BytesMut};
use http::Response;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderValue};
use serde_json::{Value, json};

use super::answer::{head, metadata_only, respond, respond_value, to_json};
use super::call::Call;
use super::negotiate::{Encoding, Form};
use crate::selectors::Selection;
use crate::status::ApiError;
use crate::store::Stored;

/// One page of a list.
pub(crate) struct Page {
    /// The objects, in order of their keys.
    pub objects: Vec<Arc<Stored>>,
    /// The revision of the list.
    pub revision: u64,
    /// Where the next page begins; empty for the last one.
    pub next: String,
    /// How many objects are on later pages, if that is known.
    pub remaining: Option<usize>,
}

/// Reads a resource version: none and `0` are none.
pub(crate) fn revision(text: &str) -> Result<Option<u64>, ApiError> {
    match text {
        "" => Ok(None),
        text => text.parse().map(Some).map_err(|_| {
            ApiError::bad_request(format!(
                "invalid resource version {text:?}: strconv.ParseUint: parsing {text:?}: invalid syntax"
            ))
        }),
    }
}

/// Finds the objects that a request lists.
pub(crate) fn page(call: &Call, selection: &Selection) -> Result<Page, ApiError> {
    let query = &call.query;
    let store = &call.server.shared.store;
    let table = call.resource.table;
    let limit = usize::try_from(query.number("limit")?.unwrap_or(0)).unwrap_or(0);
    let asked = revision(query.get("resourceVersion"))?;
    let current = store.revision();
    let matching = query.get("resourceVersionMatch");
    let token = query.get("continue");
    check_match(matching, query.get("resourceVersion"), !token.is_empty())?;
    let mut start = None;
    let (objects, revision) = if !token.is_empty() {
        if asked.is_some_and(|asked| asked > 0) {
            return Err(ApiError::bad_request(
                "specifying resource version is not allowed when using continue",
            ));
        }
        let (at, key) = read_token(token)?;
        start = Some(key);
        let objects = store.range_at(table, call.namespace(), at).ok_or_else(|| {
            ApiError::expired("The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter.")
        })?;
        (objects, at)
    } else {
        match asked {
            Some(asked) if asked > current => return Err(ApiError::too_large_revision(asked, current)),
            Some(asked) if asked > 0 && matching == "Exact" => {
                let objects = store.range_at(table, call.namespace(), asked).ok_or_else(|| {
                    ApiError::expired(format!(
                        "The resourceVersion for the provided list is too old: {asked}"
                    ))
                })?;
                (objects, asked)
            }
            _ => match selection.name() {
                // One name is looked up, not searched for.
                Some(name) if !call.resource.is_namespaced || call.namespace().is_some() => {
                    let key = call.resource.key(&call.path.namespace, name);
                    (store.get(table, &key).into_iter().collect(), current)
                }
                _ => store.range(table, call.namespace()),
            },
        }
    };
    let mut selected: Vec<Arc<Stored>> = objects
        .into_iter()
        .filter(|object| start.as_ref().is_none_or(|start| *object.key > **start))
        .filter(|object| selection.matches(object))
        .collect();
    let total = selected.len();
    let mut next = String::new();
    let mut remaining = None;
    if limit > 0 && total > limit {
        selected.truncate(limit);
        if let Some(last) = selected.last() {
            next = write_token(revision, &last.key);
        }
        remaining = selection.is_everything().then_some(total - limit);
    }
    Ok(Page { objects: selected, revision, next, remaining })
}

/// Refuses combinations of `resourceVersion` and `resourceVersionMatch` that mean nothing.
fn check_match(matching: &str, version: &str, is_continued: bool) -> Result<(), ApiError> {
    let forbidden = |why: &str| {
        let message = format!("Forbidden: {why}");
        Err(ApiError::from_status(json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "reason": "Invalid", "code": 422,
            "message": format!("ListOptions.meta.k8s.io \"\" is invalid: resourceVersionMatch: {message}"),
            "details": { "group": "meta.k8s.io", "kind": "ListOptions", "causes": [
                { "reason": "FieldValueForbidden", "message": message, "field": "resourceVersionMatch" },
            ] },
        })))
    };
    match matching {
        "" => Ok(()),
        _ if is_continued => forbidden("resourceVersionMatch is forbidden when continue is provided"),
        _ if version.is_empty() => {
            forbidden("resourceVersionMatch is forbidden unless resourceVersion is provided")
        }
        "Exact" if version == "0" => {
            forbidden("resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\"")
        }
        "Exact" | "NotOlderThan" => Ok(()),
        _ => forbidden("supported values: \"Exact\", \"NotOlderThan\""),
    }
}

fn write_token(revision: u64, key: &str) -> String {
    URL_SAFE_NO_PAD.encode(json!({ "v": "meta.k8s.io/v1", "rv": revision, "start": key }).to_string())
}

fn read_token(token: &str) -> Result<(u64, String), ApiError> {
    let wrong =
        || ApiError::bad_request("continue key is not valid: it must be one that an earlier list gave");
    let bytes = URL_SAFE_NO_PAD.decode(token.trim_end_matches('=')).map_err(|_| wrong())?;
    let token: Value = serde_json::from_slice(&bytes).map_err(|_| wrong())?;
    let revision = token.get("rv").and_then(Value::as_u64).ok_or_else(wrong)?;
    let start = token.get("start").and_then(Value::as_str).ok_or_else(wrong)?;
    Ok((revision, start.to_owned()))
}

/// Answers a list.
pub(crate) fn list(call: &Call) -> Result<Response<Body>, ApiError> {
    let selection = if call.path.name.is_empty() {
        Selection::of(&call.query, &call.resource, &call.version)?
    } else {
        Selection::of_name(&call.path.name)
    };
    let page = page(call, &selection)?;
    if call.negotiated.form == Form::Object && call.negotiated.encoding == Encoding::Json {
        let metadata = list_metadata(&page);
        return Ok(stream(call, page.objects, &metadata));
    }
    let values = page.objects.iter().map(|object| call.in_version(object.value())).collect();
    Ok(answer_values(call, &page, values))
}

/// The metadata of a list.
fn list_metadata(page: &Page) -> Value {
    let mut metadata = json!({ "resourceVersion": page.revision.to_string() });
    if !page.next.is_empty() {
        metadata["continue"] = json!(page.next);
    }
    if let Some(remaining) = page.remaining {
        metadata["remainingItemCount"] = json!(remaining);
    }
    metadata
}

/// The answer with the objects of a page, in the version of the call, in the form that the client accepts.
pub(super) fn answer_values(call: &Call, page: &Page, values: Vec<Value>) -> Response<Body> {
    let metadata = list_metadata(page);
    let list = match call.negotiated.form {
        Form::Table => {
            let columns = crate::tables::columns(&call.resource, &call.version.name);
            let (now, include) = (call.server.now(), call.include());
            let row = |value: &Value| crate::tables::row(&columns, value, now, include);
            let mut table = crate::tables::table(&columns, values.iter().map(row).collect());
            table["metadata"] = metadata;
            table
        }
        Form::Metadata => {
            let items: Vec<Value> = values.iter().map(metadata_only).collect();
            json!({
                "kind": "PartialObjectMetadataList", "apiVersion": "meta.k8s.io/v1",
                "metadata": metadata, "items": items,
            })
        }
        Form::Object => json!({
            "kind": call.resource.list_kind, "apiVersion": call.api_version(),
            "metadata": metadata, "items": values,
        }),
    };
    respond_value(200, &list, call.negotiated.encoding, &call.warnings)
}

/// About how much of a list is made at once.
const PIECE: usize = 256 << 10;

/// A list as a body that is made while it is sent.
fn stream(call: &Call, objects: Vec<Arc<Stored>>, metadata: &Value) -> Response<Body> {
    let beginning = format!(
        "{{\"kind\":{},\"apiVersion\":{},\"metadata\":{metadata},\"items\":[",
        json!(call.resource.list_kind),
        json!(call.api_version())
    );
    let items: VecDeque<Arc<Stored>> = objects.into();
    // The items of builtin kinds do not say what they are, as with upstream; those of custom kinds do.
    let own_head = if call.resource.definition.is_some() {
        head(&call.api_version(), &call.resource.kind)
    } else {
        b"{".to_vec()
    };
    let head_length = own_head.len();
    let warnings = call.warnings.clone();
    let is_plain =
        call.is_storage_version() || call.version.conversion == crate::resources::Conversion::ApiVersionOnly;
    let call = call.clone();
    let item = move |object: &Arc<Stored>, out: &mut BytesMut| {
        if is_plain {
            out.put_slice(&own_head);
            object.put_body(out);
        } else {
            out.put_slice(&to_json(&call.in_version(object.value())));
        }
    };
    if items.len() < 32 {
        let mut body = BytesMut::from(beginning.as_bytes());
        for (position, object) in items.iter().enumerate() {
            if position > 0 {
                body.put_u8(b',');
            }
            item(object, &mut body);
        }
        body.put_slice(b"]}\n");
        return respond(200, "application/json", body.freeze(), &warnings);
    }
    let length = is_plain.then(|| {
        let bodies: usize = items.iter().map(|object| object.json_len() - object.head_len()).sum();
        let commas = items.len() - 1;
        beginning.len() + bodies + items.len() * head_length + commas + "]}\n".len()
    });
    let mut state = Some((BytesMut::from(beginning.as_bytes()), items, true));
    let pieces = futures::stream::poll_fn(move |_| {
        let Some((mut piece, mut items, mut is_first)) = state.take() else {
            return std::task::Poll::Ready(None);
        };
        piece.reserve(PIECE + (PIECE >> 2));
        while piece.len() < PIECE {
            let Some(object) = items.pop_front() else { break };
            if !is_first {
                piece.put_u8(b',');
            }
            is_first = false;
            item(&object, &mut piece);
        }
        if items.is_empty() {
            piece.put_slice(b"]}\n");
        } else {
            state = Some((BytesMut::new(), items, is_first));
        }
        std::task::Poll::Ready(Some(Ok::<Bytes, std::convert::Infallible>(piece.freeze())))
    });
    let mut response = Response::new(Body::from_stream(pieces));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if let Some(length) = length {
        response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(length));
    }
    response
}
