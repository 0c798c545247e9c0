//! What containers have to say: lines made from their status, since nothing is really executed.
//!
//! `kubectl logs` asks the API server for `pods/log`, which hands the request on to this.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, Query, State as Shared};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::{ContainerState, ContainerStatus};
use supercargo_api::Pod;
use supercargo_apiserver::Server;
use supercargo_clock::{Clock, Time};
use supercargo_reconcile::State;

use crate::answers::status;

/// A container that runs says something this often.
const EVERY: Duration = Duration::from_secs(60);
/// Lines that are made at most; older ones are gone, as after a rotation.
const KEPT: usize = 1_000;

#[derive(Clone)]
struct Source {
    state: Arc<Mutex<State>>,
    time: Time,
}

/// Lets a server answer for logs.
pub(crate) fn mount(server: &Server, state: Arc<Mutex<State>>, time: Time) {
    let router = Router::new()
        .route("/api/v1/namespaces/{namespace}/pods/{name}/log", get(log))
        .with_state(Source { state, time });
    server.mount_subresource("", "pods", "log", router);
}

/// What of a log is asked for.
#[derive(Debug, Clone, Default)]
struct Wanted {
    timestamps: bool,
    since: Option<Timestamp>,
    tail: Option<usize>,
    limit: Option<usize>,
}

async fn log(
    Shared(source): Shared<Source>,
    Path((namespace, name)): Path<(String, String)>,
    Query(parameters): Query<BTreeMap<String, String>>,
) -> Response {
    let now = source.time.now();
    let pod = source.pod(&namespace, &name);
    let Some(pod) = pod else {
        return status(StatusCode::NOT_FOUND, "NotFound", &format!("pods \"{name}\" not found"));
    };
    let flag =
        |name: &str| parameters.get(name).is_some_and(|value| matches!(value.as_str(), "true" | "1" | ""));
    let number = |name: &str| parameters.get(name).and_then(|value| value.parse::<u64>().ok());
    let container = match container_of(&pod, parameters.get("container").map(String::as_str)) {
        Ok(container) => container,
        Err(message) => return status(StatusCode::BAD_REQUEST, "BadRequest", &message),
    };
    let is_previous = flag("previous");
    let lines = match lines(&pod, &container, is_previous, now) {
        Ok(lines) => lines,
        Err(message) => return status(StatusCode::BAD_REQUEST, "BadRequest", &message),
    };
    let seconds = number("sinceSeconds").map(|seconds| now - Duration::from_secs(seconds.min(1 << 32)));
    let wanted = Wanted {
        timestamps: flag("timestamps"),
        since: seconds.or_else(|| parameters.get("sinceTime")?.parse().ok()),
        tail: number("tailLines").and_then(|lines| usize::try_from(lines).ok()),
        limit: number("limitBytes").and_then(|bytes| usize::try_from(bytes).ok()),
    };
    let text = written(&lines, &wanted);
    let body = if flag("follow") && !is_previous {
        let shown = lines.last().map_or(Timestamp::MIN, |(at, _)| *at);
        let uid = pod.metadata.uid.clone();
        let follow = Follow { source, namespace, name, uid, container, timestamps: wanted.timestamps, shown };
        let first = futures::stream::iter([Ok::<_, std::convert::Infallible>(text)]);
        Body::from_stream(futures::StreamExt::chain(first, futures::stream::unfold(follow, Follow::next)))
    } else {
        Body::from(text)
    };
    ([(CONTENT_TYPE, "text/plain")], body).into_response()
}

impl Source {
    fn pod(&self, namespace: &str, name: &str) -> Option<Arc<Pod>> {
        // a change is taken in whole or not at all, so a poisoned state is still one
        self.state.lock().unwrap_or_else(PoisonError::into_inner).pods.named(namespace, name).cloned()
    }
}

/// A log that is being followed.
struct Follow {
    source: Source,
    namespace: String,
    name: String,
    uid: Option<String>,
    container: String,
    timestamps: bool,
    shown: Timestamp,
}

