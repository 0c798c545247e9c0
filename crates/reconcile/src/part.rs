//! A part of the control plane: it watches the state and says what is to be done.

use jiff::Timestamp;

use crate::action::Action;
use crate::mirror::{Change, Kind, State};
use crate::outside::Answer;

/// A part of the control plane, as a machine without IO: changes and time go in, actions come out.
///
/// ```text
/// Change ──observe──> what is to be looked at ──step──> [Action] ──(performed)──> done
/// ```
pub trait Part: Send {
    /// Its name, as `--parts` has it.
    fn name(&self) -> &'static str;

    /// The kinds it must see.
    fn kinds(&self) -> &'static [Kind];

    /// Takes notice of a change.
    fn observe(&mut self, change: &Change, state: &State, now: Timestamp);

    /// Decides. It is asked again at once if it returned actions, so it may do its work in portions.
    fn step(&mut self, state: &State, now: Timestamp) -> Vec<Action>;

    /// Learns how an action went; the state has what came of it.
    fn done(&mut self, action: &Action, outcome: &Outcome, state: &State, now: Timestamp);

    /// Learns what came of a request to the outside.
    fn answered(&mut self, ticket: u64, answer: Answer, state: &State, now: Timestamp) {
        let _ = (ticket, answer, state, now);
    }

    /// When it wants to decide next if nothing changes.
    fn wake(&self) -> Option<Timestamp>;
}

/// How an action went.
pub type Outcome = Result<(), Refusal>;

/// Why the API server did not do what was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message} ({code} {reason})")]
pub struct Refusal {
    /// The HTTP status; zero if there was no answer.
    pub code: u16,
    /// The machine's word, such as `Conflict`.
    pub reason: String,
    /// The server's sentence.
    pub message: String,
}

impl Refusal {
    /// Whether the object is not there.
    pub fn is_not_found(&self) -> bool {
        self.code == 404
    }

    /// Whether an object of that name is there already.
    pub fn already_exists(&self) -> bool {
        self.reason == "AlreadyExists"
    }

    /// Whether a disruption budget stands against an eviction, or too much is asked at once.
    pub fn is_too_many(&self) -> bool {
        self.code == 429
    }

    /// Whether the object changed meanwhile.
    pub fn is_conflict(&self) -> bool {
        self.code == 409 && !self.already_exists()
    }
}
