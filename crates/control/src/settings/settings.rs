//! The settings of the controllers.

use std::time::Duration;

use supercargo_cloud::launch::MinValuesPolicy;
use supercargo_engine::solve::PreferencePolicy;

use super::FeatureGates;

/// The settings of the controllers, with Karpenter's defaults (reference section 5.10).
#[derive(Clone, Debug)]
pub struct Settings {
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
    /// What is switched on: `FEATURE_GATES`.
    pub gates: FeatureGates,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            batch_max_duration: Duration::from_secs(10),
            batch_idle_duration: Duration::from_secs(1),
            preference_policy: PreferencePolicy::Respect,
            min_values_policy: MinValuesPolicy::Strict,
            vm_memory_overhead_percent: 0.075,
            reserved_enis: 0,
            interruption_queue: None,
            gates: FeatureGates::default(),
        }
    }
}
