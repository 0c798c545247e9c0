//! Whether the mirrored state is complete.

use std::time::Duration;

use super::Metrics;
use super::family::families;

families! {
    /// Families about the mirrored state.
    ClusterStateFamilies {
        node_count: Gauges<0>("karpenter_cluster_state_node_count", [],
            "Current count of nodes in cluster state"),
        synced: Gauges<0>("karpenter_cluster_state_synced", [],
            "Returns 1 if cluster state is synced and 0 otherwise"),
        unsynced: Gauges<0>("karpenter_cluster_state_unsynced_time_seconds", [],
            "The time for which cluster state is not synced, in seconds"),
    }
}

impl Metrics {
    /// The state has so many nodes and claims on their way; it has been incomplete for this long, or is complete.
    pub fn cluster_state(&self, nodes: usize, unsynced: Option<Duration>) {
        self.cluster_state.node_count.set([], nodes as f64);
        self.cluster_state.synced.set([], f64::from(u8::from(unsynced.is_none())));
        self.cluster_state.unsynced.set([], unsynced.map_or(0.0, |since| since.as_secs_f64()));
    }
}
