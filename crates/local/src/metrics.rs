//! Usage as others ask for it: `metrics.k8s.io` for `kubectl top` and autoscalers, and the kubelets' summaries.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Json;
use axum::Router;
use axum::extract::{Path, Query, State as Shared};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Node;
use serde_json::{Value, json};
use supercargo_api::Pod;
use supercargo_api::selector::Selector;
use supercargo_apiserver::{MountedResource, Server};
use supercargo_clock::{Clock, Time};
use supercargo_reconcile::{Key, State};

use crate::answers::status;
use crate::conditions::is_node_ready;
use crate::kubelet::{Usage, pod_usage};

/// cpu in billionths of a core that a node's own processes use.
const SYSTEM_NANOCORES: i64 = 60_000_000;
/// Memory in bytes that they use.
const SYSTEM_MEMORY: i64 = 420 << 20;
/// The time over which usage is averaged, as it is said to be.
const WINDOW: &str = "15s";

/// What answers need.
#[derive(Clone)]
struct Source {
    state: Arc<Mutex<State>>,
    time: Time,
    seed: u64,
}

/// Lets a server answer for usage.
pub(crate) fn mount(server: &Server, state: Arc<Mutex<State>>, time: Time, seed: u64) {
    let source = Source { state, time, seed };
    let resource = |plural: &str, kind: &str, is_namespaced| MountedResource {
        plural: plural.to_owned(),
        singular: String::new(),
        kind: kind.to_owned(),
        is_namespaced,
        short_names: Vec::new(),
        verbs: vec!["get".to_owned(), "list".to_owned()],
    };
    const ROOT: &str = "/apis/metrics.k8s.io/v1beta1";
    let metrics = Router::new()
        .route(&format!("{ROOT}/nodes"), get(nodes))
        .route(&format!("{ROOT}/nodes/{{name}}"), get(node))
        .route(&format!("{ROOT}/pods"), get(all_pods))
        .route(&format!("{ROOT}/namespaces/{{namespace}}/pods"), get(pods))
        .route(&format!("{ROOT}/namespaces/{{namespace}}/pods/{{name}}"), get(pod))
        .with_state(source.clone());
    let resources = vec![resource("nodes", "NodeMetrics", false), resource("pods", "PodMetrics", true)];
    server.mount("metrics.k8s.io/v1beta1", resources, metrics);
    let proxy =
        Router::new().route("/api/v1/nodes/{name}/proxy/stats/summary", get(summary)).with_state(source);
    server.mount_node_proxy(proxy);
}

