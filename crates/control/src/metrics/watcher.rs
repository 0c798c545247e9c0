//! Counts what can be told from changes alone: pods that are bound and start, conditions that change, objects that go.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use supercargo_api::{Condition, Pod};
use supercargo_reconcile::{Action, Change, Kind, Object, Outcome, Part, State, node_of};

use super::standing::Stand;
use crate::cluster::is_provisionable;
use crate::knowledge::Knowledge;

/// Counts what can be told from changes alone. It decides nothing.
pub struct Watcher {
    knowledge: Arc<Knowledge>,
}

impl Watcher {
    /// A watcher that counts into these metrics.
    pub fn new(knowledge: Arc<Knowledge>) -> Self {
        Self { knowledge }
    }

    fn pod(&self, old: Option<&Pod>, new: Option<&Pod>, now: Timestamp) {
        let metrics = &self.knowledge.metrics;
        let Some(uid) = old.or(new).and_then(|pod| pod.metadata.uid.as_deref()) else { return };
        let Some(new) = new else { return metrics.pod_forgotten(uid) };
        if is_provisionable(new) {
            metrics.pod_seen(uid, now);
        }
        // what was there when the process started says nothing about how long it took
        let Some(old) = old else { return };
        let created = new.metadata.creation_timestamp.as_ref().map_or(now, |time| time.0);
        let planned = metrics.pod_times().planned(uid);
        if node_of(old).is_none() && node_of(new).is_some() {
            metrics.pod_bound(since(created, now));
            if let Some(planned) = planned {
                metrics.provisioned_pod_bound(since(planned, now));
            }
        }
        if phase(old) == "Pending" && phase(new) != "Pending" {
            if phase(new) == "Running" {
                metrics.pod_started(since(created, now));
                if let Some(planned) = planned {
                    metrics.provisioned_pod_started(since(planned, now));
                }
            }
            metrics.pod_forgotten(uid);
        }
    }

    fn conditions(&self, kind: Kind, old: Option<&Object>, new: &Object, now: Timestamp) {
        // a condition that was there when the process started has not changed
        let Some(old) = old else { return };
        let before = stands(old);
        for after in stands(new) {
            let known = before.iter().find(|known| known.condition == after.condition);
            if known.is_some_and(|known| known.status == after.status) {
                continue;
            }
            let lasted = known.map(|known| (known.status, since(known.since.unwrap_or(now), now)));
            let metrics = &self.knowledge.metrics;
            metrics.condition_changed(kind.name(), after.condition, after.status, after.reason, lasted);
        }
    }
}

/// The conditions of an object of a kind whose conditions are counted.
fn stands(object: &Object) -> Vec<Stand<'_>> {
    match object {
        Object::NodeClaim(claim) => {
            own(claim.status.as_ref().and_then(|status| status.conditions.as_deref()))
        }
        Object::NodePool(pool) => own(pool.status.as_ref().and_then(|status| status.conditions.as_deref())),
        Object::EC2NodeClass(class) => {
            own(class.status.as_ref().and_then(|status| status.conditions.as_deref()))
        }
        Object::Node(node) => {
            let conditions = node.status.as_ref().and_then(|status| status.conditions.as_deref());
            conditions.unwrap_or_default().iter().map(Stand::from).collect()
        }
        _ => Vec::new(),
    }
}

fn own(conditions: Option<&[Condition]>) -> Vec<Stand<'_>> {
    conditions.unwrap_or_default().iter().map(Stand::from).collect()
}

fn since(then: Timestamp, now: Timestamp) -> Duration {
    Duration::try_from(now.duration_since(then)).unwrap_or(Duration::ZERO)
}

fn phase(pod: &Pod) -> &str {
    pod.status.as_ref().and_then(|status| status.phase.as_deref()).unwrap_or("Pending")
}