impl Follow {
    /// The lines that have come since; the end once the pod or the container has ended.
    async fn next(mut self) -> Option<(Result<String, std::convert::Infallible>, Self)> {
        loop {
            self.source.time.sleep(Duration::from_secs(1)).await;
            let now = self.source.time.now();
            let pod = self.source.pod(&self.namespace, &self.name)?;
            if pod.metadata.uid != self.uid {
                return None;
            }
            let mut lines = lines(&pod, &self.container, false, now).unwrap_or_default();
            lines.retain(|(at, _)| *at > self.shown);
            if let Some((at, _)) = lines.last() {
                self.shown = *at;
                let wanted = Wanted { timestamps: self.timestamps, ..Wanted::default() };
                return Some((Ok(written(&lines, &wanted)), self));
            }
            let state = status_of(&pod, &self.container).and_then(|status| status.state.as_ref());
            if state.is_some_and(|state| state.terminated.is_some()) {
                return None;
            }
        }
    }
}

/// The container that is meant; upstream's sentence if that is not clear.
fn container_of(pod: &Pod, wanted: Option<&str>) -> Result<String, String> {
    let name = pod.metadata.name.as_deref().unwrap_or_default();
    let spec = pod.spec();
    let main: Vec<&str> =
        spec.into_iter().flat_map(|spec| &spec.containers).map(|container| container.name.as_str()).collect();
    let init: Vec<&str> = spec
        .into_iter()
        .flat_map(|spec| spec.init_containers.iter().flatten())
        .map(|container| container.name.as_str())
        .collect();
    match wanted.filter(|wanted| !wanted.is_empty()) {
        Some(wanted) if main.contains(&wanted) || init.contains(&wanted) => Ok(wanted.to_owned()),
        Some(wanted) => Err(format!("container {wanted} is not valid for pod {name}")),
        None => match main.as_slice() {
            [only] => Ok((*only).to_owned()),
            _ => Err(format!(
                "a container name must be specified for pod {name}, choose one of: [{}]",
                [main.as_slice(), init.as_slice()].concat().join(" ")
            )),
        },
    }
}

fn status_of<'a>(pod: &'a Pod, container: &str) -> Option<&'a ContainerStatus> {
    let status = pod.status.as_deref()?;
    let statuses = status.container_statuses.iter().chain(&status.init_container_statuses).flatten();
    statuses.into_iter().find(|status| status.name == container)
}

/// The lines of a container, or of its run before; upstream's sentence if there are none yet.
fn lines(
    pod: &Pod,
    container: &str,
    is_previous: bool,
    now: Timestamp,
) -> Result<Vec<(Timestamp, String)>, String> {
    let name = pod.metadata.name.as_deref().unwrap_or_default();
    let waiting =
        |reason: &str| format!("container \"{container}\" in pod \"{name}\" is waiting to start: {reason}");
    let Some(status) = status_of(pod, container) else { return Err(waiting("ContainerCreating")) };
    let none = ContainerState::default();
    let (current, last) =
        (status.state.as_ref().unwrap_or(&none), status.last_state.as_ref().unwrap_or(&none));
    let state =
        if is_previous || (current.waiting.is_some() && last.terminated.is_some()) { last } else { current };
    let started = |text: &str| format!("{container}: {text} {}", status.image);
    if let Some(running) = &state.running {
        let since = running.started_at.as_ref().map_or(now, |time| time.0);
        let mut lines = vec![(since, started("started"))];
        let passed = now.duration_since(since).unsigned_abs().as_secs() / EVERY.as_secs();
        let first = passed.saturating_sub(KEPT as u64) + 1;
        for number in first..=passed {
            let at = since + Duration::from_secs(number.saturating_mul(EVERY.as_secs()));
            lines.push((at, format!("{container}: running for {number} min")));
        }
        return Ok(lines);
    }
    if let Some(ended) = &state.terminated {
        let finished = ended.finished_at.as_ref().map_or(now, |time| time.0);
        let since = ended.started_at.as_ref().map_or(finished, |time| time.0);
        let end = format!("{container}: ended with exit code {}", ended.exit_code);
        return Ok(vec![(since, started("started")), (finished, end)]);
    }
    if is_previous {
        return Err(format!("previous terminated container \"{container}\" in pod \"{name}\" not found"));
    }
    let reason = current.waiting.as_ref().and_then(|waiting| waiting.reason.as_deref());
    Err(waiting(reason.unwrap_or("ContainerCreating")))
}

