//! Sees every change and every write of the controllers.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use supercargo_reconcile::{Action, Change, Kind, Object, Outcome, Part, State};

use super::{Census, Lives, Log};
use crate::invariants::{Checks, Violation};
use crate::world::{Audit, Observers};

/// The beginning of a write's body that is logged, in characters.
const LOGGED_BODY: usize = 400;

/// What was seen so far.
#[derive(Debug)]
pub struct Seen {
    /// The lives of pods.
    pub lives: Lives,
    /// What happened.
    pub log: Log,
    /// How many there are now.
    pub census: Census,
    /// Nodes that ever were.
    pub nodes_made: usize,
    /// The invariants.
    pub checks: Checks,
}

/// A part that sees everything and does nothing.
pub struct Observer {
    seen: Arc<Mutex<Seen>>,
}

/// Observers of a run that begins, and what they see. The log keeps its lines if it is told to.
pub fn observers(keep_log: bool) -> (Observers, Arc<Mutex<Seen>>) {
    let seen = Arc::new(Mutex::new(Seen {
        lives: Lives::default(),
        log: Log::new(keep_log),
        census: Census::default(),
        nodes_made: 0,
        checks: Checks::default(),
    }));
    let auditing = Arc::clone(&seen);
    let auditor = Arc::new(move |audit: &Audit, state: &State| lock(&auditing).audit(audit, state));
    (Observers { part: Box::new(Observer { seen: Arc::clone(&seen) }), auditor }, seen)
}

/// What was seen, locked. Whoever needs the state of the cluster, too, locks that first.
pub(crate) fn lock<T>(seen: &Mutex<T>) -> MutexGuard<'_, T> {
    // a change is taken in whole or not at all
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Seen {
    fn change(&mut self, change: &Change, state: &State, now: Timestamp) {
        let verb = match (&change.old, &change.new) {
            (None, _) => "added",
            (_, None) => "gone",
            _ => "changed",
        };
        let version = change.new.as_ref().and_then(|new| new.metadata().resource_version.clone());
        let version = version.unwrap_or_default();
        self.log.add(now, format_args!("{verb} {} {} {version}", change.kind.name(), change.key));
        self.census.change(change);
        match (&change.new, &change.old) {
            (Some(Object::Pod(pod)), _) => self.lives.see(pod, now),
            (None, Some(Object::Pod(pod))) => self.lives.forget(pod),
            (Some(Object::Node(_)), None) => self.nodes_made += 1,
            _ => {}
        }
        self.checks.change(change, state, now);
    }

    fn audit(&mut self, audit: &Audit, state: &State) {
        let body: String = audit.body.to_string().chars().take(LOGGED_BODY).collect();
        let (method, path, status) = (&audit.method, &audit.path, audit.status.as_u16());
        self.log.add(audit.at, format_args!("{method} {path} {status} {body}"));
        self.checks.audit(audit, state);
    }

    /// What was wrong so far.
    pub fn violations(&self) -> &[Violation] {
        self.checks.violations()
    }
}

impl Part for Observer {
    fn name(&self) -> &'static str {
        "observer"
    }

    fn kinds(&self) -> &'static [Kind] {
        &[
            Kind::Pod,
            Kind::Node,
            Kind::NodeClaim,
            Kind::NodePool,
            Kind::EC2NodeClass,
            Kind::PodDisruptionBudget,
        ]
    }

    fn observe(&mut self, change: &Change, state: &State, now: Timestamp) {
        lock(&self.seen).change(change, state, now);
    }

    fn step(&mut self, _: &State, _: Timestamp) -> Vec<Action> {
        Vec::new()
    }

    fn done(&mut self, _: &Action, _: &Outcome, _: &State, _: Timestamp) {}

    fn wake(&self) -> Option<Timestamp> {
        None
    }
}
