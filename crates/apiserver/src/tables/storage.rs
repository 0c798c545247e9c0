//! Volumes, claims, classes.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::cells::{UNSET, age, at, count, items, name, or_none, text};
use super::column::{Column, col, wide};

pub(super) const VOLUMES: &[Column] = &[
    col("Name", "name", name),
    col("Capacity", "string", |it, _| json!(text(it, &["spec", "capacity", "storage"]))),
    col("Access Modes", "string", |it, _| json!(modes(items(it, &["spec", "accessModes"])))),
    col("Reclaim Policy", "string", |it, _| json!(text(it, &["spec", "persistentVolumeReclaimPolicy"]))),
    col("Status", "string", |it, _| json!(phase(it))),
    col("Claim", "string", |it, _| {
        let claim = at(it, &["spec", "claimRef"]);
        json!(if claim.is_null() {
            String::new()
        } else {
            format!("{}/{}", text(claim, &["namespace"]), text(claim, &["name"]))
        })
    }),
    col("StorageClass", "string", |it, _| json!(text(it, &["spec", "storageClassName"]))),
    col("VolumeAttributesClass", "string", attributes_class),
    col("Reason", "string", |it, _| json!(text(it, &["status", "reason"]))),
    col("Age", "string", age),
    wide("VolumeMode", "string", volume_mode),
];

pub(super) const CLAIMS: &[Column] = &[
    col("Name", "name", name),
    col("Status", "string", |it, _| json!(phase(it))),
    col("Volume", "string", |it, _| json!(text(it, &["spec", "volumeName"]))),
    col("Capacity", "string", |it, _| {
        let is_bound = !text(it, &["spec", "volumeName"]).is_empty();
        json!(if is_bound { text(it, &["status", "capacity", "storage"]) } else { "" })
    }),
    col("Access Modes", "string", |it, _| {
        let is_bound = !text(it, &["spec", "volumeName"]).is_empty();
        json!(if is_bound { modes(items(it, &["status", "accessModes"])) } else { String::new() })
    }),
    col("StorageClass", "string", |it, _| json!(text(it, &["spec", "storageClassName"]))),
    col("VolumeAttributesClass", "string", attributes_class),
    col("Age", "string", age),
    wide("VolumeMode", "string", volume_mode),
];

fn phase(object: &Value) -> &str {
    if at(object, &["metadata", "deletionTimestamp"]).is_string() {
        "Terminating"
    } else {
        text(object, &["status", "phase"])
    }
}

fn modes(list: &[Value]) -> String {
    let short: Vec<&str> = list
        .iter()
        .filter_map(Value::as_str)
        .map(|mode| match mode {
            "ReadWriteOnce" => "RWO",
            "ReadOnlyMany" => "ROX",
            "ReadWriteMany" => "RWX",
            "ReadWriteOncePod" => "RWOP",
            other => other,
        })
        .collect();
    short.join(",")
}

fn attributes_class(object: &Value, _: Timestamp) -> Value {
    let name = text(object, &["spec", "volumeAttributesClassName"]);
    json!(if name.is_empty() { UNSET } else { name })
}

fn volume_mode(object: &Value, _: Timestamp) -> Value {
    let mode = text(object, &["spec", "volumeMode"]);
    json!(if mode.is_empty() { UNSET } else { mode })
}

/// The annotation that makes a class the one for claims that name none.
const DEFAULT_CLASS: &str = "storageclass.kubernetes.io/is-default-class";

pub(super) const CLASSES: &[Column] = &[
    col("Name", "name", |it, _| {
        let is_default = it["metadata"]["annotations"][DEFAULT_CLASS] == "true";
        let name = text(it, &["metadata", "name"]);
        json!(if is_default { format!("{name} (default)") } else { name.to_owned() })
    }),
    col("Provisioner", "string", |it, _| json!(text(it, &["provisioner"]))),
    col("ReclaimPolicy", "string", |it, _| {
        let policy = text(it, &["reclaimPolicy"]);
        json!(if policy.is_empty() { "Delete" } else { policy })
    }),
    col("VolumeBindingMode", "string", |it, _| {
        let mode = text(it, &["volumeBindingMode"]);
        json!(if mode.is_empty() { "Immediate" } else { mode })
    }),
    col("AllowVolumeExpansion", "string", |it, _| json!(it["allowVolumeExpansion"] == true)),
    col("Age", "string", age),
];

pub(super) const ATTACHMENTS: &[Column] = &[
    col("Name", "name", name),
    col("Attacher", "string", |it, _| json!(text(it, &["spec", "attacher"]))),
    col("PV", "string", |it, _| json!(text(it, &["spec", "source", "persistentVolumeName"]))),
    col("Node", "string", |it, _| json!(text(it, &["spec", "nodeName"]))),
    col("Attached", "boolean", |it, _| json!(it["status"]["attached"] == true)),
    col("Age", "string", age),
];

pub(super) const CSI_NODES: &[Column] = &[
    col("Name", "name", name),
    col("Drivers", "integer", |it, _| json!(count(it, &["spec", "drivers"]))),
    col("Age", "string", age),
];

pub(super) const CSI_DRIVERS: &[Column] = &[
    col("Name", "name", name),
    col("AttachRequired", "boolean", |it, _| json!(it["spec"]["attachRequired"] != false)),
    col("PodInfoOnMount", "boolean", |it, _| json!(it["spec"]["podInfoOnMount"] == true)),
    col("StorageCapacity", "boolean", |it, _| json!(it["spec"]["storageCapacity"] == true)),
    col("TokenRequests", "string", |it, _| {
        let audiences: Vec<&str> = items(it, &["spec", "tokenRequests"])
            .iter()
            .map(|request| text(request, &["audience"]))
            .collect();
        json!(if audiences.is_empty() { UNSET.to_owned() } else { audiences.join(",") })
    }),
    col("RequiresRepublish", "boolean", |it, _| json!(it["spec"]["requiresRepublish"] == true)),
    col("Modes", "string", |it, _| {
        let modes: Vec<&str> =
            items(it, &["spec", "volumeLifecycleModes"]).iter().filter_map(Value::as_str).collect();
        or_none(&modes.join(","))
    }),
    col("Age", "string", age),
];

pub(super) const CSI_CAPACITIES: &[Column] = &[
    col("Name", "name", name),
    col("StorageClassName", "string", |it, _| json!(text(it, &["storageClassName"]))),
    col("Capacity", "string", |it, _| json!(text(it, &["capacity"]))),
    col("Age", "string", age),
];

pub(super) const ATTRIBUTES_CLASSES: &[Column] = &[
    col("Name", "name", name),
    col("DriverName", "string", |it, _| json!(text(it, &["driverName"]))),
    col("Age", "string", age),
];