fn written(lines: &[(Timestamp, String)], wanted: &Wanted) -> String {
    let lines: Vec<_> =
        lines.iter().filter(|(at, _)| wanted.since.is_none_or(|since| *at >= since)).collect();
    let skipped = wanted.tail.map_or(0, |tail| lines.len().saturating_sub(tail));
    let mut text = String::new();
    for (at, line) in &lines[skipped..] {
        if wanted.timestamps {
            text.push_str(&at.strftime("%Y-%m-%dT%H:%M:%S.%9fZ ").to_string());
        }
        text.push_str(line);
        text.push('\n');
    }
    if let Some(limit) = wanted.limit.filter(|limit| *limit < text.len()) {
        text.truncate(text.floor_char_boundary(limit));
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn pod(state: Value, last: Value) -> Pod {
        serde_json::from_value(json!({
            "metadata": {"name": "web", "namespace": "n"},
            "spec": {"containers": [{"name": "app"}, {"name": "proxy"}]},
            "status": {"containerStatuses": [{"name": "app", "image": "nginx", "imageID": "", "ready": true,
                "restartCount": 0, "state": state, "lastState": last}]},
        }))
        .unwrap()
    }

    fn now() -> Timestamp {
        "2026-03-02T09:03:30Z".parse().unwrap()
    }

    #[test]
    fn a_container_that_runs_says_so_every_minute() {
        let pod = pod(json!({"running": {"startedAt": "2026-03-02T09:00:00Z"}}), json!({}));
        let lines = lines(&pod, "app", false, now()).unwrap();
        let texts: Vec<&str> = lines.iter().map(|(_, line)| line.as_str()).collect();
        let expected = [
            "app: started nginx",
            "app: running for 1 min",
            "app: running for 2 min",
            "app: running for 3 min",
        ];
        assert_eq!(texts, expected);
        let wanted = Wanted { tail: Some(1), timestamps: true, ..Wanted::default() };
        assert_eq!(written(&lines, &wanted), "2026-03-02T09:03:00.000000000Z app: running for 3 min\n");
        let wanted =
            Wanted { since: "2026-03-02T09:02:30Z".parse().ok(), limit: Some(3), ..Wanted::default() };
        assert_eq!(written(&lines, &wanted), "app");
    }

    #[test]
    fn the_run_before_can_be_read_and_waiting_is_said() {
        let ended = json!({"terminated": {"startedAt": "2026-03-02T09:00:00Z", "finishedAt": "2026-03-02T09:00:05Z",
            "exitCode": 3}});
        let crashing = pod(json!({"waiting": {"reason": "CrashLoopBackOff"}}), ended);
        for is_previous in [true, false] {
            let lines = lines(&crashing, "app", is_previous, now()).unwrap();
            assert_eq!(lines[1].1, "app: ended with exit code 3");
        }
        let fresh = pod(json!({"waiting": {"reason": "ContainerCreating"}}), json!({}));
        let refusal = lines(&fresh, "app", false, now()).unwrap_err();
        assert_eq!(refusal, "container \"app\" in pod \"web\" is waiting to start: ContainerCreating");
        let refusal = lines(&fresh, "app", true, now()).unwrap_err();
        assert_eq!(refusal, "previous terminated container \"app\" in pod \"web\" not found");
    }

    #[test]
    fn a_container_must_be_named_where_there_are_several() {
        let pod = pod(json!({}), json!({}));
        assert_eq!(container_of(&pod, Some("proxy")), Ok("proxy".to_owned()));
        assert_eq!(container_of(&pod, Some("x")), Err("container x is not valid for pod web".to_owned()));
        let expected = "a container name must be specified for pod web, choose one of: [app proxy]";
        assert_eq!(container_of(&pod, None), Err(expected.to_owned()));
    }
}
