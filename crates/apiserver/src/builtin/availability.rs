//! PodDisruptionBudgets, HorizontalPodAutoscalers, PriorityClasses and Leases.

use serde_json::{Value, json};

use crate::field_error::{FieldError, Path};
use crate::names::path_segment;

use super::amounts::checked_quantity;
use super::pod::spec::{check_required_word, check_word};
use super::read::{
    Errors, ensure_object, has, int, items, same, set, set_default, set_default_text, text, truth,
};
use super::selectors::check_selector;
use super::workloads::rolling::{check_at_most_all, check_count_or_percent};

/// Highest value of a PriorityClass that is not the system's.
const HIGHEST_USER_PRIORITY: i64 = 1_000_000_000;

/// Most pods that a HorizontalPodAutoscaler's policies add in one period.
const MOST_PERIOD_SECONDS: i64 = 1800;

/// Checks a PodDisruptionBudget.
pub(crate) fn check_budget(budget: &Value, errors: &mut Errors) {
    let at = Path::ROOT.field("spec");
    let spec = &budget["spec"];
    if has(spec, "minAvailable") && has(spec, "maxUnavailable") {
        let detail = "minAvailable and maxUnavailable cannot be both set";
        errors.push(FieldError::invalid(at, spec.clone(), detail));
    }
    for field in ["minAvailable", "maxUnavailable"] {
        check_count_or_percent(&spec[field], &at.field(field), errors);
        check_at_most_all(&spec[field], &at.field(field), errors);
    }
    check_selector(&spec["selector"], &at.field("selector"), errors);
    check_word(spec, "unhealthyPodEvictionPolicy", &["AlwaysAllow", "IfHealthyBudget"], &at, errors);
}

/// Defaults of a HorizontalPodAutoscaler of version 1 or 2.
pub(crate) fn default_autoscaler(autoscaler: &mut Value, version: &str) {
    let Some(spec) = ensure_object(autoscaler, "spec") else { return };
    set_default(spec, "minReplicas", 1);
    if version == "v1" {
        return;
    }
    if items(spec, "metrics").is_empty() {
        let metric = json!({
            "type": "Resource",
            "resource": { "name": "cpu", "target": { "type": "Utilization", "averageUtilization": 80 } },
        });
        set(spec, "metrics", json!([metric]));
    }
    let Some(behavior) = spec.get_mut("behavior").filter(|behavior| behavior.is_object()) else { return };
    if let Some(up) = ensure_object(behavior, "scaleUp") {
        set_default(up, "stabilizationWindowSeconds", 0);
        set_default_text(up, "selectPolicy", "Max");
        let policies = json!([
            { "type": "Pods", "value": 4, "periodSeconds": 15 },
            { "type": "Percent", "value": 100, "periodSeconds": 15 },
        ]);
        set_default(up, "policies", policies);
    }
    if let Some(down) = ensure_object(behavior, "scaleDown") {
        set_default_text(down, "selectPolicy", "Max");
        set_default(down, "policies", json!([{ "type": "Percent", "value": 100, "periodSeconds": 15 }]));
    }
}

