//! Whether affinity terms, tolerations and spread constraints of a pod can be understood.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::{
    Affinity, NodeSelectorRequirement, NodeSelectorTerm, PodAffinityTerm, Toleration,
    TopologySpreadConstraint, WeightedPodAffinityTerm,
};

use crate::labels::{check_label_key, check_label_value, closest_well_known, excerpt};
use crate::taint::{NO_EXECUTE, NO_SCHEDULE, PREFER_NO_SCHEDULE};

use super::meant::meant;
use super::metadata::check_selector;
use super::path::At;
use super::problem::Problems;

/// Checks all affinity terms of a pod.
pub(crate) fn check_affinity(at: &At<'_>, affinity: &Affinity, problems: &mut Problems) {
    if let Some(node_affinity) = &affinity.node_affinity {
        let at = at.key("nodeAffinity");
        if let Some(required) = &node_affinity.required_during_scheduling_ignored_during_execution {
            let at = at.key("requiredDuringSchedulingIgnoredDuringExecution");
            let at = at.key("nodeSelectorTerms");
            if required.node_selector_terms.is_empty() {
                problems.error(&at, "0 items are too few").right("at least one term");
            }
            for (index, term) in required.node_selector_terms.iter().enumerate() {
                check_node_term(&at.index(index), term, problems);
            }
        }
        let at = at.key("preferredDuringSchedulingIgnoredDuringExecution");
        let preferred = node_affinity.preferred_during_scheduling_ignored_during_execution.iter().flatten();
        for (index, term) in preferred.enumerate() {
            let at = at.index(index);
            check_weight(&at, term.weight, problems);
            check_node_term(&at.key("preference"), &term.preference, problems);
        }
    }
    if let Some(terms) = &affinity.pod_affinity {
        let required = terms.required_during_scheduling_ignored_during_execution.as_deref();
        let preferred = terms.preferred_during_scheduling_ignored_during_execution.as_deref();
        check_pod_terms(&at.key("podAffinity"), required, preferred, problems);
    }
    if let Some(terms) = &affinity.pod_anti_affinity {
        let required = terms.required_during_scheduling_ignored_during_execution.as_deref();
        let preferred = terms.preferred_during_scheduling_ignored_during_execution.as_deref();
        check_pod_terms(&at.key("podAntiAffinity"), required, preferred, problems);
    }
}

fn check_node_term(at: &At<'_>, term: &NodeSelectorTerm, problems: &mut Problems) {
    let at_expressions = at.key("matchExpressions");
    for (index, expression) in term.match_expressions.iter().flatten().enumerate() {
        check_expression(&at_expressions.index(index), expression, problems);
    }
    let at_fields = at.key("matchFields");
    for (index, field) in term.match_fields.iter().flatten().enumerate() {
        let at = at_fields.index(index);
        if field.key != "metadata.name" {
            problems
                .error(&at.key("key"), format!("field {:?} cannot be matched", excerpt(&field.key)))
                .right("the only field is metadata.name");
        }
        let one_value = field.values.as_ref().is_some_and(|values| values.len() == 1);
        if !matches!(field.operator.as_str(), "In" | "NotIn") || !one_value {
            problems.error(&at, "a field is matched with In or NotIn and exactly one value");
        }
    }
}

/// Checks one requirement on the labels of nodes, as pods write it.
fn check_expression(at: &At<'_>, expression: &NodeSelectorRequirement, problems: &mut Problems) {
    const OPERATORS: [&str; 6] = ["In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt"];

    check_key_value(&at.key("key"), &expression.key, problems);
    let operator = expression.operator.as_str();
    let values = expression.values.as_deref().unwrap_or_default();
    if !OPERATORS.contains(&operator) {
        check_word(&at.key("operator"), operator, &OPERATORS, problems);
        return;
    }
    let at_values = at.key("values");
    let text = match operator {
        "In" | "NotIn" if values.is_empty() => Some(format!("{operator} needs at least one value")),
        "Exists" | "DoesNotExist" if !values.is_empty() => Some(format!("{operator} takes no values")),
        "Gt" | "Lt" if values.len() != 1 => Some(format!("{operator} needs exactly one value")),
        "Gt" | "Lt" if values[0].parse::<i64>().is_err() => {
            Some(format!("{operator} needs an integer, found {:?}", excerpt(&values[0])))
        }
        _ => None,
    };
    if let Some(text) = text {
        problems.error(&at_values, text);
    }
    if matches!(operator, "In" | "NotIn") {
        for (index, value) in values.iter().enumerate() {
            if let Err(error) = check_label_value(value) {
                problems.error(&at_values.index(index), error.to_string());
            }
        }
    }
}

fn check_pod_terms(
    at: &At<'_>,
    required: Option<&[PodAffinityTerm]>,
    preferred: Option<&[WeightedPodAffinityTerm]>,
    problems: &mut Problems,
) {
    let at_required = at.key("requiredDuringSchedulingIgnoredDuringExecution");
    for (index, term) in required.unwrap_or_default().iter().enumerate() {
        check_pod_term(&at_required.index(index), term, problems);
    }
    let at_preferred = at.key("preferredDuringSchedulingIgnoredDuringExecution");
    for (index, term) in preferred.unwrap_or_default().iter().enumerate() {
        let at = at_preferred.index(index);
        check_weight(&at, term.weight, problems);
        check_pod_term(&at.key("podAffinityTerm"), &term.pod_affinity_term, problems);
    }
}

