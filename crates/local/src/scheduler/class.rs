//! Pods with the same demands are one class.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use k8s_openapi::api::core::v1::{
    Container, NodeSelector, PodAffinityTerm, PodSpec, PreferredSchedulingTerm, Toleration,
    TopologySpreadConstraint,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, LabelSelectorRequirement};
use serde_json::json;
use supercargo_api::Pod;
use supercargo_api::Resources;
use supercargo_api::labels::{HOSTNAME, ZONE};
use supercargo_api::resources::{CPU, MEMORY};
use supercargo_api::selector::{Selector, WhenAbsent};
use supercargo_reconcile::{State, controller_of};

use super::amounts::{Amounts, Names};
use super::groups::{Meant, Pull, Scope, Term};
use super::requests::{pod_requests, pod_requests_for_scores};

/// A port of the node that a pod takes: address, protocol, number.
pub(super) type Port = (String, String, i32);

/// What pods of a class demand.
#[derive(Debug)]
pub(super) struct PodClass {
    /// The class's number.
    pub(super) id: u64,
    pub(super) namespace: String,
    pub(super) labels: BTreeMap<String, String>,
    pub(super) priority: i32,
    /// Whether others may be preempted for it.
    pub(super) preempts: bool,
    pub(super) requests: Amounts,
    /// cpu and memory as scores count them.
    pub(super) scored: [i64; 2],
    pub(super) tolerations: Vec<Toleration>,
    pub(super) node_selector: BTreeMap<String, String>,
    pub(super) required_nodes: Option<NodeSelector>,
    pub(super) preferred_nodes: Vec<PreferredSchedulingTerm>,
    pub(super) ports: Vec<Port>,
    pub(super) hard_spread: Vec<Spread>,
    pub(super) soft_spread: Vec<Spread>,
    /// Whether the soft constraints are the scheduler's own, which do not ask for every label.
    pub(super) default_spread: bool,
    /// Pods that all required affinity terms mean, and the terms' topology keys.
    pub(super) affinity: Option<(Meant, Vec<String>)>,
    /// Whether the pod itself is among those its affinity means.
    pub(super) own_affinity: bool,
    pub(super) anti_affinity: Vec<(Meant, String)>,
    pub(super) preferred_pods: Vec<(Meant, String, i64)>,
    /// The terms that its pods carry, by number.
    pub(super) carried: Vec<usize>,
    /// The same, as they are.
    pub(super) terms: Vec<Term>,
}

/// A topology spread constraint.
#[derive(Debug, Clone)]
pub(super) struct Spread {
    pub(super) topology_key: String,
    pub(super) max_skew: i64,
    pub(super) min_domains: i64,
    pub(super) meant: Meant,
    /// Whether the pod itself counts.
    pub(super) means_itself: bool,
    pub(super) honors_affinity: bool,
    pub(super) honors_taints: bool,
}

/// The text that pods of one class have in common.
pub(super) fn fingerprint(pod: &Pod) -> String {
    let Some(spec) = pod.spec() else { return String::new() };
    let container =
        |container: &Container| json!([container.resources, container.ports, container.restart_policy]);
    let containers: Vec<_> = spec.containers.iter().map(container).collect();
    let init: Vec<_> = spec.init_containers.iter().flatten().map(container).collect();
    let owner = controller_of(&pod.metadata).map(|owner| &owner.uid);
    let fields = json!([
        pod.metadata.namespace,
        pod.metadata.labels,
        owner,
        spec.priority,
        spec.preemption_policy,
        spec.node_selector,
        spec.affinity,
        spec.tolerations,
        spec.topology_spread_constraints,
        spec.overhead,
        spec.resources,
        spec.host_network,
        containers,
        init,
    ]);
    fields.to_string()
}

impl PodClass {
    /// Compiles a pod's demands. Selectors that cannot be read select nothing, as in kube-scheduler.
    pub(super) fn compile(id: u64, pod: &Pod, state: &State, names: &mut Names) -> Self {
        let no_spec = PodSpec::default();
        let spec = pod.spec().unwrap_or(&no_spec);
        let namespace = pod.metadata.namespace.clone().unwrap_or_default();
        let labels = pod.metadata.labels.clone().unwrap_or_default();
        let scored: Resources = pod_requests_for_scores(spec);
        let node_affinity = spec.affinity.as_ref().and_then(|affinity| affinity.node_affinity.as_ref());
        let mut class = Self {
            id,
            priority: spec.priority.unwrap_or(0),
            preempts: spec.preemption_policy.as_deref() != Some("Never"),
            requests: names.amounts(&pod_requests(spec)),
            scored: [scored.get(CPU), scored.get(MEMORY)],
            tolerations: spec.tolerations.clone().unwrap_or_default(),
            node_selector: spec.node_selector.clone().unwrap_or_default(),
            required_nodes: node_affinity
                .and_then(|affinity| affinity.required_during_scheduling_ignored_during_execution.clone()),
            preferred_nodes: node_affinity
                .and_then(|affinity| affinity.preferred_during_scheduling_ignored_during_execution.clone())
                .unwrap_or_default(),
            ports: host_ports(spec),
            hard_spread: Vec::new(),
            soft_spread: Vec::new(),
            default_spread: false,
            affinity: None,
            own_affinity: false,
            anti_affinity: Vec::new(),
            preferred_pods: Vec::new(),
            carried: Vec::new(),
            terms: Vec::new(),
            namespace,
            labels,
        };
        class.read_spread(spec, pod, state);
        class.read_pod_affinity(spec);
        class
    }

