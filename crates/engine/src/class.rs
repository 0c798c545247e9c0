//! Pod classes: identical constraints and requests are one question, however many pods ask it.
//!
//! ```text
//! Pod ──fingerprint──> class ──> NodeRules (which nodes would do; shared between classes)
//!                            └─> requests, host ports, pod affinity, spreads, priority
//! ```

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{
    NodeSelectorTerm, PodAffinityTerm, PodSpec, Toleration, TopologySpreadConstraint,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, LabelSelectorRequirement};
use supercargo_api::Pod;
use supercargo_api::labels;
use supercargo_api::requirement::Requirement;
use supercargo_api::requirements::Requirements;

use crate::amounts::Amounts;
use crate::volumes::VolumeNeeds;

/// Which nodes would do for a pod, other pods aside.
#[derive(Clone, Debug, Default)]
pub struct NodeRules {
    /// Alternatives: required node affinity terms, each with the node selector and one volume alternative merged
    /// in. Never empty; a pod without rules has one empty alternative.
    pub alternatives: Vec<Requirements>,
    /// The same without the volumes' zones, for the node filter of topology spread (T10).
    pub without_volumes: Vec<Requirements>,
    /// Preferred node affinity terms, heaviest first.
    pub preferred: Vec<(i32, Requirements)>,
    /// Tolerations.
    pub tolerations: Vec<Toleration>,
}

impl NodeRules {
    /// What is wrong with asking for a label in a domain that Karpenter keeps to itself (reference section 2.2).
    /// The labels that every node has may be asked for, and so may the name of a node that exists.
    pub fn restricted_key(&self) -> Option<String> {
        let preferred = self.preferred.iter().map(|(_, requirements)| requirements);
        self.without_volumes.iter().chain(preferred).flat_map(Requirements::keys).find_map(|key| {
            if matches!(key, labels::HOSTNAME | labels::REGISTERED | labels::INITIALIZED) {
                return None;
            }
            let restriction = labels::is_restricted_for_node_claim(key)?;
            Some(format!("label key {key:?}: {restriction}"))
        })
    }
}

/// A port of the host that a pod occupies.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct HostPort {
    /// Port number.
    pub port: i32,
    /// `TCP`, `UDP` or `SCTP`.
    pub protocol: String,
    /// Address; empty for all.
    pub ip: String,
}

impl HostPort {
    /// Whether two pods with these ports cannot share a node (reference section 2.10).
    pub fn conflicts(&self, other: &HostPort) -> bool {
        let any = |ip: &str| ip.is_empty() || ip == "0.0.0.0" || ip == "::";
        self.port == other.port
            && self.protocol == other.protocol
            && (self.ip == other.ip || any(&self.ip) || any(&other.ip))
    }
}

/// A required or preferred pod (anti-)affinity term.
#[derive(Clone, Debug, PartialEq)]
pub struct PodTerm {
    /// Topology key.
    pub key: String,
    /// Selector with `matchLabelKeys` and `mismatchLabelKeys` resolved.
    pub selector: Option<LabelSelector>,
    /// Explicit namespaces; the pod's own where both this and the selector are absent.
    pub namespaces: Vec<String>,
    /// Selects further namespaces by their labels.
    pub namespace_selector: Option<LabelSelector>,
}

/// A topology spread constraint.
#[derive(Clone, Debug, PartialEq)]
pub struct Spread {
    /// Topology key.
    pub key: String,
    /// The pod's own namespace.
    pub namespace: String,
    /// Selector with `matchLabelKeys` resolved.
    pub selector: Option<LabelSelector>,
    /// Largest allowed difference.
    pub max_skew: i64,
    /// Fewer domains than this count as a minimum of zero.
    pub min_domains: Option<i64>,
    /// `DoNotSchedule`.
    pub hard: bool,
    /// Domains are those of nodes that the pod's node affinity admits.
    pub honor_affinity: bool,
    /// Domains are those of nodes whose taints the pod tolerates.
    pub honor_taints: bool,
}

/// A class of pods that scheduling cannot tell apart.
#[derive(Clone, Debug)]
pub struct PodClass {
    /// Namespace.
    pub namespace: String,
    /// All labels of the first pod seen; only the selected keys are common to the class.
    pub labels: BTreeMap<String, String>,
    /// Index of the [`NodeRules`].
    pub rules: u32,
    /// Effective requests.
    pub requests: Amounts,
    /// Priority; higher first.
    pub priority: i32,
    /// Host ports.
    pub host_ports: Vec<HostPort>,
    /// Required pod affinity.
    pub affinity: Vec<PodTerm>,
    /// Required pod anti-affinity.
    pub anti_affinity: Vec<PodTerm>,
    /// Preferred pod affinity, heaviest first.
    pub preferred_affinity: Vec<(i32, PodTerm)>,
    /// Preferred pod anti-affinity, heaviest first.
    pub preferred_anti_affinity: Vec<(i32, PodTerm)>,
    /// Topology spread constraints.
    pub spreads: Vec<Spread>,
    /// Why pods of this class are not considered at all.
    pub refusal: Option<String>,
}

