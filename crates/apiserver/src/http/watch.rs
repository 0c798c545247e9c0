//! Watches: from which revision, with which beginning, for how long.
//!
//! | asked for | first | then |
//! |---|---|---|
//! | no revision, or 0 | everything there is, as ADDED | events |
//! | a revision | nothing | events after it, or 410 if it is forgotten |
//! | `sendInitialEvents=true` | everything as ADDED, then a bookmark that says so | events |
//! | `sendInitialEvents=false` | nothing | events after the revision, or after now |

use std::time::Duration;

use axum::body::Body;
use http::Response;
use http::header::{CONTENT_TYPE, HeaderValue};
use serde_json::json;

use super::call::Call;
use super::list::revision;
use super::negotiate::Encoding;
use super::watch_stream::{Beginning, WatchStream};
use crate::selectors::Selection;
use crate::status::ApiError;

/// Without a timeout of the client, a watch ends after this many seconds, and up to twice as many.
const SHORTEST_SECONDS: u64 = 1800;

/// Answers a watch.
pub(crate) fn watch(call: &Call) -> Result<Response<Body>, ApiError> {
    if call.negotiated.encoding == Encoding::Yaml {
        return Err(ApiError::not_acceptable());
    }
    let query = &call.query;
    let mut selection = Selection::of(query, &call.resource, &call.version)?;
    if !call.path.name.is_empty() {
        selection = Selection::of_name(&call.path.name);
    }
    let seconds = match query.number("timeoutSeconds")? {
        Some(seconds) if seconds > 0 => seconds.unsigned_abs(),
        _ => SHORTEST_SECONDS + call.server.random_below(SHORTEST_SECONDS),
    };
    let asked = revision(query.get("resourceVersion"))?;
    let wants_bookmarks = query.flag("allowWatchBookmarks");
    let initial = query.has("sendInitialEvents").then(|| query.flag("sendInitialEvents"));
    check_initial(initial, query.get("resourceVersionMatch"))?;
    let store = &call.server.shared.store;
    let table = call.resource.table;
    let current = store.revision();
    if initial == Some(true)
        && let Some(asked) = asked
        && asked > current
    {
        return Err(ApiError::too_large_revision(asked, current));
    }
    let is_from_start = match initial {
        Some(is_wanted) => is_wanted,
        None => asked.is_none_or(|asked| asked == 0),
    };
    let beginning = if is_from_start {
        let (objects, revision) = store.range(table, call.namespace());
        let objects = objects.into_iter().filter(|object| selection.matches(object)).collect();
        Beginning { objects, revision, ends_with_bookmark: initial == Some(true) && wants_bookmarks }
    } else {
        let revision = asked.filter(|asked| *asked > 0).unwrap_or(current);
        Beginning { objects: Vec::new(), revision, ends_with_bookmark: false }
    };
    let subscription = store.follow(table, beginning.revision);
    let lasting = Duration::from_secs(seconds);
    let stream = WatchStream::new(call.clone(), selection, subscription, beginning, wants_bookmarks, lasting);
    let mut response = Response::new(Body::from_stream(stream));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response.headers_mut().insert("cache-control", HeaderValue::from_static("no-cache, private"));
    Ok(response)
}

fn check_initial(initial: Option<bool>, matching: &str) -> Result<(), ApiError> {
    let (field, why) = match (initial, matching) {
        (Some(_), "NotOlderThan") | (None, "") => return Ok(()),
        (Some(_), _) => (
            "resourceVersionMatch",
            "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan",
        ),
        (None, _) => (
            "resourceVersionMatch",
            "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided",
        ),
    };
    Err(ApiError::from_status(json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "reason": "Invalid", "code": 422,
        "message": format!("ListOptions.meta.k8s.io \"\" is invalid: {field}: Forbidden: {why}"),
        "details": { "group": "meta.k8s.io", "kind": "ListOptions", "causes": [
            { "reason": "FieldValueForbidden", "message": format!("Forbidden: {why}"), "field": field },
        ] },
    })))
}
