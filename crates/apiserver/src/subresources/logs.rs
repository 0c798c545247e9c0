//! What containers wrote: `pods/NAME/log`. The server knows who may be asked and in which form it is answered; the lines
//! themselves come from whoever runs the containers ([`Server::mount_pod_logs`]).

use std::collections::VecDeque;
use std::sync::{Arc, PoisonError};

use axum::body::Body;
use bytes::Bytes;
use futures::StreamExt;
use futures::stream::BoxStream;
use http::Response;
use http::header::{CONTENT_TYPE, HeaderValue};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::containers::chosen;
use crate::builtin::read::{items, text};
use crate::field_error::FieldError;
use crate::gvk::Gvk;
use crate::http::Call;
use crate::server::Server;
use crate::status::ApiError;

/// Whose lines are wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogRequest {
    /// The namespace of the pod.
    pub namespace: String,
    /// The name of the pod.
    pub pod: String,
    /// The name of one of its containers.
    pub container: String,
    /// Whether those of the run before the last restart are meant.
    pub is_previous: bool,
    /// Whether what is still to be written is wanted too.
    pub follows: bool,
}

/// One line, and when it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// When.
    pub time: Timestamp,
    /// The line, without its end.
    pub text: String,
}

/// What a container wrote.
#[derive(Default)]
pub struct PodLog {
    /// What it has written so far, oldest first.
    pub lines: Vec<LogLine>,
    /// What it writes from now on; ends with the container. Looked at only if the request follows.
    pub following: Option<BoxStream<'static, LogLine>>,
}

impl std::fmt::Debug for PodLog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PodLog").field("lines", &self.lines).finish_non_exhaustive()
    }
}

/// Who has the lines.
pub(crate) type PodLogs = Arc<dyn Fn(&LogRequest) -> PodLog + Send + Sync>;

impl Server {
    /// Lets somebody supply what containers wrote. Asked only for containers that there are and that have begun.
    pub fn mount_pod_logs(&self, logs: impl Fn(&LogRequest) -> PodLog + Send + Sync + 'static) {
        *self.shared.pod_logs.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(logs));
    }
}

/// Answers `pods/NAME/log`.
pub(crate) fn log(call: &Call) -> Result<Response<Body>, ApiError> {
    let live = call.server.shared.store.get(call.resource.table, &call.key());
    let pod = live.ok_or_else(|| call.not_found())?.value();
    let form = Form::of(call)?;
    let container = chosen(&pod, call.query.get("container"))?;
    let is_previous = call.query.flag("previous");
    let supplier = call.server.shared.pod_logs.read().unwrap_or_else(PoisonError::into_inner).clone();
    let Some(supplier) = supplier else {
        return Err(ApiError::not_implemented(
            "nothing here runs containers, so that there are no logs of them",
        ));
    };
    // A pod that is not on a node yet has written nothing.
    if text(&pod["spec"], "nodeName").is_empty() {
        return Ok(respond(Body::empty()));
    }
    check_state(&pod, &container, is_previous)?;
    let request = LogRequest {
        namespace: call.path.namespace.clone(),
        pod: call.path.name.clone(),
        container,
        is_previous,
        follows: call.query.flag("follow"),
    };
    let PodLog { lines, following } = supplier(&request);
    let mut form = form;
    let first = form.written(lines);
    let Some(following) = following.filter(|_| request.follows) else {
        return Ok(respond(Body::from(first)));
    };
    let more = following.map(move |line| form.line(&line)).take_while(|line| {
        let goes_on = line.is_some();
        async move { goes_on }
    });
    let first = futures::stream::iter((!first.is_empty()).then(|| Bytes::from(first)));
    let all = first.chain(more.map(|line| Bytes::from(line.unwrap_or_default())));
    Ok(respond(Body::from_stream(all.map(Ok::<_, std::convert::Infallible>))))
}

fn respond(body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain"));
    response
}

