//! Deployments and what is like them.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::cells::{age, at, container_images, container_names, items, labels, name, number, selector, text};
use super::column::{Column, col, wide};

fn containers(object: &Value, _: Timestamp) -> Value {
    container_names(items(object, &["spec", "template", "spec", "containers"]))
}

fn images(object: &Value, _: Timestamp) -> Value {
    container_images(items(object, &["spec", "template", "spec", "containers"]))
}

fn spec_selector(object: &Value, _: Timestamp) -> Value {
    selector(at(object, &["spec", "selector"]))
}

fn ready_of(object: &Value) -> Value {
    let wanted = number(object, &["spec", "replicas"]);
    json!(format!("{}/{wanted}", number(object, &["status", "readyReplicas"])))
}

pub(super) const DEPLOYMENTS: &[Column] = &[
    col("Name", "name", name),
    col("Ready", "string", |it, _| ready_of(it)),
    col("Up-to-date", "integer", |it, _| json!(number(it, &["status", "updatedReplicas"]))),
    col("Available", "integer", |it, _| json!(number(it, &["status", "availableReplicas"]))),
    col("Age", "string", age),
    wide("Containers", "string", containers),
    wide("Images", "string", images),
    wide("Selector", "string", spec_selector),
];

pub(super) const REPLICA_SETS: &[Column] = &[
    col("Name", "name", name),
    col("Desired", "integer", |it, _| json!(number(it, &["spec", "replicas"]))),
    col("Current", "integer", |it, _| json!(number(it, &["status", "replicas"]))),
    col("Ready", "integer", |it, _| json!(number(it, &["status", "readyReplicas"]))),
    col("Age", "string", age),
    wide("Containers", "string", containers),
    wide("Images", "string", images),
    wide("Selector", "string", spec_selector),
];

pub(super) const REPLICATION_CONTROLLERS: &[Column] = &[
    col("Name", "name", name),
    col("Desired", "integer", |it, _| json!(number(it, &["spec", "replicas"]))),
    col("Current", "integer", |it, _| json!(number(it, &["status", "replicas"]))),
    col("Ready", "integer", |it, _| json!(number(it, &["status", "readyReplicas"]))),
    col("Age", "string", age),
    wide("Containers", "string", containers),
    wide("Images", "string", images),
    wide("Selector", "string", |it, _| labels(at(it, &["spec", "selector"]))),
];

pub(super) const STATEFUL_SETS: &[Column] = &[
    col("Name", "name", name),
    col("Ready", "string", |it, _| ready_of(it)),
    col("Age", "string", age),
    wide("Containers", "string", containers),
    wide("Images", "string", images),
];

pub(super) const DAEMON_SETS: &[Column] = &[
    col("Name", "name", name),
    col("Desired", "integer", |it, _| json!(number(it, &["status", "desiredNumberScheduled"]))),
    col("Current", "integer", |it, _| json!(number(it, &["status", "currentNumberScheduled"]))),
    col("Ready", "integer", |it, _| json!(number(it, &["status", "numberReady"]))),
    col("Up-to-date", "integer", |it, _| json!(number(it, &["status", "updatedNumberScheduled"]))),
    col("Available", "integer", |it, _| json!(number(it, &["status", "numberAvailable"]))),
    col("Node Selector", "string", |it, _| labels(at(it, &["spec", "template", "spec", "nodeSelector"]))),
    col("Age", "string", age),
    wide("Containers", "string", containers),
    wide("Images", "string", images),
    wide("Selector", "string", spec_selector),
];

/// Scales, whatever they are of.
pub(super) const SCALES: &[Column] = &[
    col("Name", "name", name),
    col("Desired", "integer", |it, _| json!(number(it, &["spec", "replicas"]))),
    col("Available", "integer", |it, _| json!(number(it, &["status", "replicas"]))),
    col("Age", "string", age),
];

pub(super) const CONTROLLER_REVISIONS: &[Column] = &[
    col("Name", "name", name),
    col("Controller", "string", |it, _| {
        let owner =
            items(it, &["metadata", "ownerReferences"]).iter().find(|owner| owner["controller"] == true);
        json!(owner.map_or_else(
            || "<none>".to_owned(),
            |owner| {
                let (group, _) = crate::gvk::split_api_version(text(owner, &["apiVersion"]));
                let kind = text(owner, &["kind"]).to_lowercase();
                format!("{kind}.{group}/{}", text(owner, &["name"]))
            }
        ))
    }),
    col("Revision", "integer", |it, _| json!(number(it, &["revision"]))),
    col("Age", "string", age),
];
