//! Paths and their answers.

use std::sync::Arc;

use axum::Router;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, VARY};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Json, Response};
use axum::routing::get;

use super::explanation::ExplanationQuery;
use super::journal::JournalDocument;
use super::seen::Endpoints;
use crate::journal::JournalQuery;
use crate::metrics::Exposition;

impl Endpoints {
    /// What METRICS_PORT answers.
    pub fn metrics_router(self: &Arc<Self>) -> Router {
        Router::new()
            .route("/metrics", get(metrics))
            .route("/journal", get(journal))
            .route("/explain", get(explain))
            .with_state(Arc::clone(self))
    }

    /// What HEALTH_PROBE_PORT answers.
    pub fn health_router(self: &Arc<Self>) -> Router {
        Router::new()
            .route("/healthz", get(|| async { "ok" }))
            .route("/readyz", get(ready))
            .with_state(Arc::clone(self))
    }
}

async fn metrics(State(endpoints): State<Arc<Endpoints>>, headers: HeaderMap) -> Response {
    let packed = takes_gzip(&headers);
    // the gauges of a big cluster take a while to write
    let written = move || {
        let out = if packed { Exposition::packed() } else { Exposition::default() };
        endpoints.metrics(out).into_bytes()
    };
    let head = [(CONTENT_TYPE, Exposition::CONTENT_TYPE), (VARY, "accept-encoding")];
    match tokio::task::spawn_blocking(written).await {
        Ok(bytes) if packed => (head, [(CONTENT_ENCODING, "gzip")], bytes).into_response(),
        Ok(bytes) => (head, bytes).into_response(),
        Err(_) => (StatusCode::INTERNAL_SERVER_ERROR, "the metrics could not be written").into_response(),
    }
}

/// Whether an answer may be packed: `gzip` is accepted, and not with a weight of zero.
fn takes_gzip(headers: &HeaderMap) -> bool {
    let offers = headers.get_all(ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    let mut offers = offers.flat_map(|value| value.split(',')).map(|offer| {
        let (name, weight) = offer.split_once(';').unwrap_or((offer, "q=1"));
        let weight = weight.trim().strip_prefix("q=").and_then(|weight| weight.parse::<f64>().ok());
        (name.trim(), weight.unwrap_or(0.0))
    });
    offers.any(|(name, weight)| name.eq_ignore_ascii_case("gzip") && weight > 0.0)
}

async fn journal(
    State(endpoints): State<Arc<Endpoints>>,
    query: Result<Query<JournalQuery>, QueryRejection>,
) -> Response {
    match query {
        Ok(Query(query)) => Json(JournalDocument::of(&endpoints.knowledge.journal, &query)).into_response(),
        Err(rejection) => (StatusCode::BAD_REQUEST, rejection.body_text()).into_response(),
    }
}

async fn explain(
    State(endpoints): State<Arc<Endpoints>>,
    query: Result<Query<ExplanationQuery>, QueryRejection>,
) -> Response {
    let query = match query {
        Ok(Query(query)) => query,
        Err(rejection) => return (StatusCode::BAD_REQUEST, rejection.body_text()).into_response(),
    };
    let Some(question) = endpoints.question(query) else {
        let said = "this replica waits for the lease: ask the one that leads";
        return (StatusCode::SERVICE_UNAVAILABLE, said).into_response();
    };
    // it takes long in a big cluster, and must not hold up anybody
    match tokio::task::spawn_blocking(move || question.answer()).await {
        Ok(document) => Json(document).into_response(),
        Err(_) => (StatusCode::INTERNAL_SERVER_ERROR, "the explanation failed").into_response(),
    }
}

async fn ready(State(endpoints): State<Arc<Endpoints>>) -> Response {
    match endpoints.readiness() {
        Ok(said) => said.into_response(),
        Err(said) => (StatusCode::SERVICE_UNAVAILABLE, said).into_response(),
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::as_prometheus_asks("gzip", true)]
    #[case::among_others("deflate, GZIP;q=0.5", true)]
    #[case::refused("gzip;q=0", false)]
    #[case::others_only("zstd, identity", false)]
    #[case::nonsense("gzip;q=much", false)]
    fn answers_are_packed_for_those_who_take_it(#[case] accepted: &'static str, #[case] packed: bool) {
        let headers = HeaderMap::from_iter([(ACCEPT_ENCODING, HeaderValue::from_static(accepted))]);
        assert_eq!(takes_gzip(&headers), packed);
        assert!(!takes_gzip(&HeaderMap::new()));
    }
}