impl Source {
    fn state(&self) -> MutexGuard<'_, State> {
        // a change is taken in whole or not at all, so a poisoned state is still one
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

type Parameters = Query<BTreeMap<String, String>>;

fn selector(parameters: &Parameters) -> Result<Selector, Box<Response>> {
    match parameters.get("labelSelector").filter(|text| !text.is_empty()) {
        None => Ok(Selector::everything()),
        Some(text) => text.parse().map_err(|problem| {
            Box::new(status(
                StatusCode::BAD_REQUEST,
                "BadRequest",
                &format!("unable to parse requirement: {problem}"),
            ))
        }),
    }
}

async fn nodes(Shared(source): Shared<Source>, parameters: Parameters) -> Response {
    let selector = match selector(&parameters) {
        Ok(selector) => selector,
        Err(answer) => return *answer,
    };
    let now = source.time.now();
    let state = source.state();
    let items = state
        .nodes
        .values()
        .filter(|node| is_node_ready(node) && selector.matches_optional(node.metadata.labels.as_ref()))
        .map(|node| node_metrics(node, &state, source.seed, now))
        .collect();
    list("NodeMetricsList", items)
}

async fn node(Shared(source): Shared<Source>, Path(name): Path<String>) -> Response {
    let now = source.time.now();
    let state = source.state();
    match state.nodes.get(&Key::cluster(&name)).filter(|node| is_node_ready(node)) {
        Some(node) => Json(node_metrics(node, &state, source.seed, now)).into_response(),
        None => not_found("nodemetrics.metrics.k8s.io", &name),
    }
}

async fn all_pods(Shared(source): Shared<Source>, parameters: Parameters) -> Response {
    pod_list(&source, None, &parameters)
}

async fn pods(
    Shared(source): Shared<Source>,
    Path(namespace): Path<String>,
    parameters: Parameters,
) -> Response {
    pod_list(&source, Some(&namespace), &parameters)
}

fn pod_list(source: &Source, namespace: Option<&str>, parameters: &Parameters) -> Response {
    let selector = match selector(parameters) {
        Ok(selector) => selector,
        Err(answer) => return *answer,
    };
    let now = source.time.now();
    let state = source.state();
    let wanted = |pod: &Pod| selector.matches_optional(pod.metadata.labels.as_ref());
    let metrics = |pod: &Pod| wanted(pod).then(|| pod_metrics(pod, source.seed, now)).flatten();
    let items = match namespace {
        Some(namespace) => state.pods.of_namespace(namespace).filter_map(|(_, pod)| metrics(pod)).collect(),
        None => state.pods.values().filter_map(|pod| metrics(pod)).collect(),
    };
    list("PodMetricsList", items)
}

async fn pod(Shared(source): Shared<Source>, Path((namespace, name)): Path<(String, String)>) -> Response {
    let now = source.time.now();
    let state = source.state();
    let found = state.pods.named(&namespace, &name).and_then(|pod| pod_metrics(pod, source.seed, now));
    found.map_or_else(
        || not_found("podmetrics.metrics.k8s.io", &format!("{namespace}/{name}")),
        |metrics| Json(metrics).into_response(),
    )
}

async fn summary(Shared(source): Shared<Source>, Path(name): Path<String>) -> Response {
    let now = source.time.now();
    let state = source.state();
    match state.nodes.get(&Key::cluster(&name)).filter(|node| is_node_ready(node)) {
        Some(node) => Json(summary_of(node, &state, source.seed, now)).into_response(),
        None => not_found("nodes", &name),
    }
}

fn node_metrics(node: &Node, state: &State, seed: u64, now: Timestamp) -> Value {
    let name = node.metadata.name.as_deref().unwrap_or_default();
    let (cpu, memory) = node_usage(name, state, seed, now);
    json!({
        "kind": "NodeMetrics",
        "apiVersion": "metrics.k8s.io/v1beta1",
        "metadata": {"name": name, "creationTimestamp": seconds(now), "labels": node.metadata.labels},
        "timestamp": seconds(now),
        "window": WINDOW,
        "usage": usage(cpu, memory),
    })
}

/// The metrics of a pod; nothing while none of its containers runs.
fn pod_metrics(pod: &Pod, seed: u64, now: Timestamp) -> Option<Value> {
    let containers = pod_usage(pod, seed, now);
    if containers.is_empty() {
        return None;
    }
    let container =
        |used: &Usage| json!({"name": used.container, "usage": usage(used.cpu_nanocores, used.memory_bytes)});
    Some(json!({
        "kind": "PodMetrics",
        "apiVersion": "metrics.k8s.io/v1beta1",
        "metadata": {
            "name": pod.metadata.name,
            "namespace": pod.metadata.namespace,
            "creationTimestamp": seconds(now),
            "labels": pod.metadata.labels,
        },
        "timestamp": seconds(now),
        "window": WINDOW,
        "containers": containers.iter().map(container).collect::<Vec<_>>(),
    }))
}

fn node_usage(name: &str, state: &State, seed: u64, now: Timestamp) -> (i64, i64) {
    let used = state.pods_on(name).flat_map(|(_, pod)| pod_usage(pod, seed, now));
    used.fold((SYSTEM_NANOCORES, SYSTEM_MEMORY), |(cpu, memory), used| {
        (cpu.saturating_add(used.cpu_nanocores), memory.saturating_add(used.memory_bytes))
    })
}

/// The kubelet's summary of a node and its pods.
fn summary_of(node: &Node, state: &State, seed: u64, now: Timestamp) -> Value {
    let name = node.metadata.name.as_deref().unwrap_or_default();
    let capacity =
        crate::scheduler::quantities(node.status.as_ref().and_then(|status| status.capacity.as_ref()));
    let (cpu, memory) = node_usage(name, state, seed, now);
    let time = seconds(now);
    let measured = |cpu: i64, memory: i64| {
        (
            json!({"time": time, "usageNanoCores": cpu}),
            json!({"time": time, "workingSetBytes": memory, "usageBytes": memory}),
        )
    };
    let pods: Vec<Value> = state
        .pods_on(name)
        .map(|(_, pod)| {
            let containers: Vec<Value> = pod_usage(pod, seed, now)
                .into_iter()
                .map(|used| {
                    let (cpu, memory) = measured(used.cpu_nanocores, used.memory_bytes);
                    json!({"name": used.container, "cpu": cpu, "memory": memory})
                })
                .collect();
            json!({
                "podRef": {"name": pod.metadata.name, "namespace": pod.metadata.namespace, "uid": pod.metadata.uid},
                "startTime": pod.status.as_ref().and_then(|status| status.start_time.as_ref()),
                "containers": containers,
            })
        })
        .collect();
    let available = (capacity.get(supercargo_api::resources::MEMORY) - memory).max(0);
    json!({
        "node": {
            "nodeName": name,
            "cpu": {"time": time, "usageNanoCores": cpu},
            "memory": {"time": time, "workingSetBytes": memory, "usageBytes": memory, "availableBytes": available},
        },
        "pods": pods,
    })
}

fn usage(cpu: i64, memory: i64) -> Value {
    json!({"cpu": format!("{cpu}n"), "memory": format!("{}Ki", memory / 1024)})
}

fn list(kind: &str, items: Vec<Value>) -> Response {
    Json(json!({"kind": kind, "apiVersion": "metrics.k8s.io/v1beta1", "metadata": {}, "items": items}))
        .into_response()
}

fn not_found(resource: &str, name: &str) -> Response {
    status(StatusCode::NOT_FOUND, "NotFound", &format!("{resource} \"{name}\" not found"))
}

fn seconds(now: Timestamp) -> String {
    now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
