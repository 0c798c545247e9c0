//! CreateFleet of type instant: many offerings in, instances out, and an error for each offering that could not be had.

use supercargo_catalog::CapacityType;

use crate::Tags;

/// What is bought.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PurchaseOption {
    /// At the list price; also instances in an on-demand capacity reservation.
    OnDemand,
    /// Spare capacity.
    Spot,
    /// Capacity of a capacity block.
    CapacityBlock,
    /// Capacity of an interruptible capacity reservation.
    InterruptibleReservation,
}

impl PurchaseOption {
    /// EC2's word: `on-demand`, `spot`, `capacity-block`, `interruptible-capacity-reservation`.
    pub const fn as_str(self) -> &'static str {
        match self {
            PurchaseOption::OnDemand => "on-demand",
            PurchaseOption::Spot => "spot",
            PurchaseOption::CapacityBlock => "capacity-block",
            PurchaseOption::InterruptibleReservation => "interruptible-capacity-reservation",
        }
    }
}

/// How EC2 chooses among offerings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AllocationStrategy {
    /// Spot: deep pools first, among them the cheap ones.
    PriceCapacityOptimized,
    /// Spot: the deepest pool.
    CapacityOptimized,
    /// Spot: deep pools, among them by priority.
    CapacityOptimizedPrioritized,
    /// Spot: spread over all pools.
    Diversified,
    /// The cheapest.
    LowestPrice,
    /// On demand: by priority, the lowest number first.
    Prioritized,
}

impl AllocationStrategy {
    /// EC2's word: `price-capacity-optimized`.
    pub const fn as_str(self) -> &'static str {
        match self {
            AllocationStrategy::PriceCapacityOptimized => "price-capacity-optimized",
            AllocationStrategy::CapacityOptimized => "capacity-optimized",
            AllocationStrategy::CapacityOptimizedPrioritized => "capacity-optimized-prioritized",
            AllocationStrategy::Diversified => "diversified",
            AllocationStrategy::LowestPrice => "lowest-price",
            AllocationStrategy::Prioritized => "prioritized",
        }
    }
}

/// One offering that would do.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FleetOverride {
    /// `m7i.2xlarge`.
    pub instance_type: String,
    /// The subnet, and with it the zone.
    pub subnet_id: String,
    /// The zone: `us-east-1a`.
    pub zone: String,
    /// The machine image; that of the launch template if absent.
    pub image_id: Option<String>,
    /// The lower, the rather, for strategies that look at it.
    pub priority: Option<f64>,
}

/// A launch template and the offerings it is for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FleetConfig {
    /// Name of the launch template; its newest version is used.
    pub launch_template: String,
    /// The offerings.
    pub overrides: Vec<FleetOverride>,
}

/// A request for instances, now.
#[derive(Clone, Debug, PartialEq)]
pub struct FleetRequest {
    /// Launch templates with offerings.
    pub configs: Vec<FleetConfig>,
    /// How many instances.
    pub target_capacity: u32,
    /// What is bought.
    pub purchase: PurchaseOption,
    /// How EC2 chooses among the offerings.
    pub strategy: AllocationStrategy,
    /// Tags of the instances and their volumes.
    pub instance_tags: Tags,
    /// Tags of the fleet.
    pub fleet_tags: Tags,
    /// Reserved by EC2 (row E20).
    pub context: Option<String>,
    /// The same token gets the same answer, without a second launch.
    pub client_token: Option<String>,
    /// Only ask whether it would be allowed.
    pub dry_run: bool,
}

impl FleetRequest {
    /// All offerings, in order.
    pub fn overrides(&self) -> impl Iterator<Item = &FleetOverride> {
        self.configs.iter().flat_map(|config| &config.overrides)
    }
}

/// Instances of one offering.
#[derive(Clone, Debug, PartialEq)]
pub struct FleetInstances {
    /// Name of the launch template.
    pub launch_template: String,
    /// The offering.
    pub chosen: FleetOverride,
    /// How they are paid for.
    pub capacity_type: CapacityType,
    /// Their ids.
    pub instance_ids: Vec<String>,
}

/// Why an offering could not be had.
#[derive(Clone, Debug, PartialEq)]
pub struct FleetError {
    /// Name of the launch template.
    pub launch_template: String,
    /// The offering.
    pub refused: FleetOverride,
    /// What was to be bought.
    pub purchase: PurchaseOption,
    /// EC2's code: `InsufficientInstanceCapacity`.
    pub code: String,
    /// EC2's sentence.
    pub message: String,
}

/// What came of a request. There may be fewer instances than wanted, or none.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FleetAnswer {
    /// `fleet-…`.
    pub fleet_id: String,
    /// The instances, by offering.
    pub instances: Vec<FleetInstances>,
    /// The offerings that were tried and could not be had.
    pub errors: Vec<FleetError>,
}

impl FleetAnswer {
    /// Ids of all instances.
    pub fn instance_ids(&self) -> impl Iterator<Item = &str> {
        self.instances.iter().flat_map(|group| &group.instance_ids).map(String::as_str)
    }
}
