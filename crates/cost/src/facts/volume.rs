//! A persistent volume in an hour.

use std::sync::Arc;

use crate::interval::Interval;
use crate::workload::Workload;

/// What one container had of a volume.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VolumeUse {
    /// Who.
    pub workload: Arc<Workload>,
    /// How much for how long.
    pub byte_seconds: u128,
}

/// A persistent volume while it was there, within one hour.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VolumeFact {
    /// Name of the PersistentVolume.
    pub name: Arc<str>,
    /// When, within the hour.
    pub interval: Interval,
    /// Size.
    pub bytes: u64,
    /// Volume handle.
    pub provider_id: Arc<str>,
    /// Name of the StorageClass.
    pub storage_class: Arc<str>,
    /// What it is of: `gp3`, `io2`, … ; empty if unknown.
    pub volume_type: Arc<str>,
    /// Namespace of its claim; empty if nothing claims it.
    pub claim_namespace: Arc<str>,
    /// Name of its claim; empty if nothing claims it.
    pub claim: Arc<str>,
    /// Bytes in use times seconds; none if it was not measured.
    pub used_byte_seconds: Option<u64>,
    /// The most bytes in use at once.
    pub used_peak: u64,
    /// Who had it, in order of workloads; what is left over nobody had.
    pub uses: Vec<VolumeUse>,
}

impl VolumeFact {
    /// Size times time.
    pub fn byte_seconds(&self) -> u128 {
        u128::from(self.bytes) * u128::from(self.interval.seconds())
    }
}
