//! How fast the server is, and how much memory it takes: `cargo run --release --example load [-- pods nodes]`.
//!
//! Prints one line of JSON for each figure. Everything but the list over HTTPS goes through `kube::Client` in process: one
//! request after the other where it says "in a row", else from eight tasks at once.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use http::{Method, Request};
use http_body_util::{BodyExt, Empty};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use supercargo_apiserver::{ServeOptions, Server, ServerOptions, Serving};
use supercargo_clock::{Clock, RealClock, Stopwatch};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto::ring};

mod clients;

use clients::{Outcome, at_once, post};

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Outcome<()> {
    let mut arguments = std::env::args().skip(1);
    let pods: usize = arguments.next().map_or(Ok(100_000), |text| text.parse())?;
    let nodes: usize = arguments.next().map_or(Ok(5_000), |text| text.parse())?;
    let clock = RealClock::new();
    speeds(&clock).await?;
    watchers(&clock).await?;
    memory(&clock, pods, nodes).await
}

fn server() -> Outcome<Server> {
    Ok(Server::new(ServerOptions::new(Arc::new(RealClock::new()), 1))?)
}

fn figure(name: &str, value: f64, unit: &str) {
    println!("{}", json!({ "figure": name, "value": (value * 10.0).round() / 10.0, "unit": unit }));
}

async fn speeds(clock: &dyn Clock) -> Outcome<()> {
    const COUNT: usize = 10_000;
    let server = server()?;
    let client = server.client();
    let mut watch = Stopwatch::start(clock);
    let per_second = |watch: &mut Stopwatch<'_>| COUNT as f64 / watch.lap().as_secs_f64();
    for number in 0..COUNT {
        post(&client, "/api/v1/namespaces/default/configmaps", &small(number)).await?;
    }
    figure("creates of small objects, in a row", per_second(&mut watch), "1/s");
    for number in 0..COUNT {
        post(&client, "/api/v1/namespaces/kube-system/pods", &pod(number, 100)).await?;
    }
    figure("creates of pods, in a row", per_second(&mut watch), "1/s");
    for number in 0..COUNT {
        patch_status(&client, "kube-system", number).await?;
    }
    figure("status patches of pods, in a row", per_second(&mut watch), "1/s");
    let all = "/api/v1/namespaces/kube-system/pods?gracePeriodSeconds=0";
    send(&client, Method::DELETE, all, "application/json", &json!({ "kind": "DeleteOptions" })).await?;
    watch.lap();
    at_once(&client, COUNT, |client, number| async move {
        post(&client, "/api/v1/namespaces/default/pods", &pod(number, 100)).await
    })
    .await?;
    figure("creates of pods", per_second(&mut watch), "1/s");
    at_once(&client, COUNT, |client, number| async move { patch_status(&client, "default", number).await })
        .await?;
    figure("status patches of pods", per_second(&mut watch), "1/s");
    let serving = server.serve(ServeOptions::default()).await?;
    for _ in 0..3 {
        watch.lap();
        let bytes = list_over_https(&serving, "/api/v1/pods").await?;
        figure("list of 10,000 pods over HTTPS", watch.lap().as_secs_f64() * 1000.0, "ms");
        figure("size of that list", bytes as f64 / 1e6, "MB");
    }
    serving.shutdown().await;
    Ok(())
}

async fn watchers(clock: &dyn Clock) -> Outcome<()> {
    const WATCHERS: usize = 100;
    const EVENTS: usize = 1_000;
    let server = server()?;
    let client = server.client();
    let mut tasks = Vec::new();
    for _ in 0..WATCHERS {
        let request =
            Request::get("/api/v1/configmaps?watch=1&labelSelector=load").body(kube::client::Body::empty())?;
        let mut body = client.send(request).await?.into_body().into_data_stream();
        tasks.push(tokio::spawn(async move {
            let mut seen = 0;
            while seen < EVENTS {
                let Some(Ok(piece)) = body.next().await else { break };
                seen += piece.iter().filter(|byte| **byte == b'\n').count();
            }
            seen
        }));
    }
    let watch = Stopwatch::start(clock);
    for number in 0..EVENTS {
        post(&client, "/api/v1/namespaces/default/configmaps", &small(number)).await?;
    }
    let mut seen = 0;
    for task in tasks {
        seen += task.await?;
    }
    figure("events seen by 100 watchers of 1,000 creates", seen as f64, "");
    figure("time until all had seen all", watch.elapsed().as_secs_f64() * 1000.0, "ms");
    Ok(())
}

