//! Pods.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::age::human;
use super::cells::{age, at, container_images, container_names, items, labels, name, number, or_none, text};
use super::column::{Column, col, wide};

pub(super) const PODS: &[Column] = &[
    col("Name", "name", name),
    col("Ready", "string", |pod, now| json!(Pod::read(pod, now).ready)),
    col("Status", "string", |pod, now| json!(Pod::read(pod, now).reason)),
    col("Restarts", "string", |pod, now| json!(Pod::read(pod, now).restarts)),
    col("Age", "string", age),
    wide("IP", "string", |pod, _| or_none(ip(pod))),
    wide("Node", "string", |pod, _| or_none(text(pod, &["spec", "nodeName"]))),
    wide("Nominated Node", "string", |pod, _| or_none(text(pod, &["status", "nominatedNodeName"]))),
    wide("Readiness Gates", "string", readiness_gates),
];

pub(super) const TEMPLATES: &[Column] = &[
    col("Name", "name", name),
    col("Containers", "string", |it, _| container_names(items(it, &["template", "spec", "containers"]))),
    col("Images", "string", |it, _| container_images(items(it, &["template", "spec", "containers"]))),
    col("Pod Labels", "string", |it, _| labels(at(it, &["template", "metadata", "labels"]))),
];

fn ip(pod: &Value) -> &str {
    items(pod, &["status", "podIPs"])
        .first()
        .map_or_else(|| text(pod, &["status", "podIP"]), |ip| text(ip, &["ip"]))
}

fn readiness_gates(pod: &Value, _: Timestamp) -> Value {
    let gates = items(pod, &["spec", "readinessGates"]);
    if gates.is_empty() {
        return or_none("");
    }
    let is_true = |gate: &&Value| {
        let conditions = items(pod, &["status", "conditions"]);
        conditions.iter().any(|known| known["type"] == gate["conditionType"] && known["status"] == "True")
    };
    json!(format!("{}/{}", gates.iter().filter(is_true).count(), gates.len()))
}

/// What the first columns of a pod say, which depend on one another.
struct Pod {
    ready: String,
    reason: String,
    restarts: String,
}

/// How often containers were restarted, and when the last time was.
#[derive(Default)]
struct Restarts {
    count: i64,
    last: Option<Timestamp>,
}

impl Restarts {
    fn add(&mut self, status: &Value) {
        self.count += number(status, &["restartCount"]);
        let finished = text(status, &["lastState", "terminated", "finishedAt"]).parse().ok();
        self.last = self.last.max(finished);
    }
}

impl Pod {
    fn read(pod: &Value, now: Timestamp) -> Self {
        let spec_containers = items(pod, &["spec", "containers"]);
        let inits = items(pod, &["spec", "initContainers"]);
        let is_sidecar = |name: &str| {
            inits.iter().any(|init| text(init, &["name"]) == name && init["restartPolicy"] == "Always")
        };
        let mut total = spec_containers.len();
        total += inits.iter().filter(|init| init["restartPolicy"] == "Always").count();
        let mut reason = match text(pod, &["status", "reason"]) {
            "" => text(pod, &["status", "phase"]).to_owned(),
            reason => reason.to_owned(),
        };
        let conditions = items(pod, &["status", "conditions"]);
        if conditions
            .iter()
            .any(|known| known["type"] == "PodScheduled" && known["reason"] == "SchedulingGated")
        {
            "SchedulingGated".clone_into(&mut reason);
        }
        let (mut restarts, mut sidecar_restarts) = (Restarts::default(), Restarts::default());
        let mut ready = 0;
        let mut is_initializing = false;
        let init_statuses = items(pod, &["status", "initContainerStatuses"]);
        for (position, status) in init_statuses.iter().enumerate() {
            restarts.add(status);
            let sidecar = is_sidecar(text(status, &["name"]));
            if sidecar {
                sidecar_restarts.add(status);
            }
            let state = &status["state"];
            let ended = &state["terminated"];
            if ended.is_object() && number(ended, &["exitCode"]) == 0 {
                continue;
            }
            if sidecar && status["started"] == true {
                ready += usize::from(status["ready"] == true);
                continue;
            }
            let waiting = text(state, &["waiting", "reason"]);
            reason = if ended.is_object() {
                format!("Init:{}", ended_reason(ended))
            } else if !waiting.is_empty() && waiting != "PodInitializing" {
                format!("Init:{waiting}")
            } else {
                format!("Init:{position}/{}", inits.len())
            };
            is_initializing = true;
            break;
        }
        let is_initialized =
            conditions.iter().any(|known| known["type"] == "Initialized" && known["status"] == "True");
        if !is_initializing || is_initialized {
            restarts = sidecar_restarts;
            let mut has_running = false;
            for status in items(pod, &["status", "containerStatuses"]).iter().rev() {
                restarts.add(status);
                let state = &status["state"];
                let waiting = text(state, &["waiting", "reason"]);
                let ended = &state["terminated"];
                if !waiting.is_empty() {
                    waiting.clone_into(&mut reason);
                } else if ended.is_object() {
                    reason = ended_reason(ended);
                } else if status["ready"] == true && state["running"].is_object() {
                    has_running = true;
                    ready += 1;
                }
            }
            if reason == "Completed" && has_running {
                let is_ready =
                    conditions.iter().any(|known| known["type"] == "Ready" && known["status"] == "True");
                (if is_ready { "Running" } else { "NotReady" }).clone_into(&mut reason);
            }
        }
        if at(pod, &["metadata", "deletionTimestamp"]).is_string() {
            if text(pod, &["status", "reason"]) == "NodeLost" {
                "Unknown".clone_into(&mut reason);
            } else if !matches!(text(pod, &["status", "phase"]), "Failed" | "Succeeded") {
                "Terminating".clone_into(&mut reason);
            }
        }
        let restarts = match restarts.last {
            Some(last) if restarts.count > 0 => {
                format!("{} ({} ago)", restarts.count, human(now.duration_since(last).as_secs()))
            }
            _ => restarts.count.to_string(),
        };
        Self { ready: format!("{ready}/{total}"), reason, restarts }
    }
}

