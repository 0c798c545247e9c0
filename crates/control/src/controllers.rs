//! All loops together.

use std::sync::Arc;

use kube::Client;
use supercargo_clock::Time;
use supercargo_cloud::{CloudProvider, Cluster};
use supercargo_reconcile::{DriverOptions, Keyed, Part, Readings, Running};

use crate::disruption::{Disrupting, Drifted};
use crate::election::{Guard, Paused};
use crate::garbage::{Garbage, InstanceTags, Leftovers};
use crate::interruption::{InstanceStatuses, Interruptions, ZonalShift};
use crate::knowledge::Knowledge;
use crate::launching::{Launching, Prices};
use crate::lifecycle::{Consistency, Consolidatables, Expiry, Lifecycle, PodEvents, Reservations};
use crate::metrics::Watcher;
use crate::node_class::NodeClasses;
use crate::node_pool::{Buffers, NodePools, Overlays, StaticPools};
use crate::outside::{Computing, World};
use crate::protection::Protections;
use crate::provisioning::Provisioner;
use crate::repair::Repair;
use crate::settings::Settings;
use crate::termination::Termination;

/// The names of all parts, in the order they have their turns in.
#[rustfmt::skip]
pub const PART_NAMES: &[&str] = &[
    "node-classes",
    "node-pools",
    "prices",
    "zonal-shift",
    "provisioner",
    "launching",
    "lifecycle",
    "pod-events",
    "protection",
    "consolidatable",
    "expiry",
    "consistency",
    "reservations",
    "tagging",
    "garbage",
    "leftovers",
    "termination",
    "drift",
    "disruption",
    "interruption",
    "instance-status",
    "repair",
    "static",
    "overlays",
    "buffers",
];

/// What the controllers need.
pub struct ControllerOptions {
    /// The API server.
    pub client: Client,
    /// The time to act on; where it differs from the API server's that counts.
    pub time: Time,
    /// The cloud.
    pub provider: Arc<dyn CloudProvider>,
    /// The settings.
    pub settings: Settings,
    /// The cluster that instances join.
    pub cluster: Cluster,
    /// Decides every draw.
    pub seed: u64,
    /// Requests to the API server under way at once. One keeps a run repeatable.
    pub concurrency: usize,
    /// Where long computations are done.
    pub computing: Computing,
    /// What others of this process have read from the same API server.
    pub readings: Option<Readings>,
}

/// The controllers, for as long as this is kept.
pub struct Controllers {
    running: Running,
    knowledge: Arc<Knowledge>,
}

/// Starts all loops. To be called within a tokio runtime.
pub fn start(options: ControllerOptions) -> Controllers {
    let region = options.provider.region().to_owned();
    let knowledge = Knowledge::new(options.settings.clone(), options.cluster.clone(), region);
    start_knowing(options, Arc::new(knowledge))
}

/// Starts all loops with what is known already: its settings and its cluster count. To be called within a tokio runtime.
pub fn start_knowing(options: ControllerOptions, knowledge: Arc<Knowledge>) -> Controllers {
    knowledge.metrics.consolidation_has_no_timeout();
    let time = options.time.correctable();
    let parts = attended(parts(&knowledge, options.seed), &knowledge);
    let world = World::new(options.provider, options.computing).with_client(options.client.clone());
    let world = world.counted(Arc::clone(&knowledge), time.clone());
    let driver = DriverOptions {
        client: options.client,
        time,
        concurrency: options.concurrency,
        manager: "supercargo",
        outside: Some(Arc::new(world)),
        events: true,
        // the machines of a simulation read what others have read, whole
        lean: options.readings.is_none(),
        readings: options.readings,
    };
    Controllers { running: Running::start(driver, parts), knowledge }
}

/// Every part, in the order of [`PART_NAMES`].
pub(crate) fn parts(knowledge: &Arc<Knowledge>, seed: u64) -> Vec<Box<dyn Part>> {
    let known = || Arc::clone(knowledge);
    vec![
        Box::new(Keyed::new(NodeClasses::new(known()))),
        Box::new(Keyed::new(NodePools::new(known()))),
        Box::new(Prices::new(known())),
        Box::new(ZonalShift::new(known())),
        Box::new(Provisioner::new(known(), seed)),
        Box::new(Launching::new(known())),
        Box::new(Keyed::new(Lifecycle::new(known()))),
        Box::new(PodEvents::default()),
        Box::new(Keyed::new(Protections::default())),
        Box::new(Keyed::new(Consolidatables::default())),
        Box::new(Keyed::new(Expiry::new(known()))),
        Box::new(Keyed::new(Consistency::default())),
        Box::new(Reservations::new(known())),
        Box::new(Keyed::new(InstanceTags::new(known()))),
        Box::new(Garbage::new(known())),
        Box::new(Leftovers::new(known())),
        Box::new(Termination::new(known())),
        Box::new(Keyed::new(Drifted::new(known()))),
        Box::new(Disrupting::new(known(), seed)),
        Box::new(Interruptions::new(known())),
        Box::new(InstanceStatuses::new(known())),
        Box::new(Keyed::new(Repair::new(known()))),
        Box::new(Keyed::new(StaticPools::new(known(), seed))),
        Box::new(Keyed::new(Overlays::new(known()))),
        Box::new(Keyed::new(Buffers::new(known()))),
    ]
}

/// The parts that buy nodes or give them up: they wait while another autoscaler works.
const WAITING: &[&str] = &["provisioner", "expiry", "disruption", "repair", "static"];

/// Adds those who count, and those who notice other autoscalers.
fn attended(parts: Vec<Box<dyn Part>>, knowledge: &Arc<Knowledge>) -> Vec<Box<dyn Part>> {
    let watcher: Box<dyn Part> = Box::new(Watcher::new(Arc::clone(knowledge)));
    let mut all = vec![watcher];
    if knowledge.settings.beside_other_autoscalers {
        all.extend(parts);
        return all;
    }
    // first, so that nobody decides before it is known who else is there
    all.push(Box::new(Guard::new(Arc::clone(knowledge))));
    all.extend(parts.into_iter().map(|part| -> Box<dyn Part> {
        if WAITING.contains(&part.name()) { Box::new(Paused::new(part, Arc::clone(knowledge))) } else { part }
    }));
    all
}

impl Controllers {
    /// Waits until they have ended, which they do only if the watches cannot go on.
    pub async fn ended(&mut self) {
        self.running.ended().await;
    }

    /// Ends them in order: what is under way is finished and written down, for ten seconds at most.
    pub async fn end(self) {
        self.running.end().await;
    }

    /// What the loops know together.
    pub fn knowledge(&self) -> &Arc<Knowledge> {
        &self.knowledge
    }

    /// The loops and their state.
    pub fn running(&self) -> &Running {
        &self.running
    }
}