/// Checks a HorizontalPodAutoscaler.
pub(crate) fn check_autoscaler(autoscaler: &Value, errors: &mut Errors) {
    let at = Path::ROOT.field("spec");
    let spec = &autoscaler["spec"];
    let lowest = int(spec, "minReplicas").unwrap_or(1);
    let highest = int(spec, "maxReplicas").unwrap_or_default();
    let scales_to_zero =
        items(spec, "metrics").iter().any(|metric| matches!(text(metric, "type"), "Object" | "External"));
    if lowest < 0 || (lowest == 0 && !scales_to_zero) {
        let detail = "must be greater than or equal to 1";
        errors.push(FieldError::invalid(at.field("minReplicas"), lowest, detail));
    }
    if highest < 1 {
        errors.push(FieldError::invalid(at.field("maxReplicas"), highest, "must be greater than 0"));
    }
    if highest < lowest {
        let detail = "must be greater than or equal to `minReplicas`";
        errors.push(FieldError::invalid(at.field("maxReplicas"), highest, detail));
    }
    let at_target = at.field("scaleTargetRef");
    for field in ["kind", "name"] {
        let value = text(&spec["scaleTargetRef"], field);
        if value.is_empty() {
            errors.push(FieldError::required(at_target.field(field), ""));
        } else {
            errors.invalid_text(at_target.field(field), value, path_segment(value));
        }
    }
    if let Some(percent) = int(spec, "targetCPUUtilizationPercentage").filter(|percent| *percent < 1) {
        let detail = "must be greater than 0";
        errors.push(FieldError::invalid(at.field("targetCPUUtilizationPercentage"), percent, detail));
    }
    let at_metrics = at.field("metrics");
    for (index, metric) in items(spec, "metrics").iter().enumerate() {
        check_metric(metric, &at_metrics.index(index), errors);
    }
    let at_behavior = at.field("behavior");
    for direction in ["scaleUp", "scaleDown"] {
        if has(&spec["behavior"], direction) {
            check_scaling(&spec["behavior"][direction], &at_behavior.field(direction), errors);
        }
    }
}

fn check_metric(metric: &Value, at: &Path<'_>, errors: &mut Errors) {
    const KINDS: [(&str, &str); 5] = [
        ("ContainerResource", "containerResource"),
        ("External", "external"),
        ("Object", "object"),
        ("Pods", "pods"),
        ("Resource", "resource"),
    ];
    let kind = text(metric, "type");
    if kind.is_empty() {
        errors.push(FieldError::required(at.field("type"), "must specify a metric source type"));
        return;
    }
    let Some((_, field)) = KINDS.into_iter().find(|(name, _)| *name == kind) else {
        let names = KINDS.map(|(name, _)| name);
        errors.push(FieldError::not_supported(at.field("type"), kind, &names));
        return;
    };
    if !has(metric, field) {
        let detail = "must populate information for the given metric source";
        errors.push(FieldError::required(at.field(field), detail));
        return;
    }
    for (_, other) in KINDS.into_iter().filter(|(_, other)| *other != field && has(metric, other)) {
        let detail = "must populate the given metric source only";
        errors.push(FieldError::forbidden(at.field(other), detail));
    }
    let source = &metric[field];
    let at = at.field(field);
    match field {
        "resource" | "containerResource" => {
            if text(source, "name").is_empty() {
                errors.push(FieldError::required(at.field("name"), "must specify a resource name"));
            }
            if field == "containerResource" && text(source, "container").is_empty() {
                errors.push(FieldError::required(at.field("container"), "must specify a container"));
            }
        }
        _ => {
            let at_metric = at.field("metric");
            if text(&source["metric"], "name").is_empty() {
                errors.push(FieldError::required(at_metric.field("name"), "must specify a metric name"));
            }
        }
    }
    let target = &source["target"];
    let at_target = at.field("target");
    check_required_word(target, "type", &["AverageValue", "Utilization", "Value"], &at_target, errors);
    for amount in ["value", "averageValue"] {
        if has(target, amount) {
            checked_quantity(&target[amount], &at_target.field(amount), errors);
        }
    }
    if let Some(percent) = int(target, "averageUtilization").filter(|percent| *percent < 1) {
        errors.push(FieldError::invalid(
            at_target.field("averageUtilization"),
            percent,
            "must be greater than 0",
        ));
    }
    if !["value", "averageValue", "averageUtilization"].iter().any(|amount| has(target, amount)) {
        let detail = "must set either a target raw value or a target utilization";
        errors.push(FieldError::required(at_target.field("averageUtilization"), detail));
    }
}