fn ended_reason(ended: &Value) -> String {
    let signal = number(ended, &["signal"]);
    match text(ended, &["reason"]) {
        "" if signal != 0 => format!("Signal:{signal}"),
        "" => format!("ExitCode:{}", number(ended, &["exitCode"])),
        reason => reason.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(json!({"phase": "Pending"}), "0/1", "Pending", "0")]
    #[case(json!({"phase": "Running", "containerStatuses": [{"ready": true, "restartCount": 2, "state": {"running": {}},
        "lastState": {"terminated": {"finishedAt": "2026-01-01T00:00:00Z"}}}]}), "1/1", "Running", "2 (5m ago)")]
    #[case(json!({"phase": "Running", "containerStatuses": [{"restartCount": 7, "state": {"waiting": {"reason": "CrashLoopBackOff"}}}]}),
        "0/1", "CrashLoopBackOff", "7")]
    #[case(json!({"phase": "Succeeded", "containerStatuses": [{"restartCount": 0, "state": {"terminated": {"reason": "Completed", "exitCode": 0}}}]}),
        "0/1", "Completed", "0")]
    #[case(json!({"phase": "Failed", "containerStatuses": [{"restartCount": 0, "state": {"terminated": {"exitCode": 3}}}]}), "0/1", "ExitCode:3", "0")]
    #[case(json!({"phase": "Failed", "reason": "Evicted"}), "0/1", "Evicted", "0")]
    fn the_first_columns_say_how_a_pod_is(
        #[case] status: Value,
        #[case] ready: &str,
        #[case] reason: &str,
        #[case] restarts: &str,
    ) {
        let pod = json!({"metadata": {}, "spec": {"containers": [{"name": "a"}]}, "status": status});
        let found = Pod::read(&pod, "2026-01-01T00:05:00Z".parse().unwrap());
        assert_eq!(
            (found.ready.as_str(), found.reason.as_str(), found.restarts.as_str()),
            (ready, reason, restarts)
        );
    }

    #[test]
    fn a_pod_that_initializes_or_goes_says_so() {
        let now = Timestamp::UNIX_EPOCH;
        let mut pod = json!({"metadata": {}, "spec": {"containers": [{}], "initContainers": [{"name": "i"}, {"name": "j"}]},
            "status": {"phase": "Pending", "initContainerStatuses": [{"name": "i", "state": {"running": {}}}]}});
        assert_eq!(Pod::read(&pod, now).reason, "Init:0/2");
        pod["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
        assert_eq!(Pod::read(&pod, now).reason, "Terminating");
    }
}
