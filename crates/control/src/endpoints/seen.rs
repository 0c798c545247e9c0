//! What the endpoints look at.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use supercargo_clock::{Clock, Time};
use supercargo_reconcile::View;

use super::explanation::{ExplanationQuery, Question};
use crate::cluster::inputs;
use crate::controllers::Controllers;
use crate::knowledge::Knowledge;
use crate::metrics::{Exposition, Observed, ProcessFacts};

/// What is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EndpointsOptions {
    /// Whether there are gauges of pods, nodes and NodePools.
    pub cluster_state: bool,
    /// Whether there are gauges of every single pod.
    pub every_pod: bool,
}

/// What the endpoints look at. It is there before the controllers run and after they have ended.
pub struct Endpoints {
    pub(super) knowledge: Arc<Knowledge>,
    time: Time,
    options: EndpointsOptions,
    leading: Mutex<Option<Leading>>,
}

/// What is seen of a process that leads.
#[derive(Clone)]
struct Leading {
    view: View,
    since: Timestamp,
}

impl Endpoints {
    /// Endpoints of a process that does not lead yet.
    pub fn new(knowledge: Arc<Knowledge>, time: Time, options: EndpointsOptions) -> Arc<Self> {
        Arc::new(Self { knowledge, time, options, leading: Mutex::new(None) })
    }

    /// The process leads: these are its controllers.
    pub fn lead(&self, controllers: &Controllers) {
        let leading = Leading { view: controllers.running().view(), since: self.time.now() };
        *self.leading.lock().unwrap_or_else(PoisonError::into_inner) = Some(leading);
    }

    fn leading(&self) -> Option<Leading> {
        // the value is replaced whole
        self.leading.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What is seen of the controllers, if the process leads.
    pub(super) fn view(&self) -> Option<View> {
        self.leading().map(|leading| leading.view)
    }

    /// Writes everything for Prometheus.
    pub fn metrics(&self, mut out: Exposition) -> Exposition {
        let metrics = &self.knowledge.metrics;
        let now = self.time.now();
        let observed = self.leading().filter(|_| self.options.cluster_state).map(|leading| {
            let observed = Observed::of(&leading.view);
            let unsynced = Duration::try_from(now.duration_since(leading.since)).unwrap_or_default();
            observed.note_state(unsynced, metrics);
            let inputs = leading.view.ask(|state| inputs(state, &self.knowledge, now));
            observed.note_market(&inputs.market(), metrics);
            observed
        });
        metrics.write(&mut out);
        if let Some(observed) = observed {
            observed.write(metrics, self.options.every_pod, now, &mut out);
        }
        if let Some(facts) = ProcessFacts::read() {
            facts.write(&mut out);
        }
        out
    }

    /// A question with what it takes to answer it; nothing if the process does not lead.
    pub(super) fn question(&self, query: ExplanationQuery) -> Option<Question> {
        let now = self.time.now();
        let inputs = self.view()?.ask(|state| inputs(state, &self.knowledge, now));
        Some(Question { query, inputs, knowledge: Arc::clone(&self.knowledge), now })
    }

    /// Whether work can be expected of the process, or why not.
    ///
    /// # Errors
    ///
    /// A sentence that says what is missing.
    pub fn readiness(&self) -> Result<&'static str, &'static str> {
        match self.view() {
            None => Ok("waiting for the lease"),
            Some(view) if view.is_filled() => Ok("ok"),
            Some(_) => Err("the cluster has not been listed completely yet"),
        }
    }
}
