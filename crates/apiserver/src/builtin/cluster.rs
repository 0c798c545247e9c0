//! Nodes, Namespaces, ServiceAccounts, ConfigMaps, Secrets, LimitRanges, ResourceQuotas and Events.

use std::collections::BTreeSet;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::field_error::{FieldError, Path};
use crate::names::{config_key, qualified_name};

use super::amounts::{check_amount, checked_quantity, quantity};
use super::pod::scheduling::check_taints;
use super::read::{
    Errors, ensure_object, entries, has, has_content, int, items, items_mut, remove, same, set, set_default,
    set_default_text, text, truth,
};
use super::services::is_cidr;

/// Most bytes that the data of a ConfigMap or Secret takes.
const LARGEST_DATA: usize = 1024 * 1024;

/// What a quota can be limited to.
const QUOTA_SCOPES: [&str; 7] = [
    "BestEffort",
    "CrossNamespacePodAffinity",
    "NotBestEffort",
    "NotTerminating",
    "PriorityClass",
    "Terminating",
    "VolumeAttributesClass",
];

/// Defaults of a Node: what can be allocated is all there is unless said otherwise.
pub(crate) fn default_node(node: &mut Value) {
    let Some(status) = node.get_mut("status").filter(|status| status.is_object()) else { return };
    if has_content(status, "capacity") && !has_content(status, "allocatable") {
        let capacity = status["capacity"].clone();
        set(status, "allocatable", capacity);
    }
}

/// Checks a Node.
pub(crate) fn check_node(node: &Value, errors: &mut Errors) {
    let at = Path::ROOT.field("spec");
    let spec = &node["spec"];
    check_taints(items(spec, "taints"), &at.field("taints"), errors);
    let at_cidrs = at.field("podCIDRs");
    for (index, cidr) in items(spec, "podCIDRs").iter().enumerate() {
        let cidr = cidr.as_str().unwrap_or_default();
        if !is_cidr(cidr) {
            let detail = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)";
            errors.push(FieldError::invalid(at_cidrs.index(index), cidr, detail));
        }
    }
    check_node_amounts(node, errors);
}

fn check_node_amounts(node: &Value, errors: &mut Errors) {
    let at = Path::ROOT.field("status");
    for field in ["capacity", "allocatable"] {
        let at = at.field(field);
        for (name, value) in entries(&node["status"], field) {
            check_amount(name, value, &at.key(name), errors);
        }
    }
    let mut seen = BTreeSet::new();
    let at_addresses = at.field("addresses");
    for (index, address) in items(&node["status"], "addresses").iter().enumerate() {
        if !seen.insert((text(address, "type"), text(address, "address"))) {
            errors.push(FieldError::duplicate(at_addresses.index(index), address.clone()));
        }
    }
}

/// Checks an update of a Node: where it comes from stays.
pub(crate) fn check_node_update(new: &Value, old: &Value, errors: &mut Errors) {
    let (new_spec, old_spec) = (&new["spec"], &old["spec"]);
    if has_content(old_spec, "podCIDRs") && !same(&new_spec["podCIDRs"], &old_spec["podCIDRs"]) {
        let detail = "node updates may not change podCIDR except from \"\" to valid";
        errors.push(FieldError::forbidden("spec.podCIDRs", detail));
    }
    let before = text(old_spec, "providerID");
    if !before.is_empty() && text(new_spec, "providerID") != before {
        let detail = "node updates may not change providerID except from \"\" to valid";
        errors.push(FieldError::forbidden("spec.providerID", detail));
    }
}

/// Defaults of a Namespace: the label with its name.
pub(crate) fn default_namespace(namespace: &mut Value) {
    let name = text(&namespace["metadata"], "name").to_owned();
    if !name.is_empty()
        && let Some(labels) =
            ensure_object(namespace, "metadata").and_then(|metadata| ensure_object(metadata, "labels"))
    {
        set(labels, "kubernetes.io/metadata.name", name);
    }
}

/// Checks the finalizers in a Namespace's spec.
pub(crate) fn check_namespace(namespace: &Value, errors: &mut Errors) {
    for (index, finalizer) in items(&namespace["spec"], "finalizers").iter().enumerate() {
        let finalizer = finalizer.as_str().unwrap_or_default();
        let at = format!("spec.finalizers[{index}]");
        errors.invalid_text(&at, finalizer, qualified_name(finalizer));
        if !finalizer.contains('/') && !matches!(finalizer, "kubernetes" | "orphan" | "foregroundDeletion") {
            let detail = "name is neither a standard finalizer name nor is it fully qualified";
            errors.push(FieldError::invalid(&at, finalizer, detail));
        }
    }
}

