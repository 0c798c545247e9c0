//! Telling classes of pods apart without building anything: a hash over exactly the fields that scheduling looks at,
//! and an equality over the same fields.

use std::collections::BTreeMap;
use std::hash::{Hash, Hasher};

use k8s_openapi::api::core::v1::{
    Affinity, Container, NodeAffinity, NodeSelectorTerm, PodAffinity, PodAffinityTerm, PodAntiAffinity,
    PodSpec, Toleration, TopologySpreadConstraint, WeightedPodAffinityTerm,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use rustc_hash::{FxHashSet, FxHasher};
use supercargo_api::Pod;

/// The label keys that some selector of the snapshot, or some `matchLabelKeys`, mentions. Other pod labels cannot
/// change a placement, so `pod-template-hash` and the like do not split classes.
pub type SelectedKeys = FxHashSet<String>;

/// Collects the label keys that the pod's own constraints select by.
pub fn collect_selected_keys(pod: &Pod, keys: &mut SelectedKeys) {
    let Some(spec) = pod.spec() else { return };
    if let Some(affinity) = &spec.affinity {
        for_each_term(affinity, &mut |term| {
            selector_keys(term.label_selector.as_ref(), keys);
            for key in term.match_label_keys.iter().chain(&term.mismatch_label_keys).flatten() {
                insert(key, keys);
            }
        });
    }
    for spread in spec.topology_spread_constraints.iter().flatten() {
        selector_keys(spread.label_selector.as_ref(), keys);
        for key in spread.match_label_keys.iter().flatten() {
            insert(key, keys);
        }
    }
}

fn insert(key: &str, keys: &mut SelectedKeys) {
    if !keys.contains(key) {
        keys.insert(key.to_owned());
    }
}

fn selector_keys(selector: Option<&LabelSelector>, keys: &mut SelectedKeys) {
    let Some(selector) = selector else { return };
    for key in selector.match_labels.iter().flat_map(|labels| labels.keys()) {
        insert(key, keys);
    }
    for expression in selector.match_expressions.iter().flatten() {
        insert(&expression.key, keys);
    }
}

fn for_each_term(affinity: &Affinity, visit: &mut dyn FnMut(&PodAffinityTerm)) {
    if let Some(pods) = &affinity.pod_affinity {
        pods.required_during_scheduling_ignored_during_execution.iter().flatten().for_each(&mut *visit);
        for weighted in pods.preferred_during_scheduling_ignored_during_execution.iter().flatten() {
            visit(&weighted.pod_affinity_term);
        }
    }
    if let Some(pods) = &affinity.pod_anti_affinity {
        pods.required_during_scheduling_ignored_during_execution.iter().flatten().for_each(&mut *visit);
        for weighted in pods.preferred_during_scheduling_ignored_during_execution.iter().flatten() {
            visit(&weighted.pod_affinity_term);
        }
    }
}

/// Hashes of a pod: of the rules about nodes alone, and of everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Fingerprint {
    /// Node selector, node affinity, tolerations, volumes: which nodes would do.
    pub rules: u64,
    /// The rules and everything else that scheduling looks at.
    pub class: u64,
}

/// Whether a DaemonSet made the pod. Its controller ties every pod to its node by node affinity; since no such pod is
/// ever placed by us, that must not make a class of its own of every one.
fn is_tied(pod: &Pod) -> bool {
    pod.metadata.owner_references.iter().flatten().any(|owner| owner.kind == "DaemonSet")
}

