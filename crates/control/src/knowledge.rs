//! What the loops know together, beside the mirrored state.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use supercargo_cloud::launch::AddressesInFlight;
use supercargo_cloud::{Cluster, Unavailable};

use crate::journal::Journal;
use crate::metrics::Metrics;
use crate::settings::Settings;

/// What the loops know together, beside the mirrored state. It can be lost: after a restart it is learned anew.
#[derive(Debug)]
pub struct Knowledge {
    /// The settings.
    pub settings: Settings,
    /// The cluster that instances join.
    pub cluster: Cluster,
    /// The region.
    pub region: String,
    /// What is counted.
    pub metrics: Metrics,
    /// What was decided.
    pub journal: Journal,
    unavailable: Mutex<Unavailable>,
    addresses: Mutex<AddressesInFlight>,
    nominated: Mutex<BTreeMap<String, Timestamp>>,
}

impl Knowledge {
    /// Nothing is known but this.
    pub fn new(settings: Settings, cluster: Cluster, region: impl Into<String>) -> Self {
        Self {
            settings,
            cluster,
            region: region.into(),
            metrics: Metrics::default(),
            journal: Journal::default(),
            unavailable: Mutex::new(Unavailable::new()),
            addresses: Mutex::new(AddressesInFlight::default()),
            nominated: Mutex::new(BTreeMap::new()),
        }
    }

    /// Offerings that were refused lately.
    pub fn unavailable(&self) -> MutexGuard<'_, Unavailable> {
        lock(&self.unavailable)
    }

    /// Addresses that launches under way may take.
    pub fn addresses(&self) -> MutexGuard<'_, AddressesInFlight> {
        lock(&self.addresses)
    }

    /// Until when nodes and claims, by name, are kept for pods that shall come to them.
    pub fn nominated(&self) -> MutexGuard<'_, BTreeMap<String, Timestamp>> {
        lock(&self.nominated)
    }
}

fn lock<T>(value: &Mutex<T>) -> MutexGuard<'_, T> {
    // nothing in here is left half changed, so what a panicking thread left is still good
    value.lock().unwrap_or_else(PoisonError::into_inner)
}
