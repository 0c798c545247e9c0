//! Paths and their answers.

use std::sync::Arc;

use axum::Router;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
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

async fn metrics(State(endpoints): State<Arc<Endpoints>>) -> Response {
    // the gauges of a big cluster take a while to write
    match tokio::task::spawn_blocking(move || endpoints.metrics()).await {
        Ok(text) => ([(CONTENT_TYPE, Exposition::CONTENT_TYPE)], text).into_response(),
        Err(_) => (StatusCode::INTERNAL_SERVER_ERROR, "the metrics could not be written").into_response(),
    }
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
