//! Nodes that are silent or unwell: their conditions, and the taints that follow from conditions.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Node, PodCondition, Taint};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use supercargo_api::Pod;
use supercargo_api::labels::{NOT_READY_TAINT, UNREACHABLE_TAINT};
use supercargo_api::taint::{NO_EXECUTE, NO_SCHEDULE};
use supercargo_reconcile::{Action, Change, Controller, Decision, Key, Kind, State};

use crate::conditions::{is_ready, node_status, set_pod_condition};
use crate::kubelet::{Heartbeats, LEASE_NAMESPACE, set_node_condition};

/// The component that Events name.
const COMPONENT: &str = "node-controller";
/// Conditions that become NoSchedule taints when they are true.
const PRESSURES: [(&str, &str); 4] = [
    ("MemoryPressure", "node.kubernetes.io/memory-pressure"),
    ("DiskPressure", "node.kubernetes.io/disk-pressure"),
    ("PIDPressure", "node.kubernetes.io/pid-pressure"),
    ("NetworkUnavailable", "node.kubernetes.io/network-unavailable"),
];
const UNSCHEDULABLE: &str = "node.kubernetes.io/unschedulable";

/// How patient the controller is.
#[derive(Debug, Clone)]
pub struct NodeHealthOptions {
    /// A node that is silent for this long counts as unknown.
    pub grace: Duration,
}

impl Default for NodeHealthOptions {
    fn default() -> Self {
        Self { grace: Duration::from_secs(50) }
    }
}

/// The controller of nodes' health.
#[derive(Debug)]
pub struct NodeHealth {
    options: NodeHealthOptions,
    heartbeats: Option<Heartbeats>,
}

impl NodeHealth {
    /// A controller with this much patience.
    pub fn new(options: NodeHealthOptions) -> Self {
        Self { options, heartbeats: None }
    }

    /// Hears the kubelets of this process without leases.
    pub fn with_heartbeats(mut self, heartbeats: Heartbeats) -> Self {
        self.heartbeats = Some(heartbeats);
        self
    }

    /// When a node's kubelet was heard last.
    fn last_heard(&self, node: &Node, state: &State, now: Timestamp) -> Option<Timestamp> {
        let name = node.metadata.name.as_deref().unwrap_or_default();
        let shared = self.heartbeats.as_ref().and_then(|heartbeats| heartbeats.heard(name, now));
        shared.or_else(|| last_written(node, state))
    }
}

impl Controller for NodeHealth {
    const NAME: &'static str = "node-health";
    const KINDS: &'static [Kind] = &[Kind::Node, Kind::Lease, Kind::Pod];

    fn concerned(&self, change: &Change, _: &State) -> Vec<Key> {
        match change.kind {
            Kind::Node => vec![change.key.clone()],
            Kind::Lease if change.key.namespace == LEASE_NAMESPACE => vec![Key::cluster(&change.key.name)],
            _ => Vec::new(),
        }
    }

    fn decide(&mut self, key: &Key, state: &State, now: Timestamp) -> Decision {
        let Some(node) = state.nodes.get(key) else { return Decision::nothing() };
        let mut decision = Decision::nothing();
        let silent_from = self.last_heard(node, state, now).map_or(now, |heard| heard + self.options.grace);
        let mut changed = (**node).clone();
        if silent_from <= now {
            if node_status(node, "Ready") != Some("Unknown") {
                decision.actions.extend(unknown(node, &mut changed, state, now));
            }
        } else {
            decision.look_again(silent_from);
        }
        decision.actions.extend(taints(node, &changed, now));
        decision
    }
}

/// When a node's kubelet last wrote anything, its lease first of all.
fn last_written(node: &Node, state: &State) -> Option<Timestamp> {
    let name = node.metadata.name.as_deref().unwrap_or_default();
    let lease = state.leases.named(LEASE_NAMESPACE, name).and_then(|lease| lease.spec.as_ref());
    let renewed = lease.and_then(|lease| lease.renew_time.as_ref()).map(|time| time.0);
    let conditions = node.status.as_ref().and_then(|status| status.conditions.as_deref()).unwrap_or_default();
    let beats =
        conditions.iter().filter_map(|condition| condition.last_heartbeat_time.as_ref().map(|time| time.0));
    let created = node.metadata.creation_timestamp.as_ref().map(|time| time.0);
    renewed.into_iter().chain(beats).chain(created).max()
}