impl PodClass {
    /// Whether other pods have a say in where this one goes.
    pub fn has_pod_rules(&self) -> bool {
        !(self.affinity.is_empty()
            && self.anti_affinity.is_empty()
            && self.preferred_affinity.is_empty()
            && self.preferred_anti_affinity.is_empty()
            && self.spreads.is_empty())
    }
}

/// Reads the rules about nodes.
///
/// # Errors
/// A sentence for the user when the pod can never be scheduled as written (reference section 2.2).
pub fn node_rules(pod: &Pod, volumes: &VolumeNeeds) -> Result<NodeRules, String> {
    let Some(spec) = pod.spec() else { return Err("the pod has no spec".to_owned()) };
    let mut base = Requirements::new();
    for (key, value) in spec.node_selector.iter().flatten() {
        check_key(key)?;
        let requirement =
            Requirement::new(key, supercargo_api::requirement::Operator::In, [value.clone()], None)
                .map_err(|error| format!("nodeSelector: {error}"))?;
        base.add(requirement);
    }
    let node_affinity = spec.affinity.as_ref().and_then(|affinity| affinity.node_affinity.as_ref());
    let required =
        node_affinity.and_then(|rules| rules.required_during_scheduling_ignored_during_execution.as_ref());
    let mut without_volumes = Vec::new();
    match required {
        Some(selector) => {
            for term in &selector.node_selector_terms {
                if let Some(requirements) = term_requirements(term)? {
                    without_volumes.extend(merged(&base, &requirements));
                }
            }
            if without_volumes.is_empty() {
                return Err(
                    "node selector and required node affinity contradict each other, or match no node"
                        .to_owned(),
                );
            }
        }
        None => without_volumes.push(base),
    }
    let mut alternatives = Vec::new();
    for term in &without_volumes {
        for volume in &volumes.alternatives {
            alternatives.extend(merged(term, volume));
        }
    }
    if alternatives.is_empty() {
        return Err("the zones of the pod's volumes contradict its node affinity".to_owned());
    }
    let mut preferred = Vec::new();
    let preferences =
        node_affinity.and_then(|rules| rules.preferred_during_scheduling_ignored_during_execution.as_ref());
    for preference in preferences.into_iter().flatten() {
        if let Some(requirements) = term_requirements(&preference.preference)? {
            preferred.push((preference.weight, requirements));
        }
    }
    preferred.sort_by_key(|(weight, _)| std::cmp::Reverse(*weight));
    Ok(NodeRules {
        alternatives,
        without_volumes,
        preferred,
        tolerations: spec.tolerations.clone().unwrap_or_default(),
    })
}

/// Both together; nothing when they contradict each other. An empty intersection of `In [a]` and `In [b]` would read
/// as DoesNotExist in Karpenter's algebra (reference section 2.5), but no node satisfies it.
fn merged(left: &Requirements, right: &Requirements) -> Option<Requirements> {
    let contradicts = right.iter().any(|requirement| {
        left.get(&requirement.key).is_some_and(|other| {
            !(other.intersects(requirement) || other.allows_absent() && requirement.allows_absent())
        })
    });
    if contradicts {
        return None;
    }
    let mut both = left.clone();
    both.extend(right.clone());
    Some(both)
}

fn check_key(key: &str) -> Result<(), String> {
    labels::check_label_key(key).map_err(|error| error.to_string())
}

/// `None` for an empty term, which matches nothing.
fn term_requirements(term: &NodeSelectorTerm) -> Result<Option<Requirements>, String> {
    if term.match_fields.as_ref().is_some_and(|fields| !fields.is_empty()) {
        return Err("node affinity by matchFields ties the pod to one existing node".to_owned());
    }
    let expressions = term.match_expressions.as_deref().unwrap_or_default();
    if expressions.is_empty() {
        return Ok(None);
    }
    for expression in expressions {
        check_key(&expression.key)?;
    }
    Requirements::from_node_selector_terms(expressions)
        .map(Some)
        .map_err(|error| format!("node affinity: {error}"))
}

