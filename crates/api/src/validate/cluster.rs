//! Nodes, namespaces, priority classes and disruption budgets.

use k8s_openapi::api::core::v1::{Namespace, Node, Taint};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::api::scheduling::v1::PriorityClass;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use crate::labels::{check_label_value, excerpt};

use super::affinity::{check_effect, check_key_value};
use super::check::Check;
use super::metadata::check_selector;
use super::path::At;
use super::problem::Problems;
use super::quantities::check_list;

impl Check for Node {
    fn check(&self, at: &At<'_>, problems: &mut Problems) {
        if let Some(taints) = self.spec.as_ref().and_then(|spec| spec.taints.as_ref()) {
            let at = at.key("spec");
            let at_taints = at.key("taints");
            for (index, taint) in taints.iter().enumerate() {
                check_taint(&at_taints.index(index), taint, problems);
            }
        }
        if let Some(status) = &self.status {
            let at = at.key("status");
            for (field, list) in [("capacity", &status.capacity), ("allocatable", &status.allocatable)] {
                if let Some(list) = list {
                    check_list(&at.key(field), list, problems);
                }
            }
        }
    }
}

/// Checks a taint (row N5).
pub(crate) fn check_taint(at: &At<'_>, taint: &Taint, problems: &mut Problems) {
    check_key_value(&at.key("key"), &taint.key, problems);
    check_effect(&at.key("effect"), &taint.effect, problems);
    if let Some(Err(error)) = taint.value.as_deref().map(check_label_value) {
        problems.error(&at.key("value"), error.to_string());
    }
}

impl Check for Namespace {
    fn check(&self, _: &At<'_>, _: &mut Problems) {}
}

impl Check for PriorityClass {
    fn check(&self, at: &At<'_>, problems: &mut Problems) {
        let policy = self.preemption_policy.as_deref().unwrap_or("PreemptLowerPriority");
        if !matches!(policy, "PreemptLowerPriority" | "Never") {
            problems
                .error(&at.key("preemptionPolicy"), format!("{:?} is not possible", excerpt(policy)))
                .right("possible: PreemptLowerPriority, Never");
        }
    }
}

impl Check for PodDisruptionBudget {
    fn check(&self, at: &At<'_>, problems: &mut Problems) {
        let Some(spec) = &self.spec else { return };
        let at = at.key("spec");
        if spec.min_available.is_some() && spec.max_unavailable.is_some() {
            problems
                .error(&at, "minAvailable and maxUnavailable cannot be set together")
                .right("keep one of the two");
        }
        for (field, value) in
            [("minAvailable", &spec.min_available), ("maxUnavailable", &spec.max_unavailable)]
        {
            if let Some(value) = value.as_ref().filter(|value| !is_count_or_share(value)) {
                let shown = match value {
                    IntOrString::Int(number) => number.to_string(),
                    IntOrString::String(text) => format!("{:?}", excerpt(text)),
                };
                problems
                    .error(&at.key(field), format!("{shown} is not possible"))
                    .right("write a number such as 1 or a percentage such as \"50%\"");
            }
        }
        if let Some(selector) = &spec.selector {
            check_selector(&at.key("selector"), selector, problems);
        }
    }
}

/// Whether this is a count from 0, or a percentage up to 100%.
fn is_count_or_share(value: &IntOrString) -> bool {
    match value {
        IntOrString::Int(count) => *count >= 0,
        IntOrString::String(text) => text
            .strip_suffix('%')
            .filter(|digits| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()))
            .and_then(|digits| digits.parse::<u32>().ok())
            .is_some_and(|share| share <= 100),
    }
}