impl Part for Watcher {
    fn name(&self) -> &'static str {
        "metrics"
    }

    fn kinds(&self) -> &'static [Kind] {
        &[Kind::Pod, Kind::Node, Kind::NodeClaim, Kind::NodePool, Kind::EC2NodeClass]
    }

    fn observe(&mut self, change: &Change, _: &State, now: Timestamp) {
        if change.kind == Kind::Pod {
            let pod = |object: &'_ Option<Object>| match object {
                Some(Object::Pod(pod)) => Some(Arc::clone(pod)),
                _ => None,
            };
            return self.pod(pod(&change.old).as_deref(), pod(&change.new).as_deref(), now);
        }
        match (&change.old, &change.new) {
            (old, Some(new)) => self.conditions(change.kind, old.as_ref(), new, now),
            (Some(old), None) => {
                if let Some(deleted) = &old.metadata().deletion_timestamp {
                    let took = since(deleted.0, now);
                    self.knowledge.metrics.object_terminated(change.kind.name(), took);
                }
            }
            (None, None) => {}
        }
    }

    fn step(&mut self, _: &State, _: Timestamp) -> Vec<Action> {
        Vec::new()
    }

    fn done(&mut self, _: &Action, _: &Outcome, _: &State, _: Timestamp) {}

    fn wake(&self) -> Option<Timestamp> {
        None
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use supercargo_api::ConditionStatus;
    use supercargo_cloud::Cluster;
    use supercargo_reconcile::Key;
    use supercargo_reconcile::toy::Toy;

    use super::*;
    use crate::settings::Settings;

    fn watched() -> (Toy, Arc<Knowledge>) {
        let knowledge = Arc::new(Knowledge::new(Settings::default(), Cluster::default(), "us-east-1"));
        (Toy::new(vec![Box::new(Watcher::new(Arc::clone(&knowledge)))]), knowledge)
    }

    fn line(knowledge: &Knowledge, start: &str) -> String {
        let text = knowledge.metrics.text();
        text.lines().find(|line| line.starts_with(start)).unwrap_or_default().to_owned()
    }

    #[test]
    fn a_pod_is_timed_from_its_creation_and_from_its_plan() {
        let (mut toy, knowledge) = watched();
        toy.create(
            Kind::Pod,
            json!({"metadata": {"name": "web", "namespace": "shop"}, "spec": {"containers": []},
                "status": {"phase": "Pending", "conditions": [
                    {"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}]}}),
        );
        let key = Key::new("shop", "web");
        let uid = toy.state.pods.get(&key).unwrap().metadata.uid.clone().unwrap();
        toy.run(Duration::from_secs(2));
        assert!(knowledge.metrics.pod_times().undecided(&uid).is_some());
        knowledge.metrics.pod_planned(&uid, true, toy.now);
        assert!(knowledge.metrics.pod_times().undecided(&uid).is_none());
        toy.run(Duration::from_secs(40));
        toy.patch(Kind::Pod, &key, json!({"spec": {"nodeName": "n"}}));
        assert_eq!(
            line(&knowledge, "karpenter_pods_bound_duration_seconds_sum"),
            "karpenter_pods_bound_duration_seconds_sum 42"
        );
        assert_eq!(
            line(&knowledge, "karpenter_pods_provisioning_bound_duration_seconds_sum"),
            "karpenter_pods_provisioning_bound_duration_seconds_sum 40"
        );
        assert_eq!(
            line(&knowledge, "karpenter_pods_scheduling_decision_duration_seconds_sum"),
            "karpenter_pods_scheduling_decision_duration_seconds_sum 2"
        );
        toy.delete(Kind::Pod, &key);
        toy.run(Duration::from_secs(60));
    }

    #[test]
    fn conditions_are_counted_when_their_status_changes() {
        let (mut toy, knowledge) = watched();
        toy.create(
            Kind::NodeClaim,
            json!({"metadata": {"name": "a"}, "spec": {"requirements": [],
                "nodeClassRef": {"group": "karpenter.k8s.aws", "kind": "EC2NodeClass", "name": "default"}},
                "status": {"conditions": [{"type": "Launched", "status": "Unknown", "reason": "AwaitingReconciliation",
                    "lastTransitionTime": "2026-03-02T08:59:00Z", "message": ""}]}}),
        );
        let old = toy.state.node_claims.get(&Key::cluster("a")).unwrap().clone();
        let mut new = (*old).clone();
        let conditions = new.status.as_mut().unwrap().conditions.as_mut().unwrap();
        supercargo_api::set_condition(conditions, "Launched", ConditionStatus::True, "", "", toy.now);
        let change = Change {
            kind: Kind::NodeClaim,
            key: Key::cluster("a"),
            old: Some(Object::NodeClaim(old)),
            new: Some(new.into()),
        };
        Watcher::new(Arc::clone(&knowledge)).observe(&change, &toy.state, toy.now);
        assert_eq!(
            line(&knowledge, "operator_nodeclaim_status_condition_transitions_total"),
            "operator_nodeclaim_status_condition_transitions_total{type=\"Launched\",status=\"True\",reason=\"Launched\"} 1"
        );
        assert_eq!(
            line(&knowledge, "operator_nodeclaim_status_condition_transition_seconds_sum"),
            "operator_nodeclaim_status_condition_transition_seconds_sum{type=\"Launched\",status=\"Unknown\"} 60"
        );
    }
}
