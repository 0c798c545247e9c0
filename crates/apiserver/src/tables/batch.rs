//! Jobs and cron jobs.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::age::{human, since};
use super::cells::{age, at, container_images, container_names, count, items, name, number, selector, text};
use super::column::{Column, col, wide};

pub(super) const JOBS: &[Column] = &[
    col("Name", "name", name),
    col("Status", "string", status),
    col("Completions", "string", completions),
    col("Duration", "string", duration),
    col("Age", "string", age),
    wide("Containers", "string", |it, _| {
        container_names(items(it, &["spec", "template", "spec", "containers"]))
    }),
    wide("Images", "string", |it, _| {
        container_images(items(it, &["spec", "template", "spec", "containers"]))
    }),
    wide("Selector", "string", |it, _| selector(at(it, &["spec", "selector"]))),
];

const POD: [&str; 6] = ["spec", "jobTemplate", "spec", "template", "spec", "containers"];

pub(super) const CRON_JOBS: &[Column] = &[
    col("Name", "name", name),
    col("Schedule", "string", |it, _| json!(text(it, &["spec", "schedule"]))),
    col("Timezone", "string", |it, _| match text(it, &["spec", "timeZone"]) {
        "" => json!("<none>"),
        zone => json!(zone),
    }),
    col("Suspend", "boolean", |it, _| json!(if it["spec"]["suspend"] == true { "True" } else { "False" })),
    col("Active", "integer", |it, _| json!(count(it, &["status", "active"]))),
    col("Last Schedule", "string", |it, now| match at(it, &["status", "lastScheduleTime"]) {
        Value::Null => json!("<none>"),
        time => json!(since(time, now)),
    }),
    col("Age", "string", age),
    wide("Containers", "string", |it, _| container_names(items(it, &POD))),
    wide("Images", "string", |it, _| container_images(items(it, &POD))),
    wide("Selector", "string", |it, _| selector(at(it, &["spec", "jobTemplate", "spec", "selector"]))),
];

fn has_condition(job: &Value, kind: &str) -> bool {
    let conditions = items(job, &["status", "conditions"]);
    conditions.iter().any(|known| known["type"] == kind && known["status"] == "True")
}

fn status(job: &Value, _: Timestamp) -> Value {
    json!(if has_condition(job, "Complete") {
        "Complete"
    } else if has_condition(job, "Failed") {
        "Failed"
    } else if at(job, &["metadata", "deletionTimestamp"]).is_string() {
        "Terminating"
    } else if has_condition(job, "Suspended") {
        "Suspended"
    } else if has_condition(job, "FailureTarget") {
        "FailureTarget"
    } else if has_condition(job, "SuccessCriteriaMet") {
        "SuccessCriteriaMet"
    } else {
        "Running"
    })
}

fn completions(job: &Value, _: Timestamp) -> Value {
    let succeeded = number(job, &["status", "succeeded"]);
    let parallelism = number(job, &["spec", "parallelism"]);
    json!(match at(job, &["spec", "completions"]).as_i64() {
        Some(wanted) => format!("{succeeded}/{wanted}"),
        None if parallelism > 1 => format!("{succeeded}/1 of {parallelism}"),
        None => format!("{succeeded}/1"),
    })
}

fn duration(job: &Value, now: Timestamp) -> Value {
    let time = |field: &str| text(job, &["status", field]).parse::<Timestamp>().ok();
    json!(match (time("startTime"), time("completionTime")) {
        (None, _) => String::new(),
        (Some(start), Some(end)) => human(end.duration_since(start).as_secs()),
        (Some(start), None) => human(now.duration_since(start).as_secs()),
    })
}
