//! Pods on their way to run, and on their way out.

use std::time::Duration;

use super::Metrics;
use super::buckets::DURATION;
use super::family::families;

families! {
    /// Families about pods.
    PodFamilies {
        startup: Summaries<0>("karpenter_pods_startup_duration_seconds", [],
            "The time from pod creation until the pod is running, in seconds"),
        bound: Histograms<0>("karpenter_pods_bound_duration_seconds", [],
            "The time from pod creation until the pod is bound, in seconds", DURATION),
        provisioning_bound: Histograms<0>("karpenter_pods_provisioning_bound_duration_seconds", [],
            "The time from when a place for the pod is first planned until it is bound, in seconds", DURATION),
        provisioning_startup: Histograms<0>("karpenter_pods_provisioning_startup_duration_seconds", [],
            "The time from when a place for the pod is first planned until it is running, in seconds", DURATION),
        decision: Histograms<0>("karpenter_pods_scheduling_decision_duration_seconds", [],
            "The time from when the pod is first seen until there is a decision about it, in seconds", DURATION),
        evictions: Counters<1>("karpenter_pods_eviction_requests_total", ["code"],
            "The total number of eviction requests made, by status code of the answer"),
        drained: Counters<1>("karpenter_pods_drained_total", ["reason"],
            "The total number of pods drained during node termination, by reason"),
    }
}

impl Metrics {
    /// A pod runs, so long after its creation.
    pub fn pod_started(&self, since_creation: Duration) {
        self.pods.startup.took([], since_creation);
    }

    /// A pod was bound, so long after its creation.
    pub fn pod_bound(&self, since_creation: Duration) {
        self.pods.bound.took([], since_creation);
    }

    /// A pod was bound, so long after a place was first planned for it.
    pub fn provisioned_pod_bound(&self, since_planned: Duration) {
        self.pods.provisioning_bound.took([], since_planned);
    }

    /// A pod runs, so long after a place was first planned for it.
    pub fn provisioned_pod_started(&self, since_planned: Duration) {
        self.pods.provisioning_startup.took([], since_planned);
    }

    /// It was decided about a pod, so long after it was first seen.
    pub fn pod_decided(&self, since_seen: Duration) {
        self.pods.decision.took([], since_seen);
    }

    /// An eviction was asked for; the answer had this status code.
    pub fn eviction_answered(&self, code: u16) {
        self.pods.evictions.count([&code.to_string()]);
    }

    /// A pod left a node that is drained, for a reason such as `drifted`.
    pub fn pod_drained(&self, reason: &str) {
        self.pods.drained.count([reason]);
    }
}
