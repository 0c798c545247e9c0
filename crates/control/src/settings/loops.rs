//! The settings of the controllers.

use std::time::Duration;

use supercargo_cloud::launch::MinValuesPolicy;
use supercargo_engine::solve::PreferencePolicy;

use super::FeatureGates;

/// The settings of the controllers, with Karpenter's defaults (reference section 5.10).
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// The cluster's name; nothing if it was not told: `CLUSTER_NAME`.
    pub cluster_name: Option<String>,
    /// The address of the cluster's API server, for machines to join; nothing to look it up: `CLUSTER_ENDPOINT`.
    pub cluster_endpoint: Option<String>,
    /// The certificate authority of the API server, base64; nothing to look it up: `CLUSTER_CA_BUNDLE`.
    pub cluster_ca_bundle: Option<String>,
    /// Whether there is no way to the price list: `ISOLATED_VPC`.
    pub isolated_vpc: bool,
    /// Whether the control plane is EKS: `EKS_CONTROL_PLANE`.
    pub eks_control_plane: bool,
    /// Whether permissions of a class are not tried out: `DISABLE_DRY_RUN`.
    pub disable_dry_run: bool,
    /// Whether zones that are shifted away from are avoided: `ENABLE_ZONAL_SHIFT`.
    pub enable_zonal_shift: bool,
    /// How often images are looked for: `AMI_REFRESH_INTERVAL`.
    pub ami_refresh_interval: Duration,
    /// How often subnets are looked for: `SUBNET_REFRESH_INTERVAL`.
    pub subnet_refresh_interval: Duration,
    /// Whether pods with resource claims are left alone: `IGNORE_DRA_REQUESTS`.
    pub ignore_dra_requests: bool,
    /// The longest time that pods are waited for before a batch is planned: `BATCH_MAX_DURATION`.
    pub batch_max_duration: Duration,
    /// The time without a new pod after which a batch is planned: `BATCH_IDLE_DURATION`.
    pub batch_idle_duration: Duration,
    /// Whether preferences of pods are respected: `PREFERENCE_POLICY`.
    pub preference_policy: PreferencePolicy,
    /// Whether `minValues` may be given up: `MIN_VALUES_POLICY`.
    pub min_values_policy: MinValuesPolicy,
    /// Share of a machine's memory that is lost to the hypervisor: `VM_MEMORY_OVERHEAD_PERCENT`.
    pub vm_memory_overhead_percent: f64,
    /// Network interfaces that pods cannot use: `RESERVED_ENIS`.
    pub reserved_enis: u32,
    /// The name of the interruption queue; nothing if there is none: `INTERRUPTION_QUEUE`.
    pub interruption_queue: Option<String>,
    /// Whether expired nodes are replaced as drifted ones are, under budgets: `EXPIRE_UNDER_BUDGETS`, which Karpenter does not
    /// have.
    pub expire_under_budgets: bool,
    /// Whether a rebalance recommendation is taken for an interruption: `DRAIN_ON_REBALANCE`, which Karpenter does not have.
    pub drain_on_rebalance: bool,
    /// Whether other autoscalers are put up with: `BESIDE_OTHER_AUTOSCALERS`, which Karpenter does not have.
    pub beside_other_autoscalers: bool,
    /// What is switched on: `FEATURE_GATES`.
    pub gates: FeatureGates,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            cluster_name: None,
            cluster_endpoint: None,
            cluster_ca_bundle: None,
            isolated_vpc: false,
            eks_control_plane: false,
            disable_dry_run: false,
            enable_zonal_shift: false,
            ami_refresh_interval: Duration::from_secs(60),
            subnet_refresh_interval: Duration::from_secs(60),
            ignore_dra_requests: true,
            batch_max_duration: Duration::from_secs(10),
            batch_idle_duration: Duration::from_secs(1),
            preference_policy: PreferencePolicy::Respect,
            min_values_policy: MinValuesPolicy::Strict,
            vm_memory_overhead_percent: 0.075,
            reserved_enis: 0,
            interruption_queue: None,
            expire_under_budgets: false,
            drain_on_rebalance: false,
            beside_other_autoscalers: false,
            gates: FeatureGates::default(),
        }
    }
}
