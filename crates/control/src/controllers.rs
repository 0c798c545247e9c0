//! All loops together.

use std::sync::Arc;

use kube::Client;
use supercargo_clock::Time;
use supercargo_cloud::{CloudProvider, Cluster};
use supercargo_reconcile::{DriverOptions, Keyed, Part, Running};

use crate::knowledge::Knowledge;
use crate::launching::{Launching, Prices};
use crate::node_class::NodeClasses;
use crate::outside::{Computing, World};
use crate::provisioning::Provisioner;
use crate::settings::Settings;
use crate::termination::Termination;

/// The names of all parts, in the order they have their turns in.
pub const PART_NAMES: &[&str] = &["node-classes", "prices", "provisioner", "launching", "termination"];

/// What the controllers need.
pub struct ControllerOptions {
    /// The API server.
    pub client: Client,
    /// The time to act on.
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
}

/// The controllers, for as long as this is kept.
pub struct Controllers {
    running: Running,
    knowledge: Arc<Knowledge>,
}

/// Starts all loops. To be called within a tokio runtime.
pub fn start(options: ControllerOptions) -> Controllers {
    let region = options.provider.region().to_owned();
    let knowledge = Arc::new(Knowledge::new(options.settings, options.cluster, region));
    let parts = parts(&knowledge, options.seed);
    let world = World::new(options.provider, options.computing);
    let driver = DriverOptions {
        client: options.client,
        time: options.time,
        concurrency: options.concurrency,
        manager: "supercargo",
        outside: Some(Arc::new(world)),
    };
    Controllers { running: Running::start(driver, parts), knowledge }
}

/// Every part, in the order of [`PART_NAMES`].
fn parts(knowledge: &Arc<Knowledge>, seed: u64) -> Vec<Box<dyn Part>> {
    vec![
        Box::new(Keyed::new(NodeClasses::new(Arc::clone(knowledge)))),
        Box::new(Prices::new(Arc::clone(knowledge))),
        Box::new(Provisioner::new(Arc::clone(knowledge), seed)),
        Box::new(Launching::new(Arc::clone(knowledge))),
        Box::new(Termination::new(Arc::clone(knowledge))),
    ]
}

impl Controllers {
    /// What the loops know together.
    pub fn knowledge(&self) -> &Arc<Knowledge> {
        &self.knowledge
    }

    /// The loops and their state.
    pub fn running(&self) -> &Running {
        &self.running
    }
}
