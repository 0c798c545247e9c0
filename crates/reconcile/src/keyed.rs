//! A part that looks at one object at a time.

use std::time::Duration;

use jiff::Timestamp;

use crate::action::{Action, Verb};
use crate::mirror::{Change, Key, Kind, State};
use crate::outside::Answer;
use crate::part::{Outcome, Part};
use crate::queue::Queue;

/// What is to be done about one object.
#[derive(Debug, Default)]
pub struct Decision {
    /// The actions, in order.
    pub actions: Vec<Action>,
    /// When to look at it again though nothing changes.
    pub again: Option<Timestamp>,
}

impl Decision {
    /// Nothing is to be done.
    pub fn nothing() -> Self {
        Self::default()
    }

    /// These actions, and no look back.
    pub fn of(actions: Vec<Action>) -> Self {
        Self { actions, again: None }
    }

    /// Looks again at this moment, if no earlier one is wanted.
    pub fn look_again(&mut self, at: Timestamp) {
        self.again = Some(self.again.map_or(at, |known| known.min(at)));
    }
}

impl From<Vec<Action>> for Decision {
    fn from(actions: Vec<Action>) -> Self {
        Self::of(actions)
    }
}

/// A controller: a pure function from the state to what is to be done about one of its objects.
pub trait Controller: Send {
    /// The name of the part.
    const NAME: &'static str;
    /// The kinds it must see.
    const KINDS: &'static [Kind];

    /// Takes notice of a change, for what it remembers.
    fn observe(&mut self, change: &Change) {
        let _ = change;
    }

    /// The objects it must look at after a change.
    fn concerned(&self, change: &Change, state: &State) -> Vec<Key>;

    /// How long the objects that a change concerns may wait, so that changes that come one after the other are looked at
    /// together.
    fn patience(&self, change: &Change) -> Duration {
        let _ = change;
        Duration::ZERO
    }

    /// What is to be done about one.
    fn decide(&mut self, key: &Key, state: &State, now: Timestamp) -> Decision;

    /// Takes in what came of a request to the outside. Returns the objects to look at now.
    fn answered(&mut self, ticket: u64, answer: Answer, state: &State, now: Timestamp) -> Vec<Key> {
        let _ = (ticket, answer, state, now);
        Vec::new()
    }
}

/// How many objects are looked at before others have their turn.
const PORTION: usize = 64;

/// A controller with its queue: a part.
#[derive(Debug)]
pub struct Keyed<C> {
    controller: C,
    queue: Queue,
    /// The object that each of the actions under way is about, in their order.
    under_way: std::collections::VecDeque<(Key, bool)>,
}

impl<C: Controller> Keyed<C> {
    /// The part of a controller.
    pub fn new(controller: C) -> Self {
        Self { controller, queue: Queue::default(), under_way: std::collections::VecDeque::new() }
    }
}

impl<C: Controller> Part for Keyed<C> {
    fn name(&self) -> &'static str {
        C::NAME
    }

    fn kinds(&self) -> &'static [Kind] {
        C::KINDS
    }

    fn observe(&mut self, change: &Change, state: &State, now: Timestamp) {
        self.controller.observe(change);
        let patience = self.controller.patience(change);
        for key in self.controller.concerned(change, state) {
            if patience.is_zero() {
                self.queue.add(key);
            } else {
                self.queue.add_at(key, now + patience);
            }
        }
    }

    fn step(&mut self, state: &State, now: Timestamp) -> Vec<Action> {
        let mut actions = Vec::new();
        self.under_way.clear();
        for _ in 0..PORTION {
            let Some(key) = self.queue.next(now) else { break };
            let decision = self.controller.decide(&key, state, now);
            if let Some(again) = decision.again {
                self.queue.add_at(key.clone(), again);
            }
            if decision.actions.is_empty() {
                self.queue.succeeded(&key);
            }
            let last = decision.actions.len();
            for (position, action) in decision.actions.into_iter().enumerate() {
                self.under_way.push_back((key.clone(), position + 1 == last));
                actions.push(action);
            }
        }
        actions
    }

    fn done(&mut self, action: &Action, outcome: &Outcome, _: &State, now: Timestamp) {
        let Some((key, last)) = self.under_way.pop_front() else { return };
        match outcome {
            // what the action changed comes as a change of its own
            Ok(()) if last => self.queue.succeeded(&key),
            Ok(()) => {}
            Err(_) if matches!(action.verb, Verb::Record(_)) => {}
            Err(_) => self.queue.failed(key, now),
        }
    }

    fn answered(&mut self, ticket: u64, answer: Answer, state: &State, now: Timestamp) {
        for key in self.controller.answered(ticket, answer, state, now) {
            self.queue.add(key);
        }
    }

    fn wake(&self) -> Option<Timestamp> {
        self.queue.wake()
    }
}
