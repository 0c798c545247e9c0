//! Logs of pods, and connections into them.

use axum::body::Body;
use futures::StreamExt;
use http::Request;
use http_body_util::BodyExt;
use jiff::Timestamp;
use rstest::rstest;
use serde_json::{Value, json};
use supercargo_apiserver::{LogLine, LogRequest, PodLog};
use tower::ServiceExt;

use crate::cluster::{Cluster, PODS, pod};

fn line(second: i64, text: &str) -> LogLine {
    let start: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
    LogLine { time: start + jiff::SignedDuration::from_secs(second), text: text.to_owned() }
}

/// What the container wrote says whose lines they are.
fn written(request: &LogRequest) -> PodLog {
    let LogRequest { namespace, pod, container, is_previous, .. } = request;
    let about = format!("{namespace}/{pod}/{container} {is_previous}");
    let following = futures::stream::iter([line(1, "later")]).boxed();
    PodLog { lines: vec![line(-20, "one"), line(-10, "two"), line(0, &about)], following: Some(following) }
}

async fn running(cluster: &Cluster) {
    cluster.make(PODS, pod("web", "node-a")).await;
    let status = json!({ "status": { "containerStatuses": [{ "name": "web", "image": "i", "imageID": "", "ready": true,
        "restartCount": 1, "state": { "running": {} }, "lastState": { "terminated": { "exitCode": 1 } } }] } });
    assert_eq!(cluster.merge(&format!("{PODS}/web/status"), status).await.0, 200);
}

async fn text(cluster: &Cluster, query: &str) -> (u16, String) {
    let request = Request::get(format!("{PODS}/web/log{query}")).body(Body::empty()).unwrap();
    let response = cluster.server.router().oneshot(request).await.unwrap();
    let code = response.status().as_u16();
    (code, String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap())
}

#[rstest]
#[case::all("", "one\ntwo\ndefault/web/web false\n")]
#[case::of_the_run_before("?previous=true&container=web", "one\ntwo\ndefault/web/web true\n")]
#[case::the_last_ones("?tailLines=1", "default/web/web false\n")]
#[case::none("?tailLines=0", "")]
#[case::lately("?sinceSeconds=15", "two\ndefault/web/web false\n")]
#[case::since("?sinceTime=2026-01-01T00:00:00Z", "default/web/web false\n")]
#[case::with_times("?timestamps=true&limitBytes=35", "2025-12-31T23:59:40.000000000Z one\n")]
#[case::cut("?limitBytes=5", "one\nt")]
#[case::and_more("?follow=true&tailLines=1", "default/web/web false\nlater\n")]
#[tokio::test]
async fn logs_are_what_was_written(#[case] query: &str, #[case] expected: &str) {
    let cluster = Cluster::new();
    cluster.server.mount_pod_logs(written);
    running(&cluster).await;
    assert_eq!(text(&cluster, query).await, (200, expected.to_owned()));
}

#[rstest]
#[case(
    "?tailLines=-1",
    422,
    "PodLogOptions \"web\" is invalid: tailLines: Invalid value: -1: must be greater than or equal to 0"
)]
#[case(
    "?limitBytes=0",
    422,
    "PodLogOptions \"web\" is invalid: limitBytes: Invalid value: 0: must be greater than 0"
)]
#[case("?container=none", 400, "container none is not valid for pod web")]
#[tokio::test]
async fn what_cannot_be_answered_is_refused_as_upstream_does(
    #[case] query: &str,
    #[case] code: u16,
    #[case] message: &str,
) {
    let cluster = Cluster::new();
    cluster.server.mount_pod_logs(written);
    running(&cluster).await;
    let (found, status) = cluster.get(&format!("{PODS}/web/log{query}")).await;
    assert_eq!((found, status["message"].as_str().unwrap()), (code, message));
}

#[tokio::test]
async fn containers_that_have_not_begun_have_no_logs() {
    let cluster = Cluster::new();
    let nobody = cluster.get(&format!("{PODS}/web/log")).await;
    assert_eq!((nobody.0, &nobody.1["message"]), (404, &json!("pods \"web\" not found")));
    cluster.make(PODS, pod("web", "node-a")).await;
    let (code, status) = cluster.get(&format!("{PODS}/web/log")).await;
    assert_eq!((code, &status["reason"]), (501, &json!("NotImplemented")));
    cluster.server.mount_pod_logs(written);
    let message = |status: Value| status["message"].as_str().unwrap().to_owned();
    let (code, status) = cluster.get(&format!("{PODS}/web/log")).await;
    assert_eq!(
        (code, message(status)),
        (400, "container \"web\" in pod \"web\" is waiting to start: ContainerCreating".into())
    );
    let (code, status) = cluster.get(&format!("{PODS}/web/log?previous=true")).await;
    assert_eq!(
        (code, message(status)),
        (400, "previous terminated container \"web\" in pod \"web\" not found".into())
    );
    cluster.make(PODS, pod("unplaced", "")).await;
    assert_eq!(cluster.get(&format!("{PODS}/unplaced/log")).await, (200, Value::Null));
    let mut two = pod("two", "node-a");
    two["spec"]["containers"] = json!([{ "name": "a", "image": "i" }, { "name": "b", "image": "i" }]);
    two["spec"]["initContainers"] = json!([{ "name": "c", "image": "i" }]);
    cluster.make(PODS, two).await;
    let (code, status) = cluster.get(&format!("{PODS}/two/log")).await;
    let words = "a container name must be specified for pod two, choose one of: [a b] or one of the init containers: [c]";
    assert_eq!((code, message(status)), (400, words.into()));
}

#[rstest]
#[case("exec?command=ls", false, 400, "Upgrade request required")]
#[case("attach", false, 400, "Upgrade request required")]
#[case("portforward", false, 400, "Upgrade request required")]
#[case("exec?command=ls&container=none", true, 400, "container none is not valid for pod web")]
#[case(
    "exec?command=ls",
    true,
    500,
    "Internal error occurred: error dialing backend: nothing runs in the containers of a simulated node, so that there is nothing to connect to"
)]
#[tokio::test]
async fn there_is_nothing_to_connect_to(
    #[case] path: &str,
    #[case] upgrades: bool,
    #[case] code: u16,
    #[case] message: &str,
) {
    let cluster = Cluster::new();
    running(&cluster).await;
    let mut request = Request::post(format!("{PODS}/web/{path}"));
    if upgrades {
        request = request.header("upgrade", "SPDY/3.1").header("connection", "Upgrade");
    }
    let response = cluster.server.router().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    assert_eq!(response.status().as_u16(), code);
    let body = response.into_body().collect().await.unwrap().to_bytes();
    let status: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(status["message"], message);
}
