//! Get, of an object and of what its subresources show.

use axum::body::Body;
use http::Response;

use crate::http::Call;
use crate::http::answer::Answer;
use crate::http::list::revision;
use crate::status::ApiError;
use crate::subresources;

/// Answers a get.
pub(crate) fn get(call: &Call) -> Result<Response<Body>, ApiError> {
    let live = call.server.shared.store.get(call.resource.table, &call.key());
    let subresource = call.path.subresource.as_str();
    match subresource {
        "" => {}
        "status" if call.version.has_status => {}
        "scale" if call.version.scale.is_some() => {
            let live = live.ok_or_else(|| call.not_found())?;
            let scale = subresources::scale_of(call, &call.in_version(live.value()))?;
            return Ok(call.respond(Answer::other(scale)));
        }
        _ => {
            let known = call.version.subresources.iter().find(|known| known.name == subresource);
            match known {
                None => return Err(ApiError::no_such_resource()),
                Some(known) if !known.verbs.contains(&"get") => return Err(ApiError::method_not_allowed()),
                Some(_) => {}
            }
        }
    }
    if let Some(asked) = revision(call.query.get("resourceVersion"))? {
        let current = call.server.shared.store.revision();
        if asked > current {
            return Err(ApiError::too_large_revision(asked, current));
        }
    }
    let live = live.ok_or_else(|| call.not_found())?;
    Ok(call.respond(Answer::ok(live)))
}