/// The fingerprint of a pod. `volumes` numbers what its claims ask for; equal needs, equal number.
pub fn fingerprint(pod: &Pod, keys: &SelectedKeys, volumes: u32) -> Fingerprint {
    let mut hasher = FxHasher::default();
    let Some(spec) = pod.spec() else { return Fingerprint { rules: 0, class: 0 } };
    volumes.hash(&mut hasher);
    mix_map(spec.node_selector.as_ref(), &mut hasher);
    let tied = is_tied(pod);
    tied.hash(&mut hasher);
    if !tied {
        let affinity = spec.affinity.as_ref();
        mix_node_affinity(affinity.and_then(|affinity| affinity.node_affinity.as_ref()), &mut hasher);
    }
    for toleration in spec.tolerations.iter().flatten() {
        mix_toleration(toleration, &mut hasher);
    }
    let rules = hasher.finish();
    pod.metadata.namespace.hash(&mut hasher);
    if !keys.is_empty() {
        for (key, value) in pod.metadata.labels.iter().flatten() {
            if keys.contains(key) {
                key.hash(&mut hasher);
                value.hash(&mut hasher);
            }
        }
    }
    mix_spec(spec, &mut hasher);
    if let Some(statuses) = pod.status.as_ref().and_then(|status| status.container_statuses.as_ref()) {
        for status in statuses {
            mix_quantities(status.allocated_resources.as_ref(), &mut hasher);
        }
    }
    Fingerprint { rules, class: hasher.finish() }
}

fn mix_spec(spec: &PodSpec, hasher: &mut FxHasher) {
    spec.priority.hash(hasher);
    spec.priority_class_name.hash(hasher);
    for container in &spec.containers {
        mix_container(container, hasher);
    }
    0xFF_u8.hash(hasher);
    for container in spec.init_containers.iter().flatten() {
        container.restart_policy.hash(hasher);
        mix_container(container, hasher);
    }
    mix_quantities(spec.overhead.as_ref(), hasher);
    if let Some(resources) = &spec.resources {
        mix_quantities(resources.requests.as_ref(), hasher);
    }
    spec.resource_claims.as_ref().map_or(0, Vec::len).hash(hasher);
    if let Some(affinity) = &spec.affinity {
        mix_pod_affinity(affinity, hasher);
    }
    for spread in spec.topology_spread_constraints.iter().flatten() {
        mix_spread(spread, hasher);
    }
}

fn mix_map(map: Option<&BTreeMap<String, String>>, hasher: &mut FxHasher) {
    for (key, value) in map.into_iter().flatten() {
        key.hash(hasher);
        value.hash(hasher);
    }
    0xFE_u8.hash(hasher);
}

fn mix_quantities(map: Option<&BTreeMap<String, Quantity>>, hasher: &mut FxHasher) {
    for (key, value) in map.into_iter().flatten() {
        key.hash(hasher);
        value.0.hash(hasher);
    }
    0xFD_u8.hash(hasher);
}

fn mix_container(container: &Container, hasher: &mut FxHasher) {
    if let Some(resources) = &container.resources {
        mix_quantities(resources.requests.as_ref(), hasher);
        mix_quantities(resources.limits.as_ref(), hasher);
    }
    for port in container.ports.iter().flatten() {
        if let Some(host_port) = port.host_port.filter(|host_port| *host_port > 0) {
            host_port.hash(hasher);
            port.protocol.hash(hasher);
            port.host_ip.hash(hasher);
        }
    }
}

fn mix_toleration(toleration: &Toleration, hasher: &mut FxHasher) {
    toleration.key.hash(hasher);
    toleration.operator.hash(hasher);
    toleration.value.hash(hasher);
    toleration.effect.hash(hasher);
}

fn mix_node_term(term: &NodeSelectorTerm, hasher: &mut FxHasher) {
    for requirement in term.match_expressions.iter().chain(&term.match_fields).flatten() {
        requirement.key.hash(hasher);
        requirement.operator.hash(hasher);
        requirement.values.hash(hasher);
    }
    0xFC_u8.hash(hasher);
}

fn mix_node_affinity(affinity: Option<&NodeAffinity>, hasher: &mut FxHasher) {
    let Some(affinity) = affinity else { return };
    if let Some(required) = &affinity.required_during_scheduling_ignored_during_execution {
        for term in &required.node_selector_terms {
            mix_node_term(term, hasher);
        }
    }
    for preferred in affinity.preferred_during_scheduling_ignored_during_execution.iter().flatten() {
        preferred.weight.hash(hasher);
        mix_node_term(&preferred.preference, hasher);
    }
}