/// Checks a ConfigMap.
pub(crate) fn check_config_map(map: &Value, errors: &mut Errors) {
    let mut size = 0;
    for (key, value) in entries(map, "data") {
        errors.invalid_text(Path::ROOT.field("data").key(key), key, config_key(key));
        if map["binaryData"].get(key).is_some() {
            let detail = format!("duplicate of key present in binaryData {key}");
            errors.push(FieldError::invalid(Path::ROOT.field("data").key(key), key.as_str(), detail));
        }
        size += value.as_str().map_or(0, str::len);
    }
    for (key, value) in entries(map, "binaryData") {
        errors.invalid_text(Path::ROOT.field("binaryData").key(key), key, config_key(key));
        size += value.as_str().map_or(0, |text| text.len() / 4 * 3);
    }
    if size > LARGEST_DATA {
        errors.push(FieldError::too_long("", LARGEST_DATA));
    }
}

/// Checks an update of what may be declared immutable.
pub(crate) fn check_immutable_data(new: &Value, old: &Value, fields: &[&str], errors: &mut Errors) {
    if !truth(old, "immutable") {
        return;
    }
    let detail = "field is immutable when `immutable` is set";
    if !truth(new, "immutable") {
        errors.push(FieldError::forbidden("immutable", detail));
    }
    for field in fields {
        if !same(&new[*field], &old[*field]) {
            errors.push(FieldError::forbidden(*field, detail));
        }
    }
}

/// Defaults of a Secret; texts in `stringData` become data.
pub(crate) fn default_secret(secret: &mut Value) {
    if let Some(Value::Object(texts)) = remove(secret, "stringData")
        && !texts.is_empty()
        && let Some(data) = ensure_object(secret, "data")
    {
        for (key, value) in texts {
            set(data, &key, STANDARD.encode(value.as_str().unwrap_or_default()));
        }
    }
    set_default_text(secret, "type", "Opaque");
}

/// Checks a Secret.
pub(crate) fn check_secret(secret: &Value, errors: &mut Errors) {
    let at = Path::ROOT.field("data");
    let mut size = 0;
    for (key, value) in entries(secret, "data") {
        errors.invalid_text(at.key(key), key, config_key(key));
        let value = value.as_str().unwrap_or_default();
        match STANDARD.decode(value) {
            Ok(bytes) => size += bytes.len(),
            Err(error) => {
                errors.push(FieldError::invalid(at.key(key), "<secret contents redacted>", error.to_string()))
            }
        }
    }
    if size > LARGEST_DATA {
        errors.push(FieldError::too_long(at, LARGEST_DATA));
    }
    let kind = text(secret, "type");
    let required: &[&str] = match kind {
        "kubernetes.io/dockercfg" => &[".dockercfg"],
        "kubernetes.io/dockerconfigjson" => &[".dockerconfigjson"],
        "kubernetes.io/ssh-auth" => &["ssh-privatekey"],
        "kubernetes.io/tls" => &["tls.crt", "tls.key"],
        _ => &[],
    };
    for key in required {
        if secret["data"].get(key).is_none() {
            errors.push(FieldError::required(at.key(key), ""));
        }
    }
    if kind.ends_with("json")
        && let Some(config) = secret["data"].get(".dockerconfigjson").and_then(Value::as_str)
        && !STANDARD.decode(config).is_ok_and(|bytes| serde_json::from_slice::<Value>(&bytes).is_ok())
    {
        let detail = "invalid character in the JSON of the configuration";
        errors.push(FieldError::invalid(at.key(".dockerconfigjson"), "<secret contents redacted>", detail));
    }
    if kind == "kubernetes.io/basic-auth"
        && ["username", "password"].iter().all(|key| secret["data"].get(key).is_none())
    {
        errors.push(FieldError::required(at.key("username"), ""));
        errors.push(FieldError::required(at.key("password"), ""));
    }
    if kind == "kubernetes.io/service-account-token"
        && text(&secret["metadata"]["annotations"], "kubernetes.io/service-account.name").is_empty()
    {
        let at = "metadata.annotations[kubernetes.io/service-account.name]";
        errors.push(FieldError::required(at, ""));
    }
}

