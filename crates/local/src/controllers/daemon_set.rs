//! DaemonSets: a pod on every node that may have it.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use k8s_openapi::api::apps::v1::{DaemonSet, DaemonSetStatus};
use k8s_openapi::api::core::v1::{
    Affinity, Node, NodeAffinity, NodeSelector, NodeSelectorRequirement, NodeSelectorTerm, PodSpec,
    Toleration,
};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use supercargo_api::Pod;
use supercargo_api::taint::{NO_EXECUTE, PREFER_NO_SCHEDULE, tolerates};
use supercargo_reconcile::{
    Action, Change, Controller, Decision, Key, Kind, Object, State, controller_of, node_of,
};

use super::history::{REVISION_LABEL, history};
use super::owned_pods::{Owned, controllers_of_pod, owned_pods};
use super::pod_template::{name_draws, pod_from, suffixed};
use super::proportions::resolve;
use super::replica_set::{count, nonzero};
use crate::conditions::{available_at, is_finished, is_ready};
use crate::scheduler::{matches_node_selector, node_name_demanded};

/// The component that Events name.
const COMPONENT: &str = "daemonset-controller";
/// Pods created or deleted at once.
const BURST: usize = 250;
/// Taints that pods of DaemonSets tolerate, with the effect.
const TOLERATED: [(&str, &str); 6] = [
    ("node.kubernetes.io/not-ready", "NoExecute"),
    ("node.kubernetes.io/unreachable", "NoExecute"),
    ("node.kubernetes.io/disk-pressure", "NoSchedule"),
    ("node.kubernetes.io/memory-pressure", "NoSchedule"),
    ("node.kubernetes.io/pid-pressure", "NoSchedule"),
    ("node.kubernetes.io/unschedulable", "NoSchedule"),
];

/// The controller of DaemonSets.
#[derive(Debug, Default)]
pub struct DaemonSets;

impl Controller for DaemonSets {
    const NAME: &'static str = "daemonsets";
    const KINDS: &'static [Kind] = &[Kind::DaemonSet, Kind::Pod, Kind::Node, Kind::ControllerRevision];

    fn concerned(&self, change: &Change, state: &State) -> Vec<Key> {
        match change.kind {
            Kind::DaemonSet => vec![change.key.clone()],
            Kind::Pod => {
                controllers_of_pod::<DaemonSet>(change, "DaemonSet", Kind::DaemonSet, |_| Vec::new())
            }
            Kind::Node => {
                if let (Some(Object::Node(old)), Some(Object::Node(new))) = (&change.old, &change.new)
                    && old.metadata.labels == new.metadata.labels
                    && old.spec == new.spec
                {
                    return Vec::new();
                }
                state.daemon_sets.iter().map(|(key, _)| key.clone()).collect()
            }
            Kind::ControllerRevision => {
                let owner = change.new.as_ref().and_then(|new| controller_of(new.metadata()));
                let owner = owner.filter(|owner| owner.kind == "DaemonSet");
                owner
                    .map(|owner| Key::new(change.key.namespace.clone(), owner.name.clone()))
                    .into_iter()
                    .collect()
            }
            _ => Vec::new(),
        }
    }

    fn decide(&mut self, key: &Key, state: &State, now: Timestamp) -> Decision {
        let Some(set) = state.daemon_sets.get(key) else { return Decision::nothing() };
        let history = history(&**set, &set.spec.template, state);
        if !history.actions.is_empty() && set.metadata.deletion_timestamp.is_none() {
            return history.actions.into();
        }
        let Owned { pods, claims } = owned_pods(&**set, &set.spec.selector, state);
        if !claims.is_empty() {
            return claims.into();
        }
        let mut by_node: BTreeMap<&str, Vec<&Pod>> = BTreeMap::new();
        for (_, pod) in &pods {
            if let Some(node) = node_of(pod).or_else(|| node_name_demanded(pod)) {
                by_node.entry(node).or_default().push(*pod);
            }
        }
        let hash = history.update.rsplit('-').next().unwrap_or_default().to_owned();
        let mut look =
            Look { set, by_node, hash, now, again: None, actions: Vec::new(), counts: Counts::default() };
        look.place(state);
        if set.metadata.deletion_timestamp.is_some() {
            look.actions.clear();
        } else if look.actions.is_empty() {
            look.roll(state);
            let used = |name: &str| pods.iter().any(|(_, pod)| name.ends_with(revision_of(pod)));
            let limit = set.spec.revision_history_limit.unwrap_or(10);
            look.actions.extend(history.clean_up(limit, used));
        }
        look.write_status();
        Decision { actions: look.actions, again: look.again }
    }
}