async fn memory(clock: &dyn Clock, pods: usize, nodes: usize) -> Outcome<()> {
    let server = server()?;
    let client = server.client();
    let before = resident()?;
    let watch = Stopwatch::start(clock);
    for number in 0..nodes {
        post(&client, "/api/v1/nodes", &node(number)).await?;
    }
    for number in 0..pods {
        post(&client, "/api/v1/namespaces/default/pods", &pod(number, nodes.max(1))).await?;
        patch_status(&client, "default", number).await?;
    }
    figure("time to make all nodes and pods, with a status each", watch.elapsed().as_secs_f64(), "s");
    figure("resident memory with all nodes and pods", resident()?, "MB");
    figure("of which before", before, "MB");
    Ok(())
}

/// Resident memory in megabytes.
fn resident() -> Outcome<f64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no VmRSS")?;
    Ok(line.trim().trim_end_matches(" kB").parse::<f64>()? / 1024.0)
}

async fn patch_status(client: &kube::Client, namespace: &str, number: usize) -> Outcome<()> {
    let address = format!("10.1.{}.{}", number / 250 % 250, number % 250);
    let status = json!({ "status": {
        "phase": "Running", "podIP": address, "podIPs": [{ "ip": address }], "startTime": "2026-01-01T00:00:00Z",
        "conditions": [
            { "type": "PodScheduled", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z" },
            { "type": "Initialized", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z" },
            { "type": "ContainersReady", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z" },
            { "type": "Ready", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z" },
        ],
        "containerStatuses": [{
            "name": "web", "image": "nginx", "imageID": "sha256:0", "ready": true, "restartCount": 0,
            "state": { "running": { "startedAt": "2026-01-01T00:00:00Z" } },
        }],
    }});
    let path = format!("/api/v1/namespaces/{namespace}/pods/pod-{number}/status");
    send(client, Method::PATCH, &path, "application/merge-patch+json", &status).await
}

async fn send(client: &kube::Client, method: Method, path: &str, media: &str, body: &Value) -> Outcome<()> {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("content-type", media)
        .body(kube::client::Body::from(serde_json::to_vec(body)?))?;
    let response = client.send(request).await?;
    if !response.status().is_success() {
        let text = response.into_body().collect().await?.to_bytes();
        return Err(String::from_utf8_lossy(&text).into());
    }
    Ok(())
}

fn small(number: usize) -> Value {
    json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": { "name": format!("map-{number}"), "labels": { "load": "yes" } },
        "data": { "number": number.to_string() },
    })
}

fn pod(number: usize, nodes: usize) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {
            "name": format!("pod-{number}"),
            "labels": { "app": format!("app-{}", number % 100), "pod-template-hash": "5d8f9b7c6d" },
        },
        "spec": {
            "nodeName": format!("node-{}", number % nodes),
            "containers": [{
                "name": "web", "image": "nginx", "ports": [{ "containerPort": 80 }],
                "env": [{ "name": "COLOUR", "value": "blue" }],
                "resources": { "requests": { "cpu": "250m", "memory": "512Mi" }, "limits": { "memory": "512Mi" } },
            }],
        },
    })
}

fn node(number: usize) -> Value {
    let resources = json!({ "cpu": "16", "memory": "64Gi", "pods": "110", "ephemeral-storage": "80Gi" });
    json!({
        "apiVersion": "v1", "kind": "Node",
        "metadata": { "name": format!("node-{number}"), "labels": {
            "topology.kubernetes.io/zone": "us-east-1a", "node.kubernetes.io/instance-type": "m7i.4xlarge",
            "kubernetes.io/arch": "amd64", "kubernetes.io/os": "linux",
        } },
        "spec": { "providerID": format!("aws:///us-east-1a/i-{number:017x}") },
        "status": { "allocatable": resources, "capacity": resources },
    })
}

/// Lists over HTTPS and says how many bytes came.
async fn list_over_https(serving: &Serving, path: &str) -> Outcome<usize> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(serving.certificate().as_bytes())?)?;
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let stream = tokio::net::TcpStream::connect(serving.addr()).await?;
    let stream =
        TlsConnector::from(Arc::new(config)).connect(ServerName::try_from("localhost")?, stream).await?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    let request = Request::get(path)
        .header("host", "localhost")
        .header("authorization", format!("Bearer {}", serving.token()))
        .body(Empty::<bytes::Bytes>::new())?;
    let mut body = sender.send_request(request).await?.into_body();
    let mut bytes = 0;
    while let Some(frame) = tokio::time::timeout(Duration::from_secs(60), body.frame()).await? {
        bytes += frame?.data_ref().map_or(0, bytes::Bytes::len);
    }
    Ok(bytes)
}
