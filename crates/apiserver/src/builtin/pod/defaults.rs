//! What a pod, a pod template and their parts are when nothing is said.

use serde_json::{Value, json};

use crate::builtin::read::{
    at_mut, ensure_object, entries, has, has_content, int, items, items_mut, set, set_default,
    set_default_text, text, truth,
};

/// Mode of files in volumes: 0644.
const FILE_MODE: i64 = 420;

/// How long a projected token is valid, in seconds.
const TOKEN_SECONDS: i64 = 3600;

/// Defaults of a Pod: those of its spec, requests from limits, and service links.
pub(crate) fn pod(pod: &mut Value) {
    let Some(spec) = ensure_object(pod, "spec") else { return };
    for list in ["initContainers", "containers"] {
        for container in items_mut(spec, list) {
            requests_from_limits(container);
        }
    }
    if let Some(resources) = spec.get_mut("resources").filter(|resources| resources.is_object()) {
        copy_limits(resources);
    }
    set_default(spec, "enableServiceLinks", true);
    pod_spec(spec);
}

fn requests_from_limits(container: &mut Value) {
    if let Some(resources) = container.get_mut("resources") {
        copy_limits(resources);
    }
}

fn copy_limits(resources: &mut Value) {
    let limits: Vec<(String, Value)> =
        entries(resources, "limits").map(|(name, value)| (name.clone(), value.clone())).collect();
    if limits.is_empty() {
        return;
    }
    if let Some(requests) = ensure_object(resources, "requests") {
        for (name, value) in limits {
            set_default(requests, &name, value);
        }
    }
}

/// Defaults of the pod template in a field of a spec.
pub(crate) fn template(owner_spec: &mut Value) {
    let Some(template) = ensure_object(owner_spec, "template") else { return };
    if let Some(spec) = ensure_object(template, "spec") {
        pod_spec(spec);
    }
}

/// Defaults of the spec of a pod or template.
pub(crate) fn pod_spec(spec: &mut Value) {
    set_default_text(spec, "restartPolicy", "Always");
    set_default(spec, "terminationGracePeriodSeconds", 30);
    if int(spec, "terminationGracePeriodSeconds").is_some_and(|seconds| seconds < 0) {
        set(spec, "terminationGracePeriodSeconds", 1);
    }
    set_default_text(spec, "dnsPolicy", "ClusterFirst");
    set_default(spec, "securityContext", json!({}));
    set_default_text(spec, "schedulerName", "default-scheduler");
    mirror_service_account(spec);
    let host_network = truth(spec, "hostNetwork");
    for list in ["initContainers", "containers", "ephemeralContainers"] {
        for container in items_mut(spec, list) {
            self::container(container, host_network && list != "ephemeralContainers");
        }
    }
    for volume in items_mut(spec, "volumes") {
        self::volume(volume);
    }
}

/// `serviceAccount` is the old name of `serviceAccountName`: both say the same.
pub(crate) fn mirror_service_account(spec: &mut Value) {
    let new = text(spec, "serviceAccountName").to_owned();
    let old = text(spec, "serviceAccount").to_owned();
    match (new.is_empty(), old.is_empty()) {
        (true, false) => set(spec, "serviceAccountName", old),
        (false, _) if new != old => set(spec, "serviceAccount", new),
        _ => {}
    }
}

fn container(container: &mut Value, host_network: bool) {
    if !has_content(container, "imagePullPolicy") {
        set(container, "imagePullPolicy", pull_policy(text(container, "image")));
    }
    set_default_text(container, "terminationMessagePath", "/dev/termination-log");
    set_default_text(container, "terminationMessagePolicy", "File");
    set_default(container, "resources", json!({}));
    for port in items_mut(container, "ports") {
        set_default_text(port, "protocol", "TCP");
        if host_network && int(port, "hostPort").unwrap_or_default() == 0 {
            let number = port["containerPort"].clone();
            if !number.is_null() {
                set(port, "hostPort", number);
            }
        }
    }
    for variable in items_mut(container, "env") {
        if let Some(field) = at_mut(variable, &["valueFrom", "fieldRef"]) {
            set_default_text(field, "apiVersion", "v1");
        }
    }
    for name in ["livenessProbe", "readinessProbe", "startupProbe"] {
        if let Some(probe) = container.get_mut(name).filter(|probe| probe.is_object()) {
            self::probe(probe);
        }
    }
    for moment in ["postStart", "preStop"] {
        if let Some(get) = at_mut(container, &["lifecycle", moment, "httpGet"]) {
            http_get(get);
        }
    }
}

