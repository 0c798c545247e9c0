//! Every request comes in here.

use axum::body::Body;
use http::header::DATE;
use http::request::Parts;
use http::{Method, Request, Response};

use super::answer::respond_error;
use super::body;
use super::call::{Call, OfControlPlane, manager};
use super::converted;
use super::list;
use super::negotiate::Negotiated;
use super::path::ResourcePath;
use super::query::Query;
use super::system;
use super::user::User;
use super::watch;
use crate::server::Server;
use crate::status::ApiError;
use crate::{subresources, verbs};

/// Answers a request.
pub(crate) async fn handle(server: Server, request: Request<Body>) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let dating = server.clone();
    let mut response = match answer(server, parts, body).await {
        Ok(response) => response,
        Err(error) => respond_error(&error),
    };
    // clients keep to the cluster's time, which need not be that of the machine
    response.headers_mut().insert(DATE, dating.shared.date.at(dating.now()));
    response
}

async fn answer(server: Server, parts: Parts, body: Body) -> Result<Response<Body>, ApiError> {
    let path = parts.uri.path();
    let query = Query::parse(parts.uri.query().unwrap_or(""));
    if let Some(router) = server.mounted_at(path) {
        return Ok(forward(router, parts, body).await);
    }
    if let Some(answer) = system::answer(&server, &parts.method, path, &query, &parts.headers) {
        return answer;
    }
    let Some(path) = ResourcePath::parse(path) else { return Ok(system::not_found()) };
    let registry = server.registry();
    let Some(resource) = registry.get(&path.group, &path.resource).cloned() else {
        if let Some((review, kind)) = verbs::review(&path) {
            let user = parts.extensions.get::<User>().cloned().unwrap_or_else(User::administrator);
            if parts.method != Method::POST {
                return Err(ApiError::method_not_allowed());
            }
            let bytes = body::read(body).await?;
            let decoded = body::decode(&bytes, &body::media_type(&parts.headers))?;
            let negotiated = Negotiated::of(&parts.headers, query.flag("pretty"))?;
            let answer = review.answer(kind, &server, &user, decoded.value)?;
            return Ok(super::answer::respond_value(201, &answer, negotiated.encoding, &[]));
        }
        if path.group.is_empty() && path.resource == "bindings" && parts.method == Method::POST {
            return bind(server, path, query, &parts, body).await;
        }
        return Ok(system::not_found());
    };
    let Some(version) = resource.version(&path.version).cloned() else { return Ok(system::not_found()) };
    let lacks_namespace = resource.is_namespaced && path.namespace.is_empty() && !path.name.is_empty();
    if lacks_namespace || (!resource.is_namespaced && !path.namespace.is_empty()) {
        return Ok(system::not_found());
    }
    let is_watch = path.is_watch || query.flag("watch");
    let is_of_many = path.name.is_empty() || (path.is_watch && path.subresource.is_empty());
    let call = Call {
        user: parts.extensions.get::<User>().cloned().unwrap_or_else(User::administrator),
        negotiated: Negotiated::of(&parts.headers, query.flag("pretty"))?,
        manager: manager(&query, &parts.headers)?,
        is_control_plane: parts.extensions.get::<OfControlPlane>().is_some(),
        warnings: version.deprecation.iter().cloned().collect(),
        resource,
        version,
        path,
        query,
        server,
    };
    drop(registry);
    let media_type = body::media_type(&parts.headers);
    if converted::is_for(&call) {
        let bytes = body::read(body).await?;
        return converted::answer(call, &parts.method, is_watch, &bytes, &media_type).await;
    }
    if call.resource.is("", "pods") {
        match call.path.subresource.as_str() {
            "log" if matches!(parts.method, Method::GET | Method::HEAD) => return subresources::log(&call),
            "attach" | "exec" | "portforward" if matches!(parts.method, Method::GET | Method::POST) => {
                return Err(subresources::connect(&call, &parts.headers));
            }
            _ => {}
        }
    }
    match (&parts.method, call.path.subresource.as_str()) {
        (&Method::GET | &Method::HEAD, "") if is_watch => watch::watch(&call),
        (&Method::GET | &Method::HEAD, "") if is_of_many => list::list(&call),
        (&Method::GET | &Method::HEAD, _) => verbs::get(&call),
        (&Method::POST, _) => {
            let bytes = body::read(body).await?;
            verbs::create(call, &bytes, &media_type).await
        }
        (&Method::PUT, _) if !call.path.name.is_empty() => {
            let bytes = body::read(body).await?;
            verbs::update(call, &bytes, &media_type).await
        }
        (&Method::PATCH, _) if !call.path.name.is_empty() => {
            let bytes = body::read(body).await?;
            verbs::patch(call, &bytes, &media_type).await
        }
        (&Method::DELETE, "") => {
            let bytes = body::read(body).await?;
            verbs::delete(call, &bytes, &media_type).await
        }
        _ => Err(ApiError::method_not_allowed()),
    }
}

/// The old way to bind a pod: the name is in the body.
async fn bind(
    server: Server,
    mut path: ResourcePath,
    query: Query,
    parts: &Parts,
    body: Body,
) -> Result<Response<Body>, ApiError> {
    let bytes = body::read(body).await?;
    let media_type = body::media_type(&parts.headers);
    let binding = body::decode(&bytes, &media_type)?.value;
    let name = binding["metadata"]["name"].as_str().unwrap_or("");
    if name.is_empty() {
        return Err(ApiError::bad_request("metadata.name: Required value: the name of the pod to bind"));
    }
    name.clone_into(&mut path.name);
    "pods".clone_into(&mut path.resource);
    "binding".clone_into(&mut path.subresource);
    let registry = server.registry();
    let resource = registry.get("", "pods").cloned().ok_or_else(ApiError::no_such_resource)?;
    let version = resource.version(&path.version).cloned().ok_or_else(ApiError::no_such_resource)?;
    let call = Call {
        user: parts.extensions.get::<User>().cloned().unwrap_or_else(User::administrator),
        negotiated: Negotiated::of(&parts.headers, query.flag("pretty"))?,
        manager: manager(&query, &parts.headers)?,
        is_control_plane: parts.extensions.get::<OfControlPlane>().is_some(),
        warnings: Vec::new(),
        resource,
        version,
        path,
        query,
        server,
    };
    verbs::create(call, &bytes, &media_type).await
}

/// Hands a request on to whoever has mounted something there.
async fn forward(router: axum::Router, parts: Parts, body: Body) -> Response<Body> {
    use tower::ServiceExt as _;
    // A router does not fail.
    match router.oneshot(Request::from_parts(parts, body)).await {
        Ok(response) => response,
        Err(never) => match never {},
    }
}
