//! Base data and tables to one market.

use std::collections::BTreeMap;
use std::path::Path;

use fixedbitset::FixedBitSet;
use supercargo_catalog::market::{InterruptionBucket, ListPrice, Market, Region, SpotFigure, Zone};
use supercargo_catalog::{Accelerator, Arch, Gpu, Hypervisor, NetworkCard, PriceKind, TypeFacts, Usd};

use super::Problem;
use super::moto::{Base, TypeRecord, extra_types};
use super::tables::{Corrections, Prices, Table, branch_interfaces, regions, spot};

/// The market out of the base data and the tables in `data`.
pub fn merge(mut base: Base, data: &Path, source: &str) -> Result<Market, Problem> {
    for (name, record) in extra_types(&data.join("extra-types.json"))? {
        if base.types.insert(name.clone(), record).is_some() {
            return Err(Problem::new(format!("{name}: in extra-types.json, but the base data has it")));
        }
    }
    let corrections = Corrections::read(&Table::read(&data.join("corrections.txt"))?)?;
    let branches = branch_interfaces(&Table::read(&data.join("branch-interfaces.txt"))?)?;
    let types: Vec<TypeFacts> = base
        .types
        .values()
        .filter_map(|record| facts(record, &corrections, &branches).transpose())
        .collect::<Result<_, _>>()?;
    let is_known = |pattern: &str| match pattern.strip_suffix(".*") {
        Some(family) => types.iter().any(|facts| facts.family() == family),
        None => types.iter().any(|facts| facts.name == pattern),
    };
    if let Some(pattern) = corrections.unused(&is_known).next() {
        return Err(Problem::new(format!("corrections.txt: {pattern} matches no type")));
    }
    let list_table = Table::read(&data.join("on-demand.txt"))?;
    let list = Prices::read(&list_table)?;
    let estimates = Prices::read(&Table::read(&data.join("on-demand-estimates.txt"))?)?;
    let on_demand = types.iter().map(|facts| price(facts, &list, &estimates)).collect();
    let known: Vec<&str> = types.iter().map(|facts| facts.name.as_str()).collect();
    let retired: Vec<(String, Usd)> = list
        .named()
        .filter(|(name, _)| known.binary_search(&name.as_str()).is_err())
        .map(|(name, price)| (name.clone(), *price))
        .collect();
    let spot_table = Table::read(&data.join("spot.txt"))?;
    let spot = spot_figures(&types, &spot(&spot_table)?);
    let regions = region_rows(&base, data, &known)?;
    Ok(Market {
        source: source.to_owned(),
        list_date: list_table.date()?,
        spot_date: spot_table.date()?,
        types,
        on_demand,
        spot,
        retired,
        regions,
    })
}

