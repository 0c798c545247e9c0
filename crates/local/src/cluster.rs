//! A cluster in one process: API server, control plane, kubelets and the region under them.

use std::sync::Arc;

use k8s_openapi::api::storage::v1::StorageClass;
use kube::Client;
use kube::api::{Api, ListParams, PostParams};
use supercargo_apiserver::Server;
use supercargo_clock::Time;
use supercargo_cloud_sim::Region;
use supercargo_reconcile::{DriverOptions, Keyed, Part, Readings, Running};

use crate::controllers::*;
use crate::kubelet::{Heartbeats, HostSource, Kubelets, KubeletsOptions};
use crate::machines::{RegionInstances, RegionMachines};
use crate::scheduler::{Scheduler, SchedulerOptions};
use crate::{logs, metrics};

/// The names of all parts, in the order they have their turns in.
pub const PART_NAMES: [&str; 20] = [
    // first, so that leases are renewed before anybody looks how old they are
    "kubelets",
    "serviceaccounts",
    "volumes",
    "attachments",
    "volume-protection",
    "deployments",
    "replicasets",
    "statefulsets",
    "daemonsets",
    "jobs",
    "cronjobs",
    "autoscalers",
    "budgets",
    "endpoints",
    "node-health",
    "evictions",
    "pod-garbage",
    "cloud-nodes",
    "load-balancers",
    "scheduler",
];

/// What parts are made of.
#[derive(Clone)]
pub struct PartOptions {
    /// Decides every draw.
    pub seed: u64,
    /// How many seconds pass in a real one: what is renewed regularly is renewed as often in real time.
    pub pace: f64,
    /// The region whose machines get kubelets.
    pub region: Option<Region>,
    /// Whether scheduler, kubelets and workload controllers write Events.
    pub events: bool,
    /// What others of this process have read from the same API server.
    pub readings: Option<Readings>,
}

/// A part of [`PART_NAMES`] by its name; nothing for another name, and for `cloud-nodes` and `load-balancers` without
/// a region.
pub fn part(name: &str, options: &PartOptions) -> Option<Box<dyn Part>> {
    part_hearing(name, options, None)
}

/// A part that has the heartbeats of kubelets in common with others of the process.
fn part_hearing(name: &str, options: &PartOptions, shared: Option<&Heartbeats>) -> Option<Box<dyn Part>> {
    let seed = options.seed;
    let pace = options.pace.max(1.0);
    Some(match name {
        "serviceaccounts" => Box::new(Keyed::new(ServiceAccounts)),
        "volumes" => Box::new(Keyed::new(Volumes::new(seed))),
        "attachments" => Box::new(Keyed::new(Attachments)),
        "volume-protection" => Box::new(Keyed::new(VolumeProtection)),
        "deployments" => Box::new(Keyed::new(Deployments)),
        "replicasets" => Box::new(Keyed::new(ReplicaSets::default())),
        "statefulsets" => Box::new(Keyed::new(StatefulSets)),
        "daemonsets" => Box::new(Keyed::new(DaemonSets)),
        "jobs" => Box::new(Keyed::new(Jobs)),
        "cronjobs" => Box::new(Keyed::new(CronJobs)),
        "autoscalers" => Box::new(Keyed::new(Autoscalers::new(seed))),
        "budgets" => Box::new(Keyed::new(Budgets::default())),
        "endpoints" => Box::new(Keyed::new(EndpointSlices)),
        "node-health" => {
            let grace = NodeHealthOptions::default().grace.mul_f64(pace);
            let health = NodeHealth::new(NodeHealthOptions { grace });
            Box::new(Keyed::new(match shared {
                Some(heartbeats) => health.with_heartbeats(heartbeats.clone()),
                None => health,
            }))
        }
        "evictions" => Box::new(Keyed::new(Evictions)),
        "pod-garbage" => Box::new(Keyed::new(PodGarbage)),
        "cloud-nodes" => {
            let region = options.region.clone()?;
            Box::new(Keyed::new(CloudNodes::new(Box::new(RegionInstances(region)))))
        }
        "load-balancers" => {
            let region = options.region.as_ref()?;
            Box::new(Keyed::new(LoadBalancers::new(region.name())))
        }
        "scheduler" => Box::new(Scheduler::new(SchedulerOptions { seed, ..SchedulerOptions::default() })),
        "kubelets" => {
            let machines = options.region.clone().map(|region| {
                let source: Box<dyn HostSource> = Box::new(RegionMachines::new(region));
                source
            });
            let kubelets = Kubelets::new(KubeletsOptions { seed, pace }, machines.into_iter().collect());
            Box::new(match shared {
                Some(heartbeats) => kubelets.with_heartbeats(heartbeats.clone()),
                None => kubelets,
            })
        }
        _ => return None,
    })
}

/// How the simulated parts of a cluster are driven.
pub fn driver_options(client: Client, time: Time, concurrency: usize) -> DriverOptions {
    DriverOptions {
        client,
        time,
        concurrency,
        manager: "supercargo-local",
        outside: None,
        events: true,
        readings: None,
        lean: false,
    }
}

/// Why a cluster did not start.
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    /// What every cluster has could not be made.
    #[error("the storage class gp3 could not be made: {0}")]
    StorageClass(#[source] kube::Error),
}

/// A whole cluster on an API server in this process.
pub struct Cluster {
    server: Server,
    plane: Running,
}

impl Cluster {
    /// Starts every part and lets the server answer for usage. To be called within a tokio runtime.
    pub async fn start(server: Server, time: Time, options: PartOptions) -> Result<Self, ClusterError> {
        storage_class(&server.client()).await.map_err(ClusterError::StorageClass)?;
        let heartbeats = Heartbeats::default();
        let parts =
            PART_NAMES.iter().filter_map(|name| part_hearing(name, &options, Some(&heartbeats))).collect();
        let driver = driver_options(server.control_plane_client(), time.clone(), 1);
        let plane = Running::start(
            DriverOptions { events: options.events, readings: options.readings, ..driver },
            parts,
        );
        logs::mount(&server, Arc::clone(plane.state()), time.clone());
        metrics::mount(&server, Arc::clone(plane.state()), time, options.seed);
        Ok(Self { server, plane })
    }

    /// The API server.
    pub fn server(&self) -> &Server {
        &self.server
    }

    /// What runs on it.
    pub fn control_plane(&self) -> &Running {
        &self.plane
    }
}

/// Makes the default StorageClass, unless there is a class already.
async fn storage_class(client: &Client) -> Result<(), kube::Error> {
    let classes: Api<StorageClass> = Api::all(client.clone());
    if !classes.list(&ListParams::default().limit(1)).await?.items.is_empty() {
        return Ok(());
    }
    let class = serde_json::from_str(DEFAULT_STORAGE_CLASS).map_err(kube::Error::SerdeError)?;
    classes.create(&PostParams::default(), &class).await?;
    Ok(())
}
