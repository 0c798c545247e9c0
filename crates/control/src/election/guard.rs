//! Notices other autoscalers while the controllers run.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use supercargo_api::{ConditionStatus, set_condition};
use supercargo_reconcile::{Action, Change, Key, Kind, Outcome, Part, State};

use super::rivals::{Rival, rivals};
use crate::journal::{Entry, EntryKind, Subject};
use crate::knowledge::Knowledge;

/// The condition of NodePools that says whether another autoscaler stands in the way.
pub const CONDITION: &str = "AutoscalerConflict";
/// The reason of Events.
const REASON: &str = "AutoscalerConflict";
/// How often an Event says again that nothing is done.
const REMINDER_SECONDS: i64 = 300;

/// Notices Deployments of other autoscalers: while one has replicas, whatever buys or gives up nodes waits, the NodePools say so
/// in a condition, and an Event on the Deployment says how to remove it. Leases are looked at once, before the start.
pub struct Guard {
    knowledge: Arc<Knowledge>,
    is_due: bool,
    /// When an Event was last written about a Deployment, in seconds.
    reminded: BTreeMap<Key, Timestamp>,
    next: Option<Timestamp>,
    /// The Deployment that was in the way last.
    last: Option<Subject>,
}

impl Guard {
    /// A guard that has seen nothing yet.
    pub fn new(knowledge: Arc<Knowledge>) -> Self {
        Self { knowledge, is_due: true, reminded: BTreeMap::new(), next: None, last: None }
    }

    /// Events about the Deployments that were not spoken of lately.
    fn remind(&mut self, found: &[Rival], state: &State, now: Timestamp) -> Vec<Action> {
        let mut actions = Vec::new();
        let mut reminded = BTreeMap::new();
        for rival in found {
            let Some((namespace, name)) = &rival.deployment else { continue };
            let key = Key::new(namespace, name);
            let last = self.reminded.get(&key).copied();
            if let Some(last) = last
                && now.duration_since(last).as_secs() < REMINDER_SECONDS
            {
                reminded.insert(key, last);
                continue;
            }
            if let Some(deployment) = state.deployments.get(&key) {
                let message = format!("supercargo buys and removes no nodes while {rival}");
                actions.push(Action::warn(&**deployment, "karpenter", REASON, message));
            }
            reminded.insert(key, now);
        }
        let earliest = reminded.values().min().copied();
        self.next =
            earliest.map(|last| last + std::time::Duration::from_secs(REMINDER_SECONDS.unsigned_abs()));
        self.reminded = reminded;
        actions
    }

    /// The NodePools that say something else than what is.
    fn conditions(found: &[Rival], state: &State, now: Timestamp) -> Vec<Action> {
        let mut actions = Vec::new();
        for node_pool in state.node_pools.values() {
            let mut new = (**node_pool).clone();
            let mut status = new.status.take().unwrap_or_default();
            let mut conditions = status.conditions.take().unwrap_or_default();
            let changed = match found.first() {
                Some(rival) => set_condition(
                    &mut conditions,
                    CONDITION,
                    ConditionStatus::True,
                    rival.kind.reason(),
                    &rival.to_string(),
                    now,
                ),
                None if conditions.iter().any(|condition| condition.type_ == CONDITION) => set_condition(
                    &mut conditions,
                    CONDITION,
                    ConditionStatus::False,
                    "NoOtherAutoscaler",
                    "",
                    now,
                ),
                None => false,
            };
            if changed {
                status.conditions = Some(conditions);
                new.status = Some(status);
                actions.extend(Action::update_status(Kind::NodePool, &**node_pool, &new));
            }
        }
        actions
    }

    /// Writes down that somebody came or went.
    fn note(&mut self, found: &[Rival], now: Timestamp) {
        let words: Vec<String> = found.iter().map(ToString::to_string).collect();
        let before = self.knowledge.set_rivals(words.clone());
        if before == words {
            return;
        }
        let deployment = found.first().and_then(|rival| rival.deployment.clone());
        if let Some((namespace, name)) = deployment {
            self.last = Some(Subject { kind: "Deployment".to_owned(), namespace, name });
        }
        let Some(about) = self.last.clone() else { return };
        let decision = if found.is_empty() {
            "work goes on: no other autoscaler is active any more"
        } else {
            "nothing is bought or given up: another autoscaler is active"
        };
        let entry = Entry::new(now, EntryKind::Guard, about, decision);
        self.knowledge.journal.record(words.into_iter().fold(entry, Entry::because));
    }
}