/// Checks an update of a Secret.
pub(crate) fn check_secret_update(new: &Value, old: &Value, errors: &mut Errors) {
    if text(new, "type") != text(old, "type") {
        errors.push(FieldError::invalid("type", new["type"].clone(), "field is immutable"));
    }
    check_immutable_data(new, old, &["data"], errors);
}

/// Defaults of a LimitRange: what a container may have at most is its default, and that its request.
pub(crate) fn default_limit_range(range: &mut Value) {
    let Some(spec) = range.get_mut("spec") else { return };
    for item in items_mut(spec, "limits").filter(|item| text(item, "type") == "Container") {
        let copy = |item: &mut Value, from: &str, to: &str| {
            let amounts: Vec<(String, Value)> =
                entries(item, from).map(|(name, value)| (name.clone(), value.clone())).collect();
            if !amounts.is_empty()
                && let Some(target) = ensure_object(item, to)
            {
                for (name, value) in amounts {
                    set_default(target, &name, value);
                }
            }
        };
        copy(item, "max", "default");
        copy(item, "default", "defaultRequest");
        copy(item, "min", "defaultRequest");
    }
}

/// Checks a LimitRange.
pub(crate) fn check_limit_range(range: &Value, errors: &mut Errors) {
    let mut kinds = BTreeSet::new();
    let at_limits = Path::ROOT.field("spec");
    let at_limits = at_limits.field("limits");
    for (index, item) in items(&range["spec"], "limits").iter().enumerate() {
        let at = at_limits.index(index);
        let kind = text(item, "type");
        if kind.is_empty() {
            errors.push(FieldError::required(at.field("type"), ""));
        } else if !matches!(kind, "Pod" | "Container" | "PersistentVolumeClaim") && !kind.contains('/') {
            let detail = "must be a standard limit type or fully qualified";
            errors.push(FieldError::invalid(at.field("type"), kind, detail));
        }
        if !kinds.insert(kind) {
            errors.push(FieldError::duplicate(at.field("type"), kind));
        }
        if kind == "Pod" {
            for field in ["default", "defaultRequest"] {
                if has_content(item, field) {
                    let detail = "may not be specified when `type` is 'Pod'";
                    errors.push(FieldError::forbidden(at.field(field), detail));
                }
            }
        }
        if kind == "PersistentVolumeClaim"
            && item["min"]["storage"].is_null()
            && item["max"]["storage"].is_null()
        {
            let detail = "either minimum or maximum storage value is required, but neither was provided";
            errors.push(FieldError::required(at.field("limits"), detail));
        }
        check_limit_order(item, &at, errors);
    }
}

/// Of each resource: minimum <= default request <= default <= maximum.
fn check_limit_order(item: &Value, at: &Path<'_>, errors: &mut Errors) {
    const ORDER: [(&str, &str); 4] =
        [("min", "min"), ("defaultRequest", "default request"), ("default", "default"), ("max", "max")];
    for (field, _) in ORDER {
        let at = at.field(field);
        for (name, value) in entries(item, field) {
            checked_quantity(value, &at.key(name), errors);
        }
    }
    let names: BTreeSet<&String> =
        ORDER.iter().flat_map(|(field, _)| entries(item, field).map(|(name, _)| name)).collect();
    for name in names {
        for (low, (low_field, low_word)) in ORDER.iter().enumerate() {
            for (high_field, high_word) in &ORDER[low + 1..] {
                let amount = |field: &str| item[field].get(name.as_str()).and_then(quantity);
                if let (Some(below), Some(above)) = (amount(low_field), amount(high_field))
                    && below > above
                {
                    let detail =
                        format!("{low_word} value {below} is greater than {high_word} value {above}");
                    let blamed = at.field(low_field);
                    errors.push(FieldError::invalid(blamed.key(name), below.to_string(), detail));
                }
            }
        }
    }
    for (name, value) in entries(item, "maxLimitRequestRatio") {
        let at = at.field("maxLimitRequestRatio");
        let Some(ratio) = checked_quantity(value, &at.key(name), errors) else { continue };
        if ratio.milli_value() < 1000 {
            let detail = format!("ratio {ratio} is less than 1");
            errors.push(FieldError::invalid(at.key(name), ratio.to_string(), detail));
        }
    }
}

