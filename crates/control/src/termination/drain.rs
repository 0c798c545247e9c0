//! Which pods of a node are waited for, which go now, and which by force (reference section 3.5).

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use supercargo_api::Pod;
use supercargo_engine::disruption::{protected_until, stays_on_leaving_nodes};

/// A pod that should have ended this long ago is not waited for: its kubelet is dead.
const STUCK: Duration = Duration::from_secs(60);
/// The time a pod has when it says nothing about it.
const DEFAULT_GRACE_SECONDS: i64 = 30;

/// Who goes before whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Tier {
    /// Anybody.
    Plain,
    /// Pods of DaemonSets.
    Daemons,
    /// Pods that the cluster or the node cannot do without.
    Critical,
    /// The same, of DaemonSets.
    CriticalDaemons,
}

/// What is to be done about the pods of a node.
#[derive(Debug, Default)]
pub(super) struct Drain<'a> {
    /// How many pods are left that have to go.
    pub(super) waiting: usize,
    /// Pods whose turn it is to be evicted.
    pub(super) evict: Vec<&'a Pod>,
    /// Pods that have to be deleted now, with the seconds they are left, so that they have gone at the deadline.
    pub(super) force: Vec<(&'a Pod, i64)>,
    /// Pods whose turn it is, and that nobody may disrupt.
    pub(super) protected: Vec<&'a Pod>,
    /// When it has to be looked at again though nothing changes.
    pub(super) again: Option<Timestamp>,
}

/// What is to be done about these pods now, if all have to have gone at the deadline.
pub(super) fn drain<'a>(
    pods: impl Iterator<Item = &'a Pod>,
    deadline: Option<Timestamp>,
    now: Timestamp,
) -> Drain<'a> {
    let mut drain = Drain::default();
    let waiting: Vec<(Tier, &Pod)> =
        pods.filter(|pod| is_waited_for(pod, now, &mut drain.again)).map(|pod| (tier(pod), pod)).collect();
    drain.waiting = waiting.len();
    let turn = waiting.iter().map(|(tier, _)| *tier).min();
    for (tier, pod) in waiting {
        if let Some(deadline) = deadline {
            match forced(pod, deadline, now) {
                Ok(seconds) => {
                    drain.force.push((pod, seconds));
                    continue;
                }
                Err(Some(later)) => soonest(&mut drain.again, later),
                Err(None) => {}
            }
        }
        if Some(tier) != turn || pod.metadata.deletion_timestamp.is_some() {
            continue;
        }
        let started = pod.status.as_ref().and_then(|status| status.start_time.as_ref()).map(|time| time.0);
        match protected_until(pod.metadata.annotations.as_ref(), started, now) {
            None => drain.evict.push(pod),
            Some(until) => {
                drain.protected.push(pod);
                if until < Timestamp::MAX {
                    soonest(&mut drain.again, until);
                }
            }
        }
    }
    drain
}

/// The turn of a pod.
pub(super) fn tier(pod: &Pod) -> Tier {
    let class = pod.spec().and_then(|spec| spec.priority_class_name.as_deref());
    let critical = matches!(class, Some("system-cluster-critical" | "system-node-critical"));
    let daemon = pod.metadata.owner_references.iter().flatten().any(|owner| owner.kind == "DaemonSet");
    match (critical, daemon) {
        (false, false) => Tier::Plain,
        (false, true) => Tier::Daemons,
        (true, false) => Tier::Critical,
        (true, true) => Tier::CriticalDaemons,
    }
}

/// Whether a pod has come to its end.
pub(super) fn has_ended(pod: &Pod) -> bool {
    let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
    matches!(phase, Some("Succeeded" | "Failed"))
}

/// Whether a node that goes sends a pod away: it has not ended, is not the kubelet's own, and does not tolerate the taint.
pub(super) fn is_drained(pod: &Pod) -> bool {
    let annotations = pod.metadata.annotations.as_ref();
    let of_kubelet = annotations.is_some_and(|all| all.contains_key("kubernetes.io/config.mirror"))
        || pod.metadata.owner_references.iter().flatten().any(|owner| owner.kind == "Node");
    let tolerations = pod.spec().and_then(|spec| spec.tolerations.as_deref()).unwrap_or_default();
    !has_ended(pod) && !of_kubelet && !stays_on_leaving_nodes(tolerations)
}

/// Whether the node has to wait for a pod.
fn is_waited_for(pod: &Pod, now: Timestamp, again: &mut Option<Timestamp>) -> bool {
    if !is_drained(pod) {
        return false;
    }
    let Some(end) = &pod.metadata.deletion_timestamp else { return true };
    let given_up = end.0.checked_add(STUCK).unwrap_or(Timestamp::MAX);
    if given_up > now {
        soonest(again, given_up);
    }
    given_up > now
}

/// The seconds that a pod is left if it has to be deleted now; otherwise when it will have to be, if ever.
fn forced(pod: &Pod, deadline: Timestamp, now: Timestamp) -> Result<i64, Option<Timestamp>> {
    let left = deadline.duration_since(now).as_secs().max(1);
    if let Some(end) = &pod.metadata.deletion_timestamp {
        // one second is the least, so who is given that cannot be given less
        let late =
            end.0 > deadline && pod.metadata.deletion_grace_period_seconds.is_none_or(|given| given > left);
        return if late { Ok(left) } else { Err(None) };
    }
    let grace =
        pod.spec().and_then(|spec| spec.termination_grace_period_seconds).unwrap_or(DEFAULT_GRACE_SECONDS);
    let from = deadline.checked_sub(SignedDuration::from_secs(grace.max(0))).unwrap_or(Timestamp::MIN);
    if from <= now { Ok(left) } else { Err(Some(from)) }
}

