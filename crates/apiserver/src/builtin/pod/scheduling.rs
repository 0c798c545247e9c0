//! Where a pod may run: tolerations, affinity, spread.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::builtin::read::{Errors, has, has_content, int, items, text};
use crate::builtin::selectors::check_selector;
use crate::field_error::{FieldError, Path};
use crate::names::{dns1123_label, label_value, qualified_name};

use super::spec::check_word;

const TAINT_EFFECTS: [&str; 3] = ["NoSchedule", "PreferNoSchedule", "NoExecute"];

/// Checks tolerations.
pub(crate) fn check_tolerations(tolerations: &[Value], at: &Path<'_>, errors: &mut Errors) {
    for (index, toleration) in tolerations.iter().enumerate() {
        let at = at.index(index);
        let (key, operator, value) =
            (text(toleration, "key"), text(toleration, "operator"), text(toleration, "value"));
        if !key.is_empty() {
            errors.invalid_text(at.field("key"), key, qualified_name(key));
        } else if operator != "Exists" {
            let detail =
                "operator must be Exists when `key` is empty, which means \"match all values and all keys\"";
            errors.push(FieldError::invalid(at.field("operator"), operator, detail));
        }
        if has(toleration, "tolerationSeconds") && text(toleration, "effect") != "NoExecute" {
            let detail = "effect must be 'NoExecute' when `tolerationSeconds` is set";
            errors.push(FieldError::invalid(at.field("effect"), text(toleration, "effect"), detail));
        }
        match operator {
            "" | "Equal" => {
                let wrong = label_value(value);
                if !wrong.is_empty() {
                    errors.push(FieldError::invalid(at.field("operator"), value, wrong.join(";")));
                }
            }
            "Exists" => {
                if !value.is_empty() {
                    let detail = "value must be empty when `operator` is 'Exists'";
                    errors.push(FieldError::invalid(at.field("operator"), value, detail));
                }
            }
            _ => errors.push(FieldError::not_supported(at.field("operator"), operator, &["Equal", "Exists"])),
        }
        check_word(toleration, "effect", &TAINT_EFFECTS, &at, errors);
    }
}

/// Checks the taints of a node.
pub(crate) fn check_taints(taints: &[Value], at: &Path<'_>, errors: &mut Errors) {
    let mut seen = BTreeSet::new();
    for (index, taint) in taints.iter().enumerate() {
        let at = at.index(index);
        let (key, value, effect) = (text(taint, "key"), text(taint, "value"), text(taint, "effect"));
        errors.invalid_text(at.field("key"), key, qualified_name(key));
        let wrong = label_value(value);
        if !wrong.is_empty() {
            errors.push(FieldError::invalid(at.field("value"), value, wrong.join(";")));
        }
        if effect.is_empty() {
            errors.push(FieldError::required(at.field("effect"), ""));
        } else {
            check_word(taint, "effect", &TAINT_EFFECTS, &at, errors);
        }
        if !seen.insert((key, effect)) {
            let mut duplicate = FieldError::duplicate(at, taint.clone());
            duplicate.detail = "taints must be unique by key and effect pair".to_owned();
            errors.push(duplicate);
        }
    }
}

/// Checks the affinity of a pod.
pub(crate) fn check_affinity(affinity: &Value, at: &Path<'_>, errors: &mut Errors) {
    let node = &affinity["nodeAffinity"];
    let at_node = at.field("nodeAffinity");
    let required = "requiredDuringSchedulingIgnoredDuringExecution";
    let preferred = "preferredDuringSchedulingIgnoredDuringExecution";
    if has(node, required) {
        check_node_selector(&node[required], &at_node.field(required), errors);
    }
    let at_preferred = at_node.field(preferred);
    for (index, term) in items(node, preferred).iter().enumerate() {
        let at = at_preferred.index(index);
        check_weight(term, &at, errors);
        check_node_term(&term["preference"], &at.field("preference"), errors);
    }
    for kind in ["podAffinity", "podAntiAffinity"] {
        let at_kind = at.field(kind);
        let at_required = at_kind.field(required);
        for (index, term) in items(&affinity[kind], required).iter().enumerate() {
            check_pod_term(term, &at_required.index(index), errors);
        }
        let at_preferred = at_kind.field(preferred);
        for (index, term) in items(&affinity[kind], preferred).iter().enumerate() {
            let at = at_preferred.index(index);
            check_weight(term, &at, errors);
            check_pod_term(&term["podAffinityTerm"], &at.field("podAffinityTerm"), errors);
        }
    }
}

fn check_weight(term: &Value, at: &Path<'_>, errors: &mut Errors) {
    let weight = int(term, "weight").unwrap_or_default();
    if !(1..=100).contains(&weight) {
        errors.push(FieldError::invalid(at.field("weight"), weight, "must be in the range 1-100"));
    }
}

/// Checks a node selector: terms of which one must hold.
pub(crate) fn check_node_selector(selector: &Value, at: &Path<'_>, errors: &mut Errors) {
    let terms = items(selector, "nodeSelectorTerms");
    let at_terms = at.field("nodeSelectorTerms");
    if terms.is_empty() {
        errors.push(FieldError::required(at_terms, "must have at least one node selector term"));
    }
    for (index, term) in terms.iter().enumerate() {
        check_node_term(term, &at_terms.index(index), errors);
    }
}

