//! A server and the way to ask it.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use futures::StreamExt;
use http::Request;
use http_body_util::BodyExt;
use serde_json::{Value, json};
use supercargo_apiserver::{Server, ServerOptions};
use supercargo_clock::VirtualClock;
use tower::ServiceExt;

/// A server whose clock stands still until a test moves it.
pub struct Cluster {
    pub server: Server,
    pub clock: Arc<VirtualClock>,
}

pub const MERGE: &str = "application/merge-patch+json";

impl Cluster {
    pub fn new() -> Self {
        Self::with(|_| {})
    }

    pub fn with(change: impl FnOnce(&mut ServerOptions)) -> Self {
        let clock = Arc::new(VirtualClock::new("2026-01-01T00:00:00Z".parse().unwrap()));
        let mut options = ServerOptions::new(clock.clone(), 1);
        change(&mut options);
        Self { server: Server::new(options).unwrap(), clock }
    }

    /// Sends bytes as they are.
    pub async fn raw(&self, method: &str, path: &str, media: &str, body: impl Into<Body>) -> (u16, Value) {
        let request =
            Request::builder().method(method).uri(path).header("content-type", media).body(body.into());
        let response = self.server.router().oneshot(request.unwrap()).await.unwrap();
        let code = response.status().as_u16();
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        (code, serde_json::from_slice(&bytes).unwrap_or(Value::Null))
    }

    pub async fn get(&self, path: &str) -> (u16, Value) {
        self.raw("GET", path, "", Body::empty()).await
    }

    pub async fn post(&self, path: &str, body: Value) -> (u16, Value) {
        self.raw("POST", path, "application/json", body.to_string()).await
    }

    pub async fn put(&self, path: &str, body: Value) -> (u16, Value) {
        self.raw("PUT", path, "application/json", body.to_string()).await
    }

    pub async fn merge(&self, path: &str, body: Value) -> (u16, Value) {
        self.raw("PATCH", path, MERGE, body.to_string()).await
    }

    pub async fn delete(&self, path: &str) -> (u16, Value) {
        self.raw("DELETE", path, "", Body::empty()).await
    }

    /// Creates, and fails the test if that is refused.
    pub async fn make(&self, path: &str, body: Value) -> Value {
        let (code, object) = self.post(path, body).await;
        assert_eq!(code, 201, "{object}");
        object
    }

    /// Begins a watch.
    pub async fn watch(&self, path: &str) -> Watch {
        let request = Request::get(path).body(Body::empty()).unwrap();
        let response = self.server.router().oneshot(request).await.unwrap();
        assert_eq!(response.status(), 200);
        Watch { body: response.into_body(), rest: Vec::new() }
    }
}

/// A watch.
pub struct Watch {
    body: Body,
    rest: Vec<u8>,
}

impl Watch {
    /// The next event; nothing if the watch is over.
    pub async fn next(&mut self) -> Option<Value> {
        loop {
            if let Some(end) = self.rest.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.rest.drain(..=end).collect();
                return Some(serde_json::from_slice(&line).unwrap());
            }
            let mut stream = std::mem::take(&mut self.body).into_data_stream();
            let piece = stream.next().await?;
            self.rest.extend_from_slice(&piece.unwrap());
            self.body = Body::from_stream(stream);
        }
    }

    /// Type and name of the next event.
    pub async fn brief(&mut self) -> (String, String) {
        let event = self.next().await.unwrap();
        let text = |value: &Value| value.as_str().unwrap_or("").to_owned();
        (text(&event["type"]), text(&event["object"]["metadata"]["name"]))
    }

    /// Whether nothing comes for a while, on tokio's paused clock.
    pub async fn is_quiet(&mut self) -> bool {
        tokio::time::timeout(Duration::from_secs(5), self.next()).await.is_err()
    }
}

pub const MAPS: &str = "/api/v1/namespaces/default/configmaps";
pub const PODS: &str = "/api/v1/namespaces/default/pods";

pub fn map(name: &str) -> Value {
    json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": name }, "data": { "k": "v" } })
}

pub fn labelled(name: &str, value: &str) -> Value {
    json!({ "metadata": { "name": name, "labels": { "team": value } } })
}

pub fn pod(name: &str, node: &str) -> Value {
    json!({ "metadata": { "name": name, "labels": { "app": "web" } }, "spec": {
        "nodeName": node, "containers": [{ "name": "web", "image": "nginx" }] } })
}
