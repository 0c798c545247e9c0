//! The part that asks EC2 how instances are: failed checks and scheduled events. It needs no queue.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use supercargo_reconcile::{Action, Answer, Change, Key, Kind, Object, Outcome, Part, State};

use super::notice::{End, announce, claims_by_instance, count, of_status};
use crate::knowledge::Knowledge;
use crate::outside::{CloudAnswer, CloudRequest};
use crate::said::Said;
use crate::termination::end_by_force;

/// How often EC2 is asked (reference section 5.7).
const PERIOD: Duration = Duration::from_secs(60);
/// The time until a claim is tried again that could not be ended.
const AGAIN: Duration = Duration::from_secs(1);

/// Ends claims whose instances are not well.
pub struct InstanceStatuses {
    knowledge: Arc<Knowledge>,
    /// Claims that have to end.
    ending: BTreeMap<Key, (End, &'static str)>,
    asked: Option<u64>,
    next: Option<Timestamp>,
    again: Option<Timestamp>,
    tickets: u64,
    notes: Vec<Action>,
    said: Said,
    under_way: VecDeque<Option<Key>>,
}

impl InstanceStatuses {
    /// The part.
    pub fn new(knowledge: Arc<Knowledge>) -> InstanceStatuses {
        InstanceStatuses {
            knowledge,
            ending: BTreeMap::new(),
            asked: None,
            next: None,
            again: None,
            tickets: 0,
            notes: Vec::new(),
            said: Said::default(),
            under_way: VecDeque::new(),
        }
    }
}

impl Part for InstanceStatuses {
    fn name(&self) -> &'static str {
        "instance-status"
    }

    fn kinds(&self) -> &'static [Kind] {
        &[Kind::NodeClaim, Kind::Node]
    }

    fn observe(&mut self, change: &Change, _: &State, now: Timestamp) {
        // without claims nobody is asked
        if self.next.is_none() && matches!(change.new, Some(Object::NodeClaim(_))) {
            self.next = now.checked_add(PERIOD).ok();
        }
        if self.ending.contains_key(&change.key) {
            self.again = Some(Timestamp::MIN);
        }
    }

    fn step(&mut self, state: &State, now: Timestamp) -> Vec<Action> {
        self.under_way.clear();
        let mut actions = std::mem::take(&mut self.notes);
        self.under_way.extend(actions.iter().map(|_| None));
        self.again = None;
        let leaves = |key: &Key| {
            state.node_claims.get(key).is_none_or(|claim| claim.metadata.deletion_timestamp.is_some())
        };
        self.ending.retain(|key, _| !leaves(key));
        for (key, (end, _)) in &self.ending {
            let Some(claim) = state.node_claims.get(key) else { continue };
            let action = match end {
                End::Forced => end_by_force(claim, now),
                _ => Some(Action::delete(Kind::NodeClaim, &**claim)),
            };
            actions.extend(action);
            self.under_way.push_back(Some(key.clone()));
        }
        if !self.ending.is_empty() {
            self.again = now.checked_add(AGAIN).ok();
        }
        if self.asked.is_none() && self.next.is_some_and(|next| next <= now) {
            if state.node_claims.is_empty() {
                self.next = None;
            } else {
                self.next = now.checked_add(PERIOD).ok();
                self.tickets += 1;
                self.asked = Some(self.tickets);
                let request = CloudRequest::DescribeInstanceStatus;
                actions.push(Action::ask(Kind::NodeClaim, Key::cluster("status"), self.tickets, request));
                self.under_way.push_back(None);
            }
        }
        actions
    }

    fn done(&mut self, _: &Action, outcome: &Outcome, state: &State, _: Timestamp) {
        let Some(Some(key)) = self.under_way.pop_front() else { return };
        if outcome.is_err() {
            return;
        }
        self.again = Some(Timestamp::MIN);
        let Some((_, label)) = self.ending.get(&key) else { return };
        let Some(claim) = state.node_claims.get(&key) else { return };
        if claim.metadata.deletion_timestamp.is_some() {
            count(&self.knowledge, claim, label);
        }
    }

    fn answered(&mut self, ticket: u64, answer: Answer, state: &State, now: Timestamp) {
        if self.asked.take_if(|known| *known == ticket).is_none() {
            return;
        }
        let Ok(answer) = answer.downcast::<CloudAnswer>() else { return };
        let statuses = match *answer {
            CloudAnswer::Statuses(Ok(statuses)) => statuses,
            CloudAnswer::Statuses(Err(error)) => {
                tracing::warn!(%error, "EC2 does not say how instances are");
                return;
            }
            _ => return,
        };
        let claims = claims_by_instance(state);
        for status in statuses {
            let Some(notice) = of_status(&status, now) else { continue };
            let Some(claim) = claims.get(&status.id).and_then(|key| state.node_claims.get(key)) else {
                continue;
            };
            if claim.metadata.deletion_timestamp.is_some() {
                continue;
            }
            self.knowledge.metrics.instance_unhealthy(notice.label);
            self.notes.extend(announce(&self.knowledge, &mut self.said, state, claim, &notice, now));
            self.ending.insert(Key::of(&claim.metadata), (notice.end, notice.label));
            self.again = Some(Timestamp::MIN);
        }
    }

    fn wake(&self) -> Option<Timestamp> {
        if !self.notes.is_empty() {
            return Some(Timestamp::MIN);
        }
        let ask = self.next.filter(|_| self.asked.is_none());
        [ask, self.again].into_iter().flatten().min()
    }
}
