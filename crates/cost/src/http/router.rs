//! Paths and methods (reference section 2.1).

use axum::Router;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get, post};

use crate::http::envelope::{LONGEST_FORM, Refusal};
use crate::http::routes::{Answer, ROUTES, Route};
use crate::http::service::CostService;
use crate::http::telemetry::counted;
use crate::query::Parameters;

/// The API.
pub fn router(service: CostService) -> Router {
    let mut routes: Router<CostService> = Router::new();
    for route in &ROUTES {
        routes = routes.route(route.path, methods(route));
        routes = routes.route(&format!("/model{}", route.path), methods(route));
    }
    routes
        .fallback(|uri: Uri| async move { Refusal::NotFound(uri.path().chars().take(80).collect()) })
        .method_not_allowed_fallback(|method: Method| async move { Refusal::Method(method.to_string()) })
        .layer(DefaultBodyLimit::max(LONGEST_FORM))
        .layer(axum::middleware::from_fn_with_state(service.clone(), counted))
        .layer(axum::middleware::map_response(allow_all_origins))
        .with_state(service)
}

fn methods(route: &Route) -> MethodRouter<CostService> {
    let of_window = route.parameters.iter().flat_map(|list| list.iter()).any(|one| one.name == "window");
    let answer = route.answer;
    let handler = move |State(service): State<CostService>,
                        uri: Uri,
                        headers: HeaderMap,
                        body: Result<Bytes, BytesRejection>| {
        reply(service, answer, of_window, uri, headers, body)
    };
    let methods = if route.changes { post(handler) } else { get(handler).post(handler) };
    methods.options(preflight)
}

async fn reply(
    service: CostService,
    answer: Answer,
    of_window: bool,
    uri: Uri,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    let Ok(body) = body else { return Refusal::TooLong.into_response() };
    let parameters = match form(&headers, &body) {
        Ok(form) => Parameters::read(uri.query().unwrap_or_default(), form),
        Err(refusal) => return refusal.into_response(),
    };
    // answers take processor time: other requests go on meanwhile. Those of windows take memory, too, so they wait their turn,
    // which lasts until they are computed, whether or not somebody still waits for them
    let turn = if of_window { service.turn().await } else { None };
    let computed = tokio::task::spawn_blocking(move || {
        let _turn = turn;
        answer(&service, &parameters).unwrap_or_else(IntoResponse::into_response)
    });
    computed.await.unwrap_or_else(|_| Refusal::Failed.into_response())
}

/// The body, which has to be a form, or nothing. `curl -d` says so; a body that does not say what it is counts as one.
fn form<'a>(headers: &HeaderMap, body: &'a [u8]) -> Result<&'a [u8], Refusal> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if body.is_empty() || kind.is_empty() || kind == "application/x-www-form-urlencoded" {
        Ok(body)
    } else {
        Err(Refusal::NoForm(kind.chars().take(60).collect()))
    }
}

async fn preflight() -> Response {
    let allow = [
        (header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, POST, OPTIONS")),
        (header::ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static("*")),
    ];
    (StatusCode::NO_CONTENT, allow).into_response()
}

async fn allow_all_origins(mut response: Response) -> Response {
    response.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    response
}
