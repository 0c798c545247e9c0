//! What one object takes of a quota.

use std::collections::BTreeMap;

use serde_json::Value;
use supercargo_api::quantity::Quantity;

use crate::admission::plugins::limits::pod_amounts;
use crate::builtin::amounts::{is_extended, quantity};
use crate::builtin::read::{has, int, items, text};
use crate::gvk::Gvr;

/// Amounts by the name that a quota gives them.
pub(super) type Usage = BTreeMap<String, Quantity>;

/// Kinds that can be counted by their plain name.
const PLAIN_COUNTS: [&str; 7] = [
    "configmaps",
    "persistentvolumeclaims",
    "pods",
    "replicationcontrollers",
    "resourcequotas",
    "secrets",
    "services",
];

/// What an object of a resource takes.
pub(super) fn usage_of(resource: &Gvr, object: &Value) -> Usage {
    let mut usage = Usage::new();
    if resource.group.is_empty() && resource.resource == "pods" && is_finished(object) {
        return usage;
    }
    let mut count = |name: String, amount: u64| {
        if let Ok(amount) = amount.to_string().parse::<Quantity>() {
            usage.insert(name, amount);
        }
    };
    count(format!("count/{}", resource.qualified_resource()), 1);
    if !resource.group.is_empty() {
        return usage;
    }
    if PLAIN_COUNTS.contains(&resource.resource.as_str()) {
        count(resource.resource.clone(), 1);
    }
    match resource.resource.as_str() {
        "services" => {
            let spec = &object["spec"];
            let kind = text(spec, "type");
            let ports = u64::try_from(items(spec, "ports").len()).unwrap_or(u64::MAX);
            let publishes =
                kind == "LoadBalancer" && spec["allocateLoadBalancerNodePorts"].as_bool().unwrap_or(true);
            count("services.nodeports".to_owned(), if kind == "NodePort" || publishes { ports } else { 0 });
            count("services.loadbalancers".to_owned(), u64::from(kind == "LoadBalancer"));
        }
        "pods" => pod_usage(&object["spec"], &mut usage),
        "persistentvolumeclaims" => claim_usage(object, &mut usage),
        _ => {}
    }
    usage
}

fn is_finished(pod: &Value) -> bool {
    matches!(text(&pod["status"], "phase"), "Succeeded" | "Failed")
}

fn pod_usage(spec: &Value, usage: &mut Usage) {
    let (requests, limits) = pod_amounts(spec);
    for (name, amount) in requests {
        if matches!(name.as_str(), "cpu" | "memory" | "ephemeral-storage") || name.starts_with("hugepages-") {
            usage.insert(name.clone(), amount);
        }
        usage.insert(format!("requests.{name}"), amount);
    }
    for (name, amount) in limits.into_iter().filter(|(name, _)| !is_extended(name)) {
        usage.insert(format!("limits.{name}"), amount);
    }
}

fn claim_usage(claim: &Value, usage: &mut Usage) {
    let spec = &claim["spec"];
    let class = text(spec, "storageClassName");
    let of_class = |name: &str| format!("{class}.storageclass.storage.k8s.io/{name}");
    if !class.is_empty()
        && let Ok(one) = "1".parse::<Quantity>()
    {
        usage.insert(of_class("persistentvolumeclaims"), one);
    }
    if let Some(storage) = quantity(&spec["resources"]["requests"]["storage"]) {
        if !class.is_empty() {
            usage.insert(of_class("requests.storage"), storage);
        }
        usage.insert("requests.storage".to_owned(), storage);
    }
}

/// The resources of a quota that containers must say something about, each with the containers that do not.
pub(super) fn unsaid(quota_names: &[&str], spec: &Value) -> BTreeMap<String, Vec<String>> {
    let mut missing: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let whole = &spec["resources"];
    for name in quota_names {
        let (field, resource) = match name.split_once('.') {
            Some(("requests", resource)) => ("requests", resource),
            Some(("limits", resource)) => ("limits", resource),
            _ => ("requests", *name),
        };
        if !matches!(resource, "cpu" | "memory") || has(&whole[field], resource) {
            continue;
        }
        for container in items(spec, "containers").iter().chain(items(spec, "initContainers")) {
            if !has(&container["resources"][field], resource) {
                missing.entry((*name).to_owned()).or_default().push(text(container, "name").to_owned());
            }
        }
    }
    missing
}

/// Resources whose objects are listed to reckon a quota's usage: those that its names ask for.
pub(super) fn listed(name: &str) -> Vec<Gvr> {
    if let Some(counted) = name.strip_prefix("count/") {
        let (resource, group) = counted.split_once('.').unwrap_or((counted, ""));
        // The version is that which the group serves; builtin groups have their first one.
        let version = if group == "autoscaling" { "v2" } else { "v1" };
        return vec![Gvr::new(group, version, resource)];
    }
    if PLAIN_COUNTS.contains(&name) {
        return vec![Gvr::new("", "v1", name)];
    }
    if name.starts_with("services.") {
        return vec![Gvr::new("", "v1", "services")];
    }
    if name == "requests.storage" || name.contains(".storageclass.storage.k8s.io/") {
        return vec![Gvr::new("", "v1", "persistentvolumeclaims")];
    }
    vec![Gvr::new("", "v1", "pods")]
}

/// Whether a service or claim changed what it takes: the only updates that are charged, with those of pods.
pub(super) fn may_change(resource: &Gvr) -> bool {
    resource.group.is_empty()
        && matches!(resource.resource.as_str(), "pods" | "services" | "persistentvolumeclaims")
}

/// Whether a pod ended, so that it is not counted any more.
pub(super) fn ended(new: &Value, old: &Value) -> bool {
    is_finished(new) && !is_finished(old)
        || (has(&new["metadata"], "deletionTimestamp")
            && int(&new["metadata"], "deletionGracePeriodSeconds") == Some(0))
}
