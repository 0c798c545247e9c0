//! One container of a pod.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::builtin::amounts::{check_resources, checked_quantity};
use crate::builtin::read::{Errors, has, has_content, int, items, text, truth};
use crate::field_error::{FieldError, Path};
use crate::names::{config_key, dns1123_label, dns1123_subdomain, env_var_name, port_name, port_number};

use super::probes::check_probes;
use super::spec::{check_ids, check_seccomp, check_word};

/// Which list of the pod a container is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Main,
    Init,
    Ephemeral,
}

/// Fields of the pod that an environment variable can take its value from; annotations and labels beside them.
const FIELDS_FOR_ENV: [&str; 8] = [
    "metadata.name",
    "metadata.namespace",
    "metadata.uid",
    "spec.nodeName",
    "spec.serviceAccountName",
    "status.hostIP",
    "status.hostIPs",
    "status.podIP",
];

/// Resources of the container that an environment variable can take its value from.
const RESOURCES_FOR_ENV: [&str; 6] = [
    "limits.cpu",
    "limits.ephemeral-storage",
    "limits.memory",
    "requests.cpu",
    "requests.ephemeral-storage",
    "requests.memory",
];

/// Checks a container; `volumes` are the pod's, true where the volume is a block device at most.
pub(crate) fn check_container(
    container: &Value,
    role: Role,
    volumes: &BTreeMap<String, bool>,
    at: &Path<'_>,
    errors: &mut Errors,
) {
    let name = text(container, "name");
    if name.is_empty() {
        errors.push(FieldError::required(at.field("name"), ""));
    } else {
        errors.invalid_text(at.field("name"), name, dns1123_label(name));
    }
    let image = text(container, "image");
    if image.is_empty() {
        errors.push(FieldError::required(at.field("image"), ""));
    } else if image.trim() != image {
        let detail = "must not have leading or trailing whitespace";
        errors.push(FieldError::invalid(at.field("image"), image, detail));
    }
    check_word(container, "imagePullPolicy", &["Always", "IfNotPresent", "Never"], at, errors);
    check_word(container, "terminationMessagePolicy", &["FallbackToLogsOnError", "File"], at, errors);
    check_ports(container, at, errors);
    check_env(container, at, errors);
    check_mounts(container, volumes, at, errors);
    check_resources(&container["resources"], &at.field("resources"), errors);
    check_security(&container["securityContext"], &at.field("securityContext"), errors);
    check_restart_policy(container, role, at, errors);
    check_probes(container, role, at, errors);
    for forbidden in ["ports", "livenessProbe", "readinessProbe", "startupProbe", "lifecycle"] {
        if role == Role::Ephemeral && has_content(container, forbidden) {
            let detail = "cannot be set for an Ephemeral Container";
            errors.push(FieldError::forbidden(at.field(forbidden), detail));
        }
    }
}

fn check_restart_policy(container: &Value, role: Role, at: &Path<'_>, errors: &mut Errors) {
    if !has(container, "restartPolicy") {
        return;
    }
    let policy = text(container, "restartPolicy");
    match role {
        Role::Ephemeral => errors.push(FieldError::forbidden(
            at.field("restartPolicy"),
            "cannot be set for an Ephemeral Container",
        )),
        _ => check_word(container, "restartPolicy", &["Always", "Never", "OnFailure"], at, errors),
    }
    if policy.is_empty() {
        errors.push(FieldError::required(
            at.field("restartPolicy"),
            "must specify restartPolicy when it is set",
        ));
    }
}

fn check_ports(container: &Value, at: &Path<'_>, errors: &mut Errors) {
    let at_ports = at.field("ports");
    let mut names = BTreeSet::new();
    for (index, port) in items(container, "ports").iter().enumerate() {
        let at = at_ports.index(index);
        let name = text(port, "name");
        if !name.is_empty() {
            errors.invalid_text(at.field("name"), name, port_name(name));
            if !names.insert(name) {
                errors.push(FieldError::duplicate(at.field("name"), name));
            }
        }
        match int(port, "containerPort").unwrap_or_default() {
            0 => errors.push(FieldError::required(at.field("containerPort"), "")),
            number => {
                if let Some(detail) = port_number(number) {
                    errors.push(FieldError::invalid(at.field("containerPort"), number, detail));
                }
            }
        }
        if let Some(number) = int(port, "hostPort").filter(|number| *number != 0)
            && let Some(detail) = port_number(number)
        {
            errors.push(FieldError::invalid(at.field("hostPort"), number, detail));
        }
        if text(port, "protocol").is_empty() {
            errors.push(FieldError::required(at.field("protocol"), ""));
        } else {
            check_word(port, "protocol", &["SCTP", "TCP", "UDP"], &at, errors);
        }
    }
}

