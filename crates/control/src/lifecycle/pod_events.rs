//! When a pod last came to a node or left it (reference section 3.8): from then on `consolidateAfter` counts.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use supercargo_api::Pod;
use supercargo_reconcile::{Action, Change, Key, Kind, Object, Outcome, Part, Queue, State, node_of};

use super::claims::is_leaving;
use crate::conditions::whole_second;

/// Events within this time of the last one are not noted.
const APART: Duration = Duration::from_secs(10);

/// Notes on each claim when a pod last came or went.
#[derive(Debug, Default)]
pub struct PodEvents {
    queue: Queue,
    /// By claim: the last event that is not noted yet.
    events: BTreeMap<Key, Timestamp>,
    under_way: Vec<(Key, Timestamp)>,
}

/// The node and the time of what happened to a pod, if it counts: it was bound, came to its end, or began to go.
fn event<'a>(old: Option<&'a Pod>, new: Option<&'a Pod>, now: Timestamp) -> Option<(&'a str, Timestamp)> {
    let pod = new.or(old)?;
    if is_of_the_node(pod) {
        return None;
    }
    let node = node_of(pod)?;
    let Some(new) = new else {
        // one that went without a word
        let went = old.is_some_and(|old| old.metadata.deletion_timestamp.is_none() && !is_finished(old));
        return went.then_some((node, now));
    };
    match old {
        // seen for the first time, as all are after a restart: it came when it was bound
        None => (!is_finished(new)).then(|| (node, bound_at(new).unwrap_or(now))),
        Some(old) => {
            let bound = node_of(old).is_none();
            let finished = is_finished(new) && !is_finished(old);
            let goes = new.metadata.deletion_timestamp.is_some() && old.metadata.deletion_timestamp.is_none();
            (bound || finished || goes).then_some((node, now))
        }
    }
}

/// Pods of DaemonSets and of nodes themselves come and go with the node.
fn is_of_the_node(pod: &Pod) -> bool {
    let owners = pod.metadata.owner_references.iter().flatten();
    owners.into_iter().any(|owner| owner.kind == "DaemonSet" || owner.kind == "Node")
}

fn is_finished(pod: &Pod) -> bool {
    let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
    matches!(phase, Some("Succeeded" | "Failed"))
}

fn bound_at(pod: &Pod) -> Option<Timestamp> {
    let mut conditions = pod.status.iter().flat_map(|status| status.conditions.iter().flatten());
    let scheduled =
        conditions.find(|condition| condition.type_ == "PodScheduled" && condition.status == "True");
    let created = || pod.metadata.creation_timestamp.as_ref();
    scheduled
        .and_then(|condition| condition.last_transition_time.as_ref())
        .or_else(created)
        .map(|time| time.0)
}

