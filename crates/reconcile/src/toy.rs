//! An API server small enough for tests of parts: objects by key, merge patches, deletion with grace, finalizers and owners.
//! It runs parts in virtual time, without tasks.

#![allow(
    clippy::unwrap_used,
    reason = "it is for tests, which shall fail where something is not as it should be"
)]

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use serde_json::{Value, json};

use crate::action::{Action, Note, Verb};
use crate::mirror::{Change, Key, Kind, Object, State};
use crate::outside::{Answer, Request};
use crate::part::{Outcome, Part, Refusal};
use supercargo_api::Pod;

/// A cluster of parts.
pub struct Toy {
    /// What there is.
    pub state: State,
    /// The time.
    pub now: Timestamp,
    parts: Vec<Box<dyn Part>>,
    /// What was asked of the outside and waits for an answer: the part, the ticket, the request.
    pub asked: Vec<(usize, u64, Arc<dyn Request>)>,
    version: u64,
    uids: u64,
    /// Every change and Event, a line each.
    pub journal: Vec<String>,
    /// Every Event.
    pub notes: Vec<Note>,
}

impl Toy {
    /// A cluster with nothing in it but these parts.
    pub fn new(parts: Vec<Box<dyn Part>>) -> Self {
        let now = "2026-03-02T09:00:00Z".parse().unwrap();
        Self {
            state: State::default(),
            now,
            parts,
            asked: Vec::new(),
            version: 0,
            uids: 0,
            journal: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// Creates an object, as a user does.
    pub fn create(&mut self, kind: Kind, value: Value) {
        let object = kind.read_value(value).unwrap();
        self.write(&Action { kind, key: object.key(), verb: Verb::Create(object) }).unwrap();
    }

    /// Patches an object, as a user does.
    pub fn patch(&mut self, kind: Kind, key: &Key, body: Value) {
        self.write(&Action::patch(kind, key.clone(), None, body)).unwrap();
    }

    /// Patches the status of an object, as somebody else does.
    pub fn patch_status(&mut self, kind: Kind, key: &Key, status: Value) {
        let body = json!({"status": status});
        self.write(&Action::patch(kind, key.clone(), Some("status"), body)).unwrap();
    }

    /// Does what an action says, as whoever else does it.
    pub fn apply(&mut self, action: &Action) {
        self.write(action).unwrap();
    }

    /// Deletes an object, as a user does.
    pub fn delete(&mut self, kind: Kind, key: &Key) {
        let verb = Verb::Delete { uid: None, grace: None, propagation: None };
        self.write(&Action { kind, key: key.clone(), verb }).unwrap();
    }

    /// Lets this much time pass.
    pub fn run(&mut self, duration: Duration) {
        let end = self.now + duration;
        let mut rounds = 0_u64;
        loop {
            rounds += 1;
            assert!(rounds < 5_000_000, "the parts never come to rest: {:?}", self.journal.last());
            if self.turn() {
                continue;
            }
            let wake = self.parts.iter().filter_map(|part| part.wake()).min().unwrap_or(Timestamp::MAX);
            if wake > end {
                self.now = end;
                return;
            }
            self.now = self.now.max(wake);
        }
    }

    /// Answers what was asked of the outside under this ticket.
    pub fn answer(&mut self, ticket: u64, answer: Answer) {
        let position = self.asked.iter().position(|(_, asked, _)| *asked == ticket).unwrap();
        let (index, ..) = self.asked.remove(position);
        self.parts[index].answered(ticket, answer, &self.state, self.now);
    }

    /// Answers what was asked of the outside first and is not answered yet.
    pub fn answer_first(&mut self, answer: Answer) {
        let (index, ticket, _) = self.asked.remove(0);
        self.parts[index].answered(ticket, answer, &self.state, self.now);
    }

    /// Events about an object with this reason.
    pub fn said(&self, name: &str, reason: &str) -> Vec<&str> {
        let about = |note: &&Note| note.about.name.as_deref() == Some(name) && note.reason == reason;
        self.notes.iter().filter(about).map(|note| note.message.as_str()).collect()
    }

    fn turn(&mut self) -> bool {
        let mut worked = false;
        for index in 0..self.parts.len() {
            if self.parts[index].wake().is_none_or(|wake| wake > self.now) {
                continue;
            }
            let actions = self.parts[index].step(&self.state, self.now);
            worked |= !actions.is_empty();
            for action in actions {
                if let Verb::Outside { ticket, request } = &action.verb {
                    self.asked.push((index, *ticket, Arc::clone(request)));
                    continue;
                }
                let outcome = self.write(&action);
                if let Err(refusal) = &outcome {
                    self.journal.push(format!(
                        "{} refused {} {}: {refusal}",
                        self.now,
                        action.kind.name(),
                        action.key
                    ));
                }
                self.parts[index].done(&action, &outcome, &self.state, self.now);
            }
        }
        worked
    }

    fn write(&mut self, action: &Action) -> Outcome {
        let (kind, key) = (action.kind, &action.key);
        let found = self.state.get(kind, key);
        match &action.verb {
            Verb::Create(_) if found.is_some() => Err(refused(409, "AlreadyExists", key)),
            Verb::Create(object) => {
                self.uids += 1;
                let (uid, now) = (format!("uid-{:06}", self.uids), self.now);
                let object = object.clone().with_metadata(|metadata| {
                    metadata.uid = Some(uid);
                    metadata.creation_timestamp = Some(Time(now));
                    metadata.generation = Some(1);
                });
                let object = reread(&object);
                self.put(object);
                Ok(())
            }
            Verb::Patch { subresource, body } => {
                let Some(found) = found else { return Err(refused(404, "NotFound", key)) };
                let before = found.to_value().unwrap();
                let expected = &body["metadata"]["resourceVersion"];
                if !expected.is_null() && *expected != before["metadata"]["resourceVersion"] {
                    return Err(refused(409, "Conflict", key));
                }
                let mut after = before.clone();
                merge(&mut after, body);
                match subresource {
                    Some("status") => {
                        let status = after["status"].clone();
                        after = before.clone();
                        after["status"] = status;
                    }
                    _ => after["status"] = before["status"].clone(),
                }
                if after["status"].is_null() {
                    after.as_object_mut().unwrap().remove("status");
                }
                if after["spec"] != before["spec"] {
                    after["metadata"]["generation"] =
                        json!(before["metadata"]["generation"].as_i64().unwrap_or(0) + 1);
                }
                let object = kind.read_value(after).unwrap();
                self.settle(object);
                Ok(())
            }
            Verb::Delete { uid, grace, .. } => {
                let Some(found) = found else { return Err(refused(404, "NotFound", key)) };
                if uid.is_some() && *uid != found.metadata().uid {
                    return Err(refused(409, "Conflict", key));
                }
                let bound = matches!(&found, Object::Pod(pod)
                    if pod.node_name().is_some() && !is_finished(pod));
                let own = match &found {
                    Object::Pod(pod) => pod.spec().unwrap().termination_grace_period_seconds.unwrap_or(30),
                    _ => 0,
                };
                let grace = grace.unwrap_or(if bound { own } else { 0 });
                let earlier = found.metadata().deletion_grace_period_seconds;
                let grace = earlier.map_or(grace, |earlier| earlier.min(grace));
                let end = self.now + Duration::from_secs(grace.unsigned_abs());
                let object = found.with_metadata(|metadata| {
                    metadata.deletion_timestamp.get_or_insert(Time(end));
                    metadata.deletion_grace_period_seconds = Some(grace);
                });
                self.settle(object);
                Ok(())
            }
            Verb::Bind { node, .. } => {
                let Some(found) = found else { return Err(refused(404, "NotFound", key)) };
                let mut value = found.to_value().unwrap();
                assert!(value["spec"]["nodeName"].is_null(), "{key} is bound already");
                value["spec"]["nodeName"] = json!(node);
                let condition = json!({"type": "PodScheduled", "status": "True", "lastTransitionTime": self.now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()});
                value["status"]["conditions"] = json!([condition]);
                self.put(kind.read_value(value).unwrap());
                Ok(())
            }
            Verb::Evict { .. } => {
                let verb = Verb::Delete { uid: None, grace: None, propagation: None };
                self.write(&Action { kind, key: key.clone(), verb })
            }
            Verb::Outside { .. } => Ok(()),
            Verb::Record(note) => {
                self.journal.push(format!(
                    "{} event {} {}: {}",
                    self.now,
                    note.about.name.as_deref().unwrap_or_default(),
                    note.reason,
                    note.message
                ));
                self.notes.push(note.clone());
                Ok(())
            }
        }
    }

    /// Keeps an object, or takes it out if nothing holds it any more.
    fn settle(&mut self, object: Object) {
        let metadata = object.metadata();
        let held = metadata.finalizers.as_ref().is_some_and(|finalizers| !finalizers.is_empty());
        let has_time = metadata.deletion_grace_period_seconds.is_some_and(|seconds| seconds > 0);
        if metadata.deletion_timestamp.is_none() || held || has_time {
            self.put(object);
            return;
        }
        let (kind, key, uid) = (object.kind(), object.key(), metadata.uid.clone());
        self.version += 1;
        if let Some(change) = self.state.take(kind, &key, self.version) {
            self.tell(&change);
        }
        let dependents: Vec<(Kind, Key)> = Kind::ALL
            .iter()
            .flat_map(|kind| {
                let keys = self.state.owned(*kind, uid.as_deref().unwrap_or("none"));
                keys.map(|key| (*kind, key.clone())).collect::<Vec<_>>()
            })
            .collect();
        for (kind, key) in dependents {
            let verb = Verb::Delete { uid: None, grace: None, propagation: None };
            let _ = self.write(&Action { kind, key, verb });
        }
    }

    fn put(&mut self, object: Object) {
        self.version += 1;
        let version = self.version.to_string();
        let object = object.with_metadata(|metadata| metadata.resource_version = Some(version));
        if let Some(change) = self.state.put(object) {
            self.tell(&change);
        }
    }

    fn tell(&mut self, change: &Change) {
        let verb = match (&change.old, &change.new) {
            (None, _) => "added",
            (_, None) => "deleted",
            _ => "changed",
        };
        self.journal.push(format!("{} {verb} {} {}", self.now, change.kind.name(), change.key));
        for part in &mut self.parts {
            if part.kinds().contains(&change.kind) {
                part.observe(change, &self.state, self.now);
            }
        }
    }
}

/// Times lose their fractions on the wire.
fn reread(object: &Object) -> Object {
    object.kind().read_value(object.to_value().unwrap()).unwrap()
}

fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(fields) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = json!({});
    }
    for (name, value) in fields {
        if value.is_null() {
            target.as_object_mut().unwrap().remove(name);
        } else {
            merge(&mut target[name.as_str()], value);
        }
    }
}

/// Whether a pod has come to its end.
fn is_finished(pod: &Pod) -> bool {
    let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
    matches!(phase, Some("Succeeded" | "Failed"))
}

fn refused(code: u16, reason: &str, key: &Key) -> Refusal {
    Refusal { code, reason: reason.to_owned(), message: key.to_string() }
}