fn check_env(container: &Value, at: &Path<'_>, errors: &mut Errors) {
    let at_env = at.field("env");
    for (index, variable) in items(container, "env").iter().enumerate() {
        let at = at_env.index(index);
        let name = text(variable, "name");
        if name.is_empty() {
            errors.push(FieldError::required(at.field("name"), ""));
        } else {
            errors.invalid_text(at.field("name"), name, env_var_name(name));
        }
        if has(variable, "valueFrom") {
            check_value_from(variable, &at.field("valueFrom"), errors);
        }
    }
    let at_from = at.field("envFrom");
    for (index, source) in items(container, "envFrom").iter().enumerate() {
        let at = at_from.index(index);
        let prefix = text(source, "prefix");
        if !prefix.is_empty() {
            errors.invalid_text(at.field("prefix"), prefix, env_var_name(prefix));
        }
        let given: Vec<&str> =
            ["configMapRef", "secretRef"].into_iter().filter(|field| has(source, field)).collect();
        match given.as_slice() {
            [] => {
                errors.push(FieldError::invalid(at, "", "must specify one of: `configMapRef` or `secretRef`"))
            }
            [only] => {
                let at_reference = at.field(only);
                if text(&source[*only], "name").is_empty() {
                    errors.push(FieldError::required(at_reference.field("name"), ""));
                }
            }
            _ => errors.push(FieldError::invalid(
                at,
                "",
                "may not have more than one field specified at a time",
            )),
        }
    }
}

fn check_value_from(variable: &Value, at: &Path<'_>, errors: &mut Errors) {
    let source = &variable["valueFrom"];
    let known = ["fieldRef", "resourceFieldRef", "configMapKeyRef", "secretKeyRef", "fileKeyRef"];
    let given: Vec<&str> = known.into_iter().filter(|field| has(source, field)).collect();
    for field in &given {
        let reference = &source[*field];
        let at = at.field(field);
        match *field {
            "fieldRef" => check_field_reference(reference, &at, errors),
            "resourceFieldRef" => check_resource_reference(reference, &at, errors),
            "fileKeyRef" => {}
            _ => {
                if text(reference, "name").is_empty() {
                    errors.push(FieldError::required(at.field("name"), ""));
                }
                let key = text(reference, "key");
                if key.is_empty() {
                    errors.push(FieldError::required(at.field("key"), ""));
                } else {
                    errors.invalid_text(at.field("key"), key, config_key(key));
                }
            }
        }
    }
    if given.is_empty() {
        let detail =
            "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef` or `secretKeyRef`";
        errors.push(FieldError::invalid(at, "", detail));
    } else if has_content(variable, "value") {
        errors.push(FieldError::invalid(at, "", "may not be specified when `value` is not empty"));
    } else if given.len() > 1 {
        errors.push(FieldError::invalid(at, "", "may not have more than one field specified at a time"));
    }
}

fn check_field_reference(reference: &Value, at: &Path<'_>, errors: &mut Errors) {
    let path = text(reference, "fieldPath");
    if text(reference, "apiVersion").is_empty() {
        errors.push(FieldError::required(at.field("apiVersion"), ""));
        return;
    }
    let is_key_of = |map: &str| path.starts_with(&format!("metadata.{map}['")) && path.ends_with("']");
    if path.is_empty() {
        errors.push(FieldError::required(at.field("fieldPath"), ""));
    } else if !(FIELDS_FOR_ENV.contains(&path)
        || path == "status.podIPs"
        || is_key_of("annotations")
        || is_key_of("labels"))
    {
        let mut supported = FIELDS_FOR_ENV.to_vec();
        supported.push("status.podIPs");
        errors.push(FieldError::not_supported(at.field("fieldPath"), path, &supported));
    }
}

fn check_resource_reference(reference: &Value, at: &Path<'_>, errors: &mut Errors) {
    let resource = text(reference, "resource");
    let is_huge = |prefix: &str| resource.starts_with(&format!("{prefix}.hugepages-"));
    if resource.is_empty() {
        errors.push(FieldError::required(at.field("resource"), ""));
    } else if !(RESOURCES_FOR_ENV.contains(&resource) || is_huge("limits") || is_huge("requests")) {
        errors.push(FieldError::not_supported(at.field("resource"), resource, &RESOURCES_FOR_ENV));
    }
    if has(reference, "divisor") {
        checked_quantity(&reference["divisor"], &at.field("divisor"), errors);
    }
}

