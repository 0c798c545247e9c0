//! A made-up cluster with what it takes to consolidate it.

use std::collections::BTreeMap;

use supercargo_api::Objects;
use supercargo_catalog::{CapacitySettings, Catalog, InstanceType, NodeClassModel, NodeClassModelError, Usd};
use supercargo_engine::consolidate::{ConsolidateOptions, Consolidation, Floor, Outcome, consolidate};
use supercargo_engine::disruption::{Disruption, DisruptionOptions};
use supercargo_engine::market::{Market, MarketError};
use supercargo_engine::snapshot::{Snapshot, SnapshotOptions};
use supercargo_generate::{ClusterOptions, GenerateError, cluster};

/// Pods of DaemonSets on every node.
const DAEMON_PODS: f64 = 5.0;

/// A cluster.
#[derive(Clone, Debug)]
pub struct Case {
    /// What was asked for.
    pub made: ClusterOptions,
    /// The cluster.
    pub objects: Objects,
    /// The instance types of each NodeClass by its name.
    pub types: BTreeMap<String, Vec<InstanceType>>,
    /// The same, compiled.
    pub market: Market,
}

/// A cluster that cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum CaseError {
    /// It cannot be made up.
    #[error(transparent)]
    Generate(#[from] GenerateError),
    /// Its NodeClass is not understood.
    #[error(transparent)]
    NodeClass(#[from] NodeClassModelError),
    /// Its market cannot be compiled.
    #[error(transparent)]
    Market(#[from] MarketError),
}

impl Case {
    /// Makes a cluster up.
    ///
    /// # Errors
    /// When it cannot be made up.
    pub fn make(made: ClusterOptions) -> Result<Case, CaseError> {
        let objects = cluster(&made)?;
        Case::of(made, objects)
    }

    /// The case of a cluster that is there.
    ///
    /// # Errors
    /// When its NodeClass is not understood.
    pub fn of(made: ClusterOptions, objects: Objects) -> Result<Case, CaseError> {
        let mut types = BTreeMap::new();
        for class in &objects.node_classes {
            let model = NodeClassModel::from_ec2nodeclass(class, CapacitySettings::default())?;
            let name = class.metadata.name.clone().unwrap_or_default();
            types.insert(name, Catalog::embedded().instance_types(&made.region, None, &model));
        }
        let market = Market::compile(types.clone())?;
        Ok(Case { made, objects, types, market })
    }

    /// What is asked of a cluster in which nothing stands in the way, and about so many pods are on a node after churn.
    pub fn free(nodes: u32, pools: u32, pods_per_node: u32, churn: f64, seed: u64) -> ClusterOptions {
        let workloads = (f64::from(pods_per_node) - DAEMON_PODS) / (1.0 - churn);
        ClusterOptions {
            nodes,
            pools,
            seed,
            churn,
            pods_per_node: (workloads + DAEMON_PODS).round() as u32,
            pdbs: false,
            obstacles: false,
            ..ClusterOptions::default()
        }
    }

    /// The cluster as the engine sees it, and what may be disrupted.
    pub fn read(&self, spot_to_spot: bool) -> (Snapshot, Disruption) {
        let snapshot = Snapshot::build(&self.objects, &self.market, &SnapshotOptions::default());
        let options = DisruptionOptions { spot_to_spot, ..DisruptionOptions::at(self.made.at) };
        let disruption = Disruption::build(&self.objects, &snapshot, &options);
        (snapshot, disruption)
    }

    /// The plan, and the document of it.
    pub fn plan(&self, options: &ConsolidateOptions) -> (Outcome, Consolidation) {
        let (snapshot, disruption) = self.read(options.spot_to_spot);
        consolidated(&snapshot, &disruption, &self.claims(), options, self.made.at)
    }

    /// The same, the objects forgotten as soon as they are understood: as `supercargo consolidate` does it.
    pub fn plan_and_forget(mut self, options: &ConsolidateOptions) -> (Outcome, Consolidation) {
        let (snapshot, disruption) = self.read(options.spot_to_spot);
        let claims = self.claims();
        self.objects = Objects::default();
        consolidated(&snapshot, &disruption, &claims, options, self.made.at)
    }

    fn claims(&self) -> Vec<String> {
        let claims = self.objects.node_claims.iter();
        claims.map(|claim| claim.metadata.name.clone().unwrap_or_default()).collect()
    }
}

fn consolidated(
    snapshot: &Snapshot,
    disruption: &Disruption,
    claims: &[String],
    options: &ConsolidateOptions,
    at: jiff::Timestamp,
) -> (Outcome, Consolidation) {
    let outcome = consolidate(snapshot, disruption, options, &mut |_| ());
    let document = Consolidation::new(snapshot, disruption, &outcome, options, claims, at);
    (outcome, document)
}

/// Any saving is worth a move, and spot may replace spot.
pub(super) fn anything_goes() -> ConsolidateOptions {
    ConsolidateOptions {
        floor: Floor::PerMonth(Usd::ZERO),
        spot_to_spot: true,
        ..ConsolidateOptions::default()
    }
}
