//! What came of a run.

use jiff::Timestamp;
use serde::Serialize;
use supercargo_catalog::CapacityType;
use supercargo_cloud_sim::Bill;

use crate::invariants::Violation;
use crate::observing::{Latencies, Sample};

/// What came of a run.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Outcome {
    /// The scenario's name.
    pub scenario: String,
    /// What it is about.
    pub description: String,
    /// What decided everything that happened by chance.
    pub seed: u64,
    /// When it began.
    pub start: Timestamp,
    /// Seconds it took, in its own time.
    pub seconds: u64,
    /// From a pod's creation to its running.
    pub latencies: Latencies,
    /// Pods that ever were, those of DaemonSets apart.
    pub pods_made: usize,
    /// Nodes that ever were.
    pub nodes_made: usize,
    /// Machines that were ever launched.
    pub machines_launched: usize,
    /// Spot machines that EC2 gave notice to.
    pub interruptions: u64,
    /// What it cost.
    pub cost: Cost,
    /// What the run that it is compared with cost.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub baseline: Option<Cost>,
    /// Dollars per hour of that run, at the moments of the samples.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub baseline_prices: Vec<f64>,
    /// Seconds after the start of the last thing that happened to objects or controllers.
    pub last_step: u64,
    /// How things were, every few seconds.
    pub samples: Vec<Sample>,
    /// What should not have been.
    pub violations: Vec<Violation>,
    /// Lines of the log.
    pub log_lines: u64,
    /// A checksum of the log: equal for two runs of one seed.
    pub log_checksum: String,
    /// The log, if it was kept.
    #[serde(skip)]
    pub log: Vec<String>,
}

/// What a run cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Cost {
    /// Dollars for all of it.
    pub total: f64,
    /// Those for spot machines.
    pub spot: f64,
    /// The same rate for 24 hours.
    pub per_day: f64,
}

impl Cost {
    pub(crate) fn of(bill: &Bill, seconds: u64) -> Self {
        let spot = bill.instances.iter().filter(|line| line.capacity_type == CapacityType::Spot);
        // a sum of nothing is a negative zero otherwise
        let spot = spot.map(|line| line.cost.as_f64()).sum::<f64>() + 0.0;
        let total = bill.total().as_f64();
        Self { total, spot, per_day: total * 86_400.0 / seconds.max(1) as f64 }
    }
}

impl Outcome {
    /// The cost in percent of the baseline's.
    pub fn percent_of_baseline(&self) -> Option<f64> {
        let baseline = self.baseline?.total;
        (baseline > 0.0).then(|| self.cost.total / baseline * 100.0)
    }

    /// Seconds from the last thing that happened until there were no more than so many nodes for good.
    pub fn scaled_in_after(&self, nodes: usize) -> Option<u64> {
        let stays = self.samples.iter().rev().take_while(|sample| sample.machines <= nodes).last()?;
        Some(stays.second.saturating_sub(self.last_step))
    }
}
