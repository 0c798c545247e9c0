//! The kubelet configuration of an EC2NodeClass, which the definition leaves open (row E13).

use std::collections::BTreeSet;

use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use serde_json::{Map, Value};

use crate::duration::GoDuration;
use crate::kinds::AmiFamily;
use crate::labels::excerpt;

use super::conform::describe;
use super::kubelet_fields::{FieldType, KUBELET_FIELDS, MAPPED_FIELDS, type_of};
use super::meant::meant;
use super::path::At;
use super::problem::Problems;
use super::quantities::check_quantity;

const RULE: &str = "kubelet-configuration";
const SIGNALS: [&str; 6] = [
    "memory.available",
    "nodefs.available",
    "nodefs.inodesFree",
    "imagefs.available",
    "imagefs.inodesFree",
    "pid.available",
];
const RESERVABLE: [&str; 4] = ["cpu", "memory", "ephemeral-storage", "pid"];
/// The variables of the expressions that a feature gate of the provider allows for some values.
const EXPRESSION_VARIABLES: [&str; 4] = ["vcpus", "memory", "max_pods", "ips_per_eni"];

/// Checks the configuration for the family of the node class.
pub(crate) fn check_kubelet(
    at: &At<'_>,
    kubelet: &Map<String, Value>,
    family: AmiFamily,
    problems: &mut Problems,
) {
    let mut wrong = BTreeSet::new();
    for (name, value) in kubelet {
        let before = problems.0.len();
        check_field(&at.key(name), name, value, family, problems);
        if problems.0.len() > before {
            wrong.insert(name.as_str());
        }
    }
    let sound = |name: &str| kubelet.get(name).filter(|_| !wrong.contains(name));

    for field in ["evictionHard", "evictionSoft"] {
        for (signal, threshold) in sound(field).and_then(Value::as_object).into_iter().flatten() {
            check_threshold(
                &at.key(field).key(signal),
                signal,
                threshold.as_str().unwrap_or_default(),
                problems,
            );
        }
    }
    for (signal, _) in sound("evictionMinimumReclaim").and_then(Value::as_object).into_iter().flatten() {
        check_one_of(&at.key("evictionMinimumReclaim").key(signal), signal, &SIGNALS, problems);
    }
    check_soft_eviction(at, sound("evictionSoft"), sound("evictionSoftGracePeriod"), problems);
    for field in ["kubeReserved", "systemReserved"] {
        for (resource, amount) in sound(field).and_then(Value::as_object).into_iter().flatten() {
            let at = at.key(field);
            let at = at.key(resource);
            check_one_of(&at, resource, &RESERVABLE, problems);
            check_reserved(&at, resource, amount.as_str().unwrap_or_default(), problems);
        }
    }
    check_image_collection(at, &sound, problems);
}

/// Checks that a field exists, has the right type and a possible value.
fn check_field(at: &At<'_>, name: &str, value: &Value, family: AmiFamily, problems: &mut Problems) {
    let Some(field_type) = type_of(name) else {
        let right = match meant(name, KUBELET_FIELDS.iter().map(|(known, _)| *known)) {
            Some(known) => format!("did you mean {known}?"),
            None => "the fields are those of the kubelet's configuration file".to_owned(),
        };
        problems.error(at, "the kubelet has no such field").on_key().right(right).rule(RULE);
        return;
    };
    if value.is_null() {
        return;
    }
    if name == "registerWithTaints" {
        problems
            .error(at, "taints cannot be set here")
            .on_key()
            .right("write them into taints or startupTaints of the NodePool")
            .rule(RULE);
        return;
    }
    if family == AmiFamily::Bottlerocket && name == "podsPerCore" {
        problems
            .error(at, "Bottlerocket does not know podsPerCore")
            .on_key()
            .right("write maxPods")
            .rule(RULE);
        return;
    }
    let passed_on = matches!(family, AmiFamily::AL2023 | AmiFamily::Custom) || MAPPED_FIELDS.contains(&name);
    if !passed_on {
        problems
            .error(at, format!("family {family:?} does not support {name}"))
            .on_key()
            .right(format!("possible: {}", MAPPED_FIELDS.join(", ")))
            .rule(RULE);
        return;
    }
    if name == "maxPods" && value.as_str().is_some_and(is_expression) {
        refuse_expression(at, problems);
        return;
    }
    check_type(at, field_type, value, problems);
    let bounded = matches!(name, "maxPods" | "podsPerCore" | "evictionMaxPodGracePeriod");
    if let Some(number) = value.as_i64().filter(|number| bounded && *number < 0) {
        problems.error(at, format!("{number} is too low")).right("at least 0").rule(RULE);
    }
}

