//! A container in an hour.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::interval::{Interval, part};
use crate::workload::Workload;

/// One resource over a stretch of time, as integrals.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Amount {
    /// What was asked for.
    pub requested: u64,
    /// What was used, as far as it was measured.
    pub used: u64,
    /// The greater of both at each moment (reference sections 1.1 and 1.2, item 2): at least either of the others, and
    /// more than both where they cross. This is what is paid for.
    pub charged: u64,
}

impl Amount {
    /// The part in a window, spread evenly.
    pub fn part(self, whole: Interval, window: Interval) -> Amount {
        let of = |amount| part_of(amount, whole, window);
        Amount { requested: of(self.requested), used: of(self.used), charged: of(self.charged) }
    }
}

/// Bytes over the network, by class.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetworkBytes {
    /// All that was sent.
    pub transmitted: u64,
    /// All that was received.
    pub received: u64,
    /// Sent into another zone of the region.
    pub zone: u64,
    /// Sent into another region.
    pub region: u64,
    /// Sent to the internet.
    pub internet: u64,
}

impl NetworkBytes {
    /// The part in a window, spread evenly.
    pub fn part(self, whole: Interval, window: Interval) -> NetworkBytes {
        let of = |amount| part_of(amount, whole, window);
        NetworkBytes {
            transmitted: of(self.transmitted),
            received: of(self.received),
            zone: of(self.zone),
            region: of(self.region),
            internet: of(self.internet),
        }
    }
}

/// A container while it ran, within one hour.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ContainerFact {
    /// Who.
    pub workload: Arc<Workload>,
    /// When, within the hour.
    pub interval: Interval,
    /// In microcore-seconds.
    pub cpu: Amount,
    /// In byte-seconds.
    pub ram: Amount,
    /// In thousandth-GPU-seconds.
    pub gpu: Amount,
    /// The cpu limit, in microcore-seconds; 0 without one.
    pub cpu_limit: u64,
    /// The memory limit, in byte-seconds; 0 without one.
    pub ram_limit: u64,
    /// The most that was used at once, in microcores.
    pub cpu_peak: u64,
    /// The most that was used at once, in bytes.
    pub ram_peak: u64,
    /// Seconds for which use was measured; the rest of the interval is a gap, not a zero.
    pub measured: u64,
    /// Traffic, if it was measured.
    pub network: Option<NetworkBytes>,
}

impl ContainerFact {
    /// The part in a window; none if it did not run in it.
    pub fn part(&self, window: Interval) -> Option<ContainerFact> {
        let whole = self.interval;
        let interval = whole.overlap(window);
        if interval.is_empty() {
            return None;
        }
        let of = |amount| part_of(amount, whole, window);
        Some(ContainerFact {
            workload: Arc::clone(&self.workload),
            interval,
            cpu: self.cpu.part(whole, window),
            ram: self.ram.part(whole, window),
            gpu: self.gpu.part(whole, window),
            cpu_limit: of(self.cpu_limit),
            ram_limit: of(self.ram_limit),
            cpu_peak: self.cpu_peak,
            ram_peak: self.ram_peak,
            measured: of(self.measured),
            network: self.network.map(|bytes| bytes.part(whole, window)),
        })
    }
}

/// [`part`] of a 64-bit amount.
pub(crate) fn part_of(amount: u64, whole: Interval, window: Interval) -> u64 {
    u64::try_from(part(u128::from(amount), whole, window)).unwrap_or(u64::MAX)
}