/// The facts of a record; none for Macs, which no Kubernetes node runs on.
fn facts(
    record: &TypeRecord,
    corrections: &Corrections,
    branches: &BTreeMap<String, u32>,
) -> Result<Option<TypeFacts>, Problem> {
    let name = record.instance_type.as_str();
    let speaks = |arch: &str| record.processor_info.supported_architectures.iter().any(|other| other == arch);
    let arch = match (speaks("x86_64"), speaks("arm64")) {
        (true, _) => Arch::Amd64,
        (false, true) => Arch::Arm64,
        (false, false) => return Ok(None),
    };
    let hypervisor = match (record.bare_metal, record.hypervisor.as_deref()) {
        (true, _) => Hypervisor::BareMetal,
        (false, Some("nitro")) => Hypervisor::Nitro,
        (false, Some("xen")) => Hypervisor::Xen,
        (false, other) => return Err(Problem::new(format!("{name}: unknown hypervisor {other:?}"))),
    };
    let network = &record.network_info;
    if network.network_cards.iter().enumerate().any(|(index, card)| card.network_card_index as usize != index)
    {
        return Err(Problem::new(format!("{name}: network cards are not in order")));
    }
    let cards = network.network_cards.iter().map(|card| NetworkCard {
        max_interfaces: card.maximum_network_interfaces,
        efa: card.interface_types.iter().any(|kind| kind == "efa"),
    });
    let sold_as = |class: &str| record.supported_usage_classes.iter().any(|other| other == class);
    let clock = corrections.find("clock", name).map_or_else(
        || (record.processor_info.sustained_clock_speed_in_ghz.unwrap_or_default() * 1000.0).round() as u32,
        |mhz| mhz as u32,
    );
    let storage = record.instance_storage_info.as_ref();
    let ebs = &record.ebs_info;
    let ebs_bandwidth = ebs.ebs_optimized_info.as_ref().filter(|_| ebs.ebs_optimized_support == "default");
    let branch = corrections.find("branch-interfaces", name).map(|count| count as u32);
    Ok(Some(TypeFacts {
        name: name.to_owned(),
        vcpus: record.vcpus.default,
        memory_mib: record.memory_info.size_mib,
        arch,
        cpu_manufacturer: record.processor_info.manufacturer.clone(),
        clock_mhz: clock,
        hypervisor,
        burstable: record.burstable_performance_supported,
        current_generation: record.current_generation,
        sold_on_demand: sold_as("on-demand"),
        sold_as_spot: sold_as("spot"),
        encryption_in_transit: network.encryption_in_transit_supported,
        nitro_enclaves: record.nitro_enclaves_support == "supported",
        nested_virtualization: record
            .processor_info
            .supported_features
            .iter()
            .any(|feature| feature == "nested-virtualization"),
        cluster_placement: record
            .placement_group_info
            .supported_strategies
            .iter()
            .any(|strategy| strategy == "cluster"),
        default_card: network.default_network_card_index,
        cards: cards.collect(),
        ipv4_per_interface: network.ipv4_addresses_per_interface,
        max_efa_interfaces: network.efa_info.as_ref().map_or(0, |efa| efa.maximum_efa_interfaces),
        network_bandwidth_mbps: network_bandwidth(record, corrections),
        ebs_bandwidth_mbps: ebs_bandwidth.map(|info| info.maximum_bandwidth_in_mbps),
        max_ebs_attachments: ebs.maximum_ebs_attachments,
        ebs_limit_shared: ebs.attachment_limit_type == "shared",
        instance_store_gb: storage.map(|storage| storage.total_gb),
        instance_store_nvme: storage.is_some_and(|storage| storage.nvme_support != "unsupported"),
        gpus: gpus(record),
        accelerator: accelerator(record),
        branch_interfaces: branch.or_else(|| branches.get(name).copied()).unwrap_or_default(),
    }))
}

/// The sum of the cards' baselines, unless AWS only gives a word such as "Moderate".
fn network_bandwidth(record: &TypeRecord, corrections: &Corrections) -> Option<u64> {
    let published = corrections.find("network-bandwidth", &record.instance_type);
    published.or_else(|| {
        let network = &record.network_info;
        let is_measured = network.network_performance.to_ascii_lowercase().contains("gigabit");
        let cards = network.network_cards.iter();
        is_measured.then(|| cards.map(|card| (card.baseline_bandwidth_in_gbps * 1000.0).round() as u64).sum())
    })
}

fn gpus(record: &TypeRecord) -> Vec<Gpu> {
    let devices = record.gpu_info.iter().flat_map(|info| &info.gpus);
    devices
        .map(|gpu| Gpu {
            name: gpu.name.clone(),
            manufacturer: gpu.manufacturer.clone().unwrap_or_default(),
            count: gpu.count,
            memory_mib: gpu.memory_info.size_mib,
        })
        .collect()
}