fn check_type(at: &At<'_>, field_type: FieldType, value: &Value, problems: &mut Problems) {
    let is_text_map =
        |is_right: fn(&Value) -> bool| value.as_object().is_some_and(|map| map.values().all(is_right));
    let (fits, expected) = match field_type {
        FieldType::Boolean => (value.is_boolean(), "true or false"),
        FieldType::Integer => (value.is_i64(), "an integer"),
        FieldType::Number => (value.is_number(), "a number"),
        FieldType::Text => (value.is_string(), "a text"),
        FieldType::Duration => {
            (value.as_str().is_some_and(|text| text.parse::<GoDuration>().is_ok()), "a duration such as 30s")
        }
        FieldType::Texts => {
            (value.as_array().is_some_and(|list| list.iter().all(Value::is_string)), "a list of texts")
        }
        FieldType::TextMap => (is_text_map(Value::is_string), "an object with texts as values"),
        FieldType::SwitchMap => (is_text_map(Value::is_boolean), "an object with true or false as values"),
        FieldType::List => (value.is_array(), "a list"),
        FieldType::Object => (value.is_object(), "an object"),
    };
    if !fits {
        let found = match value {
            Value::Object(_) | Value::Array(_) => format!("{} with other values", describe(value)),
            _ => describe(value),
        };
        problems.error(at, format!("found {found}, expected {expected}")).rule(RULE);
    }
}

/// A threshold of eviction: a percentage or an amount.
fn check_threshold(at: &At<'_>, signal: &str, threshold: &str, problems: &mut Problems) {
    check_one_of(at, signal, &SIGNALS, problems);
    match threshold.strip_suffix('%') {
        Some(share) => {
            let share: Option<f64> = share.parse().ok().filter(|share| (0.0..=100.0).contains(share));
            if share.is_none() {
                problems
                    .error(at, format!("{:?} is no threshold", excerpt(threshold)))
                    .right("a percentage is from 0% to 100%")
                    .rule(RULE);
            }
        }
        None => {
            check_amount(at, signal, threshold, problems);
        }
    }
}

/// Soft thresholds and their grace periods belong together, signal by signal.
fn check_soft_eviction(at: &At<'_>, soft: Option<&Value>, grace: Option<&Value>, problems: &mut Problems) {
    let has = |map: Option<&Value>, signal: &str| map.is_some_and(|map| map.get(signal).is_some());
    let signals = |map: Option<&Value>| -> Vec<String> {
        map.and_then(Value::as_object).into_iter().flatten().map(|(signal, _)| signal.clone()).collect()
    };
    for signal in signals(soft) {
        if !has(grace, &signal) {
            problems
                .error(&at.key("evictionSoft").key(&signal), format!("{signal} has no grace period"))
                .on_key()
                .right("add it to evictionSoftGracePeriod")
                .rule(RULE);
        }
    }
    for signal in signals(grace) {
        let at = at.key("evictionSoftGracePeriod");
        let at = at.key(&signal);
        check_one_of(&at, &signal, &SIGNALS, problems);
        if !has(soft, &signal) {
            problems
                .error(&at, format!("{signal} has no soft threshold"))
                .on_key()
                .right("add it to evictionSoft")
                .rule(RULE);
        }
        let text = grace.and_then(|grace| grace[&signal].as_str()).unwrap_or_default();
        if let Err(error) = text.parse::<GoDuration>() {
            problems.error(&at, error.to_string()).rule(RULE);
        }
    }
}

fn check_reserved(at: &At<'_>, resource: &str, amount: &str, problems: &mut Problems) {
    if is_expression(amount) {
        refuse_expression(at, problems);
    } else {
        check_amount(at, resource, amount, problems);
    }
}

fn check_amount(at: &At<'_>, name: &str, text: &str, problems: &mut Problems) {
    let before = problems.0.len();
    check_quantity(at, name, &Quantity(text.to_owned()), problems);
    for problem in &mut problems.0[before..] {
        problem.rule(RULE);
    }
}

fn check_image_collection<'v>(
    at: &At<'_>,
    sound: &dyn Fn(&str) -> Option<&'v Value>,
    problems: &mut Problems,
) {
    const HIGH: &str = "imageGCHighThresholdPercent";
    const LOW: &str = "imageGCLowThresholdPercent";
    let share = |name| sound(name).and_then(Value::as_i64);
    for name in [HIGH, LOW] {
        if let Some(share) = share(name).filter(|share| !(0..=100).contains(share)) {
            problems.error(&at.key(name), format!("{share} is not possible")).right("0 to 100").rule(RULE);
        }
    }
    if let (Some(high), Some(low)) = (share(HIGH), share(LOW))
        && high <= low
    {
        problems
            .error(&at.key(HIGH), format!("{HIGH} {high} is not above {LOW} {low}"))
            .right("images are deleted from the high mark down to the low one")
            .rule(RULE);
    }
}

fn check_one_of(at: &At<'_>, name: &str, possible: &[&'static str], problems: &mut Problems) {
    if !possible.contains(&name) {
        let right = match meant(name, possible.iter().copied()) {
            Some(known) => format!("did you mean {known}? possible: {}", possible.join(", ")),
            None => format!("possible: {}", possible.join(", ")),
        };
        problems
            .error(at, format!("{:?} is not possible here", excerpt(name)))
            .on_key()
            .right(right)
            .rule(RULE);
    }
}

/// Whether a value is meant as an expression instead of an amount.
fn is_expression(text: &str) -> bool {
    EXPRESSION_VARIABLES.iter().any(|variable| text.contains(variable))
}

fn refuse_expression(at: &At<'_>, problems: &mut Problems) {
    problems
        .error(at, "expressions are not supported here")
        .right("write an amount; expressions need the feature gate NodeClassCEL, which is off")
        .rule(RULE);
}