impl Part for PodEvents {
    fn name(&self) -> &'static str {
        "pod-events"
    }

    fn kinds(&self) -> &'static [Kind] {
        &[Kind::Pod, Kind::Node, Kind::NodeClaim]
    }

    fn observe(&mut self, change: &Change, state: &State, now: Timestamp) {
        let pod = |object: &Option<Object>| match object {
            Some(Object::Pod(pod)) => Some(std::sync::Arc::clone(pod)),
            _ => None,
        };
        if change.kind != Kind::Pod {
            return;
        }
        let (old, new) = (pod(&change.old), pod(&change.new));
        let Some((node, at)) = event(old.as_deref(), new.as_deref(), now) else { return };
        let node = state.nodes.get(&Key::cluster(node));
        let Some(id) = node.and_then(|node| node.spec.as_ref()?.provider_id.as_deref()) else { return };
        for (key, claim) in state.claims_of_instance(id) {
            let known = claim.status.as_ref().and_then(|status| status.last_pod_event_time.as_ref());
            if is_leaving(claim) || known.is_some_and(|known| at < known.0 + APART) {
                continue;
            }
            let last = self.events.entry(key.clone()).or_insert(at);
            *last = at.max(*last);
            self.queue.add(key.clone());
        }
    }

    fn step(&mut self, state: &State, now: Timestamp) -> Vec<Action> {
        let mut actions = Vec::new();
        self.under_way.clear();
        while let Some(key) = self.queue.next(now) {
            let Some(at) = self.events.remove(&key) else { continue };
            let Some(claim) = state.node_claims.get(&key) else { continue };
            let mut wanted = (**claim).clone();
            wanted.status.get_or_insert_default().last_pod_event_time = Some(Time(whole_second(at)));
            if let Some(action) = Action::update_status(Kind::NodeClaim, &**claim, &wanted) {
                actions.push(action);
                self.under_way.push((key, at));
            }
        }
        self.under_way.reverse();
        actions
    }

    fn done(&mut self, _: &Action, outcome: &Outcome, _: &State, now: Timestamp) {
        let Some((key, at)) = self.under_way.pop() else { return };
        match outcome {
            Ok(()) => self.queue.succeeded(&key),
            Err(refusal) if refusal.is_not_found() => self.queue.succeeded(&key),
            Err(_) => {
                self.events.entry(key.clone()).or_insert(at);
                self.queue.failed(key, now);
            }
        }
    }

    fn wake(&self) -> Option<Timestamp> {
        self.queue.wake()
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};
    use supercargo_reconcile::toy::Toy;

    use super::*;
    use crate::stage;

    fn pod(change: &[(&str, Value)]) -> Value {
        let mut pod = json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": "p", "namespace": "default", "creationTimestamp": "2026-03-02T08:00:00Z"},
            "spec": {"containers": []}, "status": {"phase": "Running"},
        });
        for (path, value) in change {
            let mut place = &mut pod;
            for step in path.split('.') {
                place = &mut place[step];
            }
            *place = value.clone();
        }
        pod
    }

    fn on() -> (&'static str, Value) {
        ("spec.nodeName", json!("n"))
    }

    fn finished() -> (&'static str, Value) {
        ("status.phase", json!("Succeeded"))
    }

    fn going() -> (&'static str, Value) {
        ("metadata.deletionTimestamp", json!("2026-03-02T09:00:00Z"))
    }

    fn daemon() -> (&'static str, Value) {
        let owner = json!({"apiVersion": "apps/v1", "kind": "DaemonSet", "name": "d", "uid": "u", "controller": true});
        ("metadata.ownerReferences", json!([owner]))
    }

    #[rstest]
    #[case::bound(Some(pod(&[])), Some(pod(&[on()])), true)]
    #[case::finished(Some(pod(&[on()])), Some(pod(&[on(), finished()])), true)]
    #[case::begins_to_go(Some(pod(&[on()])), Some(pod(&[on(), going()])), true)]
    #[case::gone_without_a_word(Some(pod(&[on()])), None, true)]
    #[case::gone_as_announced(Some(pod(&[on(), going()])), None, false)]
    #[case::gone_after_its_end(Some(pod(&[on(), finished()])), None, false)]
    #[case::only_its_status_changed(Some(pod(&[on()])), Some(pod(&[on()])), false)]
    #[case::not_bound_yet(None, Some(pod(&[])), false)]
    #[case::of_a_daemon_set(Some(pod(&[daemon()])), Some(pod(&[daemon(), on()])), false)]
    fn section_3_8_what_counts_as_an_event(
        #[case] old: Option<Value>,
        #[case] new: Option<Value>,
        #[case] expected: bool,
    ) {
        let read = |value: Option<Value>| value.map(|value| serde_json::from_value::<Pod>(value).unwrap());
        let (old, new) = (read(old), read(new));
        assert_eq!(event(old.as_ref(), new.as_ref(), Timestamp::UNIX_EPOCH).is_some(), expected);
    }

    #[test]
    fn after_a_restart_a_pod_counts_from_when_it_was_bound() {
        let mut value = pod(&[on()]);
        value["status"]["conditions"] = json!([
            {"type": "PodScheduled", "status": "True", "lastTransitionTime": "2026-03-02T08:30:00Z"}
        ]);
        let pod: Pod = serde_json::from_value(value).unwrap();
        let (_, at) = event(None, Some(&pod), "2026-03-02T09:00:00Z".parse().unwrap()).unwrap();
        assert_eq!(at.to_string(), "2026-03-02T08:30:00Z");
    }

    #[test]
    fn events_of_a_node_are_noted_once_in_10_seconds() {
        let mut toy = Toy::new(vec![Box::new(PodEvents::default())]);
        let mut claim = stage::node_claim("a", "general", "default");
        claim["status"] = json!({"providerID": "aws:///us-east-1a/i-1"});
        toy.create(Kind::NodeClaim, claim);
        toy.create(
            Kind::Node,
            json!({"metadata": {"name": "n"}, "spec": {"providerID": "aws:///us-east-1a/i-1"}}),
        );
        let noted = |toy: &Toy| {
            let claim = toy.state.node_claims.get(&Key::cluster("a")).unwrap();
            claim.status.as_ref().unwrap().last_pod_event_time.as_ref().map(|time| time.0.to_string())
        };
        let arrive = |toy: &mut Toy, name: &str| {
            let mut value = pod(&[]);
            value["metadata"]["name"] = json!(name);
            toy.create(Kind::Pod, value);
            toy.patch(Kind::Pod, &Key::new("default", name), json!({"spec": {"nodeName": "n"}}));
        };
        arrive(&mut toy, "one");
        toy.run(Duration::from_secs(9));
        assert_eq!(noted(&toy).as_deref(), Some("2026-03-02T09:00:00Z"));
        arrive(&mut toy, "two");
        toy.run(Duration::from_secs(1));
        assert_eq!(noted(&toy).as_deref(), Some("2026-03-02T09:00:00Z"));
        arrive(&mut toy, "three");
        toy.run(Duration::from_secs(1));
        assert_eq!(noted(&toy).as_deref(), Some("2026-03-02T09:00:10Z"));
    }
}
