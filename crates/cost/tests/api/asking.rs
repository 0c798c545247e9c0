//! Asking the API.

use std::sync::{Arc, RwLock};

use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request, StatusCode, header};
use http_body_util::BodyExt;
use jiff::Timestamp;
use serde_json::Value;
use supercargo_clock::VirtualClock;
use supercargo_cost::facts::Gap;
use supercargo_cost::http::{CostService, ServiceSettings, router};
use supercargo_cost::{Interval, Ledger};
use tower::ServiceExt;

use crate::made_up;

/// The four hours that are known.
pub const WINDOW: &str = "1970-01-01T00:00:00Z,1970-01-01T04:00:00Z";

/// A service at half past three.
pub fn cost_service(ledger: Ledger) -> CostService {
    cost_service_at(ledger, 3 * 3_600 + 1_800)
}

/// A service at a second.
pub fn cost_service_at(ledger: Ledger, second: i64) -> CostService {
    let clock = VirtualClock::new(Timestamp::from_second(second).unwrap());
    let settings = ServiceSettings {
        cluster_id: "east".to_owned(),
        account: "123456789012".to_owned(),
        version: "1.2.3".to_owned(),
        ..ServiceSettings::default()
    };
    CostService::new(Arc::new(RwLock::new(ledger)), Arc::new(clock), settings)
}

/// Four hours until half past eleven of a day that windows such as 7d and lastmonth have room before, with a gap each.
pub fn evening() -> CostService {
    const EVENING: i64 = 1_774_987_200;
    let mut ledger = Ledger::new(made_up::prices());
    for hour in (0..4).map(|hour| EVENING + hour * 3_600) {
        for cluster in made_up::CLUSTERS {
            let mut facts = made_up::facts(3, cluster, hour);
            let gap = Interval::new(hour + 60, hour + 120);
            facts.gaps.push(Gap { interval: gap, subject: "usage of node node-0".into() });
            ledger.insert(facts);
        }
    }
    cost_service_at(ledger, EVENING + 3 * 3_600 + 1_800)
}

pub fn service(ledger: Ledger) -> Router {
    router(cost_service(ledger))
}

pub async fn send(router: &Router, method: Method, path: &str, form: Option<&str>) -> (StatusCode, String) {
    let kind = form.map(|_| "application/x-www-form-urlencoded");
    send_as(router, method, path, kind, form.unwrap_or_default().to_owned()).await
}

pub async fn send_as(
    router: &Router,
    method: Method,
    path: &str,
    kind: Option<&str>,
    body: String,
) -> (StatusCode, String) {
    let mut request = Request::builder().method(method).uri(path);
    if let Some(kind) = kind {
        request = request.header(header::CONTENT_TYPE, kind);
    }
    let request = request.body(Body::from(body)).unwrap();
    let response = router.clone().oneshot(request).await.unwrap();
    let status = response.status();
    assert_eq!(response.headers()[header::ACCESS_CONTROL_ALLOW_ORIGIN], "*");
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

pub async fn get(router: &Router, path: &str) -> (StatusCode, Value) {
    let (status, body) = send(router, Method::GET, path, None).await;
    (status, serde_json::from_str(&body).unwrap_or(Value::String(body)))
}

/// The data of an answer, which has to be one.
pub async fn data(router: &Router, path: &str) -> Value {
    let (status, mut answer) = get(router, path).await;
    assert_eq!(status, StatusCode::OK, "{path}: {answer}");
    answer["data"].take()
}

/// A query string.
pub fn query(pairs: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}

/// The fields of an object, in order.
pub fn fields(value: &Value) -> String {
    value.as_object().unwrap().keys().map(String::as_str).collect::<Vec<_>>().join(" ")
}
