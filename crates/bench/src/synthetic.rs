//! The market of Karpenter's scheduler benchmark (reference section 8.1): 400 made-up types whose price follows from
//! their size.

use jiff::civil::date;
use supercargo_api::labels::keys;
use supercargo_api::{NodePool, NodePoolSpec, Resources};
use supercargo_catalog::{CapacityType, InstanceType, Offering, PriceKind, PriceStamp, Usd};
use supercargo_engine::market::{Market, MarketError};

use crate::us_east_1::node_class_reference;

/// How many types there are.
pub const TYPES: i64 = 400;
const MIB: i64 = 1 << 20;
const GIB: i64 = 1 << 30;

/// Spot in two zones and on-demand in three, all at the price of the type.
const OFFERINGS: [(CapacityType, &str); 5] = [
    (CapacityType::Spot, "test-zone-1"),
    (CapacityType::Spot, "test-zone-2"),
    (CapacityType::OnDemand, "test-zone-1"),
    (CapacityType::OnDemand, "test-zone-2"),
    (CapacityType::OnDemand, "test-zone-3"),
];

/// Type number `index`: that many cores and one, two GiB and ten pods to the core, at $0.1 a core and $0.1 a GB. The
/// kubelet keeps 0.1 cores and 10 MiB, as with the fake provider the benchmark runs on.
fn instance_type(index: i64) -> InstanceType {
    let cores = index + 1;
    let mut capacity = Resources::new();
    capacity.set("cpu", cores * 1000);
    capacity.set("memory", cores * 2 * GIB);
    capacity.set("pods", cores * 10);
    let mut reserved = Resources::new();
    reserved.set("cpu", 100);
    reserved.set("memory", 10 * MIB);
    let price = Usd::from_f64(0.1 * cores as f64 + 0.1 * (cores * 2 * GIB) as f64 / 1e9);
    let stamp = PriceStamp::new(PriceKind::Estimate, date(2026, 7, 20));
    let offering =
        |(capacity_type, zone): (CapacityType, &str)| Offering::new(zone, "", capacity_type, price, stamp);
    let name = format!("fake-it-{index}");
    InstanceType {
        labels: crate::pods::labels([
            (keys::INSTANCE_TYPE, &name),
            (keys::ARCH, "amd64"),
            (keys::OS, "linux"),
            (keys::REGION, "test-region"),
        ]),
        name,
        allocatable: capacity.sub(&reserved),
        capacity,
        offerings: OFFERINGS.into_iter().map(offering).collect(),
        volume_attachments: 25,
    }
}

/// The compiled market.
///
/// # Errors
/// Never in practice: five kinds of offerings are far from the limit.
pub fn market() -> Result<Market, MarketError> {
    Market::compile([("default".to_owned(), (0..TYPES).map(instance_type).collect())])
}

/// One NodePool that takes any type, its limits out of reach.
pub fn node_pool() -> NodePool {
    let mut pool = NodePool::new("default", NodePoolSpec::default());
    pool.spec.template.spec.node_class_ref = node_class_reference();
    let mut limits = supercargo_api::ResourceList::default();
    for (resource, amount) in [("cpu", "10000000"), ("memory", "10000000Gi")] {
        limits.insert(
            resource.to_owned(),
            k8s_openapi::apimachinery::pkg::api::resource::Quantity(amount.to_owned()),
        );
    }
    pool.spec.limits = Some(limits);
    pool
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_those_of_reference_section_8_1() {
        let market = market().unwrap();
        let table = market.table("default").unwrap();
        assert_eq!(table.len(), 400);
        let (index, largest) =
            table.types.iter().enumerate().find(|(_, one)| one.name == "fake-it-399").unwrap();
        assert_eq!(largest.capacity.get("cpu"), 400_000);
        assert_eq!(largest.capacity.get("memory"), 800 * GIB);
        assert_eq!(largest.capacity.get("pods"), 4000);
        assert_eq!(table.offers[index].len(), 5);
        let price = 0.1 * 400.0 + 0.1 * (800 * GIB) as f64 / 1e9;
        assert!((largest.offerings[0].price.as_f64() - price).abs() < 1e-9);
    }
}