/// `Always` for images that move (no tag, or `latest`), else `IfNotPresent`.
pub(crate) fn pull_policy(image: &str) -> &'static str {
    if image.contains('@') {
        return "IfNotPresent";
    }
    let last = image.rsplit('/').next().unwrap_or(image);
    match last.split_once(':') {
        None | Some((_, "latest" | "")) => "Always",
        Some(_) => "IfNotPresent",
    }
}

fn probe(probe: &mut Value) {
    let zero_or = |probe: &mut Value, field: &str, value: i64| {
        if int(probe, field).unwrap_or_default() == 0 {
            set(probe, field, value);
        }
    };
    zero_or(probe, "timeoutSeconds", 1);
    zero_or(probe, "periodSeconds", 10);
    zero_or(probe, "successThreshold", 1);
    zero_or(probe, "failureThreshold", 3);
    if let Some(get) = probe.get_mut("httpGet").filter(|get| get.is_object()) {
        http_get(get);
    }
    if let Some(grpc) = probe.get_mut("grpc").filter(|grpc| grpc.is_object()) {
        set_default(grpc, "service", "");
    }
}

fn http_get(get: &mut Value) {
    set_default_text(get, "path", "/");
    set_default_text(get, "scheme", "HTTP");
}

fn volume(volume: &mut Value) {
    let Some(fields) = volume.as_object_mut() else { return };
    if fields.iter().all(|(name, value)| name == "name" || value.is_null()) {
        fields.insert("emptyDir".to_owned(), json!({}));
    }
    for source in ["secret", "configMap", "downwardAPI", "projected"] {
        if let Some(source) = volume.get_mut(source) {
            set_default(source, "defaultMode", FILE_MODE);
        }
    }
    if let Some(host_path) = volume.get_mut("hostPath") {
        set_default(host_path, "type", "");
    }
    if let Some(downward) = volume.get_mut("downwardAPI") {
        field_references(downward);
    }
    if let Some(projected) = volume.get_mut("projected") {
        for source in items_mut(projected, "sources") {
            if let Some(token) = source.get_mut("serviceAccountToken") {
                set_default(token, "expirationSeconds", TOKEN_SECONDS);
            }
            if let Some(downward) = source.get_mut("downwardAPI") {
                field_references(downward);
            }
        }
    }
    if let Some(spec) = at_mut(volume, &["ephemeral", "volumeClaimTemplate", "spec"]) {
        set_default_text(spec, "volumeMode", "Filesystem");
    }
}

fn field_references(downward: &mut Value) {
    for item in items_mut(downward, "items") {
        if let Some(field) = item.get_mut("fieldRef") {
            set_default_text(field, "apiVersion", "v1");
        }
    }
}

/// The quality of service class of a pod, from what its containers ask for.
pub fn qos_class(spec: &Value) -> &'static str {
    const COUNTED: [&str; 2] = ["cpu", "memory"];
    let is_counted = |value: &Value| {
        crate::builtin::amounts::quantity(value).is_some_and(|quantity| quantity.milli_value() > 0)
    };
    let containers = || items(spec, "initContainers").iter().chain(items(spec, "containers"));
    let mut asks = false;
    let mut guaranteed = true;
    let mut any = false;
    let of_pod = has(spec, "resources").then_some(&spec["resources"]);
    let all: Vec<&Value> = match of_pod {
        Some(resources) if has_content(resources, "requests") || has_content(resources, "limits") => {
            vec![resources]
        }
        _ => containers().map(|container| &container["resources"]).collect(),
    };
    for resources in all {
        any = true;
        for name in COUNTED {
            let limit = resources["limits"].get(name).filter(|value| is_counted(value));
            let request = resources["requests"].get(name).filter(|value| is_counted(value));
            asks |= limit.is_some() || request.is_some();
            guaranteed &= match (limit, request) {
                (Some(limit), Some(request)) => {
                    crate::builtin::amounts::quantity(limit) == crate::builtin::amounts::quantity(request)
                }
                (Some(_), None) => true,
                _ => false,
            };
        }
    }
    match (asks, guaranteed && any) {
        (false, _) => "BestEffort",
        (true, true) => "Guaranteed",
        (true, false) => "Burstable",
    }
}
