//! Prices of a unit of something, used where no machine, volume or contract has a price of its own.

use supercargo_catalog::Usd;

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
#[derive(Clone, Debug, PartialEq, Eq)]
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
        }
    }
}
