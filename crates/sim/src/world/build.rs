//! A world, started.

use std::sync::{Arc, Mutex};

use jiff::Timestamp;
use serde_json::{Value, json};
use supercargo_apiserver::{Server, ServerError, ServerOptions};
use supercargo_clock::{Clock, Time};
use supercargo_cloud::{CloudProvider, Cluster as JoinedCluster};
use supercargo_cloud_sim::{PatientRegion, Region, RegionOptions, Script};
use supercargo_control::installation::{self, InstallError};
use supercargo_control::outside::Computing;
use supercargo_control::settings::{FeatureGates, Settings};
use supercargo_control::{ControllerOptions, Controllers, start};
use supercargo_local::{Cluster, ClusterError, PartOptions, driver_options};
use supercargo_reconcile::{DriverOptions, Part, Readings, Running, State};
use thiserror::Error;

use super::apply::{ApplyError, apply, delete, patch};
use super::gate::{Auditor, Gate};
use crate::scenario::{ObjectName, Scenario};

/// Why a world did not start.
#[derive(Debug, Error)]
pub enum WorldError {
    /// The API server.
    #[error(transparent)]
    Server(#[from] ServerError),
    /// The control plane.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    /// The definitions of the custom resources.
    #[error(transparent)]
    Definitions(#[from] InstallError),
    /// An object of the scenario.
    #[error(transparent)]
    Object(#[from] ApplyError),
    /// Settings of the controllers.
    #[error("featureGates: {0}")]
    Gates(String),
}

/// A scenario's world. It lives within a tokio runtime of one thread whose time is paused.
pub struct World {
    /// The time that all but the controllers see.
    pub time: Time,
    /// The region.
    pub region: Region,
    /// The API server.
    pub server: Server,
    /// The controllers' connection.
    pub gate: Gate,
    /// How far the controllers' clock is ahead, in seconds.
    skew: i64,
    seed: u64,
    settings: Settings,
    joined: JoinedCluster,
    readings: Readings,
    controllers: Option<Controllers>,
    _cluster: Cluster,
    observer: Running,
}

/// Watches everything: a part that never acts, and what it does with the controllers' writes.
pub struct Observers {
    /// Sees every change.
    pub part: Box<dyn Part>,
    /// Sees every write of the controllers.
    pub auditor: Auditor,
}

impl World {
    /// Starts everything but the controllers, and makes the objects that are there from the beginning.
    pub async fn build(scenario: &Scenario, seed: u64, observers: Observers) -> Result<Self, WorldError> {
        let time = Time::paused(scenario.start);
        let clock: Arc<dyn Clock> = Arc::new(time.clone());
        let server = Server::new(ServerOptions::new(Arc::clone(&clock), seed))?;
        let mut options = RegionOptions {
            region: scenario.region.clone(),
            cluster_name: scenario.cluster.clone(),
            // the scenario's reader has made sure that it can be read
            script: scenario.market.parse::<Script>().unwrap_or_default(),
            ..RegionOptions::new(clock, seed)
        };
        options.interruptions.hazard *= scenario.spot_hazard;
        options.boot.kubelet = options.boot.kubelet.times(scenario.boot_factor);
        let joined = JoinedCluster {
            name: scenario.cluster.clone(),
            endpoint: "https://simulated".to_owned(),
            service_cidr: Some("10.96.0.0/16".to_owned()),
            kubernetes_version: options.kubernetes_version.clone(),
            ..JoinedCluster::default()
        };
        let region = Region::new(options);
        let readings = Readings::default();
        let parts = PartOptions {
            seed,
            pace: 1.0,
            region: Some(region.clone()),
            events: false,
            readings: Some(readings.clone()),
        };
        let cluster = Cluster::start(server.clone(), time.clone(), parts).await?;
        let observing = driver_options(server.control_plane_client(), time.clone(), 1);
        let observing = DriverOptions { readings: Some(readings.clone()), ..observing };
        let observer = Running::start(observing, vec![observers.part]);
        let seen = Arc::clone(observer.state());
        let gate = Gate::new(server.clone(), time.clone(), seed, observers.auditor, seen);
        let settings = Settings {
            gates: gates(&scenario.feature_gates)?,
            interruption_queue: Some(scenario.cluster.clone()),
            ..Settings::default()
        };
        let world = Self {
            time,
            region,
            server,
            gate,
            skew: 0,
            seed,
            settings,
            joined,
            readings,
            controllers: None,
            _cluster: cluster,
            observer,
        };
        world.furnish(scenario).await?;
        Ok(world)
    }

    async fn furnish(&self, scenario: &Scenario) -> Result<(), WorldError> {
        installation::apply(&self.server.client(), None, true, |_| ()).await?;
        let workloads: Vec<Value> =
            scenario.workloads.iter().flat_map(|workload| workload.objects()).collect();
        let mut namespaces: Vec<&str> = workloads
            .iter()
            .chain(&scenario.objects)
            .filter_map(|object| object["metadata"]["namespace"].as_str())
            .collect();
        namespaces.sort_unstable();
        namespaces.dedup();
        for namespace in namespaces {
            let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}});
            self.apply(&namespace).await?;
        }
        for object in scenario.objects.iter().chain(&workloads) {
            self.apply(object).await?;
        }
        Ok(())
    }

