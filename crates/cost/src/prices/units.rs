//! Prices of a unit of something, used where no machine, volume or contract has a price of its own.

use serde::{Deserialize, Serialize};
use supercargo_catalog::Usd;

use crate::prices::PriceSource;

/// EBS volume types with us-east-1's list price of a GiB-month, in 10⁻⁹ dollars. (Reference section 1.4: the constant that
/// OpenCost uses for all of them is half of gp3's price.)
pub const VOLUME_TYPES: [(&str, i64); 7] = [
    ("gp2", 100_000_000),
    ("gp3", 80_000_000),
    ("io1", 125_000_000),
    ("io2", 125_000_000),
    ("sc1", 15_000_000),
    ("st1", 45_000_000),
    ("standard", 50_000_000),
];

/// Prices of units. All per hour unless the name says otherwise.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnitPrices {
    /// A core.
    pub core: Usd,
    /// A GiB of memory.
    pub ram_gib: Usd,
    /// A GPU.
    pub gpu: Usd,
    /// A core of a spot instance.
    pub spot_core: Usd,
    /// A GiB of memory of a spot instance.
    pub spot_ram_gib: Usd,
    /// A GPU of a spot instance.
    pub spot_gpu: Usd,
    /// A GiB of a volume of unknown type, per month of 730 hours.
    pub volume_gib_month: Usd,
    /// A GiB sent to another zone.
    pub zone_gib: Usd,
    /// A GiB sent to another region.
    pub region_gib: Usd,
    /// A GiB sent to the internet.
    pub internet_gib: Usd,
    /// A load balancer.
    pub balancer: Usd,
    /// A managed control plane.
    pub management: Usd,
    /// How much these prices are trusted for nodes: by default they are the last resort; as the user's own they come before
    /// any list.
    pub node_source: PriceSource,
}

/// A unit that has a price.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum UnitPrice {
    /// A core-hour.
    Core,
    /// A GiB-hour of memory.
    RamGib,
    /// A GPU-hour.
    Gpu,
    /// A core-hour of a spot instance.
    SpotCore,
    /// A GiB-hour of memory of a spot instance.
    SpotRamGib,
    /// A GPU-hour of a spot instance.
    SpotGpu,
    /// A GiB-month of a volume of unknown type.
    VolumeGibMonth,
    /// A GiB sent to another zone.
    ZoneGib,
    /// A GiB sent to another region.
    RegionGib,
    /// A GiB sent to the internet.
    InternetGib,
    /// An hour of a load balancer.
    Balancer,
    /// An hour of a managed control plane.
    Management,
}

/// New prices of some units.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UnitPriceChanges {
    /// Units and what they cost now.
    pub prices: Vec<(UnitPrice, Usd)>,
    /// Whether all nodes cost what their parts cost, whatever lists say.
    pub for_all_nodes: bool,
}

impl UnitPrices {
    /// Changes some prices.
    pub fn apply(&mut self, changes: &UnitPriceChanges) {
        for (unit, price) in &changes.prices {
            let field = match unit {
                UnitPrice::Core => &mut self.core,
                UnitPrice::RamGib => &mut self.ram_gib,
                UnitPrice::Gpu => &mut self.gpu,
                UnitPrice::SpotCore => &mut self.spot_core,
                UnitPrice::SpotRamGib => &mut self.spot_ram_gib,
                UnitPrice::SpotGpu => &mut self.spot_gpu,
                UnitPrice::VolumeGibMonth => &mut self.volume_gib_month,
                UnitPrice::ZoneGib => &mut self.zone_gib,
                UnitPrice::RegionGib => &mut self.region_gib,
                UnitPrice::InternetGib => &mut self.internet_gib,
                UnitPrice::Balancer => &mut self.balancer,
                UnitPrice::Management => &mut self.management,
            };
            *field = *price;
        }
        if changes.for_all_nodes {
            self.node_source = PriceSource::Custom;
        }
    }
}

impl Default for UnitPrices {
    /// Reference sections 4.1 and 4.6; volumes at gp3's list price, internet traffic at us-east-1's first tier.
    fn default() -> UnitPrices {
        UnitPrices {
            core: Usd::from_nanos(31_611_000),
            ram_gib: Usd::from_nanos(4_237_000),
            gpu: Usd::from_nanos(950_000_000),
            spot_core: Usd::from_nanos(6_655_000),
            spot_ram_gib: Usd::from_nanos(892_000),
            spot_gpu: Usd::from_nanos(308_000_000),
            volume_gib_month: Usd::from_nanos(80_000_000),
            zone_gib: Usd::from_nanos(10_000_000),
            region_gib: Usd::from_nanos(10_000_000),
            internet_gib: Usd::from_nanos(90_000_000),
            balancer: Usd::from_nanos(25_000_000),
            management: Usd::from_nanos(100_000_000),
            node_source: PriceSource::Default,
        }
    }
}
