//! The spec of a pod or a pod template.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::builtin::amounts::{check_amount, check_resources};
use crate::builtin::metadata::{check_label_map, check_template};
use crate::builtin::read::{Errors, entries, has, has_content, int, items, text, truth};
use crate::field_error::{FieldError, Path};
use crate::names::{dns1123_label, dns1123_subdomain, qualified_name};

use super::container::{Role, check_container};
use super::scheduling::{check_affinity, check_spread, check_tolerations};
use super::volumes::check_volumes;

/// Largest number of an user or group.
const LARGEST_ID: i64 = i32::MAX as i64;

/// Checks a Pod about to be created.
pub(crate) fn check_pod(pod: &Value, errors: &mut Errors) {
    let at = Path::ROOT.field("spec");
    let spec = &pod["spec"];
    check_pod_spec(spec, &at, errors);
    if has_content(spec, "ephemeralContainers") {
        errors.push(FieldError::forbidden(
            at.field("ephemeralContainers"),
            "ephemeral containers not allowed in pod creation",
        ));
    }
    if has_content(spec, "nodeName") && has_content(spec, "schedulingGates") {
        errors.push(FieldError::forbidden(
            at.field("nodeName"),
            "cannot be set until all schedulingGates have been cleared",
        ));
    }
}

/// Checks a pod template; `owner` names the kind whose pods must always restart, if so.
pub(crate) fn check_pod_template(template: &Value, at: &Path<'_>, owner: Option<&str>, errors: &mut Errors) {
    check_template(&template["metadata"], &at.field("metadata"), errors);
    let at_spec = at.field("spec");
    let spec = &template["spec"];
    check_pod_spec(spec, &at_spec, errors);
    if has_content(spec, "ephemeralContainers") {
        errors.push(FieldError::forbidden(
            at_spec.field("ephemeralContainers"),
            "ephemeral containers not allowed in pod template",
        ));
    }
    if let Some(owner) = owner {
        let policy = text(spec, "restartPolicy");
        if matches!(policy, "OnFailure" | "Never") {
            errors.push(FieldError::not_supported(at_spec.field("restartPolicy"), policy, &["Always"]));
        }
        if has(spec, "activeDeadlineSeconds") {
            let detail = format!("activeDeadlineSeconds in {owner} is not Supported");
            errors.push(FieldError::forbidden(at_spec.field("activeDeadlineSeconds"), detail));
        }
    }
}

/// Checks the spec of a pod.
pub(crate) fn check_pod_spec(spec: &Value, at: &Path<'_>, errors: &mut Errors) {
    let volumes = check_volumes(spec, &at.field("volumes"), errors);
    check_all_containers(spec, at, &volumes, errors);

    check_word(spec, "restartPolicy", &["Always", "Never", "OnFailure"], at, errors);
    check_word(
        spec,
        "dnsPolicy",
        &["ClusterFirst", "ClusterFirstWithHostNet", "Default", "None"],
        at,
        errors,
    );
    if text(spec, "dnsPolicy") == "None" && items(&spec["dnsConfig"], "nameservers").is_empty() {
        let detail = "must provide at least one DNS nameserver when `dnsPolicy` is None";
        errors.push(FieldError::required(at.field("dnsConfig").field("nameservers"), detail));
    }
    check_word(spec, "preemptionPolicy", &["Never", "PreemptLowerPriority"], at, errors);
    if let Some(seconds) =
        int(spec, "activeDeadlineSeconds").filter(|seconds| !(1..=LARGEST_ID).contains(seconds))
    {
        let detail = format!("must be between 1 and {LARGEST_ID}, inclusive");
        errors.push(FieldError::invalid(at.field("activeDeadlineSeconds"), seconds, detail));
    }
    if let Some(seconds) = int(spec, "terminationGracePeriodSeconds").filter(|seconds| *seconds < 0) {
        let detail = "must be greater than or equal to 0";
        errors.push(FieldError::invalid(at.field("terminationGracePeriodSeconds"), seconds, detail));
    }
    check_label_map(&spec["nodeSelector"], &at.field("nodeSelector"), errors);
    for field in ["nodeName", "serviceAccountName", "priorityClassName", "runtimeClassName"] {
        let name = text(spec, field);
        if !name.is_empty() {
            errors.invalid_text(at.field(field), name, dns1123_subdomain(name));
        }
    }
    for field in ["hostname", "subdomain"] {
        let name = text(spec, field);
        if !name.is_empty() {
            errors.invalid_text(at.field(field), name, dns1123_label(name));
        }
    }
    let scheduler = text(spec, "schedulerName");
    if !scheduler.is_empty() {
        errors.invalid_text(at.field("schedulerName"), scheduler, qualified_name(scheduler));
    }
    if let Some(context) = spec.get("securityContext").filter(|context| context.is_object()) {
        check_security_context(context, spec, &at.field("securityContext"), errors);
    }
    check_tolerations(items(spec, "tolerations"), &at.field("tolerations"), errors);
    check_affinity(&spec["affinity"], &at.field("affinity"), errors);
    check_spread(items(spec, "topologySpreadConstraints"), &at.field("topologySpreadConstraints"), errors);
    check_resources(&spec["resources"], &at.field("resources"), errors);
    let at_overhead = at.field("overhead");
    for (name, value) in entries(spec, "overhead") {
        check_amount(name, value, &at_overhead.key(name), errors);
    }
    check_gates(spec, at, errors);
    check_aliases(spec, &at.field("hostAliases"), errors);
    if has(spec, "os") {
        let os = text(&spec["os"], "name");
        let at = at.field("os");
        let at = at.field("name");
        if os.is_empty() {
            errors.push(FieldError::required(at, "cannot be empty"));
        } else if !matches!(os, "linux" | "windows") {
            errors.push(FieldError::not_supported(at, os, &["linux", "windows"]));
        }
    }
}

