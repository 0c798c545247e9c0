//! Offerings as comma-separated values, a line each. The columns keep their names and their order; new ones come last.

use supercargo_api::resources;
use supercargo_catalog::query::Match;

const HEADER: &str = "instanceType,zone,zoneId,capacityType,price,priceKind,priceDate,vcpus,memoryMiB,arch,gpus,\
                      allocatableMillicores,allocatableMemoryBytes,pods,interruption\n";

/// The types' offerings. No value can contain a comma or a quote.
pub fn offerings(shown: &[Match<'_>]) -> String {
    let mut text = HEADER.to_owned();
    for found in shown {
        let facts = found.facts;
        let allocatable = &found.instance_type.allocatable;
        let gpus: u32 = facts.gpus.iter().map(|gpu| gpu.count).sum();
        let of_type = format!(
            "{},{},{},{gpus},{},{},{},{}",
            facts.vcpus,
            facts.memory_mib,
            facts.arch.as_str(),
            allocatable.get(resources::CPU),
            allocatable.get(resources::MEMORY),
            allocatable.get(resources::PODS),
            found.interruption.map_or("", |bucket| bucket.as_str()),
        );
        for offering in &found.instance_type.offerings {
            text.push_str(&format!(
                "{},{},{},{},{},{},{},{of_type}\n",
                found.instance_type.name,
                offering.zone,
                offering.zone_id,
                offering.capacity_type,
                offering.price.to_decimal(),
                offering.price_stamp.kind,
                offering.price_stamp.date,
            ));
        }
    }
    text
}
