//! Paths and methods (reference sections 2.1 and 2.2).

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get};

use crate::http::answers;
use crate::http::envelope::Refusal;
use crate::http::information;
use crate::http::service::CostService;
use crate::query::Parameters;

/// The longest form that is read.
const LONGEST_FORM: usize = 1 << 20;

/// What computes an answer.
type Answer = fn(&CostService, &Parameters) -> Result<Response, Refusal>;

/// Paths and what answers them; the OpenAPI document is made from the same list of paths.
const ROUTES: [(&str, Answer); 19] = [
    ("/allocation", answers::allocation),
    ("/allocation/compute", answers::allocation),
    ("/allocation/summary", answers::summary),
    ("/allocation/compute/summary", answers::summary),
    ("/allocation/summary/topline", answers::topline),
    ("/assets", answers::assets),
    ("/gaps", answers::gaps),
    ("/metrics", answers::metrics),
    ("/healthz", information::healthz),
    ("/openapi.json", information::openapi),
    ("/clusterInfo", information::cluster_info),
    ("/clusterInfoMap", information::cluster_info_map),
    ("/clusters", information::clusters),
    ("/allNodePricing", information::node_pricing),
    ("/pricingSourceStatus", information::pricing_status),
    ("/pricingSourceSummary", information::pricing_summary),
    ("/pricingSourceCounts", information::pricing_counts),
    ("/customPricing", information::unit_prices),
    ("/currency", information::currency),
];

/// All paths of the API, without `/model`.
pub(super) fn paths() -> impl Iterator<Item = &'static str> {
    ROUTES.into_iter().map(|(path, _)| path)
}

/// The API.
pub fn router(service: CostService) -> Router {
    let mut routes: Router<CostService> = Router::new();
    for (path, answer) in ROUTES {
        routes = routes.route(path, method(answer)).route(&format!("/model{path}"), method(answer));
    }
    routes
        .fallback(|uri: Uri| async move { Refusal::NotFound(uri.path().chars().take(80).collect()) })
        .method_not_allowed_fallback(|method: Method| async move { Refusal::Method(method.to_string()) })
        .layer(DefaultBodyLimit::max(LONGEST_FORM))
        .layer(axum::middleware::map_response(allow_all_origins))
        .with_state(service)
}

fn method(answer: Answer) -> MethodRouter<CostService> {
    let handler = move |State(service): State<CostService>, uri: Uri, headers: HeaderMap, body: Bytes| async move {
        let parameters = Parameters::read(uri.query().unwrap_or_default(), form(&headers, &body));
        // answers take processor time: other requests go on meanwhile
        let computed = tokio::task::spawn_blocking(move || match answer(&service, &parameters) {
            Ok(response) => response,
            Err(refusal) => refusal.into_response(),
        });
        computed.await.unwrap_or_else(|_| Refusal::Failed.into_response())
    };
    get(handler).post(handler).options(preflight)
}

/// The body, if it is a form. `curl -d` says so; a body that does not say what it is counts as one.
fn form<'a>(headers: &HeaderMap, body: &'a [u8]) -> &'a [u8] {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let is_form = kind.is_empty()
        || kind.trim_start().to_ascii_lowercase().starts_with("application/x-www-form-urlencoded");
    if is_form { body } else { &[] }
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