    fn read_spread(&mut self, spec: &PodSpec, pod: &Pod, state: &State) {
        let constraints = spec.topology_spread_constraints.as_deref().unwrap_or_default();
        for constraint in constraints {
            let spread = self.spread(constraint);
            if constraint.when_unsatisfiable == "DoNotSchedule" {
                self.hard_spread.push(spread);
            } else {
                self.soft_spread.push(spread);
            }
        }
        if !constraints.is_empty() {
            return;
        }
        let Some(meant) = default_selector(pod, state).map(|selectors| {
            Meant(selectors.into_iter().map(|selector| (Scope::one(&self.namespace), selector)).collect())
        }) else {
            return;
        };
        self.default_spread = true;
        for (key, max_skew) in [(HOSTNAME, 3), (ZONE, 5)] {
            self.soft_spread.push(Spread {
                topology_key: key.to_owned(),
                max_skew,
                min_domains: 1,
                meant: meant.clone(),
                means_itself: true,
                honors_affinity: true,
                honors_taints: false,
            });
        }
    }

    fn spread(&self, constraint: &TopologySpreadConstraint) -> Spread {
        let mut selector =
            Selector::compile_optional(constraint.label_selector.as_ref(), WhenAbsent::SelectNothing)
                .unwrap_or(Selector::nothing());
        for key in constraint.match_label_keys.iter().flatten() {
            if let Some(value) = self.labels.get(key) {
                selector = selector.with_label(key, value);
            }
        }
        Spread {
            topology_key: constraint.topology_key.clone(),
            max_skew: i64::from(constraint.max_skew),
            min_domains: i64::from(constraint.min_domains.unwrap_or(1)),
            means_itself: selector.matches(&self.labels),
            meant: Meant::in_namespace(&self.namespace, selector),
            honors_affinity: constraint.node_affinity_policy.as_deref() != Some("Ignore"),
            honors_taints: constraint.node_taints_policy.as_deref() == Some("Honor"),
        }
    }

    fn read_pod_affinity(&mut self, spec: &PodSpec) {
        let Some(affinity) = &spec.affinity else { return };
        if let Some(affinity) = &affinity.pod_affinity {
            let required = affinity.required_during_scheduling_ignored_during_execution.as_deref();
            let mut pairs = Vec::new();
            let mut keys = Vec::new();
            for term in required.unwrap_or_default() {
                let pair = self.meant(term);
                self.carry(Meant(vec![pair.clone()]), term, Pull::Weighs(1));
                pairs.push(pair);
                keys.push(term.topology_key.clone());
            }
            if !keys.is_empty() {
                let meant = Meant(pairs);
                self.own_affinity = meant.0.iter().all(|(scope, selector)| {
                    // labels of the pod's own namespace are looked up when it is counted
                    (scope.names.contains(&self.namespace) || scope.selector.is_some())
                        && selector.matches(&self.labels)
                });
                self.affinity = Some((meant, keys));
            }
            let preferred = affinity.preferred_during_scheduling_ignored_during_execution.as_deref();
            for weighted in preferred.unwrap_or_default() {
                self.prefer(&weighted.pod_affinity_term, i64::from(weighted.weight));
            }
        }
        if let Some(affinity) = &affinity.pod_anti_affinity {
            let required = affinity.required_during_scheduling_ignored_during_execution.as_deref();
            for term in required.unwrap_or_default() {
                let meant = Meant(vec![self.meant(term)]);
                self.carry(meant.clone(), term, Pull::Refuses);
                self.anti_affinity.push((meant, term.topology_key.clone()));
            }
            let preferred = affinity.preferred_during_scheduling_ignored_during_execution.as_deref();
            for weighted in preferred.unwrap_or_default() {
                self.prefer(&weighted.pod_affinity_term, -i64::from(weighted.weight));
            }
        }
    }

    fn prefer(&mut self, term: &PodAffinityTerm, weight: i64) {
        let meant = Meant(vec![self.meant(term)]);
        self.carry(meant.clone(), term, Pull::Weighs(weight));
        self.preferred_pods.push((meant, term.topology_key.clone(), weight));
    }

    fn carry(&mut self, meant: Meant, term: &PodAffinityTerm, pull: Pull) {
        self.terms.push(Term { meant, topology_key: term.topology_key.clone(), pull });
    }