/// Neuron devices first: they tell the cores, and Trainium is only among them.
fn accelerator(record: &TypeRecord) -> Option<Accelerator> {
    let neuron = record.neuron_info.iter().flat_map(|info| &info.neuron_devices).next();
    if let Some(device) = neuron {
        return Some(Accelerator {
            name: device.name.clone(),
            manufacturer: "AWS".to_owned(),
            count: device.count,
            neuron_cores_each: device.core_info.as_ref().map_or(0, |cores| cores.count),
        });
    }
    let device = record.inference_accelerator_info.iter().flat_map(|info| &info.accelerators).next()?;
    Some(Accelerator {
        name: device.name.clone(),
        manufacturer: device.manufacturer.clone().unwrap_or_default(),
        count: device.count,
        neuron_cores_each: 0,
    })
}

fn price(facts: &TypeFacts, list: &Prices, estimates: &Prices) -> Option<ListPrice> {
    let listed = list.price(&facts.name, facts.vcpus).map(|price| ListPrice { price, kind: PriceKind::List });
    listed.or_else(|| {
        let price = estimates.price(&facts.name, facts.vcpus)?;
        Some(ListPrice { price, kind: PriceKind::Estimate })
    })
}

/// The type's own figures, else the median of its family, else the median of all types.
fn spot_figures(types: &[TypeFacts], published: &BTreeMap<String, (u8, u8)>) -> Vec<Option<SpotFigure>> {
    let all = median(published.values().copied().collect());
    let figure = |facts: &TypeFacts| {
        let own = published.get(&facts.name).copied();
        let of_family = || {
            let siblings = published
                .iter()
                .filter(|(name, _)| name.split_once('.').is_some_and(|(family, _)| family == facts.family()));
            median(siblings.map(|(_, figures)| *figures).collect())
        };
        let (saving_percent, bucket) = own.or_else(of_family).or(all)?;
        let interruption = *InterruptionBucket::ALL.get(usize::from(bucket))?;
        Some(SpotFigure { saving_percent, interruption, defaulted: own.is_none() })
    };
    types.iter().map(|facts| facts.sold_as_spot.then(|| figure(facts)).flatten()).collect()
}

/// The lower median of each figure by itself.
fn median(figures: Vec<(u8, u8)>) -> Option<(u8, u8)> {
    let middle = figures.len().checked_sub(1)? / 2;
    let (mut savings, mut buckets): (Vec<u8>, Vec<u8>) = figures.into_iter().unzip();
    savings.sort_unstable();
    buckets.sort_unstable();
    Some((savings[middle], buckets[middle]))
}

fn region_rows(base: &Base, data: &Path, known: &[&str]) -> Result<Vec<Region>, Problem> {
    let rows = regions(&Table::read(&data.join("regions.txt"))?)?;
    let sells = |types: &std::collections::BTreeSet<String>| {
        let mut sells = FixedBitSet::with_capacity(known.len());
        types
            .iter()
            .filter_map(|name| known.binary_search(&name.as_str()).ok())
            .for_each(|at| sells.insert(at));
        sells
    };
    let mut regions = Vec::new();
    for (name, zones) in &base.regions {
        let row = rows.get(name).ok_or_else(|| Problem::new(format!("regions.txt: no row for {name}")))?;
        let zones = zones.iter().map(|zone| Zone {
            name: zone.name.clone(),
            zone_id: zone.zone_id.clone(),
            sells: sells(&zone.types),
        });
        regions.push(Region {
            name: name.clone(),
            price_factor_permille: row.factor_permille,
            price_date: row.date,
            listed: row.listed,
            zones: zones.collect(),
        });
    }
    match rows.keys().find(|name| !base.regions.contains_key(*name)) {
        Some(name) => Err(Problem::new(format!("regions.txt: {name} is not in the base data"))),
        None => Ok(regions),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_lower_one_and_taken_per_figure() {
        assert_eq!(median(vec![(10, 4), (30, 0), (20, 1), (40, 3)]), Some((20, 1)));
        assert_eq!(median(vec![]), None);
    }
}
