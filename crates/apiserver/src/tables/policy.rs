//! Disruption budgets, autoscalers, signing requests, flow control.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::age::human;
use super::cells::{age, at, items, name, number, or_none, text};
use super::column::{Column, col};

pub(super) const BUDGETS: &[Column] = &[
    col("Name", "name", name),
    col("Min Available", "string", |it, _| amount(at(it, &["spec", "minAvailable"]))),
    col("Max Unavailable", "string", |it, _| amount(at(it, &["spec", "maxUnavailable"]))),
    col("Allowed Disruptions", "integer", |it, _| json!(number(it, &["status", "disruptionsAllowed"]))),
    col("Age", "string", age),
];

fn amount(value: &Value) -> Value {
    match value {
        Value::Null => json!("N/A"),
        Value::String(text) => json!(text),
        other => json!(other.to_string()),
    }
}

pub(super) const AUTOSCALERS: &[Column] = &[
    col("Name", "name", name),
    col("Reference", "string", |it, _| {
        let target = at(it, &["spec", "scaleTargetRef"]);
        json!(format!("{}/{}", text(target, &["kind"]), text(target, &["name"])))
    }),
    col("Targets", "string", targets),
    col("MinPods", "string", |it, _| match it["spec"]["minReplicas"].as_i64() {
        Some(least) => json!(least.to_string()),
        None => json!("<unset>"),
    }),
    col("MaxPods", "integer", |it, _| json!(number(it, &["spec", "maxReplicas"]))),
    col("Replicas", "integer", |it, _| json!(number(it, &["status", "currentReplicas"]))),
    col("Age", "string", age),
];

/// More metrics than this are only counted.
const MOST_METRICS: usize = 2;

fn targets(autoscaler: &Value, _: Timestamp) -> Value {
    // The first version has one target, and it is about the processor.
    if let Some(percent) = autoscaler["spec"]["targetCPUUtilizationPercentage"].as_i64() {
        let current = autoscaler["status"]["currentCPUUtilizationPercentage"].as_i64();
        let current = current.map_or_else(|| "<unknown>".to_owned(), |current| format!("{current}%"));
        return json!(format!("cpu: {current}/{percent}%"));
    }
    let metrics = items(autoscaler, &["spec", "metrics"]);
    let current = items(autoscaler, &["status", "currentMetrics"]);
    let mut texts: Vec<String> = metrics
        .iter()
        .take(MOST_METRICS)
        .enumerate()
        .map(|(position, metric)| target(metric, current.get(position).unwrap_or(&Value::Null)))
        .collect();
    if metrics.len() > MOST_METRICS {
        texts.push(format!("{} more...", metrics.len() - MOST_METRICS));
        return json!(format!("{} + {}", texts[..MOST_METRICS].join(", "), texts[MOST_METRICS]));
    }
    or_none(&texts.join(", "))
}

fn target(metric: &Value, current: &Value) -> String {
    let kind = text(metric, &["type"]);
    let field = match kind {
        "Resource" => "resource",
        "ContainerResource" => "containerResource",
        "Pods" => "pods",
        "Object" => "object",
        "External" => "external",
        _ => return "<unknown type>".to_owned(),
    };
    let (wanted, now) = (at(metric, &[field, "target"]), at(current, &[field, "current"]));
    let shown = |value: &Value| match value {
        Value::Null => "<unknown>".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let (value, average, percent) =
        (&wanted["value"], &wanted["averageValue"], &wanted["averageUtilization"]);
    let pair = if !percent.is_null() {
        let now = &now["averageUtilization"];
        let now = if now.is_null() { "<unknown>".to_owned() } else { format!("{now}%") };
        format!("{now}/{percent}%")
    } else if !average.is_null() {
        let suffix = if matches!(kind, "Object" | "External") { " (avg)" } else { "" };
        format!("{}/{}{suffix}", shown(&now["averageValue"]), shown(average))
    } else {
        format!("{}/{}", shown(&now["value"]), shown(value))
    };
    if matches!(kind, "Resource" | "ContainerResource") {
        format!("{}: {pair}", text(metric, &[field, "name"]))
    } else {
        pair
    }
}

pub(super) const SIGNING_REQUESTS: &[Column] = &[
    col("Name", "name", name),
    col("Age", "string", age),
    col("SignerName", "string", |it, _| or_none(text(it, &["spec", "signerName"]))),
    col("Requestor", "string", |it, _| json!(text(it, &["spec", "username"]))),
    col("RequestedDuration", "string", |it, _| match it["spec"]["expirationSeconds"].as_i64() {
        Some(seconds) => json!(human(seconds)),
        None => json!("<none>"),
    }),
    col("Condition", "string", |it, _| {
        let conditions = items(it, &["status", "conditions"]);
        let has = |kind: &str| conditions.iter().any(|known| known["type"] == kind);
        let mut words = Vec::new();
        if has("Denied") {
            words.push("Denied");
        } else if has("Approved") {
            words.push("Approved");
        } else {
            words.push("Pending");
        }
        if has("Failed") {
            words.push("Failed");
        }
        if !text(it, &["status", "certificate"]).is_empty() {
            words.push("Issued");
        }
        json!(words.join(","))
    }),
];

pub(super) const FLOW_SCHEMAS: &[Column] = &[
    col("Name", "name", name),
    col("PriorityLevel", "string", |it, _| {
        or_none(text(it, &["spec", "priorityLevelConfiguration", "name"]))
    }),
    col("MatchingPrecedence", "integer", |it, _| json!(number(it, &["spec", "matchingPrecedence"]))),
    col("DistinguisherMethod", "string", |it, _| or_none(text(it, &["spec", "distinguisherMethod", "type"]))),
    col("Age", "string", age),
    col("MissingPL", "string", |it, _| {
        let dangling = items(it, &["status", "conditions"]).iter().find(|known| known["type"] == "Dangling");
        json!(dangling.map_or("?", |known| text(known, &["status"])))
    }),
];

pub(super) const PRIORITY_LEVELS: &[Column] = &[
    col("Name", "name", name),
    col("Type", "string", |it, _| json!(text(it, &["spec", "type"]))),
    col("NominalConcurrencyShares", "string", |it, _| limited(it, &["nominalConcurrencyShares"])),
    col("Queues", "string", |it, _| limited(it, &["limitResponse", "queuing", "queues"])),
    col("HandSize", "string", |it, _| limited(it, &["limitResponse", "queuing", "handSize"])),
    col("QueueLengthLimit", "string", |it, _| limited(it, &["limitResponse", "queuing", "queueLengthLimit"])),
    col("Age", "string", age),
];

fn limited(level: &Value, path: &[&str]) -> Value {
    match at(at(level, &["spec", "limited"]), path).as_i64() {
        Some(number) => json!(number.to_string()),
        None => json!("<none>"),
    }
}
