//! Parts that wait while another autoscaler works.

use std::sync::Arc;

use jiff::Timestamp;
use supercargo_reconcile::{Action, Answer, Change, Kind, Outcome, Part, State};

use crate::knowledge::Knowledge;

/// A part that takes notice of everything but decides nothing while another autoscaler works.
pub struct Paused {
    part: Box<dyn Part>,
    knowledge: Arc<Knowledge>,
}

impl Paused {
    /// The part, which waits when it has to.
    pub fn new(part: Box<dyn Part>, knowledge: Arc<Knowledge>) -> Self {
        Self { part, knowledge }
    }
}

impl Part for Paused {
    fn name(&self) -> &'static str {
        self.part.name()
    }

    fn kinds(&self) -> &'static [Kind] {
        self.part.kinds()
    }

    fn observe(&mut self, change: &Change, state: &State, now: Timestamp) {
        self.part.observe(change, state, now);
    }

    fn step(&mut self, state: &State, now: Timestamp) -> Vec<Action> {
        if self.knowledge.is_paused() { Vec::new() } else { self.part.step(state, now) }
    }

    fn done(&mut self, action: &Action, outcome: &Outcome, state: &State, now: Timestamp) {
        self.part.done(action, outcome, state, now);
    }

    fn answered(&mut self, ticket: u64, answer: Answer, state: &State, now: Timestamp) {
        self.part.answered(ticket, answer, state, now);
    }

    fn wake(&self) -> Option<Timestamp> {
        if self.knowledge.is_paused() { None } else { self.part.wake() }
    }
}