fn soonest(again: &mut Option<Timestamp>, at: Timestamp) {
    *again = Some(again.map_or(at, |known| known.min(at)));
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_000_000 + second).unwrap()
    }

    fn pod(name: &str, more: Value) -> Pod {
        let mut value = json!({"metadata": {"name": name, "namespace": "d"}, "spec": {"containers": []}});
        json_patch(&mut value, &more);
        serde_json::from_value(value).unwrap()
    }

    fn json_patch(target: &mut Value, more: &Value) {
        match more {
            Value::Object(fields) => {
                for (key, value) in fields {
                    json_patch(&mut target[key.as_str()], value);
                }
            }
            other => *target = other.clone(),
        }
    }

    fn names(pods: &[&Pod]) -> Vec<String> {
        pods.iter().map(|pod| pod.metadata.name.clone().unwrap()).collect()
    }

    fn daemon() -> Value {
        json!({"metadata": {"ownerReferences": [{"apiVersion": "apps/v1", "kind": "DaemonSet", "name": "x", "uid": "x", "controller": true}]}})
    }

    fn critical() -> Value {
        json!({"spec": {"priorityClassName": "system-node-critical"}})
    }

    #[rstest]
    #[case::plain_pods_first(vec!["plain", "daemon", "critical", "critical-daemon"], vec!["plain"])]
    #[case::then_daemons(vec!["daemon", "critical", "critical-daemon"], vec!["daemon"])]
    #[case::then_critical_ones(vec!["critical", "critical-daemon"], vec!["critical"])]
    #[case::critical_daemons_last(vec!["critical-daemon"], vec!["critical-daemon"])]
    #[case::an_ending_pod_holds_up_the_next_tier(vec!["ending", "daemon"], vec![])]
    #[case::a_protected_pod_does_too(vec!["protected", "daemon"], vec![])]
    #[case::a_stuck_pod_does_not(vec!["stuck", "daemon"], vec!["daemon"])]
    #[case::nor_a_pod_that_tolerates_the_taint(vec!["tolerant", "daemon"], vec!["daemon"])]
    #[case::nor_a_mirror_pod(vec!["mirror", "daemon"], vec!["daemon"])]
    #[case::nor_one_that_has_ended(vec!["finished", "daemon"], vec!["daemon"])]
    fn pods_go_in_four_tiers_section_3_5(#[case] there: Vec<&str>, #[case] evicted: Vec<&str>) {
        let ended = |second| at(second).to_string();
        let all: Vec<Pod> = there
            .iter()
            .map(|name| match *name {
                "daemon" => pod(name, daemon()),
                "critical" => pod(name, critical()),
                "critical-daemon" => {
                    let mut both = daemon();
                    both["spec"] = critical()["spec"].clone();
                    pod(name, both)
                }
                "ending" => pod(name, json!({"metadata": {"deletionTimestamp": ended(-59)}})),
                "stuck" => pod(name, json!({"metadata": {"deletionTimestamp": ended(-61)}})),
                "protected" => pod(name, json!({"metadata": {"annotations": {"karpenter.sh/do-not-disrupt": "true"}}})),
                "tolerant" => pod(name, json!({"spec": {"tolerations": [{"key": "karpenter.sh/disrupted", "operator": "Exists"}]}})),
                "mirror" => pod(name, json!({"metadata": {"annotations": {"kubernetes.io/config.mirror": "x"}}})),
                "finished" => pod(name, json!({"status": {"phase": "Succeeded"}})),
                _ => pod(name, json!({})),
            })
            .collect();
        let drain = drain(all.iter(), None, at(0));
        assert_eq!(names(&drain.evict), evicted);
        assert!(drain.force.is_empty());
    }

    #[rstest]
    #[case::long_before_the_deadline(600, json!({}), None, Some(570))]
    #[case::early_enough_for_its_whole_grace(30, json!({}), Some(30), None)]
    #[case::a_longer_grace_starts_earlier(120, json!({"spec": {"terminationGracePeriodSeconds": 120}}), Some(120), None)]
    #[case::after_the_deadline_one_second_is_left(-5, json!({}), Some(1), None)]
    #[case::do_not_disrupt_is_passed_over(10, json!({"metadata": {"annotations": {"karpenter.sh/do-not-disrupt": "true"}}}), Some(10), None)]
    #[case::an_ending_pod_that_would_be_late_is_hurried(40, json!({"metadata": {"deletionTimestamp": "1970-01-12T14:00:00Z", "deletionGracePeriodSeconds": 9000}}), Some(40), None)]
    fn a_deadline_forces_pods_in_time_section_3_5(
        #[case] deadline: i64,
        #[case] more: Value,
        #[case] forced: Option<i64>,
        #[case] again: Option<i64>,
    ) {
        let one = pod("one", more);
        let drain = drain(std::iter::once(&one), Some(at(deadline)), at(0));
        assert_eq!(drain.force.first().map(|(_, seconds)| *seconds), forced);
        if again.is_some() {
            assert_eq!(drain.again, again.map(at));
        }
        assert_eq!(drain.waiting, 1);
    }

    #[test]
    fn a_pod_protected_for_a_time_is_looked_at_again_when_it_is_over() {
        let one = pod(
            "one",
            json!({"metadata": {"annotations": {"karpenter.sh/do-not-disrupt": "10m"}}, "status": {"startTime": at(-60).to_string()}}),
        );
        let before = drain(std::iter::once(&one), None, at(0));
        assert_eq!((before.evict.len(), before.protected.len(), before.again), (0, 1, Some(at(540))));
        assert_eq!(drain(std::iter::once(&one), None, at(540)).evict.len(), 1);
    }
}
