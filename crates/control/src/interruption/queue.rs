//! The part that takes messages from the interruption queue.
//!
//! A message is deleted once the claims it is about are being deleted. Until then it comes again, so that nothing is lost if
//! the process ends meanwhile.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use supercargo_cloud::event::Event;
use supercargo_cloud::{QueueMessage, ReceiveRequest};
use supercargo_reconcile::{Action, Answer, Change, Key, Kind, Outcome, Part, State};

use super::notice::{End, announce, claims_by_instance, count, of_message, put_aside, since};
use crate::knowledge::Knowledge;
use crate::outside::{CloudAnswer, CloudRequest};
use crate::said::Said;

/// The shortest time between two questions if the queue is empty: it should have waited itself.
const EMPTY: Duration = Duration::from_secs(1);
/// The time after a question that failed.
const FAILED: Duration = Duration::from_secs(5);
/// The time until a claim is tried again that could not be deleted.
const AGAIN: Duration = Duration::from_secs(1);

/// A message that is not dealt with yet.
#[derive(Debug)]
struct Taken {
    receipt: String,
    /// Claims that have to be deleted before it is.
    claims: BTreeSet<Key>,
    label: &'static str,
}

/// Takes messages and deletes the claims they are about.
pub struct Interruptions {
    knowledge: Arc<Knowledge>,
    taken: BTreeMap<String, Taken>,
    /// The question that is under way.
    asked: Option<(u64, Timestamp)>,
    next: Timestamp,
    /// When claims that could not be deleted are tried again.
    again: Option<Timestamp>,
    tickets: u64,
    notes: Vec<Action>,
    said: Said,
    under_way: VecDeque<Option<(Key, &'static str)>>,
}

impl Interruptions {
    /// The part.
    pub fn new(knowledge: Arc<Knowledge>) -> Interruptions {
        Interruptions {
            knowledge,
            taken: BTreeMap::new(),
            asked: None,
            next: Timestamp::MIN,
            again: None,
            tickets: 0,
            notes: Vec::new(),
            said: Said::default(),
            under_way: VecDeque::new(),
        }
    }

    fn has_queue(&self) -> bool {
        self.knowledge.settings.interruption_queue.is_some()
    }

    fn ask(&mut self, request: CloudRequest) -> Action {
        self.tickets += 1;
        Action::ask(Kind::NodeClaim, Key::cluster("interruption"), self.tickets, request)
    }

    fn take(&mut self, message: QueueMessage, claims: &BTreeMap<String, Key>, state: &State, now: Timestamp) {
        if let Some(known) = self.taken.get_mut(&message.message_id) {
            // it came again before it was dealt with
            known.receipt = message.receipt;
            return;
        }
        let mut taken = Taken { receipt: message.receipt, claims: BTreeSet::new(), label: "no_op" };
        match Event::parse(&message.body) {
            Err(error) => {
                tracing::warn!(%error, "a message of the interruption queue is not understood and deleted")
            }
            Ok(event) => {
                let notice = of_message(&event.kind, self.knowledge.settings.drain_on_rebalance);
                self.knowledge.metrics.interruption_received(notice.label, since(event.time, now));
                taken.label = notice.label;
                for id in event.kind.instance_ids() {
                    let Some(claim) = claims.get(id).and_then(|key| state.node_claims.get(key)) else {
                        continue;
                    };
                    put_aside(&self.knowledge, &event.kind, claim, now);
                    self.notes.extend(announce(&self.knowledge, &mut self.said, state, claim, &notice, now));
                    if notice.end != End::Not {
                        taken.claims.insert(Key::of(&claim.metadata));
                    }
                }
            }
        }
        self.taken.insert(message.message_id, taken);
    }
}

impl Part for Interruptions {
    fn name(&self) -> &'static str {
        "interruption"
    }