impl Part for Guard {
    fn name(&self) -> &'static str {
        "guard"
    }

    fn kinds(&self) -> &'static [Kind] {
        &[Kind::Deployment, Kind::NodePool]
    }

    fn observe(&mut self, change: &Change, _: &State, _: Timestamp) {
        // a rollout changes a status every second, which says nothing about who is there
        let specs = |object: &supercargo_reconcile::Object| match object {
            supercargo_reconcile::Object::Deployment(deployment) => deployment.metadata.generation,
            _ => None,
        };
        let (old, new) = (change.old.as_ref().map(specs), change.new.as_ref().map(specs));
        self.is_due |= change.kind == Kind::NodePool || old != new || new == Some(None);
    }

    fn step(&mut self, state: &State, now: Timestamp) -> Vec<Action> {
        if !self.is_due && self.next.is_none_or(|next| next > now) {
            return Vec::new();
        }
        self.is_due = false;
        let found = rivals(state.deployments.values().map(|deployment| &**deployment), [], now);
        self.note(&found, now);
        let mut actions = self.remind(&found, state, now);
        actions.extend(Self::conditions(&found, state, now));
        actions
    }

    fn done(&mut self, _: &Action, outcome: &Outcome, _: &State, now: Timestamp) {
        if outcome.is_err() {
            // the NodePool changed meanwhile, or the API server is away; not at once, or nobody else has a turn
            let soon = now + std::time::Duration::from_secs(1);
            self.next = Some(self.next.map_or(soon, |next| next.min(soon)));
        }
    }

    fn wake(&self) -> Option<Timestamp> {
        if self.is_due { Some(Timestamp::MIN) } else { self.next }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;
    use supercargo_cloud::Cluster;
    use supercargo_reconcile::toy::Toy;

    use super::*;
    use crate::settings::Settings;

    fn guarded() -> (Toy, Arc<Knowledge>) {
        let knowledge = Arc::new(Knowledge::new(Settings::default(), Cluster::default(), "us-east-1"));
        let mut toy = Toy::new(vec![Box::new(Guard::new(Arc::clone(&knowledge)))]);
        toy.create(
            Kind::NodePool,
            json!({"metadata": {"name": "general"}, "spec": {"template": {"spec": {
                "nodeClassRef": {"group": "karpenter.k8s.aws", "kind": "EC2NodeClass", "name": "default"},
                "requirements": []}}}}),
        );
        (toy, knowledge)
    }

    fn condition(toy: &Toy) -> Option<(ConditionStatus, String)> {
        let pool = toy.state.node_pools.get(&Key::cluster("general")).unwrap();
        let conditions = pool.status.as_ref()?.conditions.as_ref()?;
        let found = conditions.iter().find(|condition| condition.type_ == CONDITION)?;
        Some((found.status, found.reason.clone().unwrap()))
    }

    fn autoscaler(replicas: i32) -> serde_json::Value {
        json!({"metadata": {"name": "cluster-autoscaler", "namespace": "kube-system"},
            "spec": {"replicas": replicas, "selector": {}, "template": {"spec": {"containers": [
                {"name": "c", "image": "registry.k8s.io/autoscaling/cluster-autoscaler:v1.36.0"}]}}}})
    }

    #[test]
    fn a_cluster_without_another_autoscaler_is_left_alone() {
        let (mut toy, knowledge) = guarded();
        toy.run(Duration::from_secs(600));
        assert!(knowledge.rivals().is_empty());
        assert_eq!(condition(&toy), None);
        assert!(toy.notes.is_empty());
    }

    #[test]
    fn work_stops_when_an_autoscaler_comes_and_goes_on_when_it_is_gone() {
        let (mut toy, knowledge) = guarded();
        toy.create(Kind::Deployment, autoscaler(1));
        toy.run(Duration::from_secs(1));
        assert_eq!(knowledge.rivals().len(), 1);
        assert_eq!(condition(&toy), Some((ConditionStatus::True, "ClusterAutoscalerRunning".to_owned())));
        assert_eq!(
            toy.said("cluster-autoscaler", "AutoscalerConflict"),
            [
                "supercargo buys and removes no nodes while Cluster Autoscaler is active: Deployment kube-system/cluster-autoscaler has 1 replica; to remove it: kubectl -n kube-system scale deployment cluster-autoscaler --replicas=0"
            ]
        );
        toy.run(Duration::from_secs(600));
        assert_eq!(toy.said("cluster-autoscaler", "AutoscalerConflict").len(), 3);
        let key = Key::new("kube-system", "cluster-autoscaler");
        toy.patch(Kind::Deployment, &key, json!({"spec": {"replicas": 0}}));
        toy.run(Duration::from_secs(1));
        assert!(knowledge.rivals().is_empty());
        assert_eq!(condition(&toy), Some((ConditionStatus::False, "NoOtherAutoscaler".to_owned())));
        let words = knowledge.journal.after(0);
        assert_eq!(words.len(), 2);
    }
}
