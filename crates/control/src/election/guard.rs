//! Notices other autoscalers while the controllers run.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::Lease;
use supercargo_api::{ConditionStatus, set_condition};
use supercargo_reconcile::{Action, Answer, Change, Key, Kind, Outcome, Part, State};

use super::rivals::{Rival, Trace, rivals};
use crate::journal::{Entry, EntryKind, Subject};
use crate::knowledge::Knowledge;
use crate::outside::{LeaseAnswer, LeaseQuery};

/// The condition of NodePools that says whether another autoscaler stands in the way.
pub const CONDITION: &str = "AutoscalerConflict";
/// The reason of Events.
const REASON: &str = "AutoscalerConflict";
/// How often an Event says again that nothing is done.
const REMINDER: Duration = Duration::from_secs(300);
/// How often leases are asked for.
const LEASES: Duration = Duration::from_secs(20);

/// Notices other autoscalers, by their Deployments at once and by their leases within seconds: while one works, whatever buys or
/// gives up nodes waits, the NodePools say so in a condition, and an Event on the Deployment or the lease says how to remove it.
pub struct Guard {
    knowledge: Arc<Knowledge>,
    is_due: bool,
    /// When an Event was last written about an object.
    reminded: BTreeMap<Trace, Timestamp>,
    next: Option<Timestamp>,
    /// Leases as they were last told.
    leases: Vec<Lease>,
    /// The question for leases that is under way.
    asked: Option<u64>,
    next_question: Timestamp,
    tickets: u64,
    /// The object that was in the way last.
    last: Option<Subject>,
}

impl Guard {
    /// A guard that has seen nothing yet.
    pub fn new(knowledge: Arc<Knowledge>) -> Self {
        Self {
            knowledge,
            is_due: true,
            reminded: BTreeMap::new(),
            next: None,
            leases: Vec::new(),
            asked: None,
            next_question: Timestamp::MIN,
            tickets: 0,
            last: None,
        }
    }

    /// Events about the objects that were not spoken of lately.
    fn remind(&mut self, found: &[Rival], state: &State, now: Timestamp) -> Vec<Action> {
        let mut actions = Vec::new();
        let mut reminded = BTreeMap::new();
        for rival in found {
            let last = self.reminded.get(&rival.trace).copied();
            if let Some(last) = last.filter(|last| now.duration_since(*last).unsigned_abs() < REMINDER) {
                reminded.insert(rival.trace.clone(), last);
                continue;
            }
            let message = format!("supercargo buys and removes no nodes while {rival}");
            match &rival.trace {
                Trace::Deployment(namespace, name) => {
                    let deployment = state.deployments.get(&Key::new(namespace, name));
                    let warn = |deployment| Action::warn(deployment, "karpenter", REASON, message);
                    actions.extend(deployment.map(|deployment| warn(&**deployment)));
                }
                Trace::Lease(namespace, name) => {
                    let is_it = |lease: &&Lease| {
                        lease.metadata.name.as_ref() == Some(name)
                            && lease.metadata.namespace.as_deref().unwrap_or_default() == namespace
                    };
                    let lease = self.leases.iter().find(is_it);
                    actions.extend(lease.map(|lease| Action::warn(lease, "karpenter", REASON, message)));
                }
            }
            reminded.insert(rival.trace.clone(), now);
        }
        let earliest = reminded.values().min().copied();
        self.next = earliest.map(|last| later(last, REMINDER));
        self.reminded = reminded;
        actions
    }