    fn kinds(&self) -> &'static [Kind] {
        &[Kind::NodeClaim, Kind::Node]
    }

    fn observe(&mut self, _: &Change, _: &State, _: Timestamp) {}

    fn step(&mut self, state: &State, now: Timestamp) -> Vec<Action> {
        self.under_way.clear();
        if !self.has_queue() {
            return Vec::new();
        }
        let mut actions: Vec<Action> = Vec::new();
        self.again = None;
        let mut dealt_with = Vec::new();
        let mut told: BTreeSet<Key> = BTreeSet::new();
        for (id, taken) in &self.taken {
            let mut is_done = true;
            for key in &taken.claims {
                let Some(claim) = state.node_claims.get(key) else { continue };
                if claim.metadata.deletion_timestamp.is_none() {
                    is_done = false;
                    if told.insert(key.clone()) {
                        actions.push(Action::delete(Kind::NodeClaim, &**claim));
                        self.under_way.push_back(Some((key.clone(), taken.label)));
                    }
                }
            }
            if is_done {
                dealt_with.push(id.clone());
            }
        }
        if !told.is_empty() {
            self.again = Some(later(now, AGAIN));
        }
        for id in dealt_with {
            if let Some(taken) = self.taken.remove(&id) {
                actions.push(self.ask(CloudRequest::DeleteMessage(taken.receipt)));
                self.under_way.push_back(None);
                self.knowledge.metrics.interruption_deleted();
            }
        }
        if self.asked.is_none() && self.next <= now {
            let action = self.ask(CloudRequest::ReceiveMessages(ReceiveRequest::default()));
            self.asked = Some((self.tickets, now));
            actions.push(action);
            self.under_way.push_back(None);
        }
        for note in self.notes.drain(..) {
            actions.push(note);
            self.under_way.push_back(None);
        }
        actions
    }

    fn done(&mut self, _: &Action, outcome: &Outcome, state: &State, _: Timestamp) {
        let Some(Some((key, label))) = self.under_way.pop_front() else { return };
        match outcome {
            Ok(()) => {
                if let Some(claim) = state.node_claims.get(&key) {
                    count(&self.knowledge, claim, label);
                }
                // the message can go now
                self.again = Some(Timestamp::MIN);
            }
            Err(refusal) => tracing::debug!(node_claim = %key, %refusal, "not deleted yet"),
        }
    }

    fn answered(&mut self, ticket: u64, answer: Answer, state: &State, now: Timestamp) {
        let answer = answer.downcast::<CloudAnswer>();
        if self.asked.is_none_or(|(known, _)| known != ticket) {
            if let Ok(answer) = answer
                && let CloudAnswer::Done(Err(error)) = *answer
            {
                tracing::debug!(%error, "a message could not be deleted; it comes again");
            }
            return;
        }
        let asked_at = self.asked.take().map_or(now, |(_, at)| at);
        match answer.map(|answer| *answer) {
            Ok(CloudAnswer::Messages(Ok(messages))) => {
                let is_empty = messages.is_empty();
                let claims = if is_empty { BTreeMap::new() } else { claims_by_instance(state) };
                for message in messages {
                    self.take(message, &claims, state, now);
                }
                self.next = if is_empty { later(asked_at, EMPTY) } else { now };
            }
            Ok(CloudAnswer::Messages(Err(error))) => {
                tracing::warn!(%error, "the interruption queue does not answer, again in 5 s");
                self.next = later(now, FAILED);
            }
            _ => self.next = later(now, FAILED),
        }
    }

    fn wake(&self) -> Option<Timestamp> {
        if !self.has_queue() {
            return None;
        }
        if !self.notes.is_empty() || self.taken.values().any(|taken| taken.claims.is_empty()) {
            return Some(Timestamp::MIN);
        }
        let ask = self.asked.is_none().then_some(self.next);
        // claims of a message are looked at as soon as it was taken, then again and again until they are being deleted
        let claims = (!self.taken.is_empty()).then(|| self.again.unwrap_or(Timestamp::MIN));
        [ask, claims].into_iter().flatten().min()
    }
}

fn later(now: Timestamp, wait: Duration) -> Timestamp {
    now.checked_add(wait).unwrap_or(Timestamp::MAX)
}
