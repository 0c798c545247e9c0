//! What the loops know together, beside the mirrored state.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use supercargo_api::EC2NodeClass;
use supercargo_catalog::CapacitySettings;
use supercargo_cloud::launch::AddressesInFlight;
use supercargo_cloud::{Cluster, PlacementGroup, Subnet, Unavailable};
use supercargo_engine::market::Market;
use supercargo_reconcile::Key;

use crate::cluster::{Assignments, LivePrices, MarketInput, Markets};
use crate::journal::Journal;
use crate::lifecycle::RegistrationHealth;
use crate::metrics::Metrics;
use crate::node_class::ClassResources;
use crate::provisioning::{Batches, BufferFit};
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
    rivals: Mutex<Vec<String>>,
    assignments: Mutex<Assignments>,
    prices: Mutex<LivePrices>,
    markets: Mutex<Markets>,
    subnets: Mutex<BTreeMap<String, Subnet>>,
    launches: Mutex<BTreeSet<String>>,
    class_resources: Mutex<BTreeMap<String, ClassResources>>,
    buffers: Mutex<BTreeMap<Key, BufferFit>>,
    batches: Mutex<Batches>,
    registration_health: Mutex<RegistrationHealth>,
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
            rivals: Mutex::default(),
            assignments: Mutex::default(),
            prices: Mutex::default(),
            markets: Mutex::default(),
            subnets: Mutex::default(),
            launches: Mutex::default(),
            class_resources: Mutex::new(BTreeMap::new()),
            buffers: Mutex::default(),
            batches: Mutex::default(),
            registration_health: Mutex::default(),
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

    /// Other autoscalers that work in this cluster, a sentence each. While there are any, nodes are neither bought nor given up.
    pub fn rivals(&self) -> Vec<String> {
        lock(&self.rivals).clone()
    }

    /// These other autoscalers work in this cluster; returns those that were known before.
    pub fn set_rivals(&self, rivals: Vec<String>) -> Vec<String> {
        std::mem::replace(&mut *lock(&self.rivals), rivals)
    }

    /// Whether nodes are neither bought nor given up, because another autoscaler works.
    pub fn is_paused(&self) -> bool {
        !lock(&self.rivals).is_empty()
    }

    /// Which pods the claims on their way were made for.
    pub fn assignments(&self) -> MutexGuard<'_, Assignments> {
        lock(&self.assignments)
    }

    /// Spot prices and offerings as last heard.
    pub fn prices(&self) -> MutexGuard<'_, LivePrices> {
        lock(&self.prices)
    }

    /// Subnets by id, with their free addresses as last heard.
    pub fn subnets(&self) -> MutexGuard<'_, BTreeMap<String, Subnet>> {
        lock(&self.subnets)
    }

    /// Takes in subnets that were asked for just now: what launches took before is in their free addresses.
    pub fn see_subnets(&self, subnets: &[Subnet]) {
        let mut known = self.subnets();
        known.extend(subnets.iter().map(|subnet| (subnet.id.clone(), subnet.clone())));
        drop(known);
        self.addresses().forget();
    }

    /// Uids of claims for which a launch is under way: nobody knows yet whether there is an instance.
    pub fn launches(&self) -> MutexGuard<'_, BTreeSet<String>> {
        lock(&self.launches)
    }

    /// Where the pods that CapacityBuffers stand for would be, as of the last plan.
    pub fn buffers(&self) -> MutexGuard<'_, BTreeMap<Key, BufferFit>> {
        lock(&self.buffers)
    }

    /// When the last batches were planned.
    pub fn batches(&self) -> MutexGuard<'_, Batches> {
        lock(&self.batches)
    }

    /// The settings that change what nodes hold.
    pub fn capacity_settings(&self) -> CapacitySettings {
        CapacitySettings {
            vm_memory_overhead_percent: self.settings.vm_memory_overhead_percent,
            reserved_enis: self.settings.reserved_enis,
            ..CapacitySettings::default()
        }
    }

    /// The market of these classes now: compiled once, until prices, offerings or classes change. With `dedicated`,
    /// offerings on dedicated hardware are in it, too.
    pub fn market(&self, classes: &[Arc<EC2NodeClass>], dedicated: bool, now: Timestamp) -> Arc<Market> {
        // always in this order
        let mut markets = lock(&self.markets);
        let prices = lock(&self.prices);
        let mut unavailable = lock(&self.unavailable);
        unavailable.sweep(now);
        let resources = lock(&self.class_resources);
        let input = MarketInput {
            region: &self.region,
            classes,
            settings: self.capacity_settings(),
            dedicated,
            resources: &resources,
            prices: &prices,
            unavailable: &unavailable,
        };
        markets.get(&input, now)
    }

    /// Reservations with their free instances, and placement groups, by the name of the EC2NodeClass.
    pub fn class_resources(&self) -> MutexGuard<'_, BTreeMap<String, ClassResources>> {
        lock(&self.class_resources)
    }

    /// The placement group that an EC2NodeClass selects, if it selects one and that has been looked up.
    pub fn placement_group(&self, node_class: &str) -> Option<PlacementGroup> {
        self.class_resources().get(node_class)?.placement_group.clone()
    }

    /// Whether nodes of the NodePools register when they are launched.
    pub fn registration_health(&self) -> MutexGuard<'_, RegistrationHealth> {
        lock(&self.registration_health)
    }
}

fn lock<T>(value: &Mutex<T>) -> MutexGuard<'_, T> {
    // nothing in here is left half changed, so what a panicking thread left is still good
    value.lock().unwrap_or_else(PoisonError::into_inner)
}