    /// Starts the controllers, unless they run.
    pub fn start_controllers(&mut self) {
        if self.controllers.is_some() {
            return;
        }
        let provider: Arc<dyn CloudProvider> = Arc::new(PatientRegion::on(self.region.clone(), &self.time));
        let now = self.time.now();
        let seen = now.checked_add(jiff::SignedDuration::from_secs(self.skew)).unwrap_or(now);
        self.controllers = Some(start(ControllerOptions {
            client: self.gate.client(),
            time: if self.skew == 0 { self.time.clone() } else { Time::paused(seen) },
            provider,
            settings: self.settings.clone(),
            cluster: self.joined.clone(),
            seed: self.seed,
            concurrency: 1,
            computing: Computing::Inline,
            readings: Some(self.readings.clone()),
        }));
    }

    /// Kills the controllers.
    pub fn kill_controllers(&mut self) {
        self.controllers = None;
    }

    /// The controllers, if they run.
    pub fn controllers(&self) -> Option<&Controllers> {
        self.controllers.as_ref()
    }

    /// Starts the controllers again with a clock that is ahead by so many seconds.
    pub fn skew_clock(&mut self, seconds: i64) {
        self.skew = seconds;
        self.kill_controllers();
        self.start_controllers();
    }

    /// The cluster as the observers see it.
    pub fn seen(&self) -> &Arc<Mutex<State>> {
        self.observer.state()
    }

    /// The time of everybody but the controllers.
    pub fn now(&self) -> Timestamp {
        self.time.now()
    }

    /// Makes an object, or changes it to be like this.
    pub async fn apply(&self, object: &Value) -> Result<(), ApplyError> {
        apply(&self.server.client(), object).await
    }

    /// Deletes an object.
    pub async fn delete(&self, name: &ObjectName) -> Result<(), ApplyError> {
        delete(&self.server.client(), name).await
    }

    /// Changes fields of an object.
    pub async fn patch(&self, name: &ObjectName, body: &Value) -> Result<(), ApplyError> {
        patch(&self.server.client(), name, body).await
    }
}

/// Feature gates as text: `SpotToSpotConsolidation=true,NodeRepair=true`.
fn gates(text: &str) -> Result<FeatureGates, WorldError> {
    let mut gates = FeatureGates::default();
    let unknown = gates.switch(text).map_err(|error| WorldError::Gates(error.to_string()))?;
    match unknown.first() {
        None => Ok(gates),
        Some(name) => Err(WorldError::Gates(format!("there is no gate {name:?}"))),
    }
}