    fn meant(&self, term: &PodAffinityTerm) -> (Scope, Selector) {
        let mut names: BTreeSet<String> = term.namespaces.iter().flatten().cloned().collect();
        if names.is_empty() && term.namespace_selector.is_none() {
            names.insert(self.namespace.clone());
        }
        let namespaces = term
            .namespace_selector
            .as_ref()
            .map(|selector| Selector::compile(selector).unwrap_or(Selector::nothing()));
        let selector = term.label_selector.as_ref().map(|selector| self.with_own_values(selector, term));
        let selector = Selector::compile_optional(selector.as_ref(), WhenAbsent::SelectNothing)
            .unwrap_or(Selector::nothing());
        (Scope { names, selector: namespaces }, selector)
    }

    /// A selector with the pod's own values of the labels that must match or must not.
    fn with_own_values(&self, selector: &LabelSelector, term: &PodAffinityTerm) -> LabelSelector {
        let mut selector = selector.clone();
        let keys = [("In", &term.match_label_keys), ("NotIn", &term.mismatch_label_keys)];
        for (operator, keys) in keys {
            for key in keys.iter().flatten() {
                if let Some(value) = self.labels.get(key) {
                    selector.match_expressions.get_or_insert_default().push(LabelSelectorRequirement {
                        key: key.clone(),
                        operator: operator.to_owned(),
                        values: Some(vec![value.clone()]),
                    });
                }
            }
        }
        selector
    }
}

/// The selectors of the services and of the controller of a pod, all of which pods must match to be spread with it;
/// nothing if there are none.
fn default_selector(pod: &Pod, state: &State) -> Option<Vec<Selector>> {
    let namespace = pod.metadata.namespace.as_deref().unwrap_or_default();
    let no_labels = BTreeMap::new();
    let labels = pod.metadata.labels.as_ref().unwrap_or(&no_labels);
    let mut selectors: Vec<Selector> = state
        .services
        .of_namespace(namespace)
        .filter_map(|(_, service)| service.spec.as_ref()?.selector.as_ref())
        .filter(|selector| !selector.is_empty())
        .map(Selector::of_labels)
        .filter(|selector| selector.matches(labels))
        .collect();
    if let Some(owner) = controller_of(&pod.metadata) {
        let selector = match owner.kind.as_str() {
            "ReplicaSet" => state.replica_sets.named(namespace, &owner.name).map(|set| &set.spec.selector),
            "StatefulSet" => state.stateful_sets.named(namespace, &owner.name).map(|set| &set.spec.selector),
            _ => None,
        };
        selectors.extend(selector.and_then(|selector| Selector::compile(selector).ok()));
    }
    selectors.sort_unstable();
    selectors.dedup();
    (!selectors.is_empty()).then_some(selectors)
}

fn host_ports(spec: &PodSpec) -> Vec<Port> {
    let sidecars =
        spec.init_containers.iter().flatten().filter(|container| super::requests::is_sidecar(container));
    let mut ports = Vec::new();
    for port in spec.containers.iter().chain(sidecars).flat_map(|container| container.ports.iter().flatten())
    {
        let number = match port.host_port {
            Some(number) if number > 0 => number,
            _ if spec.host_network == Some(true) => port.container_port,
            _ => continue,
        };
        let address =
            port.host_ip.clone().filter(|address| !address.is_empty()).unwrap_or_else(|| "0.0.0.0".into());
        let protocol =
            port.protocol.clone().filter(|protocol| !protocol.is_empty()).unwrap_or_else(|| "TCP".into());
        ports.push((address, protocol, number));
    }
    ports
}

/// The classes there are.
#[derive(Debug, Default)]
pub(super) struct Classes {
    known: BTreeMap<String, Arc<PodClass>>,
    next: u64,
    /// How many there may be before those without pods are swept out.
    limit: usize,
}

impl Classes {
    /// The class of a pod, and whether it is new.
    pub(super) fn of(&mut self, pod: &Pod, state: &State, names: &mut Names) -> (Arc<PodClass>, bool) {
        let fingerprint = fingerprint(pod);
        if let Some(class) = self.known.get(&fingerprint) {
            return (Arc::clone(class), false);
        }
        self.next += 1;
        let class = Arc::new(PodClass::compile(self.next, pod, state, names));
        self.known.insert(fingerprint, Arc::clone(&class));
        (class, true)
    }

    /// Puts a completed class in place of the one it was made from.
    pub(super) fn complete(&mut self, pod: &Pod, class: &Arc<PodClass>) {
        self.known.insert(fingerprint(pod), Arc::clone(class));
    }

    /// Drops classes without pods if there are many; returns their numbers.
    pub(super) fn sweep(&mut self) -> Vec<u64> {
        if self.known.len() <= self.limit.max(1_024) {
            return Vec::new();
        }
        let mut swept = Vec::new();
        self.known.retain(|_, class| {
            let used = Arc::strong_count(class) > 1;
            if !used {
                swept.push(class.id);
            }
            used
        });
        self.limit = self.known.len() * 2;
        swept
    }

    /// Forgets how pods are classed, because services changed: the next pod of a kind is compiled again.
    pub(super) fn forget_defaults(&mut self) {
        self.known.retain(|_, class| {
            !class.default_spread && class.hard_spread.len() + class.soft_spread.len() > 0
        });
    }
}