fn mix_selector(selector: Option<&LabelSelector>, hasher: &mut FxHasher) {
    let Some(selector) = selector else {
        0xFB_u8.hash(hasher);
        return;
    };
    mix_map(selector.match_labels.as_ref(), hasher);
    for expression in selector.match_expressions.iter().flatten() {
        expression.key.hash(hasher);
        expression.operator.hash(hasher);
        expression.values.hash(hasher);
    }
}

fn mix_pod_term(term: &PodAffinityTerm, hasher: &mut FxHasher) {
    mix_selector(term.label_selector.as_ref(), hasher);
    mix_selector(term.namespace_selector.as_ref(), hasher);
    term.topology_key.hash(hasher);
    term.namespaces.hash(hasher);
    term.match_label_keys.hash(hasher);
    term.mismatch_label_keys.hash(hasher);
}

fn mix_weighted(terms: Option<&Vec<WeightedPodAffinityTerm>>, hasher: &mut FxHasher) {
    for weighted in terms.into_iter().flatten() {
        weighted.weight.hash(hasher);
        mix_pod_term(&weighted.pod_affinity_term, hasher);
    }
    0xFA_u8.hash(hasher);
}

fn mix_pod_affinity(affinity: &Affinity, hasher: &mut FxHasher) {
    if let Some(pods) = &affinity.pod_affinity {
        for term in pods.required_during_scheduling_ignored_during_execution.iter().flatten() {
            mix_pod_term(term, hasher);
        }
        mix_weighted(pods.preferred_during_scheduling_ignored_during_execution.as_ref(), hasher);
    }
    0xF9_u8.hash(hasher);
    if let Some(pods) = &affinity.pod_anti_affinity {
        for term in pods.required_during_scheduling_ignored_during_execution.iter().flatten() {
            mix_pod_term(term, hasher);
        }
        mix_weighted(pods.preferred_during_scheduling_ignored_during_execution.as_ref(), hasher);
    }
}

fn mix_spread(spread: &TopologySpreadConstraint, hasher: &mut FxHasher) {
    spread.topology_key.hash(hasher);
    spread.max_skew.hash(hasher);
    spread.min_domains.hash(hasher);
    spread.when_unsatisfiable.hash(hasher);
    spread.node_affinity_policy.hash(hasher);
    spread.node_taints_policy.hash(hasher);
    spread.match_label_keys.hash(hasher);
    mix_selector(spread.label_selector.as_ref(), hasher);
}

/// A hash of one selector with everything that makes two topology groups the same.
pub fn selector_hash(selector: Option<&LabelSelector>) -> u64 {
    let mut hasher = FxHasher::default();
    mix_selector(selector, &mut hasher);
    hasher.finish()
}

/// Whether two pods obey the same rules about nodes.
pub fn same_rules(left: &Pod, right: &Pod) -> bool {
    let tied = is_tied(left) && is_tied(right);
    let (Some(left), Some(right)) = (left.spec(), right.spec()) else { return false };
    fn node_affinity(spec: &PodSpec) -> Option<&NodeAffinity> {
        spec.affinity.as_ref().and_then(|affinity| affinity.node_affinity.as_ref())
    }
    left.node_selector == right.node_selector
        && left.tolerations == right.tolerations
        && (tied || node_affinity(left) == node_affinity(right))
}

/// Whether two pods with equal rules are one class.
pub fn same_class(left: &Pod, right: &Pod, keys: &SelectedKeys) -> bool {
    let (Some(left_spec), Some(right_spec)) = (left.spec(), right.spec()) else { return false };
    left.metadata.namespace == right.metadata.namespace
        && same_selected_labels(left, right, keys)
        && left_spec.priority == right_spec.priority
        && left_spec.priority_class_name == right_spec.priority_class_name
        && same_containers(&left_spec.containers, &right_spec.containers)
        && same_containers(
            left_spec.init_containers.as_deref().unwrap_or_default(),
            right_spec.init_containers.as_deref().unwrap_or_default(),
        )
        && left_spec.overhead == right_spec.overhead
        && left_spec.resources == right_spec.resources
        && is_tied(left) == is_tied(right)
        && same_pod_affinity(left_spec, right_spec)
        && left_spec.topology_spread_constraints == right_spec.topology_spread_constraints
        && left_spec.resource_claims.as_ref().map_or(0, Vec::len)
            == right_spec.resource_claims.as_ref().map_or(0, Vec::len)
        && same_rules(left, right)
        && same_allocated(left, right)
}

