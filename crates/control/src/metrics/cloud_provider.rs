//! Calls to the cloud, what it sells, and what it refused.

use std::time::Duration;

use supercargo_catalog::Usd;

use super::Metrics;
use super::buckets::{BATCH_SIZE, DURATION};
use super::family::families;

families! {
    /// Families about the cloud.
    CloudProviderFamilies {
        duration: Histograms<3>("karpenter_cloudprovider_duration_seconds", ["controller", "method", "provider"],
            "Duration of cloud provider method calls, in seconds", DURATION),
        errors: Counters<4>("karpenter_cloudprovider_errors_total", ["controller", "method", "provider", "error"],
            "Total number of errors returned from cloud provider calls"),
        available: Gauges<3>("karpenter_cloudprovider_instance_type_offering_available",
            ["instance_type", "capacity_type", "zone"],
            "Instance type offering availability, by instance type, capacity type and zone"),
        price: Gauges<3>("karpenter_cloudprovider_instance_type_offering_price_estimate",
            ["instance_type", "capacity_type", "zone"],
            "Instance type offering estimated hourly price, by instance type, capacity type and zone"),
        cpu: Gauges<1>("karpenter_cloudprovider_instance_type_cpu_cores", ["instance_type"],
            "VCPUs cores for a given instance type"),
        memory: Gauges<1>("karpenter_cloudprovider_instance_type_memory_bytes", ["instance_type"],
            "Memory, in bytes, for a given instance type"),
        launch_failures: Counters<4>("karpenter_cloudprovider_instance_launch_failures_total",
            ["zone", "zone_id", "capacity_type", "reason"], "Number of instance launches that failed"),
        termination_failures: Counters<2>("karpenter_cloudprovider_instance_termination_failures_total",
            ["zone", "zone_id"], "Number of instance terminations that failed"),
        batch_time: Histograms<1>("karpenter_cloudprovider_batcher_batch_time_seconds", ["batcher"],
            "Duration of the batching window per batcher, in seconds", DURATION),
        batch_size: Histograms<1>("karpenter_cloudprovider_batcher_batch_size", ["batcher"],
            "Size of the request batch per batcher", BATCH_SIZE),
        user_data: Gauges<1>("karpenter_ec2nodeclass_userdata_bytes", ["nodeclass"],
            "Size of the user data of an EC2NodeClass, in bytes"),
    }
}

/// A call to the cloud.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CloudCall<'a> {
    /// Which part made it, such as `launching`.
    pub controller: &'a str,
    /// Which call, such as `Create`.
    pub method: &'a str,
    /// Which cloud: `aws`, `sim`.
    pub provider: &'a str,
}

impl Metrics {
    /// A call took this long.
    pub fn cloud_called(&self, call: CloudCall<'_>, duration: Duration) {
        self.cloud_provider.duration.took([call.controller, call.method, call.provider], duration);
    }

    /// A call failed with this error, in a word such as `InsufficientCapacityError`.
    pub fn cloud_call_failed(&self, call: CloudCall<'_>, error: &str) {
        self.cloud_provider.errors.count([call.controller, call.method, call.provider, error]);
    }

    /// All offerings of now: type, capacity type, zone, whether it is available and its price in dollars per hour.
    pub fn offerings<'a>(&self, offerings: impl IntoIterator<Item = ([&'a str; 3], bool, Usd)>) {
        let mut available = Vec::new();
        let mut prices = Vec::new();
        for (labels, is_available, price) in offerings {
            available.push((labels.map(str::to_owned), f64::from(u8::from(is_available))));
            prices.push((labels.map(str::to_owned), price.as_f64()));
        }
        self.cloud_provider.available.replace(available);
        self.cloud_provider.price.replace(prices);
    }

    /// All types of now: name, millicores, bytes of memory.
    pub fn instance_types<'a>(&self, types: impl IntoIterator<Item = (&'a str, u64, u64)>) {
        let mut cpu = Vec::new();
        let mut memory = Vec::new();
        for (name, millicores, bytes) in types {
            cpu.push(([name.to_owned()], millicores as f64 / 1000.0));
            memory.push(([name.to_owned()], bytes as f64));
        }
        self.cloud_provider.cpu.replace(cpu);
        self.cloud_provider.memory.replace(memory);
    }

    /// A launch failed in this zone, with a reason such as `InsufficientInstanceCapacity`.
    pub fn launch_failed(&self, zone: &str, zone_id: &str, capacity_type: &str, reason: &str) {
        self.cloud_provider.launch_failures.count([zone, zone_id, capacity_type, reason]);
    }

    /// The end of an instance could not be brought about.
    pub fn termination_failed(&self, zone: &str, zone_id: &str) {
        self.cloud_provider.termination_failures.count([zone, zone_id]);
    }

    /// A batcher such as `create_fleet` sent so many requests as one, after collecting them for this long.
    pub fn batch_sent(&self, batcher: &str, size: usize, window: Duration) {
        self.cloud_provider.batch_time.took([batcher], window);
        self.cloud_provider.batch_size.observe([batcher], size as f64);
    }

    /// The user data of all classes that have some, in bytes.
    pub fn user_data_bytes<'a>(&self, node_classes: impl IntoIterator<Item = (&'a str, usize)>) {
        let samples = node_classes.into_iter().map(|(name, bytes)| ([name.to_owned()], bytes as f64));
        self.cloud_provider.user_data.replace(samples);
    }
}
