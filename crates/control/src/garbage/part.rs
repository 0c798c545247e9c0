//! The loop that looks for what has lost its other half.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use supercargo_cloud::{InstanceQuery, InstanceState, Tags, tags};
use supercargo_reconcile::{Action, Answer, Change, Key, Kind, Outcome, Part, State};

use super::decide::{Seen, Waste, waste};
use crate::journal::{Entry, EntryKind, Subject};
use crate::knowledge::Knowledge;
use crate::lifecycle::{capacity_type, node_pool_of};
use crate::outside::{CloudAnswer, CloudRequest};

/// How often the cloud is asked at the beginning, and after a call that failed.
const OFTEN: Duration = Duration::from_secs(10);
/// How often it is asked later.
const SELDOM: Duration = Duration::from_secs(2 * 60);
/// Answers after which the beginning is over.
const BEGINNING: u32 = 20;
/// A call to end an instance is not made again within this time.
const PATIENCE: Duration = Duration::from_secs(60);

/// Looks for claims without an instance and instances without a claim.
pub struct Garbage {
    knowledge: Arc<Knowledge>,
    next: Timestamp,
    answers: u32,
    last_ticket: u64,
    /// The ticket of the question under way, and when it was asked.
    question: Option<(u64, Timestamp)>,
    seen: Option<Seen>,
    /// Instances that were told to end, and when.
    told: BTreeMap<String, Timestamp>,
}

impl Garbage {
    /// A part that has seen nothing yet. It asks at once.
    pub fn new(knowledge: Arc<Knowledge>) -> Self {
        Self {
            knowledge,
            next: Timestamp::MIN,
            answers: 0,
            last_ticket: 0,
            question: None,
            seen: None,
            told: BTreeMap::new(),
        }
    }

    fn ticket(&mut self) -> u64 {
        self.last_ticket += 1;
        self.last_ticket
    }

    /// All instances of the cluster that have not ended, those of standalone claims among them.
    fn query(&self) -> InstanceQuery {
        let of = Tags::from([
            (tags::EKS_CLUSTER.to_owned(), self.knowledge.cluster.name.clone()),
            (tags::NODE_CLASS.to_owned(), "*".to_owned()),
        ]);
        let states =
            InstanceState::ALL.into_iter().filter(|state| *state != InstanceState::Terminated).collect();
        InstanceQuery { ids: Vec::new(), tags: of, states }
    }

    fn clean(&mut self, seen: &Seen, state: &State, now: Timestamp) -> Vec<Action> {
        let mut actions = Vec::new();
        let mut doomed = Vec::new();
        self.told.retain(|_, at| now < *at + PATIENCE);
        for waste in waste(seen, state) {
            match waste {
                Waste::Claim(key) => {
                    let Some(claim) = state.node_claims.get(&key) else { continue };
                    let pool = node_pool_of(claim).unwrap_or_default();
                    let metrics = &self.knowledge.metrics;
                    metrics.node_claim_disrupted(pool, capacity_type(claim), "garbage_collected");
                    self.knowledge.journal.record(Entry::new(
                        now,
                        EntryKind::Garbage,
                        Subject::of(&**claim),
                        "deleted it: its instance is gone",
                    ));
                    tracing::info!(node_claim = %key, "instance of the node claim is gone");
                    actions.push(Action::delete(Kind::NodeClaim, &**claim));
                }
                Waste::Instance { id, provider_id } => {
                    if self.told.insert(id.clone(), now).is_some() {
                        continue;
                    }
                    let nodes = state.nodes_of_instance(&provider_id);
                    let staying = nodes.filter(|(_, node)| node.metadata.deletion_timestamp.is_none());
                    actions.extend(staying.map(|(_, node)| Action::delete(Kind::Node, &**node)));
                    let subject =
                        Subject { kind: "Instance".to_owned(), namespace: String::new(), name: id.clone() };
                    self.knowledge.journal.record(Entry::new(
                        now,
                        EntryKind::Garbage,
                        subject,
                        "ended it: no node claim knows this instance",
                    ));
                    tracing::info!(instance = id, "no node claim knows the instance");
                    doomed.push(id);
                }
            }
        }
        // one that does not exist any more would make a call for many fail as a whole
        for id in doomed {
            let ticket = self.ticket();
            let request = CloudRequest::TerminateInstances(vec![id.clone()]);
            actions.push(Action::ask(Kind::Node, Key::cluster(id), ticket, request));
        }
        actions
    }
}

impl Part for Garbage {
    fn name(&self) -> &'static str {
        "garbage"
    }

    fn kinds(&self) -> &'static [Kind] {
        &[Kind::NodeClaim, Kind::Node]
    }

    fn observe(&mut self, _: &Change, _: &State, _: Timestamp) {}

    fn step(&mut self, state: &State, now: Timestamp) -> Vec<Action> {
        if let Some(seen) = self.seen.take() {
            return self.clean(&seen, state, now);
        }
        if self.question.is_some() || now < self.next {
            return Vec::new();
        }
        let ticket = self.ticket();
        self.question = Some((ticket, now));
        let request = CloudRequest::DescribeInstances(self.query());
        vec![Action::ask(Kind::NodeClaim, Key::cluster(""), ticket, request)]
    }

    fn done(&mut self, _: &Action, _: &Outcome, _: &State, _: Timestamp) {}

    fn answered(&mut self, ticket: u64, answer: Answer, _: &State, now: Timestamp) {
        let answer = answer.downcast::<CloudAnswer>().map(|answer| *answer);
        let Some((_, asked_at)) = self.question.filter(|(asked, _)| *asked == ticket) else {
            if let Ok(CloudAnswer::Terminated(Err(problem))) = answer
                && !problem.is_not_found()
            {
                tracing::warn!(%problem, "an instance that no node claim knows could not be ended");
            }
            return;
        };
        self.question = None;
        self.next = now + OFTEN;
        match answer {
            Ok(CloudAnswer::Instances(Ok(instances))) => {
                self.answers = self.answers.saturating_add(1);
                if self.answers >= BEGINNING {
                    self.next = now + SELDOM;
                }
                self.seen = Some(Seen { instances, asked_at });
            }
            Ok(CloudAnswer::Instances(Err(problem))) => {
                tracing::debug!(%problem, "instances could not be listed");
            }
            _ => {}
        }
    }

    fn wake(&self) -> Option<Timestamp> {
        if self.seen.is_some() {
            return Some(Timestamp::MIN);
        }
        self.question.is_none().then_some(self.next)
    }
}