/// Nobody knows how the node is: its conditions say so, and its pods count as not ready.
fn unknown(node: &Arc<Node>, changed: &mut Node, state: &State, now: Timestamp) -> Vec<Action> {
    let status = changed.status.get_or_insert_default();
    let heartbeats: Vec<Option<Time>> =
        status.conditions.iter().flatten().map(|condition| condition.last_heartbeat_time.clone()).collect();
    for type_ in ["MemoryPressure", "DiskPressure", "PIDPressure", "Ready"] {
        let message = "Kubelet stopped posting node status.";
        set_node_condition(status, type_, "Unknown", "NodeStatusUnknown", message, now);
    }
    // the heartbeat stays what it was: nobody heard anything
    for (condition, heartbeat) in status.conditions.iter_mut().flatten().zip(heartbeats) {
        condition.last_heartbeat_time = heartbeat;
    }
    let mut actions: Vec<Action> = Action::update_status(Kind::Node, &**node, changed).into_iter().collect();
    let name = node.metadata.name.as_deref().unwrap_or_default();
    let message = format!("Node {name} status is now: NodeNotReady");
    actions.push(Action::note(&**node, COMPONENT, "NodeNotReady", message));
    for (_, pod) in state.pods_on(name).filter(|(_, pod)| is_ready(pod)) {
        let mut unready: Pod = pod.clone();
        let condition =
            PodCondition { type_: "Ready".to_owned(), status: "False".to_owned(), ..PodCondition::default() };
        set_pod_condition(unready.status.get_or_insert_default(), condition, now);
        actions.extend(Action::update_status(Kind::Pod, pod, &unready));
    }
    actions
}

/// Makes taints agree with conditions.
fn taints(node: &Node, current: &Node, now: Timestamp) -> Option<Action> {
    let ready = node_status(current, "Ready");
    let mut wanted: Vec<(&str, &str)> = Vec::new();
    match ready {
        Some("True") => {}
        Some("Unknown") => wanted.extend([(UNREACHABLE_TAINT, NO_SCHEDULE), (UNREACHABLE_TAINT, NO_EXECUTE)]),
        Some(_) => wanted.extend([(NOT_READY_TAINT, NO_SCHEDULE), (NOT_READY_TAINT, NO_EXECUTE)]),
        None => wanted.push((NOT_READY_TAINT, NO_SCHEDULE)),
    }
    for (condition, taint) in PRESSURES {
        if node_status(current, condition) == Some("True") {
            wanted.push((taint, NO_SCHEDULE));
        }
    }
    if node.spec.as_ref().and_then(|spec| spec.unschedulable) == Some(true) {
        wanted.push((UNSCHEDULABLE, NO_SCHEDULE));
    }
    let is_ours = |taint: &Taint| {
        [NOT_READY_TAINT, UNREACHABLE_TAINT, UNSCHEDULABLE].contains(&taint.key.as_str())
            || PRESSURES.iter().any(|(_, key)| *key == taint.key)
    };
    let known = node.spec.as_ref().and_then(|spec| spec.taints.clone()).unwrap_or_default();
    let is_wanted =
        |taint: &Taint| wanted.iter().any(|(key, effect)| taint.key == *key && taint.effect == *effect);
    let mut taints: Vec<Taint> =
        known.iter().filter(|taint| !is_ours(taint) || is_wanted(taint)).cloned().collect();
    for (key, effect) in wanted {
        if !taints.iter().any(|taint| taint.key == key && taint.effect == effect) {
            taints.push(Taint {
                key: key.to_owned(),
                effect: effect.to_owned(),
                time_added: Some(Time(now)),
                ..Taint::default()
            });
        }
    }
    if taints == known {
        return None;
    }
    let mut changed = node.clone();
    changed.spec.get_or_insert_default().taints = (!taints.is_empty()).then_some(taints);
    Action::update(Kind::Node, node, &changed)
}
