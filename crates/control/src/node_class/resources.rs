//! What launches need of a class's resources and its status has no place for: how much of a reservation is free.

use supercargo_cloud::{CapacityReservation, PlacementGroup};

/// The resources of a class as they were last seen.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ClassResources {
    /// Its capacity reservations with their free instances, in order of ids.
    pub reservations: Vec<CapacityReservation>,
    /// Its placement group, if it selects one.
    pub placement_group: Option<PlacementGroup>,
}
