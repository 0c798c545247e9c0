//! Delete, of one and of many.

use std::sync::Arc;

use axum::body::Body;
use http::Response;
use serde_json::{Value, json};

use super::admission::Admission;
use crate::http::Call;
use crate::http::answer::{Answer, Payload};
use crate::http::body;
use crate::http::list::page;
use crate::lifecycle::{DeleteOptions, Deleted, Propagation};
use crate::selectors::Selection;
use crate::status::ApiError;
use crate::store::Stored;

/// Answers a delete.
pub(crate) async fn delete(
    mut call: Call,
    bytes: &[u8],
    media_type: &str,
) -> Result<Response<Body>, ApiError> {
    if call.path.name.is_empty() && !call.resource.verbs().contains(&"deletecollection") {
        return Err(ApiError::method_not_allowed());
    }
    let value = if bytes.is_empty() { None } else { Some(body::decode(bytes, media_type)?.value) };
    let options = DeleteOptions::read(value.as_ref(), &call.query)?;
    if call.path.name.is_empty() {
        return delete_many(call, options).await;
    }
    let key = call.key();
    let deleted = delete_one(&mut call, &key, &options).await?;
    call.server.settle();
    let mut code = 200;
    let payload = match deleted {
        Deleted::Removed(object) if !call.resource.returns_deleted => Payload::Other(success(&call, &object)),
        // What waits may have gone while its dependents were dealt with; the client gets it as it was marked.
        Deleted::Removed(object) => Payload::Stored(object),
        Deleted::Marked(object) => {
            if options.raw.get("orphanDependents").is_some_and(|orphans| orphans == false)
                && options.propagation == Some(Propagation::Background)
            {
                code = 202;
            }
            Payload::Stored(object)
        }
        Deleted::Would(object) => Payload::Unstored(object),
    };
    Ok(call.respond(Answer { code, payload }))
}

/// Deletes one object, if admission lets it.
pub(crate) async fn delete_one(
    call: &mut Call,
    key: &str,
    options: &DeleteOptions,
) -> Result<Deleted, ApiError> {
    let name = key.split_once('/').filter(|_| call.resource.is_namespaced).map_or(key, |(_, name)| name);
    let Some(live) = call.server.shared.store.get(call.resource.table, key) else {
        return Err(ApiError::not_found(&call.resource.qualified(), name));
    };
    let mut admission = Admission::delete(call, name, live.namespace(), options);
    // Without hooks, nothing looks at more than the name.
    let old = if call.server.has_admission_hooks() { live.value() } else { Value::Null };
    admission.admit_deletion(call, &Arc::new(old)).await?;
    call.server.delete_object(&call.resource, key, options)
}

async fn delete_many(mut call: Call, mut options: DeleteOptions) -> Result<Response<Body>, ApiError> {
    let selection = Selection::of(&call.query, &call.resource, &call.version)?;
    let page = page(&call, &selection)?;
    let mut items: Vec<Value> = Vec::new();
    for object in &page.objects {
        options.uid = Some(object.uid.to_string());
        match delete_one(&mut call, &object.key, &options).await {
            Ok(_) => items.push(call.in_version(object.value())),
            // Somebody was faster.
            Err(error) if matches!(error.code(), 404 | 409) => {}
            Err(error) => {
                call.server.settle();
                return Err(error);
            }
        }
        call.server.settle();
    }
    let list = json!({
        "kind": call.resource.list_kind,
        "apiVersion": call.api_version(),
        "metadata": { "resourceVersion": call.server.shared.store.revision().to_string() },
        "items": items,
    });
    Ok(call.respond(Answer::other(list)))
}

/// The Status that says that an object is gone.
fn success(call: &Call, object: &Stored) -> Value {
    let mut details = json!({ "name": object.name() });
    if !call.resource.group.is_empty() {
        details["group"] = json!(call.resource.group);
    }
    details["kind"] = json!(call.resource.plural);
    details["uid"] = json!(&*object.uid);
    json!({ "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details })
}
