//! What the server itself does to an object before it is stored: status reset, spec kept, generation counted.

use serde_json::{Value, json};

use crate::gvk::Gvk;

use super::pod::defaults::{mirror_service_account, qos_class};
use super::read::{
    ensure_object, has_content, items, remove, same, set, set_default, set_default_text, text,
};
use super::registration::reset_policy_status;
use super::workloads::batch::generate_selector;

/// Kinds whose generation grows with their spec; the others have none.
const COUNTED: [(&str, &str); 21] = [
    ("", "Pod"),
    ("", "ReplicationController"),
    ("admissionregistration.k8s.io", "MutatingWebhookConfiguration"),
    ("admissionregistration.k8s.io", "ValidatingAdmissionPolicy"),
    ("admissionregistration.k8s.io", "ValidatingAdmissionPolicyBinding"),
    ("admissionregistration.k8s.io", "ValidatingWebhookConfiguration"),
    ("apiextensions.k8s.io", "CustomResourceDefinition"),
    ("apps", "DaemonSet"),
    ("apps", "Deployment"),
    ("apps", "ReplicaSet"),
    ("apps", "StatefulSet"),
    ("batch", "CronJob"),
    ("batch", "Job"),
    ("discovery.k8s.io", "EndpointSlice"),
    ("networking.k8s.io", "Ingress"),
    ("networking.k8s.io", "IngressClass"),
    ("networking.k8s.io", "NetworkPolicy"),
    ("policy", "PodDisruptionBudget"),
    ("scheduling.k8s.io", "PriorityClass"),
    ("flowcontrol.apiserver.k8s.io", "FlowSchema"),
    ("flowcontrol.apiserver.k8s.io", "PriorityLevelConfiguration"),
];

/// Whether the kind counts generations.
pub fn counts_generations(gvk: &Gvk) -> bool {
    COUNTED.contains(&(gvk.group.as_str(), gvk.kind.as_str()))
}

/// The status that an object of a builtin kind is created with; `None` if what is sent is kept, or the kind has none.
fn first_status(gvk: &Gvk, object: &Value) -> Option<Value> {
    Some(match (gvk.group.as_str(), gvk.kind.as_str()) {
        ("", "Pod") => json!({ "phase": "Pending", "qosClass": qos_class(&object["spec"]) }),
        ("", "Namespace") => json!({ "phase": "Active" }),
        ("", "PersistentVolume" | "PersistentVolumeClaim") => json!({ "phase": "Pending" }),
        ("", "Service") | ("networking.k8s.io", "Ingress") => json!({ "loadBalancer": {} }),
        ("", "ReplicationController") | ("apps", "ReplicaSet") => json!({ "replicas": 0 }),
        ("apps", "StatefulSet") => json!({ "replicas": 0, "availableReplicas": 0 }),
        ("apps", "DaemonSet") => json!({
            "currentNumberScheduled": 0,
            "numberMisscheduled": 0,
            "desiredNumberScheduled": 0,
            "numberReady": 0,
        }),
        ("policy", "PodDisruptionBudget") => {
            json!({ "disruptionsAllowed": 0, "currentHealthy": 0, "desiredHealthy": 0, "expectedPods": 0 })
        }
        ("autoscaling", "HorizontalPodAutoscaler") => match gvk.version.as_str() {
            "v1" => json!({ "currentReplicas": 0, "desiredReplicas": 0 }),
            _ => json!({ "desiredReplicas": 0, "currentMetrics": null }),
        },
        ("storage.k8s.io", "VolumeAttachment") => json!({ "attached": false }),
        ("", "ResourceQuota") | ("apps", "Deployment") | ("batch", "Job" | "CronJob") => json!({}),
        _ => return None,
    })
}

/// Whether the main resource keeps the stored status on updates: the kinds with a status subresource.
fn has_status(gvk: &Gvk) -> bool {
    matches!(
        (gvk.group.as_str(), gvk.kind.as_str()),
        ("", "Node")
            | ("admissionregistration.k8s.io", "ValidatingAdmissionPolicy")
            | ("apiextensions.k8s.io", "CustomResourceDefinition")
            | ("certificates.k8s.io", "CertificateSigningRequest")
    ) || first_status(gvk, &Value::Null).is_some()
}

/// Completes an object of a builtin kind that is to be created: the status begins anew, the generation is one, what
/// only the server may set is set. `metadata.name` and `metadata.uid` must be there already.
pub fn prepare_for_create(gvk: &Gvk, object: &mut Value) {
    match first_status(gvk, object) {
        Some(status) => set(object, "status", status),
        None if gvk.group == "admissionregistration.k8s.io" && gvk.kind == "ValidatingAdmissionPolicy" => {
            reset_policy_status(object);
        }
        None => {}
    }
    if let Some(metadata) = ensure_object(object, "metadata") {
        if counts_generations(gvk) {
            set(metadata, "generation", 1);
        } else {
            remove(metadata, "generation");
        }
    }
    match (gvk.group.as_str(), gvk.kind.as_str()) {
        ("", "Namespace") => {
            if let Some(spec) = ensure_object(object, "spec") {
                let mut finalizers = items(spec, "finalizers").to_vec();
                if !finalizers.iter().any(|finalizer| finalizer == "kubernetes") {
                    finalizers.push(json!("kubernetes"));
                }
                set(spec, "finalizers", finalizers);
            }
        }
        ("", "Pod") => {
            if let Some(spec) = ensure_object(object, "spec") {
                mirror_service_account(spec);
            }
        }
        ("batch", "Job") => generate_selector(object),
        ("apiextensions.k8s.io", "CustomResourceDefinition") => {
            let status = crate::custom::first_status(object);
            set(object, "status", status);
        }
        _ => {}
    }
}