    /// Asks for leases, if it is time.
    fn ask(&mut self, now: Timestamp) -> Option<Action> {
        if self.asked.is_some() || self.next_question > now {
            return None;
        }
        self.tickets += 1;
        self.asked = Some(self.tickets);
        Some(Action::ask(Kind::NodePool, Key::cluster("guard"), self.tickets, LeaseQuery))
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
        if let Some(rival) = found.first() {
            let (kind, namespace, name) = match &rival.trace {
                Trace::Deployment(namespace, name) => ("Deployment", namespace, name),
                Trace::Lease(namespace, name) => ("Lease", namespace, name),
            };
            self.last =
                Some(Subject { kind: kind.to_owned(), namespace: namespace.clone(), name: name.clone() });
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
        let mut actions: Vec<Action> = self.ask(now).into_iter().collect();
        if !self.is_due && self.next.is_none_or(|next| next > now) {
            return actions;
        }
        self.is_due = false;
        let deployments = state.deployments.values().map(|deployment| &**deployment);
        let found = rivals(deployments, &self.leases, now);
        self.note(&found, now);
        actions.extend(self.remind(&found, state, now));
        actions.extend(Self::conditions(&found, state, now));
        actions
    }

    fn done(&mut self, _: &Action, outcome: &Outcome, _: &State, now: Timestamp) {
        if outcome.is_err() {
            // the NodePool changed meanwhile, or the API server is away; not at once, or nobody else has a turn
            let soon = later(now, Duration::from_secs(1));
            self.next = Some(self.next.map_or(soon, |next| next.min(soon)));
        }
    }

    fn answered(&mut self, ticket: u64, answer: Answer, _: &State, now: Timestamp) {
        if self.asked != Some(ticket) {
            return;
        }
        self.asked = None;
        self.next_question = later(now, LEASES);
        match answer.downcast::<LeaseAnswer>().map(|answer| *answer) {
            Ok(Ok(leases)) => {
                self.leases = leases;
                self.is_due = true;
            }
            // what was seen last gets old by itself
            Ok(Err(error)) => tracing::debug!(error, "the leases of other autoscalers cannot be asked for"),
            Err(_) => {}
        }
    }

    fn wake(&self) -> Option<Timestamp> {
        if self.is_due {
            return Some(Timestamp::MIN);
        }
        let question = self.asked.is_none().then_some(self.next_question);
        [question, self.next].into_iter().flatten().min()
    }
}

fn later(now: Timestamp, wait: Duration) -> Timestamp {
    now.checked_add(wait).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
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

    fn lease(holder: &str, renewed: Timestamp) -> Lease {
        serde_json::from_value(json!({
            "metadata": {"name": "cluster-autoscaler", "namespace": "kube-system"},
            "spec": {"holderIdentity": holder, "renewTime": renewed.to_string()},
        }))
        .unwrap()
    }

    #[test]
    fn a_lease_that_somebody_renews_stops_the_work_until_it_is_old() {
        let (mut toy, knowledge) = guarded();
        toy.run(Duration::from_secs(1));
        assert_eq!(toy.asked.len(), 1, "asked at once");
        let answer: LeaseAnswer = Ok(vec![lease("ca-7d", toy.now)]);
        toy.answer_first(Box::new(answer));
        toy.run(Duration::from_secs(1));
        assert!(knowledge.is_paused());
        assert_eq!(condition(&toy), Some((ConditionStatus::True, "ClusterAutoscalerRunning".to_owned())));
        assert_eq!(toy.said("cluster-autoscaler", "AutoscalerConflict").len(), 1);
        let entries = knowledge.journal.after(0);
        assert_eq!((entries.len(), entries[0].subject.kind.as_str()), (1, "Lease"));
        toy.run(Duration::from_secs(20));
        assert_eq!(toy.asked.len(), 1, "asked again");
        let answer: LeaseAnswer = Err("forbidden".to_owned());
        toy.answer_first(Box::new(answer));
        toy.run(Duration::from_secs(20));
        assert!(knowledge.is_paused(), "nobody said that it ended");
        let answer: LeaseAnswer = Ok(vec![lease("", toy.now)]);
        toy.answer_first(Box::new(answer));
        toy.run(Duration::from_secs(1));
        assert!(!knowledge.is_paused());
        assert_eq!(condition(&toy), Some((ConditionStatus::False, "NoOtherAutoscaler".to_owned())));
    }
}