/// Checks a ResourceQuota.
pub(crate) fn check_quota(quota: &Value, errors: &mut Errors) {
    let at = Path::ROOT.field("spec");
    let spec = &quota["spec"];
    let at_hard = at.field("hard");
    for (name, value) in entries(spec, "hard") {
        errors.invalid_text(at_hard.key(name), name, quota_name(name));
        checked_quantity(value, &at_hard.key(name), errors);
    }
    let scopes: Vec<&str> = items(spec, "scopes").iter().filter_map(Value::as_str).collect();
    for scope in &scopes {
        if !QUOTA_SCOPES.contains(scope) {
            errors.push(FieldError::invalid(at.field("scopes"), spec["scopes"].clone(), "unsupported scope"));
        }
    }
    for (one, other) in [("BestEffort", "NotBestEffort"), ("Terminating", "NotTerminating")] {
        if scopes.contains(&one) && scopes.contains(&other) {
            errors.push(FieldError::invalid(
                at.field("scopes"),
                spec["scopes"].clone(),
                "conflicting scopes",
            ));
        }
    }
    let at_selector = at.field("scopeSelector");
    let at_expressions = at_selector.field("matchExpressions");
    for (index, expression) in items(&spec["scopeSelector"], "matchExpressions").iter().enumerate() {
        let at = at_expressions.index(index);
        let scope = text(expression, "scopeName");
        if !QUOTA_SCOPES.contains(&scope) {
            errors.push(FieldError::invalid(at.field("scopeName"), scope, "unsupported scope"));
        }
        let operator = text(expression, "operator");
        let has_values = has_content(expression, "values");
        match operator {
            "In" | "NotIn" if !has_values => {
                let detail =
                    "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector";
                errors.push(FieldError::required(at.field("values"), detail));
            }
            "Exists" | "DoesNotExist" if has_values => {
                let detail =
                    "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector";
                errors.push(FieldError::invalid(at.field("values"), expression["values"].clone(), detail));
            }
            "In" | "NotIn" | "Exists" | "DoesNotExist" => {}
            _ => errors.push(FieldError::invalid(
                at.field("operator"),
                operator,
                "not a valid selector operator",
            )),
        }
    }
}

fn quota_name(name: &str) -> Vec<String> {
    const STANDARD_NAMES: [&str; 17] = [
        "cpu",
        "memory",
        "ephemeral-storage",
        "requests.cpu",
        "requests.memory",
        "requests.storage",
        "requests.ephemeral-storage",
        "limits.cpu",
        "limits.memory",
        "limits.ephemeral-storage",
        "pods",
        "resourcequotas",
        "services",
        "replicationcontrollers",
        "secrets",
        "configmaps",
        "persistentvolumeclaims",
    ];
    let wrong = qualified_name(name);
    if !wrong.is_empty() || name.contains('/') || STANDARD_NAMES.contains(&name) {
        return wrong;
    }
    if matches!(name, "services.nodeports" | "services.loadbalancers")
        || name.starts_with("hugepages-")
        || name.starts_with("requests.hugepages-")
        || name.starts_with("count/")
    {
        return wrong;
    }
    vec!["must be a standard resource for quota".to_owned()]
}

/// Checks that the scopes of a quota stay.
pub(crate) fn check_quota_update(new: &Value, old: &Value, errors: &mut Errors) {
    let scopes = |quota: &Value| -> BTreeSet<String> {
        items(&quota["spec"], "scopes").iter().filter_map(Value::as_str).map(str::to_owned).collect()
    };
    if scopes(new) != scopes(old) {
        let value = new["spec"].get("scopes").cloned().unwrap_or_else(|| json!([]));
        errors.push(FieldError::invalid("spec.scopes", value, "field is immutable"));
    }
}

/// Checks an Event of either API.
pub(crate) fn check_event(event: &Value, errors: &mut Errors) {
    let field = if has(event, "regarding") { "regarding" } else { "involvedObject" };
    let about = text(&event[field], "namespace");
    let namespace = text(&event["metadata"], "namespace");
    // What is about cluster-scoped objects goes to the default namespace.
    let expected = if about.is_empty() { "default" } else { about };
    if namespace != expected && !(about.is_empty() && namespace == "kube-system") {
        errors.push(FieldError::invalid(
            format!("{field}.namespace"),
            about,
            "does not match event.namespace",
        ));
    }
    if let Some(count) = int(event, "count").filter(|count| *count < 0) {
        errors.push(FieldError::invalid("count", count, "must be greater than or equal to 0"));
    }
}
