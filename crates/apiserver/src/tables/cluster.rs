//! Nodes, namespaces, events, configuration.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::age::since;
use super::cells::{age, at, count, created_at, items, name, number, or_none, text};
use super::column::{Column, col, wide};

pub(super) const NODES: &[Column] = &[
    col("Name", "name", name),
    col("Status", "string", status),
    col("Roles", "string", roles),
    col("Age", "string", age),
    col("Version", "string", |it, _| json!(text(it, &["status", "nodeInfo", "kubeletVersion"]))),
    wide("Internal-IP", "string", |it, _| or_none(address(it, "InternalIP"))),
    wide("External-IP", "string", |it, _| or_none(address(it, "ExternalIP"))),
    wide("OS-Image", "string", |it, _| unknown(text(it, &["status", "nodeInfo", "osImage"]))),
    wide("Kernel-Version", "string", |it, _| unknown(text(it, &["status", "nodeInfo", "kernelVersion"]))),
    wide("Container-Runtime", "string", |it, _| {
        unknown(text(it, &["status", "nodeInfo", "containerRuntimeVersion"]))
    }),
];

fn unknown(text: &str) -> Value {
    json!(if text.is_empty() { "<unknown>" } else { text })
}

fn status(node: &Value, _: Timestamp) -> Value {
    let ready = items(node, &["status", "conditions"]).iter().find(|known| known["type"] == "Ready");
    let mut status = match ready.map(|known| text(known, &["status"])) {
        Some("True") => "Ready".to_owned(),
        Some(_) => "NotReady".to_owned(),
        None => "Unknown".to_owned(),
    };
    if node["spec"]["unschedulable"] == true {
        status.push_str(",SchedulingDisabled");
    }
    json!(status)
}

/// Labels that begin like this say which role a node has.
const ROLE_PREFIX: &str = "node-role.kubernetes.io/";

fn roles(node: &Value, _: Timestamp) -> Value {
    let mut roles: Vec<&str> = Vec::new();
    for (key, value) in node["metadata"]["labels"].as_object().into_iter().flatten() {
        match key.strip_prefix(ROLE_PREFIX) {
            Some(role) if !role.is_empty() => roles.push(role),
            None if key == "kubernetes.io/role" => {
                roles.extend(value.as_str().filter(|role| !role.is_empty()))
            }
            _ => {}
        }
    }
    roles.sort_unstable();
    roles.dedup();
    or_none(&roles.join(","))
}

fn address<'a>(node: &'a Value, kind: &str) -> &'a str {
    let found = items(node, &["status", "addresses"]).iter().find(|address| address["type"] == kind);
    found.map_or("", |address| text(address, &["address"]))
}

pub(super) const NAMESPACES: &[Column] = &[
    col("Name", "name", name),
    col("Status", "string", |it, _| json!(text(it, &["status", "phase"]))),
    col("Age", "string", age),
];

pub(super) const EVENTS: &[Column] = &[
    col("Last Seen", "string", last_seen),
    col("Type", "string", |it, _| json!(text(it, &["type"]))),
    col("Reason", "string", |it, _| json!(text(it, &["reason"]))),
    col("Object", "string", |it, _| {
        let about = regarding(it);
        let kind = text(about, &["kind"]).to_lowercase();
        json!(match text(about, &["name"]) {
            "" => kind,
            name => format!("{kind}/{name}"),
        })
    }),
    wide("Subobject", "string", |it, _| json!(text(regarding(it), &["fieldPath"]))),
    wide("Source", "string", source),
    col("Message", "string", |it, _| {
        json!(text(it, &["message"]).trim().to_owned() + text(it, &["note"]).trim())
    }),
    wide("First Seen", "string", first_seen),
    wide("Count", "string", |it, _| {
        let series = number(it, &["series", "count"]);
        let plain = number(it, &["count"]).max(number(it, &["deprecatedCount"]));
        json!(if series > 0 { series } else { plain.max(1) }.to_string())
    }),
    wide("Name", "name", name),
];

fn regarding(event: &Value) -> &Value {
    if event["involvedObject"].is_object() { &event["involvedObject"] } else { &event["regarding"] }
}

fn time_of<'a>(event: &'a Value, fields: &[&str]) -> &'a Value {
    fields.iter().map(|field| &event[*field]).find(|time| !time.is_null()).unwrap_or(&Value::Null)
}

fn first_seen(event: &Value, now: Timestamp) -> Value {
    json!(since(time_of(event, &["firstTimestamp", "deprecatedFirstTimestamp", "eventTime"]), now))
}