fn same_pod_affinity(left: &PodSpec, right: &PodSpec) -> bool {
    fn rules(spec: &PodSpec) -> Option<(Option<&PodAffinity>, Option<&PodAntiAffinity>)> {
        spec.affinity.as_ref().map(|rules| (rules.pod_affinity.as_ref(), rules.pod_anti_affinity.as_ref()))
    }
    rules(left).unwrap_or_default() == rules(right).unwrap_or_default()
}

fn same_selected_labels(left: &Pod, right: &Pod, keys: &SelectedKeys) -> bool {
    if keys.is_empty() {
        return true;
    }
    let selected = |pod: &'_ Pod| -> Vec<(String, String)> {
        let labels = pod.metadata.labels.iter().flatten();
        labels
            .filter(|(key, _)| keys.contains(*key))
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect()
    };
    left.metadata.labels == right.metadata.labels || selected(left) == selected(right)
}

fn same_containers(left: &[Container], right: &[Container]) -> bool {
    left.len() == right.len()
        && left.iter().zip(right).all(|(left, right)| {
            left.resources == right.resources
                && left.restart_policy == right.restart_policy
                && left.ports.is_some() == right.ports.is_some()
                && (left.ports == right.ports || host_ports(left).eq(host_ports(right)))
        })
}

fn host_ports(container: &Container) -> impl Iterator<Item = (i32, Option<&str>, Option<&str>)> {
    container.ports.iter().flatten().filter_map(|port| {
        let host_port = port.host_port.filter(|host_port| *host_port > 0)?;
        Some((host_port, port.protocol.as_deref(), port.host_ip.as_deref()))
    })
}

fn same_allocated(left: &Pod, right: &Pod) -> bool {
    fn allocated(pod: &Pod) -> impl Iterator<Item = &BTreeMap<String, Quantity>> {
        let statuses = pod.status.iter().flat_map(|status| status.container_statuses.iter().flatten());
        statuses.filter_map(|status| status.allocated_resources.as_ref())
    }
    allocated(left).eq(allocated(right))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pod(value: serde_json::Value) -> Pod {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn labels_that_no_selector_mentions_do_not_split_a_class() {
        let left = pod(
            serde_json::json!({"metadata": {"labels": {"app": "a", "pod-template-hash": "1"}}, "spec": {"containers": [{"name": "c"}]}}),
        );
        let right = pod(
            serde_json::json!({"metadata": {"labels": {"app": "a", "pod-template-hash": "2"}}, "spec": {"containers": [{"name": "c"}]}}),
        );
        let mut keys = SelectedKeys::default();
        keys.insert("app".to_owned());
        assert_eq!(fingerprint(&left, &keys, 0), fingerprint(&right, &keys, 0));
        assert!(same_class(&left, &right, &keys));
        keys.insert("pod-template-hash".to_owned());
        assert_ne!(fingerprint(&left, &keys, 0).class, fingerprint(&right, &keys, 0).class);
        assert!(!same_class(&left, &right, &keys));
    }

    #[test]
    fn requests_split_a_class_but_not_its_rules() {
        let left = pod(
            serde_json::json!({"spec": {"containers": [{"name": "c", "resources": {"requests": {"cpu": "1"}}}]}}),
        );
        let right = pod(
            serde_json::json!({"spec": {"containers": [{"name": "c", "resources": {"requests": {"cpu": "2"}}}]}}),
        );
        let keys = SelectedKeys::default();
        let (one, two) = (fingerprint(&left, &keys, 0), fingerprint(&right, &keys, 0));
        assert_eq!(one.rules, two.rules);
        assert_ne!(one.class, two.class);
        assert!(same_rules(&left, &right));
    }
}
