//! The controllers' connection to the API server.

use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::body::Body;
use bytes::Bytes;
use futures::StreamExt;
use http::{Method, Request, Response, StatusCode};
use http_body_util::BodyExt;
use jiff::Timestamp;
use serde_json::{Value, json};
use supercargo_apiserver::Server;
use supercargo_clock::{Clock, Randomness, Time};
use supercargo_reconcile::State;
use tokio::sync::watch;

/// A write of the controllers that reached the API server.
#[derive(Clone, Debug)]
pub struct Audit {
    /// When.
    pub at: Timestamp,
    /// `POST`, `PATCH`, `DELETE`.
    pub method: Method,
    /// The path, without the query.
    pub path: String,
    /// What was sent.
    pub body: Value,
    /// What was answered; the controllers may not have heard it.
    pub status: StatusCode,
}

/// Takes notice of a write, right after it, with the state of the cluster as it was seen last.
pub type Auditor = Arc<dyn Fn(&Audit, &State) + Send + Sync>;

/// The controllers' connection: faults disturb it, writes are noted. Clones are the same connection.
#[derive(Clone)]
pub struct Gate {
    server: Server,
    time: Time,
    auditor: Auditor,
    /// The cluster as the observers see it.
    seen: Arc<Mutex<State>>,
    state: Arc<Mutex<Disturbance>>,
    /// Grows when all watches break off.
    generation: Arc<watch::Sender<u64>>,
}

struct Disturbance {
    randomness: Randomness,
    /// The share of requests that fail.
    errors: f64,
}

/// What becomes of a request.
enum Fate {
    Passes,
    /// It is refused and nothing is done.
    Refused,
    /// It is done, and the answer is lost.
    Unheard,
}

impl Gate {
    /// An undisturbed connection.
    pub fn new(server: Server, time: Time, seed: u64, auditor: Auditor, seen: Arc<Mutex<State>>) -> Self {
        let randomness = Randomness::from_seed(seed).fork("gate");
        let state = Arc::new(Mutex::new(Disturbance { randomness, errors: 0.0 }));
        Self { server, time, auditor, seen, state, generation: Arc::new(watch::Sender::new(0)) }
    }

    /// From now on this share of requests fails.
    pub fn set_errors(&self, share: f64) {
        self.lock().errors = share;
    }

    /// All watches break off.
    pub fn drop_watches(&self) {
        self.generation.send_modify(|generation| *generation += 1);
    }

    /// A client behind the gate. To be made within a tokio runtime.
    pub fn client(&self) -> kube::Client {
        let gate = self.clone();
        let service = tower::service_fn(move |request: Request<kube::client::Body>| {
            let gate = gate.clone();
            async move { Ok::<_, Infallible>(gate.pass(request).await) }
        });
        kube::Client::new(service, "default")
    }

    async fn pass(&self, request: Request<kube::client::Body>) -> Response<Body> {
        let (parts, body) = request.into_parts();
        let is_write = parts.method != Method::GET;
        let is_watch = parts.uri.query().is_some_and(|query| query.contains("watch=true"));
        match self.fate(is_write) {
            Fate::Passes => {}
            Fate::Refused => return unavailable("the server is currently unable to handle the request"),
            Fate::Unheard => {
                let _ = self.perform(parts, body, is_write).await;
                return unavailable("the answer was lost");
            }
        }
        let answer = self.perform(parts, body, is_write).await;
        if is_watch { self.breakable(answer) } else { answer }
    }

    fn fate(&self, is_write: bool) -> Fate {
        let mut state = self.lock();
        let share = state.errors;
        if share <= 0.0 || !state.randomness.chance(share) {
            Fate::Passes
        } else if is_write && state.randomness.chance(0.5) {
            Fate::Unheard
        } else {
            Fate::Refused
        }
    }

    async fn perform(
        &self,
        parts: http::request::Parts,
        body: kube::client::Body,
        is_write: bool,
    ) -> Response<Body> {
        let (method, path) = (parts.method.clone(), parts.uri.path().to_owned());
        // bodies of a client in this process are in memory
        let bytes = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
        let sent = if is_write { serde_json::from_slice(&bytes).unwrap_or_default() } else { Value::Null };
        let request = Request::from_parts(parts, Body::from(bytes));
        let answer = self.server.answer(request).await;
        if is_write {
            let (at, status) = (self.time.now(), answer.status());
            // a change is taken in whole or not at all
            let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
            (self.auditor)(&Audit { at, method, path, body: sent, status }, &seen);
        }
        answer
    }

    /// The same answer, until the watches break off.
    fn breakable(&self, answer: Response<Body>) -> Response<Body> {
        let mut generation = self.generation.subscribe();
        generation.mark_unchanged();
        let broken = async move {
            // the sender lives as long as the gate, which the client holds
            let _ = generation.changed().await;
        };
        answer.map(|body| Body::from_stream(body.into_data_stream().take_until(Box::pin(broken))))
    }

    fn lock(&self) -> MutexGuard<'_, Disturbance> {
        // nothing is left half changed
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn unavailable(message: &str) -> Response<Body> {
    let status = json!({
        "kind": "Status", "apiVersion": "v1", "status": "Failure",
        "message": message, "reason": "ServiceUnavailable", "code": 503,
    });
    let mut answer = Response::new(Body::from(Bytes::from(status.to_string())));
    *answer.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    answer
        .headers_mut()
        .insert(http::header::CONTENT_TYPE, http::HeaderValue::from_static("application/json"));
    answer
}
