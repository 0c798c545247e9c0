//! Which pods go first when there are too many of them.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use jiff::Timestamp;
use supercargo_api::Pod;
use supercargo_reconcile::{Key, node_of};

use crate::conditions::{is_ready, phase, ready_since};

/// The annotation with a pod's cost of deletion.
const DELETION_COST: &str = "controller.kubernetes.io/pod-deletion-cost";

/// The pods that go first, in the order of ReplicaSets: without a node, pending, not ready, cheap to delete, doubled up
/// on a node, ready for a short time, often restarted, young. `related` counts pods by node that do the same work.
pub(super) fn victims<'a>(
    pods: &[(&'a Key, &'a Pod)],
    count: usize,
    related: &BTreeMap<&str, usize>,
    now: Timestamp,
) -> Vec<(&'a Key, &'a Pod)> {
    let mut ranked = pods.to_vec();
    ranked.sort_by_cached_key(|(key, pod)| {
        let pending = match phase(pod) {
            "Pending" | "" => 0,
            "Unknown" => 1,
            _ => 2,
        };
        let node = node_of(pod);
        let doubled = node.and_then(|node| related.get(node).copied()).unwrap_or(0);
        let ready = is_ready(pod);
        // ages count by their order of magnitude, so that it is not always the very youngest
        let magnitude = |since: Option<Timestamp>| {
            since.map_or(0, |since| {
                u64::BITS - (now.duration_since(since).as_secs().max(0) as u64).leading_zeros()
            })
        };
        let created = pod.metadata.creation_timestamp.as_ref().map(|time| time.0);
        let restarts: i32 = pod
            .status
            .iter()
            .flat_map(|status| status.container_statuses.iter().flatten())
            .map(|status| status.restart_count)
            .max()
            .unwrap_or(0);
        (
            node.is_some(),
            pending,
            ready,
            deletion_cost(pod),
            Reverse(doubled),
            if ready { magnitude(ready_since(pod)) } else { 0 },
            Reverse(restarts),
            magnitude(created),
            pod.metadata.uid.clone(),
            (*key).clone(),
        )
    });
    ranked.truncate(count);
    ranked
}

fn deletion_cost(pod: &Pod) -> i32 {
    let annotations = pod.metadata.annotations.as_ref();
    annotations.and_then(|annotations| annotations.get(DELETION_COST)?.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};

    use super::*;

    fn pod(name: &str, more: Value) -> (Key, Pod) {
        let mut pod = json!({
            "metadata": {"name": name, "namespace": "n", "uid": name, "creationTimestamp": "2026-01-01T00:00:00Z"},
            "spec": {"containers": [], "nodeName": "a"},
            "status": {"phase": "Running", "conditions": [
                {"type": "Ready", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"}]},
        });
        for (path, value) in more.as_object().unwrap() {
            *pod.pointer_mut(path).unwrap() = value.clone();
        }
        (Key::new("n", name), serde_json::from_value(pod).unwrap())
    }

    #[rstest]
    #[case::without_a_node(json!({"/spec": {"containers": []}}))]
    #[case::pending(json!({"/status/phase": "Pending"}))]
    #[case::not_ready(json!({"/status/conditions/0/status": "False"}))]
    #[case::cheap_to_delete(json!({"/metadata": {
        "name": "b", "namespace": "n", "uid": "b", "creationTimestamp": "2026-01-01T00:00:00Z",
        "annotations": {"controller.kubernetes.io/pod-deletion-cost": "-5"}}}))]
    #[case::doubled_up(json!({"/spec/nodeName": "crowded"}))]
    #[case::ready_for_a_short_time(json!({"/status/conditions/0/lastTransitionTime": "2026-01-01T23:59:00Z"}))]
    #[case::young(json!({"/metadata/creationTimestamp": "2026-01-01T23:59:00Z"}))]
    fn the_first_to_go(#[case] difference: Value) {
        let pods = [pod("a", json!({})), pod("b", difference), pod("c", json!({}))];
        let pods: Vec<(&Key, &Pod)> = pods.iter().map(|(key, pod)| (key, pod)).collect();
        let related = BTreeMap::from([("crowded", 5), ("a", 2)]);
        let now = "2026-01-02T00:00:00Z".parse().unwrap();
        let victims = victims(&pods, 1, &related, now);
        assert_eq!(victims[0].0.name, "b");
    }
}