#[derive(Debug, Default)]
struct Counts {
    desired: usize,
    current: usize,
    misscheduled: usize,
    ready: usize,
    available: usize,
    updated: usize,
}

/// One look at a set.
struct Look<'a> {
    set: &'a Arc<DaemonSet>,
    by_node: BTreeMap<&'a str, Vec<&'a Pod>>,
    hash: String,
    now: Timestamp,
    again: Option<Timestamp>,
    actions: Vec<Action>,
    counts: Counts,
}

impl Look<'_> {
    /// Creates what is missing, deletes what is too much, and counts.
    fn place(&mut self, state: &State) {
        let mut draws = name_draws(&self.set.metadata, self.now);
        let namespace = self.set.metadata.namespace.clone().unwrap_or_default();
        let base = self.set.metadata.name.clone().unwrap_or_default();
        let tolerations = tolerations(self.set);
        let min_ready = self.set.spec.min_ready_seconds.unwrap_or(0);
        let mut actions = Vec::new();
        for (key, node) in state.nodes.iter() {
            let (may_start, may_stay) = may_run(self.set, &tolerations, node);
            let pods = self.by_node.get(key.name.as_str()).cloned().unwrap_or_default();
            let living: Vec<&Pod> = pods.iter().copied().filter(|pod| !is_finished(pod)).collect();
            let staying = living
                .iter()
                .copied()
                .filter(|pod| pod.metadata.deletion_timestamp.is_none())
                .collect::<Vec<_>>();
            for pod in pods.iter().filter(|pod| is_finished(pod) && pod.metadata.deletion_timestamp.is_none())
            {
                actions.push(Action::delete(Kind::Pod, *pod));
            }
            if may_start {
                self.counts.desired += 1;
                if pods.is_empty() && actions.len() < 2 * BURST {
                    let name =
                        suffixed(&base, &mut draws, |name| state.pods.named(&namespace, name).is_some());
                    let message = format!("Created pod: {name}");
                    actions.push(Action::create(self.pod(name, &key.name, &tolerations)));
                    actions.push(Action::note(&**self.set, COMPONENT, "SuccessfulCreate", message));
                }
            }
            if !may_stay
                || (!may_start && !staying.is_empty() && staying.iter().all(|pod| node_of(pod).is_none()))
            {
                for pod in &staying {
                    actions.push(Action::delete(Kind::Pod, *pod));
                }
            } else {
                for pod in staying.iter().skip(1) {
                    actions.push(Action::delete(Kind::Pod, *pod));
                }
            }
            let Some(pod) = living.first() else { continue };
            if !may_start {
                self.counts.misscheduled += 1;
                continue;
            }
            self.counts.current += 1;
            self.counts.updated += usize::from(revision_of(pod) == self.hash);
            self.counts.ready += usize::from(is_ready(pod));
            match available_at(pod, min_ready) {
                Some(at) if at <= self.now => self.counts.available += 1,
                Some(at) => self.again = Some(self.again.map_or(at, |known| known.min(at))),
                None => {}
            }
        }
        self.actions = actions;
    }

    /// Replaces pods of other revisions, as many at a time as may be unavailable.
    fn roll(&mut self, state: &State) {
        let strategy = self.set.spec.update_strategy.as_ref();
        if strategy.and_then(|strategy| strategy.type_.as_deref()) == Some("OnDelete") {
            return;
        }
        let rolling = strategy.and_then(|strategy| strategy.rolling_update.as_ref());
        let one = IntOrString::Int(1);
        let most = rolling.and_then(|rolling| rolling.max_unavailable.as_ref()).unwrap_or(&one);
        let desired = i64::try_from(self.counts.desired).unwrap_or(i64::MAX);
        let unavailable = desired - i64::try_from(self.counts.available).unwrap_or(0);
        let mut may_go = (resolve(most, desired, true).max(1) - unavailable).max(0);
        let min_ready = self.set.spec.min_ready_seconds.unwrap_or(0);
        for pod in
            state.nodes.iter().filter_map(|(key, _)| self.by_node.get(key.name.as_str())?.first().copied())
        {
            if revision_of(pod) == self.hash || pod.metadata.deletion_timestamp.is_some() {
                continue;
            }
            let available = available_at(pod, min_ready).is_some_and(|at| at <= self.now);
            // what does not work anyway costs nothing
            if !available || may_go > 0 {
                may_go -= i64::from(available);
                self.actions.push(Action::delete(Kind::Pod, pod));
            }
        }
    }

    fn pod(&self, name: String, node: &str, tolerations: &[Toleration]) -> Pod {
        let mut pod = pod_from(&self.set.spec.template, &**self.set, name);
        let labels = pod.metadata.labels.get_or_insert_default();
        labels.insert(REVISION_LABEL.to_owned(), self.hash.clone());
        let generation = self.set.metadata.generation.unwrap_or(1);
        labels.insert("pod-template-generation".to_owned(), generation.to_string());
        pod.change_spec(|spec| {
            spec.tolerations = Some(tolerations.to_vec());
            demand_node(spec, node);
        });
        pod
    }

    fn write_status(&mut self) {
        let counts = &self.counts;
        let mut changed = (**self.set).clone();
        changed.status = Some(DaemonSetStatus {
            desired_number_scheduled: count(counts.desired),
            current_number_scheduled: count(counts.current),
            number_misscheduled: count(counts.misscheduled),
            number_ready: count(counts.ready),
            number_available: nonzero(counts.available),
            number_unavailable: nonzero(counts.desired.saturating_sub(counts.available)),
            updated_number_scheduled: nonzero(counts.updated),
            observed_generation: self.set.metadata.generation,
            ..self.set.status.clone().unwrap_or_default()
        });
        self.actions.extend(Action::update_status(Kind::DaemonSet, &**self.set, &changed));
    }
}