fn check_node_term(term: &Value, at: &Path<'_>, errors: &mut Errors) {
    for (list, is_fields) in [("matchExpressions", false), ("matchFields", true)] {
        let at_list = at.field(list);
        for (index, requirement) in items(term, list).iter().enumerate() {
            check_node_requirement(requirement, is_fields, &at_list.index(index), errors);
        }
    }
}

fn check_node_requirement(requirement: &Value, is_field: bool, at: &Path<'_>, errors: &mut Errors) {
    let values = items(requirement, "values");
    let operator = text(requirement, "operator");
    match operator {
        "In" | "NotIn" if values.is_empty() => {
            let detail = "must be specified when `operator` is 'In' or 'NotIn'";
            errors.push(FieldError::required(at.field("values"), detail));
        }
        "Exists" | "DoesNotExist" if !values.is_empty() => {
            let detail = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'";
            errors.push(FieldError::forbidden(at.field("values"), detail));
        }
        "Gt" | "Lt" if values.len() != 1 => {
            let detail = "must be specified single value when `operator` is 'Lt' or 'Gt'";
            errors.push(FieldError::required(at.field("values"), detail));
        }
        "In" | "NotIn" | "Exists" | "DoesNotExist" | "Gt" | "Lt" => {}
        _ => {
            errors.push(FieldError::invalid(at.field("operator"), operator, "not a valid selector operator"))
        }
    }
    let key = text(requirement, "key");
    if is_field {
        if key != "metadata.name" {
            errors.push(FieldError::invalid(at.field("key"), key, "not a valid field selector key"));
        }
        return;
    }
    errors.invalid_text(at.field("key"), key, qualified_name(key));
    let at_values = at.field("values");
    for (index, value) in values.iter().enumerate() {
        let value = value.as_str().unwrap_or_default();
        errors.invalid_text(at_values.index(index), value, label_value(value));
    }
}

fn check_pod_term(term: &Value, at: &Path<'_>, errors: &mut Errors) {
    check_selector(&term["labelSelector"], &at.field("labelSelector"), errors);
    check_selector(&term["namespaceSelector"], &at.field("namespaceSelector"), errors);
    let at_namespaces = at.field("namespaces");
    for (index, namespace) in items(term, "namespaces").iter().enumerate() {
        let namespace = namespace.as_str().unwrap_or_default();
        errors.invalid_text(at_namespaces.index(index), namespace, dns1123_label(namespace));
    }
    let key = text(term, "topologyKey");
    if key.is_empty() {
        errors.push(FieldError::required(at.field("topologyKey"), "can not be empty"));
    }
    errors.invalid_text(at.field("topologyKey"), key, qualified_name(key));
    check_label_keys(term, at, errors);
}

fn check_label_keys(term: &Value, at: &Path<'_>, errors: &mut Errors) {
    for field in ["matchLabelKeys", "mismatchLabelKeys"] {
        let keys = items(term, field);
        if keys.is_empty() {
            continue;
        }
        if !has(term, "labelSelector") {
            errors.push(FieldError::forbidden(
                at.field(field),
                "must not be specified when labelSelector is not set",
            ));
        }
        let at_keys = at.field(field);
        for (index, key) in keys.iter().enumerate() {
            let key = key.as_str().unwrap_or_default();
            errors.invalid_text(at_keys.index(index), key, qualified_name(key));
        }
    }
}

/// Checks topology spread constraints.
pub(crate) fn check_spread(constraints: &[Value], at: &Path<'_>, errors: &mut Errors) {
    let mut seen = BTreeSet::new();
    for (index, constraint) in constraints.iter().enumerate() {
        let at = at.index(index);
        let skew = int(constraint, "maxSkew").unwrap_or_default();
        if skew <= 0 {
            errors.push(FieldError::invalid(at.field("maxSkew"), skew, "must be greater than zero"));
        }
        let key = text(constraint, "topologyKey");
        if key.is_empty() {
            errors.push(FieldError::required(at.field("topologyKey"), "can not be empty"));
        }
        errors.invalid_text(at.field("topologyKey"), key, qualified_name(key));
        let action = text(constraint, "whenUnsatisfiable");
        if !matches!(action, "DoNotSchedule" | "ScheduleAnyway") {
            let supported = ["DoNotSchedule", "ScheduleAnyway"];
            errors.push(FieldError::not_supported(at.field("whenUnsatisfiable"), action, &supported));
        }
        if !seen.insert((key, action)) {
            let value = format!("{{{key}, {action}}}");
            errors.push(FieldError::duplicate(at.field("{topologyKey, whenUnsatisfiable}"), value));
        }
        if let Some(domains) = int(constraint, "minDomains") {
            if domains <= 0 {
                errors.push(FieldError::invalid(
                    at.field("minDomains"),
                    domains,
                    "must be greater than zero",
                ));
            }
            if action != "DoNotSchedule" {
                let detail =
                    format!("can only use minDomains if whenUnsatisfiable=DoNotSchedule, not {action}");
                errors.push(FieldError::invalid(at.field("minDomains"), domains, detail));
            }
        }
        for field in ["nodeAffinityPolicy", "nodeTaintsPolicy"] {
            check_word(constraint, field, &["Honor", "Ignore"], &at, errors);
        }
        check_selector(&constraint["labelSelector"], &at.field("labelSelector"), errors);
        if has_content(constraint, "matchLabelKeys") {
            check_label_keys(constraint, &at, errors);
        }
    }
}
