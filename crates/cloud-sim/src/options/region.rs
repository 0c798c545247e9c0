//! Everything that makes a region.

use std::sync::Arc;

use supercargo_catalog::Catalog;
use supercargo_clock::Clock;
use supercargo_cloud::PlacementGroup;

use super::{
    ApiOptions, BootOptions, FailureOptions, FaultRule, ImageOptions, InterruptionOptions, MarketOptions,
    NetworkOptions, QueueOptions, Quotas, ReservationOptions,
};
use crate::Script;

/// What a region is made of. [`RegionOptions::new`] has defaults for all but the clock and the seed.
#[derive(Clone)]
pub struct RegionOptions {
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Decides everything that happens by chance.
    pub seed: u64,
    /// `us-east-1`.
    pub region: String,
    /// The zones that exist; none for all the catalogue knows.
    pub zones: Option<Vec<String>>,
    /// Types, zones, prices.
    pub catalog: Arc<Catalog>,
    /// The account, twelve digits.
    pub account_id: String,
    /// The cluster that subnets and security groups are tagged for.
    pub cluster_name: String,
    /// The Kubernetes version machine images are made for: `1.36`.
    pub kubernetes_version: String,
    /// Depth of pools and prices.
    pub market: MarketOptions,
    /// How long machines take to start.
    pub boot: BootOptions,
    /// How spot instances are taken back.
    pub interruptions: InterruptionOptions,
    /// What breaks.
    pub failures: FailureOptions,
    /// Throttling, latency and consistency of the API.
    pub api: ApiOptions,
    /// Subnets and addresses.
    pub network: NetworkOptions,
    /// Machine images and their releases.
    pub images: ImageOptions,
    /// What the account may have at most.
    pub quotas: Quotas,
    /// Capacity reservations of the account.
    pub reservations: Vec<ReservationOptions>,
    /// Placement groups of the account.
    pub placement_groups: Vec<PlacementGroup>,
    /// Instance profiles that exist already.
    pub instance_profiles: Vec<String>,
    /// The interruption queue.
    pub queue: QueueOptions,
    /// What happens to the market at what time.
    pub script: Script,
    /// Calls that fail.
    pub faults: Vec<FaultRule>,
}

impl RegionOptions {
    /// us-east-1 with all its zones, the embedded catalogue, an account without reservations, and nothing that breaks.
    pub fn new(clock: Arc<dyn Clock>, seed: u64) -> RegionOptions {
        RegionOptions {
            clock,
            seed,
            region: "us-east-1".to_owned(),
            zones: None,
            catalog: Arc::new(Catalog::embedded().clone()),
            account_id: "123456789012".to_owned(),
            cluster_name: "supercargo".to_owned(),
            kubernetes_version: "1.36".to_owned(),
            market: MarketOptions::default(),
            boot: BootOptions::default(),
            interruptions: InterruptionOptions::default(),
            failures: FailureOptions::default(),
            api: ApiOptions::default(),
            network: NetworkOptions::default(),
            images: ImageOptions::default(),
            quotas: Quotas::default(),
            reservations: Vec::new(),
            placement_groups: Vec::new(),
            instance_profiles: vec!["supercargo-node".to_owned()],
            queue: QueueOptions::default(),
            script: Script::default(),
            faults: Vec::new(),
        }
    }
}

impl std::fmt::Debug for RegionOptions {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("RegionOptions")
            .field("seed", &self.seed)
            .field("region", &self.region)
            .field("zones", &self.zones)
            .finish_non_exhaustive()
    }
}