fn check_mounts(container: &Value, volumes: &BTreeMap<String, bool>, at: &Path<'_>, errors: &mut Errors) {
    let at_mounts = at.field("volumeMounts");
    let mut paths = BTreeSet::new();
    for (index, mount) in items(container, "volumeMounts").iter().enumerate() {
        let at = at_mounts.index(index);
        let name = text(mount, "name");
        if name.is_empty() {
            errors.push(FieldError::required(at.field("name"), ""));
        } else if !volumes.contains_key(name) {
            errors.push(FieldError::not_found(at.field("name"), name));
        }
        let path = text(mount, "mountPath");
        if path.is_empty() {
            errors.push(FieldError::required(at.field("mountPath"), ""));
        } else if !paths.insert(path) {
            errors.push(FieldError::invalid(at.field("mountPath"), path, "must be unique"));
        }
        check_relative(mount, "subPath", &at, errors);
        check_relative(mount, "subPathExpr", &at, errors);
        if has_content(mount, "subPath") && has_content(mount, "subPathExpr") {
            let value = mount["subPathExpr"].clone();
            errors.push(FieldError::invalid(
                at.field("subPathExpr"),
                value,
                "subPathExpr and subPath are mutually exclusive",
            ));
        }
        let supported = ["Bidirectional", "HostToContainer", "None"];
        check_word(mount, "mountPropagation", &supported, &at, errors);
        if text(mount, "mountPropagation") == "Bidirectional"
            && !truth(&container["securityContext"], "privileged")
        {
            let detail = "Bidirectional mount propagation is available only to privileged containers";
            errors.push(FieldError::forbidden(at.field("mountPropagation"), detail));
        }
    }
    let at_devices = at.field("volumeDevices");
    for (index, device) in items(container, "volumeDevices").iter().enumerate() {
        let at = at_devices.index(index);
        let name = text(device, "name");
        match (name.is_empty(), volumes.get(name)) {
            (true, _) => errors.push(FieldError::required(at.field("name"), "")),
            (_, None) => errors.push(FieldError::not_found(at.field("name"), name)),
            (_, Some(false)) => errors.push(FieldError::invalid(
                at.field("name"),
                name,
                "can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode",
            )),
            _ => {}
        }
        let path = text(device, "devicePath");
        if path.is_empty() {
            errors.push(FieldError::required(at.field("devicePath"), ""));
        } else if !paths.insert(path) {
            errors.push(FieldError::invalid(at.field("devicePath"), path, "must be unique"));
        }
    }
}

/// A path inside a volume: relative, and not out of it.
pub(crate) fn check_relative(object: &Value, field: &str, at: &Path<'_>, errors: &mut Errors) {
    let path = text(object, field);
    if path.starts_with('/') {
        errors.push(FieldError::invalid(at.field(field), path, "must be a relative path"));
    }
    check_no_backsteps(object, field, at, errors);
}

/// A path without `..`.
pub(crate) fn check_no_backsteps(object: &Value, field: &str, at: &Path<'_>, errors: &mut Errors) {
    let path = text(object, field);
    if path.split('/').any(|step| step == "..") {
        errors.push(FieldError::invalid(at.field(field), path, "must not contain '..'"));
    }
}

fn check_security(context: &Value, at: &Path<'_>, errors: &mut Errors) {
    check_ids(context, &["runAsUser", "runAsGroup"], at, errors);
    check_word(context, "procMount", &["Default", "Unmasked"], at, errors);
    check_seccomp(&context["seccompProfile"], &at.field("seccompProfile"), errors);
    if context.get("allowPrivilegeEscalation").and_then(Value::as_bool) == Some(false) {
        if truth(context, "privileged") {
            let detail = "cannot set `allowPrivilegeEscalation` to false and `privileged` to true";
            errors.push(FieldError::invalid(at, context.clone(), detail));
        }
        if items(&context["capabilities"], "add").iter().any(|name| name == "CAP_SYS_ADMIN") {
            let detail =
                "cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN";
            errors.push(FieldError::invalid(at, context.clone(), detail));
        }
    }
}

/// Checks a name that refers to another object of the namespace.
pub(crate) fn check_reference(object: &Value, field: &str, at: &Path<'_>, errors: &mut Errors) {
    let name = text(object, field);
    if name.is_empty() {
        errors.push(FieldError::required(at.field(field), ""));
    } else {
        errors.invalid_text(at.field(field), name, dns1123_subdomain(name));
    }
}
