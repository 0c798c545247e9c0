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

/// A piece of a list of gates that does not say whether a gate is on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{piece:?} does not say whether a gate is on; write NodeRepair=true,SpotToSpotConsolidation=true")]
pub struct GatesError {
    /// The piece.
    pub piece: String,
}

impl FeatureGates {
    /// Every gate: its name, and whether it is on.
    pub fn list(&self) -> [(&'static str, bool); 6] {
        [
            ("ReservedCapacity", self.reserved_capacity),
            ("NodeRepair", self.node_repair),
            ("SpotToSpotConsolidation", self.spot_to_spot_consolidation),
            ("NodeOverlay", self.node_overlay),
            ("StaticCapacity", self.static_capacity),
            ("CapacityBuffer", self.capacity_buffer),
        ]
    }

    /// Switches gates as a list says, `NodeRepair=true,NodeOverlay=false`, and leaves the others as they are. Returns the names
    /// that no gate has; what is not known is not switched. Of two of one name the last counts.
    ///
    /// # Errors
    ///
    /// [`GatesError`] on a piece without `=true` or `=false`.
    pub fn switch(&mut self, list: &str) -> Result<Vec<String>, GatesError> {
        let mut unknown = Vec::new();
        for piece in list.split(',').map(str::trim).filter(|piece| !piece.is_empty()) {
            let wrong = || GatesError { piece: piece.chars().take(80).collect() };
            let (name, on) = piece.split_once('=').ok_or_else(wrong)?;
            let on = super::reading::truth(on.trim()).ok_or_else(wrong)?;
            match name.trim() {
                "ReservedCapacity" => self.reserved_capacity = on,
                "NodeRepair" => self.node_repair = on,
                "SpotToSpotConsolidation" => self.spot_to_spot_consolidation = on,
                "NodeOverlay" => self.node_overlay = on,
                "StaticCapacity" => self.static_capacity = on,
                "CapacityBuffer" => self.capacity_buffer = on,
                other => unknown.push(other.chars().take(80).collect()),
            }
        }
        Ok(unknown)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_list_is_merged_over_the_defaults_and_unknown_names_are_told() {
        let mut gates = FeatureGates::default();
        let unknown = gates.switch("NodeRepair=true, Drift=true,NodeOverlay=1,,").unwrap();
        assert_eq!(unknown, ["Drift"]);
        let expected = FeatureGates { node_repair: true, node_overlay: true, ..FeatureGates::default() };
        assert_eq!(gates, expected);
    }

    #[test]
    fn a_gate_without_a_truth_is_refused() {
        assert_eq!(
            FeatureGates::default().switch("NodeRepair").unwrap_err().to_string(),
            "\"NodeRepair\" does not say whether a gate is on; write NodeRepair=true,SpotToSpotConsolidation=true"
        );
        assert!(FeatureGates::default().switch("NodeRepair=yes").is_err());
    }

    proptest! {
        #[test]
        fn no_list_makes_a_panic(list in "\\PC{0,60}") {
            let _ = FeatureGates::default().switch(&list);
        }
    }
}