/// Completes an update through the main resource: the stored status stays, the generation grows if what is wanted
/// changed.
pub fn prepare_for_update(gvk: &Gvk, new: &mut Value, old: &Value) {
    if has_status(gvk) {
        restore(new, old, "status");
    }
    if gvk.group.is_empty() && gvk.kind == "Service" {
        keep_addresses(new, old);
    }
    if gvk.group.is_empty() && gvk.kind == "Namespace" {
        // Finalizers of the spec change through a subresource of their own.
        if let Some(spec) = ensure_object(new, "spec") {
            restore(spec, &old["spec"], "finalizers");
        }
    }
    if gvk.group == "batch"
        && gvk.kind == "Job"
        && !has_content(&new["spec"], "selector")
        && let Some(spec) = ensure_object(new, "spec")
    {
        restore(spec, &old["spec"], "selector");
    }
    count_generation(gvk, new, old);
}

/// Sets the generation of an object that is updated: one more than before if anything but metadata and status changed.
fn count_generation(gvk: &Gvk, new: &mut Value, old: &Value) {
    let before = old["metadata"]["generation"].clone();
    let changed = counts_generations(gvk) && wants_something_else(new, old);
    let Some(metadata) = ensure_object(new, "metadata") else { return };
    match before.as_i64() {
        Some(generation) if changed => set(metadata, "generation", generation.saturating_add(1)),
        Some(generation) => set(metadata, "generation", generation),
        None if changed => set(metadata, "generation", 1),
        None => {
            remove(metadata, "generation");
        }
    }
}

/// Whether two states of an object differ in more than identity, metadata and status.
pub fn wants_something_else(new: &Value, old: &Value) -> bool {
    let (Some(new), Some(old)) = (new.as_object(), old.as_object()) else { return new != old };
    let counts = |name: &str| !matches!(name, "metadata" | "status" | "apiVersion" | "kind");
    let null = Value::Null;
    new.iter()
        .filter(|(name, _)| counts(name))
        .any(|(name, value)| !same(value, old.get(name).unwrap_or(&null)))
        || old.iter().any(|(name, value)| counts(name) && !new.contains_key(name) && !same(value, &null))
}

/// Keeps the addresses of a Service that an update leaves out.
fn keep_addresses(new: &mut Value, old: &Value) {
    let Some(spec) = new.get_mut("spec") else { return };
    let old_spec = &old["spec"];
    let keeps = |spec: &Value| text(spec, "type") != "ExternalName";
    if !keeps(spec) || !keeps(old_spec) {
        return;
    }
    if !has_content(spec, "clusterIP") && !has_content(spec, "clusterIPs") {
        for field in ["clusterIP", "clusterIPs"] {
            set_default(spec, field, old_spec[field].clone());
        }
        if !has_content(spec, "clusterIP") {
            restore(spec, old_spec, "clusterIP");
        }
    } else if has_content(spec, "clusterIP")
        && !has_content(spec, "clusterIPs")
        && spec["clusterIP"] == old_spec["clusterIP"]
    {
        restore(spec, old_spec, "clusterIPs");
    }
    for field in ["ipFamilies", "ipFamilyPolicy"] {
        if !has_content(spec, field) {
            restore(spec, old_spec, field);
        }
    }
    // Ports of nodes stay with the port they were given to.
    if matches!(text(spec, "type"), "NodePort" | "LoadBalancer") {
        let before: Vec<Value> = items(old_spec, "ports").to_vec();
        for port in super::read::items_mut(spec, "ports") {
            let is_free = port["nodePort"].as_i64().unwrap_or_default() == 0;
            let same_port = |other: &&Value| {
                other["port"] == port["port"] && text(other, "protocol") == text(port, "protocol")
            };
            if is_free
                && let Some(other) = before.iter().find(same_port)
                && has_content(other, "nodePort")
            {
                let number = other["nodePort"].clone();
                set(port, "nodePort", number);
            }
        }
    }
}

/// Completes an update through the status subresource: all but status and metadata stays as it is stored.
pub fn prepare_for_status(gvk: &Gvk, new: &mut Value, old: &Value) {
    let stored = old.as_object();
    let names: Vec<String> = new.as_object().into_iter().flatten().map(|(name, _)| name.clone()).collect();
    for name in
        names.iter().map(String::as_str).chain(stored.into_iter().flatten().map(|(name, _)| name.as_str()))
    {
        if !matches!(name, "metadata" | "status" | "apiVersion" | "kind") {
            restore(new, old, name);
        }
    }
    let Some(metadata) = ensure_object(new, "metadata") else { return };
    let old_metadata = &old["metadata"];
    restore(metadata, old_metadata, "generation");
    restore(metadata, old_metadata, "ownerReferences");
    if matches!(gvk.group.as_str(), "apps" | "batch" | "networking.k8s.io") {
        restore(metadata, old_metadata, "labels");
    }
    if gvk.group.is_empty() && gvk.kind == "Pod" {
        let class = old["status"]["qosClass"].clone();
        if let Some(status) = ensure_object(new, "status") {
            set_default_text(status, "qosClass", class.as_str().unwrap_or("BestEffort"));
        }
    }
}

fn restore(new: &mut Value, old: &Value, field: &str) {
    match old.get(field) {
        Some(value) => set(new, field, value.clone()),
        None => {
            remove(new, field);
        }
    }
}
