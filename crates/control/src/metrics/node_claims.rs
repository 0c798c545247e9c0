//! NodeClaims that come and go.

use std::time::Duration;

use super::Metrics;
use super::buckets::{CLAIM_TERMINATION, INSTANCE_TERMINATION};
use super::family::families;

families! {
    /// Families about NodeClaims.
    NodeClaimFamilies {
        created: Counters<3>("karpenter_nodeclaims_created_total", ["reason", "nodepool", "min_values_relaxed"],
            "Number of nodeclaims created in total, by reason, owning nodepool, and whether minValues were relaxed"),
        terminated: Counters<3>("karpenter_nodeclaims_terminated_total", ["nodepool", "capacity_type", "zone"],
            "Number of nodeclaims terminated in total, by owning nodepool, capacity type and zone"),
        disrupted: Counters<3>("karpenter_nodeclaims_disrupted_total", ["reason", "nodepool", "capacity_type"],
            "Number of nodeclaims disrupted in total, by reason, owning nodepool and capacity type"),
        unhealthy: Counters<4>("karpenter_nodeclaims_unhealthy_disrupted_total",
            ["condition", "nodepool", "capacity_type", "image_id"],
            "Number of unhealthy nodeclaims disrupted in total, by node condition"),
        termination: Histograms<1>("karpenter_nodeclaims_termination_duration_seconds", ["nodepool"],
            "Duration from the deletion of a nodeclaim to its end, in seconds", CLAIM_TERMINATION),
        instance_termination: Histograms<1>("karpenter_nodeclaims_instance_termination_duration_seconds", ["nodepool"],
            "Duration from the termination call to the end of the instance, in seconds", INSTANCE_TERMINATION),
    }
}

impl Metrics {
    /// A NodeClaim was created, for a reason such as `provisioned`, `drifted`, `underutilized`.
    pub fn node_claim_created(&self, node_pool: &str, reason: &str, min_values_relaxed: bool) {
        let relaxed = if min_values_relaxed { "true" } else { "false" };
        self.node_claims.created.count([reason, node_pool, relaxed]);
    }

    /// A NodeClaim is gone, its instance too.
    pub fn node_claim_terminated(&self, node_pool: &str, capacity_type: &str, zone: &str) {
        self.node_claims.terminated.count([node_pool, capacity_type, zone]);
    }

    /// A NodeClaim was deleted by a controller, for a reason such as `drifted`, `empty`, `expired`, `spot_interrupted`.
    pub fn node_claim_disrupted(&self, node_pool: &str, capacity_type: &str, reason: &str) {
        self.node_claims.disrupted.count([reason, node_pool, capacity_type]);
    }

    /// A NodeClaim was deleted because its node had a bad condition.
    pub fn node_claim_unhealthy(&self, node_pool: &str, capacity_type: &str, condition: &str, image: &str) {
        self.node_claims.unhealthy.count([condition, node_pool, capacity_type, image]);
    }

    /// From the deletion of a NodeClaim to its end it took this long.
    pub fn node_claim_termination_took(&self, node_pool: &str, duration: Duration) {
        self.node_claims.termination.took([node_pool], duration);
    }

    /// From the call to the end of the instance it took this long.
    pub fn instance_termination_took(&self, node_pool: &str, duration: Duration) {
        self.node_claims.instance_termination.took([node_pool], duration);
    }
}
