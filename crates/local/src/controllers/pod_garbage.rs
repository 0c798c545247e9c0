//! Pods that nobody looks after any more.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::PodCondition;
use supercargo_api::Pod;
use supercargo_reconcile::{Action, Change, Controller, Decision, Key, Kind, Object, State, node_of};

use crate::conditions::{is_finished, set_pod_condition};

/// A node that is missing may be slow to appear.
const QUARANTINE: Duration = Duration::from_secs(40);

/// The pod garbage collector: pods of nodes that are gone, and pods that end before they have a node.
#[derive(Debug, Default)]
pub struct PodGarbage;

impl Controller for PodGarbage {
    const NAME: &'static str = "pod-garbage";
    const KINDS: &'static [Kind] = &[Kind::Node, Kind::Pod];

    fn concerned(&self, change: &Change, state: &State) -> Vec<Key> {
        match (change.kind, &change.new) {
            (Kind::Node, None) => state.pods_on(&change.key.name).map(|(key, _)| key.clone()).collect(),
            (Kind::Pod, Some(Object::Pod(pod))) => {
                let orphaned =
                    node_of(pod).is_some_and(|node| state.nodes.get(&Key::cluster(node)).is_none());
                let ending = node_of(pod).is_none() && pod.metadata.deletion_timestamp.is_some();
                if orphaned || ending { vec![change.key.clone()] } else { Vec::new() }
            }
            _ => Vec::new(),
        }
    }

    fn decide(&mut self, key: &Key, state: &State, now: Timestamp) -> Decision {
        let Some(pod) = state.pods.get(key) else { return Decision::nothing() };
        match node_of(pod) {
            None if pod.metadata.deletion_timestamp.is_some() => {
                vec![Action::delete_now(Kind::Pod, &**pod)].into()
            }
            Some(node) if state.nodes.get(&Key::cluster(node)).is_none() => {
                let created = pod.metadata.creation_timestamp.as_ref().map_or(now, |time| time.0);
                let quarantine = created + QUARANTINE;
                if quarantine > now {
                    return Decision { actions: Vec::new(), again: Some(quarantine) };
                }
                orphan(pod, now).into()
            }
            _ => Decision::nothing(),
        }
    }
}

fn orphan(pod: &Pod, now: Timestamp) -> Vec<Action> {
    let mut actions = Vec::new();
    if !is_finished(pod) {
        let mut changed = pod.clone();
        let status = changed.status.get_or_insert_default();
        status.phase = Some("Failed".to_owned());
        let condition = PodCondition {
            type_: "DisruptionTarget".to_owned(),
            status: "True".to_owned(),
            reason: Some("DeletionByPodGC".to_owned()),
            message: Some("PodGC: node no longer exists".to_owned()),
            ..PodCondition::default()
        };
        set_pod_condition(status, condition, now);
        actions.extend(Action::update_status(Kind::Pod, pod, &changed));
    }
    actions.push(Action::delete_now(Kind::Pod, pod));
    actions
}
