//! The roll-ups of an hour or a day.

use std::sync::Arc;

use crate::interval::Interval;
use crate::ledger::PricedHour;
use crate::rollup::line::{RollLine, grouped, lines_of, merged};
use crate::rollup::packed::RollUp;

/// An hour's lines of workloads.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct HourRoll {
    /// Start of the hour.
    pub hour: i64,
    /// What of it is known.
    pub covered: Interval,
    /// Lines of workloads.
    pub lines: Arc<RollUp>,
}

/// The roll-ups of a stretch of hours.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Rolls {
    /// Lines of workloads, all hours added up.
    pub groups: RollUp,
    /// The same, hour by hour.
    pub hours: Vec<HourRoll>,
    /// Lines of containers, all hours added up.
    pub containers: RollUp,
}

/// Makes roll-ups, hour after hour.
#[derive(Debug, Default)]
pub(crate) struct RollBuilder {
    hours: Vec<HourRoll>,
    containers: Vec<RollLine>,
}

impl RollBuilder {
    /// Adds a priced hour.
    pub fn add(&mut self, hour: i64, document: &PricedHour) {
        let lines = lines_of(document);
        let roll =
            HourRoll { hour, covered: document.covered, lines: Arc::new(RollUp::pack(&grouped(&lines))) };
        self.add_rolled([roll], lines);
    }

    /// Adds hours that are rolled up already.
    pub fn add_rolled(&mut self, hours: impl IntoIterator<Item = HourRoll>, containers: Vec<RollLine>) {
        self.hours.extend(hours);
        self.containers = merged(std::mem::take(&mut self.containers), containers);
    }

    /// The roll-ups of all that was added.
    pub fn finish(self) -> Rolls {
        Rolls {
            groups: RollUp::pack(&grouped(&self.containers)),
            hours: self.hours,
            containers: RollUp::pack(&self.containers),
        }
    }
}