fn check_scaling(rules: &Value, at: &Path<'_>, errors: &mut Errors) {
    if let Some(seconds) = int(rules, "stabilizationWindowSeconds") {
        let at = at.field("stabilizationWindowSeconds");
        if seconds < 0 {
            errors.push(FieldError::invalid(at, seconds, "must be greater than or equal to zero"));
        } else if seconds > 3600 {
            errors.push(FieldError::invalid(at, seconds, "must be less than or equal to 3600"));
        }
    }
    check_word(rules, "selectPolicy", &["Disabled", "Max", "Min"], at, errors);
    let at_policies = at.field("policies");
    if items(rules, "policies").is_empty() {
        errors.push(FieldError::required(at_policies, "must specify at least one Policy"));
    }
    for (index, policy) in items(rules, "policies").iter().enumerate() {
        let at = at_policies.index(index);
        check_word(policy, "type", &["Percent", "Pods"], &at, errors);
        for (field, highest) in [("value", i64::MAX), ("periodSeconds", MOST_PERIOD_SECONDS)] {
            let number = int(policy, field).unwrap_or_default();
            if number <= 0 {
                errors.push(FieldError::invalid(at.field(field), number, "must be greater than zero"));
            } else if number > highest {
                let detail = format!("must be less than or equal to {highest}");
                errors.push(FieldError::invalid(at.field(field), number, detail));
            }
        }
    }
}

/// Checks a PriorityClass.
pub(crate) fn check_priority_class(class: &Value, errors: &mut Errors) {
    let name = text(&class["metadata"], "name");
    let value = int(class, "value").unwrap_or_default();
    if name.starts_with("system-") {
        let is_ours = matches!(
            (name, value, truth(class, "globalDefault")),
            ("system-cluster-critical", 2_000_000_000, false)
                | ("system-node-critical", 2_000_001_000, false)
        );
        if !is_ours {
            let detail = "priority class names with 'system-' prefix are reserved for system use only. error: the system \
                          priority class is not known or its fields differ";
            errors.push(FieldError::forbidden("metadata.name", detail));
        }
    } else if value > HIGHEST_USER_PRIORITY {
        let detail = format!("maximum allowed value of a user defined priority is {HIGHEST_USER_PRIORITY}");
        errors.push(FieldError::forbidden("value", detail));
    }
    check_word(class, "preemptionPolicy", &["Never", "PreemptLowerPriority"], &Path::ROOT, errors);
}

/// Checks an update of a PriorityClass.
pub(crate) fn check_priority_class_update(new: &Value, old: &Value, errors: &mut Errors) {
    if int(new, "value").unwrap_or_default() != int(old, "value").unwrap_or_default() {
        errors.push(FieldError::forbidden("value", "may not be changed in an update."));
    }
    if !same(&new["preemptionPolicy"], &old["preemptionPolicy"]) {
        let value = new["preemptionPolicy"].clone();
        errors.push(FieldError::invalid("preemptionPolicy", value, "field is immutable"));
    }
}

/// Checks a Lease.
pub(crate) fn check_lease(lease: &Value, errors: &mut Errors) {
    let spec = &lease["spec"];
    if let Some(seconds) = int(spec, "leaseDurationSeconds").filter(|seconds| *seconds <= 0) {
        errors.push(FieldError::invalid("spec.leaseDurationSeconds", seconds, "must be greater than 0"));
    }
    if let Some(count) = int(spec, "leaseTransitions").filter(|count| *count < 0) {
        errors.push(FieldError::invalid(
            "spec.leaseTransitions",
            count,
            "must be greater than or equal to 0",
        ));
    }
    if has(spec, "holderIdentity") && text(spec, "holderIdentity").is_empty() && has(spec, "strategy") {
        errors.push(FieldError::invalid("spec.holderIdentity", "", "must not be empty"));
    }
}

/// Checks a RuntimeClass.
pub(crate) fn check_runtime_class(class: &Value, errors: &mut Errors) {
    let handler = text(class, "handler");
    errors.invalid_text("handler", handler, crate::names::dns1123_label(handler));
}
