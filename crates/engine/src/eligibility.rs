//! Which pods are to be placed, and why others are not (reference section 2.2).

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use supercargo_api::Pod;
use supercargo_api::labels;
use supercargo_api::objects::Objects;
use supercargo_api::selector::{Selector, WhenAbsent};

/// `namespace/name` of a pod.
pub(crate) fn display_name(pod: &Pod) -> String {
    format!("{}/{}", namespace(&pod.metadata), pod.metadata.name.as_deref().unwrap_or_default())
}

fn namespace(meta: &ObjectMeta) -> &str {
    meta.namespace.as_deref().unwrap_or("default")
}

/// Where a pod stands, as far as its own object tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    Finished,
    Terminating,
    Mirror,
    Gated,
    Preempting(String),
    GivenUp(String),
    Active,
}

impl Standing {
    pub(crate) fn of(pod: &Pod) -> Standing {
        let status = pod.status.as_ref();
        let phase = status.and_then(|status| status.phase.as_deref());
        if matches!(phase, Some("Succeeded" | "Failed")) {
            return Standing::Finished;
        }
        let annotations = pod.metadata.annotations.as_ref();
        let owned_by_node = pod
            .metadata
            .owner_references
            .iter()
            .flatten()
            .any(|owner| owner.kind == "Node" && owner.api_version == "v1");
        if owned_by_node || annotations.is_some_and(|map| map.contains_key("kubernetes.io/config.mirror")) {
            return Standing::Mirror;
        }
        if pod.metadata.deletion_timestamp.is_some() {
            return Standing::Terminating;
        }
        let spec = pod.spec();
        if spec.is_some_and(|spec| spec.scheduling_gates.as_ref().is_some_and(|gates| !gates.is_empty())) {
            return Standing::Gated;
        }
        if let Some(node) = status.and_then(|status| status.nominated_node_name.as_deref())
            && !node.is_empty()
        {
            return Standing::Preempting(node.to_owned());
        }
        // Without a verdict of the scheduler, as in a manifest, the pod is taken to wait for a node.
        let conditions = status.and_then(|status| status.conditions.as_deref()).unwrap_or_default();
        if let Some(verdict) = conditions.iter().find(|condition| condition.type_ == "PodScheduled")
            && verdict.status == "False"
            && let Some(reason) = verdict.reason.as_deref().filter(|reason| *reason != "Unschedulable")
        {
            return Standing::GivenUp(reason.to_owned());
        }
        Standing::Active
    }

    /// Why an unbound pod is not pending; an empty reason is not worth a word.
    pub(crate) fn not_pending_reason(&self) -> Option<String> {
        match self {
            Standing::Finished | Standing::Terminating | Standing::Mirror => Some(String::new()),
            Standing::Gated => Some("has scheduling gates".to_owned()),
            Standing::Preempting(node) => {
                Some(format!("is about to take the place of other pods on node {node}"))
            }
            Standing::GivenUp(reason) => {
                Some(format!("is not waiting for a node (PodScheduled is False: {reason})"))
            }
            Standing::Active => None,
        }
    }
}

pub(crate) fn daemon_set_name(pod: &Pod) -> Option<&str> {
    let owners = pod.metadata.owner_references.as_deref().unwrap_or_default();
    owners.iter().find(|owner| owner.kind == "DaemonSet").map(|owner| owner.name.as_str())
}

pub(crate) fn is_reschedulable(pod: &Pod, terminating: bool) -> bool {
    let owners = pod.metadata.owner_references.as_deref().unwrap_or_default();
    if terminating && !owners.iter().any(|owner| owner.kind == "StatefulSet") {
        return false;
    }
    let annotations = pod.metadata.annotations.iter().flatten();
    !annotations.into_iter().any(|(key, value)| key == labels::DO_NOT_DISRUPT && value == "true")
}

/// PodDisruptionBudgets that allow no eviction whatever happens.
pub(crate) struct FullyBlocked {
    selectors: Vec<(String, Selector)>,
}

impl FullyBlocked {
    pub(crate) fn new(objects: &Objects) -> FullyBlocked {
        use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
        let is = |value: Option<&IntOrString>, number: Option<i32>, text: &str| match value {
            Some(IntOrString::Int(given)) => Some(*given) == number,
            Some(IntOrString::String(given)) => given == text,
            None => false,
        };
        let mut selectors = Vec::new();
        for budget in &objects.pod_disruption_budgets {
            let Some(spec) = &budget.spec else { continue };
            let blocking = is(spec.max_unavailable.as_ref(), Some(0), "0%")
                || is(spec.min_available.as_ref(), None, "100%");
            if !blocking {
                continue;
            }
            if let Ok(selector) =
                Selector::compile_optional(spec.selector.as_ref(), WhenAbsent::SelectNothing)
            {
                selectors.push((namespace(&budget.metadata).to_owned(), selector));
            }
        }
        FullyBlocked { selectors }
    }

    pub(crate) fn blocks(&self, pod: &Pod) -> bool {
        let namespace = namespace(&pod.metadata);
        let empty = BTreeMap::new();
        let pod_labels = pod.metadata.labels.as_ref().unwrap_or(&empty);
        self.selectors.iter().any(|(own, selector)| own == namespace && selector.matches(pod_labels))
    }
}