fn last_seen(event: &Value, now: Timestamp) -> Value {
    let series = at(event, &["series", "lastObservedTime"]);
    if !series.is_null() {
        return json!(since(series, now));
    }
    let last = time_of(event, &["lastTimestamp", "deprecatedLastTimestamp"]);
    if last.is_null() { first_seen(event, now) } else { json!(since(last, now)) }
}

fn source(event: &Value, _: Timestamp) -> Value {
    let source = if event["source"].is_object() { &event["source"] } else { &event["deprecatedSource"] };
    let component = match text(source, &["component"]) {
        "" => time_of(event, &["reportingComponent", "reportingController"]).as_str().unwrap_or(""),
        component => component,
    };
    json!(match text(source, &["host"]) {
        "" => component.to_owned(),
        host => format!("{component}, {host}"),
    })
}

pub(super) const CONFIG_MAPS: &[Column] = &[
    col("Name", "name", name),
    col("Data", "integer", |it, _| json!(count(it, &["data"]) + count(it, &["binaryData"]))),
    col("Age", "string", age),
];

pub(super) const SECRETS: &[Column] = &[
    col("Name", "name", name),
    col("Type", "string", |it, _| json!(text(it, &["type"]))),
    col("Data", "integer", |it, _| json!(count(it, &["data"]))),
    col("Age", "string", age),
];

pub(super) const SERVICE_ACCOUNTS: &[Column] = &[
    col("Name", "name", name),
    col("Secrets", "integer", |it, _| json!(count(it, &["secrets"]))),
    col("Age", "string", age),
];

pub(super) const LIMIT_RANGES: &[Column] =
    &[col("Name", "name", name), col("Created At", "date", created_at)];

pub(super) const QUOTAS: &[Column] = &[
    col("Name", "name", name),
    col("Request", "string", |it, _| json!(used(it, false))),
    col("Limit", "string", |it, _| json!(used(it, true))),
    col("Age", "string", age),
];

/// What is used of a quota, of how much: limits, or everything else.
fn used(quota: &Value, is_of_limits: bool) -> String {
    let mut names: Vec<&String> =
        quota["status"]["hard"].as_object().into_iter().flatten().map(|(key, _)| key).collect();
    names.sort_unstable();
    let parts: Vec<String> = names
        .into_iter()
        .filter(|name| name.contains("limits.") == is_of_limits)
        .map(|name| {
            let amount = |what: &str| {
                let value = at(quota, &["status", what, name]);
                value.as_str().map_or_else(
                    || if value.is_null() { "0".to_owned() } else { value.to_string() },
                    str::to_owned,
                )
            };
            format!("{name}: {}/{}", amount("used"), amount("hard"))
        })
        .collect();
    parts.join(", ")
}

pub(super) const LEASES: &[Column] = &[
    col("Name", "name", name),
    col("Holder", "string", |it, _| json!(text(it, &["spec", "holderIdentity"]))),
    col("Age", "string", age),
];

pub(super) const PRIORITY_CLASSES: &[Column] = &[
    col("Name", "name", name),
    col("Value", "integer", |it, _| json!(number(it, &["value"]))),
    col("Global-Default", "boolean", |it, _| json!(it["globalDefault"] == true)),
    col("Age", "string", age),
    col("PreemptionPolicy", "string", |it, _| json!(text(it, &["preemptionPolicy"]))),
];

pub(super) const RUNTIME_CLASSES: &[Column] = &[
    col("Name", "name", name),
    col("Handler", "string", |it, _| json!(text(it, &["handler"]))),
    col("Age", "string", age),
];

/// What has no columns of its own.
pub(super) const PLAIN: &[Column] = &[col("Name", "name", name), col("Age", "string", age)];

/// What is shown with the time of its creation.
pub(super) const DATED: &[Column] = &[col("Name", "name", name), col("Created At", "date", created_at)];

pub(super) const RESOURCE_CLAIMS: &[Column] = &[
    col("Name", "name", name),
    col("State", "string", |it, _| {
        let mut states = Vec::new();
        if at(it, &["metadata", "deletionTimestamp"]).is_string() {
            states.push("deleted");
        }
        states.push(if it["status"]["allocation"].is_object() { "allocated" } else { "pending" });
        if count(it, &["status", "reservedFor"]) > 0 {
            states.push("reserved");
        }
        json!(states.join(","))
    }),
    col("Age", "string", age),
];

pub(super) const RESOURCE_SLICES: &[Column] = &[
    col("Name", "name", name),
    col("Node", "string", |it, _| json!(text(it, &["spec", "nodeName"]))),
    col("Driver", "string", |it, _| json!(text(it, &["spec", "driver"]))),
    col("Pool", "string", |it, _| json!(text(it, &["spec", "pool", "name"]))),
    col("Age", "string", age),
];