fn check_pod_term(at: &At<'_>, term: &PodAffinityTerm, problems: &mut Problems) {
    check_key_value(&at.key("topologyKey"), &term.topology_key, problems);
    if let Some(selector) = &term.label_selector {
        check_selector(&at.key("labelSelector"), selector, problems);
    }
    if let Some(selector) = &term.namespace_selector {
        check_selector(&at.key("namespaceSelector"), selector, problems);
    }
}

fn check_weight(at: &At<'_>, weight: i32, problems: &mut Problems) {
    if !(1..=100).contains(&weight) {
        problems.error(&at.key("weight"), format!("weight {weight} is not possible")).right("1 to 100");
    }
}

/// Checks the tolerations of a pod.
pub(crate) fn check_tolerations(at: &At<'_>, tolerations: &[Toleration], problems: &mut Problems) {
    const OPERATORS: [&str; 4] = ["Exists", "Equal", "Lt", "Gt"];

    for (index, toleration) in tolerations.iter().enumerate() {
        let at = at.index(index);
        let operator = toleration.operator.as_deref().unwrap_or_default();
        let effect = toleration.effect.as_deref().unwrap_or_default();
        let key = toleration.key.as_deref().unwrap_or_default();
        if !operator.is_empty() && !OPERATORS.contains(&operator) {
            check_word(&at.key("operator"), operator, &OPERATORS, problems);
        }
        if !effect.is_empty() {
            check_effect(&at.key("effect"), effect, problems);
        }
        if !key.is_empty() {
            check_key_value(&at.key("key"), key, problems);
        } else if operator != "Exists" {
            problems
                .error(&at, "a toleration without a key tolerates nothing")
                .right("give a key, or operator Exists to tolerate every taint");
        }
        if operator == "Exists" && toleration.value.as_deref().is_some_and(|value| !value.is_empty()) {
            problems.error(&at.key("value"), "operator Exists takes no value").right("leave the value out");
        }
        if toleration.toleration_seconds.is_some() && effect != NO_EXECUTE {
            problems
                .error(&at.key("tolerationSeconds"), "tolerationSeconds needs effect NoExecute")
                .right("set effect NoExecute, or leave it out");
        }
    }
}

/// Checks the spread constraints of a pod.
pub(crate) fn check_spread(at: &At<'_>, constraints: &[TopologySpreadConstraint], problems: &mut Problems) {
    const WHEN: [&str; 2] = ["DoNotSchedule", "ScheduleAnyway"];
    const POLICIES: [&str; 2] = ["Honor", "Ignore"];

    let mut seen = BTreeSet::new();
    for (index, constraint) in constraints.iter().enumerate() {
        let at = at.index(index);
        let when = constraint.when_unsatisfiable.as_str();
        if constraint.max_skew < 1 {
            problems
                .error(&at.key("maxSkew"), format!("maxSkew {} is not possible", constraint.max_skew))
                .right("at least 1");
        }
        check_key_value(&at.key("topologyKey"), &constraint.topology_key, problems);
        if !WHEN.contains(&when) {
            check_word(&at.key("whenUnsatisfiable"), when, &WHEN, problems);
        }
        if let Some(least) = constraint.min_domains {
            if least < 1 {
                problems
                    .error(&at.key("minDomains"), format!("minDomains {least} is not possible"))
                    .right("at least 1");
            } else if when != "DoNotSchedule" {
                problems
                    .error(&at.key("minDomains"), "minDomains needs whenUnsatisfiable DoNotSchedule")
                    .right("leave minDomains out");
            }
        }
        for (field, policy) in [
            ("nodeAffinityPolicy", &constraint.node_affinity_policy),
            ("nodeTaintsPolicy", &constraint.node_taints_policy),
        ] {
            if let Some(policy) = policy.as_deref().filter(|policy| !POLICIES.contains(policy)) {
                check_word(&at.key(field), policy, &POLICIES, problems);
            }
        }
        match &constraint.label_selector {
            Some(selector) => {
                check_selector(&at.key("labelSelector"), selector, problems);
            }
            None if constraint.match_label_keys.as_ref().is_some_and(|keys| !keys.is_empty()) => {
                problems.error(&at.key("matchLabelKeys"), "matchLabelKeys needs a labelSelector");
            }
            None => {
                problems
                    .warning(&at, "the constraint counts no pods: it has no labelSelector")
                    .right("give the labels of the pods that are spread");
            }
        }
        if !seen.insert((constraint.topology_key.as_str(), when)) {
            problems
                .error(&at, "another constraint has the same topologyKey and whenUnsatisfiable")
                .right("keep one of the two");
        }
    }
}

/// Checks the effect of a taint or toleration.
pub(crate) fn check_effect(at: &At<'_>, effect: &str, problems: &mut Problems) {
    const EFFECTS: [&str; 3] = [NO_SCHEDULE, PREFER_NO_SCHEDULE, NO_EXECUTE];
    if !EFFECTS.contains(&effect) {
        check_word(at, effect, &EFFECTS, problems);
    }
}

/// Says that a word is none of the possible ones.
fn check_word(at: &At<'_>, word: &str, possible: &[&'static str], problems: &mut Problems) {
    let right = match meant(word, possible.iter().copied()) {
        Some(known) => format!("did you mean {known}? possible: {}", possible.join(", ")),
        None => format!("possible: {}", possible.join(", ")),
    };
    problems.error(at, format!("{:?} is not possible", excerpt(word))).right(right);
}

/// Checks the key of a label where it is a value.
pub(crate) fn check_key_value(at: &At<'_>, key: &str, problems: &mut Problems) {
    if let Err(error) = check_label_key(key) {
        let problem = problems.error(at, error.to_string());
        if let Some(known) = closest_well_known(key) {
            problem.right(format!("did you mean {known}?"));
        }
    }
}
