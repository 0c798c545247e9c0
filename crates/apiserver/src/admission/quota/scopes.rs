//! Which objects a quota counts.

use serde_json::Value;

use crate::builtin::qos_class;
use crate::builtin::read::{has, has_content, int, items, text};

/// Whether a quota counts objects like this one; `is_pod` tells pods from all else.
pub(super) fn counts(quota: &Value, object: &Value, is_pod: bool) -> bool {
    let spec = &quota["spec"];
    let plain = items(spec, "scopes").iter().all(|scope| {
        let scope = scope.as_str().unwrap_or_default();
        is_in_scope(scope, "Exists", &[], object, is_pod)
    });
    plain
        && items(&spec["scopeSelector"], "matchExpressions").iter().all(|expression| {
            let values: Vec<&str> = items(expression, "values").iter().filter_map(Value::as_str).collect();
            is_in_scope(text(expression, "scopeName"), text(expression, "operator"), &values, object, is_pod)
        })
}

fn is_in_scope(scope: &str, operator: &str, values: &[&str], object: &Value, is_pod: bool) -> bool {
    let spec = &object["spec"];
    if scope == "VolumeAttributesClass" && !is_pod {
        return matches(operator, values, text(spec, "volumeAttributesClassName"));
    }
    if !is_pod {
        return false;
    }
    match scope {
        "Terminating" => int(spec, "activeDeadlineSeconds").is_some_and(|seconds| seconds >= 0),
        "NotTerminating" => int(spec, "activeDeadlineSeconds").is_none_or(|seconds| seconds < 0),
        "BestEffort" => qos_class(spec) == "BestEffort",
        "NotBestEffort" => qos_class(spec) != "BestEffort",
        "PriorityClass" => matches(operator, values, text(spec, "priorityClassName")),
        "CrossNamespacePodAffinity" => crosses_namespaces(spec),
        _ => false,
    }
}

fn matches(operator: &str, values: &[&str], found: &str) -> bool {
    match operator {
        "In" => values.contains(&found),
        "NotIn" => !values.contains(&found),
        "Exists" => !found.is_empty(),
        "DoesNotExist" => found.is_empty(),
        _ => false,
    }
}

fn crosses_namespaces(spec: &Value) -> bool {
    let affinity = &spec["affinity"];
    let required = "requiredDuringSchedulingIgnoredDuringExecution";
    let preferred = "preferredDuringSchedulingIgnoredDuringExecution";
    ["podAffinity", "podAntiAffinity"].into_iter().any(|kind| {
        let of_kind = &affinity[kind];
        let preferred = items(of_kind, preferred).iter().map(|term| &term["podAffinityTerm"]);
        items(of_kind, required)
            .iter()
            .chain(preferred)
            .any(|term| has_content(term, "namespaces") || has(term, "namespaceSelector"))
    })
}