/// Whether a pod of the set may start on a node, and whether one that is there may stay.
fn may_run(set: &DaemonSet, tolerations: &[Toleration], node: &Node) -> (bool, bool) {
    let no_spec = PodSpec::default();
    let spec = set.spec.template.spec.as_ref().unwrap_or(&no_spec);
    let name = node.metadata.name.as_deref().unwrap_or_default();
    if spec.node_name.as_deref().is_some_and(|wanted| !wanted.is_empty() && wanted != name) {
        return (false, false);
    }
    if !matches_node_selector(spec, node) {
        return (false, false);
    }
    let taints = node.spec.as_ref().and_then(|spec| spec.taints.as_deref()).unwrap_or_default();
    let untolerated = |taint: &&k8s_openapi::api::core::v1::Taint| {
        taint.effect != PREFER_NO_SCHEDULE && !tolerates(tolerations, taint)
    };
    let may_start = !taints.iter().any(|taint| untolerated(&taint));
    let may_stay = !taints.iter().any(|taint| taint.effect == NO_EXECUTE && untolerated(&taint));
    (may_start, may_stay)
}

fn tolerations(set: &DaemonSet) -> Vec<Toleration> {
    let spec = set.spec.template.spec.as_ref();
    let mut tolerations = spec.and_then(|spec| spec.tolerations.clone()).unwrap_or_default();
    let mut tolerate = |key: &str, effect: &str| {
        let toleration = Toleration {
            key: Some(key.to_owned()),
            operator: Some("Exists".to_owned()),
            effect: Some(effect.to_owned()),
            ..Toleration::default()
        };
        if !tolerations.contains(&toleration) {
            tolerations.push(toleration);
        }
    };
    for (key, effect) in TOLERATED {
        tolerate(key, effect);
    }
    if spec.and_then(|spec| spec.host_network) == Some(true) {
        tolerate("node.kubernetes.io/network-unavailable", "NoSchedule");
    }
    tolerations
}

/// Ties a pod to one node, by its name, in place of what other nodes it would take.
fn demand_node(spec: &mut PodSpec, node: &str) {
    let demand = NodeSelectorRequirement {
        key: "metadata.name".to_owned(),
        operator: "In".to_owned(),
        values: Some(vec![node.to_owned()]),
    };
    let term = NodeSelectorTerm { match_fields: Some(vec![demand]), match_expressions: None };
    let affinity: &mut Affinity = spec.affinity.get_or_insert_default();
    let nodes: &mut NodeAffinity = affinity.node_affinity.get_or_insert_default();
    nodes.required_during_scheduling_ignored_during_execution =
        Some(NodeSelector { node_selector_terms: vec![term] });
}

fn revision_of(pod: &Pod) -> &str {
    let labels = pod.metadata.labels.as_ref();
    labels.and_then(|labels| labels.get(REVISION_LABEL)).map_or("", String::as_str)
}