/// Refuses containers that have written nothing yet, as kubelets do.
fn check_state(pod: &Value, container: &str, is_previous: bool) -> Result<(), ApiError> {
    let name = text(&pod["metadata"], "name");
    let status = ["containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses"]
        .iter()
        .flat_map(|list| items(&pod["status"], list))
        .find(|status| text(status, "name") == container)
        .unwrap_or(&Value::Null);
    if is_previous {
        if status["lastState"]["terminated"].is_object() {
            return Ok(());
        }
        return Err(ApiError::bad_request(format!(
            "previous terminated container {container:?} in pod {name:?} not found"
        )));
    }
    if status["state"]["running"].is_object()
        || status["state"]["terminated"].is_object()
        || status["lastState"]["terminated"].is_object()
    {
        return Ok(());
    }
    let reason = text(&status["state"]["waiting"], "reason");
    let reason = if reason.is_empty() { "ContainerCreating" } else { reason };
    Err(ApiError::bad_request(format!(
        "container {container:?} in pod {name:?} is waiting to start: {reason}"
    )))
}

/// Which lines are sent, and how.
struct Form {
    since: Option<Timestamp>,
    most_lines: Option<usize>,
    /// Bytes that may still be sent.
    most_bytes: Option<usize>,
    has_times: bool,
}

impl Form {
    fn of(call: &Call) -> Result<Self, ApiError> {
        let query = &call.query;
        let mut errors = Vec::new();
        let mut amount = |name: &str, least: i64, detail: &str| -> Result<Option<i64>, ApiError> {
            let amount = query.number(name)?;
            if let Some(amount) = amount.filter(|amount| *amount < least) {
                errors.push(FieldError::invalid(name, amount, detail));
            }
            Ok(amount)
        };
        let lines = amount("tailLines", 0, "must be greater than or equal to 0")?;
        let bytes = amount("limitBytes", 1, "must be greater than 0")?;
        let seconds = amount("sinceSeconds", 1, "must be greater than 0")?;
        let time = query.get("sinceTime");
        if seconds.is_some() && !time.is_empty() {
            let detail = "at most one of `sinceTime` or `sinceSeconds` may be specified";
            errors.push(FieldError::forbidden("", detail));
        }
        let since = match (seconds, time) {
            (Some(seconds), _) => {
                let ago = SignedDuration::from_secs(seconds);
                Some(call.server.now().saturating_sub(ago).unwrap_or(Timestamp::MIN))
            }
            (None, "") => None,
            (None, time) => Some(time.parse().map_err(|_| {
                let words = "as \"2006-01-02T15:04:05Z07:00\": cannot parse it";
                ApiError::bad_request(format!("parsing time {time:?} {words}"))
            })?),
        };
        if !errors.is_empty() {
            return Err(ApiError::invalid(&Gvk::new("", "v1", "PodLogOptions"), &call.path.name, &errors));
        }
        let size = |amount: Option<i64>| amount.and_then(|amount| usize::try_from(amount).ok());
        Ok(Self {
            since,
            most_lines: size(lines),
            most_bytes: size(bytes),
            has_times: query.flag("timestamps"),
        })
    }

    /// What was written so far.
    fn written(&mut self, lines: Vec<LogLine>) -> Vec<u8> {
        let mut lines: VecDeque<LogLine> = lines.into();
        if let Some(most) = self.most_lines {
            lines.drain(..lines.len().saturating_sub(most));
        }
        let mut out = Vec::new();
        for line in &lines {
            let Some(line) = self.line(line) else { break };
            out.extend_from_slice(&line);
        }
        out
    }

    /// One line as it is sent, cut where the limit is; nothing once that is reached.
    fn line(&mut self, line: &LogLine) -> Option<Vec<u8>> {
        if self.most_bytes == Some(0) {
            return None;
        }
        if self.since.is_some_and(|since| line.time < since) {
            return Some(Vec::new());
        }
        let mut out = Vec::with_capacity(line.text.len() + 32);
        if self.has_times {
            out.extend_from_slice(line.time.strftime("%Y-%m-%dT%H:%M:%S.%9fZ ").to_string().as_bytes());
        }
        out.extend_from_slice(line.text.as_bytes());
        out.push(b'\n');
        if let Some(left) = &mut self.most_bytes {
            out.truncate(*left);
            *left -= out.len();
        }
        Some(out)
    }
}
