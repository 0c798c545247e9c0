//! Pods that do not tolerate what their node became: they go, at once or after as long as they tolerate it.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Node, PodCondition, Taint, Toleration};
use supercargo_api::Pod;
use supercargo_api::taint::{NO_EXECUTE, matches_taint};
use supercargo_reconcile::{Action, Change, Controller, Decision, Key, Kind, Object, State, node_of};

use crate::conditions::set_pod_condition;

/// The component that Events name.
const COMPONENT: &str = "taint-eviction-controller";

/// The controller that evicts by taints.
#[derive(Debug, Default)]
pub struct Evictions;

impl Controller for Evictions {
    const NAME: &'static str = "evictions";
    const KINDS: &'static [Kind] = &[Kind::Node, Kind::Pod];

    fn concerned(&self, change: &Change, state: &State) -> Vec<Key> {
        match (&change.old, &change.new) {
            (old, Some(Object::Node(node))) => {
                let before = match old {
                    Some(Object::Node(old)) => no_execute(old).cloned().collect(),
                    _ => Vec::new(),
                };
                let after: Vec<Taint> = no_execute(node).cloned().collect();
                if before == after {
                    return Vec::new();
                }
                state.pods_on(&change.key.name).map(|(key, _)| key.clone()).collect()
            }
            (old, Some(Object::Pod(pod))) => {
                let was_there = matches!(old, Some(Object::Pod(old)) if node_of(old) == node_of(pod)
                    && old.shared_spec() == pod.shared_spec());
                if node_of(pod).is_none() || was_there { Vec::new() } else { vec![change.key.clone()] }
            }
            _ => Vec::new(),
        }
    }

    fn decide(&mut self, key: &Key, state: &State, now: Timestamp) -> Decision {
        let Some(pod) = state.pods.get(key) else { return Decision::nothing() };
        let node = node_of(pod).and_then(|node| state.nodes.get(&Key::cluster(node)));
        let Some(node) = node.filter(|_| pod.metadata.deletion_timestamp.is_none()) else {
            return Decision::nothing();
        };
        match goes_at(pod, node, now) {
            None => Decision::nothing(),
            Some(at) if at > now => Decision { actions: Vec::new(), again: Some(at) },
            Some(_) => evict(pod, now).into(),
        }
    }
}

fn no_execute(node: &Node) -> impl Iterator<Item = &Taint> {
    let taints = node.spec.iter().flat_map(|spec| spec.taints.iter().flatten());
    taints.filter(|taint| taint.effect == NO_EXECUTE)
}

/// When a pod must go from a node with such taints; nothing if it may stay for ever.
fn goes_at(pod: &Pod, node: &Node, now: Timestamp) -> Option<Timestamp> {
    let tolerations = pod.spec().and_then(|spec| spec.tolerations.as_deref()).unwrap_or_default();
    let mut earliest: Option<Timestamp> = None;
    for taint in no_execute(node) {
        let matching: Vec<&Toleration> =
            tolerations.iter().filter(|toleration| matches_taint(toleration, taint)).collect();
        if matching.is_empty() {
            return Some(now);
        }
        // the shortest patience counts
        let patience = matching.iter().filter_map(|toleration| toleration.toleration_seconds).min();
        if let Some(seconds) = patience {
            let since = taint.time_added.as_ref().map_or(now, |time| time.0);
            let end = since + Duration::from_secs(u64::try_from(seconds).unwrap_or(0));
            earliest = Some(earliest.map_or(end, |known| known.min(end)));
        }
    }
    earliest
}

fn evict(pod: &Pod, now: Timestamp) -> Vec<Action> {
    let mut changed = pod.clone();
    let condition = PodCondition {
        type_: "DisruptionTarget".to_owned(),
        status: "True".to_owned(),
        reason: Some("DeletionByTaintManager".to_owned()),
        message: Some("Taint manager: deleting due to NoExecute taint".to_owned()),
        ..PodCondition::default()
    };
    set_pod_condition(changed.status.get_or_insert_default(), condition, now);
    let message = format!("Marking for deletion Pod {}", Key::of(&pod.metadata));
    let mut actions = vec![Action::note(pod, COMPONENT, "TaintManagerEviction", message)];
    actions.extend(Action::update_status(Kind::Pod, pod, &changed));
    actions.push(Action::delete(Kind::Pod, pod));
    actions
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};

    use super::*;

    #[rstest]
    #[case::without_taints_it_stays(json!([]), json!([]), None)]
    #[case::untolerated_it_goes_at_once(json!([{"key": "a", "effect": "NoExecute"}]), json!([]), Some(1_000))]
    #[case::tolerated_for_ever(
        json!([{"key": "a", "effect": "NoExecute"}]), json!([{"key": "a", "operator": "Exists"}]), None)]
    #[case::tolerated_for_a_while(
        json!([{"key": "a", "effect": "NoExecute", "timeAdded": "1970-01-01T00:10:00Z"}]),
        json!([{"key": "a", "operator": "Exists", "tolerationSeconds": 500}]), Some(1_100))]
    #[case::the_shortest_while_counts(
        json!([{"key": "a", "effect": "NoExecute", "timeAdded": "1970-01-01T00:10:00Z"}]),
        json!([{"operator": "Exists"}, {"key": "a", "operator": "Exists", "tolerationSeconds": 450}]), Some(1_050))]
    #[case::other_effects_do_not_evict(json!([{"key": "a", "effect": "NoSchedule"}]), json!([]), None)]
    fn when_a_pod_goes(#[case] taints: Value, #[case] tolerations: Value, #[case] expected: Option<i64>) {
        let node: Node = serde_json::from_value(json!({"spec": {"taints": taints}})).unwrap();
        let pod: Pod =
            serde_json::from_value(json!({"spec": {"containers": [], "tolerations": tolerations}})).unwrap();
        let now = Timestamp::from_second(1_000).unwrap();
        assert_eq!(goes_at(&pod, &node, now).map(Timestamp::as_second), expected);
    }
}
