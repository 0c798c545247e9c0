//! How often the API is asked, how long it takes, and how much it answers (reference section 3.1).

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use axum::body::HttpBody;
use axum::extract::{Request, State};
use axum::http::Method;
use axum::middleware::Next;
use axum::response::Response;

use crate::http::exposition::Page;
use crate::http::routes::ROUTES;
use crate::http::service::CostService;

/// Limits of the histogram, in seconds; those of OpenCost.
const LIMITS: [f64; 17] =
    [0.001, 0.01, 0.1, 0.3, 0.6, 1.0, 3.0, 6.0, 9.0, 20.0, 30.0, 60.0, 90.0, 120.0, 240.0, 360.0, 720.0];

/// Requests by handler, method and status.
#[derive(Debug, Default)]
pub struct Telemetry {
    tallies: Mutex<BTreeMap<(&'static str, &'static str, u16), Tally>>,
}

#[derive(Debug, Default)]
struct Tally {
    count: u64,
    seconds: f64,
    /// How many took no longer than each of the limits.
    within: [u64; LIMITS.len()],
    bytes: u64,
}

impl Telemetry {
    fn count(&self, handler: &'static str, method: &Method, code: u16, seconds: f64, bytes: u64) {
        // names from outside must not make series
        let method = match *method {
            Method::GET => "GET",
            Method::POST => "POST",
            Method::HEAD => "HEAD",
            Method::OPTIONS => "OPTIONS",
            _ => "other",
        };
        // tallies are whole between any two additions, so a poisoned lock is still right
        let mut tallies = self.tallies.lock().unwrap_or_else(PoisonError::into_inner);
        let tally = tallies.entry((handler, method, code)).or_default();
        tally.count += 1;
        tally.seconds += seconds;
        tally.bytes += bytes;
        for (within, limit) in tally.within.iter_mut().zip(LIMITS) {
            *within += u64::from(seconds <= limit);
        }
    }

    /// Adds the series to a page.
    pub fn write(&self, page: &mut Page) {
        let tallies = self.tallies.lock().unwrap_or_else(PoisonError::into_inner);
        for ((handler, method, code), tally) in tallies.iter() {
            let code = code.to_string();
            let labels = [("handler", *handler), ("method", *method), ("code", &code)];
            let help = "requests that were answered";
            let count = tally.count as f64;
            page.put_as("kubecost_http_requests_total", "counter", help, "", &labels, count);
            let (name, help) = ("kubecost_http_response_time_seconds", "seconds until the answer");
            let limits = LIMITS.iter().map(f64::to_string).chain(["+Inf".to_owned()]);
            for (limit, within) in limits.zip(tally.within.into_iter().chain([tally.count])) {
                let [handler, method, code] = labels;
                let labels = [handler, method, code, ("le", limit.as_str())];
                page.put_as(name, "histogram", help, "_bucket", &labels, within as f64);
            }
            page.put_as(name, "histogram", help, "_sum", &labels, tally.seconds);
            page.put_as(name, "histogram", help, "_count", &labels, count);
            let (name, help) = ("kubecost_http_response_size_bytes", "bytes of the answers");
            page.put_as(name, "summary", help, "_sum", &labels, tally.bytes as f64);
            page.put_as(name, "summary", help, "_count", &labels, count);
        }
    }
}

/// Counts a request.
pub async fn counted(State(service): State<CostService>, request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let path = path.strip_prefix("/model").unwrap_or(path);
    // paths from outside must not make series
    let handler = ROUTES.iter().map(|route| route.path).find(|known| *known == path).unwrap_or("other");
    let method = request.method().clone();
    let before = service.elapsed();
    let response = next.run(request).await;
    let seconds = service.elapsed().saturating_sub(before).as_secs_f64();
    let bytes = response.body().size_hint().lower();
    service.telemetry().count(handler, &method, response.status().as_u16(), seconds, bytes);
    response
}
