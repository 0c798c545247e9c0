//! The events of the script, as the market feels them.

use std::time::Duration;

use jiff::Timestamp;
use supercargo_catalog::CapacityType;
use supercargo_cloud::Action;
use supercargo_cloud::selector::glob;

use crate::{Effect, ScriptEvent};

/// Events with the moment each begins for the first time.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shocks {
    events: Vec<(Timestamp, ScriptEvent)>,
    /// When each of them last struck.
    struck: Vec<Option<Timestamp>>,
}

impl Shocks {
    /// Adds events to a region that is at `now`; times are counted from `start`. What began before `now` begins now.
    pub(crate) fn add(&mut self, events: Vec<ScriptEvent>, start: Timestamp) {
        self.events.extend(events.into_iter().map(|event| (event.first(start), event)));
        self.struck.resize(self.events.len(), None);
    }

    fn holding(&self, now: Timestamp) -> impl Iterator<Item = &ScriptEvent> {
        self.events.iter().filter(move |(first, event)| event.holds(*first, now)).map(|(_, event)| event)
    }

    /// What is left of a depth: factors first, then the last of the given depths.
    pub(crate) fn depth(
        &self,
        type_name: &str,
        zone: &str,
        capacity_type: CapacityType,
        undisturbed: f64,
        now: Timestamp,
    ) -> u32 {
        let mut depth = undisturbed;
        let mut given = None;
        for event in self.holding(now) {
            match &event.effect {
                Effect::Depth(count) if event.scope.covers(type_name, zone, capacity_type) => {
                    given = Some(*count);
                }
                Effect::DepthFactor(factor) if event.scope.covers(type_name, zone, capacity_type) => {
                    depth *= factor;
                }
                _ => {}
            }
        }
        // a float-to-integer cast saturates
        given.unwrap_or_else(|| depth.max(0.0) as u32)
    }

    /// By how much a price is multiplied.
    pub(crate) fn price_factor(
        &self,
        type_name: &str,
        zone: &str,
        capacity_type: CapacityType,
        now: Timestamp,
    ) -> f64 {
        let mut factor = 1.0;
        for event in self.holding(now) {
            match &event.effect {
                Effect::PriceFactor(times) if event.scope.covers(type_name, zone, capacity_type) => {
                    factor *= times;
                }
                _ => {}
            }
        }
        factor
    }

    /// Whether the cluster is shifted away from a zone.
    pub(crate) fn is_shifted(&self, zone: &str, now: Timestamp) -> bool {
        let covers =
            |event: &ScriptEvent| event.scope.zone.as_deref().is_none_or(|pattern| glob(pattern, zone));
        self.holding(now).any(|event| event.effect == Effect::ShiftZone && covers(event))
    }

    /// The calls that fail now: how often and with which code.
    pub(crate) fn faults(&self, action: Action, now: Timestamp) -> Vec<(f64, String)> {
        let fault = |event: &ScriptEvent| match &event.effect {
            Effect::Fault { action: which, rate, code } if which.is_none_or(|which| which == action) => {
                Some((*rate, code.clone()))
            }
            _ => None,
        };
        self.holding(now).filter_map(fault).collect()
    }

    /// The events that begin at this very moment, each once.
    pub(crate) fn beginning(&mut self, now: Timestamp) -> Vec<ScriptEvent> {
        let mut beginning = Vec::new();
        for ((first, event), struck) in self.events.iter().zip(&mut self.struck) {
            let Ok(since) = Duration::try_from(now.duration_since(*first)) else { continue };
            let begins = match event.every {
                Some(every) if !every.is_zero() => since.as_nanos() % every.as_nanos() == 0,
                _ => since.is_zero(),
            };
            if begins && *struck != Some(now) {
                *struck = Some(now);
                beginning.push(event.clone());
            }
        }
        beginning
    }

    /// The next moment after `now` at which an event begins or ends.
    pub(crate) fn next_edge(&self, now: Timestamp) -> Option<Timestamp> {
        self.events
            .iter()
            .filter_map(|(first, event)| event.next_edge(*first, now))
            .filter(|edge| *edge > now)
            .min()
    }
}
