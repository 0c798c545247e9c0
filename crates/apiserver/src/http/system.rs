//! Paths that are about the server: health, version, discovery, OpenAPI.

use axum::body::Body;
use http::{HeaderMap, Method, Response};

use super::answer::{respond, respond_value};
use super::negotiate::Encoding;
use super::query::Query;
use crate::discovery;
use crate::openapi::{ASKED_VERSION_TWO_BYTES, VERSION_TWO_BYTES};
use crate::server::Server;
use crate::status::ApiError;

/// The checks of health that are listed with `?verbose`.
const CHECKS: &[&str] = &["ping", "log", "etcd", "poststarthook/start-apiextensions-controllers"];

/// Answers a path that is about the server; nothing if this is not one.
pub(super) fn answer(
    server: &Server,
    method: &Method,
    path: &str,
    query: &Query,
    headers: &HeaderMap,
) -> Option<Result<Response<Body>, ApiError>> {
    let path = if path.len() > 1 { path.trim_end_matches('/') } else { path };
    let segments: Vec<&str> = path.split('/').skip(1).collect();
    let is_known = matches!(
        segments.as_slice(),
        [""] | ["version" | "healthz" | "livez" | "readyz" | "api" | "apis"]
            | ["healthz" | "livez" | "readyz", _]
            | ["api", _]
            | ["apis", _]
            | ["apis", _, _]
            | ["openapi", ..]
    );
    if !is_known {
        return None;
    }
    if !matches!(*method, Method::GET | Method::HEAD) {
        return Some(Err(ApiError::method_not_allowed()));
    }
    let value = |value| Ok(respond_value(200, &value, Encoding::Json, &[]));
    Some(match segments.as_slice() {
        [""] => value(discovery::paths(server)),
        ["version"] => Ok(respond_value(200, &discovery::version(), Encoding::PrettyJson, &[])),
        ["healthz" | "livez" | "readyz"] => Ok(health(segments[0], query)),
        ["healthz" | "livez" | "readyz", check] if CHECKS.contains(check) => Ok(text("ok")),
        ["api" | "apis"] if discovery::wants_aggregated(headers) => {
            Ok(discovery::aggregated(server, segments[0] == "api", headers))
        }
        ["api"] => value(discovery::core_versions()),
        ["apis"] => value(discovery::groups(server)),
        ["api", version] => discovery::resources(server, "", version).map_or_else(|| Err(missing()), value),
        ["apis", group] => discovery::group(server, group).map_or_else(|| Err(missing()), value),
        ["apis", group, version] => {
            discovery::resources(server, group, version).map_or_else(|| Err(missing()), value)
        }
        ["openapi", "v2"] => openapi_two(server, headers),
        ["openapi", "v2", ..] => Err(missing()),
        ["openapi", rest @ ..] => match discovery::openapi(server, rest) {
            Some(document) => Ok(respond(200, "application/json", document, &[])),
            None => Err(missing()),
        },
        _ => Err(missing()),
    })
}

/// OpenAPI v2, in the first writing that is accepted and known.
fn openapi_two(server: &Server, headers: &HeaderMap) -> Result<Response<Body>, ApiError> {
    let accepted = headers.get_all(http::header::ACCEPT).into_iter().filter_map(|value| value.to_str().ok());
    let all: Vec<&str> = accepted
        .flat_map(|text| text.split(','))
        .map(|media| media.split(';').next().unwrap_or("").trim())
        .filter(|media| !media.is_empty())
        .collect();
    for media in if all.is_empty() { vec!["*/*"] } else { all } {
        let (name, media_type) = match media {
            "application/json" | "application/*" | "*/*" => (["v2"].as_slice(), "application/json"),
            ASKED_VERSION_TWO_BYTES | VERSION_TWO_BYTES => (["v2", "bytes"].as_slice(), VERSION_TWO_BYTES),
            _ => continue,
        };
        let document = discovery::openapi(server, name).ok_or_else(missing)?;
        return Ok(respond(200, media_type, document, &[]));
    }
    Err(ApiError::not_acceptable())
}

fn missing() -> ApiError {
    ApiError::no_such_resource()
}

fn text(body: &'static str) -> Response<Body> {
    respond(200, "text/plain; charset=utf-8", body.into(), &[])
}

fn health(which: &str, query: &Query) -> Response<Body> {
    if !query.has("verbose") {
        return text("ok");
    }
    let mut body = String::new();
    for check in CHECKS {
        body.push_str(&format!("[+]{check} ok\n"));
    }
    body.push_str(&format!("{which} check passed\n"));
    respond(200, "text/plain; charset=utf-8", body.into(), &[])
}

/// The body of an unknown path.
pub(super) fn not_found() -> Response<Body> {
    respond(404, "text/plain; charset=utf-8", "404 page not found\n".into(), &[])
}