fn check_all_containers(spec: &Value, at: &Path<'_>, volumes: &BTreeMap<String, bool>, errors: &mut Errors) {
    let at_containers = at.field("containers");
    if items(spec, "containers").is_empty() {
        errors.push(FieldError::required(at_containers, ""));
    }
    let host_network = truth(spec, "hostNetwork");
    let mut names = BTreeSet::new();
    let mut host_ports = BTreeSet::new();
    let roles = [
        ("containers", Role::Main),
        ("initContainers", Role::Init),
        ("ephemeralContainers", Role::Ephemeral),
    ];
    for (list, role) in roles {
        let at_list = at.field(list);
        for (index, container) in items(spec, list).iter().enumerate() {
            let at = at_list.index(index);
            check_container(container, role, volumes, &at, errors);
            let name = text(container, "name");
            if !name.is_empty() && !names.insert(name) {
                errors.push(FieldError::duplicate(at.field("name"), name));
            }
            check_host_ports(container, role, host_network, &mut host_ports, &at, errors);
        }
    }
}

/// Two containers cannot listen on the same port of the node.
fn check_host_ports<'v>(
    container: &'v Value,
    role: Role,
    host_network: bool,
    taken: &mut BTreeSet<(&'v str, &'v str, i64)>,
    at: &Path<'_>,
    errors: &mut Errors,
) {
    let at_ports = at.field("ports");
    for (index, port) in items(container, "ports").iter().enumerate() {
        let at = at_ports.index(index);
        let host_port = int(port, "hostPort").unwrap_or_default();
        if host_network && int(port, "containerPort") != Some(host_port) {
            let detail = "must match `hostPort` when `hostNetwork` is true";
            errors.push(FieldError::invalid(
                at.field("containerPort"),
                port["containerPort"].clone(),
                detail,
            ));
        }
        if host_port == 0 || role != Role::Main {
            continue;
        }
        let (protocol, ip) = (text(port, "protocol"), text(port, "hostIP"));
        if !taken.insert((protocol, ip, host_port)) {
            errors.push(FieldError::duplicate(at.field("hostPort"), format!("{protocol}/{ip}/{host_port}")));
        }
    }
}

/// A word that must be one of a few, if it is there.
pub(crate) fn check_word(
    object: &Value,
    field: &str,
    supported: &[&str],
    at: &Path<'_>,
    errors: &mut Errors,
) {
    let word = text(object, field);
    if !word.is_empty() && !supported.contains(&word) {
        errors.push(FieldError::not_supported(at.field(field), word, supported));
    }
}

/// A word that must be there and one of a few.
pub(crate) fn check_required_word(
    object: &Value,
    field: &str,
    supported: &[&str],
    at: &Path<'_>,
    errors: &mut Errors,
) {
    if text(object, field).is_empty() {
        errors.push(FieldError::required(at.field(field), ""));
    } else {
        check_word(object, field, supported, at, errors);
    }
}

