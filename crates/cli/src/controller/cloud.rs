//! The clouds that there are.

use std::sync::Arc;

use kube::Client;
use supercargo_catalog::Catalog;
use supercargo_clock::{Clock, Time};
use supercargo_cloud::{CloudProvider, Cluster};
use supercargo_cloud_sim::{PatientRegion, Region, RegionOptions};
use supercargo_local::{PartOptions, driver_options, part};
use supercargo_reconcile::Running;

use super::arguments::{Arguments, CloudChoice};
use crate::exit::Failure;
use crate::place;

/// Requests of the simulated machines under way at once.
const CONCURRENCY: usize = 16;
/// The parts that make nodes of the simulated region's machines. All others are the cluster's own.
const MACHINE_PARTS: [&str; 2] = ["kubelets", "cloud-nodes"];

/// Where machines come from.
pub(super) struct Cloud {
    /// Answers for it.
    pub(super) provider: Arc<dyn CloudProvider>,
    /// The simulated region, if it is one.
    region: Option<Region>,
}

impl Cloud {
    /// Whether the cloud that was chosen can be had.
    pub(super) fn check(arguments: &Arguments) -> Result<(), Failure> {
        match arguments.cloud {
            CloudChoice::Aws => Err(not_built()),
            CloudChoice::Sim => place::check_region(&arguments.region, Catalog::embedded()),
        }
    }

    /// The cloud that was chosen, for a cluster of this name and version.
    pub(super) fn new(arguments: &Arguments, cluster: &Cluster, time: &Time) -> Result<Self, Failure> {
        match arguments.cloud {
            CloudChoice::Aws => Err(not_built()),
            CloudChoice::Sim => {
                let clock: Arc<dyn Clock> = Arc::new(time.clone());
                let region = Region::new(RegionOptions {
                    region: arguments.region.clone(),
                    cluster_name: cluster.name.clone(),
                    // machine images are made for a version
                    kubernetes_version: cluster.kubernetes_version.clone(),
                    ..RegionOptions::new(clock, arguments.seed)
                });
                let provider = PatientRegion::on(region.clone(), time);
                Ok(Self { provider: Arc::new(provider), region: Some(region) })
            }
        }
    }

    /// A cloud that somebody else has made.
    pub(super) fn of(provider: Arc<dyn CloudProvider>) -> Self {
        Self { provider, region: None }
    }

    /// Starts what makes nodes of simulated machines; real ones need nothing.
    pub(super) fn machines(&self, client: Client, time: Time, seed: u64) -> Option<Running> {
        let options =
            PartOptions { seed, pace: 1.0, region: Some(self.region.clone()?), events: true, readings: None };
        let parts = MACHINE_PARTS.iter().filter_map(|name| part(name, &options)).collect();
        Some(Running::start(driver_options(client, time, CONCURRENCY), parts))
    }
}

fn not_built() -> Failure {
    Failure::new("the cloud aws is not built yet")
        .with_help("run with --cloud sim: a simulated region, whose machines become simulated kubelets")
}