/// Host ports of a pod, sorted.
pub fn host_ports(spec: &PodSpec) -> Vec<HostPort> {
    let mut ports = Vec::new();
    let sidecars = spec.init_containers.iter().flatten();
    let sidecars = sidecars.filter(|container| container.restart_policy.as_deref() == Some("Always"));
    for container in spec.containers.iter().chain(sidecars) {
        for port in container.ports.iter().flatten() {
            if let Some(number) = port.host_port.filter(|number| *number > 0) {
                ports.push(HostPort {
                    port: number,
                    protocol: port.protocol.clone().unwrap_or_else(|| "TCP".to_owned()),
                    ip: port.host_ip.clone().unwrap_or_default(),
                });
            }
        }
    }
    ports.sort();
    ports.dedup();
    ports
}

/// Adds `key In [value]` (or `NotIn`) for each key that the pod carries (T3).
fn with_label_keys(
    selector: Option<&LabelSelector>,
    keys: &[(&[String], &str)],
    pod_labels: &BTreeMap<String, String>,
) -> Option<LabelSelector> {
    let mut selector = selector?.clone();
    for (names, operator) in keys {
        for name in *names {
            let Some(value) = pod_labels.get(name) else { continue };
            let expression = LabelSelectorRequirement {
                key: name.clone(),
                operator: (*operator).to_owned(),
                values: Some(vec![value.clone()]),
            };
            let expressions = selector.match_expressions.get_or_insert_with(Vec::new);
            if !expressions.contains(&expression) {
                expressions.push(expression);
            }
        }
    }
    Some(selector)
}

fn pod_term(term: &PodAffinityTerm, namespace: &str, pod_labels: &BTreeMap<String, String>) -> PodTerm {
    let match_keys = term.match_label_keys.as_deref().unwrap_or_default();
    let mismatch_keys = term.mismatch_label_keys.as_deref().unwrap_or_default();
    let mut namespaces = term.namespaces.clone().unwrap_or_default();
    if namespaces.is_empty() && term.namespace_selector.is_none() {
        namespaces.push(namespace.to_owned());
    }
    namespaces.sort();
    namespaces.dedup();
    PodTerm {
        key: labels::normalize_label(&term.topology_key).to_owned(),
        selector: with_label_keys(
            term.label_selector.as_ref(),
            &[(match_keys, "In"), (mismatch_keys, "NotIn")],
            pod_labels,
        ),
        namespaces,
        namespace_selector: term.namespace_selector.clone(),
    }
}

/// The pod (anti-)affinity and spread part of a class.
pub fn pod_rules(spec: &PodSpec, class: &mut PodClass) {
    let (namespace, pod_labels) = (class.namespace.clone(), class.labels.clone());
    let term = |term: &PodAffinityTerm| pod_term(term, &namespace, &pod_labels);
    let affinity = spec.affinity.as_ref();
    if let Some(rules) = affinity.and_then(|affinity| affinity.pod_affinity.as_ref()) {
        class.affinity =
            rules.required_during_scheduling_ignored_during_execution.iter().flatten().map(term).collect();
        class.preferred_affinity = rules
            .preferred_during_scheduling_ignored_during_execution
            .iter()
            .flatten()
            .map(|weighted| (weighted.weight, term(&weighted.pod_affinity_term)))
            .collect();
        class.preferred_affinity.sort_by_key(|(weight, _)| std::cmp::Reverse(*weight));
    }
    if let Some(rules) = affinity.and_then(|affinity| affinity.pod_anti_affinity.as_ref()) {
        class.anti_affinity =
            rules.required_during_scheduling_ignored_during_execution.iter().flatten().map(term).collect();
        class.preferred_anti_affinity = rules
            .preferred_during_scheduling_ignored_during_execution
            .iter()
            .flatten()
            .map(|weighted| (weighted.weight, term(&weighted.pod_affinity_term)))
            .collect();
        class.preferred_anti_affinity.sort_by_key(|(weight, _)| std::cmp::Reverse(*weight));
    }
    class.spreads = spec
        .topology_spread_constraints
        .iter()
        .flatten()
        .map(|constraint| spread(constraint, &namespace, &pod_labels))
        .collect();
}

/// Defaults of T2: taints ignored, affinity honoured.
fn spread(
    constraint: &TopologySpreadConstraint,
    namespace: &str,
    pod_labels: &BTreeMap<String, String>,
) -> Spread {
    let keys = constraint.match_label_keys.as_deref().unwrap_or_default();
    Spread {
        key: labels::normalize_label(&constraint.topology_key).to_owned(),
        namespace: namespace.to_owned(),
        selector: with_label_keys(constraint.label_selector.as_ref(), &[(keys, "In")], pod_labels),
        max_skew: i64::from(constraint.max_skew.max(1)),
        min_domains: constraint.min_domains.map(i64::from),
        hard: constraint.when_unsatisfiable != "ScheduleAnyway",
        honor_affinity: constraint.node_affinity_policy.as_deref() != Some("Ignore"),
        honor_taints: constraint.node_taints_policy.as_deref() == Some("Honor"),
    }
}
