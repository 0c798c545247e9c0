//! What can be switched on and off.

/// Feature gates, with Karpenter's defaults (reference section 5.10).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FeatureGates {
    /// Reserved capacity is used.
    pub reserved_capacity: bool,
    /// Unhealthy nodes are replaced.
    pub node_repair: bool,
    /// Spot nodes are replaced by cheaper spot nodes.
    pub spot_to_spot_consolidation: bool,
    /// NodeOverlays count.
    pub node_overlay: bool,
    /// NodePools with replicas are kept at them.
    pub static_capacity: bool,
    /// CapacityBuffers are kept free.
    pub capacity_buffer: bool,
}

impl Default for FeatureGates {
    fn default() -> Self {
        Self {
            reserved_capacity: true,
            node_repair: false,
            spot_to_spot_consolidation: false,
            node_overlay: false,
            static_capacity: false,
            capacity_buffer: false,
        }
    }
}