fn check_security_context(context: &Value, spec: &Value, at: &Path<'_>, errors: &mut Errors) {
    check_ids(context, &["runAsUser", "runAsGroup", "fsGroup"], at, errors);
    check_word(context, "fsGroupChangePolicy", &["Always", "OnRootMismatch"], at, errors);
    check_word(context, "supplementalGroupsPolicy", &["Merge", "Strict"], at, errors);
    let at_groups = at.field("supplementalGroups");
    for (index, group) in items(context, "supplementalGroups").iter().enumerate() {
        check_id(group, &at_groups.index(index), errors);
    }
    if truth(spec, "shareProcessNamespace") && truth(spec, "hostPID") {
        let detail = "ShareProcessNamespace and HostPID cannot both be enabled";
        errors.push(FieldError::invalid(at.field("shareProcessNamespace"), true, detail));
    }
    check_seccomp(&context["seccompProfile"], &at.field("seccompProfile"), errors);
    let mut names = BTreeSet::new();
    let at_sysctls = at.field("sysctls");
    for (index, sysctl) in items(context, "sysctls").iter().enumerate() {
        let at = at_sysctls.index(index);
        let name = text(sysctl, "name");
        if name.is_empty() {
            errors.push(FieldError::required(at.field("name"), ""));
        } else if !names.insert(name) {
            errors.push(FieldError::duplicate(at.field("name"), name));
        }
    }
}

/// Checks a seccomp profile, if there is one.
pub(crate) fn check_seccomp(profile: &Value, at: &Path<'_>, errors: &mut Errors) {
    if profile.is_null() {
        return;
    }
    check_required_word(profile, "type", &["Localhost", "RuntimeDefault", "Unconfined"], at, errors);
    let is_local = text(profile, "type") == "Localhost";
    match (is_local, has_content(profile, "localhostProfile")) {
        (true, false) => errors.push(FieldError::required(
            at.field("localhostProfile"),
            "must be set when seccomp type is Localhost",
        )),
        (false, true) => errors.push(FieldError::invalid(
            at.field("localhostProfile"),
            profile["localhostProfile"].clone(),
            "can only be set when seccomp type is Localhost",
        )),
        _ => {}
    }
}

/// Checks numbers of users and groups.
pub(crate) fn check_ids(context: &Value, fields: &[&str], at: &Path<'_>, errors: &mut Errors) {
    for field in fields {
        if has(context, field) {
            check_id(&context[*field], &at.field(field), errors);
        }
    }
}

fn check_id(value: &Value, at: &Path<'_>, errors: &mut Errors) {
    if !value.as_i64().is_some_and(|id| (0..=LARGEST_ID).contains(&id)) {
        errors.push(FieldError::invalid(
            at,
            value.clone(),
            format!("must be between 0 and {LARGEST_ID}, inclusive"),
        ));
    }
}

fn check_gates(spec: &Value, at: &Path<'_>, errors: &mut Errors) {
    let mut names = BTreeSet::new();
    let at_gates = at.field("schedulingGates");
    for (index, gate) in items(spec, "schedulingGates").iter().enumerate() {
        let at = at_gates.index(index);
        let name = text(gate, "name");
        errors.invalid_text(at, name, qualified_name(name));
        if !names.insert(name) {
            errors.push(FieldError::duplicate(at, name));
        }
    }
    let at_gates = at.field("readinessGates");
    for (index, gate) in items(spec, "readinessGates").iter().enumerate() {
        let at = at_gates.index(index);
        let name = text(gate, "conditionType");
        errors.invalid_text(at.field("conditionType"), name, qualified_name(name));
    }
}

fn check_aliases(spec: &Value, at: &Path<'_>, errors: &mut Errors) {
    for (index, alias) in items(spec, "hostAliases").iter().enumerate() {
        let at = at.index(index);
        let ip = text(alias, "ip");
        if ip.parse::<std::net::IpAddr>().is_err() {
            errors.push(FieldError::invalid(at.field("ip"), ip, "must be a valid IP address"));
        }
        let at_names = at.field("hostnames");
        for (index, name) in items(alias, "hostnames").iter().enumerate() {
            let name = name.as_str().unwrap_or_default();
            errors.invalid_text(at_names.index(index), name, dns1123_subdomain(name));
        }
    }
}
